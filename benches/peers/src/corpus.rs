//! Six streams that are always the same, with the events that they hold.
//!
//! They look like what providers send, in their proportions; no byte of them is anyone's answer.

use std::fmt::Write;

use crate::sink::{Digest, Sink, Totals};

/// Names of the streams, as programs take them.
pub const NAMES: [&str; 6] =
    ["anthropic", "openai", "lines-64k", "tiny", "heartbeats", "multi-line"];

/// Names and sizes of the chunks that a stream is cut into; the last one of a stream is shorter.
pub const CHUNKS: [(&str, usize); 4] =
    [("whole", usize::MAX), ("16KiB", 16 * 1024), ("1460B", 1460), ("1B", 1)];

/// A stream and what a decoder must find in it.
#[derive(Clone, Debug, Default)]
pub struct Corpus {
    bytes: Vec<u8>,
    events: Vec<Record>,
}

/// An event as it was written.
#[derive(Clone, Debug)]
struct Record {
    name: &'static str,
    data: String,
    /// Where its blank line ends in the stream.
    end: usize,
}

impl Corpus {
    /// The stream of that name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "anthropic" => Some(anthropic()),
            "openai" => Some(openai()),
            "lines-64k" => Some(long_lines()),
            "tiny" => Some(tiny()),
            "heartbeats" => Some(heartbeats()),
            "multi-line" => Some(multi_line()),
            _ => None,
        }
    }

    /// How many events there are.
    pub fn event_count(&self) -> usize {
        self.events.len()
    }

    /// The stream up to the end of its first `events` events.
    pub fn prefix(&self, events: usize) -> &[u8] {
        let last = events.min(self.events.len()).checked_sub(1);
        last.map_or(&[], |last| &self.bytes[..self.events[last].end])
    }

    /// The most events that fit in `bytes_max` bytes; at least one.
    pub fn events_within(&self, bytes_max: usize) -> usize {
        self.events.partition_point(|event| event.end <= bytes_max).max(1)
    }

    /// What a decoder must find in [`prefix`](Corpus::prefix).
    pub fn digest(&self, events: usize) -> (Totals, u64) {
        let mut digest = Digest::default();
        for event in self.events.iter().take(events) {
            digest.event(event.name.as_bytes(), event.data.as_bytes());
        }
        digest.finish()
    }

    /// Appends lines that belong to no event.
    fn write(&mut self, lines: &str) {
        self.bytes.extend_from_slice(lines.as_bytes());
    }

    /// Appends an event of one or more lines of data.
    fn push(&mut self, name: &'static str, data: String) {
        if !name.is_empty() {
            self.write(&format!("event: {name}\n"));
        }
        for line in data.split('\n') {
            self.write(&format!("data: {line}\n"));
        }
        self.write("\n");
        self.events.push(Record { name, data, end: self.bytes.len() });
    }
}

/// 10,000 events as of Anthropic's Messages: named, about 120 bytes.
fn anthropic() -> Corpus {
    let (mut corpus, mut words) = (Corpus::default(), Words(1));
    corpus.push(
        "message_start",
        r#"{"type":"message_start","message":{"id":"msg_01XFDUDYJgAACzvnptvVoYEL","type":"message","role":"assistant","content":[],"model":"claude-opus-4-6","stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":2679,"output_tokens":3}}}"#.into(),
    );
    corpus.push(
        "content_block_start",
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#
            .into(),
    );
    corpus.push("ping", r#"{"type": "ping"}"#.into());
    while corpus.event_count() < 9_997 {
        let text = words.next();
        corpus.push(
            "content_block_delta",
            format!(
                r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{text}"}}}}"#
            ),
        );
    }
    corpus.push("content_block_stop", r#"{"type":"content_block_stop","index":0}"#.into());
    corpus.push(
        "message_delta",
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":9994}}"#.into(),
    );
    corpus.push("message_stop", r#"{"type":"message_stop"}"#.into());
    corpus
}

/// 10,000 events as of OpenAI's Chat Completions, about 320 bytes, and `[DONE]`.
fn openai() -> Corpus {
    let (mut corpus, mut words) = (Corpus::default(), Words(2));
    while corpus.event_count() < 10_000 {
        let (text, obfuscation) = (words.next(), words.obfuscation());
        corpus.push(
            "",
            format!(
                r#"{{"id":"chatcmpl-CVqT6mL2yR0bXn4kDs8eWf1aJh3uZ","object":"chat.completion.chunk","created":1763990400,"model":"gpt-5.1-2025-11-13","service_tier":"default","system_fingerprint":"fp_9e1c4f7a02","choices":[{{"index":0,"delta":{{"content":"{text}"}},"logprobs":null,"finish_reason":null}}],"usage":null,"obfuscation":"{obfuscation}"}}"#
            ),
        );
    }
    corpus.push("", "[DONE]".into());
    corpus
}

/// 64 events with a line of 64 KiB, as of an image in base64.
fn long_lines() -> Corpus {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut corpus, mut random) = (Corpus::default(), Words(3));
    for index in 0..64 {
        let mut data = format!(
            r#"{{"type":"response.image_generation_call.partial_image","partial_image_index":{index},"partial_image_b64":""#
        );
        while data.len() < 64 * 1024 - 2 {
            data.push(char::from(ALPHABET[random.below(64)]));
        }
        data.push_str("\"}");
        corpus.push("", data);
    }
    corpus
}

/// 100,000 times the least that is an event.
fn tiny() -> Corpus {
    let mut corpus = Corpus::default();
    for _ in 0..100_000 {
        corpus.push("", "x".into());
    }
    corpus
}

/// 100,000 comments that keep a connection alive, and an event after every hundred.
fn heartbeats() -> Corpus {
    let (mut corpus, mut words) = (Corpus::default(), Words(4));
    for _ in 0..1_000 {
        for _ in 0..100 {
            corpus.write(": keepalive\n\n");
        }
        let text = words.next();
        corpus.push("", format!(r#"{{"text":"{text}"}}"#));
    }
    corpus
}

/// 20,000 events with an id, a name and three lines of data.
fn multi_line() -> Corpus {
    let (mut corpus, mut words) = (Corpus::default(), Words(5));
    for id in 0..20_000 {
        let mut data = String::new();
        for line in ["a", "b", "c"] {
            if !data.is_empty() {
                data.push('\n');
            }
            let text = words.next();
            write!(data, r#""{line}": "{text}","#).expect("a string takes everything");
        }
        corpus.write(&format!("id: {id}\n"));
        corpus.push("update", data);
    }
    corpus
}

/// Pieces of text as models write them, one token each. A linear congruential generator.
struct Words(u64);

impl Words {
    const WORDS: [&str; 24] = [
        "the",
        " of",
        " a",
        " response",
        ",",
        " stream",
        " is",
        " that",
        " connection",
        ".",
        " and",
        " to",
        "\\n\\n",
        " in",
        " every",
        " byte",
        "s",
        " under",
        "stand",
        " \\\"once\\\"",
        " for",
        " with",
        " because",
        "ing",
    ];
    /// One in twenty: most of what models write is ASCII.
    const BEYOND_ASCII: [&str; 6] = [" —", "é", " naïve", "스트림", "流", " 🙂"];

    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 40).unwrap_or_default() % bound
    }

    fn next(&mut self) -> &'static str {
        if self.below(20) == 0 {
            Self::BEYOND_ASCII[self.below(Self::BEYOND_ASCII.len())]
        } else {
            Self::WORDS[self.below(Self::WORDS.len())]
        }
    }

    /// Padding that hides how long a token is.
    fn obfuscation(&mut self) -> String {
        let len = self.below(12);
        (0..len).map(|_| char::from(b'a' + self.below(26) as u8)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Corpus, Digest, NAMES};
    use crate::ours::decode_bytes;

    #[test]
    fn every_stream_holds_the_events_that_it_says() {
        for name in NAMES {
            let corpus = Corpus::named(name).unwrap();
            let events = corpus.event_count();
            let mut digest = Digest::default();
            decode_bytes([corpus.prefix(events)].into_iter(), &mut digest).unwrap();
            assert_eq!(digest.finish(), corpus.digest(events), "{name}");
        }
    }

    #[test]
    fn sizes_are_those_of_the_descriptions() {
        for (name, events, bytes) in [
            ("anthropic", 10_000, 1_150_000..1_300_000),
            ("openai", 10_001, 3_000_000..3_400_000),
            ("lines-64k", 64, 4_194_304..4_200_000),
            ("tiny", 100_000, 900_000..900_001),
            ("heartbeats", 1_000, 1_300_000..1_340_000),
            ("multi-line", 20_000, 1_600_000..1_700_000),
        ] {
            let corpus = Corpus::named(name).unwrap();
            assert_eq!(corpus.event_count(), events, "{name}");
            let len = corpus.prefix(events).len();
            assert!(bytes.contains(&len), "{name}: {len}");
        }
    }

    #[test]
    fn a_prefix_ends_with_an_event() {
        let corpus = Corpus::named("tiny").unwrap();
        assert_eq!(corpus.prefix(2), b"data: x\n\ndata: x\n\n");
        assert_eq!(corpus.events_within(20), 2);
        assert_eq!(corpus.events_within(1), 1);
    }
}
