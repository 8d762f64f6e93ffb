//! Each form of the report with the numbers of the tutorial, against a file in `tests/golden`. To renew
//! the files: `RENEW_GOLDEN=1 cargo test -p cost --features report --test report_golden`, then read
//! what changed.
#![cfg(feature = "report")]

use std::env;
use std::fs;
use std::path::Path;

use cost::{Assumptions, Format, Rates, Report, Scenario, Share, Workload};

fn share(text: &str) -> Share {
    text.parse().expect("a share")
}

fn scenario(name: &str, cache_hits: &str, breaks: &str) -> Scenario {
    Scenario { name: name.to_owned(), cache_hits: share(cache_hits), breaks: share(breaks) }
}

fn tutorial() -> Report {
    let rate = |text: &str| Some(text.parse().expect("a rate"));
    let rates = Rates {
        input: rate("15"),
        output: rate("75"),
        cache_read: rate("1.50"),
        cache_write_5m: rate("18.75"),
        ..Rates::default()
    };
    let scenarios = vec![
        scenario("basic", "0", "0.03"),
        scenario("caching", "0.6", "0.03"),
        scenario("fully optimised", "0.6", "0.01"),
    ];
    let workload = Workload { requests: 10_000, input: 2_000, output: 1_500 };
    let assumptions = Assumptions { claimed: Some(share("0.23")), ..Assumptions::default() };
    let report = Report::new("claude-opus-4-1".to_owned(), rates, workload, scenarios, assumptions);
    report.expect("it has a price")
}

#[track_caller]
fn check(format: Format, file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    let text = tutorial().render(format);
    if env::var_os("RENEW_GOLDEN").is_some() {
        fs::write(&path, &text).expect("a file to write to");
    }
    // Git may have written the file with other line ends.
    let golden = fs::read_to_string(&path).expect("a golden file").replace("\r\n", "\n");
    let different = golden.lines().zip(text.lines()).find(|(old, new)| old != new);
    assert_eq!(different, None, "{file}");
    assert_eq!(golden.len(), text.len(), "{file}");
}

#[test]
fn text() {
    check(Format::Text, "report.txt");
}

#[test]
fn json() {
    check(Format::Json, "report.json");
}

#[test]
fn csv() {
    check(Format::Csv, "report.csv");
}

#[test]
fn markdown() {
    check(Format::Markdown, "report.md");
}

#[test]
fn html() {
    check(Format::Html, "report.html");
}

#[test]
fn the_figures_of_the_tutorial_are_in_every_form() {
    for format in [Format::Text, Format::Markdown, Format::Html] {
        let text = tutorial().render(format).replace('\u{a0}', " ");
        for figure in ["1425.00", "1429.50", "1265.07", "1263.69", "11.32 %", "18.95 %", "23 %"] {
            assert!(text.contains(figure), "{format}: {figure}");
        }
        for count in ["10,000", "2,000", "1,500", "35,000,000"] {
            assert!(text.contains(count), "{format}: {count}");
        }
    }
    for format in [Format::Json, Format::Csv] {
        let text = tutorial().render(format);
        for figure in ["1425", "1429.5", "1265.07", "1263.69", "11.32", "18.95", "1437.375"] {
            assert!(text.contains(figure), "{format}: {figure}");
        }
    }
}
