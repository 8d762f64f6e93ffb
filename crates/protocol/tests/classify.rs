//! One row per rule of classification: status, headers and body to kind and verdict.

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use protocol::{FailureKind, Framing, classify_document, classify_in_band, classify_status};
use retry_policy::{Class, Nanos, Sent};

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

#[test]
fn statuses_without_a_telling_body() {
    use FailureKind as Kind;
    let rows = [
        (200, Kind::NotEventStream, Class::Transient),
        (204, Kind::NotEventStream, Class::Transient),
        (205, Kind::NotEventStream, Class::Transient),
        (301, Kind::Redirect, Class::Invalid),
        (307, Kind::Redirect, Class::Invalid),
        (400, Kind::BadRequest, Class::Invalid),
        (401, Kind::Auth, Class::Auth),
        (402, Kind::Quota, Class::Quota),
        (403, Kind::Auth, Class::Auth),
        (404, Kind::BadRequest, Class::Invalid),
        (405, Kind::BadRequest, Class::Invalid),
        (407, Kind::Auth, Class::Auth),
        (408, Kind::Timeout, Class::Timeout),
        (409, Kind::Conflict, Class::Transient),
        (413, Kind::ContextTooLong, Class::Invalid),
        (415, Kind::BadRequest, Class::Invalid),
        (422, Kind::BadRequest, Class::Invalid),
        (424, Kind::Server, Class::Transient),
        (425, Kind::Server, Class::Transient),
        (429, Kind::RateLimited, Class::Throttle),
        (431, Kind::BadRequest, Class::Invalid),
        (451, Kind::BadRequest, Class::Invalid),
        (498, Kind::Overloaded, Class::Overload),
        (499, Kind::Server, Class::Transient),
        (500, Kind::Server, Class::Transient),
        (502, Kind::Server, Class::Transient),
        (503, Kind::Server, Class::Transient),
        (504, Kind::Timeout, Class::Timeout),
        (520, Kind::Server, Class::Transient),
        (524, Kind::Timeout, Class::Timeout),
        (529, Kind::Overloaded, Class::Overload),
    ];
    for (status, kind, class) in rows {
        for body in ["", "<html><body>error</body></html>", "{\"cut\":"] {
            let failure = classify_status(status, &HeaderMap::new(), body.as_bytes(), None);
            assert_eq!((failure.kind, failure.verdict.class), (kind, class), "{status} {body}");
            assert_eq!(failure.status, Some(status));
            assert_eq!(failure.verdict.sent, Sent::MaybeProcessed);
            assert_eq!(failure.message, "");
        }
    }
}

#[track_caller]
fn check(status: u16, body: &str, kind: FailureKind, code: &str) {
    let failure = classify_status(status, &HeaderMap::new(), body.as_bytes(), None);
    assert_eq!(failure.kind, kind, "{failure}");
    assert_eq!(failure.code.as_deref().unwrap_or(""), code);
}

/// An Anthropic error body.
fn anthropic(kind: &str, message: &str) -> String {
    format!(
        r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}},"request_id":"req_1"}}"#
    )
}

/// An OpenAI error body.
fn openai(kind: &str, code: &str, message: &str) -> String {
    format!(r#"{{"error":{{"message":"{message}","type":"{kind}","param":null,"code":{code}}}}}"#)
}

#[test]
fn every_documented_anthropic_type() {
    use FailureKind as Kind;
    let rows = [
        (400, "invalid_request_error", Kind::BadRequest),
        (401, "authentication_error", Kind::Auth),
        (402, "billing_error", Kind::Quota),
        (403, "permission_error", Kind::Auth),
        (404, "not_found_error", Kind::BadRequest),
        (409, "conflict_error", Kind::Conflict),
        (413, "request_too_large", Kind::ContextTooLong),
        (429, "rate_limit_error", Kind::RateLimited),
        (500, "api_error", Kind::Server),
        (504, "timeout_error", Kind::Timeout),
        (529, "overloaded_error", Kind::Overloaded),
    ];
    for (status, word, kind) in rows {
        check(status, &anthropic(word, "m"), kind, word);
        let in_band = classify_in_band(anthropic(word, "m").as_bytes());
        assert_eq!((in_band.kind, in_band.status), (kind, None), "{word}");
    }
}

#[test]
fn a_used_up_quota_is_final_whatever_the_status() {
    let spend = r#"{"type":"error","error":{"type":"rate_limit_error","message":"m","details":{"error_code":"enforced_spend_limit_reached"}}}"#;
    check(429, spend, FailureKind::Quota, "enforced_spend_limit_reached");
    let ramp = r#"{"type":"error","error":{"type":"rate_limit_error","message":"m","details":{"error_code":"ramp_limit_exceeded"}}}"#;
    check(429, ramp, FailureKind::RateLimited, "ramp_limit_exceeded");
    let quota =
        openai("insufficient_quota", "\"insufficient_quota\"", "You exceeded your current quota");
    check(429, &quota, FailureKind::Quota, "insufficient_quota");
    let balance =
        anthropic("invalid_request_error", "Your credit balance is too low to use the API.");
    check(400, &balance, FailureKind::Quota, "invalid_request_error");
    let failure = classify_status(429, &headers(&[("retry-after", "1")]), quota.as_bytes(), None);
    assert!(failure.verdict.class.is_terminal());
}

#[test]
fn a_refused_prefill_is_told_from_a_bad_request() {
    let refusals = [
        "This model does not support assistant message prefill. The conversation must end with a user message.",
        "messages: final assistant content cannot end with trailing whitespace",
        "Assistant response prefill is incompatible with enable_thinking.",
        "Cannot have 2 or more assistant messages at the end of the list.",
        "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
    ];
    for message in refusals {
        check(
            400,
            &anthropic("invalid_request_error", message),
            FailureKind::PrefillRefused,
            "invalid_request_error",
        );
    }
    check(
        400,
        &anthropic("invalid_request_error", "max_tokens: required"),
        FailureKind::BadRequest,
        "invalid_request_error",
    );
    check(
        401,
        &anthropic("authentication_error", "prefill"),
        FailureKind::Auth,
        "authentication_error",
    );
}

#[test]
fn a_failing_prefill_stage_is_a_failing_server() {
    check(
        500,
        &openai("server_error", "null", "prefill worker lost"),
        FailureKind::Server,
        "server_error",
    );
    check(400, &openai("x", "null", "prefill is not available"), FailureKind::PrefillRefused, "x");
    let failure = classify_in_band(br#"{"error":{"message":"prefill worker lost"}}"#);
    assert_eq!(failure.kind, FailureKind::Other);
}

#[test]
fn a_request_that_is_too_long_is_told_from_a_bad_one() {
    let long = "prompt is too long: 210000 tokens > 200000 maximum";
    check(
        400,
        &anthropic("invalid_request_error", long),
        FailureKind::ContextTooLong,
        "invalid_request_error",
    );
    let code = openai("invalid_request_error", "\"context_length_exceeded\"", "m");
    check(400, &code, FailureKind::ContextTooLong, "context_length_exceeded");
    let vllm = r#"{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","code":400}"#;
    check(400, vllm, FailureKind::ContextTooLong, "badrequesterror");
}

#[test]
fn other_forms_of_bodies() {
    use FailureKind as Kind;
    check(
        401,
        &openai("invalid_request_error", "\"invalid_api_key\"", "m"),
        Kind::Auth,
        "invalid_api_key",
    );
    check(
        503,
        &openai("server_error", "null", "The engine is currently overloaded"),
        Kind::Overloaded,
        "server_error",
    );
    check(502, r#"{"error":{"code":502,"message":"m"}}"#, Kind::Server, "");
    check(
        429,
        r#"[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}]"#,
        Kind::RateLimited,
        "resource_exhausted",
    );
    check(422, r#"{"detail":[{"msg":"bad"}]}"#, Kind::BadRequest, "");
    check(400, r#"{"error":"plain"}"#, Kind::BadRequest, "");
    check(
        400,
        r#"{"error":{"type":"invalid_request_error","message":"cut h"#,
        Kind::BadRequest,
        "invalid_request_error",
    );
}

#[test]
fn a_message_is_shown_without_keys() {
    let body = openai(
        "invalid_request_error",
        "\"invalid_api_key\"",
        "Incorrect API key provided: sk-proj-abc123.\\nSee docs.",
    );
    let failure = classify_status(401, &HeaderMap::new(), body.as_bytes(), None);
    assert_eq!(failure.message, "Incorrect API key provided: [redacted] See docs.");
    assert_eq!(
        failure.to_string(),
        "not authorized, status 401, invalid_api_key: Incorrect API key provided: [redacted] See docs."
    );
}

#[test]
fn hints_of_every_form() {
    let after = |pairs: &[(&'static str, &'static str)], now| {
        classify_status(429, &headers(pairs), b"", now).verdict.hint.after
    };
    let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    let later = ("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT");
    assert_eq!(after(&[("retry-after", "2")], None), Some(Nanos::from_secs(2)));
    assert_eq!(
        after(&[("retry-after", "2"), ("retry-after-ms", "1500")], None),
        Some(Nanos::from_millis(1_500))
    );
    assert_eq!(
        after(&[("retry-after", "2"), ("retry-after-ms", "soon")], None),
        Some(Nanos::from_secs(2))
    );
    assert_eq!(after(&[later, date], Some(1)), Some(Nanos::from_secs(10)));
    assert_eq!(after(&[later], Some(784_111_780)), Some(Nanos::from_secs(7)));
    assert_eq!(after(&[later], None), None);
    assert_eq!(after(&[("retry-after", "garbage")], None), None);
    assert_eq!(after(&[("retry-after", "0")], None), None);
    let retry = |value| {
        classify_status(500, &headers(&[("x-should-retry", value)]), b"", None).verdict.hint.retry
    };
    assert_eq!((retry("true"), retry("false"), retry("perhaps")), (Some(true), Some(false), None));
}

/// An error of Google's with these details.
fn google(code: u16, status: &str, details: &str) -> String {
    format!(
        r#"{{"error":{{"code":{code},"message":"You exceeded your current quota, please check your plan and billing details.","status":"{status}","details":[{details}]}}}}"#
    )
}

fn retry_info(delay: &str) -> String {
    format!(r#"{{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":{delay}}}"#)
}

fn quota_failure(ids: &[&str]) -> String {
    let ids: Vec<_> = ids.iter().map(|id| format!(r#"{{"quotaId":"{id}"}}"#)).collect();
    let ids = ids.join(",");
    format!(r#"{{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{ids}]}}"#)
}

#[test]
fn a_delay_in_the_body_is_a_hint_in_a_status_and_in_a_stream() {
    let minute = quota_failure(&["GenerateRequestsPerMinutePerProjectPerModel-FreeTier"]);
    let help = r#"{"@type":"type.googleapis.com/google.rpc.Help","links":[{"url":"u"}]}"#;
    let rows = [
        (r#""34.074824224s""#, Some(Nanos(34_074_824_224))),
        (r#""2s""#, Some(Nanos::from_secs(2))),
        (r#""99999999999999999999s""#, Some(Nanos::MAX)),
        (r#""0s""#, None),
        (r#""-5s""#, None),
        (r#""soon""#, None),
        ("34", None),
        ("null", None),
        (r#"{"seconds":"34"}"#, None),
    ];
    for (delay, expected) in rows {
        let details = format!("{help},{minute},{}", retry_info(delay));
        let body = google(429, "RESOURCE_EXHAUSTED", &details);
        for failure in [
            classify_status(429, &HeaderMap::new(), body.as_bytes(), None),
            classify_in_band(body.as_bytes()),
            classify_document(&HeaderMap::new(), format!("[{body}]").as_bytes()),
        ] {
            assert_eq!(failure.kind, FailureKind::RateLimited, "{delay}");
            assert_eq!(failure.code.as_deref(), Some("resource_exhausted"));
            assert_eq!(failure.verdict.hint.after, expected, "{delay}");
        }
    }
    let body = google(503, "UNAVAILABLE", &retry_info(r#""7s""#));
    let failure = classify_status(503, &HeaderMap::new(), body.as_bytes(), None);
    assert_eq!(failure.verdict.hint.after, Some(Nanos::from_secs(7)));
    let failure = classify_status(503, &headers(&[("retry-after", "3")]), body.as_bytes(), None);
    assert_eq!(failure.verdict.hint.after, Some(Nanos::from_secs(3)), "the header is first");
    let told = br#"{"error":{"code":429,"message":"Quota exceeded. Please retry in 4.5s."}}"#;
    assert_eq!(classify_in_band(told).verdict.hint.after, Some(Nanos::from_millis(4_500)));
}

#[test]
fn a_quota_of_a_day_is_final_and_what_is_told_beside_it_is_no_hint() {
    let of = |ids: &[&str]| {
        let details = format!("{},{}", quota_failure(ids), retry_info(r#""34s""#));
        let body = google(429, "RESOURCE_EXHAUSTED", &details);
        classify_status(429, &HeaderMap::new(), body.as_bytes(), None)
    };
    let (minute, day) = ("GenerateRequestsPerMinutePerProject", "GenerateRequestsPerDayPerProject");
    for ids in [&[day][..], &[minute, day], &[day, minute]] {
        let failure = of(ids);
        assert_eq!((failure.kind, failure.verdict.class), (FailureKind::Quota, Class::Quota));
        assert_eq!(failure.verdict.hint.after, None);
    }
    assert_eq!(of(&[minute]).kind, FailureKind::RateLimited);
    assert_eq!(of(&[]).kind, FailureKind::RateLimited);
    let older = r#"{"@type":"google.rpc.QuotaFailure","violations":[{"quotaMetric":"generativelanguage.googleapis.com/generate_requests_per_model_per_day"}]}"#;
    let body = google(429, "RESOURCE_EXHAUSTED", older);
    assert_eq!(classify_in_band(body.as_bytes()).kind, FailureKind::Quota);
}

#[test]
fn a_reason_of_google_is_the_most_specific_word() {
    let info = |reason: &str| {
        format!(r#"{{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":{reason}}}"#)
    };
    let rows = [
        (400, r#""API_KEY_INVALID""#, FailureKind::Auth, "api_key_invalid"),
        (403, r#""SERVICE_DISABLED""#, FailureKind::Auth, "service_disabled"),
        (403, r#""BILLING_DISABLED""#, FailureKind::Quota, "billing_disabled"),
        (429, r#""RATE_LIMIT_EXCEEDED""#, FailureKind::RateLimited, "rate_limit_exceeded"),
        (429, r#""QUOTA_EXHAUSTED""#, FailureKind::Quota, "quota_exhausted"),
        (400, r#""OF_TOMORROW""#, FailureKind::BadRequest, "of_tomorrow"),
        (400, "7", FailureKind::BadRequest, "invalid_argument"),
    ];
    for (status, reason, kind, code) in rows {
        let body = google(status, "INVALID_ARGUMENT", &info(reason));
        check(status, &body, kind, code);
    }
}

#[test]
fn details_are_read_as_far_as_they_are_there() {
    let details = format!("{},{}", retry_info(r#""2s""#), quota_failure(&["PerMinute"]));
    let body = google(429, "RESOURCE_EXHAUSTED", &details);
    let end = body.find(r#""@type":"type.googleapis.com/google.rpc.QuotaFailure""#).unwrap();
    let failure = classify_status(429, &HeaderMap::new(), &body.as_bytes()[..end + 30], None);
    assert_eq!(failure.verdict.hint.after, Some(Nanos::from_secs(2)));
    for details in ["1", "null", "[]", r#""x""#, r#"{"@type":7}"#, r#"{"retryDelay":"2s"}"#] {
        let body = google(429, "RESOURCE_EXHAUSTED", details);
        let failure = classify_status(429, &HeaderMap::new(), body.as_bytes(), None);
        assert_eq!((failure.kind, failure.verdict.hint.after), (FailureKind::RateLimited, None));
    }
}

#[test]
fn an_unknown_error_inside_a_stream_is_transient() {
    let failure = classify_in_band(br#"{"error":{"message":"it broke"}}"#);
    assert_eq!((failure.kind, failure.verdict.class), (FailureKind::Other, Class::Transient));
    // The end of a socket is not the request's fault.
    let limit = openai("invalid_request_error", "\"websocket_connection_limit_reached\"", "m");
    assert_eq!(classify_in_band(limit.as_bytes()).kind, FailureKind::Server);
    let failure = classify_in_band(br#"{"error":{"code":503,"message":"m"}}"#);
    assert_eq!((failure.kind, failure.status), (FailureKind::Server, Some(503)));
    let failure = classify_in_band(br#"{"error":{"code":1234,"type":"content_policy_violation"}}"#);
    assert_eq!((failure.kind, failure.status), (FailureKind::BadRequest, None));
}

#[test]
fn a_success_that_is_no_stream() {
    let none = HeaderMap::new();
    for body in [
        "",
        "<!doctype html><p>busy</p>",
        "welcome",
        "{\"id\":\"x\",\"choices\":[]}",
        "{\"message\":\"hi\"}",
    ] {
        let failure = classify_document(&none, body.as_bytes());
        assert_eq!(failure.kind, FailureKind::NotEventStream, "{body}");
        assert_eq!(failure.verdict.class, Class::Transient);
        assert_eq!(failure.code, None);
    }
    let failure = classify_document(&none, anthropic("authentication_error", "m").as_bytes());
    assert_eq!(failure.kind, FailureKind::Auth);
    let vllm = br#"{"object":"error","message":"m","type":"BadRequestError","code":400}"#;
    assert_eq!(classify_document(&none, vllm).kind, FailureKind::BadRequest);
    let failure = classify_document(&headers(&[("retry-after", "3")]), b"");
    assert_eq!(failure.verdict.hint.after, Some(Nanos::from_secs(3)));
}

#[test]
fn content_types() {
    let kind = |value| Framing::Sse.is_announced(&headers(&[("content-type", value)]));
    assert_eq!(kind("text/event-stream"), Some(true));
    assert_eq!(kind("Text/Event-Stream; charset=utf-8"), Some(true));
    assert_eq!(kind("text/event-stream-x"), Some(false));
    assert_eq!(kind("text/html"), Some(false));
    assert_eq!(kind(""), None);
    assert_eq!(kind("text/plain; charset=utf-8"), None);
    assert_eq!(kind("application/octet-stream"), None);
    assert_eq!(Framing::Sse.is_announced(&HeaderMap::new()), None);
    let framed =
        |framing: Framing, value| framing.is_announced(&headers(&[("content-type", value)]));
    for kind in ["application/x-ndjson", "application/ndjson", "application/jsonl; charset=utf-8"] {
        assert_eq!(framed(Framing::NdJson, kind), Some(true));
        assert_eq!(framed(Framing::Sse, kind), Some(false));
    }
    assert_eq!(framed(Framing::NdJson, "application/json"), Some(false), "an error");
    let binary = "application/vnd.amazon.eventstream";
    assert_eq!(framed(Framing::AwsEventStream, binary), Some(true));
    assert_eq!(framed(Framing::AwsEventStream, "text/event-stream"), Some(false));
    assert_eq!(framed(Framing::AwsEventStream, "application/octet-stream"), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bodies_never_panic(body in prop::collection::vec(any::<u8>(), 0..200), status in 0u16..700) {
        let _ = classify_status(status, &HeaderMap::new(), &body, None);
        let _ = classify_document(&HeaderMap::new(), &body);
    }

    #[test]
    fn a_cut_or_damaged_error_never_panics(at in 0usize..100, byte in any::<u8>()) {
        let mut body = openai("server_error", "\"x\"", "m\\u00e9").into_bytes();
        let at = at % body.len();
        body[at] = byte;
        let _ = classify_in_band(&body);
        body.truncate(at);
        let _ = classify_in_band(&body);
    }
}
