//! The fragment that a model is asked to repeat, and how it is found again.
//!
//! An anchor must say where the text was cut: it occurs once, it has no period of its own, and it
//! begins inside a phrase, where nothing begins that a text says twice. Where there is none,
//! nothing is quoted and nothing trimmed.

use memchr::memmem;

use super::folded::{Match, closing, compare, fold, is_periodic, last_chars};
use super::phrase;
use crate::seam::SeamLabel;

/// Characters of the fragment at most, tried in this order until one is unique.
const ANCHOR_CHARS: [usize; 5] = [40, 64, 96, 144, 240];

/// Fewer characters than this anchor nothing.
pub(crate) const ANCHOR_CHARS_MIN: usize = 16;

/// Characters of white space or quotation marks that may stand before the repetition.
pub(super) const LEAD_CHARS: usize = 8;

/// Places in a fragment of each length at which the anchor may begin.
const STARTS_MAX: usize = 3;

/// Where the anchor begins in `sent`, the text as the model sees it; it reaches to the end.
pub(crate) fn choose(sent: &str) -> Option<usize> {
    let folded = fold(sent);
    let mut starts = ANCHOR_CHARS.into_iter().flat_map(|chars| {
        let starts = starts(sent, last_chars(sent, chars));
        starts.take(STARTS_MAX)
    });
    starts.find(|start| {
        let (before, anchor) = sent.split_at(*start);
        is_anchor(&folded, &fold(anchor)) && !is_rotation(before, anchor)
    })
}

/// The places from `from` on where a phrase goes on and enough is left of the text.
fn starts(sent: &str, from: usize) -> impl Iterator<Item = usize> {
    let last = last_chars(sent, ANCHOR_CHARS_MIN);
    let places = sent[from..].char_indices().map(move |(at, _)| from + at);
    let begins = |at: &usize| phrase::is_word_start(sent, *at) && phrase::is_inside(sent, *at);
    places.take_while(move |at| *at <= last).filter(begins)
}

fn is_anchor(sent: &str, anchor: &str) -> bool {
    anchor.chars().count() >= ANCHOR_CHARS_MIN
        && memmem::find(sent.as_bytes(), anchor.as_bytes()) == Some(sent.len() - anchor.len())
        && !is_periodic(anchor.as_bytes(), LEAD_CHARS)
}

/// Whether the text before a fragment ends as the fragment does: then it may be one line of which
/// a second copy was cut, and the next copy would begin like the fragment.
pub(super) fn is_rotation(before: &str, fragment: &str) -> bool {
    let last = before.trim_end().chars().next_back();
    last.is_some() && last == fragment.chars().next_back()
}

/// What the head of a continuation has to do with the anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It repeats the anchor up to this byte, closing marks included.
    Ends(usize, SeamLabel),
    /// It may; more is needed.
    Open,
    /// It is something else.
    No,
}

/// Looks for the anchor at the very beginning of `head`, up to a few characters of white space and
/// marks. It is the end of `sent` from `start` on.
pub(super) fn at_head(head: &str, sent: &str, start: usize) -> Found {
    let mut open = false;
    let mut mark = None;
    for (at, c) in head.char_indices().chain([(head.len(), '\0')]).take(LEAD_CHARS + 1) {
        match compare(&head[at..], &sent[start..]) {
            Match::No => {}
            Match::Open => open = true,
            Match::Ends(len) => return unwrap(head, at + len, mark, sent),
        }
        if closing(c).is_some() {
            // Three of them are a fence, which no mark closes.
            mark = Some(c).filter(|_| !head[..at].ends_with("``"));
        } else if !(c.is_whitespace() || c == '…') {
            break;
        }
    }
    if open { Found::Open } else { Found::No }
}

/// Looks for the anchor anywhere in `head`; where it begins, and what it is.
pub(super) fn anywhere(head: &str, sent: &str, start: usize) -> Option<(usize, Found)> {
    let (at, end) =
        head.char_indices().find_map(|(at, _)| match compare(&head[at..], &sent[start..]) {
            Match::Ends(len) => Some((at, at + len)),
            Match::Open | Match::No => None,
        })?;
    let mark = head[..at].chars().next_back().filter(|c| closing(*c).is_some());
    Some((at, unwrap(head, end, mark, sent)))
}

/// Includes the mark that closes what `mark` opened before the repetition. Where the text itself
/// has such a mark open, or stops in a row of them, either could be meant: it stays, and the joint
/// is not sure.
fn unwrap(head: &str, end: usize, mark: Option<char>, sent: &str) -> Found {
    let Some((open, close)) = mark.and_then(|open| Some((open, closing(open)?))) else {
        return Found::Ends(end, SeamLabel::Anchored);
    };
    match head[end..].chars().next() {
        None => Found::Open,
        Some(c) if c == close && !is_open(sent, open, close) && !sent.ends_with(close) => {
            Found::Ends(end + c.len_utf8(), SeamLabel::Anchored)
        }
        Some(_) => Found::Ends(end, SeamLabel::Overlap),
    }
}

fn is_open(text: &str, open: char, close: char) -> bool {
    let count = |mark| text.matches(mark).count();
    if open == close { count(open) % 2 == 1 } else { count(open) > count(close) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Then the keeper said \"no\" and\nwent home to read his letters";

    #[test]
    fn the_anchor_is_the_unique_end_and_begins_inside_a_phrase() {
        let text = "The quick brown fox jumps over the lazy dog and goes on its way home";
        let anchor = &text[choose(text).unwrap()..];
        assert_eq!(
            anchor,
            "over the lazy dog and goes on its way home"[2..].trim_start_matches("er ")
        );
        let lines = format!("{text}.\nAnd that was all of it");
        let anchor = &lines[choose(&lines).unwrap()..];
        assert!(!anchor.starts_with("And"), "{anchor:?} is a line");
    }

    #[test]
    fn repetition_makes_the_anchor_longer_until_it_is_unique() {
        let row = "| the first of the cells | the second of the cells |\n";
        let text = format!("{row}and one more thing, then again {row}");
        let start = choose(text.trim_end()).unwrap();
        assert!(text.trim_end()[start..].chars().count() > 40);
    }

    #[test]
    fn periodic_text_has_no_anchor() {
        for unit in ["ha ", "| --- | --- |\n", "the same words again and ", "哈哈"] {
            assert_eq!(choose(unit.repeat(100).trim_end()), None, "{unit:?}");
        }
    }

    #[test]
    fn a_staircase_of_braces_has_no_anchor() {
        let text = format!("{}{}", "        }\n    }\n}\n", "}\n".repeat(30));
        assert_eq!(choose(text.trim_end()), None);
    }

    #[test]
    fn a_fragment_that_may_be_a_whole_line_is_passed_over() {
        let line = "a line of exactly forty characters, see\n";
        for cut in 0..line.len() {
            let text = format!("Title:\n{line}{}", &line[..cut]);
            let Some(start) = choose(text.trim_end()) else { continue };
            let next = line.repeat(3);
            let next = next[cut..].trim_start();
            assert_ne!(compare(next, &text.trim_end()[start..]), Match::Ends(40), "cut at {cut}");
            assert!(!next.starts_with(&text.trim_end()[start..]), "cut at {cut}");
        }
    }

    #[test]
    fn short_text_has_no_anchor() {
        assert_eq!(choose("Sure, here"), None);
        assert_eq!(choose("Onewordthatislong"), None);
    }

    #[track_caller]
    fn check(head: &str, expected: Found) {
        let start = TEXT.find("keeper").unwrap();
        assert_eq!(at_head(head, TEXT, start), expected, "{head:?}");
    }

    #[test]
    fn a_fence_is_no_quotation_mark() {
        let sent = "```\nfn of(keeper: u32) {\n    keeper + 1\n}\n\n`";
        let start = sent.find("keeper +").unwrap();
        let fragment = &sent[start..];
        let head = format!("```\n{fragment}``\n\n");
        let end = 4 + fragment.len();
        assert_eq!(at_head(&head, sent, start), Found::Ends(end, SeamLabel::Anchored));
        let head = format!("`{fragment}``\n\n");
        let unsure = Found::Ends(1 + fragment.len(), SeamLabel::Overlap);
        assert_eq!(at_head(&head, sent, start), unsure);
    }

    #[test]
    fn the_head_is_matched_through_white_space_and_marks() {
        let ends = |at| Found::Ends(at, SeamLabel::Anchored);
        let anchor = "keeper said “no” and went home to read his letters";
        let len = anchor.len();
        check(anchor, ends(len));
        check(&format!("\n\n{anchor} at"), ends(len + 2));
        check(&format!("…{anchor} at"), ends(len + 3));
        check(&format!("«{anchor}» at"), ends(len + 4));
        check("keeper said", Found::Open);
        check(" «kee", Found::Open);
        check("", Found::Open);
        check("he said", Found::No);
        check(&format!("         {anchor}"), Found::No);
    }

    #[test]
    fn a_mark_that_may_be_the_texts_own_is_kept() {
        let anchor = "keeper said \"no\" and went home to read his letters";
        check(&format!("«{anchor}"), Found::Open);
        check(&format!("«{anchor} at"), Found::Ends(anchor.len() + 2, SeamLabel::Overlap));
        let open = TEXT.replace("Then", "\"Then");
        let start = open.find("keeper").unwrap();
        let head = format!("\"{anchor}\" he said");
        assert_eq!(at_head(&head, &open, start), Found::Ends(anchor.len() + 1, SeamLabel::Overlap));
    }
}
