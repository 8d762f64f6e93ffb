//! What does the engine cost per event, beside decoding the same events alone?

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use protocol::{Profile, Reader, RequestBody};
use resume::{Config, Input, Origin, Output, Session};
use retry_policy::{IdempotencyKey, Nanos};
use std::hint::black_box;

const EVENTS: usize = 2_000;
const CHUNK_BYTES: usize = 16 << 10;

fn corpus() -> Vec<u8> {
    let mut wire = String::from(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"c\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    );
    for _ in 0..EVENTS {
        wire.push_str("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" frie\"}}\n\n");
    }
    wire.into_bytes()
}

fn run(request: &RequestBody, chunks: &[Bytes]) -> usize {
    let now = Nanos::ZERO;
    let key = IdempotencyKey::from_bytes([1; 16]);
    let config = Config::new(Profile::ANTHROPIC);
    let mut session = Session::new(config, &Origin::default(), request.clone(), key, 1, now);
    let mut bytes = 0;
    let mut attempt = None;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    let mut inputs = chunks.iter();
    loop {
        match session.poll(now) {
            Output::Connect(request) => attempt = Some(request.attempt),
            Output::Emit { frame, .. } => {
                bytes += frame.records().flatten().map(<[u8]>::len).sum::<usize>();
            }
            Output::Wait(_) => {
                let Some(attempt) = attempt else { return bytes };
                if let Some(headers) = (!headers.is_empty()).then(|| std::mem::take(&mut headers)) {
                    session.handle(Input::Head { attempt, status: 200, headers }, now);
                } else if let Some(chunk) = inputs.next() {
                    session.handle(Input::Body { attempt, chunk: chunk.clone() }, now);
                } else {
                    assert_eq!(session.text().len(), EVENTS * " frie".len());
                    return bytes;
                }
            }
            _ => {}
        }
    }
}

fn decode_alone(chunks: &[Bytes]) -> usize {
    let mut reader = Reader::new(CHUNK_BYTES);
    let mut text = 0;
    for chunk in chunks {
        reader.feed(chunk.clone());
        while let Some(span) = reader.scan() {
            let event = reader.resolve(span.expect("a small event"));
            let decoded =
                protocol::decode(Profile::ANTHROPIC.wire, event.event, event.data).expect("JSON");
            text += decoded.delta.map_or(0, |delta| delta.text.len());
        }
    }
    text
}

fn session(c: &mut Criterion) {
    let wire = corpus();
    let chunks: Vec<Bytes> = wire.chunks(CHUNK_BYTES).map(Bytes::copy_from_slice).collect();
    let body = r#"{"model":"c","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    let request =
        RequestBody::parse(Profile::ANTHROPIC.wire, Bytes::from(body)).expect("a valid body");
    assert!(run(&request, &chunks) > wire.len() / 2);
    assert_eq!(decode_alone(&chunks), EVENTS * " frie".len());
    let mut group = c.benchmark_group("resume/session");
    group.throughput(Throughput::Elements(EVENTS as u64));
    group.bench_function("anthropic/16k/engine", |b| {
        b.iter(|| run(black_box(&request), black_box(&chunks)));
    });
    group.bench_function("anthropic/16k/decode-alone", |b| {
        b.iter(|| decode_alone(black_box(&chunks)));
    });
    group.finish();
}

criterion_group!(benches, session);
criterion_main!(benches);
