//! Near names: what somebody who misspelt a model may have meant.

use std::borrow::ToOwned;
use std::string::String;
use std::vec::Vec;

/// Bytes of a name that are compared; a longer one is like nothing.
const NAME_BYTES_MAX: usize = 80;

/// The names that are nearest to one, at most so many; those that are too far away are left out.
pub(super) fn nearest<'a>(
    name: &str,
    names: impl Iterator<Item = &'a str>,
    count: usize,
) -> Vec<String> {
    // What stands before the name of the model is the provider's.
    let name = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Vec::new();
    }
    let allowed = name.len() / 3 + 1;
    let mut near: Vec<(usize, &str)> = names
        .filter(|known| known.len().abs_diff(name.len()) <= allowed)
        .map(|known| (distance(&name, known), known))
        .filter(|(distance, _)| *distance <= allowed)
        .collect();
    near.sort_unstable();
    near.into_iter().take(count).map(|(_, known)| known.to_owned()).collect()
}

/// Bytes to insert, to remove or to replace (V. Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, byte) in left.bytes().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (at, other) in right.bytes().enumerate() {
            let replaced = diagonal + usize::from(byte != other);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use std::string::String;

    use super::*;

    #[test]
    fn distances_are_known() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn the_nearest_come_first_and_strangers_never() {
        let names = ["claude-opus-4-5", "claude-opus-4-1", "gpt-4o", "gemini-2.5-pro"];
        let near = nearest("Anthropic/Claude-Opus-4.5", names.into_iter(), 2);
        assert_eq!(near, ["claude-opus-4-5", "claude-opus-4-1"]);
        assert!(nearest("llama-3-70b", names.into_iter(), 2).is_empty());
        assert!(nearest(&"x".repeat(10_000), names.into_iter(), 2).is_empty());
        assert_eq!(nearest("", names.into_iter(), 2), Vec::<String>::new());
    }
}
