//! The seam: which bytes at the head of a continuation repeat what was already shown.
//!
//! Decided once per attempt, on as little held text as possible. Losing a byte is worse than
//! repeating one, so whatever is ambiguous is kept and labelled.

pub(crate) mod anchor;
mod overlap;

use crate::seam::SeamLabel;
use anchor::{Lead, Match};

/// Characters at the beginning of the text that give a restart away.
const RESTART_CHARS: usize = 64;

/// Characters within which a preamble ("Sure, continuing:") must lead to the anchor.
const PREAMBLE_CHARS: usize = 160;

/// Characters that are held at most before the seam is decided without verification.
const WINDOW_CHARS: usize = 512;

/// How a model that was asked to go on may begin instead: at once and with a capital. What
/// follows white space or is written small is the text going on.
const PREAMBLES: [&str; 11] = [
    "Sure",
    "Of course",
    "Certainly",
    "Continuing",
    "Here",
    "Okay",
    "Ok",
    "OK",
    "Picking up",
    "I'll",
    "Let me",
];

/// What was shown, and how much of it the model was given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    /// All text that the consumer has.
    pub(crate) text: &'a str,
    /// Bytes of it that the request contained; the rest is the tail.
    pub(crate) sent: usize,
}

impl<'a> Shown<'a> {
    fn tail(self) -> &'a str {
        &self.text[self.sent..]
    }
}

/// What to do with the text held so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Keep it; more is needed.
    Hold,
    /// Its first bytes are a repetition; drop them and keep the rest.
    Eat(usize),
    /// The seam is decided: drop this many bytes and deliver the rest.
    Join {
        /// Bytes of held text to drop.
        drop: usize,
        /// How sure it is.
        label: SeamLabel,
    },
    /// The replay differs from what was shown.
    Diverged,
}

/// The undecided seam of one attempt.
#[derive(Debug)]
pub(crate) struct Stitch {
    mode: Mode,
    head: String,
}

/// What to do when the model begins again from the first word instead of going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Restarts {
    /// Swallow it as far as it repeats the shown text.
    Compared,
    /// Take it as it is: comparing it failed before.
    Kept,
}

#[derive(Debug)]
enum Mode {
    /// No text was shown yet.
    Start,
    /// The model was conditioned on the exact text: only the tail comes again.
    Prefill,
    /// As `Prefill`, but the provider repeats the whole partial first.
    Echo,
    /// The model was asked to repeat the text from this byte on, if from any.
    Instruct(Option<usize>, Restarts),
    /// The whole answer comes again; this many bytes were already compared.
    Replay(usize),
}

impl Stitch {
    pub(crate) const fn start() -> Self {
        Self::new(Mode::Start)
    }

    pub(crate) const fn prefill() -> Self {
        Self::new(Mode::Prefill)
    }

    pub(crate) const fn echoed_prefill() -> Self {
        Self::new(Mode::Echo)
    }

    pub(crate) const fn instruct(anchor: Option<usize>, restarts: Restarts) -> Self {
        Self::new(Mode::Instruct(anchor, restarts))
    }

    pub(crate) const fn replay() -> Self {
        Self::new(Mode::Replay(0))
    }

    const fn new(mode: Mode) -> Self {
        Self { mode, head: String::new() }
    }

    /// Takes more text of the continuation.
    pub(crate) fn push(&mut self, shown: Shown<'_>, text: &str) -> Step {
        self.head.push_str(text);
        if self.head.is_empty() {
            return Step::Hold;
        }
        self.decide(shown, End::Open)
    }

    /// The continuation ends here: decides with what there is.
    pub(crate) fn finish(&mut self, shown: Shown<'_>) -> Step {
        match self.decide(shown, End::Final) {
            Step::Hold | Step::Eat(_) => Step::Join { drop: 0, label: SeamLabel::None },
            decided => decided,
        }
    }

    fn decide(&mut self, shown: Shown<'_>, end: End) -> Step {
        match self.mode {
            Mode::Start => Step::Join { drop: 0, label: SeamLabel::Exact },
            Mode::Prefill => join(&self.head, 0, shown, end, SeamLabel::Exact),
            Mode::Echo => self.echo(shown, end),
            Mode::Instruct(None, _) => join(&self.head, 0, shown, end, SeamLabel::None),
            Mode::Instruct(Some(start), restarts) => self.instructed(shown, start, restarts, end),
            Mode::Replay(matched) => self.replayed(shown, matched, end),
        }
    }

    fn echo(&self, shown: Shown<'_>, end: End) -> Step {
        let partial = &shown.text[..shown.sent];
        if self.head.starts_with(partial) {
            join(&self.head, partial.len(), shown, end, SeamLabel::Exact)
        } else if end == End::Open && partial.starts_with(&self.head) {
            Step::Hold
        } else {
            join(&self.head, 0, shown, end, SeamLabel::Exact)
        }
    }

    fn replayed(&mut self, shown: Shown<'_>, matched: usize, end: End) -> Step {
        let rest = &shown.text[matched..];
        if self.head.starts_with(rest) {
            return Step::Join { drop: rest.len(), label: SeamLabel::Exact };
        }
        if !rest.starts_with(&self.head) || end == End::Final {
            return Step::Diverged;
        }
        let eaten = self.head.len();
        self.head.clear();
        self.mode = Mode::Replay(matched + eaten);
        Step::Eat(eaten)
    }

    fn instructed(&mut self, shown: Shown<'_>, start: usize, restarts: Restarts, end: End) -> Step {
        let sent = &shown.text[..shown.sent];
        let wanted = &sent[start..];
        match anchor::at_head(&self.head, wanted, Lead::of(sent, start)) {
            Match::Ends(at) => return join(&self.head, at, shown, end, SeamLabel::Anchored),
            Match::Open if end == End::Open => return Step::Hold,
            Match::Open | Match::No => {}
        }
        match self.restarted(sent, restarts) {
            Match::Ends(_) => {
                self.mode = Mode::Replay(0);
                return self.decide(shown, end);
            }
            Match::Open if end == End::Open => return Step::Hold,
            Match::Open | Match::No => {}
        }
        if is_preamble(&self.head) {
            if let Some(found) = anchor::anywhere(&self.head, wanted)
                && leads_in(&self.head[..found.start])
            {
                return join(&self.head, found.end, shown, end, SeamLabel::Anchored);
            }
            if end == End::Open && self.head.chars().count() < PREAMBLE_CHARS + wanted.len() {
                return Step::Hold;
            }
        }
        self.overlapped(shown, sent, end)
    }

    fn overlapped(&self, shown: Shown<'_>, sent: &str, end: End) -> Step {
        let short = self.head.len() < 4 * WINDOW_CHARS && self.head.chars().count() < WINDOW_CHARS;
        if end == End::Open && short && overlap::is_open(sent, &self.head) {
            return Step::Hold;
        }
        match overlap::find(sent, &self.head) {
            Some(len) => join(&self.head, len, shown, end, SeamLabel::Overlap),
            None => join(&self.head, 0, shown, end, SeamLabel::None),
        }
    }

    /// Whether the model began again from the first word.
    fn restarted(&self, sent: &str, restarts: Restarts) -> Match {
        if restarts == Restarts::Kept {
            return Match::No;
        }
        let Some((len, _)) = sent.char_indices().nth(RESTART_CHARS) else { return Match::No };
        let begin = &sent[..len];
        let repeats = memchr::memmem::rfind(sent.as_bytes(), begin.as_bytes()) != Some(0);
        if repeats || anchor::is_periodic(begin.as_bytes()) {
            Match::No
        } else if self.head.starts_with(begin) {
            Match::Ends(len)
        } else if begin.starts_with(&self.head) {
            Match::Open
        } else {
            Match::No
        }
    }
}

/// Whether more text can come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    Final,
}

/// Joins after `cut` bytes of repetition, and drops what repeats the tail after it.
fn join(head: &str, cut: usize, shown: Shown<'_>, end: End, label: SeamLabel) -> Step {
    let (rest, tail) = (&head[cut..], shown.tail());
    let common = common_prefix(rest, tail);
    if common == rest.len() && common < tail.len() && end == End::Open {
        return Step::Hold;
    }
    let label = if common == tail.len() || cut > 0 { label } else { SeamLabel::None };
    Step::Join { drop: cut + common, label }
}

fn common_prefix(a: &str, b: &str) -> usize {
    a.char_indices()
        .zip(b.chars())
        .find(|((_, x), y)| x != y)
        .map_or_else(|| a.len().min(b.len()), |((at, _), _)| at)
}

/// Whether these words announce what follows them, as a preamble does.
fn leads_in(words: &str) -> bool {
    let words = words.trim_end_matches(|c: char| c.is_whitespace() || anchor::is_quote(c));
    words.ends_with([':', '.', '!'])
}

fn is_preamble(head: &str) -> bool {
    PREAMBLES.iter().any(|word| head.starts_with(word) || word.starts_with(head))
}

#[cfg(test)]
mod tests;
