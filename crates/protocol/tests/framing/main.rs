//! Bodies that are not server-sent events, read as if they were.

mod lines;
mod message;
mod messages;

use protocol::{FrameError, Framing, Reader, Wire};

/// More than any frame of these tests has.
const FRAME_BYTES_MAX: usize = 4096;

/// What a reader told of a body: name and data of each event, and why nothing more came.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) events: Vec<(String, String)>,
    pub(crate) failure: Option<FrameError>,
}

impl Told {
    /// Of a body that ends cleanly.
    pub(crate) fn of<'c>(
        framing: Framing,
        wire: Wire,
        chunks: impl IntoIterator<Item = &'c [u8]>,
    ) -> Self {
        let (mut reader, mut told) =
            (Reader::framed(framing, wire, FRAME_BYTES_MAX), Self::default());
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
            let event = reader.resolve(span.expect("no event is too large"));
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            self.events.push((text(event.event), text(event.data)));
        }
    }

    pub(crate) fn data(&self) -> Vec<&str> {
        self.events.iter().map(|(_, data)| data.as_str()).collect()
    }
}

/// Every way to cut a body into two chunks, one chunk, and a chunk for each byte.
pub(crate) fn each_cut(body: &[u8], mut check: impl FnMut(Vec<&[u8]>)) {
    check(vec![body]);
    check(body.chunks(1).collect());
    for at in 0..=body.len() {
        check(vec![&body[..at], &body[at..]]);
    }
}
