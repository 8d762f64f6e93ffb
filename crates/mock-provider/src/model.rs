//! Which models go on after a final assistant message: a table of this server's own.
//! An unknown model does not.

use crate::ask::PrefillForm;
use crate::config::Prefill;

/// Whether `model` goes on after a final assistant message that is marked in this form.
pub(crate) fn accepts_prefill(policy: Prefill, model: &str, form: PrefillForm) -> bool {
    match (policy, form) {
        (Prefill::Accept, _) => true,
        (Prefill::Refuse, _) => false,
        (Prefill::ByModel, PrefillForm::Messages) => claude_accepts(model),
        (Prefill::ByModel, PrefillForm::Prefix) => starts_with_any(model, &PREFIX_FAMILIES),
        (Prefill::ByModel, PrefillForm::Partial) => starts_with_any(model, &PARTIAL_FAMILIES),
        (Prefill::ByModel, PrefillForm::Template) => !starts_with_any(model, &HOSTED_FAMILIES),
    }
}

const PREFIX_FAMILIES: [&str; 7] =
    ["mistral", "ministral", "magistral", "codestral", "devstral", "pixtral", "deepseek"];
const PARTIAL_FAMILIES: [&str; 2] = ["kimi", "moonshot"];
/// Families that no server with a chat template of its own serves.
const HOSTED_FAMILIES: [&str; 6] = ["gpt-3", "gpt-4", "gpt-5", "claude", "o3", "o4"];

/// The families of Claude 4.5 and earlier; the first generations have a number alone.
const CLAUDE_FAMILIES: [&str; 5] = ["opus", "sonnet", "haiku", "instant", "2"];

fn starts_with_any(model: &str, families: &[&str]) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    families.iter().any(|family| name.starts_with(family))
}

/// Claude up to 4.5, in both orders of naming: `claude-3-5-sonnet-…`, `claude-haiku-4-5-…`.
fn claude_accepts(model: &str) -> bool {
    let Some((_, name)) = model.split_once("claude-") else { return false };
    let parts: Vec<_> = name.split(['-', '.', '@', ':']).collect();
    if !parts.iter().any(|part| CLAUDE_FAMILIES.contains(part)) {
        return false;
    }
    // A date has more digits than a version.
    let mut numbers =
        parts.iter().filter(|part| part.len() <= 2).filter_map(|part| part.parse::<u32>().ok());
    let Some(major) = numbers.next() else { return false };
    (major, numbers.next().unwrap_or(0)) <= (4, 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(form: PrefillForm, accepted: &[&str], refused: &[&str]) {
        for model in accepted {
            assert!(accepts_prefill(Prefill::ByModel, model, form), "{model}");
            assert!(!accepts_prefill(Prefill::Refuse, model, form), "{model}");
        }
        for model in refused {
            assert!(!accepts_prefill(Prefill::ByModel, model, form), "{model}");
            assert!(accepts_prefill(Prefill::Accept, model, form), "{model}");
        }
    }

    #[test]
    fn claude_up_to_4_5_accepts() {
        let accepted = [
            "claude-haiku-4-5",
            "claude-sonnet-4-5-20250929",
            "claude-opus-4-5",
            "claude-opus-4-1-20250805",
            "claude-sonnet-4-20250514",
            "claude-3-5-sonnet-20241022",
            "claude-3-haiku-20240307",
            "claude-2.1",
            "anthropic/claude-haiku-4.5",
            "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        ];
        let refused = [
            "claude-opus-4-6",
            "claude-sonnet-4-6",
            "claude-opus-5-5",
            "claude-sonnet-5",
            "claude-haiku-5-5",
            "claude-fable-5",
            "claude-mythos-preview",
            "claude-unknown-1",
            "claude",
            "gpt-5",
            "",
        ];
        check(PrefillForm::Messages, &accepted, &refused);
    }

    #[test]
    fn compatible_servers_accept_their_own_form() {
        let mistral = ["mistral-large-latest", "deepseek-chat", "mistralai/mistral-small"];
        check(PrefillForm::Prefix, &mistral, &["gpt-4.1", "kimi-k2.6", "qwen3"]);
        check(PrefillForm::Partial, &["kimi-k2.6", "moonshot-v1-8k"], &["gpt-4.1", "qwen3"]);
        check(PrefillForm::Template, &["qwen3", "gpt-oss-20b"], &["gpt-4.1", "o3-mini"]);
    }
}
