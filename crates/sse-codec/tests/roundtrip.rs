//! What the encoder writes, the decoder reads back as it was.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use sse_codec::{Decoder, EncodeError, Encoder, Frame};

/// An event to send, and a comment to send before it.
#[derive(Clone, Debug)]
struct Sent {
    event: Vec<u8>,
    data: Vec<u8>,
    id: Option<Vec<u8>>,
    retry_millis: Option<u64>,
    comment: Option<Vec<u8>>,
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
}

/// Bytes of which many mean something in a stream, without those in `never`.
fn bytes(never: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![prop::sample::select(b"\n\r\0: adt\xef\xbb\xbf".to_vec()), any::<u8>(),];
    vec(byte.prop_filter("cannot be carried", |byte| !never.contains(byte)), 0..12)
}

prop_compose! {
    fn sent()(
        event in bytes(b"\n\r"),
        data in bytes(b"\r"),
        id in prop::option::of(bytes(b"\n\r\0")),
        retry_millis in prop::option::of(any::<u64>()),
        comment in prop::option::of(bytes(b"")),
    ) -> Sent {
        Sent { event, data, id, retry_millis, comment }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn decoding_what_was_encoded_is_the_identity(
        all in vec(sent(), 0..5),
        chunk_bytes in 1_usize..40,
    ) {
        let mut encoder = Encoder::new(Vec::new());
        for sent in &all {
            if let Some(comment) = &sent.comment {
                encoder.comment(comment)?;
            }
            encoder.event(&sent.frame())?;
        }
        let stream = encoder.into_inner();

        let mut decoder = Decoder::new();
        let mut expected = all.iter();
        for chunk in stream.chunks(chunk_bytes) {
            let mut events = decoder.feed(chunk);
            while let Some(event) = events.next() {
                prop_assert_eq!(Some(Frame::from(event?)), expected.next().map(Sent::frame));
            }
        }
        prop_assert!(expected.next().is_none());
        prop_assert!(decoder.finish().is_none());
    }

    #[test]
    fn a_frame_is_written_or_refused_as_a_whole(
        event in bytes(b""),
        data in bytes(b""),
        id in bytes(b""),
    ) {
        let frame = Frame { event: &event, id: Some(&id), ..Frame::message(&data) };
        let mut stream = Vec::new();
        match Encoder::new(&mut stream).event(&frame) {
            Ok(()) => {
                let mut decoder = Decoder::new();
                let mut events = decoder.feed(&stream);
                let read = events.next().expect("an event").map(Frame::from);
                prop_assert_eq!(read, Ok(frame));
            }
            Err(EncodeError::Full) => prop_assert!(false, "a vector is never full"),
            Err(_) => prop_assert!(stream.is_empty()),
        }
    }
}
