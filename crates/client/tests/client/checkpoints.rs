//! Persist, then deliver: what a slow and a failing store mean for a stream.

use checkpoint_store::{Limits, Options, StreamState};
use client::{
    Cause, Client, Deliver, ErrorKind, Event, Nanos, OnStoreFailure, ResponseStream, State,
    Timeouts,
};
use mock_provider::{Config, Mock};
use std::time::Duration;

use crate::gate::{self, Gate};
use crate::rig::{PROMPT, ROUTES, builder, collect, hasty, mock, mock_with, read_some, request};

fn with_store(
    mock: &Mock,
    options: Options,
) -> (client::Builder, tokio::sync::watch::Sender<Gate>) {
    let (store, gate) = gate::store(options);
    (builder(mock, ROUTES[0].0).checkpoints(store), gate)
}

async fn begin(client: &Client) -> ResponseStream {
    client.stream(request(ROUTES[0].1)).await.expect("a valid request")
}

/// Reads until the provider has sent everything; the text that came meanwhile.
async fn read_while_answered(stream: &mut ResponseStream, mock: &Mock) -> String {
    let mut text = String::new();
    let mut answered = std::pin::pin!(async {
        while mock.ledger().requests.is_empty() {
            tokio::task::yield_now().await;
        }
        mock.settled().await;
    });
    loop {
        tokio::select! {
            event = stream.next() => {
                if let Event::Text(piece) = event.expect("no end").expect("no error") {
                    text.push_str(&piece);
                }
            }
            () = &mut answered => return text,
        }
    }
}

#[tokio::test]
async fn nothing_is_delivered_before_it_is_durable() {
    let mock = mock("").await;
    let (builder, gate) = with_store(&mock, Options::default());
    let mut stream = begin(&builder.build().unwrap()).await;
    gate.send_replace(Gate::Shut);
    assert_eq!(read_while_answered(&mut stream, &mock).await, "");
    gate.send_replace(Gate::Open);
    assert_eq!(collect(&mut stream).await.text, mock.text_for(PROMPT));
}

#[tokio::test]
async fn immediate_delivery_does_not_wait() {
    let mock = mock("").await;
    let (builder, gate) = with_store(&mock, Options::default());
    let mut stream = begin(&builder.deliver(Deliver::Immediate).build().unwrap()).await;
    gate.send_replace(Gate::Shut);
    let whole = mock.text_for(PROMPT);
    assert_eq!(read_some(&mut stream, whole.len()).await, whole);
    gate.send_replace(Gate::Open);
    collect(&mut stream).await.end.unwrap();
}

#[tokio::test]
async fn a_store_without_room_slows_the_stream_and_loses_nothing() {
    let mock = mock_with(Config { tokens: 900, ..Config::default() }).await;
    let limits = Limits { undurable_stream_bytes: 4096, ..Limits::default() };
    let options = Options { limits, group_window: Duration::ZERO, ..Options::default() };
    let (builder, gate) = with_store(&mock, options);
    let mut stream = begin(&builder.build().unwrap()).await;
    gate.send_replace(Gate::Shut);
    // The provider has sent many times what the store takes, which is some thirty events.
    while mock.ledger().requests.first().is_none_or(|request| request.text.len() < 2048) {
        let event = tokio::time::timeout(Duration::ZERO, stream.next()).await;
        assert!(!matches!(event, Ok(Some(Ok(Event::Text(_))))), "text came through a shut gate");
        tokio::task::yield_now().await;
    }
    gate.send_replace(Gate::Open);
    let seen = collect(&mut stream).await;
    seen.end.unwrap();
    assert_eq!(seen.text, mock.text_for(PROMPT));
}

#[tokio::test]
async fn a_failing_store_stops_the_stream_with_what_is_durable() {
    let mock = mock("stall@30").await;
    let (builder, gate) = with_store(&mock, Options::default());
    // The silence of the provider is what brings the next record.
    let timeouts = Timeouts { bytes: Nanos::from_millis(50), ..Timeouts::default() };
    let mut stream = begin(&builder.timeouts(timeouts).build().unwrap()).await;
    let shown = read_some(&mut stream, 5).await;
    gate.send_replace(Gate::Broken);
    let seen = collect(&mut stream).await;
    let error = seen.end.unwrap_err();
    assert_eq!((error.kind(), error.cause()), (ErrorKind::Store, Some(&Cause::Store)));
    assert_eq!(error.checkpoint(), Some(stream.id()));
    assert!(std::error::Error::source(&error).is_some());
    assert!(mock.text_for(PROMPT).starts_with(&format!("{shown}{}", seen.text)));
}

#[tokio::test]
async fn a_store_that_never_answers_does_not_hold_the_stream() {
    for tokens in [9, 900] {
        let mock = mock_with(Config { tokens, ..Config::default() }).await;
        let limits = Limits { undurable_stream_bytes: 4096, ..Limits::default() };
        let (builder, gate) = with_store(&mock, Options { limits, ..Options::default() });
        let timeout = Duration::from_millis(50);
        let mut stream = begin(&builder.store_timeout(timeout).build().unwrap()).await;
        gate.send_replace(Gate::Shut);
        let seen = collect(&mut stream).await;
        assert_eq!((seen.text.as_str(), seen.end.unwrap_err().kind()), ("", ErrorKind::Store));
        gate.send_replace(Gate::Open);
    }
}

#[tokio::test]
async fn a_stream_that_may_go_on_without_its_store_says_so() {
    let mock = mock("").await;
    let (builder, gate) = with_store(&mock, Options::default());
    let client = builder.on_store_failure(OnStoreFailure::GoOn).build().unwrap();
    let mut stream = begin(&client).await;
    gate.send_replace(Gate::Broken);
    let seen = collect(&mut stream).await;
    seen.end.unwrap();
    assert_eq!(seen.text, mock.text_for(PROMPT));
    assert!(seen.states.iter().any(|state| matches!(state, State::NotDurable)));
    assert_eq!(stream.flush().await.unwrap_err().kind(), ErrorKind::Store);
}

#[tokio::test]
async fn a_finished_journal_is_closed_and_an_unfinished_one_is_not() {
    for (script, total, state) in [("", 9, StreamState::Closed), ("end@9", 1, StreamState::Open)] {
        let mock = mock(script).await;
        let (store, _gate) = gate::store(Options::default());
        let mut policy = hasty();
        policy.limits.total = total;
        let client = builder(&mock, ROUTES[0].0).checkpoints(store.clone()).policy(policy);
        let mut stream = begin(&client.build().unwrap()).await;
        assert_eq!(collect(&mut stream).await.end.is_ok(), state == StreamState::Closed);
        let info = store.info(stream.id()).await.unwrap();
        assert_eq!(info.state, state);
    }
}

#[tokio::test]
async fn flush_makes_everything_durable() {
    let mock = mock("stall@30").await;
    let (store, _gate) = gate::store(Options::default());
    let client = builder(&mock, ROUTES[0].0).checkpoints(store.clone()).build().unwrap();
    let mut stream = begin(&client).await;
    read_some(&mut stream, 5).await;
    stream.flush().await.unwrap();
    let info = store.info(stream.id()).await.unwrap();
    assert!(info.last.is_some_and(|last| last.value() > 2));
}

#[tokio::test]
async fn a_store_that_never_answers_is_noticed_while_the_provider_is_silent() {
    let mock = mock("stall@5").await;
    let (builder, gate) = with_store(&mock, Options::default());
    let client = builder.store_timeout(Duration::from_millis(50)).build().unwrap();
    let mut stream = begin(&client).await;
    gate.send_replace(Gate::Shut);
    let seen = tokio::time::timeout(Duration::from_secs(10), collect(&mut stream)).await;
    let error = seen.expect("the store was waited for").end.unwrap_err();
    assert_eq!((error.kind(), error.cause()), (ErrorKind::Store, Some(&Cause::Store)));
    assert_eq!(mock.ledger().requests.len(), 1);
}

#[tokio::test]
async fn nothing_that_a_store_is_asked_waits_for_ever() {
    let mock = mock("stall@5").await;
    let (builder, gate) = with_store(&mock, Options::default());
    let client = builder
        .deliver(Deliver::Immediate)
        .store_timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    let mut streams = [begin(&client).await, begin(&client).await];
    gate.send_replace(Gate::Shut);
    for stream in &mut streams {
        read_some(stream, 5).await;
    }
    let [mut flushed, paused] = streams;
    let id = paused.id().clone();
    for (asked, error) in [
        ("create", client.stream(request(ROUTES[0].1)).await.err()),
        ("read", client.resume(&id).await.err()),
        ("flush", flushed.flush().await.err()),
        ("pause", paused.pause().await.err()),
    ] {
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::Store), "{asked}");
    }
}

#[tokio::test]
async fn flush_waits_for_the_end_to_be_durable() {
    let mock = mock("").await;
    let (store, gate) = gate::store(Options::default());
    let builder = builder(&mock, ROUTES[0].0).checkpoints(store.clone());
    let mut stream = begin(&builder.deliver(Deliver::Immediate).build().unwrap()).await;
    gate.send_replace(Gate::Shut);
    while !matches!(stream.next().await.unwrap().unwrap(), Event::State(State::Done)) {}
    let end = tokio::time::timeout(Duration::ZERO, stream.next()).await;
    assert!(end.is_err(), "an end was told before it was durable");
    let flushed = tokio::time::timeout(Duration::ZERO, stream.flush()).await;
    assert!(flushed.is_err(), "nothing is durable behind a shut gate");
    gate.send_replace(Gate::Open);
    stream.flush().await.unwrap();
    assert_eq!(store.info(stream.id()).await.unwrap().state, StreamState::Closed);
    collect(&mut stream).await.end.unwrap();
}
