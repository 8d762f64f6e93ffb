//! A response that ends at a seam, because one of the caller's stop sequences stands over it.
//!
//! The text ends where it was cut: the beginning of the sequence was shown and is not taken back, the
//! rest is not shown. The provider does not know and writes on; of that only what frames content is
//! delivered, down to the provider's own end, which is told with the wire's word for a stop sequence.

use protocol::Part;

use super::Words;
use crate::attempt::{Flow, Hold, Place, merges};
use crate::held::{Event, Trimmed};
use crate::outcome::Cause;
use crate::seam::SeamLabel;
use crate::session::Session;
use crate::text::Joiner;
use crate::transcript::{Note, Tool};

impl Session {
    /// Closes the seam and leaves out all content after it.
    pub(crate) fn stop_at_seam(
        &mut self,
        flow: &mut Flow,
        drop: usize,
        label: SeamLabel,
        sequence: String,
    ) -> Result<(), Cause> {
        self.note_seam(flow, drop, label)?;
        flow.stopped_at = Some(sequence);
        // Half a character that waits for the other is content too.
        flow.joiner = Joiner::default();
        flow.hold = Hold::Nothing;
        while let Some(waiting) = flow.held.pop() {
            self.deliver_silenced(flow, waiting.event)?;
        }
        Ok(())
    }

    /// Delivers an event without its content; one that has nothing else goes nowhere.
    pub(crate) fn deliver_silenced(&mut self, flow: &mut Flow, event: Event) -> Result<(), Cause> {
        let note = &event.note;
        if let Some((index, block)) = note.open
            && merges(self.transcript.open, block).is_none()
        {
            flow.blocks.get_or_insert_default().insert(index, Place::Nowhere);
            return Ok(());
        }
        let call = note.tool == Tool::Call;
        match note.stop {
            None if call || note.part.is_some() => Ok(()),
            // Nothing takes these out of the event that says why the model stopped.
            Some(_) if call || matches!(note.part, Some(Part::Tool | Part::Other)) => {
                Err(Cause::NotContinuable)
            }
            _ => self.forward(flow, event, Words::None, Trimmed::Yes),
        }
    }

    /// The stop sequence that ended the answer, as the event that says why is to say it.
    pub(super) fn stop_in_words(
        &self,
        flow: &Flow,
        note: &mut Note,
    ) -> Option<(&'static str, String)> {
        let sequence = flow.stopped_at.as_ref().filter(|_| note.stop.is_some())?;
        let (word, reason) = self.request.wire().stop_at_sequence()?;
        note.stop = Some(reason);
        Some((word, sequence.clone()))
    }
}
