//! What does reading a piece of text cost?
//!
//! Beside it, over the same bytes: a search for quotes (the floor), a JSON scan that keeps
//! nothing, and a JSON tree.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use protocol::{Profile, RequestBody, Rewrite, Wire, decode, rewrite};
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::hint::black_box;

const ANTHROPIC: &[u8] = br#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" and then the next few words"}}"#;
const ESCAPED: &[u8] = br#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" \"quoted\" and\nthen \u00e9 words"}}"#;
const CHAT: &[u8] = br#"{"id":"chatcmpl-BwXXIoIUO3tcmNnX4hYvsN3sPeLtC","object":"chat.completion.chunk","created":1753357673,"model":"gpt-4.1-2025-04-14","service_tier":"default","system_fingerprint":"fp_51e1070cf2","choices":[{"index":0,"delta":{"content":" and then"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"x7Qp"}"#;

fn text_deltas(c: &mut Criterion) {
    let rows = [
        ("anthropic", Wire::AnthropicMessages, &b"content_block_delta"[..], ANTHROPIC),
        ("anthropic-escaped", Wire::AnthropicMessages, b"content_block_delta", ESCAPED),
        ("chat", Wire::OpenAiChat, b"", CHAT),
    ];
    for (variant, wire, name, data) in rows {
        let event = decode(wire, name, data).expect("an event");
        let text = event.delta.expect("a delta").text;
        assert_eq!(matches!(text, Cow::Borrowed(_)), variant != "anthropic-escaped");
        assert!(text.starts_with(b" "));

        let mut group = c.benchmark_group(format!("protocol/text/{}B", data.len()));
        group.throughput(Throughput::Bytes(data.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(variant), |b| {
            b.iter(|| {
                let event = decode(wire, black_box(name), black_box(data)).expect("an event");
                event.delta.map(|delta| delta.text.len())
            });
        });
        group.bench_function(BenchmarkId::from_parameter(format!("{variant}-scan")), |b| {
            b.iter(|| serde_json::from_slice::<IgnoredAny>(black_box(data)).expect("JSON"));
        });
        group.bench_function(BenchmarkId::from_parameter(format!("{variant}-floor-memchr")), |b| {
            b.iter(|| memchr::memchr2_iter(b'"', b'\\', black_box(data)).count());
        });
        group.bench_function(BenchmarkId::from_parameter(format!("{variant}-tree")), |b| {
            b.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(data)).expect("JSON"));
        });
        group.finish();
    }
}

fn rewrites(c: &mut Criterion) {
    let spans = decode(Wire::OpenAiChat, b"", CHAT).expect("a chunk").spans;
    let edits = Rewrite { id: Some("chatcmpl-1"), created: Some(1), ..Rewrite::default() };
    assert!(rewrite(CHAT, &spans, &edits).starts_with(br#"{"id":"chatcmpl-1","object""#));
    c.bench_function(&format!("protocol/rewrite/{}B/id-and-created", CHAT.len()), |b| {
        b.iter(|| rewrite(black_box(CHAT), &spans, &edits));
    });
}

fn continuations(c: &mut Criterion) {
    let prompt = "words of a long prompt, ".repeat(4_096);
    let text =
        format!(r#"{{"messages":[{{"role":"user","content":"{prompt}"}}],"max_tokens":100}}"#);
    let body = RequestBody::parse(Wire::OpenAiChat, text.clone().into()).expect("a body");
    let sent = body.prefill(&Profile::VLLM, "The answer", 3);
    assert!(sent.ends_with(br#""continue_final_message":true}"#));
    let mut group = c.benchmark_group(format!("protocol/request/{}B", text.len()));
    group.throughput(Throughput::Bytes(text.len() as u64));
    let bytes = bytes::Bytes::from(text);
    group.bench_function("parse", |b| {
        b.iter(|| RequestBody::parse(Wire::OpenAiChat, black_box(&bytes).clone()).expect("a body"));
    });
    group.bench_function("prefill", |b| {
        b.iter(|| black_box(&body).prefill(&Profile::VLLM, "The answer", 3));
    });
    group.finish();
}

criterion_group!(benches, text_deltas, rewrites, continuations);
criterion_main!(benches);
