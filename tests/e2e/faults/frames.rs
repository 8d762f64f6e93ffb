//! Answers that are not framed as server-sent events: rows 98 and 99.

#[path = "../../../crates/protocol/tests/framing/message.rs"]
mod message;

use client::{Cause, ErrorKind, FrameError, Framing, Profile};
use protocol::FailureKind;

use self::message::{chunk, exception};
use super::ask::{PROMPT, Seen, builder, check_healed};
use super::peer::{Answer, Asked, Peer};
use super::wire::{BEGUN, PREFILLED, REST, whole_text};
use crate::rig::{KEY, Route};

/// A model at Bedrock that goes on after a prefill.
const BEDROCK: Route =
    Route { profile: Profile::BEDROCK, model: "us.anthropic.claude-haiku-4-5-20251001-v1:0" };

/// Both wires that take a prefill, with one document on each line.
fn on_lines() -> [Route; 2] {
    PREFILLED.map(|route| {
        let profile = Profile { framing: Framing::NdJson, ..route.profile };
        Route { profile, ..route }
    })
}

/// The data of server-sent events.
fn data(events: &str) -> impl Iterator<Item = &str> {
    events.lines().filter_map(|line| line.strip_prefix("data: "))
}

/// The same events, each on its line.
fn lines(events: &str) -> String {
    data(events).map(|data| format!("{data}\n")).collect()
}

/// The same events, each in its message.
fn messages(events: &str) -> Vec<u8> {
    data(events).flat_map(chunk).collect()
}

fn framed(route: Route, events: &str) -> Vec<u8> {
    match route.profile.framing {
        Framing::Sse => events.into(),
        Framing::NdJson => lines(events).into(),
        Framing::AwsEventStream => messages(events),
    }
}

/// A body of the route's framing in these writes, and a clean end.
fn answer<B: AsRef<[u8]>>(route: Route, writes: impl IntoIterator<Item = B>) -> Answer {
    let media = route.profile.framing.media_type();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {media}\r\nconnection: close\r\n\r\n");
    let answer = Answer::raw(head);
    writes.into_iter().fold(answer, Answer::then).close()
}

/// Half an answer and then these bytes; the rest comes from a second attempt, which has what was shown.
async fn heals(route: Route, after_half: &[u8]) -> (Seen, Vec<Asked>) {
    let first = answer(route, [&framed(route, &route.half())[..], after_half]);
    let rest = answer(route, [framed(route, &route.rest())]);
    let peer = Peer::start([first, rest]).await;
    let seen = Seen::by(route, builder(route, &peer.url())).await;
    check_healed(&seen);
    let asked = peer.asked();
    assert_eq!(asked.len(), 2, "{:?}", seen.states);
    assert_eq!(asked[1].last_message(), ("assistant".to_owned(), BEGUN.to_owned()));
    (seen, asked)
}

/// A whole answer that comes in these writes.
async fn reads(route: Route, writes: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Seen {
    let peer = Peer::start([answer(route, writes)]).await;
    let seen = Seen::by(route, builder(route, &peer.url())).await;
    assert_eq!((seen.text.as_str(), peer.asked().len()), (&*whole_text(), 1), "{:?}", seen.states);
    assert!(!seen.summary().sentinel_missing && seen.seams.is_empty());
    seen
}

/// A message with one bit of this byte wrong.
fn damaged(mut message: Vec<u8>, at: usize) -> Vec<u8> {
    message[at] ^= 1;
    message
}

#[tokio::test]
async fn row_098_a_message_whose_checksum_is_wrong_is_not_shown_and_the_stream_is_healed() {
    let never = messages(&BEDROCK.text(" never shown"));
    let last = never.len() - 1;
    for (at, error) in [
        (3, FrameError::LengthsChecksum),
        (11, FrameError::LengthsChecksum),
        (20, FrameError::Checksum),
        (last / 2, FrameError::Checksum),
        (last, FrameError::Checksum),
    ] {
        let behind = [damaged(never.clone(), at), messages(&BEDROCK.stop())].concat();
        let (seen, _) = heals(BEDROCK, &behind).await;
        assert_eq!(seen.causes(), [&Cause::BadFrame(error)], "{at}");
    }
}

#[tokio::test]
async fn row_098_a_message_that_is_torn_at_the_end_of_the_body_is_not_shown() {
    let never = messages(&BEDROCK.text(" never shown"));
    for cut in [1, 11, 12, 40, never.len() - 1] {
        let (seen, _) = heals(BEDROCK, &never[..cut]).await;
        assert_eq!(seen.causes(), [&Cause::Truncated], "{cut}");
    }
}

#[tokio::test]
async fn row_098_an_exception_is_met_as_its_name_says_and_an_unknown_one_is_tried_again() {
    for (name, kind) in [
        ("throttlingException", FailureKind::RateLimited),
        ("modelStreamErrorException", FailureKind::Server),
        ("internalServerException", FailureKind::Server),
        ("modelTimeoutException", FailureKind::Timeout),
        ("serviceUnavailableException", FailureKind::Server),
        ("exceptionOfTomorrow", FailureKind::Other),
    ] {
        let (seen, _) = heals(BEDROCK, &exception(name, r#"{"message":"so it is"}"#)).await;
        let [Cause::Provider(failure)] = seen.causes()[..] else { panic!("{:?}", seen.states) };
        assert_eq!((failure.kind, failure.message.as_str()), (kind, "so it is"), "{name}");
    }
}

#[tokio::test]
async fn row_098_an_exception_that_says_the_request_is_wrong_ends_the_stream_and_keeps_the_text() {
    let body = [messages(&BEDROCK.half()), exception("validationException", r#"{"message":"no"}"#)];
    let peer = Peer::start([answer(BEDROCK, body)]).await;
    let seen = Seen::by(BEDROCK, builder(BEDROCK, &peer.url())).await;
    assert_eq!(seen.error().kind(), ErrorKind::Incomplete);
    assert!(!seen.error().is_retryable());
    assert_eq!((seen.text.as_str(), peer.asked().len()), (BEGUN, 1));
}

#[tokio::test]
async fn row_098_bedrock_is_asked_in_its_own_form() {
    let (_, asked) = heals(BEDROCK, &exception("throttlingException", "{}")).await;
    for asked in asked {
        let model = BEDROCK.model.replace(':', "%3A");
        let path = format!("/model/{model}/invoke-with-response-stream");
        assert!(asked.head.starts_with(&format!("POST {path} HTTP/1.1")), "{}", asked.head);
        assert_eq!(asked.header("authorization"), Some(&*format!("Bearer {KEY}")));
        assert_eq!(asked.header("accept"), Some("application/vnd.amazon.eventstream"));
        let body = asked.json();
        assert_eq!(body["anthropic_version"], "bedrock-2023-05-31");
        assert!(body.get("model").is_none() && body.get("stream").is_none(), "{body}");
        assert_eq!(body["messages"][0]["content"], PROMPT);
    }
}

#[tokio::test]
async fn row_098_messages_are_read_wherever_they_are_cut() {
    let body = messages(&BEDROCK.answer(&whole_text()));
    reads(BEDROCK, [&body]).await;
    reads(BEDROCK, body.chunks(1)).await;
}

#[tokio::test]
async fn row_098_a_refusal_is_known_by_the_name_in_its_header() {
    let refusal = "x-amzn-errortype: ModelNotReadyException:http://internal.example/\r\n";
    let busy = Answer::status("429 Slow", refusal, r#"{"message":"not yet"}"#);
    let whole = answer(BEDROCK, [messages(&BEDROCK.answer(&whole_text()))]);
    let peer = Peer::start([busy, whole]).await;
    let seen = Seen::by(BEDROCK, builder(BEDROCK, &peer.url())).await;
    let [Cause::Provider(failure)] = seen.causes()[..] else { panic!("{:?}", seen.states) };
    assert_eq!(failure.kind, FailureKind::Overloaded);
    assert_eq!((seen.text.as_str(), seen.end.is_ok()), (&*whole_text(), true));
}

#[tokio::test]
async fn row_099_a_partial_last_line_is_dropped_and_the_stream_is_healed() {
    for route in on_lines() {
        let never = lines(&route.text(" never shown"));
        // All but the line end, and its last bracket.
        for cut in [1, never.len() / 2, never.len() - 2] {
            let (seen, _) = heals(route, &never.as_bytes()[..cut]).await;
            assert_eq!(seen.causes(), [&Cause::Truncated], "{cut}");
        }
    }
}

#[tokio::test]
async fn row_099_a_whole_last_line_without_its_line_end_is_the_last_event() {
    for route in on_lines() {
        // The last event of the chat wire is no JSON, and no line of NDJSON.
        let sentinel = if route.profile.wire == PREFILLED[0].profile.wire {
            route.sentinel()
        } else {
            String::new()
        };
        let body =
            lines(&[route.open(), route.text(&whole_text()), route.stop(), sentinel].concat());
        let peer = Peer::start([answer(route, [body.trim_end()])]).await;
        let seen = Seen::by(route, builder(route, &peer.url())).await;
        assert_eq!((seen.text.as_str(), peer.asked().len()), (&*whole_text(), 1));
        assert!(seen.end.is_ok() && seen.causes().is_empty(), "{:?}", seen.states);
    }
}

#[tokio::test]
async fn row_099_lines_are_read_wherever_they_are_cut_and_empty_ones_mean_nothing() {
    for route in on_lines() {
        let body = lines(
            &[&route.half(), &route.text(REST), &route.stop(), &route.sentinel()]
                .map(String::as_str)
                .concat(),
        );
        let spaced = body.replace('\n', "\r\n\n \n");
        for body in [body, spaced] {
            reads(route, [&body]).await;
            reads(route, body.as_bytes().chunks(1)).await;
        }
    }
}

#[tokio::test]
async fn row_099_an_error_on_a_line_is_the_providers() {
    for route in on_lines() {
        let error = b"{\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}\n";
        let (seen, _) = heals(route, error).await;
        let [Cause::Provider(failure)] = seen.causes()[..] else { panic!("{:?}", seen.states) };
        assert_eq!(failure.kind, FailureKind::Overloaded);
    }
}
