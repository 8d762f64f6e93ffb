//! The request that a rung takes, and how the head of its answer joins what was shown.

use bytes::Bytes;
use http::{HeaderMap, Method};
use retry_policy::IdempotencyKey;
use std::borrow::Cow;

use super::Standing;
use crate::attempt::Hold;
use crate::cursor::Asking;
use crate::input::AttemptId;
use crate::partial::sendable_len;
use crate::seam::Rung;
use crate::stitch::{Stitch, StopSequences, anchor};

/// Makes the request for a rung; `key` names the response.
pub(crate) fn plan(
    standing: &Standing<'_>,
    rung: Rung,
    attempt: AttemptId,
    key: &IdempotencyKey,
) -> Plan {
    match (rung, standing.kept) {
        (Rung::Cursor, Some(kept)) => Plan::reading(kept.ask_events()),
        (Rung::Fetch, Some(kept)) => Plan::reading(kept.ask_whole()),
        // The last two are chosen only for a response that is kept.
        (Rung::Retry | Rung::Cursor | Rung::Fetch, _) => standing.again(*key, Stitch::start()),
        (Rung::Replay, _) => {
            standing.again(key.derive(u64::MAX - u64::from(attempt.0)), Stitch::replay())
        }
        (Rung::Turn, _) => standing.send_back(key),
        (Rung::Prefill, _) => standing.prefill(key),
        (Rung::Instruct, _) => standing.instruct(key),
    }
}

/// One attempt to come: what to send and how its head joins the text.
pub(crate) struct Plan {
    pub(crate) method: Method,
    pub(crate) path: Cow<'static, str>,
    pub(crate) body: Bytes,
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) headers: HeaderMap,
    pub(crate) stitch: Stitch,
    /// Bytes of the shown text that the request contains.
    pub(crate) sent: usize,
}

impl Plan {
    /// What its events wait for, where something was shown.
    pub(crate) fn hold(&mut self) -> Hold {
        Hold::Seam(Box::new(std::mem::replace(&mut self.stitch, Stitch::start())), self.sent)
    }

    /// Reads on what is kept.
    fn reading(asking: Asking) -> Self {
        let Asking { method, path, body, key, headers } = asking;
        Self { method, path, body, key, headers, stitch: Stitch::start(), sent: 0 }
    }
}

impl Standing<'_> {
    fn making(&self, body: Bytes, key: IdempotencyKey, stitch: Stitch, sent: usize) -> Plan {
        let stitch = stitch.stopping_at(StopSequences::new(self.request.stop_sequences()));
        let (method, path) = (Method::POST, self.request.path(self.profile));
        Plan { method, path, body, key: Some(key), headers: HeaderMap::new(), stitch, sent }
    }

    /// The identical request.
    fn again(&self, key: IdempotencyKey, stitch: Stitch) -> Plan {
        self.making(self.request.initial(self.profile), key, stitch, 0)
    }

    /// The turn that was paused, as it came.
    fn send_back(&self, key: &IdempotencyKey) -> Plan {
        let transcript = self.transcript;
        let (blocks, container) = match transcript.paused() {
            Some(turn) => (&*turn.blocks, turn.container.as_deref()),
            None => ("", None),
        };
        let body = self.request.send_back(self.profile, blocks, container);
        // Two pauses may come behind the same text.
        let key = key.derive(u64::MAX / 2 - transcript.went_on.len() as u64);
        self.making(body, key, Stitch::start(), 0)
    }

    /// What can be sent back of the text, as the beginning of the answer.
    fn prefill(&self, key: &IdempotencyKey) -> Plan {
        let partial = self.partial();
        let stitch = match self.profile.echoes_prefill {
            true => Stitch::echoed_prefill(),
            false => Stitch::prefill(self.learned.restarts()),
        };
        let body = self.request.prefill(self.profile, partial, self.spent());
        self.making(body, self.derived(key, Rung::Prefill), stitch, partial.len())
    }

    /// What can be sent back of the text, as a turn, and the words that ask to go on.
    fn instruct(&self, key: &IdempotencyKey) -> Plan {
        let (text, partial) = (&self.transcript.text, self.partial());
        let anchor = anchor::choose(partial);
        // The fragment is generated again; it must not be paid out of the caller's limit.
        let fragment = anchor.map_or(0, |start| (partial.len() - start) as u64);
        let repeated = (fragment * self.transcript.text_events).div_ceil(text.len() as u64);
        let spent = self.spent().saturating_sub(repeated);
        let fragment = anchor.map(|start| &partial[start..]);
        let instruction = self.instruction.words(partial, fragment);
        let body = self.request.instruct(self.profile, partial, &instruction, spent);
        let stitch = Stitch::instruct(anchor, self.learned.restarts());
        self.making(body, self.derived(key, Rung::Instruct), stitch, partial.len())
    }

    /// What can be sent back of the text.
    fn partial(&self) -> &str {
        &self.transcript.text[..sendable_len(&self.transcript.text)]
    }

    /// A lower bound of the tokens that the answer has used of the caller's limit.
    const fn spent(&self) -> u64 {
        self.transcript.text_events - self.transcript.text_events_before
    }

    /// Two rungs at one place send two bodies, so they are two operations.
    fn derived(&self, key: &IdempotencyKey, rung: Rung) -> IdempotencyKey {
        key.derive((self.transcript.text.len() as u64) << 3 | u64::from(rung.code()))
    }
}
