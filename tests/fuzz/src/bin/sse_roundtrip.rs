//! What the encoder writes, the decoder reads back; what it refuses leaves nothing.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use sse_codec::{Decoder, Encoder, Frame};

#[derive(Arbitrary, Debug)]
struct Sent {
    comment: Option<Vec<u8>>,
    event: Vec<u8>,
    data: Vec<u8>,
    id: Option<Vec<u8>>,
    retry_millis: Option<u64>,
}

impl Sent {
    fn frame(&self) -> Frame<'_> {
        Frame {
            event: &self.event,
            data: &self.data,
            id: self.id.as_deref(),
            retry: self.retry_millis.map(Duration::from_millis),
        }
    }

    /// Whether a stream can carry it.
    fn can_be_sent(&self) -> bool {
        let has = |bytes: &[u8], never: &[u8]| bytes.iter().any(|byte| never.contains(byte));
        !has(&self.event, b"\r\n")
            && !has(&self.data, b"\r")
            && !has(self.id.as_deref().unwrap_or_default(), b"\r\n\0")
    }
}

fuzz_target!(|input: (u8, Vec<Sent>)| {
    let (chunk_bytes, all) = input;
    let mut stream = Vec::new();
    for sent in &all {
        if let Some(comment) = &sent.comment {
            Encoder::new(&mut stream).comment(comment).expect("a vector has room");
        }
        let before = stream.len();
        let written = Encoder::new(&mut stream).event(&sent.frame());
        assert_eq!(written.is_ok(), sent.can_be_sent(), "{sent:?}");
        assert!(written.is_ok() || stream.len() == before, "a refused event leaves nothing");
    }

    let mut decoder = Decoder::new();
    let mut expected = all.iter().filter(|sent| sent.can_be_sent());
    for chunk in stream.chunks(usize::from(chunk_bytes) + 1) {
        let mut events = decoder.feed(chunk);
        while let Some(event) = events.next() {
            let frame = Frame::from(event.expect("within the limit"));
            assert_eq!(Some(frame), expected.next().map(Sent::frame));
        }
    }
    assert!(expected.next().is_none(), "an event is lost");
    assert_eq!(decoder.finish(), None);
});
