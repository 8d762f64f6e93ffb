//! A success that shows nothing: rows 26 to 29, and 47 and 48, which are about the head of one.

use std::time::Duration;

use client::{Break, Cause, ErrorKind, Nanos, Timeouts};
use mock_provider::{Config, Pace};

use super::ask::{PATIENT, PROMPT, Seen, builder, heals_by, reads, starts_again};
use super::peer::{Answer, Peer};
use super::wire::{PREFILLED, whole_text};
use crate::rig::{ROUTES, Route, Told, in_order};

const PAGE: &str = "<!doctype html><title>502</title>\n\ndata: {}\n\n";

#[tokio::test]
async fn row_026_a_page_instead_of_a_stream_is_tried_again() {
    for route in PREFILLED {
        for headers in ["content-type: text/html\r\n", "content-type: text/plain\r\n", ""] {
            let (seen, _) = starts_again(route, Answer::status("200 OK", headers, PAGE)).await;
            assert!(matches!(seen.causes()[0], Cause::Provider(_)), "{:?}", seen.causes());
        }
    }
}

#[tokio::test]
async fn row_026_an_error_in_a_document_is_read() {
    let json = "content-type: application/json\r\n";
    let overloaded = r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#;
    let invalid = r#"{"type":"error","error":{"type":"invalid_request_error","message":"no"}}"#;
    for route in PREFILLED {
        for headers in [json, ""] {
            let (seen, _) =
                starts_again(route, Answer::status("200 OK", headers, overloaded)).await;
            let failure = seen.causes()[0].failure().expect("the provider's own word");
            assert_eq!(failure.code.as_deref(), Some("overloaded_error"));

            let peer = Peer::start([Answer::status("200 OK", headers, invalid)]).await;
            let seen = Seen::by(route, builder(route, &peer.url())).await;
            assert_eq!(seen.error().kind(), ErrorKind::Refused, "{:?}", seen.end);
            assert_eq!(peer.asked().len(), 1);
        }
    }
}

#[tokio::test]
async fn row_026_an_event_stream_without_a_content_type_is_read() {
    for route in PREFILLED {
        let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
        let answer = Answer::raw(head).then(route.answer(&whole_text())).close();
        assert_eq!(reads(route, answer).await.text, whole_text());
    }
}

#[tokio::test]
async fn row_027_a_success_without_content_is_tried_again() {
    for route in PREFILLED {
        let stream = "content-type: text/event-stream\r\n";
        for (status, headers) in [("200 OK", stream), ("200 OK", ""), ("205 Reset Content", "")] {
            starts_again(route, Answer::status(status, headers, "")).await;
        }
        let no_content = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
        starts_again(route, Answer::raw(no_content).close()).await;
    }
}

/// A fault that only a clock can find, on all routes; the mock's whole text must come out.
async fn is_timed_out(route: Route, fault: &str, timeouts: Timeouts, cause: Cause) {
    let pace = Pace { heartbeat_every: Duration::from_millis(20), ..Pace::default() };
    let faults = in_order(fault);
    let mock = route.mock(Config { faults, pace, tokens: 60, ..Config::default() }).await;
    let client = route.builder(&mock).timeouts(timeouts).build().expect("a valid client");
    let told = Told::of(&client, route.request(PROMPT)).await;
    assert_eq!(told.text, mock.text_for(PROMPT), "{fault}: {:?}", told.end);
    // The mock holds a silence for minutes, so it settles because the client left.
    mock.settled().await;
    let summary = told.end.expect("it is whole");
    assert_eq!(summary.attempts[0].cause, Some(cause), "{fault}");
    for pair in summary.attempts.windows(2) {
        assert!(pair[0].ended <= pair[1].began, "{fault}: one is in flight at a time");
    }
}

/// So long that a busy machine still answers in time.
const SPAN: Nanos = Nanos::from_millis(700);

#[tokio::test]
async fn row_028_a_head_and_then_nothing_is_left_and_asked_again() {
    for route in PREFILLED {
        let first = Timeouts { first_token: SPAN, ..PATIENT };
        is_timed_out(route, "silent", first, Cause::FirstTokenTimeout).await;
        let bytes = Timeouts { bytes: SPAN, ..PATIENT };
        is_timed_out(route, "silent", bytes, Cause::ByteTimeout).await;
    }
}

#[tokio::test]
async fn row_029_heartbeats_are_no_content() {
    let timeouts = Timeouts { first_token: SPAN, idle: SPAN, ..PATIENT };
    for route in ROUTES {
        is_timed_out(route, "pings@0", timeouts, Cause::FirstTokenTimeout).await;
        is_timed_out(route, "pings@25", timeouts, Cause::IdleTimeout).await;
    }
}

#[tokio::test]
async fn row_047_compression_is_not_asked_for_and_what_is_compressed_is_not_read() {
    for route in PREFILLED {
        for coding in ["gzip", "br", "zstd", "deflate"] {
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                 content-encoding: {coding}\r\nconnection: close\r\n\r\n"
            );
            let answer = Answer::raw(head).then(route.answer("never to be seen")).close();
            let (seen, asked) = starts_again(route, answer).await;
            assert_eq!(seen.causes(), [&Cause::Broke(Break::Framing)], "{coding}");
            for one in &asked {
                assert_eq!(one.header("accept-encoding"), Some("identity"));
            }
        }
    }
}

#[tokio::test]
async fn row_048_a_stream_that_a_proxy_kept_to_its_end_is_whole() {
    // Longer than any clock but that to the first token.
    let timeouts = Timeouts { idle: SPAN, bytes: SPAN, ..PATIENT };
    // As many events as it takes, in few enough bytes for one read.
    let words: String = (0..40).map(|word| format!("{word} ")).collect();
    for route in PREFILLED {
        let late = Answer::none().pause(SPAN.as_duration() * 5 / 2);
        let events: String = words.split_inclusive(' ').map(|word| route.text(word)).collect();
        let body = route.open() + &events + &route.stop() + &route.sentinel();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
        let answer =
            late.then(format!("{head}content-length: {}\r\n\r\n{body}", body.len())).close();
        let peer = Peer::start([answer]).await;
        let seen = Seen::by(route, builder(route, &peer.url()).timeouts(timeouts)).await;
        assert!(seen.end.is_ok(), "{:?}", seen.end);
        assert_eq!((seen.text.as_str(), peer.asked().len()), (words.as_str(), 1));
        assert_eq!(seen.odd(), [("buffered", 1)]);

        // Nobody kept back what is there at once.
        assert_eq!(reads(route, Answer::whole(body)).await.odd(), []);
    }
}

#[tokio::test]
async fn row_028_a_stream_that_says_nothing_more_is_not_left_before_its_time() {
    let timeouts = Timeouts { bytes: SPAN, idle: SPAN, ..PATIENT };
    for route in PREFILLED {
        let (seen, _) = heals_by(route, Answer::stream(route.half()).hold(), |builder| {
            builder.timeouts(timeouts)
        })
        .await;
        let attempt = &seen.summary().attempts[0];
        assert!(attempt.ended.saturating_sub(attempt.began) >= SPAN, "{attempt:?}");
    }
}
