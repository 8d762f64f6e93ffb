//! Where text is in the middle of saying something.
//!
//! What a text says twice on purpose, a row, a line of code, a refrain, begins where lines and
//! sentences begin and ends where they end. A repetition that begins or ends inside a phrase is
//! therefore no part of the text.

/// Spaces between two words of a phrase, at most.
const SPACES_MAX: usize = 2;

/// Marks of code behind which an expression goes on. Those that also begin an item of a list, a
/// cell or a quotation are none.
const BINDING: [char; 7] = ['=', '+', '(', '_', '/', '&', '%'];

/// Whether text goes on with something over `at`: no line, sentence or cell begins there.
pub(super) fn is_inside(text: &str, at: usize) -> bool {
    let (before, after) = text.split_at(at);
    let Some(first) = after.chars().next().filter(|c| c.is_alphanumeric()) else { return false };
    if before.ends_with(char::is_alphanumeric) {
        return true;
    }
    let before = before.strip_suffix(' ').unwrap_or(before);
    match before.chars().next_back() {
        // Between words of a script that has no spaces, one ends a phrase.
        Some(last) if last.is_alphanumeric() => !is_dense(last) && !is_dense(first),
        // The value of a member.
        Some(':') => before.ends_with("\":"),
        Some(last) => BINDING.contains(&last) && binds(before),
        None => false,
    }
}

/// Whether the marks at the end of `text` bind to something in the same line. A mark behind a
/// quotation mark begins a string, in which anything may be said again.
fn binds(text: &str) -> bool {
    let bound = text.trim_end_matches(|c| BINDING.contains(&c) || c == ' ');
    bound.ends_with(|c: char| c.is_alphanumeric() || matches!(c, ')' | ']'))
}

/// Whether a word begins at `at`, or text that has no words.
pub(super) fn is_word_start(text: &str, at: usize) -> bool {
    match text[..at].chars().next_back() {
        Some(last) if last.is_alphanumeric() => is_dense(last) && text[at..].starts_with(is_dense),
        _ => true,
    }
}

/// Whether the script of a letter puts no spaces between words: Thai, Lao, Burmese, Khmer, Chinese
/// and Japanese.
const fn is_dense(c: char) -> bool {
    matches!(
        c,
        '\u{E00}'..='\u{EFF}'
            | '\u{1000}'..='\u{109F}'
            | '\u{1780}'..='\u{17FF}'
            | '\u{2E80}'..='\u{A4CF}'
            | '\u{F900}'..='\u{FAFF}'
            | '\u{20000}'..='\u{3FFFF}'
    )
}

/// Whether `more` goes on with a phrase that `text` stops in; `None` when more is needed.
pub(super) fn goes_on(text: &str, more: &str) -> Option<bool> {
    if !text.ends_with(char::is_alphanumeric) {
        return Some(false);
    }
    let words = more.trim_start_matches(' ');
    let spaces = more.len() - words.len();
    match words.chars().next() {
        _ if spaces > SPACES_MAX => Some(false),
        Some(first) if spaces > 0 && (is_dense(first) || text.ends_with(is_dense)) => Some(false),
        Some(first) => Some(first.is_alphanumeric()),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_inside(before: &str, after: &str, expected: bool) {
        assert_eq!(is_inside(&[before, after].concat(), before.len()), expected);
    }

    #[test]
    fn lines_sentences_and_cells_begin_no_phrase() {
        check_inside("and the ", "lamp", true);
        check_inside("每天", "晚上", true);
        check_inside("and the la", "mp", true);
        for before in ["fn of(", "a == ", "a[0] + ", "f() = ", "a/"] {
            check_inside(before, "a: u8", true);
        }
        check_inside("{\n  \"id\": ", "12", true);
        for before in [
            "", "\n", "end. ", "| ", "say: ", "    ", "\n  (", "a\n", "。", "a  ", "word, ", "- ",
            "\"", "k: \"/", "k: \"%", "x, (",
        ] {
            check_inside(before, "lamp", false);
        }
        check_inside("the ", "}", false);
        check_inside("very ", "每天", false);
        check_inside("每天 ", "晚上", false);
        check_inside("등대 ", "지기가", true);
        check_inside("ประภาคาร", "สูง", true);
        check_inside("ประภาคาร ", "สูง", false);
    }

    #[test]
    fn words_begin_behind_what_is_no_letter() {
        for (before, expected) in [("the ", true), ("fn of(", true), ("the la", false), ("", true)]
        {
            assert_eq!(is_word_start(&format!("{before}mp"), before.len()), expected, "{before:?}");
        }
        assert!(is_word_start("每天", 3));
        assert!(!is_word_start("등대", 3), "Korean has spaces");
        assert!(!is_word_start("néé", 3));
    }

    #[test]
    fn words_go_on_in_the_same_line() {
        assert_eq!(goes_on("the lam", "p is"), Some(true));
        assert_eq!(goes_on("the lamp", " is"), Some(true));
        assert_eq!(goes_on("the lamp", " "), None);
        assert_eq!(goes_on("the lamp", ""), None);
        for (text, more) in [
            ("lamp.", " It"),
            ("lamp", ". It"),
            ("lamp", "\nIt"),
            ("lamp", " | it"),
            ("a", "   b"),
            ("每", " 天"),
        ] {
            assert_eq!(goes_on(text, more), Some(false), "{text:?} {more:?}");
        }
    }
}
