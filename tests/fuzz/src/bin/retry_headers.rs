//! No header makes a reader panic, and what one reads is within its limits and stable.
#![no_main]

use libfuzzer_sys::fuzz_target;
use retry_policy::{Nanos, RateLimit, RateLimits, ServerHint, hint};

/// When a reply without a `Date` is read, in Unix seconds.
const NOW: u64 = 1_795_392_000;

fuzz_target!(|input: &str| {
    // The first line is the reply's `Date`, if it is not empty; the headers take turns in the rest.
    let mut lines = input.split('\n');
    let date = lines.next().filter(|date| !date.is_empty());
    let values: Vec<&str> = lines.collect();
    let header = |name: &str| match name {
        "date" => date,
        _ => values.get(turn(name).checked_rem(values.len())?).copied(),
    };

    let told = ServerHint::read(header, Some(NOW));
    assert_ne!(told.after, Some(Nanos::ZERO), "zero is nothing told");
    let limits = RateLimits::read(header, Some(NOW));
    assert!(limits.date.is_none() || limits.date == date.and_then(hint::http_date));
    for limit in [limits.requests, limits.tokens, limits.input_tokens, limits.output_tokens] {
        check(limit);
    }
    values.iter().for_each(|text| check_times(text));
});

/// Headers of one reply share few lines.
fn turn(name: &str) -> usize {
    name.bytes().map(usize::from).sum()
}

fn check(limit: RateLimit) {
    assert_ne!(limit.limit, Some(0));
    assert!(limit.limit.is_none_or(|all| limit.remaining.is_none_or(|left| left <= all)));
    assert!(limit.full_after.is_none_or(|span| span <= hint::RESET_MAX));
}

/// What was read once is read the same after it was written down, and from a text with blanks.
fn check_times(text: &str) {
    if let Some(span) = hint::go_duration(text) {
        assert_eq!(hint::go_duration(&span.to_string()), Some(span), "{text:?}");
    }
    let padded = format!(" {text}\t");
    assert_eq!(hint::go_duration(&padded), hint::go_duration(text));
    assert_eq!(hint::rfc3339(&padded), hint::rfc3339(text));
    assert_eq!(hint::http_date(&padded), hint::http_date(text));
    assert_eq!(hint::retry_after_ms(&padded), hint::retry_after_ms(text));
    if let Some(unix) = hint::http_date(text) {
        let reset = hint::rate_limit_reset("0s", Some(text), None);
        assert_eq!(reset, Some(Nanos::ZERO));
        assert_eq!(hint::retry_after(text, None, Some(unix)), None, "now is no wait");
    }
}
