//! The consumer, the process and the network come and go: rows 33, 86 and 93.

use std::time::Duration;

use client::{Cause, ErrorKind, Event, StreamId};
use mock_provider::{Config, Ending};

use super::ask::{PROMPT, Seen, builder};
use super::peer::{Answer, Peer};
use super::wire::{BEGUN, PREFILLED, whole_text};
use crate::rig::{ROUTES, Told, hasty, in_order};

#[tokio::test]
async fn row_033_a_deadline_ends_a_stream_with_a_checkpoint_to_go_on_from() {
    for route in PREFILLED {
        let peer =
            Peer::start([Answer::stream(route.half()).hold(), Answer::whole(route.rest())]).await;
        let client = builder(route, &peer.url()).build().expect("a valid client");
        let id = StreamId::new("late").expect("a valid name");
        let request = route.request(PROMPT).id(id.clone()).deadline(Duration::from_millis(600));
        let seen = Seen::of(client.stream(request).await.expect("a valid request")).await;
        assert_eq!(seen.cause(), &Cause::Deadline);
        assert_eq!(seen.error().kind(), ErrorKind::Incomplete);
        assert_eq!(seen.error().checkpoint(), Some(&id));
        assert_eq!((seen.text.as_str(), peer.asked().len()), (BEGUN, 1));
        let stream = client.resume(&id).await.expect("the stream is known");
        assert_eq!(Seen::of(stream).await.text, whole_text());
        assert_eq!(peer.asked().len(), 2);
    }
}

#[tokio::test]
async fn row_086_a_consumer_that_leaves_ends_the_request_and_asks_for_no_other() {
    for route in ROUTES {
        let faults = in_order("stall@25");
        let mock = route.mock(Config { faults, tokens: 60, ..Config::default() }).await;
        let client = route.client(&mock);
        let mut stream = client.stream(route.request(PROMPT)).await.expect("a valid request");
        while !matches!(stream.next().await, Some(Ok(Event::Text(_)))) {}
        drop(stream);
        mock.settled().await;
        let requests = mock.ledger().requests;
        assert_eq!(requests.len(), 1, "{}", route.model);
        assert_eq!(requests[0].ending, Ending::ClientGone, "{}", route.model);
    }
}

#[tokio::test]
async fn row_093_a_network_that_is_gone_for_a_while_uses_up_time_and_no_attempts() {
    for route in ROUTES {
        let faults = in_order("rst@25,refused:400ms");
        let mock = route.mock(Config { faults, tokens: 60, ..Config::default() }).await;
        // One attempt, one that goes on, and none to lose.
        let mut policy = hasty();
        policy.limits.total = 2;
        policy.limits.in_a_row = 2;
        let client = route.builder(&mock).policy(policy).build().expect("a valid client");
        let request = route.request(PROMPT).deadline(Duration::from_secs(60));
        let told = Told::of(&client, request).await;
        assert!(told.is_complete(), "{}: {:?}", route.model, told.end);
        assert_eq!(told.text, mock.text_for(PROMPT), "{}", route.model);
        let attempts = told.end.expect("it is whole").attempts;
        let refused =
            attempts.iter().filter(|one| one.cause == Some(Cause::Broke(client::Break::Refused)));
        assert!(refused.count() >= 2, "the network was gone: {attempts:?}");
    }
}
