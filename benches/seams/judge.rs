//! What the engine made of a seam, beside what was true.

use resume::{Rung, SeamLabel};

use crate::continuation::{Before, Continuation, Habit};
use crate::dice::Dice;
use crate::original::{Genre, Original};
use crate::session::{Cut, Joined, Provider};

/// Fewer characters than this are repeated by chance; no label stands for them.
const OVERLAP_CHARS: usize = 96;

/// From so many characters on a text says by its beginning that it begins again.
const RESTART_CHARS: usize = 64;

/// One seam, judged.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) genre: Genre,
    pub(crate) habit: Habit,
    pub(crate) rung: Rung,
    /// What the engine said; `None` where it refused the continuation and showed nothing of it.
    pub(crate) label: Option<SeamLabel>,
    /// The best label that could be proved from what the wire says.
    pub(crate) provable: SeamLabel,
    /// Whether the model might have meant to repeat what it wrote: its bytes are those of one that
    /// does, and nothing else on the wire says that it does not.
    pub(crate) is_ambiguous: bool,
    /// Whether the text is one unit over and over.
    pub(crate) is_periodic: bool,
    /// Characters that were removed, those that the consumer has but the model had not apart.
    pub(crate) removed: usize,
    /// Those of them that were new.
    pub(crate) lost: usize,
    /// What had come of the continuation when it was decided, in UTF-16 units.
    pub(crate) held: usize,
    /// Shown characters that were shown again.
    pub(crate) duplicated: usize,
    /// Characters of a preamble, a fence or marks that were shown.
    pub(crate) added: usize,
}

impl Verdict {
    /// Whether the label promises what is not so.
    pub(crate) const fn is_wrong(&self) -> bool {
        matches!(self.label, Some(SeamLabel::Exact | SeamLabel::Anchored)) && !self.is_right()
    }

    /// Whether the joint is as if the stream had never been cut.
    pub(crate) const fn is_right(&self) -> bool {
        self.lost == 0 && self.duplicated == 0 && self.added == 0
    }
}

/// Cuts an answer, lets a model go on and judges the seam.
pub(crate) fn judge(seed: u64) -> Verdict {
    let mut dice = Dice::new(seed);
    let genre = dice.pick(&Genre::ALL);
    let original = Original::write(genre, &mut dice);
    let provider = dice.pick(&Provider::ALL);
    let cut = Cut::after(provider, &original.text[..original.cut], &mut dice);
    let habits = match cut.rung {
        Rung::Instruct => Habit::INSTRUCTED.as_slice(),
        Rung::Prefill => &Habit::PREFILLED,
        _ => &Habit::REPLAYED,
    };
    let habit = dice.pick(habits);
    let rung = cut.rung;
    let before = cut.before(&original);
    let continuation = before.go_on(habit, &mut dice);
    let shown = Shown { text: &original.text[..original.cut], sent: before.sent };
    let provable = provable(&before, shown.tail(), rung, &continuation);
    let fragment = before.fragment.map(str::to_owned);
    let joined = cut.go_on(&continuation.text, &mut dice);
    let damage = Damage::of(shown, &continuation, &joined);
    let label = joined.seam.as_ref().map(|seam| seam.label);
    // The bytes are those of a model that repeats the fragment and goes on, whatever this one meant.
    let does_as_asked =
        label == Some(SeamLabel::Anchored) && fragment.as_ref() == Some(&damage.gone);
    let echoes = rung == Rung::Prefill && provider.profile.echoes_prefill;
    Verdict {
        genre,
        habit,
        rung,
        label,
        provable,
        is_ambiguous: shown.is_repeated_by(&damage.gone, label, echoes) || does_as_asked,
        is_periodic: is_periodic(shown.given()),
        removed: damage.removed,
        lost: damage.lost,
        held: joined.held,
        duplicated: damage.duplicated,
        added: damage.added,
    }
}

/// What the consumer has, and how much of it the model was given.
#[derive(Clone, Copy)]
struct Shown<'a> {
    text: &'a str,
    sent: usize,
}

impl<'a> Shown<'a> {
    fn given(self) -> &'a str {
        &self.text[..self.sent]
    }

    fn tail(self) -> &'a str {
        &self.text[self.sent..]
    }

    /// Whether the same bytes come from a model that repeats: where the label only says that
    /// something was removed, any end of the text; where the provider always repeats all of it, all.
    fn is_repeated_by(self, gone: &str, label: Option<SeamLabel>, echoes: bool) -> bool {
        let given = self.given();
        label == Some(SeamLabel::Overlap) && given.ends_with(gone.trim_end())
            || echoes && gone.starts_with(given)
    }
}

/// What a joint did to the text.
struct Damage {
    gone: String,
    removed: usize,
    lost: usize,
    duplicated: usize,
    added: usize,
}

impl Damage {
    fn of(shown: Shown<'_>, continuation: &Continuation, joined: &Joined) -> Self {
        let mut damage = Self { gone: String::new(), removed: 0, lost: 0, duplicated: 0, added: 0 };
        let Some(seam) = &joined.seam else {
            assert_eq!(joined.text, shown.text, "what is refused is not shown");
            return damage;
        };
        let dropped = usize::try_from(seam.dropped).expect("a length");
        let (gone, kept) = continuation.text.split_at(dropped);
        assert_eq!(joined.text, [shown.text, kept].concat(), "the engine only drops a beginning");
        assert_eq!(seam.offset, shown.text.len() as u64);
        gone.clone_into(&mut damage.gone);
        let again = shown_again(shown.tail(), &continuation.text[continuation.head..]);
        let head = continuation.head + again;
        damage.removed = gone.chars().count().saturating_sub(again);
        damage.lost = gone.get(head..).map_or(0, |lost| lost.chars().count());
        if let Some(again) = continuation.text[..head].get(dropped..) {
            let again = again.chars().count();
            damage.duplicated =
                again.saturating_sub(continuation.closing).min(continuation.repeated);
            damage.added = again - damage.duplicated;
        }
        damage
    }
}

/// Whether a text is one unit at least three times, the last perhaps cut.
fn is_periodic(text: &str) -> bool {
    let bytes = text.as_bytes();
    let least = bytes.len() / 3;
    text.chars().count() >= OVERLAP_CHARS / 3
        && (1..=least).any(|period| bytes[period..] == bytes[..bytes.len() - period])
}

/// Bytes of new text that only say again what the consumer has and the model was not given.
fn shown_again(tail: &str, new: &str) -> usize {
    let same = tail.chars().zip(new.chars()).take_while(|(a, b)| a == b);
    same.map(|(a, _)| a.len_utf8()).sum()
}

fn provable(before: &Before<'_>, tail: &str, rung: Rung, continuation: &Continuation) -> SeamLabel {
    let asked = before.fragment.is_some() && continuation.head > 0;
    match (rung, continuation.habit) {
        (Rung::Replay, Habit::Whole) => SeamLabel::Exact,
        // Unless the model leaves out what the consumer has and it had not.
        (Rung::Prefill, _) if continuation.text[continuation.head..].starts_with(tail) => {
            SeamLabel::Exact
        }
        (Rung::Prefill | Rung::Replay | Rung::Retry, _) => SeamLabel::None,
        (_, Habit::Whole) if continuation.repeated >= RESTART_CHARS => SeamLabel::Exact,
        (_, habit) if asked && habit.says_fragment() => SeamLabel::Anchored,
        (_, Habit::Longer) if asked => SeamLabel::Overlap,
        (_, Habit::Last) if continuation.repeated >= OVERLAP_CHARS => SeamLabel::Overlap,
        _ => SeamLabel::None,
    }
}
