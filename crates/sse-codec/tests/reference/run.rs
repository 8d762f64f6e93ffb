//! What a decoder made of a stream, in owned form, so that two decoders can be compared.

use sse_codec::{Carry, Decoder};

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) name: String,
    pub(crate) data: String,
    pub(crate) id: Option<String>,
    pub(crate) last_event_id: String,
    pub(crate) retry_millis: Option<u128>,
    pub(crate) offset: u64,
}

/// All events of a stream, and what is known at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) events: Vec<Seen>,
    pub(crate) too_large: Vec<u64>,
    pub(crate) last_event_id: String,
    pub(crate) retry_millis: Option<u128>,
    pub(crate) comments: u64,
    pub(crate) cut: Option<u64>,
}

/// Feeds `chunks` to `decoder` and ends the stream.
pub(crate) fn run<'c, B: Carry>(
    decoder: &mut Decoder<B>,
    chunks: impl IntoIterator<Item = &'c [u8]>,
) -> Run {
    let mut run = Run::default();
    for chunk in chunks {
        let mut events = decoder.feed(chunk);
        while let Some(event) = events.next() {
            match event {
                Ok(event) => run.events.push(Seen {
                    name: text(event.name()),
                    data: text(event.data),
                    id: event.id.map(text),
                    last_event_id: text(event.last_event_id),
                    retry_millis: event.retry.map(|retry| retry.as_millis()),
                    offset: event.offset,
                }),
                Err(error) => run.too_large.push(error.offset()),
            }
        }
        assert!(events.rest().is_empty(), "every byte of a chunk is taken");
    }
    run.last_event_id = text(decoder.last_event_id());
    run.retry_millis = decoder.retry().map(|retry| retry.as_millis());
    run.comments = decoder.comments();
    run.cut = decoder.finish().map(|cut| cut.offset);
    run
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
