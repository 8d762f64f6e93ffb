//! All that a reader tells of a body that ends cleanly.

use protocol::{FrameError, Framing, Reader, Wire};

/// The events of a body, and why there were no more.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// What was read, in order.
    pub events: Vec<Read>,
    /// Events over the limit.
    pub too_large: usize,
    /// Why the body could not be read on.
    pub failure: Option<FrameError>,
}

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub struct Read {
    /// Its name.
    pub name: Vec<u8>,
    /// Its data.
    pub data: Vec<u8>,
}

impl Told {
    /// Reads the chunks of a body.
    pub fn of<'c>(
        framing: Framing,
        wire: Wire,
        event_bytes_max: usize,
        chunks: impl IntoIterator<Item = &'c [u8]>,
    ) -> Self {
        let mut reader = Reader::framed(framing, wire, event_bytes_max);
        let mut told = Self::default();
        for chunk in chunks {
            reader.feed(chunk.to_vec().into());
            told.read(&mut reader);
        }
        reader.end();
        told.read(&mut reader);
        told.failure = reader.failure();
        told
    }

    fn read(&mut self, reader: &mut Reader) {
        while let Some(span) = reader.scan() {
            let Ok(span) = span else {
                self.too_large += 1;
                continue;
            };
            let event = reader.resolve(span);
            self.events.push(Read { name: event.event.to_vec(), data: event.data.to_vec() });
        }
    }
}
