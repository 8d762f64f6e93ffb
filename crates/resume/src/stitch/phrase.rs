//! Where text is in the middle of saying something.
//!
//! What a text says twice on purpose, a row, a line of code, a refrain, begins where lines and
//! sentences begin and ends where they end. A repetition that begins or ends inside a phrase is
//! therefore no part of the text.

/// Spaces between two words of a phrase, at most.
const SPACES_MAX: usize = 2;

/// From here on scripts put no spaces between words.
const DENSE_SCRIPTS: char = '\u{2E80}';

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
        Some(last) if last.is_alphanumeric() => is_dense(last) == is_dense(first),
        // The value of a member.
        Some(':') => before.ends_with("\":"),
        Some(last) => BINDING.contains(&last) && !begins_line(before),
        None => false,
    }
}

/// Whether no word stands before in the last line.
fn begins_line(text: &str) -> bool {
    let line = text.rfind('\n').map_or(text, |at| &text[at..]);
    !line.contains(char::is_alphanumeric)
}

/// Whether a word begins at `at`, or text that has no words.
pub(super) fn is_word_start(text: &str, at: usize) -> bool {
    match text[..at].chars().next_back() {
        Some(last) if last.is_alphanumeric() => is_dense(last) && text[at..].starts_with(is_dense),
        _ => true,
    }
}

fn is_dense(c: char) -> bool {
    c >= DENSE_SCRIPTS
}

/// Whether `more` goes on with a phrase that `text` stops in; `None` when more is needed.
pub(super) fn goes_on(text: &str, more: &str) -> Option<bool> {
    if !text.ends_with(char::is_alphanumeric) {
        return Some(false);
    }
    let words = more.trim_start_matches(' ');
    match words.chars().next() {
        _ if more.len() - words.len() > SPACES_MAX => Some(false),
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
        check_inside("fn of(", "a: u8", true);
        check_inside("{\n  \"id\": ", "12", true);
        for before in [
            "", "\n", "end. ", "| ", "say: ", "    ", "\n  (", "a\n", "。", "a  ", "word, ", "- ",
            "\"",
        ] {
            check_inside(before, "lamp", false);
        }
        check_inside("the ", "}", false);
        check_inside("very ", "每天", false);
    }

    #[test]
    fn words_begin_behind_what_is_no_letter() {
        for (before, expected) in [("the ", true), ("fn of(", true), ("the la", false), ("", true)]
        {
            assert_eq!(is_word_start(&format!("{before}mp"), before.len()), expected, "{before:?}");
        }
        assert!(is_word_start("每天", 3));
        assert!(!is_word_start("néé", 3));
    }

    #[test]
    fn words_go_on_in_the_same_line() {
        assert_eq!(goes_on("the lam", "p is"), Some(true));
        assert_eq!(goes_on("the lamp", " is"), Some(true));
        assert_eq!(goes_on("the lamp", " "), None);
        assert_eq!(goes_on("the lamp", ""), None);
        for (text, more) in
            [("lamp.", " It"), ("lamp", ". It"), ("lamp", "\nIt"), ("lamp", " | it"), ("a", "   b")]
        {
            assert_eq!(goes_on(text, more), Some(false), "{text:?} {more:?}");
        }
    }
}
