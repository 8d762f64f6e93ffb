//! What a reply's headers say about the caller's rate limits, for every provider: text in,
//! numbers out. Keeping a bucket filled from it is the caller's part.

use crate::Nanos;
use crate::hint::{base, http_date, number, reset_from};

/// The rate limits that one reply names. Each number may be missing.
///
/// ```
/// use retry_policy::{Nanos, RateLimits};
/// let limits = RateLimits::read(
///     |name| match name {
///         "x-ratelimit-limit-tokens" => Some("150000"),
///         "x-ratelimit-remaining-tokens" => Some("149984"),
///         "x-ratelimit-reset-tokens" => Some("6ms"),
///         _ => None,
///     },
///     None,
/// );
/// assert_eq!(limits.tokens.remaining, Some(149_984));
/// assert_eq!(limits.tokens.full_after, Some(Nanos::from_millis(6)));
/// assert!(limits.requests.is_empty());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Requests per window.
    pub requests: RateLimit,
    /// Tokens per window, of the prompt and the response together.
    pub tokens: RateLimit,
    /// Tokens of the prompt per window.
    pub input_tokens: RateLimit,
    /// Tokens of the response per window.
    pub output_tokens: RateLimit,
    /// The reply's own `Date` in Unix seconds, to tell a late reply from a new one.
    pub date: Option<u64>,
}

/// One dimension of a rate limit, as it was when the reply was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// What fits into a window; never 0.
    pub limit: Option<u64>,
    /// What is left of it; never more than the limit.
    pub remaining: Option<u64>,
    /// The span until all of it is there again, at most [`RESET_MAX`](crate::hint::RESET_MAX).
    pub full_after: Option<Nanos>,
}

/// The names of the headers of one dimension at one kind of provider.
struct Names {
    limit: &'static str,
    remaining: &'static str,
    reset: &'static str,
}

/// Anthropic; OpenAI, Azure, Groq, xAI; OpenRouter, Together; Mistral.
const REQUESTS: [Names; 4] = [
    Names::new(
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
    ),
    Names::new(
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
    ),
    Names::new("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
    Names::new(
        "x-ratelimit-limit-req-minute",
        "x-ratelimit-remaining-req-minute",
        "x-ratelimit-reset-req-minute",
    ),
];

/// Anthropic; OpenAI, Azure, Groq, xAI; Together; Mistral.
const TOKENS: [Names; 4] = [
    Names::new(
        "anthropic-ratelimit-tokens-limit",
        "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-tokens-reset",
    ),
    Names::new(
        "x-ratelimit-limit-tokens",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-reset-tokens",
    ),
    Names::new("x-tokenlimit-limit", "x-tokenlimit-remaining", "x-tokenlimit-reset"),
    Names::new(
        "x-ratelimit-limit-tokens-minute",
        "x-ratelimit-remaining-tokens-minute",
        "x-ratelimit-reset-tokens-minute",
    ),
];

/// Anthropic; Fireworks.
const INPUT_TOKENS: [Names; 2] = [
    Names::new(
        "anthropic-ratelimit-input-tokens-limit",
        "anthropic-ratelimit-input-tokens-remaining",
        "anthropic-ratelimit-input-tokens-reset",
    ),
    Names::new(
        "x-ratelimit-limit-tokens-prompt",
        "x-ratelimit-remaining-tokens-prompt",
        "x-ratelimit-reset-tokens-prompt",
    ),
];

/// Anthropic; Fireworks.
const OUTPUT_TOKENS: [Names; 2] = [
    Names::new(
        "anthropic-ratelimit-output-tokens-limit",
        "anthropic-ratelimit-output-tokens-remaining",
        "anthropic-ratelimit-output-tokens-reset",
    ),
    Names::new(
        "x-ratelimit-limit-tokens-generated",
        "x-ratelimit-remaining-tokens-generated",
        "x-ratelimit-reset-tokens-generated",
    ),
];

impl RateLimits {
    /// What the headers of a reply say; `header` gives the text of a header by its name in lower
    /// case. `now_unix`, in seconds, stands in for a missing `Date`.
    #[must_use]
    pub fn read<'a>(header: impl Fn(&str) -> Option<&'a str>, now_unix: Option<u64>) -> Self {
        let base = base(header("date"), now_unix);
        let read = |families: &[Names]| {
            let mut limits = families.iter().map(|names| RateLimit::read(names, &header, base));
            limits.find(|limit| !limit.is_empty()).unwrap_or_default()
        };
        Self {
            requests: read(&REQUESTS),
            tokens: read(&TOKENS),
            input_tokens: read(&INPUT_TOKENS),
            output_tokens: read(&OUTPUT_TOKENS),
            date: header("date").and_then(http_date),
        }
    }

    /// Whether the reply named no limit at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.requests.is_empty()
            && self.tokens.is_empty()
            && self.input_tokens.is_empty()
            && self.output_tokens.is_empty()
    }
}

impl RateLimit {
    /// Whether nothing is known of this dimension.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.limit.is_none() && self.remaining.is_none() && self.full_after.is_none()
    }

    fn read<'a>(
        names: &Names,
        header: &impl Fn(&str) -> Option<&'a str>,
        base: Option<Nanos>,
    ) -> Self {
        let count = |name| number::count(header(name)?.trim_ascii());
        let limit = count(names.limit).filter(|&limit| limit > 0);
        let remaining = count(names.remaining).map(|left| left.min(limit.unwrap_or(u64::MAX)));
        let full_after = header(names.reset).and_then(|text| reset_from(text, base));
        Self { limit, remaining, full_after }
    }
}

impl Names {
    const fn new(limit: &'static str, remaining: &'static str, reset: &'static str) -> Self {
        Self { limit, remaining, reset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: (&str, &str) = ("date", "Mon, 23 Nov 2026 12:00:00 GMT");

    fn read(headers: &[(&str, &'static str)]) -> RateLimits {
        let find = |name: &str| headers.iter().find(|(n, _)| *n == name).map(|(_, text)| *text);
        RateLimits::read(find, None)
    }

    const fn limit(limit: u64, remaining: u64, millis: u64) -> RateLimit {
        RateLimit {
            limit: Some(limit),
            remaining: Some(remaining),
            full_after: Some(Nanos::from_millis(millis)),
        }
    }

    #[test]
    fn anthropic_names_four_dimensions_and_instants() {
        let limits = read(&[
            DATE,
            ("anthropic-ratelimit-requests-limit", "50"),
            ("anthropic-ratelimit-requests-remaining", "49"),
            ("anthropic-ratelimit-requests-reset", "2026-11-23T12:00:01Z"),
            ("anthropic-ratelimit-tokens-limit", "48000"),
            ("anthropic-ratelimit-tokens-remaining", "47000"),
            ("anthropic-ratelimit-tokens-reset", "2026-11-23T12:00:08Z"),
            ("anthropic-ratelimit-input-tokens-limit", "40000"),
            ("anthropic-ratelimit-input-tokens-remaining", "40000"),
            ("anthropic-ratelimit-input-tokens-reset", "2026-11-23T11:59:59Z"),
            ("anthropic-ratelimit-output-tokens-limit", "8000"),
            ("anthropic-ratelimit-output-tokens-remaining", "7000"),
            ("anthropic-ratelimit-output-tokens-reset", "2026-11-23T12:00:07.5Z"),
        ]);
        let expected = RateLimits {
            requests: limit(50, 49, 1000),
            tokens: limit(48_000, 47_000, 8000),
            input_tokens: limit(40_000, 40_000, 0),
            output_tokens: limit(8000, 7000, 7500),
            date: Some(1_795_435_200),
        };
        assert_eq!(limits, expected);
    }

    #[test]
    fn openai_and_groq_name_two_dimensions_and_go_durations() {
        let limits = read(&[
            ("x-ratelimit-limit-requests", "14400"),
            ("x-ratelimit-remaining-requests", "14370"),
            ("x-ratelimit-reset-requests", "2m59.56s"),
            ("x-ratelimit-limit-tokens", "18000"),
            ("x-ratelimit-remaining-tokens", "17997"),
            ("x-ratelimit-reset-tokens", "7.66s"),
        ]);
        assert_eq!(limits.requests, limit(14_400, 14_370, 179_560));
        assert_eq!(limits.tokens, limit(18_000, 17_997, 7660));
        assert!(limits.input_tokens.is_empty() && limits.output_tokens.is_empty());
    }

    #[test]
    fn azure_names_seconds_under_the_same_names() {
        let limits = read(&[
            ("x-ratelimit-limit-requests", "60"),
            ("x-ratelimit-remaining-requests", "59"),
            ("x-ratelimit-reset-requests", "10"),
        ]);
        assert_eq!(limits.requests, limit(60, 59, 10_000));
    }

    #[test]
    fn openrouter_names_one_dimension_and_unix_milliseconds() {
        let limits = read(&[
            DATE,
            ("x-ratelimit-limit", "20"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1795435260000"),
        ]);
        assert_eq!(limits.requests, limit(20, 0, 60_000));
    }

    #[test]
    fn fireworks_mistral_and_together_name_parts() {
        let limits = read(&[
            ("x-ratelimit-limit-tokens-prompt", "900000"),
            ("x-ratelimit-remaining-tokens-generated", "36000"),
        ]);
        assert_eq!(limits.input_tokens.limit, Some(900_000));
        assert_eq!(limits.output_tokens.remaining, Some(36_000));

        let limits = read(&[("x-ratelimit-remaining-req-minute", "5")]);
        assert_eq!(limits.requests.remaining, Some(5));
        let limits = read(&[("x-ratelimit-remaining-tokens-minute", "499")]);
        assert_eq!(limits.tokens.remaining, Some(499));
        let limits = read(&[("x-tokenlimit-limit", "3000")]);
        assert_eq!(limits.tokens.limit, Some(3000));
    }

    #[test]
    fn absurd_values_are_refused_or_cut() {
        let limits = read(&[
            ("x-ratelimit-limit-requests", "0"),
            ("x-ratelimit-remaining-requests", "-1"),
            ("x-ratelimit-reset-requests", "99999999h"),
            ("x-ratelimit-limit-tokens", "100"),
            ("x-ratelimit-remaining-tokens", "99999999999999999999999"),
            ("x-ratelimit-reset-tokens", "2026-11-23T12:00:00Z"),
        ]);
        assert!(limits.requests.is_empty());
        // An instant without any clock to compare it with is none.
        let expected = RateLimit { limit: Some(100), remaining: Some(100), full_after: None };
        assert_eq!(limits.tokens, expected);
    }

    #[test]
    fn a_reply_without_limits_is_empty() {
        assert!(read(&[DATE, ("retry-after", "3")]).is_empty());
        assert!(!read(&[("x-ratelimit-limit-tokens", "9")]).is_empty());
    }
}
