//! The end of an answer behind which more is wanted, kept until something follows it. Where nothing
//! does, it is told after all: late, and as it would have been.

use bytes::Bytes;
use protocol::{Wire, decode};

use crate::attempt::{Attempt, Flow};
use crate::held::Event;
use crate::items::Told;
use crate::journal;
use crate::outcome::Cause;
use crate::session::{Closed, Session};
use crate::transcript::{Note, Transcript};

/// One event of such an end, as the consumer would have been given it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unsaid {
    pub(crate) name: Bytes,
    pub(crate) data: Bytes,
}

impl Unsaid {
    /// One that was written down.
    pub(crate) fn of((name, data): (&[u8], &[u8])) -> Self {
        Self { name: Bytes::copy_from_slice(name), data: Bytes::copy_from_slice(data) }
    }
}

impl Session {
    /// What the consumer would be given of an event of the end; nothing of it is told.
    pub(crate) fn unsaid(&mut self, flow: &mut Flow, event: Event) -> Option<Unsaid> {
        let Event { mut note, name, data, spans } = event;
        if note.usage_only && !self.request.wants_usage() {
            return None;
        }
        // Behind the stop reason, which was not told either, the rules are those of an end.
        let stop = std::mem::replace(&mut self.transcript.stop, flow.goes_on);
        let edits = self.place(flow, &mut note, &data, &spans);
        self.transcript.stop = stop;
        let mut edits = edits?;
        edits.renames_model = edits.renamed && flow.is_foreign;
        let continues = flow.blocks.is_some();
        let data = if continues { self.edited(&data, &spans, &edits, None) } else { data };
        Some(Unsaid { name, data })
    }

    /// Keeps one more event of the end that is not told. Of an end that is too long nothing is kept.
    pub(crate) fn keep_unsaid(&mut self, flow: &mut Flow, event: Event) {
        let Some(unsaid) = self.unsaid(flow, event) else { return };
        let kept = &mut self.transcript.unsaid;
        let bytes: usize = kept.iter().map(|unsaid| unsaid.data.len()).sum();
        if bytes + unsaid.data.len() > self.config.limits.held_bytes {
            kept.clear();
        } else if !kept.is_empty() {
            kept.push_back(unsaid);
        }
    }

    /// Writes the end down that is not told, once all of it came.
    pub(crate) fn record_unsaid(&mut self, live: &Attempt) {
        for record in journal::unsaid(live.id, &self.transcript.unsaid) {
            self.record(record);
        }
    }

    /// Ends the session with the end that was not told, where nothing followed it; whether there is
    /// one. Whoever gave the stream up, or has it by now, is told nothing.
    pub(crate) fn end_late(&mut self, cause: &Cause) -> bool {
        let is_unwanted = matches!(cause, Cause::Cancelled | Cause::Store);
        if is_unwanted || self.transcript.has_moved || self.transcript.unsaid.is_empty() {
            return false;
        }
        self.say_unsaid();
        if !self.transcript.ended {
            self.miss_last_event();
        }
        self.summary.not_gone_on = Some(cause.clone());
        self.complete(Closed::No);
        true
    }
}

impl Session {
    fn say_unsaid(&mut self) {
        while let Some(Unsaid { name, data }) = self.transcript.unsaid.front().cloned() {
            self.transcript.say_late(self.request.wire(), &name, &data);
            let end = self.transcript.text.len();
            self.emit(name, data, end..end);
        }
    }

    /// Tells what an earlier process had yet to tell of an end that was late, or our own.
    pub(crate) fn say_rest_of_end(&mut self, is_own: bool) {
        if self.transcript.ended {
            return;
        }
        // One whose stop reason is still unsaid is of an answer that something followed.
        let wire = self.request.wire();
        let says_stop = |next: &Unsaid| {
            decode(wire, &next.name, &next.data).is_ok_and(|decoded| decoded.stop.is_some())
        };
        if self.transcript.unsaid.front().is_some_and(|next| !says_stop(next)) {
            self.say_unsaid();
        }
        if is_own && !self.transcript.ended {
            self.say_own_stop();
        }
    }
}

impl Transcript {
    /// Whether this is the next event of an end that is told late.
    pub(crate) fn is_unsaid(&self, name: &[u8], data: &[u8]) -> bool {
        let is_late = !self.has_moved || self.stop.is_some();
        is_late && self.unsaid.front().is_some_and(|next| next.name == name && next.data == data)
    }

    /// Takes note of an event that is told late.
    pub(crate) fn say_late(&mut self, wire: Wire, name: &[u8], data: &[u8]) {
        self.unsaid.pop_front();
        let Ok(decoded) = decode(wire, name, data) else { return };
        let note = Note::of(&decoded);
        if note.stop.is_some() {
            // It did not go on behind this one.
            self.went_on.pop();
            self.turn = None;
        }
        self.apply(&note);
        if let Some(told) = Told::of(&decoded, data, self.text.len(), false) {
            // What differs was found when the text was told.
            let _ = self.trace(&told);
        }
    }
}
