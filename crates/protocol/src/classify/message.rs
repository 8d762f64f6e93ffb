//! A provider's message as it may be shown and logged.
//!
//! Removes control characters, also those of the direction of text, and whatever looks like a key, and limits the length. A caller
//! who knows the key removes it exactly.

use retry_policy::{Nanos, hint};

/// Most bytes that a failure's message has.
pub const MESSAGE_BYTES_MAX: usize = 300;

/// Most bytes that a failure's code has.
pub const CODE_BYTES_MAX: usize = 64;

/// Stands where a key was.
pub(crate) const REDACTED: &str = "[redacted]";

/// Bytes of a raw message that are looked at.
const RAW_BYTES_MAX: usize = 4_096;

/// The message in one line, without keys, at most [`MESSAGE_BYTES_MAX`] bytes.
pub(super) fn clean(raw: &str) -> String {
    let raw = cut(raw, RAW_BYTES_MAX);
    let mut clean = String::new();
    let mut keys = KeyWatch::default();
    for word in raw.split(|c: char| c.is_whitespace() || c.is_control() || turns_text(c)) {
        let Some(shown) = keys.show(word) else { continue };
        let gap = usize::from(!clean.is_empty());
        // A word is shown whole or not at all, so that no part of a key can be left over.
        if clean.len() + gap + shown.len() > MESSAGE_BYTES_MAX {
            break;
        }
        if gap == 1 {
            clean.push(' ');
        }
        clean.push_str(&shown);
    }
    clean
}

/// Whether it changes the direction of the text after it, so that a terminal shows other words than
/// were written: the property `Bidi_Control` of Unicode.
const fn turns_text(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether something in the text looks like a key.
#[cfg(feature = "profile-files")]
pub(crate) fn holds_key(text: &str) -> bool {
    let mut keys = KeyWatch::default();
    let mut words = text.split_whitespace().filter_map(|word| keys.show(word));
    words.any(|shown| shown.contains(REDACTED))
}

/// How long the message asks to wait, as in "try again in 1.5s" and Google's "retry in 34.07s".
pub(super) fn wait_told(message: &str) -> Option<Nanos> {
    let message = cut(message, RAW_BYTES_MAX).to_ascii_lowercase();
    let after = ["try again in ", "retry in "].iter().find_map(|words| message.split_once(words));
    let (_, after) = after?;
    let span = after.split_ascii_whitespace().next()?.trim_end_matches(['.', ',']);
    hint::go_duration(span).filter(|span| *span > Nanos::ZERO)
}

/// The code in its permitted letters; `None` when nothing is left of it.
pub(super) fn clean_code(raw: &str) -> Option<String> {
    let code: String = raw
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(*c))
        .take(CODE_BYTES_MAX)
        .collect();
    (!code.is_empty() && !looks_like_key(&code)).then_some(code)
}

/// Knows from the words before whether a key may follow.
#[derive(Default)]
struct KeyWatch {
    /// How many more runs of letters may be the key that was announced.
    expected: u8,
}

impl KeyWatch {
    /// The word with its keys replaced; `None` for an empty word.
    fn show(&mut self, word: &str) -> Option<String> {
        let mut shown = String::new();
        let mut rest = word;
        while !rest.is_empty() {
            let run_len = rest.find(|c| !is_key_char(c)).unwrap_or(rest.len());
            let (run, after) = rest.split_at(run_len);
            if !run.is_empty() {
                shown.push_str(if self.is_key(run) { REDACTED } else { run });
            }
            let between = after.find(is_key_char).unwrap_or(after.len());
            let (mark, next) = after.split_at(between);
            shown.push_str(mark);
            rest = next;
        }
        (!shown.is_empty()).then_some(shown)
    }

    fn is_key(&mut self, run: &str) -> bool {
        let announced = self.expected > 0;
        self.expected = self.expected.saturating_sub(1);
        let lower = run.to_ascii_lowercase();
        if ANNOUNCING.iter().any(|word| lower.trim_end_matches('s').ends_with(word)) {
            self.expected = 3;
        }
        looks_like_key(run) || (announced && is_opaque(run))
    }
}

/// Words after which a key may stand.
const ANNOUNCING: &[&str] = &["bearer", "key", "token", "secret", "authorization", "password"];

/// How keys of known providers begin.
const KEY_PREFIXES: &[&str] = &[
    "sk-", "sk_", "pk-", "pk_", "rk_", "gsk_", "xai-", "AIza", "ya29.", "hf_", "r8_", "pplx-",
    "nvapi-", "AKIA", "eyJ", "ghp_", "csk-", "fw_", "tgp_",
];

/// How identifiers begin that are as long as keys and worth showing.
const ID_PREFIXES: &[&str] = &["req_", "msg_", "chatcmpl-", "resp_", "gen-"];

fn looks_like_key(run: &str) -> bool {
    const ENOUGH: usize = 4;
    let has_prefix =
        |prefix: &&str| run.strip_prefix(*prefix).is_some_and(|rest| rest.len() >= ENOUGH);
    let has = |test: fn(&u8) -> bool| run.bytes().any(|byte| test(&byte));
    let mixed =
        has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
    let is_id = ID_PREFIXES.iter().any(|prefix| run.starts_with(prefix));
    KEY_PREFIXES.iter().any(has_prefix) || (run.len() >= 24 && mixed && !is_id)
}

/// Whether a run is no plain word, where a key was announced.
fn is_opaque(run: &str) -> bool {
    run.len() >= 6
        && run.bytes().any(|byte| byte.is_ascii_digit() || matches!(byte, b'*' | b'_' | b'-'))
}

fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '*')
}

fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(raw: &str, expected: &str) {
        assert_eq!(clean(raw), expected);
    }

    #[test]
    fn keys_are_replaced() {
        check(
            "Incorrect API key provided: sk-abcd*****wxyz.",
            "Incorrect API key provided: [redacted]",
        );
        check(
            "invalid x-api-key: \"my-secret-1\" given",
            "invalid x-api-key: \"[redacted]\" given",
        );
        check(
            "header Authorization: Bearer abc-123-def",
            "header Authorization: Bearer [redacted]",
        );
        check("https://h/v1?key=AIzaSyA1234&x=1", "https://h/v1?key=[redacted]&x=1");
        check("got Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZg now", "got [redacted] now");
    }

    #[test]
    fn models_ids_and_plain_words_stay() {
        let plain = "model claude-sonnet-4-5-20250929: request req_011CSHoEeqs5C35K2UUqR7Fy, \
                     max_tokens: 4096 > 8192, the key of tool calls";
        check(plain, plain);
    }

    #[test]
    fn control_characters_become_gaps() {
        check("a\r\nb\u{1b}[31mc\0\0d", "a b [31mc d");
    }

    #[test]
    fn characters_that_turn_the_text_become_gaps() {
        check(
            "pay\u{202e}lla\u{202c} of\u{2066}it\u{2069} now\u{200f}\u{61c}",
            "pay lla of it now",
        );
        // Words that are written from right to left stay.
        check("\u{5e9}\u{5dc}\u{5d5}\u{5dd}", "\u{5e9}\u{5dc}\u{5d5}\u{5dd}");
    }

    #[test]
    fn a_long_message_ends_at_a_word() {
        let message = clean(&"wörd ".repeat(200));
        assert!(message.len() <= MESSAGE_BYTES_MAX && message.ends_with("wörd"));
        check(&"x".repeat(MESSAGE_BYTES_MAX + 1), "");
    }

    #[test]
    fn codes_have_few_letters() {
        assert_eq!(clean_code("Rate_Limit \n<b>").as_deref(), Some("rate_limitb"));
        assert_eq!(clean_code(&"a".repeat(99)).unwrap().len(), CODE_BYTES_MAX);
        assert_eq!(clean_code("\u{e9}"), None);
        assert_eq!(clean_code("sk-1234567"), None);
    }

    proptest! {
        #[test]
        fn a_key_is_never_shown(before in "[ -~]{0,40}", key in "[a-z0-9]{8,40}", after in "[ -~]{0,400}") {
            let key = format!("sk-{key}");
            let shown = clean(&format!("{before} {key} {after}"));
            prop_assert!(!shown.contains(&key), "{shown}");
            prop_assert!(shown.len() <= MESSAGE_BYTES_MAX);
        }
    }
}
