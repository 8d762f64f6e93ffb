//! Text as models copy it: any white space is like any other, typographic quotation marks are like
//! plain ones.

/// How the head of a continuation compares with what is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// It stands here and ends at this byte.
    Ends(usize),
    /// All of the head fits; more is needed.
    Open,
    /// It is something else.
    No,
}

/// Whether `head` begins with `wanted`.
pub(super) fn compare(head: &str, wanted: &str) -> Match {
    let mut ours = head.char_indices().peekable();
    let mut theirs = wanted.chars().peekable();
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
pub(super) fn fold(text: &str) -> String {
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

/// Bytes at the end of a fragment that may also be its beginning: words come again by chance.
const BORDER_BYTES_MAX: usize = 15;

/// Whether the bytes may be a shorter run that repeats: their beginning comes again at their end,
/// so that text which goes on in that rhythm begins like them, but for `slack` bytes.
pub(super) fn is_periodic(bytes: &[u8], slack: usize) -> bool {
    let mut border = vec![0; bytes.len()];
    for at in 1..bytes.len() {
        let mut len: usize = border[at - 1];
        while len > 0 && bytes[at] != bytes[len] {
            len = border[len - 1];
        }
        border[at] = if bytes[at] == bytes[len] { len + 1 } else { 0 };
    }
    let longest = border.last().copied().unwrap_or_default();
    longest > BORDER_BYTES_MAX
        || longest > 0 && (3 * longest >= bytes.len() || 2 * longest + slack >= bytes.len())
}

/// The byte at which the last `chars` characters begin.
pub(crate) fn last_chars(text: &str, chars: usize) -> usize {
    text.char_indices().rev().take(chars).last().map_or(text.len(), |(at, _)| at)
}

/// The mark that closes what this one opens; `None` for what is no quotation mark.
pub(super) const fn closing(open: char) -> Option<char> {
    Some(match open {
        '"' | '\'' | '`' => open,
        '“' | '„' | '‟' => '”',
        '‘' | '‚' | '‛' => '’',
        '«' => '»',
        _ => return None,
    })
}

const fn plain(c: char) -> char {
    match c {
        '“' | '”' | '„' | '‟' => '"',
        '‘' | '’' | '‚' | '‛' => '\'',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_white_space_compare_as_one() {
        let wanted = "said \"no\" and\nwent home";
        assert_eq!(compare("said \"no\" and\nwent home. Then", wanted), Match::Ends(23));
        assert_eq!(compare("said “no”  and went\u{A0}home", wanted), Match::Ends(29));
        assert_eq!(compare("said \"no", wanted), Match::Open);
        assert_eq!(compare("", wanted), Match::Open);
        assert_eq!(compare("said no", wanted), Match::No);
    }

    #[test]
    fn periods_are_found() {
        for bytes in ["abab", "ababa", "| 0 | sure |\n| 0 | sure |"] {
            assert!(is_periodic(bytes.as_bytes(), 8), "{bytes}");
        }
        assert!(!is_periodic(b"abcdefghijklmnopqrstuabc", 8));
        let line = "a line of words";
        assert_eq!(line.len(), BORDER_BYTES_MAX);
        let framed = |line: &str| format!("{line}{}{line}", "x".repeat(200));
        assert!(!is_periodic(framed(line).as_bytes(), 8));
        assert!(is_periodic(framed(&format!("{line}!")).as_bytes(), 8));
    }
}
