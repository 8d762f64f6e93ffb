//! Transcripts of the Anthropic Messages wire and what they say.

use crate::reader;
use protocol::{Decoded, Part, Wire, decode};
use std::borrow::Cow;

const WIRE: Wire = Wire::AnthropicMessages;

#[track_caller]
fn check(transcript: &str, expected: &[&str]) {
    assert_eq!(reader::tell(WIRE, transcript), expected);
}

fn read(data: &[u8]) -> Decoded<'_> {
    decode(WIRE, b"", data).expect("a written event")
}

#[test]
fn text_with_usage_and_pings() {
    check(
        r#"
event: message_start
data: {"type":"message_start","message":{"id":"msg_01","type":"message","role":"assistant","content":[],"model":"claude-opus-5-5","stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,"cache_creation_input_tokens":10,"cache_read_input_tokens":5,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" \"you\"\n"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"type":"char_location","cited_text":"x"}}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":15}}

event: message_stop
data: {"type":"message_stop"}
"#,
        &[
            "begin msg_01 claude-opus-5-5, usage 25+15/1",
            "open 0 Text",
            "ping",
            r#"delta 0 Text "Hello""#,
            r#"delta 0 Text " \"you\"\n""#,
            r#"delta 0 Other """#,
            "close 0",
            "stop EndTurn, usage 0+0/15",
            "end",
        ],
    );
}

#[test]
fn thinking_then_a_tool_call() {
    check(
        r#"
event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Let me"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQB"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_1","name":"get_weather","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"city\": \"Oslo\"}"}}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":89}}
"#,
        &[
            "open 0 Thinking",
            r#"delta 0 Thinking "Let me""#,
            r#"delta 0 Thinking "EqQB""#,
            "close 0",
            "open 1 Tool",
            r#"delta 1 Tool """#,
            r#"delta 1 Tool "{\"city\": \"Oslo\"}""#,
            "stop ToolUse, usage 0+0/89",
        ],
    );
}

#[test]
fn a_block_may_open_with_its_first_words() {
    check(
        r#"
data: {"type":"content_block_start","index":0,"content_block":{"thinking":"hm","type":"thinking","signature":"s"}}

data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":"Hello \"you\""}}

data: {"type":"content_block_start","index":2,"content_block":{"type":"text","text":"","thinking":"no"}}

data: {"type":"content_block_start","index":3,"content_block":{"type":"text","text":null}}

data: {"type":"content_block_start","index":4,"content_block":{"type":"tool_use","text":"no","input":{}}}
"#,
        &[
            r#"open 0 Thinking, delta 0 Thinking "hm""#,
            r#"open 1 Text, delta 1 Text "Hello \"you\"""#,
            "open 2 Text",
            "open 3 Text",
            "open 4 Tool",
        ],
    );
    let data = br#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"Hello"}}"#;
    let event = read(data);
    assert!(matches!(event.delta.expect("a delta").text, Cow::Borrowed(b"Hello")));
    let text = event.spans.text.expect("a span");
    assert_eq!(&data[text.range()], br#""Hello""#);
    let empty =
        br#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
    assert_eq!(read(empty).spans.text, None);
}

#[test]
fn blocks_are_sorted_by_who_runs_them() {
    check(
        r#"
data: {"type":"content_block_start","index":0,"content_block":{"type":"redacted_thinking","data":"x"}}

data: {"type":"content_block_start","index":1,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{}}}

data: {"type":"content_block_start","index":2,"content_block":{"type":"web_search_tool_result","content":[{"type":"text"}]}}

data: {"type":"content_block_start","index":3,"content_block":{"type":"fallback"}}
"#,
        &["open 0 Thinking", "open 1 ServerTool", "open 2 ServerTool", "open 3 Other"],
    );
}

#[test]
fn every_stop_reason_has_a_meaning() {
    let rows = [
        ("\"end_turn\"", "stop EndTurn"),
        ("\"max_tokens\"", "stop MaxTokens"),
        ("\"stop_sequence\"", "stop StopSequence"),
        ("\"tool_use\"", "stop ToolUse"),
        ("\"pause_turn\"", "stop PauseTurn"),
        ("\"refusal\"", "stop Refusal"),
        ("\"model_context_window_exceeded\"", "stop ContextWindow"),
        ("\"compaction\"", "stop Other"),
        ("null", ""),
    ];
    for (reason, expected) in rows {
        let event =
            format!(r#"data: {{"type":"message_delta","delta":{{"stop_reason":{reason}}}}}"#);
        check(&event, &[expected]);
    }
}

#[test]
fn an_error_inside_the_stream_is_classified() {
    check(
        r#"
event: error
data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}

event: error
data: {"type":"error","error":{"type":"invalid_request_error","message":"Nope"}}

data: {"error":{"message":"gateway failed","type":"server_error"}}
"#,
        &[
            "error provider overloaded, overloaded_error: Overloaded",
            "error bad request, invalid_request_error: Nope",
            "error provider failed, server_error: gateway failed",
        ],
    );
}

#[test]
fn what_is_not_known_says_nothing() {
    check(
        r#"
event: message_prologue
data: {"type":"message_prologue","index":3,"usage":{"output_tokens":9}}

event: content_block_delta
data: {"index":0,"later":[{"delta":{"type":"text_delta","text":"no"}}],"type":"other"}
"#,
        &["", ""],
    );
    let event =
        read(br#"{"type":"content_block_delta","index":0,"delta":{"type":"new_delta","x":1}}"#);
    assert_eq!(event.delta.expect("a delta of some kind").part, Part::Other);
}

#[test]
fn the_type_inside_wins_over_the_name() {
    let stop = br#"{"type":"message_stop"}"#;
    assert!(decode(WIRE, b"ping", stop).expect("an event").end);
    assert!(decode(WIRE, b"", stop).expect("an event").end);
    assert!(decode(WIRE, b"message_stop", b"{}").expect("an event").end);
}

#[test]
fn members_may_come_in_any_order_and_escaped() {
    let data = br#" { "delta" : { "te\u0078t" : "a\"delta\":{" , "type" : "text\u005fdelta" } ,
        "index" : 7 , "usage" : "\"type\":\"ping\"" , "type" : "content_block_delta" } "#;
    let event = read(data);
    let delta = event.delta.expect("a delta");
    assert_eq!((delta.index, delta.part, &*delta.text), (7, Part::Text, &b"a\"delta\":{"[..]));
    assert_eq!(event.usage, None);
}

#[test]
fn text_without_escapes_is_borrowed() {
    let data = "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"né 🎉\"}}";
    let delta = read(data.as_bytes()).delta.expect("a delta");
    assert!(matches!(delta.text, Cow::Borrowed(_)));
    assert_eq!(&*delta.text, "né 🎉".as_bytes());
}

#[test]
fn a_surrogate_pair_over_two_deltas_loses_nothing() {
    let half = |text: &str| {
        let data = format!(
            r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{text}"}}}}"#
        );
        read(data.as_bytes()).delta.expect("a delta").text.into_owned()
    };
    assert_eq!(half(r"x\ud83c"), b"x\xed\xa0\xbc");
    assert_eq!(half(r"\udf89y"), b"\xed\xbe\x89y");
    assert_eq!(half(r"\ud83c\udf89"), "🎉".as_bytes());
}

#[test]
fn invalid_utf8_in_a_delta_keeps_its_bytes_and_its_spans() {
    let data = b"{\"type\":\"content_block_delta\",\"index\":4,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\xff\xf0\x9f\"}}";
    let event = read(data);
    assert_eq!(&*event.delta.expect("a delta").text, b"a\xff\xf0\x9f");
    let index = event.spans.index.expect("an index");
    assert_eq!(&data[index.range()], b"4");
}
