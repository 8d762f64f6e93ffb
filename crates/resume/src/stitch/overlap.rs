//! The longest end of the text that a continuation repeats.
//!
//! Only a repetition that can hardly be the text's own counts: long, unique, not the period of what
//! stands before it, and beginning or ending inside a phrase.

use memchr::memmem;

use super::anchor::{LEAD_CHARS, is_rotation};
use super::folded::is_periodic;
use super::phrase;

/// Shorter repetitions are kept: cells, lines of code and choruses repeat that much, and losing
/// one of them is worse than showing what a model wrote twice.
pub(super) const OVERLAP_BYTES_MIN: usize = 96;

/// The same in characters, of which some scripts need three bytes each.
pub(super) const OVERLAP_CHARS_MIN: usize = 32;

/// How far back a repetition may begin, in bytes.
pub(super) const REACH_BYTES: usize = 4096;

/// What the beginning of a continuation repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overlap {
    /// So many bytes, beginning or ending inside a phrase, where no repetition of the text's own does.
    Ends(usize),
    /// Nothing, or what may be the text's own.
    No,
    /// What follows it decides.
    Open,
}

/// Whether all of `head` may still be the beginning of a repetition that would count.
pub(super) fn is_open(sent: &str, head: &str, asked: Option<usize>) -> bool {
    let Some(least) = least(sent, asked) else { return false };
    let reach = reach(sent);
    // Where a repetition that is long enough begins at the latest.
    let Some(last) = reach.len().checked_sub(least) else { return false };
    !head.is_empty()
        && memmem::find_iter(reach, head.as_bytes())
            .take_while(|at| *at <= last)
            .any(|at| at + head.len() < reach.len())
}

/// Bytes of the shortest repetition that counts. Nothing is waited for at the end of text in a
/// rhythm: there only what was asked for does.
fn least(sent: &str, asked: Option<usize>) -> Option<usize> {
    let end = sent.len().saturating_sub(OVERLAP_BYTES_MIN);
    let in_rhythm = is_periodic(&sent.as_bytes()[end..], LEAD_CHARS);
    let unasked = (!in_rhythm).then_some(OVERLAP_BYTES_MIN);
    unasked.into_iter().chain(asked).min()
}

/// Judges how much of the end of `sent` the `head` repeats; `asked` are the bytes that the model
/// was asked to repeat, if any.
pub(super) fn find(sent: &str, head: &str, asked: Option<usize>) -> Overlap {
    let Some(len) = longest(sent, head) else { return Overlap::No };
    if !is_certain(sent, len, asked) {
        return Overlap::No;
    }
    if phrase::is_inside(sent, sent.len() - len) {
        return Overlap::Ends(len);
    }
    match phrase::goes_on(sent, &head[len..]) {
        Some(true) => Overlap::Ends(len),
        Some(false) => Overlap::No,
        None => Overlap::Open,
    }
}

fn longest(sent: &str, head: &str) -> Option<usize> {
    let reach = reach(sent);
    let longest = head.len().min(reach.len());
    (1..=longest)
        .rev()
        .filter(|len| head.is_char_boundary(*len))
        .find(|len| reach.ends_with(&head.as_bytes()[..*len]))
}

fn is_certain(sent: &str, len: usize, asked: Option<usize>) -> bool {
    let (before, repeated) = sent.split_at(sent.len() - len);
    let long = len >= OVERLAP_BYTES_MIN && repeated.chars().count() >= OVERLAP_CHARS_MIN;
    (long || asked.is_some_and(|asked| len >= asked))
        && memmem::find(sent.as_bytes(), repeated.as_bytes()) == Some(before.len())
        && !is_periodic(repeated.as_bytes(), LEAD_CHARS)
        && !is_rotation(before, repeated)
}

fn reach(sent: &str) -> &[u8] {
    &sent.as_bytes()[sent.len().saturating_sub(REACH_BYTES)..]
}
