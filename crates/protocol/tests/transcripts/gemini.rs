//! Transcripts of Gemini's `streamGenerateContent?alt=sse`, after the API reference:
//! <https://ai.google.dev/api/generate-content>.

use crate::reader;
use protocol::{Choices, Decoded, FailureKind, Part, StopReason, Wire, decode};
use std::borrow::Cow;

const WIRE: Wire = Wire::Gemini;

#[track_caller]
fn check(transcript: &str, expected: &[&str]) {
    assert_eq!(reader::tell(WIRE, transcript), expected);
}

fn read(data: &[u8]) -> Decoded<'_> {
    decode(WIRE, b"", data).expect("a written chunk")
}

#[test]
fn text_and_counts() {
    check(
        r#"
data: {"candidates":[{"content":{"parts":[{"text":"Hello"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":4,"totalTokenCount":4,"promptTokensDetails":[{"modality":"TEXT","tokenCount":4}]},"modelVersion":"gemini-2.5-flash","responseId":"r1"}

data: {"candidates": [{"content": {"parts": [{"text": "!\n\"end\""}],"role": "model"},"finishReason": "STOP","index": 0}],"usageMetadata": {"promptTokenCount": 4,"candidatesTokenCount": 2,"totalTokenCount": 6},"modelVersion": "gemini-2.5-flash","responseId": "r1"}
"#,
        &[
            r#"begin r1 gemini-2.5-flash, delta 0 Text "Hello", usage 4+0/0"#,
            r#"begin r1 gemini-2.5-flash, delta 0 Text "!\n\"end\"", stop EndTurn, usage 4+0/2"#,
        ],
    );
}

#[test]
fn thinking_tools_and_the_rest() {
    check(
        r#"
data: {"candidates":[{"content":{"parts":[{"text":"**Weighing**","thought":true}],"role":"model"}}],"responseId":"r"}

data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"Cs=="}],"role":"model"},"index":0}]}

data: {"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"iV"}}]}}]}

data: {"candidates":[{"content":{"parts":[{"executableCode":{"language":"PYTHON","code":"1"}}]}}]}

data: {"candidates":[{"content":{"parts":[{"text":"","thoughtSignature":"Cs=="}],"role":"model"},"finishReason":"STOP"}]}

data: {"candidates":[{"content":{"role":"model"}}]}

data: {"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":2,"thoughtsTokenCount":5,"totalTokenCount":11}}
"#,
        &[
            r#"begin r , delta 0 Thinking "**Weighing**""#,
            r#"begin  , delta 0 Tool "{\"name\":\"f\",\"args\":{\"a\":1}}""#,
            r#"begin  , delta 0 Other "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"iV\"}}""#,
            r#"begin  , delta 0 Other "{\"executableCode\":{\"language\":\"PYTHON\",\"code\":\"1\"}}""#,
            "begin  , stop EndTurn",
            "begin  ",
            "usage 4+0/7",
        ],
    );
}

#[test]
fn several_parts_of_a_chunk() {
    let parts = |parts: &str| format!(r#"{{"candidates":[{{"content":{{"parts":[{parts}]}}}}]}}"#);
    for (list, part, text, also) in [
        (r#"{"text":"a\n"},{"text":""},{"text":"b"}"#, Part::Text, "a\nb", None),
        (r#"{"text":"hm","thought":true},{"text":"a"}"#, Part::Text, "a", Some(Part::Thinking)),
        (r#"{"text":"a"},{"functionCall":{}}"#, Part::Text, "a", Some(Part::Tool)),
        (
            r#"{"text":"a"},{"fileData":{}},{"text":"h","thought":true}"#,
            Part::Text,
            "a",
            Some(Part::Other),
        ),
        (r#"{"text":"h","thought":true},{"text":"m","thought":true}"#, Part::Thinking, "hm", None),
        (
            r#"{"text":"h","thought":true},{"fileData":{}}"#,
            Part::Other,
            r#"{"fileData":{}}"#,
            Some(Part::Thinking),
        ),
        (r#"{"thought":true,"inlineData":{}}"#, Part::Thinking, "", None),
    ] {
        let data = parts(list);
        let event = read(data.as_bytes());
        let delta = event.delta.expect("a delta");
        assert_eq!((delta.part, &*delta.text, event.also), (part, text.as_bytes(), also), "{list}");
    }
    let one = parts(r#"{"text":"one"}"#);
    let event = read(one.as_bytes());
    assert!(matches!(event.delta.expect("a delta").text, Cow::Borrowed(b"one")));
}

#[test]
fn every_reason_to_stop_is_known() {
    for (reasons, expected) in [
        (&["STOP"][..], StopReason::EndTurn),
        (&["MAX_TOKENS"], StopReason::MaxTokens),
        (
            &["SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"],
            StopReason::Refusal,
        ),
        (&["IMAGE_SAFETY"], StopReason::Refusal),
        (&["OTHER", "MALFORMED_FUNCTION_CALL", "OF_TOMORROW"], StopReason::Other),
    ] {
        for reason in reasons {
            let data = format!(r#"{{"candidates":[{{"finishReason":"{reason}"}}]}}"#);
            let event = read(data.as_bytes());
            assert_eq!(event.stop, Some(expected), "{reason}");
            assert!(event.finished.contains(0) && !event.end);
        }
    }
    for none in [r#""FINISH_REASON_UNSPECIFIED""#, "null", r#""""#, "1"] {
        let data = format!(r#"{{"candidates":[{{"finishReason":{none}}}]}}"#);
        assert_eq!(read(data.as_bytes()).stop, None, "{none}");
    }
}

#[test]
fn candidates_finish_each_by_itself() {
    let both = br#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"index":1},{"finishReason":"STOP","index":2}]}"#;
    let event = read(both);
    assert_eq!((event.choice, event.stop), (Some(1), None));
    assert!(event.finished.contains(2) && !event.finished.contains(1));
}

#[test]
fn a_blocked_prompt_is_a_refusal_of_every_candidate() {
    let blocked =
        br#"{"promptFeedback":{"blockReason":"SAFETY","safetyRatings":[]},"responseId":"r"}"#;
    let event = read(blocked);
    assert_eq!((event.stop, event.finished), (Some(StopReason::Refusal), Choices::ALL));
    assert!(event.begin.is_some_and(|begin| begin.id == "r"));
    for open in [
        &br#"{"promptFeedback":{"safetyRatings":[]}}"#[..],
        br#"{"promptFeedback":{"blockReason":"BLOCK_REASON_UNSPECIFIED"}}"#,
        br#"{"promptFeedback":null}"#,
    ] {
        assert_eq!((read(open).stop, read(open).begin), (None, None));
    }
}

#[test]
fn errors_in_the_stream() {
    for (status, word, kind) in [
        (503, "UNAVAILABLE", FailureKind::Server),
        (500, "INTERNAL", FailureKind::Server),
        (429, "RESOURCE_EXHAUSTED", FailureKind::RateLimited),
        (504, "DEADLINE_EXCEEDED", FailureKind::Timeout),
        (400, "INVALID_ARGUMENT", FailureKind::BadRequest),
        (403, "PERMISSION_DENIED", FailureKind::Auth),
    ] {
        let data = format!(
            r#"{{"error":{{"code":{status},"message":"The model is overloaded? No.","status":"{word}"}}}}"#
        );
        let failure = read(data.as_bytes()).error.expect("a failure");
        assert_eq!(failure.status, Some(status), "{word}");
        // The message of an overloaded model says more than the status.
        let overloaded = status >= 500 && kind == FailureKind::Server;
        let kind = if overloaded { FailureKind::Overloaded } else { kind };
        assert_eq!(failure.kind, kind, "{word}");
    }
    assert!(read(br#"{"error":null,"candidates":[]}"#).error.is_none());
}

#[test]
fn odd_chunks_are_read_as_far_as_they_go() {
    for odd in [
        "{}",
        r#"{"candidates":null}"#,
        r#"{"candidates":[]}"#,
        r#"{"candidates":[null,7]}"#,
        r#"{"candidates":[{"content":null}]}"#,
        r#"{"candidates":[{"content":{"parts":{"text":"x"}}}]}"#,
        r#"{"candidates":[{"content":{"parts":["x",{"text":null},{"text":7}]}}]}"#,
        r#"{"usageMetadata":{"totalTokenCount":"x"}}"#,
    ] {
        let event = read(odd.as_bytes());
        assert_eq!((event.delta, event.stop, event.end), (None, None, false), "{odd}");
    }
}
