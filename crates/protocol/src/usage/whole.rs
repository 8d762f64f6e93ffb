//! A count that contains others, taken apart so that each token is in one part.
//!
//! Parts are taken in the order of their price, the dearest first: where two overlap, a token is
//! billed as the dearer.

/// What is left of a count as its parts are taken out.
pub(crate) struct Whole {
    size: u64,
    rest: u64,
    /// Tokens that the provider's total has beside this count; `None` when it says no total.
    beside: Option<u64>,
}

impl Whole {
    pub(crate) const fn new(size: u64, beside: Option<u64>) -> Self {
        Self { size, rest: size, beside }
    }

    /// Takes a part out, and says how many tokens of it there are.
    ///
    /// A part that is larger than the whole does not lie in it but beside it; unless the
    /// provider's total has no room for it there, then it is cut to the whole.
    pub(crate) fn part(&mut self, part: u64) -> u64 {
        if part > self.size && self.beside.is_none_or(|beside| beside >= part) {
            self.beside = self.beside.map(|beside| beside - part);
            return part;
        }
        let inside = part.min(self.rest);
        self.rest -= inside;
        inside
    }

    /// What no part has taken.
    pub(crate) const fn rest(&self) -> u64 {
        self.rest
    }

    /// What the provider's total has beyond this count and the parts beside it.
    pub(crate) const fn beside(&self) -> Option<u64> {
        self.beside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(size: u64, beside: Option<u64>, parts: [u64; 2], taken: [u64; 2], rest: u64) {
        let mut whole = Whole::new(size, beside);
        assert_eq!(parts.map(|part| whole.part(part)), taken);
        assert_eq!(whole.rest(), rest);
    }

    #[test]
    fn parts_leave_the_rest() {
        check(100, None, [10, 20], [10, 20], 70);
        check(100, Some(0), [100, 0], [100, 0], 0);
    }

    #[test]
    fn where_parts_overlap_the_later_one_is_cut() {
        check(100, None, [60, 80], [60, 40], 0);
        check(100, Some(80), [60, 80], [60, 40], 0);
    }

    #[test]
    fn a_part_larger_than_the_whole_lies_beside_it() {
        check(5, None, [20, 3], [20, 3], 2);
        check(5, Some(20), [20, 3], [20, 3], 2);
        check(5, Some(19), [20, 3], [5, 0], 0);
        let mut whole = Whole::new(5, Some(21));
        whole.part(20);
        assert_eq!(whole.beside(), Some(1));
    }
}
