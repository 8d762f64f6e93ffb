//! How a response ends, and what comes after or in place of its end: rows 62 to 68.

use client::{Cause, Events, GoOn, StopReason};

use super::ask::{Seen, builder, heals, reads, reads_by, starts_again};
use super::peer::{Answer, Peer};
use super::wire::{
    BEGUN, CHAT, MESSAGES, PREFILLED, REST, block_delta, block_start, block_stop, chunk,
    message_delta, message_start, message_stop, named, text_delta, whole_text,
};
use crate::rig::Route;

/// An answer with this stop reason, of which the client makes `stop` and asks for nothing more.
async fn ends_by(route: Route, reason: &str, stop: StopReason) {
    let end = if route.profile.wire == MESSAGES.profile.wire {
        block_stop(0) + &message_delta(reason)
    } else {
        chunk("{}", &format!("\"{reason}\""))
    };
    let seen = reads(route, Answer::whole(route.half() + &end + &route.sentinel())).await;
    assert_eq!(seen.summary().stop, Some(stop), "{reason}");
    assert_eq!(seen.text, BEGUN);
}

#[tokio::test]
async fn row_062_a_refusal_is_complete_and_never_continued() {
    ends_by(MESSAGES, "refusal", StopReason::Refusal).await;
    ends_by(CHAT, "content_filter", StopReason::Refusal).await;
}

#[tokio::test]
async fn row_063_the_limit_of_tokens_is_a_complete_end_of_its_own_kind() {
    ends_by(MESSAGES, "max_tokens", StopReason::MaxTokens).await;
    ends_by(CHAT, "length", StopReason::MaxTokens).await;
}

#[tokio::test]
async fn row_063_the_limit_of_tokens_is_gone_on_behind_where_the_caller_wants_it() {
    let go_on = GoOn { after_length: true, ..GoOn::default() };
    let messages = block_stop(0) + &message_delta("max_tokens");
    for (route, length) in [(MESSAGES, messages), (CHAT, chunk("{}", r#""length""#))] {
        let limited = Answer::whole(route.half() + &length + &route.sentinel());
        let peer = Peer::start([limited, Answer::whole(route.rest())]).await;
        let seen = Seen::by(route, builder(route, &peer.url()).go_on(go_on)).await;
        let asked = peer.asked();
        assert_eq!((seen.text.as_str(), asked.len()), (whole_text().as_str(), 2));
        assert_eq!(asked[1].last_message(), ("assistant".to_owned(), BEGUN.to_owned()));
        let summary = seen.summary();
        assert_eq!(summary.stop, Some(StopReason::EndTurn));
        assert_eq!((&*summary.went_on, seen.causes().len()), (&[StopReason::MaxTokens][..], 0));
        assert!(summary.attempts.iter().all(|attempt| attempt.usage.output > 0));
    }
}

#[tokio::test]
async fn row_064_a_paused_turn_is_told_and_not_continued_unasked() {
    ends_by(MESSAGES, "pause_turn", StopReason::PauseTurn).await;
}

#[tokio::test]
async fn row_064_a_paused_turn_is_sent_back_as_it_came_where_the_caller_wants_it() {
    let go_on = GoOn { after_pause: true, ..GoOn::default() };
    let search = r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{}}"#;
    let asks = r#"{"type":"input_json_delta","partial_json":"{\"q\":\"sea\"}"}"#;
    let found = r#"{"type":"web_search_tool_result","tool_use_id":"s","content":[]}"#;
    let end = message_delta("pause_turn") + &message_stop();
    let calls = block_start(1, search) + &block_delta(1, asks) + &block_stop(1);
    let paused = MESSAGES.half() + &block_stop(0) + &calls + &end;
    let text = block_start(1, r#"{"type":"text","text":""}"#) + &text_delta(1, REST);
    let result = message_start("msg_2") + &block_start(0, found) + &block_stop(0);
    let rest = result + &text + &block_stop(1) + &message_delta("end_turn") + &message_stop();
    let peer = Peer::start([Answer::whole(paused), Answer::whole(rest)]).await;
    let builder = builder(MESSAGES, &peer.url()).go_on(go_on).events(Events::All);
    let seen = Seen::by(MESSAGES, builder).await;
    let (text, summary, asked) = (&seen.text, seen.summary(), peer.asked());
    assert_eq!((text, asked.len(), summary.stop), (&whole_text(), 2, Some(StopReason::EndTurn)));
    assert_eq!((&*summary.went_on, summary.seams.len()), (&[StopReason::PauseTurn][..], 0));
    let content = format!(
        r#"{{"role":"assistant","content":[{{"type":"text","text":"{BEGUN}"}},{}]}}"#,
        search.replace("{}", r#"{"q":"sea"}"#)
    );
    assert!(String::from_utf8_lossy(&asked[1].body).contains(&content));
    let told: String = seen.frames.iter().map(|f| String::from_utf8_lossy(&f.data)).collect();
    let opened = told.matches(r#""type":"content_block_start","index":"#);
    assert_eq!((opened.count(), told.matches("message_start").count()), (4, 1));
    assert!(told.contains(r#""index":2,"content_block":{"type":"web_search_tool_result""#));
}

#[tokio::test]
async fn row_065_a_second_response_before_content_is_a_new_start() {
    let other = message_start("msg_2") + &block_start(0, r#"{"type":"text","text":""}"#);
    let (seen, _) = starts_again(MESSAGES, Answer::whole(message_start("msg_1") + &other)).await;
    assert_eq!(seen.causes(), [&Cause::Restarted]);
}

#[tokio::test]
async fn row_065_a_second_response_after_content_is_a_break() {
    let second = message_start("msg_2")
        + &block_start(0, r#"{"type":"text","text":""}"#)
        + &text_delta(0, "Another sea altogether");
    let (seen, _) = heals(MESSAGES, Answer::whole(MESSAGES.half() + &second)).await;
    assert_eq!(seen.causes(), [&Cause::Restarted]);

    // On the chat wire another id with another role says it.
    let chat = CHAT.half() + &CHAT.text("");
    let second = CHAT.half().replace("\"c1\"", "\"c2\"");
    let (seen, _) = heals(CHAT, Answer::whole(chat + &second)).await;
    assert_eq!(seen.causes(), [&Cause::Restarted]);
}

#[tokio::test]
async fn row_066_text_in_a_block_that_was_not_opened_is_not_lost() {
    let skipped = message_start("msg_1")
        + &block_start(3, r#"{"type":"text","text":""}"#)
        + &text_delta(3, BEGUN)
        + &block_stop(3);
    let unopened = message_start("msg_1") + &text_delta(0, BEGUN) + &block_stop(0);
    let closed = MESSAGES.open() + &block_stop(0) + &text_delta(0, BEGUN);
    let only_a_stop = MESSAGES.half() + &block_stop(0) + &block_stop(7);
    for begun in [skipped, unopened, closed, only_a_stop] {
        let body = begun.clone() + &message_delta("end_turn") + &message_stop();
        let seen = reads(MESSAGES, Answer::whole(body)).await;
        assert_eq!((seen.text.as_str(), seen.odd()), (BEGUN, vec![("misplaced", 1)]), "{begun}");
    }
}

#[tokio::test]
async fn row_067_a_second_terminal_event_changes_nothing() {
    for route in PREFILLED {
        let end = route.stop() + &route.sentinel();
        let answer = Answer::whole(route.open() + &route.text(&whole_text()) + &end + &end);
        let seen = reads_by(route, answer, |builder| builder.events(Events::All)).await;
        assert_eq!(seen.text, whole_text());
        assert_eq!(seen.summary().stop, Some(StopReason::EndTurn));
        let sentinel = route.sentinel();
        let last = sentinel.split_once("data: ").expect("it has data").1.trim_end();
        let ends = seen.frames.iter().filter(|frame| frame.data == last);
        assert_eq!(ends.count(), 1, "one end is told");
    }
}

#[tokio::test]
async fn row_068_what_follows_the_end_is_not_heard() {
    let error = r#"{"type":"error","error":{"type":"api_error","message":"late"}}"#;
    for route in PREFILLED {
        for late in [route.text(REST), named("error", error)] {
            let between = route.half() + &route.stop() + &named("error", error) + &route.sentinel();
            let after = route.half() + &route.stop() + &route.sentinel() + &late;
            for body in [after, between] {
                // The server never closes: what ends the stream is its last event.
                let peer = Peer::start([Answer::stream(body).hold()]).await;
                let seen = Seen::by(route, builder(route, &peer.url())).await;
                assert!(seen.end.is_ok(), "{:?}", seen.end);
                assert_eq!((seen.text.as_str(), peer.asked().len()), (BEGUN, 1));
            }
        }
    }
}
