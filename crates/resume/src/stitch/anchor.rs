//! The fragment that a model is asked to repeat, and how it is found again.
//!
//! An anchor must say where the text was cut: it occurs once, and it has no period of its
//! own. In text that repeats itself there is none; then nothing is quoted and nothing trimmed.

use memchr::memmem;
use std::ops::Range;

/// Characters of the fragment, tried in this order until one is unique.
const ANCHOR_CHARS: [usize; 5] = [40, 64, 96, 144, 240];

/// Fewer characters than this anchor nothing.
pub(crate) const ANCHOR_CHARS_MIN: usize = 16;

/// Characters before a fragment that must differ from its end.
const ROTATION_CHARS: usize = 2;

/// Characters of white space or quotation marks that may stand before the repetition.
const LEAD_CHARS: usize = 8;

/// Where the anchor begins in `sent`, the text as the model sees it; it reaches to the end.
pub(crate) fn choose(sent: &str) -> Option<usize> {
    let folded = fold(sent);
    ANCHOR_CHARS.into_iter().find_map(|chars| {
        let start = last_chars(sent, chars);
        let start = start + (sent[start..].len() - sent[start..].trim_start().len());
        let anchor = &sent[start..];
        (is_anchor(&folded, &fold(anchor)) && !is_rotation(&sent[..start], anchor)).then_some(start)
    })
}

/// How the head of a continuation compares with the anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// The anchor stands here and ends at this byte.
    Ends(usize),
    /// All of the head fits; more is needed.
    Open,
    /// It is something else.
    No,
}

/// What may stand before the repetition, beside quotation marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lead {
    /// Nothing. After white space the text itself may repeat a line that the anchor is.
    Tight,
    /// White space: the anchor begins inside a word, so no line of the text begins like it.
    Blank,
}

impl Lead {
    /// What may stand before an anchor that begins at `start` in `sent`.
    pub(crate) fn of(sent: &str, start: usize) -> Self {
        match sent[..start].chars().next_back() {
            Some(before) if !before.is_whitespace() => Self::Blank,
            _ => Self::Tight,
        }
    }
}

/// Looks for the anchor at the very beginning of `head`, up to a few characters of `lead`.
///
/// White space compares equal to any other white space, and typographic quotation marks to
/// plain ones: models tidy both up.
pub(crate) fn at_head(head: &str, anchor: &str, lead: Lead) -> Match {
    let mut open = false;
    let mut at = 0;
    for (index, c) in head.char_indices().chain([(head.len(), '\0')]).take(LEAD_CHARS + 1) {
        at = index;
        match compare(&head[index..], anchor) {
            Match::No => {}
            Match::Open => open = true,
            Match::Ends(len) => return Match::Ends(index + len),
        }
        if !(is_quote(c) || lead == Lead::Blank && c.is_whitespace()) {
            break;
        }
    }
    if open || at == head.len() { Match::Open } else { Match::No }
}

/// Finds the anchor anywhere in `head`.
pub(crate) fn anywhere(head: &str, anchor: &str) -> Option<Range<usize>> {
    head.char_indices().find_map(|(at, _)| match compare(&head[at..], anchor) {
        Match::Ends(len) => Some(at..at + len),
        Match::Open | Match::No => None,
    })
}

fn compare(head: &str, anchor: &str) -> Match {
    let mut ours = head.char_indices().peekable();
    let mut theirs = anchor.chars().peekable();
    while let Some(want) = theirs.next() {
        let Some((_, have)) = ours.next() else { return Match::Open };
        if want.is_whitespace() && have.is_whitespace() {
            while theirs.next_if(|c| c.is_whitespace()).is_some() {}
            while ours.next_if(|(_, c)| c.is_whitespace()).is_some() {}
        } else if plain(want) != plain(have) {
            return Match::No;
        }
    }
    Match::Ends(ours.peek().map_or(head.len(), |(at, _)| *at))
}

/// The text as [`compare`] sees it: runs of white space are one space, quotation marks plain.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        if !c.is_whitespace() {
            folded.push(plain(c));
        } else if !folded.ends_with(' ') {
            folded.push(' ');
        }
    }
    folded
}

/// Whether the text before the fragment ends as the fragment does: then it may be one line of
/// which a second copy was cut, and the next copy would begin like the fragment.
fn is_rotation(before: &str, anchor: &str) -> bool {
    !before.is_empty() && before.ends_with(&anchor[last_chars(anchor, ROTATION_CHARS)..])
}

fn is_anchor(sent: &str, anchor: &str) -> bool {
    anchor.chars().count() >= ANCHOR_CHARS_MIN
        && memmem::find(sent.as_bytes(), anchor.as_bytes()) == Some(sent.len() - anchor.len())
        && !is_periodic(anchor.as_bytes())
}

/// Whether the bytes may be a shorter run that repeats: their beginning comes again near their
/// end, so that text which goes on in that rhythm begins like them, but for a little white space.
pub(crate) fn is_periodic(bytes: &[u8]) -> bool {
    let mut border = vec![0; bytes.len()];
    for at in 1..bytes.len() {
        let mut len: usize = border[at - 1];
        while len > 0 && bytes[at] != bytes[len] {
            len = border[len - 1];
        }
        border[at] = if bytes[at] == bytes[len] { len + 1 } else { 0 };
    }
    border.last().is_some_and(|longest| {
        3 * longest >= bytes.len() || 2 * longest + LEAD_CHARS >= bytes.len()
    })
}

/// The byte at which the last `chars` characters begin.
pub(crate) fn last_chars(text: &str, chars: usize) -> usize {
    text.char_indices().rev().take(chars).last().map_or(text.len(), |(at, _)| at)
}

pub(crate) const fn is_quote(c: char) -> bool {
    matches!(plain(c), '"' | '\'') || matches!(c, '«' | '»' | '…' | '`')
}

const fn plain(c: char) -> char {
    match c {
        '“' | '”' | '„' | '‟' => '"',
        '‘' | '’' | '‚' | '‛' => '\'',
        '\u{A0}' => ' ',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_anchor_is_the_unique_end_and_begins_at_a_word() {
        let text = "The quick brown fox jumps over the lazy dog and goes on its way home";
        let start = choose(text).unwrap();
        assert!(!text[start..].starts_with(' '));
        assert!(text[start..].chars().count() <= 40);
        assert!(text.ends_with(&text[start..]));
    }

    #[test]
    fn repetition_makes_the_anchor_longer_until_it_is_unique() {
        let row = "| 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 |\n";
        let text = format!("{row}and one more thing, then again {row}");
        let start = choose(text.trim_end()).unwrap();
        assert!(text.trim_end()[start..].chars().count() > 40);
    }

    #[test]
    fn periodic_text_has_no_anchor() {
        assert_eq!(choose("ha ".repeat(100).trim_end()), None);
        assert_eq!(choose("| --- | --- |\n".repeat(40).trim_end()), None);
    }

    #[test]
    fn a_staircase_of_braces_is_periodic_to_the_eye_that_folds_white_space() {
        let text = format!("{}{}", "        }\n    }\n}\n", "}\n".repeat(30));
        assert_eq!(choose(text.trim_end()), None);
    }

    #[test]
    fn a_fragment_that_may_be_a_whole_line_is_passed_over() {
        let line = "a line of exactly forty characters, see\n";
        let text = format!("{line}{}", &line[..5]);
        assert_ne!(choose(&text), Some(5), "the forty characters that repeat next");
    }

    #[test]
    fn short_text_has_no_anchor() {
        assert_eq!(choose("Sure, here"), None);
    }

    #[test]
    fn the_head_is_matched_through_quotes_and_white_space() {
        let anchor = "said \"no\" and\nwent home";
        assert_eq!(
            at_head("said \"no\" and\nwent home. Then", anchor, Lead::Tight),
            Match::Ends(23)
        );
        assert_eq!(at_head("«said “no” and went home» x", anchor, Lead::Tight), Match::Ends(29));
        assert_eq!(at_head("said \"no", anchor, Lead::Tight), Match::Open);
        assert_eq!(at_head("", anchor, Lead::Tight), Match::Open);
        assert_eq!(at_head(" Then she", anchor, Lead::Blank), Match::No);
        assert_eq!(at_head("\nsaid \"no\" and\nwent home", anchor, Lead::Tight), Match::No);
        assert_eq!(at_head("\nsaid \"no\" and\nwent home", anchor, Lead::Blank), Match::Ends(24));
    }

    #[test]
    fn periods_are_found() {
        assert!(is_periodic(b"abab"));
        assert!(is_periodic(b"ababa"));
        assert!(is_periodic(b"| 0 | sure |\n| 0 | sure |"));
        assert!(!is_periodic(b"abcdefghijklmnopqrstuabc"));
    }
}
