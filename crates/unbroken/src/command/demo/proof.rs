//! What was received against what was meant: counted from the bytes and from the provider's
//! ledger, nothing assumed.

use client::SeamLabel;
use mock_provider::{Ending, Ledger};
use std::collections::BTreeSet;

use super::run::Seen;
use super::storm;
use super::told::Bill;
use crate::breaks::Brief;

/// The judgement of one demonstration.
#[derive(Debug)]
pub(super) struct Proof {
    expected: usize,
    received: usize,
    difference: Difference,
    faults: usize,
    kinds: BTreeSet<String>,
    requests: usize,
    needed: u64,
    billed: u64,
    echoed: u64,
    seams: String,
    cost: String,
    time: String,
    kills: Kills,
    failure: Option<String>,
}

/// Processes that were killed, and that were to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kills {
    wanted: u32,
    done: u32,
}

/// Kinds of faults that a demonstration must have survived to show anything.
const KINDS_MIN: usize = 6;

impl Proof {
    /// Compares what was seen with the whole answer and with the ledger of its prompt; `kills` is
    /// how many workers were to be killed.
    pub(super) fn new(
        seen: &Seen,
        expected: &str,
        ledger: &Ledger,
        prompt: &str,
        kills: u32,
    ) -> Self {
        let records = ledger.requests.iter().enumerate();
        let harmful = records.filter(|(place, record)| match record.ending {
            Ending::Complete => false,
            // A client that was killed had yet to meet the fault.
            Ending::ClientGone | Ending::InProgress => seen.broken.contains(place),
            Ending::Cut | Ending::Rejected => true,
        });
        let mut kinds: Vec<String> =
            harmful.map(|(_, record)| storm::describe(&record.fault)).collect();
        if seen.refused > 0 {
            kinds.extend(ledger.outages.iter().map(|_| storm::NOBODY_LISTENS.to_owned()));
        }
        Self {
            expected: expected.len(),
            received: seen.text.len(),
            difference: Difference::between(expected.as_bytes(), seen.text.as_bytes()),
            faults: kinds.len(),
            kinds: kinds.into_iter().collect(),
            requests: ledger.for_prompt(prompt).count(),
            needed: ledger.needed(prompt),
            billed: ledger.billed(prompt),
            echoed: ledger.echoed(prompt),
            seams: labels(&seen.seams),
            cost: dollars(seen.cost.as_ref()),
            time: format!("{}, of which {} lost", Brief(seen.took), Brief(seen.time_lost)),
            kills: Kills { wanted: kills, done: seen.kills },
            failure: seen.failure.clone(),
        }
    }

    /// Whether every byte came once, in order, through enough of a storm.
    pub(super) fn holds(&self) -> bool {
        self.complaint().is_none()
    }

    /// The figures, each with its name.
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        let Self { expected, received, difference, faults, requests, .. } = self;
        let Difference { lost, repeated } = difference;
        let kinds: Vec<&str> = self.kinds.iter().map(String::as_str).collect();
        let bytes =
            format!("{expected} expected, {received} received, {lost} lost, {repeated} repeated");
        let mut rows = vec![
            ("bytes", bytes),
            ("faults", format!("{faults} survived, {} kinds: {}", kinds.len(), kinds.join(", "))),
            ("requests", requests.to_string()),
            ("seams", self.seams.clone()),
            ("tokens", self.tokens()),
            ("cost", self.cost.clone()),
            ("time", self.time.clone()),
        ];
        if self.kills.wanted > 0 {
            let Kills { done, .. } = self.kills;
            rows.insert(2, ("kills", format!("killed {done} times with SIGKILL, in mid-stream")));
        }
        rows
    }

    /// The judgement in one line.
    pub(super) fn verdict(&self) -> String {
        match self.complaint() {
            None => "every byte once, in order, to the provider's own end".to_owned(),
            Some(complaint) => format!("NOT PROVEN: {complaint}"),
        }
    }

    fn complaint(&self) -> Option<String> {
        let Difference { lost, repeated } = self.difference;
        if let Some(failure) = &self.failure {
            return Some(failure.clone());
        }
        if lost + repeated > 0 || self.expected != self.received {
            return Some(format!("{lost} bytes lost, {repeated} repeated"));
        }
        let Kills { wanted, done } = self.kills;
        if done < wanted {
            return Some(format!("killed only {done} times of {wanted}"));
        }
        (self.kinds.len() < KINDS_MIN)
            .then(|| format!("only {} kinds of faults, fewer than {KINDS_MIN}", self.kinds.len()))
    }

    fn tokens(&self) -> String {
        let Self { needed, billed, echoed, .. } = self;
        let permille = (billed.saturating_sub(*needed) * 1000).checked_div(*needed).unwrap_or(0);
        let (percent, tenths) = (permille / 10, permille % 10);
        let echoed = match echoed {
            0 => String::new(),
            echoed => format!(", {echoed} more repeated on request"),
        };
        format!("{needed} needed, {billed} billed (+{percent}.{tenths} %){echoed}")
    }
}

/// What was paid, and what an unbroken response costs.
fn dollars(bill: Option<&Bill>) -> String {
    let Some(Bill { total, ideal }) = bill else { return "unknown".to_owned() };
    format!("{total} USD, about {ideal} without a break; what was cut is estimated")
}

/// `3 exact, 1 anchored`, the surest first.
fn labels(seams: &[String]) -> String {
    let order = [SeamLabel::Exact, SeamLabel::Anchored, SeamLabel::Overlap, SeamLabel::None];
    let count = |label: SeamLabel| seams.iter().filter(|seam| *seam == label.name()).count();
    let counts = order.map(|label| (count(label), label));
    let some = counts.iter().filter(|(count, _)| *count > 0);
    let texts: Vec<String> = some.map(|(count, label)| format!("{count} {label}")).collect();
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}

/// How two texts differ, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Difference {
    /// Bytes of the expected text that are missing.
    lost: usize,
    /// Bytes of the received text that are too many.
    repeated: usize,
}

impl Difference {
    /// Aligns both texts so that they have as much in common as possible.
    fn between(expected: &[u8], received: &[u8]) -> Self {
        let prefix = common(expected.iter().zip(received));
        let (expected, received) = (&expected[prefix..], &received[prefix..]);
        let suffix = common(expected.iter().rev().zip(received.iter().rev()));
        let expected = &expected[..expected.len() - suffix];
        let received = &received[..received.len() - suffix];
        let common = longest_common_subsequence(expected, received);
        Self { lost: expected.len() - common, repeated: received.len() - common }
    }
}

fn common<'a>(pairs: impl Iterator<Item = (&'a u8, &'a u8)>) -> usize {
    pairs.take_while(|(a, b)| a == b).count()
}

/// The length only, one row of the table at a time.
fn longest_common_subsequence(a: &[u8], b: &[u8]) -> usize {
    let mut row = vec![0; b.len() + 1];
    for x in a {
        let mut diagonal = 0;
        for (at, y) in b.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if x == y { diagonal + 1 } else { above.max(row[at]) };
            diagonal = above;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expected: &str, received: &str, lost: usize, repeated: usize) {
        let found = Difference::between(expected.as_bytes(), received.as_bytes());
        assert_eq!(found, Difference { lost, repeated });
    }

    #[test]
    fn missing_and_doubled_bytes_are_counted_wherever_they_are() {
        check("the sea is wide", "the sea is wide", 0, 0);
        check("the sea is wide", "the is wide", 4, 0);
        check("the sea is wide", "the sea", 8, 0);
        check("the sea is wide", "", 15, 0);
        check("the sea is wide", "the sea sea is wide", 0, 4);
        check("the sea is wide", "the sea is widethe sea is wide", 0, 15);
        check("the sea is wide", "sea is wide the", 4, 4);
        check("abc", "axc", 1, 1);
        check("", "", 0, 0);
    }

    #[test]
    fn a_loss_and_a_repetition_do_not_cancel_out() {
        check("one two three four", "one three four four", 4, 5);
    }

    fn proof(kinds: usize, lost: usize, failure: Option<&str>) -> Proof {
        Proof {
            expected: 100,
            received: 100 - lost,
            difference: Difference { lost, repeated: 0 },
            faults: kinds,
            kinds: (0..kinds).map(|kind| kind.to_string()).collect(),
            requests: kinds + 1,
            needed: 200,
            billed: 203,
            echoed: 0,
            seams: labels(&["anchored", "exact", "exact"].map(str::to_owned)),
            cost: dollars(None),
            time: String::new(),
            kills: Kills { wanted: 0, done: 0 },
            failure: failure.map(str::to_owned),
        }
    }

    #[test]
    fn a_proof_needs_every_byte_an_end_and_a_real_storm() {
        assert!(proof(6, 0, None).holds());
        assert!(proof(5, 0, None).verdict().contains("only 5 kinds"));
        assert!(proof(6, 1, None).verdict().contains("1 bytes lost"));
        assert!(proof(6, 0, Some("gave up")).verdict().contains("gave up"));
    }

    #[test]
    fn a_proof_needs_every_kill_that_was_wanted() {
        let with = |wanted, done| Proof { kills: Kills { wanted, done }, ..proof(6, 0, None) };
        assert!(with(3, 3).holds());
        assert!(with(3, 2).verdict().contains("killed only 2 times of 3"));
        assert_eq!(with(3, 3).rows()[2].1, "killed 3 times with SIGKILL, in mid-stream");
    }

    #[test]
    fn figures_say_how_much_more_was_billed() {
        let rows = proof(6, 0, None).rows();
        assert_eq!(rows[4], ("tokens", "200 needed, 203 billed (+1.5 %)".to_owned()));
        assert_eq!(rows[3], ("seams", "2 exact, 1 anchored".to_owned()));
    }
}
