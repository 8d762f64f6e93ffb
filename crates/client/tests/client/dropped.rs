//! Every future of the client, dropped at every one of its awaits: nothing is lost, and nothing stays
//! behind.

use client::{Cause, Client, Deliver, ErrorKind, Event, Profile, ResponseStream, Store, StreamId};
use mock_provider::{Config, Mock, Pace};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tempfile::TempDir;

use crate::rig::{PROMPT, ROUTES, builder, client, collect, mock, mock_with, read_some, request};

const ROUTE: (Profile, &str) = ROUTES[0];
/// Text that has come before the future in question is made.
const SHOWN_BYTES: usize = 60;

/// Polls it so often at most, then drops it; `None` when it was not ready by then.
async fn polled<F: Future>(times: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polls = 0;
    poll_fn(|cx| {
        polls += 1;
        match polls > times {
            true => Poll::Ready(None),
            false if polls == times => Poll::Ready(match future.as_mut().poll(cx) {
                Poll::Ready(output) => Some(output),
                Poll::Pending => None,
            }),
            false => future.as_mut().poll(cx).map(Some),
        }
    })
    .await
}

/// A client whose store has a thread of its own, so that every question to it is an await; and where
/// that is.
fn durable(mock: &Mock) -> (Client, TempDir) {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::sled(dir.path()).expect("it opens");
    let builder = builder(mock, ROUTE.0).checkpoints(store);
    // What was shown may have to become durable yet.
    let client = builder.deliver(Deliver::Immediate).build().expect("a valid client");
    (client, dir)
}

fn id() -> StreamId {
    StreamId::new("dropped").expect("a name")
}

/// A stream of this name, of which something was shown.
async fn begun(client: &Client) -> (ResponseStream, String) {
    let request = request(ROUTE.1).id(id());
    let mut stream = client.stream(request).await.expect("a valid request");
    let shown = read_some(&mut stream, SHOWN_BYTES).await;
    (stream, shown)
}

/// Goes on with what was left, once its writer is gone.
async fn rest_of(client: &Client) -> ResponseStream {
    loop {
        match client.resume(&id()).await {
            Ok(stream) => return stream,
            Err(error) if error.kind() == ErrorKind::Held => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Reads what was left to its end, and sees that nothing is held any longer.
async fn assert_whole(client: &Client, mock: &Mock) {
    let mut stream = rest_of(client).await;
    collect(&mut stream).await.end.expect("it goes on");
    assert_eq!(stream.text(), mock.text_for(PROMPT));
    drop(stream);
    assert_idle(client);
}

fn assert_idle(client: &Client) {
    let pool = client.pool_statistics();
    assert_eq!((pool.active, pool.waiting), (0, 0));
}

#[tokio::test]
async fn next_at_each_poll() {
    for (profile, model) in ROUTES {
        for times in 1..4 {
            let mock = mock("rst@20,429,fin@10").await;
            let client = client(&mock, profile);
            let mut stream = client.stream(request(model)).await.expect("a valid request");
            let mut text = String::new();
            loop {
                match polled(times, stream.next()).await {
                    None => tokio::task::yield_now().await,
                    Some(None) => break,
                    Some(Some(event)) => {
                        if let Event::Text(piece) = event.expect("it is whole in the end") {
                            text.push_str(&piece);
                        }
                    }
                }
            }
            assert_eq!(text, mock.text_for(PROMPT));
            assert_eq!(mock.ledger().requests.len(), 4);
            assert_idle(&client);
        }
    }
}

#[tokio::test]
async fn stream_at_each_await() {
    let mock = mock("").await;
    for times in 0.. {
        let (client, _dir) = durable(&mock);
        let stream = polled(times, client.stream(request(ROUTE.1).id(id()))).await;
        let is_begun = stream.is_some();
        drop(stream);
        assert_idle(&client);
        // There may be an empty journal of that name.
        if let Ok(mut again) = client.stream(request(ROUTE.1).id(id())).await {
            assert_eq!(collect(&mut again).await.text, mock.text_for(PROMPT));
        }
        if is_begun {
            return assert!(times > 1, "it waits for something");
        }
    }
}

#[tokio::test]
async fn flush_at_each_await() {
    for times in 0.. {
        let mock = mock("rst@20").await;
        let (client, _dir) = durable(&mock);
        let (mut stream, shown) = begun(&client).await;
        let flushed = polled(times, stream.flush()).await;
        let rest = collect(&mut stream).await;
        assert_eq!(shown + &rest.text, mock.text_for(PROMPT));
        drop(stream);
        assert_idle(&client);
        if flushed.is_some() {
            return assert!(times > 1, "it waits for something");
        }
    }
}

#[tokio::test]
async fn what_nobody_has_written_to_yet_is_held_by_who_will() {
    let mock = mock("").await;
    let (client, _dir) = durable(&mock);
    let mut stream = client.stream(request(ROUTE.1).id(id())).await.expect("a valid request");
    let error = client.resume(&id()).await.expect_err("it is not there yet");
    assert_eq!(error.kind(), ErrorKind::Held);
    assert_eq!(collect(&mut stream).await.text, mock.text_for(PROMPT));
}

#[tokio::test]
async fn pause_at_each_await() {
    for times in 0.. {
        let mock = mock("").await;
        let (client, _dir) = durable(&mock);
        let (stream, shown) = begun(&client).await;
        let paused = polled(times, stream.pause()).await;
        assert_idle(&client);
        assert!(rest_of(&client).await.recovered_text().starts_with(&shown));
        assert_whole(&client, &mock).await;
        if paused.is_some() {
            return assert!(times > 1, "it waits for something");
        }
    }
}

#[tokio::test]
async fn resume_at_each_await() {
    for times in 0.. {
        let mock = mock("").await;
        let (client, _dir) = durable(&mock);
        begun(&client).await.0.pause().await.expect("the store works");
        let resumed = polled(times, client.resume(&id())).await;
        let is_resumed = resumed.is_some();
        drop(resumed);
        assert_whole(&client, &mock).await;
        if is_resumed {
            return assert!(times > 1, "it waits for something");
        }
    }
}

#[tokio::test]
async fn cancel_at_each_await() {
    let pace = Pace { delay_per_token: Duration::from_millis(2), ..Pace::default() };
    for times in 0.. {
        // Not all of it is there yet: what is complete cannot be cancelled.
        let mock = mock_with(Config { pace, tokens: 60, ..Config::default() }).await;
        let (client, _dir) = durable(&mock);
        let (stream, shown) = begun(&client).await;
        let cancelled = polled(times, stream.cancel()).await;
        assert_idle(&client);
        let mut left = rest_of(&client).await;
        let end = collect(&mut left).await.end;
        assert!(left.text().starts_with(&shown));
        if cancelled.is_some() {
            let error = end.expect_err("it was cancelled");
            assert_eq!(error.cause(), Some(&Cause::Cancelled));
            return assert!(times > 1, "it waits for something");
        }
        // Whether it was written down before the future was dropped is open; half of it is not.
        match end {
            Ok(_) => assert_eq!(left.text(), mock.text_for(PROMPT)),
            Err(error) => assert_eq!(error.cause(), Some(&Cause::Cancelled)),
        }
    }
}
