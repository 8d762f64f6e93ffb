//! The width of a text where every character takes whole columns: on a terminal, and about so in a
//! chart.

use alloc::string::String;

/// Columns of a terminal that a text takes.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// After Unicode's East Asian Width and its combining marks, in the blocks that are common.
fn columns_of(char: char) -> usize {
    match char {
        '\u{300}'..='\u{36f}'
        | '\u{200b}'..='\u{200d}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff01}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1f9ff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// As much of a text as fits into so many columns, with an ellipsis where it was cut.
pub(super) fn cut(text: &str, columns_max: usize) -> String {
    let (mut kept, mut columns) = (String::new(), 0);
    // Characters without a width are no way around the limit.
    for (at, char) in text.chars().enumerate() {
        columns += columns_of(char);
        if columns > columns_max || at >= 2 * columns_max {
            kept.push('…');
            break;
        }
        kept.push(char);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_combining_characters_take_their_columns() {
        assert_eq!(["abc", "缓存", "e\u{301}", "🚀", ""].map(columns), [3, 4, 1, 2, 0]);
    }

    #[test]
    fn a_text_is_cut_at_its_columns() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "abc…");
        assert_eq!(cut("缓存命", 4), "缓存…");
        assert_eq!(cut(&"\u{301}".repeat(9), 3).chars().count(), 7);
    }
}
