//! What a model that was asked to go on may write before it does: words that announce the rest, a
//! code fence that is open already.
//!
//! It only counts when the anchor follows: without it the words are text.

use super::folded::closing;

/// How a model may begin instead of going on: at once and with a capital. What follows white
/// space or is written small is the text going on.
const WORDS: [&str; 17] = [
    "Sure",
    "Of course",
    "Certainly",
    "Absolutely",
    "Continuing",
    "Here",
    "Okay",
    "Ok",
    "OK",
    "Picking up",
    "I'll",
    "Let me",
    "Apologies",
    "Sorry",
    "No problem",
    "Understood",
    "Got it",
];

const FENCE: &str = "```";

/// Characters of the line that opens a code block, at most.
pub(super) const FENCE_CHARS: usize = 32;

/// Characters by which words are known for those before the fragment.
const AGAIN_CHARS: usize = 2;

/// Whether this may be the beginning of an announcement.
pub(super) fn may_announce(head: &str) -> bool {
    WORDS.iter().any(|word| head.starts_with(word) || word.starts_with(head))
}

/// Whether these words announce what follows them, which follows `before` in the text. Words that
/// end as the text did there are the text, saying it again.
pub(super) fn announces(words: &str, before: &str, text: &str) -> bool {
    let words = match words.trim_end_matches(' ').strip_suffix('\n').map(|line| line.rfind('\n')) {
        Some(Some(line)) if words[line + 1..].starts_with(FENCE) => {
            if !in_fence(text) {
                return false;
            }
            &words[..=line]
        }
        _ => words,
    };
    let said = words.trim_end_matches(|c: char| c.is_whitespace() || closing(c).is_some());
    let again =
        said.chars().rev().take(AGAIN_CHARS).eq(before.trim_end().chars().rev().take(AGAIN_CHARS));
    !again && (said.ends_with([':', '.', '!']) || words[said.len()..].contains('\n'))
}

/// A line that opens a code block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fence {
    /// It has so many bytes.
    Ends(usize),
    /// It may become one.
    Open,
    /// It is none.
    No,
}

/// Reads the line at the beginning of `head`.
pub(super) fn fence(head: &str) -> Fence {
    if !head.starts_with(FENCE) {
        return if FENCE.starts_with(head) { Fence::Open } else { Fence::No };
    }
    match head.char_indices().take(FENCE_CHARS).find(|(_, c)| *c == '\n') {
        Some((at, _)) => Fence::Ends(at + 1),
        None if head.chars().count() < FENCE_CHARS => Fence::Open,
        None => Fence::No,
    }
}

/// Whether the text stops inside a code block.
pub(super) fn in_fence(text: &str) -> bool {
    text.lines().filter(|line| line.trim_start().starts_with(FENCE)).count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_announce_by_their_last_mark_or_line() {
        for words in ["Sure:", "Sure, going on: ", "Of course!\n\n", "Here it is.\n«", "Okay\n\n"]
        {
            assert!(announces(words, "in the", ""), "{words:?}");
        }
        for words in ["Sure, ", "Here is the ", "Okay then, «"] {
            assert!(!announces(words, "in the", ""), "{words:?}");
        }
        assert!(!announces("Sure: {\n\"id\": ", "{\n\"id\": ", ""), "the text again");
    }

    #[test]
    fn a_fence_announces_only_inside_a_code_block() {
        assert!(announces("Sure:\n```rust\n", "x", "see\n```rust\nlet a"));
        assert!(!announces("Sure:\n```rust\n", "x", "see\n```rust\n```\nlet a"));
    }

    #[test]
    fn a_fence_is_one_short_line() {
        assert_eq!(fence("```rust\nlet"), Fence::Ends(8));
        assert_eq!(fence("``"), Fence::Open);
        assert_eq!(fence("```ru"), Fence::Open);
        assert_eq!(fence("let"), Fence::No);
        assert_eq!(fence(&format!("```{}", "x".repeat(FENCE_CHARS))), Fence::No);
    }
}
