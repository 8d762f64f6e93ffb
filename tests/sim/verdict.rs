//! The promise, checked against the ledger of what was really sent.

use std::fmt;

use resume::{Cause, Checkpoint, Outcome, Rung, SeamLabel};

use crate::fault::{Fatal, Fault};
use crate::provider::Entry;
use crate::scenario::{Family, Interruption, Keeps, Scenario};
use crate::violation::{Harm, Violation};
use crate::world::{Span, World};

/// Fewer bytes are white space that came again, not a repetition.
const REPETITION_BYTES_MIN: u64 = 16;

/// What streams came to, one or many.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Streams.
    pub streams: u64,
    /// Those that were whole.
    pub complete: u64,
    /// Requests of all of them.
    pub requests: u64,
    /// Requests that met a fault.
    pub faults: u64,
    /// Processes that died.
    pub deaths: u64,
    /// Seams.
    pub seams: u64,
    /// Output tokens, without those of a repetition that was asked for.
    pub billed: u64,
    /// Output tokens of the answers.
    pub needed: u64,
    /// Streams that lost text at a seam that says that it removed a repetition.
    pub confessed: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>9} streams {:>9} complete {:>9} requests {:>9} faults {:>7} deaths {:>9} seams",
            self.streams, self.complete, self.requests, self.faults, self.deaths, self.seams
        )?;
        if self.confessed > 0 {
            write!(f, ", {} lost a line and the seam says so", self.confessed)?;
        }
        Ok(())
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.streams += other.streams;
        self.complete += other.complete;
        self.requests += other.requests;
        self.faults += other.faults;
        self.deaths += other.deaths;
        self.seams += other.seams;
        self.billed += other.billed;
        self.needed += other.needed;
        self.confessed += other.confessed;
    }
}

/// Runs one sequence and judges it.
pub(crate) fn judge(world: &mut World<'_>) -> Result<Tally, Violation> {
    let outcome = world.run()?;
    let text = world.consumer.text.as_str();
    check_journal(world, &outcome)?;
    check_pieces(world, text)?;
    let mut confessed = 0;
    match check_text(world.scenario, text, &outcome) {
        Err(_) if matches!(world.scenario.family, Family::Doubled(_)) && confesses(world) => {
            confessed = 1;
        }
        checked => checked?,
    }
    check_end(world, &outcome)?;
    check_requests(world, &outcome)?;
    let ledger = &world.provider.ledger;
    let seams = world.spans.iter().filter(|span| span.seam.is_some());
    Ok(Tally {
        streams: 1,
        complete: u64::from(outcome.is_complete()),
        requests: ledger.len() as u64,
        faults: ledger.iter().filter(|entry| entry.fault.is_some()).count() as u64,
        deaths: world.deaths as u64,
        seams: seams.count() as u64,
        billed: ledger.iter().map(Entry::billed).sum::<usize>() as u64,
        needed: world.scenario.answer.tokens() as u64,
        confessed,
    })
}

/// Whether some seam says of itself that it removed a repetition nobody asked for.
fn confesses(world: &World<'_>) -> bool {
    world.spans.iter().filter_map(|span| span.seam.as_ref()).any(removes)
}

const fn removes(seam: &resume::Seam) -> bool {
    seam.dropped >= REPETITION_BYTES_MIN
}

/// The journal says what the consumer has.
fn check_journal(world: &World<'_>, outcome: &Outcome) -> Result<(), String> {
    let folded = Checkpoint::fold(world.store.bytes()).map_err(|error| error.to_string())?;
    let text = world.consumer.text.as_str();
    let store_failed = matches!(world.scenario.interruption, Some(Interruption::StoreFails(_)));
    let agrees = if store_failed {
        folded.text().starts_with(text) || text.starts_with(folded.text())
    } else {
        folded.text() == text && outcome.summary().text_bytes == text.len() as u64
    };
    if !agrees {
        return Err("the journal and the consumer disagree".to_owned());
    }
    if outcome.is_complete() && !store_failed && !folded.is_complete() {
        return Err("complete, and the journal does not say so".to_owned());
    }
    Ok(())
}

/// Every delivered byte is one that a provider sent, in order, from one seam to the next.
fn check_pieces(world: &World<'_>, text: &str) -> Result<(), Violation> {
    let ends = world.spans.iter().skip(1).map(|span| span.start).chain([usize::MAX]);
    for (span, end) in world.spans.iter().zip(ends) {
        let entry = &world.provider.ledger[span.entry];
        let shown = text.get(..span.start.min(text.len())).ok_or("a seam inside a character")?;
        let new = text.get(shown.len()..end.min(text.len())).ok_or("a seam inside a character")?;
        let dropped = span.seam.as_ref().map_or(0, |seam| seam.dropped as usize);
        let Some(rest) = entry.text.get(dropped..) else {
            return Err(format!("{dropped} bytes dropped of {}", entry.text.len()).into());
        };
        if !rest.starts_with(new) {
            let what = format!("request {}: {new:?} is not from {rest:?}", span.entry + 1);
            return Err(Harm::Repeated.because(what));
        }
        if span.start > text.len() {
            // The store failed before what comes ahead of this seam was delivered.
            continue;
        }
        check_drop(span, entry, shown, world.scenario)?;
        let joined = span.start == 0 || span.seam.is_some();
        let received = entry.received_text();
        if joined && !span.torn && end <= text.len() && received.get(dropped..) != Some(new) {
            let what = format!("request {}: of {received:?} came {new:?}", span.entry + 1);
            return Err(Harm::Lost.because(what));
        }
    }
    Ok(())
}

/// What is dropped is what was shown before, or what leads to it.
fn check_drop(
    span: &Span,
    entry: &Entry,
    shown: &str,
    scenario: &Scenario,
) -> Result<(), Violation> {
    let Some(seam) = &span.seam else { return Ok(()) };
    let dropped = seam.dropped as usize;
    let replays = entry.sent == 0 && dropped == shown.len() && entry.text.starts_with(shown);
    let restarts = dropped == shown.len() && entry.text.starts_with(shown);
    let head = entry.head.min(dropped);
    let tail = shown.get(entry.sent..).unwrap_or_default();
    let mut repeats = tail.starts_with(&entry.text[head..dropped]);
    let doubled = matches!(scenario.family, Family::Doubled(_)) && removes(seam);
    if !scenario.seam.is_faithful() || doubled {
        // A model that wanders may repeat whatever it likes, as long as it was shown. Whether white
        // space before a doubled line is what was trimmed or was written before the fragment, the
        // wire cannot tell.
        let partial = &shown[..entry.sent];
        let blank = entry.text.len() - entry.text.trim_start().len();
        let lead = if doubled { blank.min(dropped) } else { 0 };
        repeats |= (0..=dropped).rev().filter(|cut| entry.text.is_char_boundary(*cut)).any(|cut| {
            partial.ends_with(&entry.text[lead.min(cut)..cut])
                && tail.starts_with(&entry.text[cut..dropped])
        });
    }
    if !(replays || restarts || repeats) {
        return Err(Harm::Lost.because(format!(
            "request {}: {:?} was dropped and not shown before",
            span.entry + 1,
            &entry.text[..dropped]
        )));
    }
    let whole_head = dropped >= entry.head;
    // A model that says the fragment word for word has repeated it, whatever it meant: what it began
    // an earlier continuation with may be the fragment of this one.
    let fragment = &shown[entry.sent - entry.quoted..entry.sent];
    let said = entry.text[..dropped].rfind(fragment).map(|at| at + fragment.len());
    let fragment =
        entry.quoted > 0 && said.is_some_and(|end| tail.starts_with(&entry.text[end..dropped]));
    match seam.label {
        _ if doubled => Ok(()),
        SeamLabel::Anchored if !(entry.head > 0 && whole_head || restarts || fragment) => {
            Err("anchored at what is not the fragment".into())
        }
        SeamLabel::Exact if entry.rung == Rung::Replay && !replays => {
            Err("a replay that is not one is called exact".into())
        }
        _ if entry.asked && !(whole_head || fragment) => {
            Err(Harm::Repeated.because("the fragment that was asked for was kept"))
        }
        _ => Ok(()),
    }
}

fn check_text(scenario: &Scenario, text: &str, outcome: &Outcome) -> Result<(), Violation> {
    if !scenario.seam.is_faithful() {
        return Ok(());
    }
    let canonical = scenario.answer.text.as_str();
    if outcome.is_complete() && text != canonical {
        return Err(difference(text, canonical));
    }
    if !canonical.starts_with(text) {
        return Err(difference(text, canonical));
    }
    Ok(())
}

fn difference(text: &str, canonical: &str) -> Violation {
    let harm = if text.len() < canonical.len() { Harm::Lost } else { Harm::Repeated };
    let at = text.bytes().zip(canonical.bytes()).take_while(|(a, b)| a == b).count();
    let show = |text: &str| {
        String::from_utf8_lossy(&text.as_bytes()[at.min(text.len())..])
            .chars()
            .take(80)
            .collect::<String>()
    };
    harm.because(format!(
        "the text differs at byte {at}: {:?} instead of {:?}",
        show(text),
        show(canonical)
    ))
}

fn check_end(world: &World<'_>, outcome: &Outcome) -> Result<(), Violation> {
    let scenario = world.scenario;
    let last = world.provider.ledger.last();
    match outcome {
        Outcome::Complete(summary) => {
            let checked =
                world.consumer.check_complete(summary.sentinel_missing, scenario.shape.calls);
            checked.map_err(|what| Harm::FalseCompletion.because(what))?;
            if world.consumer.stop.as_deref() != Some(scenario.shape.stop) {
                return Err(Harm::FalseCompletion.because("another stop reason"));
            }
            if !world.provider.ledger.iter().any(Entry::stopped) {
                return Err(Harm::FalseCompletion.because("complete, and no attempt was"));
            }
        }
        Outcome::Refused { .. } | Outcome::Incomplete { .. }
            if world.consumer.stop.is_some() && scenario.interruption.is_none() =>
        {
            return Err("incomplete after the stop reason".into());
        }
        Outcome::Refused { cause, .. } => {
            if !last.is_some_and(|entry| matches!(entry.fault, Some(Fault::Fatal(_)))) {
                return Err(format!("refused without a reason: {cause}").into());
            }
        }
        Outcome::Incomplete { cause, .. } => {
            check_cause(world, cause)?;
            if *cause == Cause::Cancelled {
                check_farewell(world)?;
            }
        }
    }
    if world.deaths == 0 && world.consumer.has_partial_call() {
        return Err("a part of a tool call was delivered".into());
    }
    Ok(())
}

/// A stream only ends early for a reason.
fn check_cause(world: &World<'_>, cause: &Cause) -> Result<(), String> {
    let scenario = world.scenario;
    let text = world.consumer.text.as_str();
    let fatal =
        world.provider.ledger.iter().any(|entry| matches!(entry.fault, Some(Fault::Fatal(_))));
    let fits = match cause {
        Cause::Cancelled => scenario.interruption.is_some(),
        Cause::Store => matches!(scenario.interruption, Some(Interruption::StoreFails(_))),
        Cause::NotContinuable => {
            let call = scenario.shape.calls && world.deaths > 0;
            let blank = scenario.seam.is_divergent() && is_blank(text);
            !scenario.caller.is_continuable() || call || blank
        }
        _ if fatal => true,
        Cause::Deadline | Cause::GaveUp { .. } | Cause::NotAdmitted { .. } => {
            scenario.config.policy.limits.deadline.is_some()
        }
        Cause::NoProgress => scenario.config.limits.futile_attempts == 3,
        _ => false,
    };
    if fits { Ok(()) } else { Err(format!("incomplete without a reason: {cause:?}")) }
}

/// One request for every fault and one that completes; one more where a refusal is learned.
fn check_requests(world: &World<'_>, outcome: &Outcome) -> Result<(), String> {
    let scenario = world.scenario;
    let limit = scenario.config.policy.limits.total as usize;
    if world.attempts > limit {
        return Err(format!("{} attempts of {limit}", world.attempts));
    }
    let fatal = world.provider.ledger.iter().position(|entry| {
        matches!(entry.fault, Some(Fault::Fatal(fatal)) if !matches!(fatal, Fatal::InBand(_)))
    });
    if fatal.is_some_and(|at| at + 1 < world.provider.ledger.len() && world.deaths == 0) {
        return Err("another attempt after a refusal".to_owned());
    }
    if scenario.must_complete() && !outcome.is_complete() {
        let blank = scenario.seam.is_divergent() && is_blank(&world.consumer.text);
        let call = scenario.shape.calls && world.deaths > 0;
        if !(blank || call) {
            return Err("a patient client gave up".to_owned());
        }
    }
    let ledger = &world.provider.ledger;
    let faults = ledger.iter().filter(|entry| entry.fault.is_some()).count();
    let refusals = ledger.iter().filter(|entry| entry.refused).count();
    let divergent = scenario.seam.is_divergent();
    // That a replay differs is learned once.
    let attempts = &outcome.summary().attempts;
    let compared = usize::from(attempts.iter().any(|one| one.cause == Some(Cause::Diverged)));
    let withheld = ledger.iter().filter(|entry| entry.withheld).count();
    let due = faults + refusals + withheld + compared + 1;
    if world.deaths == 0 && !divergent && ledger.len() > due {
        return Err(format!("{} requests for {faults} faults", ledger.len()));
    }
    check_kept(world)?;
    if refusals > 1 + world.deaths {
        return Err(format!("{refusals} refused prefills"));
    }
    Ok(())
}

/// What is asked of a response that is kept has an end, and who wants it no longer says so.
fn check_kept(world: &World<'_>) -> Result<(), String> {
    let scenario = world.scenario;
    let ledger = &world.provider.ledger;
    // Its events and the whole may be gone, and it is fetched so often before it is finished.
    let patience = scenario.config.limits.fetches as usize + 2;
    let roots =
        ledger.iter().enumerate().filter_map(|(at, entry)| Some((at, entry.kept.as_ref()?)));
    for (root, kept) in roots {
        let told =
            |entry: &&Entry| entry.withheld && entry.fault.is_none() && entry.root == Some(root);
        let told = ledger.iter().filter(told).count();
        if told > patience * (1 + world.deaths) {
            return Err(format!("asks {told} times for what is not there"));
        }
        let fetched = |entry: &&Entry| entry.rung == Rung::Fetch && entry.root == Some(root);
        let fetches = ledger.iter().filter(fetched).count();
        let is_left = fetches >= scenario.config.limits.fetches as usize;
        let is_ended = matches!(scenario.interruption, Some(Interruption::Cancel(_)));
        let failed = |entry: &Entry| matches!(entry.fault, Some(Fault::InBand(_)));
        let is_failed = ledger.iter().any(|it| it.root == Some(root) && failed(it));
        if kept.cancelled && !(is_left || is_ended || is_failed) {
            return Err("gave up a response that is still wanted".to_owned());
        }
    }
    Ok(())
}

/// A provider that goes on with a response which nobody wants has to be told.
fn check_farewell(world: &World<'_>) -> Result<(), String> {
    let ledger = &world.provider.ledger;
    let root = ledger.last().and_then(|last| ledger[last.root?].kept.as_ref());
    let Some(kept) = root.filter(|_| world.scenario.keeps == Keeps::All) else { return Ok(()) };
    let goes_on = (1..kept.events.len()).contains(&kept.received);
    if goes_on && !kept.cancelled { Err("nobody told the provider".to_owned()) } else { Ok(()) }
}

/// Nothing that can be sent back to a model: white space and at most one grapheme, perhaps half.
fn is_blank(text: &str) -> bool {
    text.chars().filter(|c| !c.is_whitespace() && c.len_utf8() < 4).all(|c| c == '\u{200D}')
        && text.chars().filter(|c| c.len_utf8() == 4).count() <= 8
}
