//! What may stand in the way of going on, and what a continuation does: rows 74 to 84 and 94.

use checkpoint_store::Store;
use client::{Cause, ErrorKind, Events, Profile, Rung, SeamLabel, Secret, StreamId};
use client::{Client, Endpoint};
use mock_provider::{Config, PrefillSeam, Seam};

use super::ask::{PROMPT, Seen, builder, heals_by, reads};
use super::peer::{Answer, Peer};
use super::wire::{
    BEGUN, CHAT, MESSAGES, PREFILLED, REST, block_delta, block_start, block_stop, chunk,
    message_delta, message_start, message_stop, text_delta, whole_text,
};
use crate::rig::{INSTRUCTED, ROUTES, Route, Told, check_requests, hasty, hasty_pool, in_order};

const TOOL: &str = r#"{"type":"tool_use","id":"t1","name":"f","input":{}}"#;

fn tool_json(index: usize, json: &str) -> String {
    let json = json.replace('"', "\\\"");
    block_delta(index, &format!(r#"{{"type":"input_json_delta","partial_json":"{json}"}}"#))
}

#[tokio::test]
async fn row_074_a_prefill_that_is_echoed_is_not_shown_twice() {
    let route =
        Route { profile: Profile { echoes_prefill: true, ..ROUTES[2].profile }, ..ROUTES[2] };
    let config = Config { prefill_seam: PrefillSeam::Echo, tokens: 60, ..Config::default() };
    let mock = route.mock(Config { faults: in_order("rst@25"), ..config }).await;
    let told = Told::of(&route.client(&mock), route.request(PROMPT)).await;
    assert!(told.is_complete(), "{:?}", told.end);
    assert_eq!(told.text, mock.text_for(PROMPT));
    assert_eq!(told.seams[0].rung, Rung::Prefill);
    assert!(told.seams[0].dropped > 0, "the echo was there");
}

#[tokio::test]
async fn row_075_what_a_continuation_repeats_is_trimmed() {
    for route in INSTRUCTED {
        for seam in [Seam::Preamble, Seam::Restart, Seam::Echo, Seam::Last(200)] {
            let faults = in_order("rst@40");
            let config = Config { faults, seam, tokens: 80, ..Config::default() };
            let mock = route.mock(config).await;
            let told = Told::of(&route.client(&mock), route.request(PROMPT)).await;
            assert!(told.is_complete(), "{seam}: {:?}", told.end);
            assert_eq!(told.text, mock.text_for(PROMPT), "{seam}");
            assert!(told.seams[0].dropped > 0, "{seam}: something was repeated");
            assert_ne!(told.seams[0].label, SeamLabel::None, "{seam}");
            check_requests(&mock.ledger());
        }
    }
}

#[tokio::test]
async fn row_076_a_continuation_that_adds_nothing_is_flagged() {
    for route in PREFILLED {
        let empty = Answer::whole(route.open() + &route.stop() + &route.sentinel());
        let peer = Peer::start([Answer::stream(route.half()).close(), empty]).await;
        let seen = Seen::by(route, builder(route, &peer.url())).await;
        assert!(seen.summary().empty_continuation, "it may be cut off, and says so");
        assert_eq!((seen.text.as_str(), peer.asked().len()), (BEGUN, 2));
        let healthy = reads(route, Answer::whole(route.answer(BEGUN))).await;
        assert!(!healthy.summary().empty_continuation);
    }
}

#[tokio::test]
async fn row_077_a_tool_call_in_the_continuation_of_text_is_passed_on() {
    let rest = MESSAGES.open()
        + &text_delta(0, REST)
        + &block_stop(0)
        + &block_start(1, TOOL)
        + &tool_json(1, r#"{"a":1}"#)
        + &block_stop(1)
        + &message_delta("tool_use")
        + &message_stop();
    let peer = Peer::start([Answer::stream(MESSAGES.half()).close(), Answer::whole(rest)]).await;
    let seen = Seen::by(MESSAGES, builder(MESSAGES, &peer.url()).events(Events::All)).await;
    assert_eq!(seen.text, whole_text());
    assert_eq!(seen.summary().stop, Some(client::StopReason::ToolUse));
    assert!(seen.summary().continued_with_tool, "and the summary says so");
    check_one_message(&seen);
    assert_eq!(tool_calls(&seen), 1);
}

#[tokio::test]
async fn row_095_another_model_that_goes_on_is_named_at_the_seam() {
    for (model, named) in [("claude", None), ("moved-alias", Some("moved-alias"))] {
        let rest = MESSAGES.rest().replace(r#""claude""#, &format!("\"{model}\""));
        let peer =
            Peer::start([Answer::stream(MESSAGES.half()).close(), Answer::whole(rest)]).await;
        let seen = Seen::by(MESSAGES, builder(MESSAGES, &peer.url())).await;
        assert_eq!(seen.text, whole_text());
        assert_eq!(seen.summary().model.as_deref(), Some("claude"), "the first stays");
        assert_eq!(seen.seams[0].model.as_deref(), named);
    }
}

#[tokio::test]
async fn row_079_a_cut_behind_a_call_that_was_streamed_is_an_honest_end() {
    let begun = MESSAGES.half() + &block_stop(0) + &block_start(1, TOOL);
    let peer = Peer::start([Answer::stream(begun + &tool_json(1, r#"{"a":"#)).close()]).await;
    let builder = builder(MESSAGES, &peer.url()).events(Events::All);
    let seen = Seen::by(MESSAGES, builder.tools(client::Tools::Streamed)).await;
    assert_eq!(seen.cause(), &Cause::NotContinuable);
    assert_eq!((tool_calls(&seen), peer.asked().len()), (1, 1));
    assert!(!seen.frame_names().contains(&"message_stop"), "nothing is made up");
}

/// One start, one end, and as many blocks closed as opened.
#[track_caller]
fn check_one_message(seen: &Seen) {
    let count = |name| seen.frame_names().iter().filter(|one| **one == name).count();
    assert_eq!((count("message_start"), count("message_stop")), (1, 1));
    assert_eq!(count("content_block_start"), count("content_block_stop"));
}

/// How many tool calls begin in what the consumer was given.
fn tool_calls(seen: &Seen) -> usize {
    let data = seen.frames.iter().map(|frame| String::from_utf8_lossy(&frame.data));
    data.filter(|data| data.contains(r#""type":"tool_use""#)).count()
}

/// A message that is cut after `begun`, and its continuation by the text alone.
async fn goes_on_after_the_text(begun: &str) {
    let answer = Answer::stream(begun).close();
    let (seen, _) = heals_by(MESSAGES, answer, |builder| builder.events(Events::All)).await;
    assert_eq!(tool_calls(&seen), 0, "nothing of a call that was cut is shown");
    check_one_message(&seen);
}

#[tokio::test]
async fn row_078_a_cut_inside_a_tool_call_goes_on_after_the_text() {
    let begun = MESSAGES.half() + &block_stop(0) + &block_start(1, TOOL);
    goes_on_after_the_text(&begun).await;
    goes_on_after_the_text(&(begun + &tool_json(1, r#"{"a":"#))).await;

    let call = r#"{"tool_calls":[{"index":0,"id":"t1","type":"function","function":{"name":"f","arguments":"{\"a\":"}}]}"#;
    let answer = Answer::stream(CHAT.half() + &chunk(call, "null")).close();
    let (seen, _) = heals_by(CHAT, answer, |builder| builder.events(Events::All)).await;
    let shown =
        seen.frames.iter().any(|frame| String::from_utf8_lossy(&frame.data).contains("tool_calls"));
    assert!(!shown, "nothing of a call that was cut is shown");
}

#[tokio::test]
async fn row_079_a_cut_after_whole_tool_calls_goes_on_after_the_text() {
    let call =
        |index| block_start(index, TOOL) + &tool_json(index, r#"{"a":1}"#) + &block_stop(index);
    let begun = MESSAGES.half() + &block_stop(0) + &call(1);
    goes_on_after_the_text(&begun).await;
    goes_on_after_the_text(&(begun + &call(2))).await;
}

fn thinking() -> String {
    message_start("msg_1")
        + &block_start(0, r#"{"type":"thinking","thinking":"","signature":""}"#)
        + &block_delta(0, r#"{"type":"thinking_delta","thinking":"Let me see"}"#)
}

#[tokio::test]
async fn row_080_a_cut_inside_thinking_sends_the_same_request_again() {
    for events in [Events::Text, Events::All] {
        let whole = Answer::whole(MESSAGES.answer(&whole_text()));
        let peer = Peer::start([Answer::stream(thinking()).close(), whole]).await;
        let seen = Seen::by(MESSAGES, builder(MESSAGES, &peer.url()).events(events)).await;
        assert!(seen.end.is_ok(), "{:?}", seen.end);
        assert_eq!(seen.text, whole_text());
        let asked = peer.asked();
        assert_eq!(asked.len(), 2);
        assert_eq!(asked[0].body, asked[1].body, "thinking is never sent back");
        if events == Events::All {
            check_one_message(&seen);
        }
    }
}

#[tokio::test]
async fn row_081_a_cut_between_blocks_goes_on_in_a_new_block() {
    let answer = Answer::stream(MESSAGES.half() + &block_stop(0)).close();
    let (seen, _) = heals_by(MESSAGES, answer, |builder| builder.events(Events::All)).await;
    check_one_message(&seen);
    let opened: Vec<_> = seen
        .frames
        .iter()
        .filter(|frame| frame.name == "content_block_start")
        .map(|frame| serde_json::from_slice::<serde_json::Value>(&frame.data).expect("JSON"))
        .map(|json| json["index"].as_u64())
        .collect();
    assert_eq!(opened, [Some(0), Some(1)]);
}

#[tokio::test]
async fn row_082_tools_that_the_server_ran_are_not_run_again_unasked() {
    let block = r#"{"type":"server_tool_use","id":"s1","name":"web_search","input":{}}"#;
    let ran = MESSAGES.half() + &block_stop(0) + &block_start(1, block) + &block_stop(1);
    let peer = Peer::start([Answer::stream(ran).close()]).await;
    let seen = Seen::by(MESSAGES, builder(MESSAGES, &peer.url())).await;
    assert_eq!(seen.cause(), &Cause::NotContinuable);
    assert_eq!(seen.error().kind(), ErrorKind::Incomplete);
    assert_eq!((seen.text.as_str(), peer.asked().len()), (BEGUN, 1));
}

#[tokio::test]
async fn row_083_cuts_at_the_same_place_end_it_after_a_few() {
    for route in PREFILLED {
        let futile = || Answer::stream(route.open()).close();
        let script = [Answer::stream(route.half()).close(), futile(), futile(), futile(), futile()];
        let peer = Peer::start(script).await;
        let seen = Seen::by(route, builder(route, &peer.url())).await;
        assert_eq!(seen.cause(), &Cause::NoProgress);
        assert_eq!(seen.error().kind(), ErrorKind::Incomplete);
        assert!(seen.error().checkpoint().is_some());
        assert_eq!((seen.text.as_str(), peer.asked().len()), (BEGUN, 4), "three brought nothing");
    }
}

#[tokio::test]
async fn row_084_a_failing_provider_is_asked_as_often_as_the_policy_says_and_no_more() {
    for route in PREFILLED {
        for total in [1, 2, 5] {
            let failing = vec![Answer::status("503 Busy", "", ""); 40];
            let peer = Peer::start(failing).await;
            let mut policy = hasty();
            policy.limits.total = total;
            let seen = Seen::by(route, builder(route, &peer.url()).policy(policy)).await;
            assert!(matches!(seen.cause(), Cause::GaveUp { .. }), "{:?}", seen.cause());
            assert_eq!(peer.asked().len(), total as usize, "one owner of retries");
        }
    }
}

#[tokio::test]
async fn row_094_a_key_that_is_refused_in_the_middle_leaves_a_checkpoint_for_the_next_key() {
    for route in PREFILLED {
        let error = r#"{"error":{"type":"authentication_error","message":"expired"}}"#;
        let peer = Peer::start([
            Answer::stream(route.half()).close(),
            Answer::status("401 Unauthorized", "", error),
            Answer::whole(route.rest()),
        ])
        .await;
        let store = Store::memory();
        let client = |key: &str| {
            let endpoint = Endpoint::new(&peer.url(), route.profile).expect("a valid URL");
            let builder = Client::builder().endpoint(endpoint.key(Secret::new(key)));
            let builder = builder.policy(hasty()).pool(hasty_pool()).checkpoints(store.clone());
            builder.build().expect("a valid client")
        };
        let id = StreamId::new("rotated").expect("a valid name");
        let request = route.request(PROMPT).id(id.clone());
        let stream = client("old-key-0123456789").stream(request).await;
        let seen = Seen::of(stream.expect("a valid request")).await;
        assert_eq!((seen.text.as_str(), seen.error().kind()), (BEGUN, ErrorKind::Incomplete));
        assert_eq!(peer.asked().len(), 2, "a bad key is not tried again");
        let stream = client("new-key-0123456789").resume(&id).await.expect("the stream is known");
        assert_eq!(Seen::of(stream).await.text, whole_text());
        assert!(
            peer.asked()[2].head.contains("new-key") && !peer.asked()[2].head.contains("old-key")
        );
    }
}
