//! Stop sequences of the caller that stand over a seam: row 100.

use client::{Events, Rung, StopReason};

use super::ask::{Seen, builder};
use super::peer::{Answer, Peer};
use super::wire::{BEGUN, CHAT, MESSAGES, PREFILLED, block_stop, message_delta};
use crate::rig::Route;

/// The text up to the cut ends in `pier`; a continuation says the rest of the sequence.
const STOP: &str = "pier spoke";

/// Reads what a route with that stop sequence gives, whose first answer is cut after [`BEGUN`].
async fn goes_on(route: Route, rest: String) -> (Seen, usize) {
    let peer = Peer::start([Answer::stream(route.half()).close(), Answer::whole(rest)]).await;
    let member = if route.profile == CHAT.profile { "stop" } else { "stop_sequences" };
    let body = format!(
        r#"{{"model":"{}","max_tokens":100,"{member}":["{STOP}"],"messages":[{{"role":"user","content":"hi"}}]}}"#,
        route.model
    );
    let client = builder(route, &peer.url()).events(Events::All).build().expect("a valid client");
    let stream = client.stream(client::Request::new(body)).await.expect("a valid request");
    (Seen::of(stream).await, peer.asked().len())
}

#[tokio::test]
async fn row_100_a_stop_sequence_over_a_seam_ends_the_text() {
    for route in PREFILLED {
        let rest = [route.open(), route.text(" spoke a word"), route.text(" and more")].concat();
        let (seen, asked) = goes_on(route, rest + &route.stop() + &route.sentinel()).await;
        assert_eq!((seen.text.as_str(), asked), (BEGUN, 2), "nothing is taken back or added");
        assert_eq!(seen.seams[0].rung, Rung::Prefill);
        assert_eq!(seen.summary().stopped_at_seam.as_deref(), Some(STOP));
        assert!(!seen.summary().sentinel_missing, "the end is the provider's own");
        let events: Vec<_> =
            seen.frames.iter().map(|frame| String::from_utf8_lossy(&frame.data)).collect();
        let events = events.join("\n");
        assert!(!events.contains("word") && !events.contains("more"), "{events}");
        let (reason, stop) = if route.profile == CHAT.profile {
            (r#""finish_reason":"stop""#, StopReason::EndTurn)
        } else {
            (
                r#""stop_reason":"stop_sequence","stop_sequence":"pier spoke""#,
                StopReason::StopSequence,
            )
        };
        assert!(events.contains(reason), "{events}");
        assert_eq!(seen.summary().stop, Some(stop));
    }
}

#[tokio::test]
async fn row_100_what_only_begins_like_a_stop_sequence_is_text() {
    for route in PREFILLED {
        let rest = [route.open(), route.text(" spo"), route.text("iled the view.")].concat();
        let (seen, _) = goes_on(route, rest + &route.stop() + &route.sentinel()).await;
        assert_eq!(seen.text, format!("{BEGUN} spoiled the view."));
        assert_eq!(seen.summary().stopped_at_seam, None);
        assert_eq!(seen.summary().stop, Some(StopReason::EndTurn));
    }
}

#[tokio::test]
async fn row_100_a_provider_that_runs_into_its_limit_after_the_sequence_changes_nothing() {
    let rest = MESSAGES.open() + &MESSAGES.text(" spoke a word");
    let rest = rest + &block_stop(0) + &message_delta("max_tokens");
    let (seen, _) = goes_on(MESSAGES, rest + &MESSAGES.sentinel()).await;
    assert_eq!(seen.text, BEGUN);
    assert_eq!(seen.summary().stop, Some(StopReason::StopSequence));
}
