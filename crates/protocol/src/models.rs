//! Which Claude models continue an assistant message that was begun.
//!
//! A name is parsed into family and version; names of other models and unknown parts are not
//! guessed at.

/// Whether the Claude model of that name takes an assistant prefill.
///
/// Versions up to 4.5 do, later ones refuse. Prefixes of other platforms (`anthropic/`,
/// `us.anthropic.`) and suffixes (`@20250929`, `-20250929`, `-v1:0`, `-latest`) are understood.
/// `None` when the name is not that of a Claude model this table can place.
///
/// ```
/// use protocol::claude_takes_prefill;
///
/// assert_eq!(claude_takes_prefill("claude-sonnet-4-5-20250929"), Some(true));
/// assert_eq!(claude_takes_prefill("us.anthropic.claude-opus-4-6-v1:0"), Some(false));
/// assert_eq!(claude_takes_prefill("gpt-5"), None);
/// ```
#[must_use]
pub fn claude_takes_prefill(model: &str) -> Option<bool> {
    const LAST_WITH_PREFILL: (u32, u32) = (4, 5);
    let model = bare_name(model)?;
    let mut family = None;
    let mut numbers = Vec::new();
    for part in model.split(['-', '.']) {
        match part {
            "opus" | "sonnet" | "haiku" | "instant" | "fable" | "mythos" if family.is_none() => {
                family = Some(part);
            }
            "latest" | "preview" | "thinking" | "v1" | "v2" => {}
            _ if is_date(part) => {}
            _ => numbers.push(part.parse::<u32>().ok().filter(|_| part.len() <= 2)?),
        }
    }
    let version = match numbers.as_slice() {
        [] => None,
        [major] => Some((*major, 0)),
        [major, minor] => Some((*major, *minor)),
        _ => return None,
    };
    match (family, version) {
        (Some("fable" | "mythos"), _) => Some(false),
        (_, Some(version)) => Some(version <= LAST_WITH_PREFILL),
        (_, None) => None,
    }
}

/// What follows `claude-`, without platform prefixes and without `@` or `:` suffixes.
fn bare_name(model: &str) -> Option<String> {
    let model = model.rsplit('/').next()?;
    let model = model.split(['@', ':']).next()?.to_ascii_lowercase();
    let at = model.find("claude-")?;
    let platform = model.get(..at)?;
    (platform.is_empty() || platform.ends_with("anthropic."))
        .then(|| model.get(at + "claude-".len()..).map(str::to_owned))?
}

fn is_date(part: &str) -> bool {
    part.len() == 8 && part.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        let rows: [(&str, Option<bool>); 40] = [
            ("claude-2.1", Some(true)),
            ("claude-instant-1.2", Some(true)),
            ("claude-3-opus-20240229", Some(true)),
            ("claude-3-haiku-20240307", Some(true)),
            ("claude-3-5-sonnet-latest", Some(true)),
            ("claude-3-5-sonnet-v2@20241022", Some(true)),
            ("anthropic.claude-3-5-sonnet-20241022-v2:0", Some(true)),
            ("claude-3-7-sonnet-20250219", Some(true)),
            ("claude-opus-4-0", Some(true)),
            ("claude-opus-4-20250514", Some(true)),
            ("claude-opus-4-1-20250805", Some(true)),
            ("claude-sonnet-4-5", Some(true)),
            ("claude-sonnet-4-5-20250929", Some(true)),
            ("claude-sonnet-4-5@20250929", Some(true)),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", Some(true)),
            ("anthropic/claude-sonnet-4.5", Some(true)),
            ("anthropic/claude-haiku-4.5:beta", Some(true)),
            ("openrouter/anthropic/claude-opus-4.5", Some(true)),
            ("Claude-Haiku-4-5", Some(true)),
            ("claude-opus-4-6", Some(false)),
            ("claude-opus-4-6-20260205", Some(false)),
            ("anthropic/claude-opus-4.6", Some(false)),
            ("global.anthropic.claude-opus-4-6-v1:0", Some(false)),
            ("claude-opus-4-7", Some(false)),
            ("claude-opus-4-8", Some(false)),
            ("claude-sonnet-4-6", Some(false)),
            ("claude-sonnet-5", Some(false)),
            ("claude-sonnet-5-5", Some(false)),
            ("claude-opus-5", Some(false)),
            ("claude-opus-5-5", Some(false)),
            ("claude-haiku-5-5", Some(false)),
            ("claude-opus-10", Some(false)),
            ("claude-fable-5-1", Some(false)),
            ("claude-mythos-preview", Some(false)),
            ("claude-sonnet", None),
            ("claude-zeta-4", None),
            ("claude-opus-4-5-fast", None),
            ("my-claude-sonnet-4-5", None),
            ("gpt-5", None),
            ("", None),
        ];
        for (model, expected) in rows {
            assert_eq!(claude_takes_prefill(model), expected, "{model}");
        }
    }
}
