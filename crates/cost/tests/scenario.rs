//! The scenario report against figures worked out by hand: those of the formula, and those of the model.

use cost::{
    Assumptions, BillError, Bucket, Rates, Report, ReportError, Scenario, Share, Way, Workload,
};

/// As Claude Opus 4.1, whose 15 and 75 dollars the formula is shown with.
fn opus() -> Rates {
    let rate = |text: &str| Some(text.parse().expect("a rate"));
    Rates {
        input: rate("15"),
        output: rate("75"),
        cache_read: rate("1.50"),
        cache_write_5m: rate("18.75"),
        ..Rates::default()
    }
}

fn share(text: &str) -> Share {
    text.parse().expect("a share")
}

fn scenario(name: &str, cache_hits: &str, breaks: &str) -> Scenario {
    Scenario { name: name.to_owned(), cache_hits: share(cache_hits), breaks: share(breaks) }
}

const WORKLOAD: Workload = Workload { requests: 10_000, input: 2_000, output: 1_500 };

fn report(rates: Rates, scenarios: &[Scenario]) -> Result<Report, ReportError> {
    Report::new("m".to_owned(), rates, WORKLOAD, scenarios.to_vec(), Assumptions::default())
}

fn three() -> Report {
    let scenarios = [
        scenario("basic", "0", "0.03"),
        scenario("caching", "0.6", "0.03"),
        scenario("optimised", "0.6", "0.01"),
    ];
    report(opus(), &scenarios).expect("it has a price")
}

#[test]
fn the_formula_gives_its_figures_to_the_cent() {
    let report = three();
    assert_eq!(report.base.to_string(), "1425");
    assert_eq!(report.tokens, 35_000_000);
    let figures = [("1429.5", "-0.32"), ("1265.07", "11.22"), ("1263.69", "11.32")];
    for (row, (usd, percent)) in report.rows.iter().zip(figures) {
        assert_eq!(row.formula.to_string(), usd);
        assert_eq!(report.saved(row.formula).to_string(), percent);
    }
    assert_eq!(report.ceiling().to_string(), "18.95");
}

#[test]
fn the_model_counts_output_cache_writes_and_the_way_to_go_on() {
    let report = three();
    let figures = [
        ["1450.875", "1437.375", "1438.005"],
        ["1310.775", "1297.275", "1297.905"],
        ["1298.925", "1294.425", "1294.635"],
    ];
    for (row, figures) in report.rows.iter().zip(figures) {
        for ((usd, way), figure) in row.model.iter().zip(Way::ALL).zip(figures) {
            assert_eq!(usd.to_string(), figure, "{} by {way}", row.scenario.name);
        }
    }
    let misses_are_written = report.saving("1293".parse().expect("an amount"));
    assert_eq!(misses_are_written.to_string(), "132");
}

#[test]
fn the_prices_of_the_model_that_was_meant_make_it_a_third() {
    let rate = |text: &str| Some(text.parse().expect("a rate"));
    let sonnet = Rates { input: rate("3"), output: rate("15"), ..Rates::default() };
    let report = report(sonnet, &[scenario("basic", "0", "0.03")]).expect("it has a price");
    assert_eq!(report.base.to_string(), "285");
    assert_eq!(report.rows[0].model.map(|usd| usd.to_string())[..2], ["290.175", "287.475"]);
}

#[test]
fn a_cache_without_a_price_is_an_error_and_no_cache_needs_none() {
    let bare = Rates { cache_read: None, ..opus() };
    assert!(report(bare, &[scenario("basic", "0", "1")]).is_ok());
    let unpriced = ReportError::Bill(BillError::Unpriced { bucket: Bucket::CacheRead });
    assert_eq!(report(bare, &[scenario("caching", "0.000001", "0")]), Err(unpriced));
    assert_eq!(report(opus(), &[]), Err(ReportError::Empty));
}

#[test]
fn where_writing_a_cache_is_free_misses_cost_what_input_does() {
    let rates = Rates { cache_write_5m: None, ..opus() };
    let report = report(rates, &[scenario("half", "0.5", "0")]).expect("it has a price");
    // 150 for what is not cached, 15 for what is.
    assert_eq!(report.rows[0].model[0].to_string(), "1290");
}

#[test]
fn a_workload_that_does_not_fit_is_an_error() {
    let workload = Workload { requests: u64::MAX, input: 2, output: 1 };
    let scenarios = vec![scenario("basic", "0", "0")];
    let report = Report::new("m".into(), opus(), workload, scenarios, Assumptions::default());
    assert_eq!(report, Err(ReportError::Overflow));
}
