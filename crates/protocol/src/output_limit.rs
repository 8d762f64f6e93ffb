//! How many tokens of output a model gives at most, for the models of which that is known.
//!
//! Only upper bounds, compared with what litellm 1.110.2 lists: a model that is not in the table, or of
//! which a provider serves less, says so itself.

/// The most output tokens that the model of this name may be asked for; `None` when it is not known.
///
/// Prefixes of platforms (`anthropic/`, `us.anthropic.`) and whatever follows the name that the table
/// has (a date, a variant) are passed over.
///
/// ```
/// use protocol::output_tokens_max;
///
/// assert_eq!(output_tokens_max("gpt-4o-mini-2024-07-18"), Some(16_384));
/// assert_eq!(output_tokens_max("anthropic/claude-3-haiku-20240307"), Some(4_096));
/// assert_eq!(output_tokens_max("somebody-s-own"), None);
/// ```
#[must_use]
pub fn output_tokens_max(model: &str) -> Option<u64> {
    let name = model.rsplit('/').next()?.to_ascii_lowercase().replace('.', "-");
    let name = name.rsplit_once("anthropic-").map_or(name.as_str(), |(_, name)| name);
    let is_it = |known: &str| {
        name.strip_prefix(known)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
    };
    LIMITS
        .iter()
        .filter(|(known, _)| is_it(known))
        .max_by_key(|(known, _)| known.len())
        .map(|it| it.1)
}

/// Names with `-` for `.`; of several that begin a model's name the longest counts.
const LIMITS: &[(&str, u64)] = &[
    ("claude-3-opus", 4_096),
    ("claude-3-sonnet", 4_096),
    ("claude-3-haiku", 4_096),
    ("claude-3-5-sonnet", 8_192),
    ("claude-3-5-haiku", 8_192),
    ("claude-3-7-sonnet", 128_000),
    ("claude-sonnet-4", 64_000),
    ("claude-sonnet-4-6", 128_000),
    ("claude-opus-4", 32_000),
    ("claude-opus-4-5", 64_000),
    ("claude-opus-4-6", 128_000),
    ("claude-opus-4-7", 128_000),
    ("claude-opus-4-8", 128_000),
    ("claude-haiku-4-5", 64_000),
    ("gpt-3-5-turbo", 4_096),
    ("gpt-4-turbo", 4_096),
    ("gpt-4o", 16_384),
    ("gpt-4-1", 32_768),
    ("gpt-5", 128_000),
    ("gpt-5-pro", 272_000),
    ("o1", 100_000),
    ("o1-mini", 65_536),
    ("o3", 100_000),
    ("o4-mini", 100_000),
    ("gemini-1-5", 8_192),
    ("gemini-2-0-flash", 8_192),
    ("gemini-2-5", 65_536),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(model: &str, limit: Option<u64>) {
        assert_eq!(output_tokens_max(model), limit, "{model}");
    }

    #[test]
    fn the_longest_name_that_begins_a_model_counts() {
        check("claude-opus-4-20250514", Some(32_000));
        check("claude-opus-4-1", Some(32_000));
        check("claude-opus-4.5", Some(64_000));
        check("us.anthropic.claude-3-5-sonnet-20241022-v2:0", Some(8_192));
        check("openai/gpt-4.1-mini", Some(32_768));
        check("o1-mini", Some(65_536));
        check("claude-sonnet-4-6", Some(128_000));
        check("gpt-5-pro-2025-10-06", Some(272_000));
        check("models/gemini-2.0-flash-lite", Some(8_192));
    }

    #[test]
    fn a_name_that_only_looks_alike_is_not_known() {
        check("gpt-4olympus", None);
        check("my-gpt-4o", None);
        check("gpt-4", None);
        check("", None);
    }
}
