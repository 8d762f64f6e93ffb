//! The caller's stop sequences over the seam.
//!
//! A provider looks for them in what it writes. One that begins in the shown text and ends in the
//! continuation no provider has seen whole.

/// Bytes of the longest sequence that is looked for; a longer one would hold back too much.
pub(crate) const STOP_BYTES_MAX: usize = 1024;

/// Sequences at which the response ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct StopSequences(Vec<String>);

/// What stands over the seam.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// This sequence.
    Met(String),
    /// The beginning of one; more is needed.
    Open,
    /// None.
    Clear,
}

impl StopSequences {
    pub(crate) fn new(sequences: impl IntoIterator<Item = String>) -> Self {
        let fits = |sequence: &String| (2..=STOP_BYTES_MAX).contains(&sequence.len());
        Self(sequences.into_iter().filter(fits).collect())
    }

    /// Looks for a sequence that begins in `shown` and ends in `new`; of several the one that is
    /// whole first.
    pub(super) fn over(&self, shown: &str, new: &str) -> Over {
        let mut open = false;
        let mut met: Option<(usize, &String)> = None;
        for (sequence, rest) in self.begun(shown) {
            open |= rest.starts_with(new);
            if new.starts_with(rest) && met.is_none_or(|(len, _)| rest.len() < len) {
                met = Some((rest.len(), sequence));
            }
        }
        match met {
            Some((_, sequence)) => Over::Met(sequence.clone()),
            None if open => Over::Open,
            None => Over::Clear,
        }
    }

    /// Whether a model that repeats `whole` may end after `part` of it, because what it would write
    /// next is the rest and then the end of a sequence.
    pub(super) fn cut_short(&self, whole: &str, part: &str) -> bool {
        let missing = whole.strip_prefix(part).filter(|missing| !missing.is_empty());
        missing.is_some_and(|missing| {
            self.0
                .iter()
                .any(|sequence| sequence.len() > missing.len() && sequence.starts_with(missing))
        })
    }

    /// Every way in which the text may end in the beginning of a sequence, with the rest of it.
    fn begun<'a>(&'a self, shown: &'a str) -> impl Iterator<Item = (&'a String, &'a str)> {
        self.0.iter().flat_map(move |sequence| {
            let cuts = sequence.char_indices().skip(1).map(|(at, _)| sequence.split_at(at));
            cuts.filter(|(begin, _)| shown.ends_with(begin)).map(move |(_, rest)| (sequence, rest))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(shown: &str, new: &str, expected: &Over) {
        let stops = StopSequences::new(["END".to_owned(), "\n\nUser:".to_owned()]);
        assert_eq!(&stops.over(shown, new), expected, "{shown:?} {new:?}");
    }

    #[test]
    fn a_sequence_is_met_only_over_the_seam() {
        check("the E", "ND of it", &Over::Met("END".into()));
        check("the EN", "D", &Over::Met("END".into()));
        check("the E", "N", &Over::Open);
        check("the E", "", &Over::Open);
        check("the E", "nd", &Over::Clear);
        check("the ", "END", &Over::Clear);
        check("the END", "", &Over::Clear);
        check("so.\n", "\nUser: hi", &Over::Met("\n\nUser:".into()));
    }

    #[test]
    fn of_two_sequences_the_first_that_is_whole_counts() {
        let stops = StopSequences::new(["abcdef".to_owned(), "bc".to_owned()]);
        assert_eq!(stops.over("xab", "cdef"), Over::Met("bc".into()));
    }

    #[test]
    fn a_sequence_beyond_the_limit_is_not_looked_for() {
        for (len, expected) in [(STOP_BYTES_MAX, Over::Open), (STOP_BYTES_MAX + 1, Over::Clear)] {
            assert_eq!(StopSequences::new(["x".repeat(len)]).over("x", "x"), expected, "{len}");
        }
        assert_eq!(StopSequences::new([String::new()]).over("x", "x"), Over::Clear);
    }

    #[test]
    fn a_repetition_is_cut_short_where_a_sequence_begins() {
        let stops = StopSequences::new(["END".to_owned()]);
        assert!(stops.cut_short("all of it E", "all of it "));
        assert!(!stops.cut_short("all of it E", "all of it E"));
        assert!(!stops.cut_short("all of it E", "all of"));
        assert!(!stops.cut_short("all of it E", "nothing"));
    }
}
