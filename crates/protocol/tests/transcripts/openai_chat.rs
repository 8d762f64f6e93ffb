//! Transcripts of the Chat Completions wire, of OpenAI and of compatible servers.

use crate::reader;
use protocol::{Decoded, FailureKind, Part, StopReason, Wire, decode};
use std::borrow::Cow;

const WIRE: Wire = Wire::OpenAiChat;

#[track_caller]
fn check(transcript: &str, expected: &[&str]) {
    assert_eq!(reader::tell(WIRE, transcript), expected);
}

fn read(data: &[u8]) -> Decoded<'_> {
    decode(WIRE, b"", data).expect("a written chunk")
}

#[test]
fn text_with_a_usage_chunk() {
    check(
        r#"
data: {"id":"chatcmpl-B","object":"chat.completion.chunk","created":1753357673,"model":"gpt-4.1-2025-04-14","service_tier":"default","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"x7Qp"}

data: {"id":"chatcmpl-B","object":"chat.completion.chunk","created":1753357673,"model":"gpt-4.1-2025-04-14","choices":[{"index":0,"delta":{"content":"The \"end\""},"logprobs":null,"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-B","object":"chat.completion.chunk","created":1753357673,"model":"gpt-4.1-2025-04-14","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}

data: {"id":"chatcmpl-B","object":"chat.completion.chunk","created":1753357673,"model":"gpt-4.1-2025-04-14","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21,"prompt_tokens_details":{"cached_tokens":4}}}

data: [DONE]
"#,
        &[
            "begin chatcmpl-B gpt-4.1-2025-04-14",
            r#"delta 0 Text "The \"end\"""#,
            "stop EndTurn",
            "usage only 5+4/12",
            "end",
        ],
    );
}

#[test]
fn tool_calls_in_pieces() {
    check(
        r#"
data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]}}]}

data: {"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]}}]}

data: {"id":"c","choices":[{"index":0,"delta":{"function_call":{"name":"g","arguments":"1"}}}]}

data: {"id":"c","choices":[{"index":0,"delta":{"tool_calls":[]},"finish_reason":"tool_calls"}]}
"#,
        &[
            r#"begin c , delta 0 Tool """#,
            r#"delta 0 Tool "{\"a\"""#,
            r#"delta 0 Tool "1""#,
            "stop ToolUse",
        ],
    );
}

#[test]
fn thinking_by_every_name() {
    check(
        r#"
data: {"choices":[{"index":0,"delta":{"content":null,"reasoning_content":"hm"}}]}

data: {"choices":[{"index":0,"delta":{"content":"","reasoning":"hm","reasoning_content":null,"reasoning_details":[{"text":"hm"}]}}]}

data: {"choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}}]}

data: {"choices":[{"index":0,"delta":{"refusal":"I cannot"}}]}
"#,
        &[
            r#"delta 0 Thinking "hm""#,
            r#"delta 0 Thinking "hm""#,
            r#"delta 0 Thinking "[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"hm\"}]}]""#,
            r#"delta 0 Other "I cannot""#,
        ],
    );
}

#[test]
fn content_as_a_list_of_parts() {
    check(
        r#"
data: {"choices":[{"index":0,"delta":{"content":[{"type":"text","text":"one"}]}}]}

data: {"choices":[{"index":0,"delta":{"content":[{"type":"text","text":"a\n"},{"type":"text","text":"b"}]}}]}

data: {"choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[]},{"type":"text","text":"a"}]}}]}

data: {"choices":[{"index":0,"delta":{"content":[{"type":"text","text":"a"},{"type":"reference","reference_ids":[1]}]}}]}

data: {"choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[]},{"type":"text","text":"a"}],"tool_calls":[{"index":0}]}}]}

data: {"choices":[{"index":0,"delta":{"content":[{"type":"text","text":""}]}}]}

data: {"choices":[{"index":0,"delta":{"content":[]}}]}

data: {"choices":[{"index":0,"delta":{"content":[{"type":"image"},"x"]}}]}
"#,
        &[
            r#"delta 0 Text "one""#,
            r#"delta 0 Text "a\nb""#,
            r#"delta 0 Text "a", also Thinking"#,
            r#"delta 0 Text "a", also Other"#,
            r#"delta 0 Text "a", also Tool"#,
            "",
            "",
            r#"delta 0 Other "[{\"type\":\"image\"},\"x\"]""#,
        ],
    );
}

#[test]
fn the_text_of_a_single_part_is_borrowed_and_its_span_is_the_list() {
    let data = br#"{"choices":[{"delta":{"content": [ {"type":"text","text":"one"} ] }}]}"#;
    let event = read(data);
    assert!(matches!(event.delta.expect("a delta").text, Cow::Borrowed(b"one")));
    let text = event.spans.text.expect("a span");
    let list = &data[text.range()];
    assert_eq!(list, br#"[ {"type":"text","text":"one"} ]"#);
    let thinking = br#"{"choices":[{"delta":{"content":[{"type":"thinking"}]}}]}"#;
    assert_eq!(read(thinking).spans.text, None);
}

#[test]
fn a_second_part_of_a_chunk_is_named() {
    check(
        r#"
data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0}],"content":"text"}}]}

data: {"choices":[{"index":0,"delta":{"reasoning_content":"hm","content":"text"},"finish_reason":"length"}]}
"#,
        &[
            r#"delta 0 Text "text", also Tool"#,
            r#"delta 0 Text "text", also Thinking, stop MaxTokens"#,
        ],
    );
}

#[test]
fn usage_in_every_place() {
    check(
        r#"
data: {"choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop","usage":{"prompt_tokens":3,"completion_tokens":2}}]}

data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"r","usage":{"prompt_tokens":3,"completion_tokens":2}}}

data: {"choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}

data: {"choices":[],"prompt_filter_results":[{"prompt_index":0}]}
"#,
        &[
            "stop EndTurn, usage 3+0/2",
            "stop EndTurn, usage 3+0/2",
            r#"delta 0 Text "a", usage 3+0/1"#,
            "",
        ],
    );
}

#[test]
fn errors_of_compatible_servers() {
    check(
        r#"
data: {"error":{"message":"The server had an error while processing your request.","type":"server_error"}}

data: {"id":"gen-1","created":1,"model":"m","error":{"code":429,"message":"Rate limit exceeded","metadata":{"error_type":"rate_limit_exceeded"}},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}

data: {"id":"gen-1","error":{"code":"502","message":"Provider returned error"},"choices":[]}

data: {"object":"error","message":"engine died","type":"InternalServerError","param":null,"code":500}

event: error
data: {"message":"over","type":"invalid_request_error"}

data: {"choices":[{"index":0,"delta":{},"finish_reason":"insufficient_system_resource"}]}

data: {"choices":[{"index":0,"delta":{},"finish_reason":"abort"}]}

data: {"error":null,"choices":[{"index":0,"delta":{"content":"fine"}}]}
"#,
        &[
            "error provider failed, server_error: The server had an error while processing your request.",
            "error rate limited, status 429, rate_limit_exceeded: Rate limit exceeded",
            "error provider failed, status 502: Provider returned error",
            "error provider failed, status 500, internalservererror: engine died",
            "error bad request, invalid_request_error: over",
            "error provider overloaded",
            "error provider failed",
            r#"delta 0 Text "fine""#,
        ],
    );
}

#[test]
fn every_finish_reason_has_a_meaning() {
    let rows = [
        ("\"stop\"", Some(StopReason::EndTurn)),
        ("\"length\"", Some(StopReason::MaxTokens)),
        ("\"tool_calls\"", Some(StopReason::ToolUse)),
        ("\"function_call\"", Some(StopReason::ToolUse)),
        ("\"content_filter\"", Some(StopReason::Refusal)),
        ("\"model_length\"", Some(StopReason::ContextWindow)),
        ("\"something\"", Some(StopReason::Other)),
        ("\"\"", None),
        ("\"error\"", None),
        ("null", None),
    ];
    for (reason, expected) in rows {
        let data =
            format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":{reason}}}]}}"#);
        let event = read(data.as_bytes());
        assert_eq!(event.stop, expected, "{reason}");
        assert_eq!(event.finished.count(), u32::from(expected.is_some()), "{reason}");
    }
    let error = read(br#"{"choices":[{"finish_reason":"error"}]}"#).error.expect("an error");
    assert_eq!(error.kind, FailureKind::Server);
}

#[test]
fn each_of_many_choices_finishes_on_its_own() {
    let one = read(br#"{"choices":[{"index":2,"delta":{"content":"c"},"finish_reason":"stop"}]}"#);
    assert_eq!((one.choice, one.stop), (Some(2), Some(StopReason::EndTurn)));
    assert_eq!(one.delta.expect("a delta").index, 2);
    let two = read(
        br#"{"choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{},"finish_reason":"length"}]}"#,
    );
    assert_eq!((two.choice, two.stop), (Some(0), None));
    assert!(two.finished.contains(1) && !two.finished.contains(0));
    assert_eq!(one.finished.union(two.finished).count(), 2);
}

#[test]
fn text_without_escapes_is_borrowed_and_with_them_exact() {
    let borrowed = read(br#"{"choices":[{"delta":{"content":"plain"}}]}"#).delta.expect("a delta");
    assert!(matches!(borrowed.text, Cow::Borrowed(b"plain")));
    let half = read(br#"{"choices":[{"delta":{"content":"\ud83c"}}]}"#).delta.expect("a delta");
    assert_eq!(&*half.text, b"\xed\xa0\xbc");
    let raw = read(b"{\"choices\":[{\"delta\":{\"content\":\"\xf0\x9f\"}}]}");
    assert_eq!(&*raw.delta.expect("a delta").text, b"\xf0\x9f");
    assert!(raw.spans.text.is_some() && raw.spans.delta.is_some());
}

#[test]
fn content_elsewhere_in_a_chunk_is_not_content() {
    let event = read(
        br#"{"content":"no","obfuscation":"\"content\":\"no\"","x":{"choices":[{"delta":{"content":"no"}}]},"choices":[{"logprobs":{"content":[{"token":"no"}]},"delta":{"content":"yes"}}]}"#,
    );
    let delta = event.delta.expect("a delta");
    assert_eq!((delta.part, &*delta.text), (Part::Text, &b"yes"[..]));
}
