//! What does a whole stream cost, beside decoding its events and scanning their JSON once?
//!
//! The floor decodes server-sent events and has serde read each event's data as JSON, borrowed,
//! and keep nothing of it.

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use protocol::{Part, Reader, Wire, decode};
use serde::de::IgnoredAny;
use sse_codec::Decoder;
use std::hint::black_box;

const EVENTS: usize = 2_000;
const CHUNK_BYTES: usize = 16 << 10;
const TEXT: &str = " frie";

const ANTHROPIC: &str = r#"event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" frie"}}

"#;
const CHAT: &str = r#"data: {"id":"chatcmpl-BwXXIoIUO3tcmNnX4hYvsN3sPeLtC","object":"chat.completion.chunk","created":1753357673,"model":"gpt-4.1-2025-04-14","service_tier":"default","system_fingerprint":"fp_51e1070cf2","choices":[{"index":0,"delta":{"content":" frie"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"x7Qp"}

"#;
const RESPONSES: &str = r#"event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":8,"item_id":"msg_67ccd2bf17f0819081ff3bb2cf6508e60bb6a6b452d3795b","output_index":0,"content_index":0,"delta":" frie","logprobs":[],"obfuscation":"x7Qp"}

"#;

/// Bytes of text that the stream says.
fn ours(wire: Wire, chunks: &[Bytes]) -> usize {
    let mut reader = Reader::new(CHUNK_BYTES);
    let mut text = 0;
    for chunk in chunks {
        reader.feed(chunk.clone());
        while let Some(span) = reader.scan() {
            let event = reader.resolve(span.expect("an event within the limit"));
            let said = decode(wire, event.event, event.data).expect("an event");
            let is_text = |delta: &protocol::Delta<'_>| delta.part == Part::Text;
            text += said.delta.filter(is_text).map_or(0, |delta| delta.text.len());
        }
    }
    text
}

/// Bytes of data that were scanned.
fn floor(chunks: &[Bytes]) -> usize {
    let mut decoder = Decoder::new();
    let mut scanned = 0;
    for chunk in chunks {
        let mut events = decoder.feed(chunk);
        while let Some(event) = events.next() {
            let event = event.expect("an event within the limit");
            serde_json::from_slice::<IgnoredAny>(event.data).expect("JSON");
            scanned += event.data.len();
        }
    }
    scanned
}

fn streams(c: &mut Criterion) {
    let rows = [
        ("anthropic", Wire::AnthropicMessages, ANTHROPIC),
        ("chat", Wire::OpenAiChat, CHAT),
        ("responses", Wire::OpenAiResponses, RESPONSES),
    ];
    for (name, wire, event) in rows {
        let bytes = Bytes::from(event.repeat(EVENTS));
        let chunks: Vec<_> = bytes.chunks(CHUNK_BYTES).map(|c| bytes.slice_ref(c)).collect();
        assert_eq!(ours(wire, &chunks), EVENTS * TEXT.len());
        assert!(floor(&chunks) > EVENTS * 80);
        let mut group = c.benchmark_group(format!("protocol/stream/{EVENTS}x{}B", event.len()));
        group.throughput(Throughput::Elements(EVENTS as u64));
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| ours(wire, black_box(&chunks)));
        });
        group.bench_function(BenchmarkId::from_parameter(format!("{name}-floor-scan")), |b| {
            b.iter(|| floor(black_box(&chunks)));
        });
        group.finish();
    }
}

criterion_group!(benches, streams);
criterion_main!(benches);
