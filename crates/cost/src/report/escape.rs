//! Names in the syntax of each form. A name is whatever a user wrote, or found in a file.

use alloc::string::String;

/// What a person sees for a name that is blank.
const BLANK: &str = "(no name)";

/// For a terminal: what could move its cursor is written as `\u{…}`.
pub(super) fn terminal(name: &str) -> String {
    let mut text = String::new();
    for char in shown(name).chars() {
        match is_hidden(char) {
            true => text.extend(char.escape_default()),
            false => text.push(char),
        }
    }
    text
}

/// For the text and the quoted attributes of HTML, SVG and XML.
pub(super) fn html(name: &str) -> String {
    let mut text = String::new();
    for char in plain(name).chars() {
        match char {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            other => text.push(other),
        }
    }
    text
}

/// For a line or a cell of Markdown.
pub(super) fn markdown(name: &str) -> String {
    let mut text = String::new();
    for char in plain(name).chars() {
        if "\\`*_{}[]<>|~&#!$^".contains(char) {
            text.push('\\');
        }
        text.push(char);
    }
    text
}

/// As a code span of Markdown, for a line outside of a table.
pub(super) fn code_span(name: &str) -> String {
    let name = plain(name);
    let longest = name.split(|char| char != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 { " " } else { "" };
    [fence.as_str(), pad, &name, pad, &fence].concat()
}

/// As a cell of CSV, always quoted. One that a spreadsheet would run begins with an apostrophe.
pub(super) fn csv(name: &str) -> String {
    let mut cell = String::from('"');
    let runs = |char: char| matches!(char, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    if name.starts_with(char::is_control) || name.trim_start().starts_with(runs) {
        cell.push('\'');
    }
    for char in name.chars() {
        match char {
            '"' => cell.push_str("\"\""),
            '\n' | '\r' | '\t' => cell.push(char),
            char if is_hidden(char) => cell.push(char::REPLACEMENT_CHARACTER),
            char => cell.push(char),
        }
    }
    cell.push('"');
    cell
}

/// As a string of JSON; what is not visible is escaped, nothing is lost.
pub(super) fn json(name: &str) -> String {
    let mut text = String::from('"');
    for char in name.chars() {
        match char {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            // None of them lies beyond the first plane.
            char if is_hidden(char) => {
                text.push_str(&alloc::format!("\\u{:04x}", u32::from(char)));
            }
            char => text.push(char),
        }
    }
    text.push('"');
    text
}

/// One line, without anything that is not visible.
fn plain(name: &str) -> String {
    let visible = |char: char| match char {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        char if is_hidden(char) => char::REPLACEMENT_CHARACTER,
        char => char,
    };
    shown(name).chars().map(visible).collect()
}

fn shown(name: &str) -> &str {
    if name.trim().is_empty() { BLANK } else { name }
}

/// Whether it controls how text is shown instead of being shown: control characters, line ends,
/// marks that turn the direction of text, and what XML does not allow.
fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
                | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_reaches_a_terminal() {
        assert_eq!(terminal("a\u{1b}[2J\r\n\u{202e}é"), "a\\u{1b}[2J\\r\\n\\u{202e}é");
        assert_eq!(terminal("\u{9b}\u{7f}"), "\\u{9b}\\u{7f}");
        assert_eq!(terminal(" "), "(no name)");
    }

    #[test]
    fn markup_in_a_name_is_text() {
        assert_eq!(html("<a b=\"c\">&'"), "&lt;a b=&quot;c&quot;&gt;&amp;&#39;");
        assert_eq!(html("a\u{0}\nb\u{ffff}"), "a\u{fffd} b\u{fffd}");
        assert_eq!(markdown("a|b\n*c* <d>"), "a\\|b \\*c\\* \\<d\\>");
    }

    #[test]
    fn a_code_span_is_longer_than_the_backticks_in_it() {
        assert_eq!(code_span("a|b"), "`a|b`");
        assert_eq!(code_span("a``b`"), "``` a``b` ```");
    }

    #[test]
    fn no_cell_is_a_formula() {
        for name in ["=1", "+1", "-1", "@a", "\t=1", " =1", "\r1", "\n1", "＝1"] {
            assert!(csv(name).starts_with("\"'"), "{name:?}");
        }
        assert_eq!(csv("a \"b\",\nc\u{1b}"), "\"a \"\"b\"\",\nc\u{fffd}\"");
        assert_eq!(csv("a=b"), "\"a=b\"");
    }

    #[test]
    fn json_escapes_what_is_not_visible() {
        assert_eq!(json("a\"\\\n\t\u{1b}\u{2028}é"), "\"a\\\"\\\\\\n\\u0009\\u001b\\u2028é\"");
    }
}
