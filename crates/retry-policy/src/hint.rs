//! Readers for the values in which servers say when to come back: text in, numbers out.
//! Whether a value is acceptable is decided elsewhere; whatever is no value at all is `None`.
//! [`ServerHint::read`] and [`RateLimits::read`](crate::RateLimits::read) know the headers' names.
//!
//! Blanks around a value are ignored. Values too large for the range become the largest one, so
//! that a reply that asks for the year 2100 is refused and not forgotten.
//!
//! ```
//! use retry_policy::{Nanos, hint};
//! let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
//! let told = hint::retry_after("Sun, 06 Nov 1994 08:50:07 GMT", date, None);
//! assert_eq!(told, Some(Nanos::from_secs(30)));
//! assert_eq!(hint::retry_after("2", None, None), Some(Nanos::from_secs(2)));
//! assert_eq!(hint::retry_after("soon", date, None), None);
//! ```

mod date;
pub(crate) mod number;

use crate::{Nanos, ServerHint};
use number::Decimal;

pub use date::{http_date, rfc3339};

const SECOND: u64 = 1_000_000_000;

/// The longest span to the reset of a rate limit that is believed: no window is longer.
pub const RESET_MAX: Nanos = Nanos::from_secs(31 * 24 * 3600);

impl ServerHint {
    /// What the headers of a reply ask for; `header` gives the text of a header by its name in
    /// lower case.
    ///
    /// Read are `retry-after-ms`, `x-amz-retry-after` (milliseconds), `Retry-After` and
    /// `x-should-retry`; the first of the three times that can be read counts. `now_unix`, in
    /// seconds, stands in for a missing `Date`.
    ///
    /// ```
    /// use retry_policy::{Nanos, ServerHint};
    /// let hint = ServerHint::read(|name| (name == "retry-after").then_some("30"), None);
    /// assert_eq!(hint, ServerHint { after: Some(Nanos::from_secs(30)), retry: None });
    /// ```
    #[must_use]
    pub fn read<'a>(header: impl Fn(&str) -> Option<&'a str>, now_unix: Option<u64>) -> Self {
        let millis = |name| header(name).and_then(retry_after_ms);
        let after = millis("retry-after-ms")
            .or_else(|| millis("x-amz-retry-after"))
            .or_else(|| retry_after(header("retry-after")?, header("date"), now_unix));
        Self { after, retry: header("x-should-retry").and_then(x_should_retry) }
    }
}

/// `retry-after-ms`: decimal milliseconds. Zero and everything below is `None`.
#[must_use]
pub fn retry_after_ms(text: &str) -> Option<Nanos> {
    positive(number::span(text.trim_ascii(), SECOND / 1000)?)
}

/// `Retry-After`: decimal seconds, or an HTTP-date.
///
/// A date is compared with the reply's own `Date` header, so that a wrong clock on either side
/// does no harm; without that header with `now_unix`, in seconds; without both it is `None`. Zero,
/// and a date that has passed, are `None`.
#[must_use]
pub fn retry_after(text: &str, date: Option<&str>, now_unix: Option<u64>) -> Option<Nanos> {
    let text = text.trim_ascii();
    if let Some(span) = number::span(text, SECOND) {
        return positive(span);
    }
    let until = Nanos::from_secs(http_date(text)?);
    positive(until.saturating_sub(base(date, now_unix)?))
}

/// `retryDelay` of Google's `RetryInfo`: decimal seconds with an `s`, as in `34.07s`. Zero and
/// everything below is `None`.
///
/// ```
/// use retry_policy::{Nanos, hint};
/// assert_eq!(hint::retry_delay("34.07s"), Some(Nanos::from_millis(34_070)));
/// assert_eq!(hint::retry_delay("34"), None);
/// ```
#[must_use]
pub fn retry_delay(text: &str) -> Option<Nanos> {
    positive(number::span(text.trim_ascii().strip_suffix('s')?, SECOND)?)
}

/// `x-should-retry`: `true` or `false`, in any case.
#[must_use]
pub fn x_should_retry(text: &str) -> Option<bool> {
    let text = text.trim_ascii();
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// A duration as Go prints it: `6m0s`, `12ms`, `1h2m3.5s`, `0`. A sign is refused.
#[must_use]
pub fn go_duration(text: &str) -> Option<Nanos> {
    let mut rest = text.trim_ascii();
    if rest == "0" {
        return Some(Nanos::ZERO);
    }
    let mut sum = Nanos::ZERO;
    loop {
        let (value, after) = Decimal::split(rest)?;
        let (unit, after) = go_unit(after)?;
        sum = sum.saturating_add(value.times(unit));
        rest = after;
        if rest.is_empty() {
            return Some(sum);
        }
    }
}

/// The reset of a rate limit as the span until then: a Go duration, decimal seconds, an RFC 3339
/// time, or a Unix time in seconds (from 10^9) or milliseconds (from 10^11).
///
/// An instant is compared with `date` or `now_unix`, as in [`retry_after`]; one that has passed
/// is zero. A span above [`RESET_MAX`] is `None`.
#[must_use]
pub fn rate_limit_reset(text: &str, date: Option<&str>, now_unix: Option<u64>) -> Option<Nanos> {
    reset_from(text, base(date, now_unix))
}

/// The same with the instant of the reply, which is needed only if the text is an instant.
pub(crate) fn reset_from(text: &str, base: Option<Nanos>) -> Option<Nanos> {
    let text = text.trim_ascii();
    let until = |instant: Nanos| Some(instant.saturating_sub(base?));
    let span = match number::count(text) {
        Some(..=999_999_999) => number::span(text, SECOND)?,
        Some(..=99_999_999_999) => until(number::span(text, SECOND)?)?,
        Some(_) => until(number::span(text, SECOND / 1000)?)?,
        None => go_duration(text).or_else(|| until(rfc3339(text)?))?,
    };
    (span <= RESET_MAX).then_some(span)
}

/// The instant of a reply: by its own clock, else by ours.
pub(crate) fn base(date: Option<&str>, now_unix: Option<u64>) -> Option<Nanos> {
    date.and_then(http_date).or(now_unix).map(Nanos::from_secs)
}

fn positive(span: Nanos) -> Option<Nanos> {
    (span > Nanos::ZERO).then_some(span)
}

/// Splits a unit off the front, longest name first.
fn go_unit(text: &str) -> Option<(u64, &str)> {
    const UNITS: [(&str, u64); 8] = [
        ("ns", 1),
        ("us", 1000),
        ("\u{b5}s", 1000),
        ("\u{3bc}s", 1000),
        ("ms", 1_000_000),
        ("s", SECOND),
        ("m", 60 * SECOND),
        ("h", 3600 * SECOND),
    ];
    UNITS.iter().find_map(|&(name, unit)| Some((unit, text.strip_prefix(name)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const UNIX: u64 = 784_111_777;

    #[test]
    fn seconds_and_milliseconds_may_have_a_fraction() {
        assert_eq!(retry_after("1.5", None, None), Some(Nanos::from_millis(1500)));
        assert_eq!(retry_after(" 120 ", None, None), Some(Nanos::from_secs(120)));
        assert_eq!(retry_after_ms("12.5"), Some(Nanos::from_micros(12_500)));
        assert_eq!(retry_after_ms("3000"), Some(Nanos::from_secs(3)));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "", " ", "0", "0.0", "-5", "+5", "NaN", "inf", "1e3", "5s", "1.", ".", "1,5",
            "\u{0661}",
        ] {
            assert_eq!(retry_after(text, Some(DATE), Some(UNIX)), None, "{text:?}");
            assert_eq!(retry_after_ms(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_delay_of_google_has_seconds_and_their_unit() {
        assert_eq!(retry_delay("34.074824224s"), Some(Nanos(34_074_824_224)));
        assert_eq!(retry_delay(" 2s "), Some(Nanos::from_secs(2)));
        assert_eq!(retry_delay("0.0000000001s"), Some(Nanos(1)));
        for text in [
            "",
            "s",
            "34",
            "0s",
            "0.0s",
            "-5s",
            "+5s",
            "1m5s",
            "5ms",
            "5 s",
            "5S",
            "NaNs",
            "1e3s",
            ".s",
            "1.s",
            "1,5s",
            "\u{0661}s",
            "infs",
        ] {
            assert_eq!(retry_delay(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_absurd_time_stays_absurd() {
        assert_eq!(retry_after("99999999999999999999999", None, None), Some(Nanos::MAX));
        assert_eq!(retry_after_ms("99999999999999999999999"), Some(Nanos::MAX));
        assert_eq!(retry_delay("99999999999999999999999.5s"), Some(Nanos::MAX));
        let told = retry_after("Fri, 01 Jan 2100 00:00:00 GMT", Some(DATE), None);
        assert_eq!(told, Some(Nanos::from_secs(4_102_444_800 - UNIX)));
    }

    #[test]
    fn a_fraction_below_a_nanosecond_is_rounded_up() {
        assert_eq!(retry_after("1.0000000001", None, None), Some(Nanos(1_000_000_001)));
        assert_eq!(retry_after("0.0000000000001", None, None), Some(Nanos(1)));
    }

    #[test]
    fn the_date_header_of_the_reply_comes_before_our_clock() {
        let later = "Sun, 06 Nov 1994 08:50:37 GMT";
        assert_eq!(retry_after(later, Some(DATE), Some(0)), Some(Nanos::from_secs(60)));
        assert_eq!(retry_after(later, None, Some(UNIX + 50)), Some(Nanos::from_secs(10)));
        assert_eq!(retry_after(later, Some("nonsense"), Some(UNIX)), Some(Nanos::from_secs(60)));
        assert_eq!(retry_after(later, None, None), None);
        assert_eq!(retry_after(DATE, Some(later), None), None);
        assert_eq!(retry_after(DATE, Some(DATE), None), None);
    }

    #[test]
    fn only_true_and_false_say_whether_to_retry() {
        assert_eq!(x_should_retry("true"), Some(true));
        assert_eq!(x_should_retry(" False"), Some(false));
        assert_eq!(x_should_retry("1"), None);
        assert_eq!(x_should_retry(""), None);
    }

    #[track_caller]
    fn check(text: &str, nanos: Option<u64>) {
        assert_eq!(go_duration(text), nanos.map(Nanos), "{text:?}");
    }

    #[test]
    fn go_durations() {
        check("6m0s", Some(360 * SECOND));
        check("12ms", Some(12_000_000));
        check("1h2m3.5s", Some(3_723_500_000_000));
        check("88.5\u{b5}s", Some(88_500));
        check("88.5\u{3bc}s", Some(88_500));
        check("7us", Some(7000));
        check("9ns", Some(9));
        check(".5s", Some(SECOND / 2));
        check("0s", Some(0));
        check("0", Some(0));
        check("9999999999999h", Some(u64::MAX));
        for text in ["", "-1s", "+1s", "1", "s", "1m2", "1 s", "1x", "1.s2", "\u{1f980}"] {
            check(text, None);
        }
    }

    #[test]
    fn a_reset_is_a_span_in_every_dialect() {
        #[track_caller]
        fn check(text: &str, expected: Option<Nanos>) {
            assert_eq!(rate_limit_reset(text, Some(DATE), None), expected, "{text:?}");
        }
        check("6m0s", Some(Nanos::from_secs(360)));
        check("55", Some(Nanos::from_secs(55)));
        check("7.66", Some(Nanos::from_millis(7660)));
        check("0", Some(Nanos::ZERO));
        check("1994-11-06T08:50:07Z", Some(Nanos::from_secs(30)));
        check("1994-11-06T08:49:00Z", Some(Nanos::ZERO));
        check("1000000000", None);
        for text in ["", "-1", "-1s", "soon", "999999999", "744h0.1s", "99999999999999999999"] {
            check(text, None);
        }
        let reset = |text| rate_limit_reset(text, None, Some(1_795_392_000));
        assert_eq!(reset("1795392060"), Some(Nanos::from_secs(60)));
        assert_eq!(reset("1795392060500"), Some(Nanos::from_millis(60_500)));
        assert_eq!(reset("1795391000"), Some(Nanos::ZERO));
        assert_eq!(rate_limit_reset("1795392060", None, None), None);
        assert_eq!(rate_limit_reset("2026-11-23T00:00:00Z", None, None), None);
    }

    #[test]
    fn milliseconds_come_before_seconds_and_garbage_is_passed_over() {
        #[track_caller]
        fn check(headers: &[(&str, &'static str)], after: Option<Nanos>, retry: Option<bool>) {
            let find = |name: &str| headers.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
            assert_eq!(ServerHint::read(find, None), ServerHint { after, retry });
        }
        let (ms, aws, secs) = ("retry-after-ms", "x-amz-retry-after", "retry-after");
        check(&[(ms, "250"), (aws, "300"), (secs, "2")], Some(Nanos::from_millis(250)), None);
        check(&[(ms, "soon"), (aws, "300"), (secs, "2")], Some(Nanos::from_millis(300)), None);
        check(
            &[(aws, "0"), (secs, "2"), ("x-should-retry", "true")],
            Some(Nanos::from_secs(2)),
            Some(true),
        );
        let later = "Sun, 06 Nov 1994 08:50:37 GMT";
        check(&[(secs, later), ("date", DATE)], Some(Nanos::from_secs(60)), None);
        check(&[(secs, later), ("x-should-retry", "no")], None, None);
    }
}
