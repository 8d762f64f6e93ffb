//! The end of an event: its id is committed, its values are lent, and its memory is given back.
//!
//! The carries are emptied with the next call and not here, for the event may be in them.

use core::mem;

use super::Decoder;
use super::block::{Block, Lent, Progress};
use super::lines::is_id;
use crate::carry::Carry;
use crate::error::DecodeError;
use crate::event::{Part, Place, Span};
use crate::token::Field;

impl<B: Carry> Decoder<B> {
    /// Ends the block at its blank line: commits the id, and gives the event if there is one.
    #[inline(never)]
    pub(super) fn close(&mut self, lent: &Lent, input: &[u8]) -> Option<Result<Span, DecodeError>> {
        let sets_id = match self.commit_id(lent.id, input) {
            Ok(sets_id) => sets_id,
            Err(error) => {
                // Nothing of the dropped event follows: this was its blank line.
                self.block = Block::default();
                return Some(Err(error));
            }
        };
        let block = mem::take(&mut self.block);
        let spends = block.has_data || self.fields.bytes().len() > self.id.len();
        if !block.has_data && lent.data.is_none() {
            if spends {
                self.release();
            }
            return None;
        }
        if spends {
            self.block.progress = Progress::Spent;
        }
        let held = Part::Carry(Place { start: 0, end: self.data.bytes().len() });
        let event = lent.event.map(Part::Chunk).or(block.event.map(Part::Carry));
        Some(Ok(Span {
            data: lent.data.map_or(held, Part::Chunk),
            event: event.unwrap_or(Part::EMPTY),
            sets_id,
            retry_millis: block.retry_millis,
            offset: block.offset,
        }))
    }

    /// Makes the id of the open event the last event ID; says whether there is one.
    fn commit_id(&mut self, lent: Option<Place>, input: &[u8]) -> Result<bool, DecodeError> {
        let lent = lent.map(|id| id.bytes(input)).filter(|id| is_id(id));
        if let Some(id) = lent {
            if self.block.event.is_none() {
                // In the order that loses nothing when the carry has less room than it says.
                self.fields.reserve(id.len()).map_err(|_| self.overflow(Field::Id))?;
                self.fields.keep(0..0);
                self.set_id(Place::default());
            }
            let place = self.add(Field::Id, id)?;
            self.set_id(place);
        } else if let Some(place) = self.block.id {
            self.set_id(place);
        }
        Ok(lent.is_some() || self.block.id.is_some())
    }

    pub(super) fn set_id(&mut self, place: Place) {
        let carry_bytes_max = self.data.bytes_max().min(self.fields.bytes_max());
        let event_bytes_max = self.limits.event_bytes_max.min(carry_bytes_max);
        self.room_bytes = event_bytes_max.saturating_sub(place.len());
        self.id = place;
        self.id_changes += 1;
    }

    /// Drops from the carry everything but the committed id, and what is known of the event.
    #[inline(never)]
    pub(super) fn release(&mut self) {
        self.data.keep(0..0);
        self.fields.keep(self.id.start..self.id.end);
        self.id = Place { start: 0, end: self.id.len() };
        self.block = Block::default();
    }
}
