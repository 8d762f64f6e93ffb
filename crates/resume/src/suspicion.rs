//! When the live attempt may be dying. Nothing is sent on a suspicion: it only has a connection opened,
//! so that the next attempt begins without one to wait for.

use retry_policy::Nanos;

use crate::clocks::suspicion;
use crate::output::Output;
use crate::session::Session;

impl Session {
    /// Bytes wind the clocks.
    pub(crate) fn hear_bytes(&mut self, now: Nanos) {
        self.clocks.bytes(now, &self.timeouts);
        // Nothing goes on behind the stop reason.
        if self.transcript.stop.is_none() {
            self.clocks.trust_until(now.saturating_add(self.suspect_after()));
        }
    }

    /// How long the live attempt may be silent without suspicion.
    fn suspect_after(&self) -> Nanos {
        self.suspect_after.unwrap_or_else(|| suspicion(self.timeouts.bytes))
    }

    /// It has been silent for long.
    pub(crate) fn suspect_late(&mut self, now: Nanos) {
        self.clocks.suspected(now);
        self.suspect();
    }

    /// Has a connection opened, where something may have to go on.
    pub(crate) fn suspect(&mut self) {
        if self.live.is_some() && self.transcript.stop.is_none() {
            self.queue.push_back(Output::Warm { stays: self.is_kept_here() });
        }
    }
}
