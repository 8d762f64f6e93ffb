//! Where an answer goes on when the first server fails for good, and with which key.

use mock_provider::{ApiKey, Authorization, Config};
use serde_json::Value;

use crate::world::{Finished, PROMPT, Started, World, faults};

const KEY: &str = "k3y-value-0123456789";
const OTHER_KEY: &str = "0ther-k3y-9876543210";

fn run(world: &World, fallback: &str, flags: &[&str]) -> Finished {
    let place = ["--base-url", world.url(), "--fallback", fallback, "--deadline", "30s"];
    let arguments = [&["stream", "--json", "--max-attempts", "2", PROMPT], &place[..], flags];
    let mut command = world.command(&arguments.concat());
    command.env("ANTHROPIC_API_KEY", KEY).env("OTHER_KEY", OTHER_KEY);
    Started::from(command.spawn().expect("the command starts")).finish(Vec::new())
}

fn attempts(run: &Finished) -> Vec<Value> {
    let last = run.text().lines().last().expect("an object");
    let end: Value = serde_json::from_str(last).expect("JSON");
    assert_eq!(end["type"], "end", "{end}");
    end["attempts"].as_array().expect("attempts").clone()
}

#[test]
fn another_model_at_another_server_goes_on_and_is_named() {
    let first = World::with_faults("rst@30,rst@0,rst@0,rst@0");
    let second = World::new(Config::default());
    let fallback = format!("{}=house-model", second.url());
    let run = run(&first, &fallback, &[]);
    run.assert_status(0);
    let attempts = attempts(&run);
    let last = attempts.last().unwrap();
    assert_eq!(last["model"], "house-model", "{last}");
    assert!(last["endpoint"].as_str().unwrap().starts_with(second.url()), "{last}");
    assert_eq!(attempts[0]["model"], "claude-haiku-4-5");
    let asked = second.ledger();
    assert_eq!(asked.requests[0].model, "house-model");
    assert_eq!(
        asked.requests[0].authorization,
        Authorization::Absent,
        "the key is the first one's"
    );
}

#[test]
fn a_fallback_has_the_key_of_its_variable() {
    let refuses = World::new(Config { api_key: Some(ApiKey::from("none")), ..Config::default() });
    let api_key = Some(ApiKey::from(OTHER_KEY));
    let second = World::new(Config { api_key, ..Config::default() });
    let run = run(&refuses, second.url(), &["--fallback-key-env", "OTHER_KEY"]);
    run.assert_status(0);
    assert_eq!(second.ledger().requests[0].authorization, Authorization::Accepted);
    assert!(!run.stderr.contains(OTHER_KEY) && !run.text().contains(OTHER_KEY));
}

#[test]
fn another_model_of_the_same_server_has_its_key() {
    let api_key = Some(ApiKey::from(KEY));
    let faults = faults("rst@0,rst@0");
    let world = World::new(Config { api_key, faults, ..Config::default() });
    let fallback = format!("{}=small-model", world.url());
    run(&world, &fallback, &[]).assert_status(0);
    let requests = world.ledger().requests;
    assert_eq!(requests.last().unwrap().model, "small-model");
    assert_eq!(requests.last().unwrap().authorization, Authorization::Accepted);
}

#[test]
fn a_fallback_that_is_none_is_a_usage_error() {
    let world = World::new(Config::default());
    for fallback in ["ftp://host", "=model", "http://host="] {
        run(&world, fallback, &[]).assert_status(2);
    }
    run(&world, "http://127.0.0.1:1", &["--fallback-key-env", "NOT_SET"]).assert_status(2);
    assert_eq!(world.ledger().totals.requests, 0);
}
