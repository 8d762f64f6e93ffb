//! Writes JSON strings with the escapes that a seed chooses.
//! Objects are written as literals by the wires; there is no general serializer.

/// Which characters are written as `\u` escapes although they need not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// Only what JSON demands.
    Needed,
    /// Everything outside ASCII, as surrogate pairs where needed.
    NonAscii,
    /// Everything outside ASCII, also `/`, `<`, `>` and `&`, in upper-case hex.
    Wary,
}

/// Appends `text` as a JSON string with its quotes.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str, escapes: Escapes) {
    out.push(b'"');
    for scalar in text.chars() {
        write_scalar(out, scalar, escapes);
    }
    out.push(b'"');
}

fn write_scalar(out: &mut Vec<u8>, scalar: char, escapes: Escapes) {
    let short = match scalar {
        '"' => Some("\\\""),
        '\\' => Some("\\\\"),
        '\n' => Some("\\n"),
        '\r' => Some("\\r"),
        '\t' => Some("\\t"),
        '\u{8}' => Some("\\b"),
        '\u{c}' => Some("\\f"),
        '/' if escapes == Escapes::Wary => Some("\\/"),
        _ => None,
    };
    let escaped = match escapes {
        Escapes::Needed => scalar < ' ',
        Escapes::NonAscii => scalar < ' ' || !scalar.is_ascii(),
        Escapes::Wary => scalar < ' ' || !scalar.is_ascii() || "<>&".contains(scalar),
    };
    match short {
        Some(short) => out.extend_from_slice(short.as_bytes()),
        None if escaped => write_escape(out, scalar, escapes),
        None => out.extend_from_slice(scalar.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

fn write_escape(out: &mut Vec<u8>, scalar: char, escapes: Escapes) {
    for unit in scalar.encode_utf16(&mut [0; 2]) {
        let hex = match escapes {
            Escapes::Wary => format!("\\u{unit:04X}"),
            Escapes::Needed | Escapes::NonAscii => format!("\\u{unit:04x}"),
        };
        out.extend_from_slice(hex.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::read;

    fn written(text: &str, escapes: Escapes) -> String {
        let mut out = Vec::new();
        write_string(&mut out, text, escapes);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_style_writes_its_own_escapes() {
        assert_eq!(written("é/\u{1F600}<", Escapes::Needed), "\"é/\u{1F600}<\"");
        assert_eq!(written("é/\u{1F600}<", Escapes::NonAscii), r#""\u00e9/\ud83d\ude00<""#);
        assert_eq!(written("é/\u{1F600}<", Escapes::Wary), r#""\u00E9\/\uD83D\uDE00\u003C""#);
    }

    #[test]
    fn every_style_reads_back_to_the_same_text() {
        let text = (0..0x300)
            .filter_map(char::from_u32)
            .chain("한글 \u{1F469}\u{200D}\u{1F4BB} \u{10FFFF}".chars())
            .collect::<String>();
        for escapes in [Escapes::Needed, Escapes::NonAscii, Escapes::Wary] {
            let value = read(written(&text, escapes).as_bytes()).unwrap();
            assert_eq!(value.as_str(), Some(text.as_str()), "{escapes:?}");
        }
    }
}
