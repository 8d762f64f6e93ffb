//! The seam: which bytes at the head of a continuation repeat what was already shown.
//!
//! Decided once per attempt, on as little held text as possible. Losing a byte is worse than
//! repeating one, so whatever is ambiguous is kept and labelled.

pub(crate) mod anchor;
mod folded;
mod overlap;
mod phrase;
mod preamble;
mod stop;

use crate::seam::SeamLabel;
use anchor::Found;
use overlap::Overlap;
use preamble::Fence;
use stop::Over;

pub(crate) use stop::StopSequences;

/// Characters at the beginning of the text that give a restart away.
const RESTART_CHARS: usize = 64;

/// Characters of text that may be one verse or row, which is written twice on purpose. Only a text
/// that is longer is certain to begin again, wherever it was cut.
const REFRAIN_CHARS: usize = 400;

/// Characters within which a preamble ("Sure, continuing:") must lead to the anchor.
const PREAMBLE_CHARS: usize = 160;

/// Characters that are held at most before the seam is decided without verification.
const WINDOW_CHARS: usize = 512;

/// What was shown, and how much of it the model was given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    /// All text that the consumer has.
    pub(crate) text: &'a str,
    /// Bytes of it that the request contained; the rest is the tail.
    pub(crate) sent: usize,
}

impl<'a> Shown<'a> {
    fn sent(self) -> &'a str {
        &self.text[..self.sent]
    }

    fn tail(self) -> &'a str {
        &self.text[self.sent..]
    }
}

/// What to do with the text held so far.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The seam is decided as with `Join`, and over it stands this stop sequence of the caller's: no
    /// new text belongs to the response.
    Stop {
        /// Bytes of held text that are a repetition.
        drop: usize,
        /// How sure it is.
        label: SeamLabel,
        /// The sequence.
        sequence: String,
    },
    /// The replay differs from what was shown.
    Diverged,
}

/// The undecided seam of one attempt.
#[derive(Debug)]
pub(crate) struct Stitch {
    mode: Mode,
    head: String,
    stops: StopSequences,
}

/// What to do when the model begins again from the first word instead of going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Restarts {
    /// Swallow it as far as it repeats the shown text.
    Compared,
    /// Take it as it is: comparing it failed before.
    Kept,
}

#[derive(Clone, Copy, Debug)]
enum Mode {
    /// No text was shown yet.
    Start,
    /// The model was conditioned on the exact text: only the tail comes again.
    Prefill(Restarts),
    /// As `Prefill`, but the provider repeats the whole partial first.
    Echo,
    /// The model was asked to repeat the text from this byte on, if from any.
    Instruct(Option<usize>, Restarts),
    /// The whole answer comes again, as asked; this many bytes were already compared.
    Replay(usize),
    /// The model begins again by itself; this many bytes were already compared.
    Restart(usize),
}

impl Stitch {
    pub(crate) fn start() -> Self {
        Self::new(Mode::Start)
    }

    pub(crate) fn prefill(restarts: Restarts) -> Self {
        Self::new(Mode::Prefill(restarts))
    }

    pub(crate) fn echoed_prefill() -> Self {
        Self::new(Mode::Echo)
    }

    pub(crate) fn instruct(anchor: Option<usize>, restarts: Restarts) -> Self {
        Self::new(Mode::Instruct(anchor, restarts))
    }

    pub(crate) fn replay() -> Self {
        Self::new(Mode::Replay(0))
    }

    fn new(mode: Mode) -> Self {
        Self { mode, head: String::new(), stops: StopSequences::default() }
    }

    /// Looks for these over the seam.
    pub(crate) fn stopping_at(self, stops: StopSequences) -> Self {
        Self { stops, ..self }
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
            Mode::Prefill(restarts) => self.prefilled(shown, restarts, end),
            Mode::Echo => self.echoed(shown, end),
            Mode::Instruct(anchor, restarts) => self.instructed(shown, anchor, restarts, end),
            Mode::Replay(matched) => self.replayed(shown, matched, end),
            Mode::Restart(matched) => self.restarted(shown, matched, end),
        }
    }

    fn echoed(&self, shown: Shown<'_>, end: End) -> Step {
        let partial = shown.sent();
        if self.head.starts_with(partial) {
            return self.join(partial.len(), shown, end, SeamLabel::Exact);
        }
        if end == End::Open && partial.starts_with(&self.head) {
            return Step::Hold;
        }
        // An echo that was tidied up is still one, but where it ends is not known.
        let same = self.head.chars().zip(partial.chars()).take_while(|(a, b)| a == b).count();
        let label =
            if same < anchor::ANCHOR_CHARS_MIN { SeamLabel::Exact } else { SeamLabel::None };
        self.join(0, shown, end, label)
    }

    fn prefilled(&mut self, shown: Shown<'_>, restarts: Restarts, end: End) -> Step {
        match self.begins_again(shown.sent(), restarts) {
            Again::Yes => {
                self.mode = Mode::Restart(0);
                self.decide(shown, end)
            }
            Again::Open(_) if end == End::Open => Step::Hold,
            Again::Maybe => self.join(0, shown, end, SeamLabel::None),
            Again::Open(_) | Again::No => self.join(0, shown, end, SeamLabel::Exact),
        }
    }

    /// The identical request was made, so what differs is another answer.
    fn replayed(&mut self, shown: Shown<'_>, matched: usize, end: End) -> Step {
        let rest = &shown.text[matched..];
        if self.head.starts_with(rest) {
            return Step::Join { drop: rest.len(), label: SeamLabel::Exact };
        }
        if self.is_cut_short(rest, end) {
            return Step::Join { drop: self.head.len(), label: SeamLabel::Exact };
        }
        if !rest.starts_with(&self.head) || end == End::Final {
            return Step::Diverged;
        }
        let eaten = self.head.len();
        self.head.clear();
        self.mode = Mode::Replay(matched + eaten);
        Step::Eat(eaten)
    }

    fn restarted(&mut self, shown: Shown<'_>, matched: usize, end: End) -> Step {
        let sent = shown.sent();
        let rest = &sent[matched..];
        let short = sent.chars().nth(REFRAIN_CHARS).is_none();
        if let Some(more) = self.head.strip_prefix(rest) {
            return match phrase::goes_on(sent, more) {
                None if end == End::Open => Step::Hold,
                Some(true) => self.join(rest.len(), shown, end, SeamLabel::Exact),
                Some(false) | None if short => self.join(0, shown, end, SeamLabel::None),
                Some(false) | None => self.join(rest.len(), shown, end, SeamLabel::Overlap),
            };
        }
        if self.is_cut_short(rest, end) {
            return Step::Join { drop: self.head.len(), label: SeamLabel::Exact };
        }
        if !rest.starts_with(&self.head) || end == End::Final {
            return Step::Diverged;
        }
        if short {
            return Step::Hold;
        }
        let eaten = self.head.len();
        self.head.clear();
        self.mode = Mode::Restart(matched + eaten);
        Step::Eat(eaten)
    }

    fn is_cut_short(&self, whole: &str, end: End) -> bool {
        end == End::Final && self.stops.cut_short(whole, &self.head)
    }

    fn instructed(
        &mut self,
        shown: Shown<'_>,
        anchor: Option<usize>,
        restarts: Restarts,
        end: End,
    ) -> Step {
        let sent = shown.sent();
        if let Some(step) = anchor.and_then(|start| self.anchored(shown, start, end)) {
            return step;
        }
        match self.begins_again(sent, restarts) {
            Again::Yes => {
                self.mode = Mode::Restart(0);
                return self.decide(shown, end);
            }
            Again::Open(Start::Clear) if end == End::Open => return Step::Hold,
            Again::Open(_) | Again::Maybe | Again::No => {}
        }
        if let Some(step) = anchor.and_then(|start| self.announced(shown, start, end)) {
            return step;
        }
        self.overlapped(shown, anchor.map(|start| sent.len() - start), end)
    }

    /// Decides by the anchor at the beginning, also behind a code fence that is open already.
    fn anchored(&self, shown: Shown<'_>, start: usize, end: End) -> Option<Step> {
        let sent = shown.sent();
        let step = self.anchored_after(0, shown, start, end);
        if step.is_some() || !self.head.starts_with('`') || !preamble::in_fence(sent) {
            return step;
        }
        match preamble::fence(&self.head) {
            Fence::Ends(at) => self.anchored_after(at, shown, start, end),
            Fence::Open if end == End::Open => Some(Step::Hold),
            Fence::Open | Fence::No => None,
        }
    }

    fn anchored_after(&self, at: usize, shown: Shown<'_>, start: usize, end: End) -> Option<Step> {
        match anchor::at_head(&self.head[at..], shown.sent(), start) {
            Found::Ends(len, label) => Some(self.join(at + len, shown, end, label)),
            Found::Open if end == End::Open => Some(Step::Hold),
            Found::Open if self.is_cut_short(&shown.sent()[start..], end) => {
                let drop = self.head.len();
                Some(Step::Join { drop, label: SeamLabel::Anchored })
            }
            Found::Open | Found::No => None,
        }
    }

    /// Decides by an anchor that a preamble leads to.
    fn announced(&self, shown: Shown<'_>, start: usize, end: End) -> Option<Step> {
        if !preamble::may_announce(&self.head) {
            return None;
        }
        let sent = shown.sent();
        match anchor::anywhere(&self.head, sent, start) {
            Some((at, found)) if preamble::announces(&self.head[..at], &sent[..start], sent) => {
                match found {
                    Found::Ends(at, label) => Some(self.join(at, shown, end, label)),
                    _ if end == End::Open => Some(Step::Hold),
                    _ => None,
                }
            }
            _ => {
                let room = PREAMBLE_CHARS + sent[start..].chars().count();
                let holds = end == End::Open && self.head.chars().count() < room;
                holds.then_some(Step::Hold)
            }
        }
    }

    fn overlapped(&self, shown: Shown<'_>, asked: Option<usize>, end: End) -> Step {
        let sent = shown.sent();
        let short = self.head.chars().count() < WINDOW_CHARS;
        if end == End::Open && short && overlap::is_open(sent, &self.head, asked) {
            return Step::Hold;
        }
        match overlap::find(sent, &self.head, asked) {
            Overlap::Ends(len) => self.join(len, shown, end, SeamLabel::Overlap),
            Overlap::Open if end == End::Open && short => Step::Hold,
            Overlap::Open | Overlap::No => self.join(0, shown, end, SeamLabel::None),
        }
    }

    /// Whether the model began again from the first word.
    fn begins_again(&self, sent: &str, restarts: Restarts) -> Again {
        if restarts == Restarts::Kept || sent.is_empty() {
            return Again::No;
        }
        let len = sent.char_indices().nth(RESTART_CHARS).map_or(sent.len(), |(at, _)| at);
        let begin = &sent[..len];
        let open = begin.starts_with(&self.head) && self.head.len() < begin.len();
        if !open && !self.head.starts_with(begin) {
            return Again::No;
        }
        match (open, Start::of(sent, begin)) {
            (true, start) => Again::Open(start),
            (false, Start::Clear) => Again::Yes,
            (false, Start::Common) => Again::Maybe,
        }
    }

    /// Joins after `cut` bytes of repetition, drops what repeats the tail after it, and sees whether
    /// a stop sequence stands over the joint.
    fn join(&self, cut: usize, shown: Shown<'_>, end: End, label: SeamLabel) -> Step {
        let (rest, tail) = (&self.head[cut..], shown.tail());
        let common = common_prefix(rest, tail);
        if common == rest.len() && common < tail.len() && end == End::Open {
            return Step::Hold;
        }
        let label = if common == tail.len() || cut > 0 { label } else { SeamLabel::None };
        let drop = cut + common;
        match self.stops.over(shown.text, &self.head[drop..]) {
            Over::Met(sequence) => Step::Stop { drop, label, sequence },
            Over::Open if end == End::Open => Step::Hold,
            Over::Open | Over::Clear => Step::Join { drop, label },
        }
    }
}

/// Whether more text can come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    Final,
}

/// Whether a model began again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    /// Its beginning is that of the text, which stands there once.
    Yes,
    /// Its beginning is that of the text, which may say it again by itself.
    Maybe,
    /// More is needed.
    Open(Start),
    No,
}

/// What the beginning of the text tells of a continuation that begins like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// That the model began again.
    Clear,
    /// Nothing: it is short, stands there more than once or has a rhythm.
    Common,
}

impl Start {
    fn of(sent: &str, begin: &str) -> Self {
        let long = begin.chars().count() == RESTART_CHARS;
        let once = memchr::memmem::rfind(sent.as_bytes(), begin.as_bytes()) == Some(0);
        if long && once && !folded::is_periodic(begin.as_bytes(), anchor::LEAD_CHARS) {
            Self::Clear
        } else {
            Self::Common
        }
    }
}

fn common_prefix(a: &str, b: &str) -> usize {
    a.char_indices()
        .zip(b.chars())
        .find(|((_, x), y)| x != y)
        .map_or_else(|| a.len().min(b.len()), |((at, _), _)| at)
}

#[cfg(test)]
mod tests;
