//! Reports with hostile names and extreme amounts, in every form: nothing breaks out of its place, nothing
//! panics, and what is drawn lies where the amounts say.
#![cfg(feature = "report")]

use std::collections::BTreeSet;

use cost::{
    Assumptions, Format, Money, Rates, Report, Row, Scenario, Share, UnknownFormat, Waste, Workload,
};
use roxmltree::{Document, Node, ParsingOptions};

const SVG: &str = "http://www.w3.org/2000/svg";

/// Each tries to break one form, and must be harmless in all of them.
const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>\"'&amp;",
    "]]>--><!-- </title></style>",
    "a|b `c` ``d`` \\| *e* [f](g) <h>",
    "# one\n\n| two | three |\r\n---",
    "=HYPERLINK(\"http://example.com\")",
    "\t+1",
    "-1,\"2\"",
    "@SUM(A1)",
    "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{0}\u{7f}",
    "\u{202e}desrever\u{2028}\u{feff}\u{ffff}",
    "",
    " \n ",
    "缓存命中 🚀 e\u{301}",
    "a long name a long name a long name a long name a long name a long name a long name a long name",
];

fn share(text: &str) -> Share {
    text.parse().expect("a share")
}

fn scenario(name: &str, cache_hits: &str, breaks: &str) -> Scenario {
    Scenario { name: name.to_owned(), cache_hits: share(cache_hits), breaks: share(breaks) }
}

fn rates(input: &str, output: &str, read: &str, write: &str) -> Rates {
    let [input, output, cache_read, cache_write_5m] =
        [input, output, read, write].map(|text| text.parse().ok());
    Rates { input, output, cache_read, cache_write_5m, ..Rates::default() }
}

fn opus() -> Rates {
    rates("15", "75", "1.50", "18.75")
}

const WORKLOAD: Workload = Workload { requests: 10_000, input: 2_000, output: 1_500 };

fn claiming(claimed: &str) -> Assumptions {
    Assumptions { claimed: Some(share(claimed)), ..Assumptions::default() }
}

#[track_caller]
fn report(rates: Rates, workload: Workload, scenarios: Vec<Scenario>, claimed: &str) -> Report {
    let report = Report::new("m".to_owned(), rates, workload, scenarios, claiming(claimed));
    report.expect("it has a price")
}

fn three() -> Report {
    let scenarios = vec![
        scenario("basic", "0", "0.03"),
        scenario("caching", "0.6", "0.03"),
        scenario("optimised", "0.6", "0.01"),
    ];
    report(opus(), WORKLOAD, scenarios, "0.23")
}

/// Hostile scenarios, of which the last one is in the claim, for a model of the same name.
fn hostile(last: &str) -> Report {
    let names = HOSTILE.iter().chain([&last]);
    let scenarios = names.map(|name| scenario(name, "0.6", "0.03")).collect();
    Report { model: last.to_owned(), ..report(opus(), WORKLOAD, scenarios, "0.23") }
}

/// Parses a page as XML and checks what holds for every one.
#[track_caller]
fn check_page<T>(page: &str, look: impl FnOnce(&Document<'_>) -> T) -> T {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(page, options).expect("a well-formed page");
    let elements: Vec<Node<'_, '_>> = document.descendants().filter(Node::is_element).collect();
    let ids: Vec<&str> = elements.iter().filter_map(|node| node.attribute("id")).collect();
    assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "an id is there twice");
    for node in &elements {
        let name = node.tag_name().name();
        assert!(
            !["script", "a", "img", "link", "iframe", "use", "image"].contains(&name),
            "{name}"
        );
        for attribute in node.attributes() {
            let active = ["href", "src", "style"].contains(&attribute.name());
            assert!(!active && !attribute.name().starts_with("on"), "{attribute:?}");
            assert!(!attribute.value().contains("url("), "{attribute:?}");
        }
        if name == "table" {
            assert!(node.first_element_child().expect("a child").has_tag_name("caption"));
        }
        if name == "th" {
            assert!(node.attribute("scope").is_some());
        }
        if node.attribute("role") == Some("img") {
            let labels = node.attribute("aria-labelledby").expect("a label");
            assert!(labels.split(' ').all(|label| ids.contains(&label)), "{labels}");
            let mut children = node.children().filter(Node::is_element);
            assert!(children.next().expect("a title").has_tag_name((SVG, "title")));
            assert!(children.next().expect("a description").has_tag_name((SVG, "desc")));
        }
    }
    look(&document)
}

fn text_of(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect()
}

#[test]
fn names_are_text_in_a_page() {
    for last in HOSTILE {
        let page = hostile(last).render(Format::Html);
        assert!(!page.contains("<bdi><"), "{page}");
        let headers = check_page(&page, |document| {
            let headers = document.descendants();
            let headers = headers.filter(|node| node.attribute("scope") == Some("rowgroup"));
            headers.map(text_of).collect::<Vec<String>>()
        });
        assert_eq!(headers.len(), HOSTILE.len() + 1);
        assert!(headers[0].starts_with("<script>alert(1)</script>\"'&amp; cache hits 60 %"));
        assert!(headers[9].starts_with("\u{fffd}desrever \u{fffd}\u{fffd} "), "{}", headers[9]);
        assert!(headers[10].starts_with("(no name) "));
    }
}

#[test]
fn names_come_back_from_json_as_they_were() {
    let json = hostile(HOSTILE[8]).render(Format::Json);
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(value["model"], HOSTILE[8]);
    for (at, name) in HOSTILE.iter().enumerate() {
        assert_eq!(value["scenarios"][at]["name"], *name);
    }
    assert!(json.chars().all(|char| char == '\n' || !char.is_control()));
}

/// The cells of a table of RFC 4180, read by its letter.
fn records(csv: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut is_quoted = false;
    let mut chars = csv.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' if is_quoted && chars.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => record.push(std::mem::take(&mut cell)),
            '\n' if !is_quoted => {
                record.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            char => cell.push(char),
        }
    }
    assert!(cell.is_empty() && record.is_empty(), "the last line ends");
    records
}

#[test]
fn no_name_breaks_a_record_or_runs_as_a_formula() {
    for last in HOSTILE {
        let records = records(&hostile(last).render(Format::Csv));
        assert_eq!(records.len(), 1 + 4 * (HOSTILE.len() + 1));
        for record in &records {
            assert_eq!(record.len(), 26, "{record:?}");
            for name in [&record[0], &record[7]] {
                assert!(!name.trim_start().starts_with(['=', '+', '-', '@', '\t']), "{name:?}");
            }
        }
        assert_eq!(records[1][0], HOSTILE[0]);
        assert_eq!(records[17][0], "'=HYPERLINK(\"http://example.com\")");
        assert_eq!(records[13][0], HOSTILE[3]);
    }
}

#[test]
fn no_name_breaks_a_table_of_markdown() {
    for last in HOSTILE {
        let text = hostile(last).render(Format::Markdown);
        let (_, table) = text.split_once("## Scenarios\n\n").expect("a table");
        let lines: Vec<&str> = table.lines().take_while(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), 2 + 4 * (HOSTILE.len() + 1));
        for line in lines {
            let unescaped = line.replace("\\\\", "").replace("\\|", "");
            assert_eq!(unescaped.matches('|').count(), 8, "{line}");
            assert!(!line.replace("\\<", "").contains('<'), "{line}");
        }
        assert!(text.chars().all(|char| char == '\n' || !char.is_control()));
    }
}

#[test]
fn no_control_character_of_a_name_reaches_the_terminal() {
    for last in HOSTILE {
        let text = hostile(last).render(Format::Text);
        assert!(text.chars().all(|char| char == '\n' || !char.is_control()));
        assert!(!text.contains(['\u{202e}', '\u{2028}']));
    }
    assert!(hostile("\u{1b}[2J").render(Format::Text).contains("Cost of \\u{1b}[2J\n"));
}

#[test]
fn a_terminal_of_80_columns_is_wide_enough() {
    let text = three().render(Format::Text);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let long = hostile("x").render(Format::Text);
    let line = long.lines().find(|line| line.starts_with("a long name")).expect("the name");
    assert_eq!(line, HOSTILE[HOSTILE.len() - 1]);
}

/// All forms of a report with extreme amounts, each checked as far as its syntax goes.
#[track_caller]
fn check_extreme(report: &Report) -> [String; 5] {
    let forms = Format::ALL.map(|format| report.render(format));
    let [text, json, csv, _, html] = &forms;
    assert!(forms.iter().all(|form| form.ends_with('\n')));
    assert!(text.lines().all(|line| line == line.trim_end()));
    let value: serde_json::Value = serde_json::from_str(json).expect("JSON");
    assert_eq!(value["scenarios"].as_array().map(Vec::len), Some(report.rows.len()));
    assert!(records(csv).iter().all(|record| record.len() == 26));
    check_page(html, |document| {
        let bars = document.descendants().filter(|node| node.has_tag_name((SVG, "rect")));
        assert_eq!(bars.count(), 4 * report.rows.len());
        for label in document.descendants().filter(|node| node.has_tag_name((SVG, "text"))) {
            let label = text_of(label);
            assert!(label.chars().count() <= 33, "{label}");
        }
    });
    forms
}

#[test]
fn a_report_of_nothing_is_readable() {
    let nothing = Workload { requests: 0, input: 0, output: 0 };
    check_extreme(&report(opus(), nothing, vec![scenario("a", "0", "0")], "0"));
    let free = rates("0", "0", "0", "0");
    let [text, ..] = check_extreme(&report(free, WORKLOAD, vec![scenario("a", "0.5", "1")], "0.5"));
    assert!(text.contains("saves 0.00 % in the scenario `a`, not 50 %;"), "{text}");
}

#[test]
fn what_is_more_than_a_base_of_nothing_has_no_percentage() {
    let rates = rates("0", "0", "0", "1");
    let report = report(rates, WORKLOAD, vec![scenario("a", "0.5", "0")], "0");
    let [text, json, csv, markdown, html] = check_extreme(&report);
    assert!(text.contains("-10.00     n/a"), "{text}");
    assert!(json.contains("\"saved_usd\": \"-10\", \"saved_percent\": null"), "{json}");
    assert!(csv.contains("restart,10,-10,,"), "{csv}");
    assert!(markdown.contains("| -10.00 | n/a |"), "{markdown}");
    assert!(html.contains(">n/a</td>"));
}

#[test]
fn huge_and_tiny_sums_are_readable() {
    let scenarios = || vec![scenario("a", "0", "1"), scenario("b", "1", "0")];
    let dear = rates("9000000", "9000000", "1", "9000000");
    let huge = Workload { requests: 10_000_000, input: 400_000, output: 400_000 };
    let [text, .., html] = check_extreme(&report(dear, huge, scenarios(), "0.45"));
    assert!(text.contains("72,000,000,000,000.00 USD, no cache"), "{text}");
    assert!(text.contains("no less than the claimed 45 %"), "{text}");
    assert!(html.contains("in billion USD</title>"));

    let cheap = rates("0.000001", "0.000001", "0", "0");
    let tiny = Workload { requests: 1, input: 1, output: 1 };
    let [text, .., html] = check_extreme(&report(cheap, tiny, scenarios(), "0.5"));
    assert!(text.contains("0.0000000000020000 USD, no cache"), "{text}");
    assert!(html.contains("in billionths of a US cent</title>"));
}

#[test]
fn a_claim_about_more_than_can_be_multiplied_is_compared() {
    let workload = Workload { requests: 10_000_000, input: 1, output: 40_000_000 };
    let rates = rates("0.000001", "9000000", "0", "0");
    let [text, ..] = check_extreme(&report(rates, workload, vec![scenario("a", "1", "0")], "0.9"));
    assert!(text.contains("saves 0.00 % in the scenario `a`, not 90 %;"), "{text}");
}

#[test]
fn no_amount_of_a_report_made_by_hand_is_a_panic() {
    let amounts = [i128::MIN, -1, 0, 1, i128::MAX].map(Money::from_units);
    let row = |amount, other| Row {
        scenario: scenario("a", "0.5", "0.5"),
        formula: amount,
        model: [other, amount, Money::ZERO],
    };
    for base in amounts {
        for amount in amounts {
            let rows = amounts.map(|other| row(amount, other)).to_vec();
            check_extreme(&Report { base, ceiling: amount, rows, ..three() });
        }
    }
}

#[test]
fn a_break_that_costs_more_than_can_be_said_is_not_drawn() {
    // Half of an answer that breaks fits, a whole one does not.
    let waste = Waste { lost: u64::MAX - 1_000, ..Waste::default() };
    let assumptions = Assumptions { waste, ..Assumptions::default() };
    let workload = Workload { requests: 1, ..WORKLOAD };
    let report = Report::new(
        "m".to_owned(),
        rates("0.001", "0.001", "0", "0"),
        workload,
        vec![scenario("a", "0", "0.000001")],
        assumptions,
    );
    let [.., html] = check_extreme(&report.expect("it has a price"));
    assert!(html.contains("too large to be drawn") && !html.contains("<polyline"));
}

#[test]
fn one_scenario_and_forty_have_their_place() {
    check_extreme(&report(opus(), WORKLOAD, vec![scenario("only", "1", "1")], "1"));
    let scenarios = (0..40).map(|at| scenario(&format!("scenario {at}"), "0.5", "0.01"));
    check_extreme(&report(opus(), WORKLOAD, scenarios.collect(), "0"));
}

#[test]
fn the_claim_is_compared_with_what_the_formula_saves() {
    #[track_caller]
    fn check(claimed: &str, compared: &str) {
        let scenarios = vec![scenario("optimised", "0.6", "0.01")];
        let text = report(opus(), WORKLOAD, scenarios, claimed).render(Format::Markdown);
        let sentence = format!(
            "The formula saves 11.32 % in the scenario `optimised`, {compared}; at most 18.95 % with \
             every prompt cached and no break.\n"
        );
        assert!(text.contains(&sentence), "{text}");
    }
    check("0.23", "not 23 %");
    check("0.1132", "no less than the claimed 11.32 %");
    check("0.113204", "a little less than 11.3204 %");
    check("0", "no less than the claimed 0 %");
    let silent = Report { assumptions: Assumptions::default(), ..three() };
    for format in Format::ALL {
        assert!(!silent.render(format).contains("The formula saves"), "{format}");
    }
}

#[test]
fn the_assumptions_name_what_is_wasted() {
    let waste = Waste { instruction: 1, repeated: 20, thinking: 1_000, lost: 7 };
    let assumptions = Assumptions { waste, break_at: share("0.125"), ..Assumptions::default() };
    let rates = rates("15", "75", "1.5", "");
    let scenarios = vec![scenario("a", "0.5", "0.5")];
    let report = Report::new("m".to_owned(), rates, WORKLOAD, scenarios, assumptions);
    let text = report.expect("it has a price").render(Format::Markdown);
    for words in [
        "when 12.5 % of its answer is delivered",
        "an instruction of 1 token, and the model repeats 20 tokens",
        "it thinks 1,000 tokens again",
        "billed for 7 tokens after the cut",
        "misses cost what input does",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert!(!text.contains("Price of cache write"));
}

#[test]
fn bars_end_where_the_savings_say() {
    let page = three().render(Format::Html);
    let bars = check_page(&page, |document| {
        let rects = document.descendants().filter(|node| node.has_tag_name((SVG, "rect")));
        let attribute = |node: Node<'_, '_>, name| node.attribute(name).unwrap().to_owned();
        let bars = rects.map(|node| [attribute(node, "x"), attribute(node, "width")]);
        bars.collect::<Vec<[String; 2]>>()
    });
    // From -25.875 to 161.31: 0 is at 13.82 % of the width.
    assert_eq!(bars[0], ["11.41%", "2.41%"], "4.50 more than the base");
    assert_eq!(bars[1], ["0%", "13.82%"], "25.875 more");
    assert_eq!(bars[8], ["13.82%", "86.18%"], "161.31 less");
    assert!(page.contains("<line class=\"zero\" x1=\"13.82%\""));
}

#[test]
fn lines_go_through_what_a_break_costs() {
    let page = three().render(Format::Html);
    let lines = check_page(&page, |document| {
        let lines = document.descendants().filter(|node| node.has_tag_name((SVG, "polyline")));
        lines.map(|node| node.attribute("points").unwrap().to_owned()).collect::<Vec<String>>()
    });
    assert_eq!(lines.len(), 6, "three ways, with and without a cache");
    // The axis ends at 15 cents; not cached, a restart costs 3 to 14.25 of them.
    assert!(lines[0].starts_with("0,8000 "), "{}", lines[0]);
    assert!(lines[0].ends_with(" 10000,500"), "{}", lines[0]);
    assert!(lines[0].contains(" 5000,4250 "), "{}", lines[0]);
    assert!(lines[1].ends_with(" 10000,6500"), "{}", lines[1]);
    // From the cache it costs 0.3 to 11.55.
    assert!(lines[3].starts_with("0,9800 ") && lines[3].ends_with(" 10000,2300"), "{}", lines[3]);
    assert!(page.contains("<td>0.08625</td><td>0.04125</td><td>0.04335</td>"));
}

#[test]
fn only_the_states_of_the_cache_that_are_used_are_drawn() {
    #[track_caller]
    fn check(hits: &str, drawn: &str, left_out: &str) {
        let scenarios = vec![scenario("a", hits, "0.1")];
        let page = report(opus(), WORKLOAD, scenarios, "0").render(Format::Html);
        assert_eq!(page.matches("<polyline").count(), 3);
        assert!(page.contains(drawn) && !page.contains(left_out));
    }
    check("0", "Prompt not cached", "Prompt read from a cache");
    check("0.1", "Prompt read from a cache", "Prompt not cached");
}

#[test]
fn a_page_asks_for_nothing() {
    let page = three().render(Format::Html);
    assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'; "));
    for word in ["url(", "@import", "<script", "javascript:"] {
        assert!(!page.contains(word), "{word}");
    }
    let addresses = page.matches("http").count();
    let known = page.matches("http-equiv").count() + page.matches("http://www.w3.org/").count();
    assert_eq!(addresses, known, "namespaces only");
}

#[test]
fn formats_are_read_by_their_names() {
    for format in Format::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    assert_eq!("md".parse(), Ok(Format::Markdown));
    assert_eq!("HTML".parse::<Format>(), Err(UnknownFormat));
    assert_eq!(UnknownFormat.to_string(), "not one of text, json, csv, markdown, html");
}
