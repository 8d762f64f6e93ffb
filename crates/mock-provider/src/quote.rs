//! Finds what part of a partial answer an instruction quotes, as a model would that is told to repeat it.
//! Knows quotation marks only; it does not understand the sentence around them.

/// Pairs of marks that enclose a quotation.
const MARKS: [(char, char); 3] = [('«', '»'), ('“', '”'), ('"', '"')];

/// The longest suffix of `partial` that stands at the end of a quotation in `message`.
///
/// A quotation starts after the first opening mark of its kind, so that it may hold marks itself.
pub(crate) fn quoted_suffix<'p>(partial: &'p str, message: &str) -> &'p str {
    let mut longest = 0;
    for (open, close) in MARKS {
        let Some(start) = message.find(open).map(|at| at + open.len_utf8()) else { continue };
        for (end, _) in message[start..].match_indices(close) {
            let quotation = &message[start..start + end];
            longest = longest.max(common_suffix(partial, quotation));
        }
    }
    &partial[partial.len() - longest..]
}

/// Bytes of the longest common suffix, whole characters only.
fn common_suffix(a: &str, b: &str) -> usize {
    let pairs = a.chars().rev().zip(b.chars().rev());
    pairs.take_while(|(x, y)| x == y).map(|(x, _)| x.len_utf8()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(partial: &str, message: &str, expected: &str) {
        assert_eq!(quoted_suffix(partial, message), expected, "{message}");
    }

    #[test]
    fn each_kind_of_mark_is_found() {
        check("one two", "up to this point: «two». Go on.", "two");
        check("one two", "ended with \"one two\". Go on.", "one two");
        check("one two", "ended with “o”, please go on", "o");
    }

    #[test]
    fn a_longer_quotation_counts_by_its_end() {
        check("one two", "it ended «…zero one two»", "one two");
        check("one two", "it ended «two three»", "");
    }

    #[test]
    fn marks_inside_the_quotation_belong_to_it() {
        check("say «one» \"two\" x", "at «say «one» \"two\" x». Go on.", "say «one» \"two\" x");
        check("so \"a\"", "ended with \"so \"a\"\". Go on.", "so \"a\"");
    }

    #[test]
    fn nothing_quoted_is_nothing_echoed() {
        check("one two", "please go on with two", "");
        check("one two", "", "");
        check("", "«»", "");
        check("👩\u{200D}💻", "«💻»", "💻");
    }
}
