//! Payloads that are no usage, and counts that are no counts.

use proptest::prelude::*;
use protocol::CountProblem::{Fractional, Negative, NotANumber, TooLarge};
use protocol::UsageFormat::{Anthropic, Gemini, OpenAiChat, OpenAiResponses};
use protocol::{CountProblem, UsageError, UsageFormat, read_usage};
use serde_json::{Value, json};

#[track_caller]
fn check(format: UsageFormat, payload: &str, field: &str, problem: CountProblem) {
    let error = read_usage(format, payload.as_bytes());
    match error {
        Err(UsageError::Count { field: said, problem: why }) => {
            assert_eq!((said, why), (field, problem));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_count_that_is_none_is_named() {
    check(Anthropic, r#"{"usage":{"input_tokens":-1}}"#, "input_tokens", Negative);
    check(Anthropic, r#"{"input_tokens":1,"output_tokens":"9"}"#, "output_tokens", NotANumber);
    check(
        Anthropic,
        r#"{"cache_creation":{"ephemeral_1h_input_tokens":1.5}}"#,
        "cache_creation.ephemeral_1h_input_tokens",
        Fractional,
    );
    check(
        OpenAiChat,
        r#"{"usage":{"prompt_tokens":1,"prompt_tokens_details":{"cached_tokens":18446744073709551616}}}"#,
        "prompt_tokens_details.cached_tokens",
        TooLarge,
    );
    check(
        OpenAiResponses,
        r#"{"usage":{"input_tokens":1,"output_tokens_details":{"reasoning_tokens":true}}}"#,
        "output_tokens_details.reasoning_tokens",
        NotANumber,
    );
    check(
        Gemini,
        r#"{"usageMetadata":{"promptTokensDetails":[{"modality":"AUDIO","tokenCount":-2}]}}"#,
        "tokenCount",
        Negative,
    );
    check(
        Gemini,
        r#"{"candidatesTokenCount":18446744073709551615,"thoughtsTokenCount":1}"#,
        "thoughtsTokenCount",
        TooLarge,
    );
}

#[test]
fn an_error_reads_as_a_sentence() {
    let error = read_usage(Anthropic, br#"{"input_tokens":-1}"#).unwrap_err();
    assert_eq!(error.to_string(), "the count input_tokens is negative");
    let error = read_usage(Anthropic, b"{").unwrap_err();
    assert_eq!(error.to_string(), "malformed JSON at byte 1 of the event");
}

#[test]
fn no_counts_are_not_a_usage_of_zero() {
    let payloads = [
        "",
        "{}",
        "hello",
        r#"{"usage":null}"#,
        r#"{"usage":{}}"#,
        r#"{"usage":{"input_tokens":null,"prompt_tokens":null}}"#,
        r#"{"usageMetadata":{"trafficType":"ON_DEMAND"}}"#,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"input_tokens"}}"#,
        "data: [DONE]\n\n",
        "event: error\ndata: upstream went away\n\n",
    ];
    for payload in payloads {
        for format in UsageFormat::all() {
            let read = read_usage(*format, payload.as_bytes());
            assert_eq!(read, Err(UsageError::Absent), "{format} {payload}");
        }
    }
    let zero = read_usage(OpenAiChat, br#"{"prompt_tokens":0}"#).unwrap();
    assert_eq!(zero.usage, cost::Usage::default());
}

#[test]
fn an_event_that_is_damaged_is_an_error() {
    let body =
        "data: {\"usage\":{\"prompt_tokens\":9\n\ndata: {\"usage\":{\"prompt_tokens\":1}}\n\n";
    assert!(matches!(read_usage(OpenAiChat, body.as_bytes()), Err(UsageError::Malformed(_))));
    assert!(matches!(read_usage(OpenAiChat, b"{}{}"), Err(UsageError::Malformed(_))));
    assert!(matches!(read_usage(Gemini, b"[{},7]"), Err(UsageError::Malformed(_))));
}

/// Documents with the names that matter in places where they may not be expected.
fn any_document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        Just(json!("AUDIO")),
        Just(json!("compaction")),
        any::<u64>().prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
    ];
    let names = vec![
        "usage",
        "usageMetadata",
        "message",
        "response",
        "output",
        "choices",
        "x_groq",
        "type",
        "model",
        "iterations",
        "input_tokens",
        "output_tokens",
        "prompt_tokens",
        "total_tokens",
        "completion_tokens",
        "prompt_tokens_details",
        "cached_tokens",
        "audio_tokens",
        "cache_creation",
        "cache_creation_input_tokens",
        "ephemeral_1h_input_tokens",
        "promptTokenCount",
        "cachedContentTokenCount",
        "thoughtsTokenCount",
        "totalTokenCount",
        "promptTokensDetails",
        "tokenCount",
        "modality",
        "action",
        "",
    ];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        let name = prop::sample::select(names.clone()).prop_map(str::to_owned);
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            4 => prop::collection::btree_map(name, inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_documents_never_panic(document in any_document()) {
        let document = document.to_string();
        for format in UsageFormat::all() {
            if let Ok(reported) = read_usage(*format, document.as_bytes()) {
                prop_assert!(reported.usage.output_reasoning <= reported.usage.output);
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(payload in prop::collection::vec(any::<u8>(), 0..80)) {
        for format in UsageFormat::all() {
            let _ = read_usage(*format, &payload);
        }
    }
}
