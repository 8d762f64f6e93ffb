//! Statuses, one table of those that are final and one of those that are not: rows 9 to 17, 24
//! and 25.

use client::{Cause, ErrorKind, Rung};

use super::ask::{PROMPT, Seen, builder, starts_again, strict};
use super::peer::{Answer, Peer};
use super::wire::{BEGUN, PREFILLED, REST, whole_text};
use crate::rig::{KEY, Route};

/// A status that would come again for the same request, with the row of the matrix.
const FINAL: [(u32, &str, &str); 11] = [
    (9, "400 Bad Request", r#"{"error":{"type":"invalid_request_error","message":"no"}}"#),
    (13, "401 Unauthorized", r#"{"error":{"type":"authentication_error","message":"no"}}"#),
    (14, "402 Payment Required", "{}"),
    (14, "403 Forbidden", ""),
    (14, "404 Not Found", r#"{"error":{"type":"not_found_error","message":"no model"}}"#),
    (14, "405 Method Not Allowed", ""),
    (14, "413 Payload Too Large", "<html><center>cloudflare</center></html>"),
    (14, "415 Unsupported Media Type", ""),
    (14, "422 Unprocessable Entity", r#"{"detail":[{"msg":"bad"}]}"#),
    (14, "431 Request Header Fields Too Large", ""),
    (14, "451 Unavailable For Legal Reasons", ""),
];

/// A status that passes.
const PASSING: [(u32, &str); 12] = [
    (15, "408 Request Timeout"),
    (16, "409 Conflict"),
    (17, "425 Too Early"),
    (24, "500 Internal Server Error"),
    (24, "502 Bad Gateway"),
    (24, "503 Service Unavailable"),
    (24, "504 Gateway Timeout"),
    (24, "520 Web Server Returned an Unknown Error"),
    (24, "522 Connection Timed Out"),
    (24, "523 Origin Is Unreachable"),
    (24, "524 A Timeout Occurred"),
    (24, "529 Overloaded"),
];

async fn is_final(row: u32) {
    let mine: Vec<_> = FINAL.iter().filter(|case| case.0 == row).collect();
    assert!(!mine.is_empty());
    for route in PREFILLED {
        for (_, status, body) in &mine {
            let peer = Peer::start([Answer::status(status, "", body)]).await;
            let seen = Seen::by(route, builder(route, &peer.url())).await;
            assert_eq!(peer.asked().len(), 1, "{status}");
            assert_eq!(seen.error().kind(), ErrorKind::Refused, "{status}: {:?}", seen.end);
            assert!(!seen.error().is_retryable(), "{status}");
            let failure = seen.cause().failure().expect("the provider's own word");
            assert_eq!(failure.status, status[..3].parse().ok());
            assert_eq!(seen.text, "");
        }
    }
}

async fn passes(row: u32) {
    let mine: Vec<_> = PASSING.iter().filter(|case| case.0 == row).collect();
    assert!(!mine.is_empty());
    for route in PREFILLED {
        for (_, status) in &mine {
            let (seen, _) = starts_again(route, Answer::status(status, "", "")).await;
            let failure = seen.causes()[0].failure().expect("the provider's own word");
            assert_eq!(failure.status, status[..3].parse().ok());
        }
    }
}

#[tokio::test]
async fn row_009_a_bad_request_is_final() {
    is_final(9).await;
}

#[tokio::test]
async fn row_013_a_refused_key_is_final_and_sent_once() {
    is_final(13).await;
}

#[tokio::test]
async fn row_014_what_the_client_did_wrong_is_final() {
    is_final(14).await;
}

#[tokio::test]
async fn row_015_a_request_timeout_passes() {
    passes(15).await;
}

#[tokio::test]
async fn row_016_a_conflict_passes() {
    passes(16).await;
}

#[tokio::test]
async fn row_017_too_early_passes() {
    passes(17).await;
}

#[tokio::test]
async fn row_024_a_failing_provider_passes() {
    passes(24).await;
}

#[tokio::test]
async fn row_024_a_failing_provider_that_says_when_is_asked_then() {
    let (seen, _) =
        starts_again(PREFILLED[0], Answer::status("503 Busy", "retry-after-ms: 300\r\n", "")).await;
    let waits = super::hints::waits(&seen.states);
    assert!(waits[0].as_millis() >= 300, "{waits:?}");
}

/// A prefill that this answer refuses is followed by an instruction, and the text is whole.
async fn falls_to_the_instruction(route: Route, message: &str) {
    let error = format!(r#"{{"error":{{"type":"invalid_request_error","message":"{message}"}}}}"#);
    let peer = Peer::start([
        Answer::stream(route.half()).reset(),
        Answer::status("400 Bad Request", "", &error),
        Answer::whole(route.answer(REST)),
    ])
    .await;
    // One failure in a row is all that is allowed: the refusal must not be a second one.
    let mut policy = crate::rig::hasty();
    policy.limits.in_a_row = 2;
    let seen = Seen::by(route, builder(route, &peer.url()).policy(policy)).await;
    assert!(seen.end.is_ok(), "{message}: {:?}", seen.end);
    assert_eq!(seen.text, whole_text(), "{message}");
    let asked = peer.asked();
    assert_eq!(asked.len(), 3, "{message}");
    assert_eq!(asked[1].last_message(), ("assistant".to_owned(), BEGUN.to_owned()));
    let (role, instruction) = asked[2].last_message();
    assert_eq!(role, "user");
    assert!(instruction.contains("pier"), "{instruction}");
    assert_eq!(seen.seams[0].rung, Rung::Instruct);
}

#[tokio::test]
async fn row_010_a_refused_prefill_falls_to_the_instruction_and_is_no_failure() {
    for route in PREFILLED {
        for message in [
            "This model does not support assistant message prefill.",
            "prefill is incompatible with thinking",
        ] {
            falls_to_the_instruction(route, message).await;
        }
    }
}

#[tokio::test]
async fn row_011_white_space_at_the_end_of_a_partial_is_not_sent_back() {
    for route in PREFILLED {
        let begun = format!("{BEGUN} \\n ");
        let first = Answer::stream(route.open() + &route.text(&begun)).reset();
        let rest = Answer::whole(route.answer("spoke a word."));
        let peer = Peer::start([first, rest]).await;
        let seen = Seen::by(route, builder(route, &peer.url())).await;
        assert_eq!(seen.text, format!("{BEGUN} \n spoke a word."));
        assert_eq!(peer.asked()[1].last_message().1, BEGUN);
    }
}

#[tokio::test]
async fn row_011_a_prefill_that_is_refused_for_its_end_falls_to_the_instruction() {
    let message = "messages: final assistant content cannot end with trailing whitespace";
    falls_to_the_instruction(PREFILLED[0], message).await;
}

#[tokio::test]
async fn row_012_a_continuation_that_is_too_long_ends_honestly() {
    let error = r#"{"error":{"type":"invalid_request_error","message":"prompt is too long: 200001 tokens > 200000 maximum"}}"#;
    for route in PREFILLED {
        let refusal = Answer::status("400 Bad Request", "", error);
        let peer = Peer::start([Answer::stream(route.half()).reset(), refusal]).await;
        let seen = Seen::by(route, builder(route, &peer.url())).await;
        assert_eq!(seen.error().kind(), ErrorKind::Incomplete);
        assert!(matches!(seen.cause(), Cause::Provider(_)), "{:?}", seen.cause());
        assert!(seen.error().checkpoint().is_some());
        assert_eq!(seen.text, BEGUN);
        assert_eq!(peer.asked().len(), 2);
    }
}

#[tokio::test]
async fn row_025_no_redirect_takes_a_request_or_a_key_to_another_origin() {
    for route in PREFILLED {
        for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
        {
            let other = Peer::start([Answer::whole(route.answer("stolen"))]).await;
            let location = format!("location: {}/v1/messages\r\n", other.url());
            let peer = Peer::start([Answer::status(status, &location, "")]).await;
            let seen = Seen::by(route, builder(route, &peer.url())).await;
            assert_eq!(seen.error().kind(), ErrorKind::Refused, "{status}");
            assert_eq!((peer.asked().len(), other.asked().len()), (1, 0), "{status}");
            assert!(peer.asked()[0].head.contains(KEY), "there was a key to lose");
            assert_eq!(seen.text, "");
        }
    }
}

#[tokio::test]
async fn row_025_a_redirect_of_the_same_request_at_home_is_followed() {
    for route in PREFILLED {
        for status in ["307 Temporary Redirect", "308 Permanent Redirect"] {
            let moved = Answer::status(status, "location: /elsewhere?x=1\r\n", "moved");
            let peer = Peer::start([moved, Answer::whole(route.answer(&whole_text()))]).await;
            let seen = Seen::by(route, builder(route, &peer.url()).policy(strict())).await;
            assert!(seen.end.is_ok(), "{:?}", seen.end);
            assert_eq!(seen.text, whole_text());
            assert!(seen.causes().is_empty(), "it is one attempt: {:?}", seen.causes());
            let asked = peer.asked();
            assert!(asked[1].head.starts_with("POST /elsewhere?x=1 HTTP/1.1"), "{}", asked[1].head);
            assert_eq!(asked[0].body, asked[1].body);
            for header in ["authorization", "x-api-key", "idempotency-key", "content-type"] {
                assert_eq!(asked[0].header(header), asked[1].header(header));
            }
            assert!(asked[1].head.contains(KEY));
        }
    }
}

#[tokio::test]
async fn row_025_a_redirect_that_goes_round_is_left() {
    let round = || Answer::status("307 Round", "location: /v1/messages\r\n", "");
    let peer = Peer::start(std::iter::repeat_with(round).take(50)).await;
    let seen = Seen::by(PREFILLED[0], builder(PREFILLED[0], &peer.url())).await;
    assert_eq!(seen.error().kind(), ErrorKind::Refused);
    assert_eq!(seen.cause().failure().and_then(|failure| failure.status), Some(307));
    assert_eq!(peer.asked().len(), 6, "the request and five redirects");
}

#[tokio::test]
async fn row_025_a_redirect_by_another_method_is_not_followed_at_home_either() {
    let answer = Answer::status("303 See Other", "location: /v1/other\r\n", "");
    let peer = Peer::start([answer]).await;
    let seen = Seen::by(PREFILLED[0], builder(PREFILLED[0], &peer.url())).await;
    assert_eq!(seen.error().kind(), ErrorKind::Refused);
    assert_eq!(peer.asked().len(), 1, "{PROMPT}");
}
