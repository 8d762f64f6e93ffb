//! Requests to Bedrock, and what it refuses them with.

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use protocol::{
    BodyError, FailureKind, Profile, RequestBody, Wire, classify_document, classify_in_band,
    classify_status,
};
use retry_policy::Class;

const PROFILE: Profile = Profile::BEDROCK;
const MODEL: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

fn parse(text: &str) -> RequestBody {
    RequestBody::parse(Wire::AnthropicMessages, text.to_owned().into()).expect("a body")
}

fn sent(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn the_model_and_the_stream_are_in_the_path_and_a_version_in_the_body() {
    let version = r#","anthropic_version":"bedrock-2023-05-31"}"#;
    let rest = r#""max_tokens":9,"messages":[{"role":"user","content":"Hi"}]"#;
    for (written, expected) in [
        (format!(r#"{{"model":"m","stream":true,{rest}}}"#), format!("{{{rest}{version}")),
        (format!(r#"{{{rest},"model":"m","stream":true}}"#), format!("{{{rest}{version}")),
        (format!(r#"{{"stream":false,{rest},"model":"m"}}"#), format!("{{{rest}{version}")),
        (format!(r#"{{"model":"m" , {rest} }}"#), format!("{{{rest} {version}")),
        (
            format!(r#"{{"top_k":5,"model":"m","anthropic_version":"x","stream":true,{rest}}}"#),
            format!(r#"{{"top_k":5,"anthropic_version":"x",{rest}}}"#),
        ),
    ] {
        assert_eq!(sent(&parse(&written).initial(&PROFILE)), expected, "{written}");
        let own = parse(&written).initial(&Profile::ANTHROPIC);
        assert!(sent(&own).contains("\"model\":\"m\""), "the wire's own form stays: {own:?}");
    }
}

#[test]
fn a_continuation_has_the_same_form() {
    let body = parse(&format!(
        r#"{{"model":"{MODEL}","max_tokens":50,"messages":[{{"role":"user","content":"Hi"}}]}}"#
    ));
    assert!(body.takes_prefill(&PROFILE), "as at Anthropic, by the model");
    let again = body.prefill(&PROFILE, "Paris is", 2);
    let expected = r#"{"max_tokens":48,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"text","text":"Paris is"}]}],"anthropic_version":"bedrock-2023-05-31"}"#;
    assert_eq!(sent(&again), expected);
    let told = body.instruct(&PROFILE, "Paris is", "Go on.", 2);
    assert!(!sent(&told).contains("\"model\"") && sent(&told).contains("Go on."));
    let later = MODEL.replace("sonnet-4-5", "opus-4-6");
    let later = parse(&format!(r#"{{"model":"{later}","messages":[1]}}"#));
    assert!(!later.takes_prefill(&PROFILE));
}

#[test]
fn an_id_of_a_model_is_one_segment_of_the_path() {
    let path = |model: &str| {
        let body = parse(&format!(r#"{{"model":"{model}","messages":[1]}}"#));
        body.fits(&PROFILE).map(|()| body.path(&PROFILE).into_owned())
    };
    for (model, expected) in [
        (MODEL, "us.anthropic.claude-sonnet-4-5-20250929-v1%3A0"),
        ("arn:aws:bedrock:eu-west-1:1:p/x", "arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Ap%2Fx"),
        ("../a?b#c d", "..%2Fa%3Fb%23c%20d"),
        ("é", "%C3%A9"),
    ] {
        let expected = format!("/model/{expected}/invoke-with-response-stream");
        assert_eq!(path(model), Ok(expected));
    }
    assert!(path(&"m".repeat(2048)).is_ok());
    for none in [String::new(), "m".repeat(2049)] {
        assert_eq!(path(&none), Err(BodyError::NoModel));
    }
    let unnamed = parse(r#"{"messages":[1]}"#);
    assert_eq!(unnamed.fits(&PROFILE), Err(BodyError::NoModel));
    assert_eq!(unnamed.fits(&Profile::ANTHROPIC), Ok(()));
    assert_eq!(unnamed.path(&Profile::ANTHROPIC), "/messages");
}

/// What Bedrock says, with its error in the header.
fn refused(status: u16, kind: &'static str) -> protocol::Failure {
    let mut headers = HeaderMap::new();
    headers.insert("x-amzn-errortype", HeaderValue::from_static(kind));
    classify_status(status, &headers, br#"{"message":"no"}"#, None)
}

#[test]
fn the_errors_of_bedrock_are_told_apart() {
    use FailureKind as Kind;
    for (status, name, kind, class) in [
        (429, "ThrottlingException", Kind::RateLimited, Class::Throttle),
        (400, "ServiceQuotaExceededException", Kind::RateLimited, Class::Throttle),
        (429, "ModelNotReadyException", Kind::Overloaded, Class::Overload),
        (408, "ModelTimeoutException", Kind::Timeout, Class::Timeout),
        (424, "ModelErrorException", Kind::Server, Class::Transient),
        (500, "InternalServerException", Kind::Server, Class::Transient),
        (503, "ServiceUnavailableException", Kind::Server, Class::Transient),
        (400, "ValidationException", Kind::BadRequest, Class::Invalid),
        (404, "ResourceNotFoundException", Kind::BadRequest, Class::Invalid),
        (403, "AccessDeniedException", Kind::Auth, Class::Auth),
        (400, "AccessDeniedException", Kind::Auth, Class::Auth),
        (403, "UnrecognizedClientException", Kind::Auth, Class::Auth),
        (400, "ExpiredTokenException", Kind::Auth, Class::Auth),
        (418, "OfTomorrow", Kind::BadRequest, Class::Invalid),
    ] {
        let failure = refused(status, name);
        assert_eq!((failure.kind, failure.verdict.class), (kind, class), "{status} {name}");
        assert_eq!(failure.message, "no");
        assert_eq!(failure.code, Some(name.to_ascii_lowercase()));
    }
}

#[test]
fn the_name_of_an_error_is_read_in_every_form() {
    let word = "ThrottlingException:http://internal.example/coral/";
    assert_eq!(refused(400, word).kind, FailureKind::RateLimited);
    for body in [
        &br#"{"__type":"com.example.bedrock#ThrottlingException","Message":"slow"}"#[..],
        br#"{"code":"ThrottlingException","message":"slow"}"#,
    ] {
        let failure = classify_status(400, &HeaderMap::new(), body, None);
        assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::RateLimited, "slow"));
    }
    let mut headers = HeaderMap::new();
    headers.insert("x-amzn-errortype", HeaderValue::from_static("ThrottlingException"));
    let failure = classify_document(&headers, br#"{"message":"no"}"#);
    assert_eq!(failure.kind, FailureKind::RateLimited, "also with a status of success");
}

#[test]
fn a_prompt_that_is_too_long_is_told_from_a_wrong_one() {
    let mut headers = HeaderMap::new();
    headers.insert("x-amzn-errortype", HeaderValue::from_static("ValidationException"));
    let body = br#"{"message":"Input is too long for requested model."}"#;
    assert_eq!(classify_status(400, &headers, body, None).kind, FailureKind::ContextTooLong);
}

#[test]
fn an_exception_of_no_known_name_is_worth_another_attempt() {
    let failure = classify_in_band(br#"{"type":"error","error":{"type":"tomorrowException"}}"#);
    assert_eq!((failure.kind, failure.verdict.class), (FailureKind::Other, Class::Transient));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_order_of_members_the_body_is_json_without_model_and_stream(
        mut order in Just(vec!["model", "stream", "messages", "top_k", "x"]).prop_shuffle(),
        keep in 2usize..=5,
        space in "[ \n]{0,2}",
    ) {
        order.truncate(keep);
        if !order.contains(&"messages") {
            order.push("messages");
        }
        let value = |name: &str| match name {
            "messages" => "[1]",
            "stream" => "true",
            _ => "\"m\"",
        };
        let members: Vec<_> = order
            .iter()
            .map(|name| format!("{space}\"{name}\"{space}:{space}{}{space}", value(name)))
            .collect();
        let body = parse(&format!("{{{}}}", members.join(",")));
        let sent: serde_json::Value = serde_json::from_slice(&body.initial(&PROFILE)).unwrap();
        prop_assert!(sent.get("model").is_none() && sent.get("stream").is_none());
        prop_assert_eq!(&sent["anthropic_version"], "bedrock-2023-05-31");
        for name in order.iter().filter(|name| !matches!(**name, "model" | "stream")) {
            prop_assert!(sent.get(name).is_some(), "{} is lost", name);
        }
    }
}
