//! The longest end of the text that a continuation repeats without having been asked to.
//!
//! Only a repetition that can hardly be the text's own counts: long, unique, and not the
//! period of what stands before it.

use memchr::memmem;

use super::anchor;

/// Shorter repetitions are kept: rows, lines of code and choruses repeat that much, and losing
/// one of them is worse than showing what a model wrote twice.
const OVERLAP_CHARS_MIN: usize = 96;

/// How far back a repetition may begin, in bytes.
const REACH_BYTES: usize = 4096;

/// Characters before the repetition that must not continue its period. Few, since a chance match
/// only keeps a repetition and labels it.
const PERIOD_CHARS: usize = 3;

/// Whether all of `head` may still be the beginning of a repetition.
pub(super) fn is_open(sent: &str, head: &str) -> bool {
    let reach = reach(sent);
    !head.is_empty()
        && memmem::find_iter(reach, head.as_bytes()).any(|at| at + head.len() < reach.len())
}

/// Bytes of `head` that repeat the end of `sent`.
pub(super) fn find(sent: &str, head: &str) -> Option<usize> {
    let reach = reach(sent);
    let longest = head.len().min(reach.len());
    (1..=longest)
        .rev()
        .filter(|len| head.is_char_boundary(*len))
        .find(|len| reach.ends_with(&head.as_bytes()[..*len]))
        .filter(|len| is_certain(sent, *len))
}

fn is_certain(sent: &str, len: usize) -> bool {
    let (before, repeated) = sent.split_at(sent.len() - len);
    let sample = &repeated[anchor::last_chars(repeated, PERIOD_CHARS)..];
    repeated.chars().count() >= OVERLAP_CHARS_MIN
        && memmem::find(sent.as_bytes(), repeated.as_bytes()) == Some(before.len())
        && !anchor::is_periodic(repeated.as_bytes())
        && !before.ends_with(sample)
}

fn reach(sent: &str) -> &[u8] {
    &sent.as_bytes()[sent.len().saturating_sub(REACH_BYTES)..]
}
