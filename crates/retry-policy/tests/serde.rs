//! The feature `serde`: a policy survives the round trip, and a slip of the pen is refused.

use proptest::prelude::{ProptestConfig, any, proptest};
use proptest::prop_assert_eq;
use retry_policy::{Backoff, ConnectFailures, Endpoints, Limits, Nanos, Policy, Repeat};

#[track_caller]
fn check_round_trip(policy: Policy) {
    let json = serde_json::to_string(&policy).expect("a policy is plain data");
    assert_eq!(serde_json::from_str::<Policy>(&json).expect("its own text"), policy, "{json}");
    let toml = toml::to_string(&policy).expect("a policy is plain data");
    assert_eq!(toml::from_str::<Policy>(&toml).expect("its own text"), policy, "{toml}");
}

#[test]
fn every_policy_survives_the_round_trip() {
    let (base, cap) = (Nanos(1), Nanos(u64::MAX - 1));
    for policy in [
        Policy::DEFAULT,
        Policy::sdk(),
        Policy::aws_2_0(),
        Policy::aws_2_1(),
        Policy {
            backoff: Backoff::Equal { base, cap },
            throttle: Backoff::DecorrelatedFolded { base, cap },
            overload: Backoff::None { base, cap },
            limits: Limits { connect: ConnectFailures::UseDeadline, ..Limits::DEFAULT },
            endpoints: Endpoints::Several,
            repeat: Repeat::IfUnprocessed,
        },
    ] {
        check_round_trip(policy);
    }
}

#[test]
fn what_is_left_out_is_the_default() {
    let text = r#"
        endpoints = "several"
        backoff.full = { base = "250ms", cap = "1m30s" }
        limits.deadline = "10m"
    "#;
    let expected = Policy {
        backoff: Backoff::Full { base: Nanos::from_millis(250), cap: Nanos::from_secs(90) },
        limits: Limits { deadline: Some(Nanos::from_secs(600)), ..Limits::DEFAULT },
        endpoints: Endpoints::Several,
        ..Policy::DEFAULT
    };
    assert_eq!(toml::from_str::<Policy>(text).expect("valid"), expected);
    assert_eq!(serde_json::from_str::<Policy>("{}").expect("valid"), Policy::DEFAULT);
}

#[test]
fn what_is_unknown_or_has_no_unit_is_refused() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let error = toml::from_str::<Policy>(text).expect_err(text).to_string();
        assert!(error.contains(expected), "{error}");
    }
    check("retries = 3", "unknown field `retries`");
    check("limits.totals = 3", "unknown field `totals`");
    check("backoff.full = { base = '1s', cap = '2s', jitter = 1 }", "jitter");
    check("backoff.full = { base = '1s' }", "missing field `cap`");
    check("backoff.fibonacci = { base = '1s', cap = '2s' }", "unknown variant `fibonacci`");
    check("endpoints = 'many'", "unknown variant `many`");
    check("limits.deadline = 10", "a span with a unit");
    check("limits.deadline = '10'", "a span with a unit");
    check("limits.deadline = '-1s'", "a span with a unit");
    check("limits.total = -1", "invalid value");

    let text = r#"{"backoff": {"full": {"base": "1s", "cap": "2s", "jitter": 1}}}"#;
    let error = serde_json::from_str::<Policy>(text).expect_err(text).to_string();
    assert!(error.contains("unknown field `jitter`"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_span_survives_the_round_trip(nanos in any::<u64>(), shift in 0..64_u32) {
        let span = Nanos(nanos >> shift);
        let text = serde_json::to_string(&span).expect("a span is text");
        prop_assert_eq!(serde_json::from_str::<Nanos>(&text).expect("its own text"), span);
    }
}
