//! Rust text with comments and literals blanked, so that rules see code only.
//!
//! Lexes no further than that: enough to find braces and words. Positions and line numbers stay.

/// Replaces the bytes of comments and of string and character literals by spaces.
///
/// Line ends stay, so every position means the same in both texts.
pub(super) fn mask(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut masked = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match hidden_end(bytes, at) {
            Some(end) => {
                blank(&mut masked[at..end]);
                end
            }
            None => visible_end(bytes, at),
        };
        at = end;
    }
    String::from_utf8(masked).expect("only whole characters were blanked")
}

fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

/// The end of the comment or literal that starts at `at`, if one does.
fn hidden_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes[at] {
        b'/' if bytes.get(at + 1) == Some(&b'/') => Some(line_end(bytes, at)),
        b'/' if bytes.get(at + 1) == Some(&b'*') => Some(block_comment_end(bytes, at)),
        b'"' => Some(string_end(bytes, at + 1)),
        b'\'' => character_end(bytes, at),
        b'r' | b'b' | b'c' => raw_string_end(bytes, at),
        _ => None,
    }
}

/// The end of the word or the single byte that starts at `at`.
fn visible_end(bytes: &[u8], at: usize) -> usize {
    if !is_word(bytes[at]) {
        return at + 1;
    }
    bytes[at..].iter().position(|byte| !is_word(*byte)).map_or(bytes.len(), |length| at + length)
}

/// Whether a byte can be part of an identifier; every byte beyond ASCII counts.
pub(super) fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length)
}

/// Block comments nest.
fn block_comment_end(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while at < bytes.len() {
        let opens = bytes[at..].starts_with(b"/*");
        let closes = bytes[at..].starts_with(b"*/");
        at += if opens || closes { 2 } else { 1 };
        if opens {
            depth += 1;
        } else if closes {
            depth -= 1;
            if depth == 0 {
                return at;
            }
        }
    }
    bytes.len()
}

fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// `None` for a lifetime or a label, which start with the same quote.
fn character_end(bytes: &[u8], at: usize) -> Option<usize> {
    let first = *bytes.get(at + 1)?;
    let length = match first {
        b'\\' => bytes.get(at + 3..)?.iter().position(|byte| *byte == b'\'')? + 3,
        _ => match first.leading_ones() {
            0 => 2,
            ones => ones as usize + 1,
        },
    };
    (bytes.get(at + length) == Some(&b'\'')).then_some(at + length + 1)
}

/// `None` unless a raw string (`r"`, `br#"`, …) starts here.
fn raw_string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let prefix = if bytes[at] == b'r' { 1 } else { 2 };
    if prefix == 2 && bytes.get(at + 1) != Some(&b'r') {
        return None;
    }
    let start = at + prefix;
    let hashes = bytes[start.min(bytes.len())..].iter().take_while(|byte| **byte == b'#').count();
    if bytes.get(start + hashes) != Some(&b'"') {
        return None;
    }
    let mut close = vec![b'#'; hashes + 1];
    close[0] = b'"';
    let body = start + hashes + 1;
    let length = bytes[body..].windows(close.len()).position(|window| window == close);
    Some(length.map_or(bytes.len(), |length| body + length + close.len()))
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[track_caller]
    fn check(source: &str, code: &str) {
        let masked = mask(source);
        assert_eq!(masked.len(), source.len());
        assert_eq!(masked.split_whitespace().collect::<Vec<_>>().join(" "), code);
    }

    #[test]
    fn comments_are_blank() {
        check("a // b { \" \nc", "a c");
        check("a /* b /* c */ d */ e", "a e");
        check("/// doc's `{`\nfn", "fn");
        check("a / b", "a / b");
    }

    #[test]
    fn strings_are_blank() {
        check(r#"a "b \" {" c"#, "a c");
        check("a r\"\\\" b", "a b");
        check("a br##\"b\"# {\"## c", "a c");
        check(r#"b"x" c"y" z"#, "b c z");
        check("\"넋 // \" a", "a");
    }

    #[test]
    fn an_unfinished_literal_hides_the_rest() {
        check("a \"b", "a");
        check("a r#\"b\"", "a");
        check("a \"b\\", "a");
    }

    #[test]
    fn characters_are_blank_and_lifetimes_are_not() {
        check(r"'{' '\'' '\\' '\u{1f600}' 'é' a", "a");
        check("&'a str <'b> 'label: loop", "&'a str <'b> 'label: loop");
        check("b'{' x", "b x");
    }

    #[test]
    fn a_word_that_ends_like_a_prefix_starts_no_raw_string() {
        check("for\"x\" y", "for y");
        check("r#type x", "r#type x");
    }

    #[test]
    fn lines_stay() {
        assert_eq!(mask("\"a\nb\"\n/* \n */").matches('\n').count(), 3);
    }
}
