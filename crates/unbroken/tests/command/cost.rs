//! `unbroken cost`: exact prices by flags and by lines, reports in every form, and honest errors.

use crate::world::{Finished, PROMPT, World};
use mock_provider::Config;
use serde_json::{Value, json};

fn run(arguments: &[&str]) -> Finished {
    let world = World::with_faults("");
    world.run(&[&["cost"], arguments].concat())
}

fn object(arguments: &[&str]) -> Value {
    let finished = run(arguments);
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    serde_json::from_str(finished.text()).expect("one object")
}

#[track_caller]
fn check(arguments: &[&str], usd: &str) {
    assert_eq!(object(&[&["price"], arguments].concat())["usd"], usd, "{arguments:?}");
}

const AT: [&str; 2] = ["--at", "2026-11-23T12:00:00Z"];

#[test]
fn counts_have_an_exact_price() {
    let counts = r#"{"input":2000,"output":1500}"#;
    check(&["--model", "claude-opus-4-5", "--usage", counts], "0.0475");
    check(&["--model", "anthropic/claude-sonnet-4-5", "--usage", counts], "0.0285");
    check(&["--model", "gpt-5.5", "--tier", "flex", "--usage", counts], "0.0275");
    check(&["--model", "claude-haiku-5-5", "--region", "us", "--usage", counts], "0.001045");
    let peak = ["--model", "deepseek-flash", "--usage", counts, "--at", "2026-11-25T02:00:00Z"];
    check(&peak, "0.0024");
    let saturday = ["--model", "deepseek-flash", "--usage", counts, "--at", "2026-11-28T02:00:00Z"];
    check(&saturday, "0.0012");
    let long = r#"{"input":272001}"#;
    check(&["--model", "gpt-5.5", "--usage", long], "2.72001");
}

#[test]
fn an_answer_says_which_prices_it_is_made_from() {
    let counts = r#"{"cache_read":1000,"output":10,"web_searches":1}"#;
    let answer =
        object(&[&["price", "--model", "claude-sonnet-4-0", "--usage", counts], &AT[..]].concat());
    assert_eq!((&answer["model"], &answer["at"]), (&json!("claude-sonnet-4"), &json!(AT[1])));
    let rows = answer["prices"].as_array().expect("rows");
    let of = |name: &str| rows.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("bucket"), ["cache_read", "output", "web_searches"]);
    assert_eq!(of("usd_per_million"), ["0.3", "15", "10000"]);
    assert_eq!(of("usd"), ["0.0003", "0.00015", "0.01"]);
    assert!(rows.iter().all(|row| row["source"].is_string() && row["checked"].is_string()));
}

#[test]
fn payloads_of_providers_are_priced() {
    let anthropic = r#"{"model":"claude-sonnet-4-5-20250929","usage":{"input_tokens":100,
        "cache_read_input_tokens":1000,"cache_creation_input_tokens":300,
        "cache_creation":{"ephemeral_5m_input_tokens":100,"ephemeral_1h_input_tokens":200},
        "output_tokens":50}}"#;
    check(&["--provider", "anthropic", "--raw-usage", "--usage", anthropic], "0.002925");
    let chat = r#"{"prompt_tokens":2000,"completion_tokens":100,
        "prompt_tokens_details":{"cached_tokens":1000}}"#;
    check(&["--model", "gpt-5", "--raw-usage", "--usage", chat], "0.002375");
    let gemini = r#"{"usageMetadata":{"promptTokenCount":1000,"candidatesTokenCount":100,
        "thoughtsTokenCount":300,"totalTokenCount":1400}}"#;
    check(&["--model", "gemini-2.5-pro", "--raw-usage", "--usage", gemini], "0.00525");
    let responses = r#"{"model":"gpt-5.4","usage":{"input_tokens":1000,"output_tokens":100,
        "input_tokens_details":{"cached_tokens":200},"total_tokens":1100}}"#;
    check(&["--provider", "openai", "--raw-usage", "--usage", responses], "0.00355");
    let recorded = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\
        \"model\":\"claude-opus-4-5\",\"usage\":{\"input_tokens\":1000,\"output_tokens\":1}}}\n\n\
        event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":100}}\n\n";
    check(&["--provider", "anthropic", "--raw-usage", "--usage", recorded], "0.0075");
}

#[test]
fn lines_are_answered_in_order_and_one_without_a_price_fails_alone() {
    let world = World::with_faults("");
    let file = world.home().join("usage.jsonl");
    let lines = [
        r#"{"id":7,"model":"gpt-5","usage":{"input":1000000}}"#,
        "",
        r#"{"id":"b","provider":"anthropic","model":"gpt-5","usage":{}}"#,
        r#"{"provider":"deepseek","model":"deepseek-flash","at":"2026-11-28T00:00:00Z","raw_usage":
            {"prompt_tokens":100,"completion_tokens":0,"prompt_cache_hit_tokens":100,"prompt_cache_miss_tokens":0}}"#,
        r#"{"model":"gpt-5","usage":{"input":1.5}}"#,
        "not JSON",
    ];
    let text = lines.map(|line| line.replace('\n', " ")).join("\n");
    std::fs::write(&file, text).expect("a file");
    let file = file.to_str().expect("UTF-8");
    let finished = world.run(&["cost", "price", "--batch", file]);
    assert_eq!(finished.status, Some(1));
    let stdout = finished.text();
    let answers: Vec<Value> =
        stdout.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    assert_eq!(answers.len(), 5);
    assert_eq!((&answers[0]["id"], &answers[0]["usd"]), (&json!(7), &json!("1.25")));
    assert_eq!(answers[1]["id"], "b");
    assert!(answers[1]["error"].as_str().expect("an error").contains("gpt-5"));
    assert_eq!(answers[2]["usd"], "0.0000003");
    assert!(answers[3]["error"].as_str().expect("an error").contains("usage"));
    assert!(answers[4]["error"].is_string());
    assert_eq!((&answers[3]["line"], &answers[4]["line"]), (&json!(5), &json!(6)));
    assert!(finished.stderr.contains("3 of 6 lines"), "{}", finished.stderr);
}

#[test]
fn an_unknown_model_is_an_error_with_near_names() {
    let finished = run(&["price", "--model", "claude-opus-4-55", "--usage", "{}"]);
    assert_eq!(finished.status, Some(1));
    assert_eq!(finished.text(), "");
    assert!(finished.stderr.contains("claude-opus-4-5"), "{}", finished.stderr);
}

#[test]
fn a_sheet_of_ones_own_lies_on_top() {
    let world = World::with_faults("");
    let file = world.home().join("prices.toml");
    let sheet = r#"
        provider = "house"
        [[model]]
        id = "house-1"
        [[model.price]]
        rates = { input = "0.5", output = "2" }
        source = "our contract"
        checked = "2026-11-01"
    "#;
    std::fs::write(&file, sheet).expect("a file");
    let prices = file.to_str().expect("UTF-8");
    let counts = r#"{"input":1000000,"output":1000000}"#;
    let arguments = ["cost", "price", "--model", "house-1", "--usage", counts, "--prices", prices];
    let finished = world.run(&arguments);
    let answer: Value = serde_json::from_str(finished.text()).expect("one object");
    assert_eq!(answer["usd"], "2.5");

    std::fs::write(&file, sheet.replace("\"0.5\"", "0.5")).expect("a file");
    let finished = world.run(&arguments);
    assert_eq!(finished.status, Some(2));
    assert!(finished.stderr.contains("prices.toml"), "{}", finished.stderr);
}

#[test]
fn the_report_has_the_figures_of_its_formula_in_every_form() {
    for form in ["text", "json", "csv", "markdown", "html"] {
        let finished =
            run(&["report", "--input-price", "15", "--output-price", "75", "--format", form]);
        assert_eq!(finished.status, Some(0), "{}", finished.stderr);
        let stdout = finished.text().replace(',', "");
        for figure in ["1425", "1429.5", "1265.07", "1263.69", "11.32", "18.95"] {
            assert!(stdout.contains(figure), "{form} without {figure}: {stdout}");
        }
    }
}

#[test]
fn a_report_of_ones_own_scenario_goes_to_a_file() {
    let world = World::with_faults("");
    let file = world.home().join("report.json");
    let out = file.to_str().expect("UTF-8");
    let finished = world.run(&[
        "cost",
        "report",
        "--model",
        "claude-sonnet-4-5",
        "--scenario",
        "a=b=0.5,0.1",
        "--format",
        "json",
        "--out",
        out,
    ]);
    assert_eq!(finished.text(), "");
    let text = std::fs::read_to_string(file).expect("a file");
    assert!(text.contains("a=b") && text.contains("\"285\""), "{text}");
}

#[test]
fn a_break_has_its_price_by_each_way() {
    let answer = object(&["resume", "--model", "claude-sonnet-4-5", "--break-at", "0.5", "--json"]);
    let totals: Vec<_> = answer["ways"]
        .as_array()
        .expect("ways")
        .iter()
        .map(|way| way["total_usd"].clone())
        .collect();
    assert_eq!(totals, ["0.04575", "0.03675", "0.03717"]);
    assert_eq!(answer["message_pays_above"], 35);
    assert_eq!(answer["cache_write_5m_pays_above"], "27.78");
    let thinking = run(&["resume", "--model", "claude-sonnet-4-5", "--thinking", "1000"]);
    let text = thinking.text();
    assert!(text.contains("above 1285 delivered tokens"), "{text}");
}

#[test]
fn a_continuation_above_the_limit_of_a_tier_is_as_dear_as_it_is_billed() {
    let arguments = ["--model", "claude-haiku-5-5", "--prompt", "99999", "--break-at", "0.9"];
    let answer = object(&[&["resume", "--json"], &arguments[..]].concat());
    assert_eq!(answer["ways"][1]["resumed_usd"], "0.0510495");
    let counts = r#"{"input":101349,"output":150}"#;
    check(&["--model", "claude-haiku-5-5", "--usage", counts], "0.0510495");
}

#[test]
fn models_are_listed_by_any_of_their_names() {
    let fable = run(&["models", "fable"]);
    let stdout = fable.text();
    assert!(stdout.contains("claude-fable-5-1"), "{stdout}");
    let lines = run(&["models", "gpt-5.5", "--json"]);
    let line = lines.text().lines().next().expect("a line");
    let line: Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(line["usd_per_million"]["output"], "30");
    assert_eq!(run(&["models", "no-such-model"]).status, Some(1));
}

#[test]
fn a_stream_ends_with_what_it_cost() {
    let world = World::with_faults("rst@20,ok");
    let finished = world.run_at_server(&["stream", "--json", PROMPT]);
    finished.assert_status(0);
    let end: Value =
        serde_json::from_str(finished.text().lines().last().expect("an end")).expect("an object");
    let cost = &end["cost"];
    assert!(cost["usd"].is_string() && cost["estimated"] == true, "{end}");
    let attempts = end["attempts"].as_array().expect("attempts");
    assert!(attempts.iter().all(|attempt| attempt["usd"].is_string()), "{end}");

    let unknown = ["stream", "--json", "--model", "house-1", "--profile", "vllm", PROMPT];
    let finished = world.run_at_server(&[&unknown[..], &["--protocol", "openai-chat"]].concat());
    finished.assert_status(0);
    let end: Value =
        serde_json::from_str(finished.text().lines().last().expect("an end")).expect("an object");
    assert!(end["cost"].is_null(), "unknown is not nothing: {end}");
}

#[test]
fn a_spent_budget_keeps_the_checkpoint_and_a_larger_one_goes_on() {
    let world = World::new(Config { tokens: 2_000, ..Config::default() });
    let arguments = ["stream", "--max-tokens", "4000", "--budget", "0.002", PROMPT];
    let cut = world.run_at_server(&arguments);
    cut.assert_status(75);
    assert!(cut.stderr.contains("budget spent"), "{}", cut.stderr);
    let id = cut.id();
    let length = cut.text().len().to_string();
    world.run_at_server(&["resume", &id, "--budget", "0.002"]).assert_status(75);
    let rest = world.run_at_server(&["resume", &id, "--from", &length, "--budget", "5"]);
    rest.assert_status(0);
    assert_eq!([cut.text(), rest.text()].concat(), world.text());

    let none = world.run_at_server(&["stream", "--budget", "0", PROMPT]);
    none.assert_status(2);
    let model = ["stream", "--budget", "1", "--model", "house-1", PROMPT];
    let unpriced = world.run_at_server(&model);
    unpriced.assert_status(1);
    assert!(unpriced.stderr.contains("not known"), "{}", unpriced.stderr);
}

#[test]
fn a_batch_begins_nothing_more_when_its_budget_is_spent() {
    let world = World::new(Config { tokens: 400, ..Config::default() });
    let jobs = world.home().join("jobs.jsonl");
    let lines: String = (0..12)
        .map(|n| format!("{{\"id\":\"q{n}\",\"prompt\":\"Tell me about {n}\"}}\n"))
        .collect();
    std::fs::write(&jobs, lines).expect("a file");
    let out = world.home().join("answers");
    let (jobs, out) = (jobs.to_str().expect("UTF-8"), out.to_str().expect("UTF-8"));
    let arguments = ["batch", "--jobs", jobs, "--out", out, "--concurrency", "2"];
    let budget = [&arguments[..], &["--budget", "0.005"]].concat();
    let cut = world.run_at_server(&budget);
    cut.assert_status(75);
    assert!(cut.stderr.contains("budget of this run is spent"), "{}", cut.stderr);
    assert!(world.ledger().requests.len() < 12);
    let rest = world.run_at_server(&arguments);
    rest.assert_status(0);
    assert!(rest.text().contains(" USD"), "{}", rest.text());
}
