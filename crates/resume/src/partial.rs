//! How much of the shown text may be sent back, so that a model can go on from it.
//!
//! Providers refuse a prefill that ends in white space, and a model cannot be trusted with
//! half a grapheme. What is cut off here is the *tail*: the consumer has it, the model will
//! write it again, and the seam removes the repetition.

use unicode_segmentation::UnicodeSegmentation;

/// Bytes of `text` that can be sent as a partial answer; the rest is the tail.
pub(crate) fn sendable_len(text: &str) -> usize {
    let whole = &text[..whole_graphemes_len(text)];
    whole.trim_end().len()
}

/// Cuts off a last grapheme that the next character would extend.
fn whole_graphemes_len(text: &str) -> usize {
    let open = match text.chars().next_back() {
        Some('\u{200D}') => true,
        Some(last) if is_regional(last) => {
            text.chars().rev().take_while(|c| is_regional(*c)).count() % 2 == 1
        }
        _ => false,
    };
    if !open {
        return text.len();
    }
    text.grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
}

const fn is_regional(c: char) -> bool {
    matches!(c, '\u{1F1E6}'..='\u{1F1FF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, sent: &str) {
        assert_eq!(&text[..sendable_len(text)], sent);
    }

    #[test]
    fn white_space_at_the_end_is_tail() {
        check("Hello world \r\n\t", "Hello world");
        check("한국어\u{3000}", "한국어");
        check(" \n ", "");
        check("", "");
    }

    #[test]
    fn an_open_emoji_sequence_is_tail() {
        check("code 👩\u{200D}", "code");
        check("code 👩\u{200D}💻", "code 👩\u{200D}💻");
    }

    #[test]
    fn half_a_flag_is_tail() {
        check("go 🇰", "go");
        check("go 🇰🇷", "go 🇰🇷");
        check("go 🇰🇷🇯", "go 🇰🇷");
    }
}
