//! What does the engine cost per event, beside decoding the same events alone?

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use protocol::{Profile, Reader, RequestBody, Wire};
use resume::{Config, Input, Origin, Output, Session};
use retry_policy::{IdempotencyKey, Nanos};
use std::hint::black_box;

const EVENTS: usize = 2_000;
const CHUNK_BYTES: usize = 16 << 10;

/// A stream of one wire: how it begins, and the event that says ` frie` over and over.
struct Case {
    name: &'static str,
    profile: Profile,
    body: &'static str,
    head: &'static str,
    event: &'static str,
}

const CASES: [Case; 3] = [
    Case {
        name: "anthropic",
        profile: Profile::ANTHROPIC,
        body: r#"{"model":"c","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#,
        head: "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"c\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        event: "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" frie\"}}\n\n",
    },
    Case {
        name: "chat",
        profile: Profile::OPENAI,
        body: r#"{"model":"c","messages":[{"role":"user","content":"hi"}]}"#,
        head: "data: {\"id\":\"c1\",\"created\":1,\"model\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n",
        event: "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1753357673,\"model\":\"gpt-4.1-2025-04-14\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_51e1070cf2\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" frie\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null,\"obfuscation\":\"x7Qp\"}\n\n",
    },
    Case {
        name: "responses",
        profile: Profile::OPENAI_RESPONSES,
        body: r#"{"model":"c","input":"hi"}"#,
        head: "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"model\":\"c\"}}\n\nevent: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"id\":\"m\",\"type\":\"message\",\"content\":[]}}\n\nevent: response.content_part.added\ndata: {\"type\":\"response.content_part.added\",\"item_id\":\"m\",\"output_index\":0,\"content_index\":0,\"part\":{\"type\":\"output_text\",\"text\":\"\"}}\n\n",
        event: "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"item_id\":\"msg_67ccd2bf17f0819081ff3bb2cf6508e60bb6a6b452d3795b\",\"output_index\":0,\"content_index\":0,\"delta\":\" frie\",\"logprobs\":[],\"obfuscation\":\"x7Qp\"}\n\n",
    },
];

impl Case {
    fn chunks(&self) -> Vec<Bytes> {
        let wire = Bytes::from([self.head, &self.event.repeat(EVENTS)].concat());
        wire.chunks(CHUNK_BYTES).map(|chunk| wire.slice_ref(chunk)).collect()
    }

    fn request(&self) -> RequestBody {
        RequestBody::parse(self.profile.wire, self.body.into()).expect("a valid body")
    }
}

fn run(profile: &Profile, request: &RequestBody, chunks: &[Bytes]) -> usize {
    let now = Nanos::ZERO;
    let key = IdempotencyKey::from_bytes([1; 16]);
    let config = Config::new(*profile);
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

fn decode_alone(wire: Wire, chunks: &[Bytes]) -> usize {
    let mut reader = Reader::new(CHUNK_BYTES);
    let mut text = 0;
    for chunk in chunks {
        reader.feed(chunk.clone());
        while let Some(span) = reader.scan() {
            let event = reader.resolve(span.expect("a small event"));
            let decoded = protocol::decode(wire, event.event, event.data).expect("JSON");
            text += decoded.delta.map_or(0, |delta| delta.text.len());
        }
    }
    text
}

fn session(c: &mut Criterion) {
    for case in &CASES {
        let (profile, request, chunks) = (&case.profile, case.request(), case.chunks());
        assert!(run(profile, &request, &chunks) > EVENTS * case.event.len() / 2);
        assert_eq!(decode_alone(profile.wire, &chunks), EVENTS * " frie".len());
        let size = case.event.len();
        let mut group = c.benchmark_group(format!("resume/session/{EVENTS}x{size}B"));
        group.throughput(Throughput::Elements(EVENTS as u64));
        group.bench_function(format!("{}-engine", case.name), |b| {
            b.iter(|| run(profile, black_box(&request), black_box(&chunks)));
        });
        group.bench_function(format!("{}-decode-alone", case.name), |b| {
            b.iter(|| decode_alone(profile.wire, black_box(&chunks)));
        });
        group.finish();
    }
}

criterion_group!(benches, session);
criterion_main!(benches);
