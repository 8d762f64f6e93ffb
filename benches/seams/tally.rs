//! Many verdicts, counted.

use std::collections::BTreeMap;

use resume::{Rung, SeamLabel};

use crate::continuation::Habit;
use crate::dice::Dice;
use crate::judge::{Verdict, judge};
use crate::original::Genre;

pub(crate) const LABELS: [SeamLabel; 4] =
    [SeamLabel::Exact, SeamLabel::Anchored, SeamLabel::Overlap, SeamLabel::None];

/// Of a hundred thousand seams, so many at most may lose what no rule can tell from a repetition.
const AMBIGUOUS_MAX: usize = 50;

/// Of a hundred provable seams of a label, so many at least must have it.
const FOUND_MIN: [(SeamLabel, usize); 2] = [(SeamLabel::Exact, 85), (SeamLabel::Anchored, 95)];

/// Counts of one kind of seam.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) seams: usize,
    /// By label; the last is of continuations that were refused.
    pub(crate) labels: [usize; 5],
    /// What had come when the seams were decided, in UTF-16 units, all together.
    pub(crate) held: usize,
    pub(crate) removed: usize,
    pub(crate) lost: usize,
    pub(crate) duplicated: usize,
    pub(crate) added: usize,
}

/// What became of one label.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Score {
    pub(crate) said: usize,
    pub(crate) right: usize,
    pub(crate) provable: usize,
    /// Provable ones that have it or a better one.
    pub(crate) found: usize,
}

/// What became of one kind of text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Texts {
    pub(crate) seams: usize,
    /// Those of which a fragment was repeated as asked.
    pub(crate) anchors: Score,
    pub(crate) lost: usize,
    pub(crate) duplicated: usize,
}

/// All seams of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) seams: usize,
    pub(crate) rows: BTreeMap<(&'static str, Habit), Row>,
    pub(crate) genres: BTreeMap<Genre, Texts>,
    pub(crate) scores: [Score; 4],
    /// Seams that lost new text, and its characters, where the wire could tell.
    pub(crate) lost: (usize, usize),
    /// The same where it could not.
    pub(crate) ambiguous: (usize, usize),
    /// What must not be, with the seed that shows it.
    pub(crate) wrong: Vec<String>,
}

impl Tally {
    /// Judges so many seams.
    pub(crate) fn of(count: usize, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut tally = Self::default();
        for _ in 0..count {
            let seed = dice.next();
            tally.add(seed, &judge(seed));
        }
        tally
    }

    fn add(&mut self, seed: u64, verdict: &Verdict) {
        self.seams += 1;
        let row = self.rows.entry((verdict.rung.name(), verdict.habit)).or_default();
        row.seams += 1;
        row.labels[verdict.label.map_or(4, index)] += 1;
        row.held += verdict.held;
        row.removed += verdict.removed;
        row.lost += verdict.lost;
        row.duplicated += verdict.duplicated;
        row.added += verdict.added;
        self.score(verdict);
        self.note_text(verdict);
        if verdict.lost > 0 {
            let which = if verdict.is_ambiguous { &mut self.ambiguous } else { &mut self.lost };
            *which = (which.0 + 1, which.1 + verdict.lost);
        }
        if let Some(words) = fault(verdict) {
            self.wrong.push(format!("seed {seed}: {words}: {verdict:?}"));
        }
    }

    fn score(&mut self, verdict: &Verdict) {
        let provable = index(verdict.provable);
        self.scores[provable].provable += 1;
        if let Some(label) = verdict.label.map(index) {
            self.scores[provable].found += usize::from(label <= provable);
            self.scores[label].said += 1;
            self.scores[label].right += usize::from(verdict.is_right());
        }
    }

    fn note_text(&mut self, verdict: &Verdict) {
        let texts = self.genres.entry(verdict.genre).or_default();
        texts.seams += 1;
        texts.lost += verdict.lost;
        texts.duplicated += verdict.duplicated;
        if verdict.provable == SeamLabel::Anchored {
            texts.anchors.provable += 1;
            texts.anchors.found += usize::from(verdict.is_right());
        }
    }

    /// What a run must show; empty when it does.
    pub(crate) fn failures(&self) -> Vec<String> {
        let mut failures = self.wrong.clone();
        if self.ambiguous.0 * 100_000 > AMBIGUOUS_MAX * self.seams.max(2_000) {
            let (seams, chars) = self.ambiguous;
            failures.push(format!("{seams} seams lost {chars} ambiguous characters"));
        }
        for (label, percent) in FOUND_MIN {
            let Score { provable, found, .. } = self.scores[index(label)];
            if found * 100 < percent * provable {
                failures.push(format!("only {found} of {provable} seams are {label}"));
            }
        }
        failures
    }
}

/// Why a verdict must not be.
fn fault(verdict: &Verdict) -> Option<&'static str> {
    let instructed = verdict.rung == Rung::Instruct;
    if verdict.is_wrong() && !verdict.is_ambiguous {
        Some("a wrong label")
    } else if verdict.lost > 0 && !verdict.is_ambiguous {
        Some("new text was removed")
    } else if instructed && verdict.is_periodic && verdict.removed > 0 {
        Some("periodic text was trimmed")
    } else {
        None
    }
}

fn index(label: SeamLabel) -> usize {
    LABELS.iter().position(|known| *known == label).expect("each label is listed")
}
