//! Texts in which every place looks like the next one: the hardest case for finding a seam.

use crate::random::Random;
use crate::text::Unit;

/// A run of the unit.
pub(crate) fn run(unit: Unit) -> String {
    unit.as_str().repeat(16)
}

/// A sentence that occurs nowhere else, numbered by the seed.
pub(crate) fn introduction(random: &mut Random) -> String {
    let number = random.below(1_000_000);
    format!("Introduction {number:06}: 다음 내용은 \"반복\"됩니다, nothing of it is new.\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_the_period_of_its_unit() {
        for unit in [Unit::Laughter, Unit::TableRow, Unit::ClosingBrace] {
            let text = run(unit);
            assert_eq!(text[unit.as_str().len()..], text[..text.len() - unit.as_str().len()]);
        }
    }

    #[test]
    fn introductions_differ_by_seed() {
        assert_ne!(introduction(&mut Random::new(1)), introduction(&mut Random::new(2)));
    }
}
