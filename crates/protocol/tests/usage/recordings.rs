//! Whole recorded streams, against the decoder that reads them event by event.

use cost::Usage;
use proptest::prelude::*;
use protocol::UsageFormat::{Anthropic, Gemini, OpenAiChat, OpenAiResponses};
use protocol::{Reader, Reported, UsageError, UsageFormat, Wire, decode, read_usage};

const ANTHROPIC: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","model":"claude-sonnet-4-5","content":[],"usage":{"input_tokens":2,"cache_creation_input_tokens":11703,"cache_read_input_tokens":15185,"cache_creation":{"ephemeral_5m_input_tokens":3,"ephemeral_1h_input_tokens":11700},"output_tokens":1,"service_tier":"standard","inference_geo":"us"}}}

event: ping
data: {"type":"ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"é"}}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":9,"cache_creation_input_tokens":11703,"cache_read_input_tokens":15185,"output_tokens":70,"output_tokens_details":{"thinking_tokens":43},"server_tool_use":{"web_search_requests":1}}}

event: message_stop
data: {"type":"message_stop"}

"#;

const CHAT: &str = r#": OPENROUTER PROCESSING

data: {"id":"c","model":"gpt-4.1","service_tier":"auto","choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"usage":null}

data: {"id":"c","model":"gpt-4.1-2025-04-14","service_tier":"flex","choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}}

data: {"id":"c","model":"gpt-4.1-2025-04-14","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21,"prompt_tokens_details":{"cached_tokens":4}}}

data: [DONE]

"#;

const RESPONSES: &str = r#"event: response.created
data: {"type":"response.created","response":{"id":"r","model":"gpt-5.4","service_tier":"auto","output":[],"usage":null}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","delta":"a"}

event: response.completed
data: {"type":"response.completed","response":{"id":"r","model":"gpt-5.4","service_tier":"default","output":[{"type":"web_search_call","action":{"type":"search"}}],"usage":{"input_tokens":30,"input_tokens_details":{"cached_tokens":10},"output_tokens":120,"output_tokens_details":{"reasoning_tokens":64},"total_tokens":150}}}

"#;

const GEMINI: &str = r#"data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":100,"totalTokenCount":100},"modelVersion":"gemini-3-flash"}

data: {"candidates":[{"content":{"parts":[{"text":"b"}]}}],"usageMetadata":{"trafficType":"ON_DEMAND_FLEX"},"modelVersion":"gemini-3-flash"}

data: {"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":100,"cachedContentTokenCount":80,"toolUsePromptTokenCount":30,"candidatesTokenCount":2,"thoughtsTokenCount":6,"totalTokenCount":138},"modelVersion":"gemini-3-flash"}

"#;

fn anthropic_usage() -> Usage {
    Usage {
        input: 9,
        cache_read: 15_185,
        cache_write_5m: 3,
        cache_write_1h: 11_700,
        output: 70,
        output_reasoning: 43,
        web_searches: 1,
        ..Usage::default()
    }
}

fn chat_usage() -> Usage {
    Usage { input: 5, cache_read: 4, output: 12, ..Usage::default() }
}

#[track_caller]
fn check(format: UsageFormat, body: &str, said: [&str; 2], expected: Usage) {
    for body in [body.to_owned(), body.replace('\n', "\r\n"), body.trim_end().to_owned()] {
        let reported = read_usage(format, body.as_bytes()).expect("a usage");
        assert_eq!(reported.usage, expected);
        let Reported { model, service_tier, .. } = &reported;
        assert_eq!([model, service_tier].map(|text| text.as_deref().unwrap_or_default()), said);
    }
}

#[test]
fn counts_of_anthropic_are_cumulative() {
    check(Anthropic, ANTHROPIC, ["claude-sonnet-4-5", "standard"], anthropic_usage());
    let reported = read_usage(Anthropic, ANTHROPIC.as_bytes()).unwrap();
    assert_eq!(reported.region.as_deref(), Some("us"));
}

#[test]
fn the_last_chunk_of_chat_counts() {
    check(OpenAiChat, CHAT, ["gpt-4.1-2025-04-14", "flex"], chat_usage());
}

#[test]
fn the_completed_response_counts() {
    let expected = Usage {
        input: 20,
        cache_read: 10,
        output: 120,
        output_reasoning: 64,
        web_searches: 1,
        ..Usage::default()
    };
    check(OpenAiResponses, RESPONSES, ["gpt-5.4", "default"], expected);
}

#[test]
fn the_last_counts_of_gemini_count() {
    let expected =
        Usage { input: 50, cache_read: 80, output: 8, output_reasoning: 6, ..Usage::default() };
    check(Gemini, GEMINI, ["gemini-3-flash", "ON_DEMAND_FLEX"], expected);
}

/// What the decoder of a stream says, with the largest report of a request.
fn streamed(wire: Wire, chunks: [&[u8]; 2]) -> Usage {
    let mut reader = Reader::new(1 << 16);
    let mut usage = Usage::default();
    for chunk in chunks {
        reader.feed(bytes::Bytes::copy_from_slice(chunk));
        while let Some(span) = reader.scan() {
            let event = reader.resolve(span.expect("an event"));
            let decoded = decode(wire, event.event, event.data).expect("JSON");
            usage = decoded.usage.map_or(usage, |report| usage.max(&report));
        }
    }
    usage
}

#[test]
fn a_stream_is_read_as_its_recording_at_every_split() {
    let rows = [
        (Wire::AnthropicMessages, ANTHROPIC, anthropic_usage()),
        (Wire::OpenAiChat, CHAT, chat_usage()),
    ];
    for (wire, body, expected) in rows {
        for at in 0..=body.len() {
            let (head, tail) = body.as_bytes().split_at(at);
            assert_eq!(streamed(wire, [head, tail]), expected, "{wire} split at {at}");
        }
    }
}

#[test]
fn a_recording_that_was_cut_says_what_came_before() {
    let rows = [
        (Anthropic, ANTHROPIC),
        (OpenAiChat, CHAT),
        (OpenAiResponses, RESPONSES),
        (Gemini, GEMINI),
    ];
    for (format, body) in rows {
        let mut before = None;
        for at in 0..=body.len() {
            match read_usage(format, &body.as_bytes()[..at]) {
                Ok(reported) => {
                    let output = reported.usage.output;
                    assert!(before.is_none_or(|before| before <= output), "{format} cut at {at}");
                    before = Some(output);
                }
                Err(error) => {
                    assert_eq!((error, before), (UsageError::Absent, None), "{format} cut at {at}");
                }
            }
        }
        assert!(before.is_some());
    }
}

proptest! {
    #[test]
    fn bytes_of_a_peer_never_panic(
        body in prop::sample::select(vec![ANTHROPIC, CHAT, RESPONSES, GEMINI]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut body = body.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        for format in UsageFormat::all() {
            let _ = read_usage(*format, &body);
        }
    }
}
