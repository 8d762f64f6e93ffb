//! A stream that breaks, stalls or ends too soon: rows 30 to 41, 53, 60 and 61.

use std::time::Duration;

use client::{Break, Cause, ErrorKind, Nanos, Pace, Timeouts, Wire};
use mock_provider::Config;

use super::ask::{PATIENT, PROMPT, Seen, builder, heals, heals_by, reads, reads_by, starts_again};
use super::peer::{Answer, Peer};
use super::wire::{
    BEGUN, CHAT, MESSAGES, PREFILLED, REST, block_delta, block_start, block_stop, message_delta,
    message_start, message_stop, named, text_delta, whole_text,
};
use crate::rig::{ROUTES, Told, in_order};

const SPAN: Nanos = Nanos::from_millis(700);

/// One fault of the provider, then health: whole text from two requests on every route.
async fn is_healed(fault: &str, cause: impl Fn(&Cause) -> bool) {
    for route in ROUTES {
        let faults = in_order(fault);
        let mock = route.mock(Config { faults, tokens: 60, ..Config::default() }).await;
        let told = Told::of(&route.client(&mock), route.request(PROMPT)).await;
        assert_eq!(told.text, mock.text_for(PROMPT), "{fault} {}: {:?}", route.model, told.end);
        let attempts = told.end.expect("it is whole").attempts;
        assert_eq!(attempts.len(), 2, "{fault}");
        assert_eq!(mock.ledger().requests.len(), 2, "{fault}");
        let first = attempts[0].cause.as_ref().expect("the first one failed");
        assert!(cause(first), "{fault}: {first:?}");
    }
}

#[tokio::test]
async fn row_030_a_stall_inside_the_text_is_given_up_after_its_time() {
    for route in ROUTES {
        let faults = in_order("stall@25");
        let mock = route.mock(Config { faults, tokens: 60, ..Config::default() }).await;
        let builder = route.builder(&mock).timeouts(Timeouts { bytes: SPAN, ..PATIENT });
        let client = builder.build().expect("a valid client");
        let told = Told::of(&client, route.request(PROMPT)).await;
        assert_eq!(told.text, mock.text_for(PROMPT), "{:?}", told.end);
        // The mock holds a stall for minutes, so it settles because the client left.
        mock.settled().await;
        let first = &told.end.expect("it is whole").attempts[0];
        assert_eq!(first.cause, Some(Cause::ByteTimeout));
    }
}

#[tokio::test]
async fn row_031_a_pause_inside_a_tool_call_may_last_twice_as_long() {
    let begun = message_start("msg_1")
        + &block_start(0, r#"{"type":"tool_use","id":"t1","name":"f","input":{}}"#)
        + &block_delta(0, r#"{"type":"input_json_delta","partial_json":"{\"a\":"}"#);
    let rest = block_delta(0, r#"{"type":"input_json_delta","partial_json":"1}"}"#)
        + &block_stop(0)
        + &message_delta("tool_use")
        + &message_stop();
    let pause = SPAN.as_duration() * 3 / 2;
    let answer = Answer::stream(&begun).pause(pause).then(&rest).close();
    let timeouts = Timeouts { idle: SPAN, ..PATIENT };
    reads_by(MESSAGES, answer, |builder| builder.timeouts(timeouts)).await.summary();

    // The same pause inside text is too long.
    let text = Answer::stream(MESSAGES.half()).pause(pause).then(MESSAGES.text(REST)).hold();
    let (seen, _) = heals_by(MESSAGES, text, |builder| builder.timeouts(timeouts)).await;
    assert_eq!(seen.causes(), [&Cause::IdleTimeout]);
}

#[tokio::test]
async fn row_032_bytes_that_never_make_an_event_are_no_content() {
    let timeouts = Timeouts { idle: SPAN, bytes: SPAN, ..PATIENT };
    for route in PREFILLED {
        let begun = Answer::stream(route.half() + "data: ");
        // A byte at a time, each long before the clock of bytes runs out.
        let drop = |answer: Answer, _| answer.pause(Duration::from_millis(50)).then("x");
        let slow = (0..60).fold(begun, drop).hold();
        let (seen, _) = heals_by(route, slow, |builder| builder.timeouts(timeouts)).await;
        assert_eq!(seen.causes(), [&Cause::IdleTimeout]);
    }
}

#[tokio::test]
async fn row_032_content_that_drips_is_too_slow() {
    let pace = Pace { bytes_per_second: 400, window: SPAN, ..Pace::default() };
    for route in PREFILLED {
        // One byte of content every 50 ms: a twentieth of what is asked, and no silence.
        let step = Duration::from_millis(50);
        let drop = |answer: Answer, _| answer.pause(step).then(route.text(" "));
        let slow = (0..600).fold(Answer::stream(route.half()), drop).hold();
        let peer = Peer::start([slow, Answer::whole(route.rest())]).await;
        let seen = Seen::by(route, builder(route, &peer.url()).pace(pace)).await;
        assert!(seen.end.is_ok(), "{:?}", seen.end);
        assert_eq!(seen.causes(), [&Cause::PaceTimeout]);
        assert_eq!(packed(&seen.text), packed(&whole_text()));
        let attempt = &seen.summary().attempts[0];
        assert!(attempt.ended.saturating_sub(attempt.began) >= SPAN, "{attempt:?}");
    }
}

fn packed(text: &str) -> String {
    text.split_whitespace().collect()
}

#[tokio::test]
async fn row_032_an_event_that_never_ends_is_given_up() {
    let pace = Pace { event: SPAN, ..Pace::default() };
    for route in PREFILLED {
        let begun = Answer::stream(route.half() + "data: ");
        let drop = |answer: Answer, _| answer.pause(Duration::from_millis(50)).then("x");
        let slow = (0..600).fold(begun, drop).hold();
        let (seen, _) = heals_by(route, slow, |builder| builder.pace(pace)).await;
        assert_eq!(seen.causes(), [&Cause::EventTimeout]);
    }
}

#[tokio::test]
async fn row_032_comments_between_events_are_no_event_that_takes_long() {
    let pace = Pace { event: SPAN, ..Pace::default() };
    for route in PREFILLED {
        let alive = |answer: Answer, _| answer.pause(SPAN.as_duration() / 4).then(": alive\n\n");
        let answer = (0..6).fold(Answer::stream(route.half()), alive);
        let rest = route.text(REST) + &route.stop() + &route.sentinel();
        let seen = reads_by(route, answer.then(rest).close(), |builder| builder.pace(pace)).await;
        assert_eq!(seen.text, whole_text());
    }
}

#[tokio::test]
async fn row_034_a_reset_inside_an_event_is_healed() {
    is_healed("rst@25", |cause| matches!(cause, Cause::Broke(_))).await;
}

#[tokio::test]
async fn row_034_a_part_of_an_event_before_a_reset_is_dropped() {
    for route in PREFILLED {
        let next = route.text(REST);
        // An RST may overtake bytes that were sent; what came in one piece with a text that was
        // shown has been read.
        let begun = route.half() + &next[..next.len() - 2];
        let answer = Answer::stream(begun).until(BEGUN.len()).reset();
        let (seen, _) = heals(route, answer).await;
        assert_eq!(seen.causes(), [&Cause::Broke(Break::Reset)]);
    }
}

#[tokio::test]
async fn row_035_a_close_inside_a_chunk_is_healed() {
    is_healed("fin@25", |cause| matches!(cause, Cause::Broke(_))).await;
}

#[tokio::test]
async fn row_036_a_body_shorter_than_its_length_is_healed() {
    for route in PREFILLED {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
        let answer = Answer::raw(format!("{head}content-length: 99999\r\n\r\n{}", route.half()));
        let (seen, _) = heals(route, answer.close()).await;
        assert_eq!(seen.causes(), [&Cause::Broke(Break::Reset)]);
    }
}

#[tokio::test]
async fn row_036_a_body_longer_than_its_length_is_cut_there_and_healed() {
    for route in PREFILLED {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
        let half = route.half();
        let more = route.text(REST) + &route.stop() + &route.sentinel();
        let answer = format!("{head}content-length: {}\r\n\r\n{half}{more}", half.len());
        let (seen, asked) = heals(route, Answer::raw(answer).close()).await;
        assert_eq!(seen.causes(), [&Cause::Truncated]);
        assert_eq!(asked[1].connection, 2, "what follows is no answer to the next request");
    }
}

#[tokio::test]
async fn row_037_a_clean_end_without_a_terminal_event_is_a_cut() {
    is_healed("end@25", |cause| *cause == Cause::Truncated).await;
    // All of the text and no stop reason.
    is_healed("end@999", |cause| *cause == Cause::Truncated).await;
}

#[tokio::test]
async fn row_038_an_end_after_the_stop_reason_is_complete_and_flagged() {
    for route in PREFILLED {
        let body = route.open() + &route.text(&whole_text()) + &route.stop();
        for answer in [
            Answer::whole(&body),
            Answer::stream(&body).until(whole_text().len()).reset(),
            Answer::stream(&body).hold(),
        ] {
            let timeouts = Timeouts { sentinel: SPAN, ..PATIENT };
            let seen = reads_by(route, answer, |builder| builder.timeouts(timeouts)).await;
            assert!(seen.summary().sentinel_missing);
            assert_eq!(seen.text, whole_text());
        }
        let healthy = reads(route, Answer::whole(route.answer(&whole_text()))).await;
        assert!(!healthy.summary().sentinel_missing);
    }
}

#[tokio::test]
async fn row_039_a_sentinel_without_a_stop_reason_is_a_cut() {
    for route in PREFILLED {
        let (seen, _) = heals(route, Answer::whole(route.half() + &route.sentinel())).await;
        assert_eq!(seen.causes(), [&Cause::Truncated]);
    }
}

#[tokio::test]
async fn row_040_a_part_of_the_last_event_counts_as_none() {
    for route in PREFILLED {
        let sentinel = route.sentinel();
        let body = route.open() + &route.text(&whole_text()) + &route.stop();
        for cut in [1, sentinel.len() / 2, sentinel.len() - 1] {
            let seen = reads(route, Answer::whole([&body, &sentinel[..cut]].concat())).await;
            assert!(seen.summary().sentinel_missing, "{cut}");
            assert_eq!(seen.text, whole_text());
        }
    }
}

#[tokio::test]
async fn row_040_a_part_of_the_stop_reason_is_none() {
    let delta = message_delta("end_turn");
    let (seen, _) = heals(
        MESSAGES,
        Answer::whole(MESSAGES.half() + &block_stop(0) + &delta[..delta.len() - 1]),
    )
    .await;
    assert_eq!(seen.causes(), [&Cause::Truncated]);
    let stop = CHAT.stop();
    heals(CHAT, Answer::whole(CHAT.half() + &stop[..stop.len() - 1])).await;
}

#[tokio::test]
async fn row_041_a_bad_chunk_size_is_healed() {
    is_healed("chunk@25", |cause| *cause == Cause::Broke(Break::Framing)).await;
}

#[tokio::test]
async fn row_053_an_event_that_is_not_json_ends_the_trust_in_its_stream() {
    is_healed("json@25", |cause| *cause == Cause::Malformed).await;
    for route in PREFILLED {
        let after = route.text("what follows is not believed");
        let bad = match route.profile.wire {
            Wire::AnthropicMessages => {
                named("content_block_delta", r#"{"type":"content_block_delta","index":0,"#)
            }
            _ => "data: {\"id\":\"c1\",\"choices\":[{\n\n".to_owned(),
        };
        let (seen, _) = heals(route, Answer::whole(route.half() + &bad + &after)).await;
        assert_eq!(seen.causes(), [&Cause::Malformed]);
    }
}

#[tokio::test]
async fn row_060_an_error_of_the_provider_inside_the_stream_passes() {
    for kind in ["overloaded", "api", "timeout", "rate-limit", "openrouter"] {
        for at in ["0", "25"] {
            let fault = format!("error@{at}:{kind}");
            is_healed(&fault, |cause| matches!(cause, Cause::Provider(_))).await;
        }
    }
}

#[tokio::test]
async fn row_060_before_content_the_same_request_is_sent_again() {
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#;
    starts_again(MESSAGES, Answer::whole(MESSAGES.open() + &named("error", error))).await;
    let error = r#"{"error":{"message":"oops","type":"server_error","code":null}}"#;
    let (seen, _) =
        starts_again(CHAT, Answer::whole(CHAT.open() + &format!("data: {error}\n\n"))).await;
    assert!(matches!(seen.causes()[0], Cause::Provider(_)));
}

#[tokio::test]
async fn row_061_an_error_of_the_request_inside_the_stream_ends_it_and_keeps_the_text() {
    for (route, error) in [
        (MESSAGES, r#"{"type":"error","error":{"type":"invalid_request_error","message":"no"}}"#),
        (MESSAGES, r#"{"type":"error","error":{"type":"authentication_error","message":"no"}}"#),
        (MESSAGES, r#"{"type":"error","error":{"type":"billing_error","message":"no"}}"#),
        (MESSAGES, r#"{"type":"error","error":{"type":"permission_error","message":"no"}}"#),
        (CHAT, r#"{"error":{"message":"no","type":"invalid_request_error","code":null}}"#),
        (CHAT, r#"{"error":{"message":"no","code":"insufficient_quota"}}"#),
        (CHAT, r#"{"error":{"message":"no","code":"content_policy_violation"}}"#),
    ] {
        let peer = Peer::start([Answer::whole(route.half() + &named("error", error))]).await;
        let seen = Seen::by(route, builder(route, &peer.url())).await;
        assert_eq!(seen.error().kind(), ErrorKind::Incomplete, "{error}");
        assert!(matches!(seen.cause(), Cause::Provider(_)), "{error}: {:?}", seen.cause());
        assert!(!seen.error().is_retryable(), "{error}");
        assert_eq!((seen.text.as_str(), peer.asked().len()), (BEGUN, 1), "{error}");
    }
}

#[tokio::test]
async fn row_034_text_that_was_shown_is_not_shown_again() {
    for route in PREFILLED {
        let answer = Answer::stream(route.open() + &text_pieces(route, BEGUN)).close();
        let (seen, _) = heals(route, answer).await;
        assert_eq!(seen.text.matches("pier").count(), 1);
    }
}

fn text_pieces(route: crate::rig::Route, text: &str) -> String {
    text.split_inclusive(' ').map(|piece| route.text(piece)).collect()
}

#[tokio::test]
async fn row_053_an_event_of_no_content_that_is_not_json_is_let_through() {
    let odd = named("x_gateway_note", "not json at all");
    let body = MESSAGES.half() + &odd + &text_delta(0, REST) + &MESSAGES.stop() + &message_stop();
    assert_eq!(reads(MESSAGES, Answer::whole(body)).await.text, whole_text());
}
