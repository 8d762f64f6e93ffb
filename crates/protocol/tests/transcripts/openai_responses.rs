//! Transcripts of the Responses wire, after the examples of the provider's reference:
//! <https://platform.openai.com/docs/api-reference/responses/create> (streaming) and
//! <https://platform.openai.com/docs/api-reference/responses-streaming>.

use crate::reader;
use protocol::{Decoded, FailureKind, Part, Wire, decode};
use std::borrow::Cow;

const WIRE: Wire = Wire::OpenAiResponses;

#[track_caller]
fn check(transcript: &str, expected: &[&str]) {
    assert_eq!(reader::tell(WIRE, transcript), expected);
}

fn read(data: &[u8]) -> Decoded<'_> {
    decode(WIRE, b"", data).expect("a written event")
}

#[test]
fn text_as_the_reference_shows_it() {
    check(
        r#"
event: response.created
data: {"type":"response.created","response":{"id":"resp_67c9","object":"response","created_at":1741290958,"status":"in_progress","error":null,"incomplete_details":null,"instructions":"You are a helpful assistant.","max_output_tokens":null,"model":"gpt-4.1-2025-04-14","output":[],"parallel_tool_calls":true,"previous_response_id":null,"reasoning":{"effort":null,"summary":null},"store":true,"temperature":1.0,"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"top_p":1.0,"truncation":"disabled","usage":null,"user":null,"metadata":{}}}

event: response.in_progress
data: {"type":"response.in_progress","response":{"id":"resp_67c9","object":"response","created_at":1741290958,"status":"in_progress","model":"gpt-4.1-2025-04-14","output":[],"usage":null}}

event: response.output_item.added
data: {"type":"response.output_item.added","output_index":0,"item":{"id":"msg_67c9","type":"message","status":"in_progress","role":"assistant","content":[]}}

event: response.content_part.added
data: {"type":"response.content_part.added","item_id":"msg_67c9","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","item_id":"msg_67c9","output_index":0,"content_index":0,"delta":"Hi"}

event: response.output_text.delta
data: {"type":"response.output_text.delta","item_id":"msg_67c9","output_index":0,"content_index":0,"delta":" there!"}

event: response.output_text.done
data: {"type":"response.output_text.done","item_id":"msg_67c9","output_index":0,"content_index":0,"text":"Hi there!"}

event: response.content_part.done
data: {"type":"response.content_part.done","item_id":"msg_67c9","output_index":0,"content_index":0,"part":{"type":"output_text","text":"Hi there!","annotations":[]}}

event: response.output_item.done
data: {"type":"response.output_item.done","output_index":0,"item":{"id":"msg_67c9","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi there!","annotations":[]}]}}

event: response.completed
data: {"type":"response.completed","response":{"id":"resp_67c9","object":"response","created_at":1741290958,"status":"completed","model":"gpt-4.1-2025-04-14","output":[{"id":"msg_67c9","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi there!","annotations":[]}]}],"usage":{"input_tokens":37,"input_tokens_details":{"cached_tokens":30},"output_tokens":11,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":48}}}
"#,
        &[
            "underway, begin resp_67c9 gpt-4.1-2025-04-14",
            "underway",
            "at 0 OpensItem(Text), open 0 Text",
            "at 0.0 OpensPart(Text)",
            r#"at 0.0 Says(Text), delta 0 Text "Hi""#,
            r#"at 0.0 Says(Text), delta 0 Text " there!""#,
            r#"at 0.0 EndsText(Text), whole "Hi there!""#,
            "at 0.0 EndsPart(Text)",
            "at 0 EndsItem(Text), close 0",
            "stop EndTurn, usage 7+30/11, end",
        ],
    );
}

#[test]
fn thinking_and_a_function_call() {
    check(
        r#"
event: response.output_item.added
data: {"type":"response.output_item.added","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[]},"sequence_number":2}

event: response.reasoning_summary_part.added
data: {"type":"response.reasoning_summary_part.added","item_id":"rs_1","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""},"sequence_number":3}

event: response.reasoning_summary_text.delta
data: {"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":0,"delta":"**Re","sequence_number":4}

event: response.reasoning_summary_text.done
data: {"type":"response.reasoning_summary_text.done","item_id":"rs_1","output_index":0,"summary_index":0,"text":"**Re","sequence_number":5}

event: response.reasoning_summary_part.done
data: {"type":"response.reasoning_summary_part.done","item_id":"rs_1","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":"**Re"},"sequence_number":6}

event: response.reasoning_text.delta
data: {"type":"response.reasoning_text.delta","item_id":"rs_1","output_index":0,"content_index":0,"delta":"The","sequence_number":7}

event: response.output_item.done
data: {"type":"response.output_item.done","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[]},"sequence_number":8}

event: response.output_item.added
data: {"type":"response.output_item.added","output_index":1,"item":{"id":"fc_1","type":"function_call","status":"in_progress","arguments":"","call_id":"call_1","name":"get_weather"},"sequence_number":9}

event: response.function_call_arguments.delta
data: {"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":1,"delta":"{\"a","sequence_number":10}

event: response.function_call_arguments.done
data: {"type":"response.function_call_arguments.done","item_id":"fc_1","name":"get_weather","output_index":1,"arguments":"{\"a\":1}","sequence_number":11}

event: response.output_item.done
data: {"type":"response.output_item.done","output_index":1,"item":{"id":"fc_1","type":"function_call","status":"completed","arguments":"{\"a\":1}","call_id":"call_1","name":"get_weather"},"sequence_number":12}

event: response.completed
data: {"type":"response.completed","sequence_number":13,"response":{"id":"resp_1","status":"completed","output":[{"type":"reasoning"},{"type":"function_call"}],"usage":{"input_tokens":3,"output_tokens":9,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":12}}}
"#,
        &[
            "#2, at 0 OpensItem(Thinking), open 0 Thinking",
            "#3, at 0.0 OpensPart(Summary)",
            r#"#4, at 0.0 Says(Summary), delta 0 Thinking "**Re""#,
            r#"#5, at 0.0 EndsText(Summary), whole "**Re""#,
            "#6, at 0.0 EndsPart(Summary)",
            r#"#7, at 0.0 Says(Reasoning), delta 0 Thinking "The""#,
            "#8, at 0 EndsItem(Thinking), close 0",
            "#9, at 1 OpensItem(Tool), open 1 Tool",
            r#"#10, at 1 Other, delta 1 Tool "{\"a""#,
            "#11, at 1 Other, also Tool",
            "#12, at 1 EndsItem(Tool), also Tool, close 1",
            "#13, stop ToolUse, usage 3+0/9, end",
        ],
    );
}

#[test]
fn a_refusal_and_tools_of_the_provider() {
    check(
        r#"
event: response.refusal.delta
data: {"type":"response.refusal.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"I'm sorry","sequence_number":1}

event: response.refusal.done
data: {"type":"response.refusal.done","item_id":"msg_1","output_index":0,"content_index":0,"refusal":"I'm sorry","sequence_number":2}

event: response.output_item.added
data: {"type":"response.output_item.added","output_index":1,"item":{"id":"ws_1","type":"web_search_call","status":"in_progress"}}

event: response.web_search_call.searching
data: {"type":"response.web_search_call.searching","output_index":1,"item_id":"ws_1","sequence_number":3}

event: response.code_interpreter_call_code.delta
data: {"type":"response.code_interpreter_call_code.delta","output_index":2,"item_id":"ci_1","delta":"print(","sequence_number":4}

event: response.output_text.annotation.added
data: {"type":"response.output_text.annotation.added","item_id":"msg_1","output_index":0,"content_index":0,"annotation_index":0,"annotation":{"type":"url_citation"},"sequence_number":5}

event: response.incomplete
data: {"type":"response.incomplete","response":{"id":"r","status":"incomplete","incomplete_details":{"reason":"content_filter"},"output":[],"usage":null},"sequence_number":6}

event: response.incomplete
data: {"type":"response.incomplete","response":{"id":"r","incomplete_details":{"reason":"max_output_tokens"}}}
"#,
        &[
            r#"#1, at 0.0 Says(Refusal), delta 0 Other "I\'m sorry""#,
            "#2, at 0.0 EndsText(Refusal)",
            "at 1 OpensItem(ServerTool), open 1 ServerTool",
            "#3, at 1 Other, also Other",
            r#"#4, at 2 Other, delta 2 Other "print(""#,
            "#5, at 0.0 Other, also Other",
            "#6, stop Refusal, end",
            "stop MaxTokens, end",
        ],
    );
}

#[test]
fn failures_are_classified_with_what_they_say() {
    #[track_caller]
    fn check(data: &str, kind: FailureKind, code: &str, after_ms: Option<u64>) {
        let error = read(data.as_bytes()).error.expect("a failure");
        assert_eq!((error.kind, error.code.as_deref()), (kind, Some(code)), "{error}");
        let after = error.verdict.hint.after.map(|after| after.0 / 1_000_000);
        assert_eq!(after, after_ms, "{error}");
    }
    check(
        r#"{"type":"error","code":"server_error","message":"m","param":null,"sequence_number":1}"#,
        FailureKind::Server,
        "server_error",
        None,
    );
    check(
        r#"{"type":"error","sequence_number":2,"error":{"type":"invalid_request_error","code":"context_length_exceeded","message":"m"}}"#,
        FailureKind::ContextTooLong,
        "context_length_exceeded",
        None,
    );
    let failed = |error: &str| {
        format!(
            r#"{{"type":"response.failed","response":{{"id":"r","object":"response","status":"failed","output":[],"error":{error}}}}}"#
        )
    };
    check(
        &failed(
            r#"{"code":"rate_limit_exceeded","message":"Rate limit reached. Please try again in 1.25s. Visit us."}"#,
        ),
        FailureKind::RateLimited,
        "rate_limit_exceeded",
        Some(1_250),
    );
    check(
        &failed(r#"{"code":"server_is_overloaded","message":"Try again in 250ms"}"#),
        FailureKind::Overloaded,
        "server_is_overloaded",
        Some(250),
    );
    check(
        &failed(r#"{"code":"invalid_prompt","message":"try again in 3s"}"#),
        FailureKind::BadRequest,
        "invalid_prompt",
        None,
    );
    check(
        &failed(r#"{"code":"image_too_large","message":"m"}"#),
        FailureKind::BadRequest,
        "image_too_large",
        None,
    );
    let silent = read(br#"{"type":"response.failed","response":{"error":null}}"#).error;
    assert_eq!(silent.map(|error| error.kind), Some(FailureKind::Server));
}

#[test]
fn a_piece_of_text_is_borrowed() {
    let data = br#"{"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"Once","logprobs":[],"obfuscation":"k9"}"#;
    let delta = read(data).delta.expect("a piece");
    assert!(matches!(delta.text, Cow::Borrowed(b"Once")) && delta.part == Part::Text);
    let odd = br#"{"delta":"a\ud83d","type":"response.output_text.delta"}"#;
    assert_eq!(*read(odd).delta.expect("a piece").text, *b"a\xed\xa0\xbd");
}

#[test]
fn events_of_tomorrow_keep_their_number_and_place() {
    let event = read(br#"{"type":"response.compaction.compacting","sequence_number":7}"#);
    assert_eq!((event.sequence, event.node, event.delta, event.also), (Some(7), None, None, None));
    let event = decode(WIRE, b"keepalive", br#"{"type":"keepalive","sequence_number":3}"#);
    assert_eq!(event.map(|event| (event.sequence, event.end)), Ok((Some(3), false)));
    let event = decode(WIRE, b"response.completed", br#"{"response":{"id":"r","output":[]}}"#);
    assert!(event.is_ok_and(|event| event.end), "the name counts where the data has no type");
}
