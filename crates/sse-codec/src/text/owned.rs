//! The text of an event that the chunk does not lend: replaced values and the last event ID.
//!
//! Kept between events, so that it is allocated once.

use alloc::string::String;
use core::str;

use crate::carry::RETAINED_BYTES_MAX;

/// Text of the event that is lent, as far as it is not the stream's own bytes.
#[derive(Debug)]
pub(super) struct Owned {
    pub(super) event: String,
    pub(super) data: String,
    pub(super) id: Id,
}

/// The last event ID as text, made when it changes and not with every event: it may be long, and
/// stays for all events that follow.
#[derive(Debug)]
pub(super) struct Id {
    text: String,
    /// Which of the decoder's ids it is; `None` when that is not known.
    change: Option<u64>,
}

impl Owned {
    pub(super) const fn new() -> Self {
        Self {
            event: String::new(),
            data: String::new(),
            id: Id { text: String::new(), change: None },
        }
    }

    /// Gives back the memory of a large event.
    #[inline(always)]
    pub(super) fn release(&mut self) {
        if self.event.capacity().max(self.data.capacity()) > RETAINED_BYTES_MAX {
            (self.event, self.data) = (String::new(), String::new());
        }
    }

    /// Notes that the decoder may have been replaced.
    pub(super) const fn forget_id(&mut self) {
        self.id.change = None;
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.event.capacity() + self.data.capacity() + self.id.text.capacity()
    }
}

impl Id {
    /// The text of `id`, which came with the decoder's `change`.
    #[inline(always)]
    pub(super) fn text(&mut self, change: u64, id: &[u8]) -> &str {
        if self.change != Some(change) {
            self.change = Some(change);
            self.set(id);
        }
        &self.text
    }

    fn set(&mut self, id: &[u8]) {
        #[cfg(test)]
        super::checked::taken::add(id);
        if self.text.capacity() > RETAINED_BYTES_MAX {
            self.text = String::new();
        }
        match str::from_utf8(id) {
            Ok(text) => {
                self.text.clear();
                self.text.push_str(text);
            }
            Err(_) => replace(id, &mut self.text),
        }
    }
}

/// `bytes` as text, in `replaced` if need be.
#[inline]
pub(super) fn utf8<'a>(bytes: &'a [u8], replaced: &'a mut String) -> &'a str {
    if bytes.is_empty() {
        return "";
    }
    match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => {
            replace(bytes, replaced);
            replaced
        }
    }
}

#[cold]
fn replace(bytes: &[u8], replaced: &mut String) {
    replaced.clear();
    for chunk in bytes.utf8_chunks() {
        replaced.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            replaced.push(char::REPLACEMENT_CHARACTER);
        }
    }
}
