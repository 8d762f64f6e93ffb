//! How fast is a provider's stream decoded, beside the scan for line ends that none can avoid?
//!
//! Two corpora (Anthropic-like and OpenAI-like, 10,000 events each) at four chunk sizes. The
//! floor finds every line end with `memchr2` in the same chunks and does nothing else.

use std::fmt::Write;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use memchr::memchr2_iter;
use sse_codec::{Decoder, Encoder, Frame};

const EVENTS: usize = 10_000;
const CHUNK_BYTES: [(&str, usize); 4] =
    [("whole", usize::MAX), ("16KiB", 16 * 1024), ("1460B", 1460), ("1B", 1)];

struct Corpus {
    name: &'static str,
    bytes: Vec<u8>,
    /// What a decoder must find.
    totals: Totals,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    events: usize,
    data_bytes: usize,
}

impl Corpus {
    fn new(name: &'static str, events: impl Iterator<Item = (&'static str, String)>) -> Self {
        let mut encoder = Encoder::new(Vec::new());
        let mut totals = Totals::default();
        for (event, data) in events {
            totals.events += 1;
            totals.data_bytes += data.len();
            let frame = Frame { event: event.as_bytes(), ..Frame::message(data.as_bytes()) };
            encoder.event(&frame).expect("JSON on one line");
        }
        Self { name, bytes: encoder.into_inner(), totals }
    }

    fn anthropic() -> Self {
        Self::new(
            "anthropic",
            (0..EVENTS).map(|n| {
                let text = word(n);
                let data = format!(
                    r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{text}"}}}}"#
                );
                ("content_block_delta", data)
            }),
        )
    }

    fn openai() -> Self {
        Self::new(
            "openai",
            (0..EVENTS).map(|n| {
                let mut data = String::new();
                write!(
                    data,
                    r#"{{"id":"chatcmpl-Bj3kq81xTz0v5aYw2Lm9","object":"chat.completion.chunk","created":1764000000,"model":"gpt-large-2025-11-01","service_tier":"default","system_fingerprint":"fp_5d2c07a1b9","choices":[{{"index":0,"delta":{{"content":"{}"}},"logprobs":null,"finish_reason":null}}],"usage":null,"obfuscation":"{:012x}"}}"#,
                    word(n),
                    n * 7_919
                )
                .expect("a string takes all");
                ("", data)
            }),
        )
    }

    fn chunks(&self, chunk_bytes: usize) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks(chunk_bytes.min(self.bytes.len()))
    }
}

/// A token-like piece of text, of a length that varies.
fn word(n: usize) -> &'static str {
    ["the", " recovery", " of", " a", "스트림", " is", " exact", ",", " byte", " for"][n % 10]
}

fn decode(corpus: &Corpus, chunk_bytes: usize) -> Totals {
    let mut decoder = Decoder::new();
    let mut totals = Totals::default();
    for chunk in corpus.chunks(chunk_bytes) {
        let mut events = decoder.feed(black_box(chunk));
        while let Some(Ok(event)) = events.next() {
            totals.events += 1;
            totals.data_bytes += event.data.len();
        }
    }
    totals
}

fn decode_text(corpus: &Corpus, chunk_bytes: usize) -> Totals {
    let mut decoder = Decoder::new();
    let mut totals = Totals::default();
    for chunk in corpus.chunks(chunk_bytes) {
        let mut events = decoder.feed(black_box(chunk));
        while let Some(Ok(event)) = events.next() {
            totals.events += 1;
            totals.data_bytes += event.data_str().map_or(0, str::len);
        }
    }
    totals
}

fn find_line_ends(corpus: &Corpus, chunk_bytes: usize) -> usize {
    corpus
        .chunks(chunk_bytes)
        .map(|chunk| memchr2_iter(b'\n', b'\r', black_box(chunk)).count())
        .sum()
}

fn benches(c: &mut Criterion) {
    for corpus in [Corpus::anthropic(), Corpus::openai()] {
        let line_ends = corpus.bytes.iter().filter(|&&byte| byte == b'\n').count();
        let mut group = c.benchmark_group(format!("sse-codec/decode/{}", corpus.name));
        group.throughput(Throughput::Bytes(corpus.bytes.len() as u64));
        group.sample_size(20).warm_up_time(Duration::from_millis(300));
        group.measurement_time(Duration::from_secs(1));
        for (size, chunk_bytes) in CHUNK_BYTES {
            group.bench_function(BenchmarkId::new(size, "bytes"), |b| {
                b.iter(|| assert_eq!(decode(&corpus, chunk_bytes), corpus.totals));
            });
            group.bench_function(BenchmarkId::new(size, "str"), |b| {
                b.iter(|| assert_eq!(decode_text(&corpus, chunk_bytes), corpus.totals));
            });
            group.bench_function(BenchmarkId::new(size, "floor-memchr2"), |b| {
                b.iter(|| assert_eq!(find_line_ends(&corpus, chunk_bytes), line_ends));
            });
        }
        group.finish();
    }
}

criterion_group!(decode_benches, benches);
criterion_main!(decode_benches);
