//! A stream that one client began and another goes on with, by its name, from a store on disk.

use std::time::Duration;

use checkpoint_store::Store;
use client::{Error, ErrorKind, Event, IfHeld, ResponseStream, ResumeOptions, StreamId};
use mock_provider::{Config, Pace};

use crate::rig::{ROUTES, Told, check_requests, in_order};

const PROMPT: &str = "A long story";

fn name(text: &str) -> StreamId {
    StreamId::new(text).expect("a valid name")
}

/// Reads until there are this many bytes of text.
async fn read(stream: &mut ResponseStream, bytes: usize) -> String {
    let mut text = String::new();
    while text.len() < bytes {
        match stream.next().await.expect("there is more").expect("the stream goes on") {
            Event::Text(more) => text.push_str(&more),
            Event::End(_) => panic!("the end came after {} bytes", text.len()),
            _ => {}
        }
    }
    text
}

#[tokio::test]
async fn a_stream_that_was_dropped_goes_on_by_its_name() {
    for route in ROUTES {
        let folder = tempfile::tempdir().expect("a folder");
        // Slow enough that the answer is not over when its consumer goes away.
        let pace = Pace { delay_per_token: Duration::from_millis(2), ..Pace::default() };
        let mock = route.mock(Config { pace, ..Config::default() }).await;
        let id = name("dropped");
        let before = {
            let store = Store::sled(folder.path()).expect("a new store");
            let client = route.builder(&mock).checkpoints(store).build().expect("a valid client");
            let request = route.request(PROMPT).id(id.clone());
            let mut stream = client.stream(request).await.expect("a valid request");
            let text = read(&mut stream, 300).await;
            stream.pause().await.expect("the store works");
            text
        };
        // Another process would do the same: nothing but the folder and the name is left.
        let store = Store::sled(folder.path()).expect("the store opens again");
        let client = route.builder(&mock).checkpoints(store).build().expect("a valid client");
        let stream = client.resume(&id).await.expect("the stream is known");
        assert!(stream.recovered_text().starts_with(&before), "{}", route.model);
        let told = Told::by(stream).await;
        assert!(told.is_complete(), "{}: {:?}", route.model, told.end);
        assert_eq!(told.text, mock.text_for(PROMPT), "{}", route.model);
        mock.settled().await;
        check_requests(&mock.ledger());
        assert_eq!(mock.ledger().requests.len(), 2, "{}", route.model);
    }
}

#[tokio::test]
async fn a_stream_that_was_dropped_without_a_word_keeps_what_was_delivered() {
    let route = ROUTES[1];
    let mock = route.mock(Config::default()).await;
    let store = Store::memory();
    let build = || {
        let builder = route.builder(&mock).checkpoints(store.clone());
        builder.build().expect("a valid client")
    };
    let id = name("gone");
    let mut stream =
        build().stream(route.request(PROMPT).id(id.clone())).await.expect("a valid request");
    let before = read(&mut stream, 300).await;
    drop(stream);
    let stream = build().resume(&id).await.expect("the stream is known");
    assert!(stream.recovered_text().starts_with(&before));
    let told = Told::by(stream).await;
    assert!(told.is_complete(), "{:?}", told.end);
    assert_eq!(told.text, mock.text_for(PROMPT));
}

#[tokio::test]
async fn a_complete_stream_is_read_again_without_a_request() {
    let route = ROUTES[0];
    let mock = route.mock(Config { tokens: 40, ..Config::default() }).await;
    let client = route.client(&mock);
    let told = Told::of(&client, route.request(PROMPT)).await;
    assert!(told.is_complete());
    let again = Told::by(client.resume(&told.id).await.expect("the stream is known")).await;
    assert!(again.is_complete(), "{:?}", again.end);
    assert_eq!(again.text, told.text);
    assert_eq!(mock.ledger().requests.len(), 1);
}

#[tokio::test]
async fn of_two_that_resume_one_stream_one_wins() {
    let route = ROUTES[1];
    let faults = in_order("rst@30");
    let mock = route.mock(Config { faults, ..Config::default() }).await;
    let store = Store::memory();
    let build = || {
        let builder = route.builder(&mock).checkpoints(store.clone());
        builder.build().expect("a valid client")
    };
    let id = name("shared");
    let mut stream =
        build().stream(route.request(PROMPT).id(id.clone())).await.expect("a valid request");
    let shown = read(&mut stream, 40).await;
    drop(stream);
    let first = build().resume(&id).await.expect("the stream is known");
    let second = build().resume(&id).await.expect_err("somebody has it");
    assert_eq!(second.kind(), ErrorKind::Held, "{second}");
    let told = Told::by(first).await;
    assert!(told.is_complete(), "{:?}", told.end);
    assert_eq!(told.text, mock.text_for(PROMPT));
    assert!(told.text.starts_with(&shown));
}

#[tokio::test]
async fn one_that_takes_a_stream_over_fences_the_other_off() {
    let route = ROUTES[1];
    let mock = route.mock(Config::default()).await;
    let client = route.client(&mock);
    let mut first = client.stream(route.request(PROMPT)).await.expect("a valid request");
    read(&mut first, 40).await;
    let options = ResumeOptions { if_held: IfHeld::TakeOver, ..ResumeOptions::default() };
    let second = client.resume_with(first.id(), options).await.expect("the stream is known");
    let told = Told::by(second).await;
    assert!(told.is_complete(), "the later one goes on: {:?}", told.end);
    assert_eq!(told.text, mock.text_for(PROMPT));
    let lost = fate(&mut first).await.expect_err("the earlier one is fenced off");
    assert_eq!(lost.kind(), ErrorKind::Fenced, "{lost}");
}

/// Reads a stream to its end.
async fn fate(stream: &mut ResponseStream) -> Result<(), Error> {
    while let Some(item) = stream.next().await {
        item?;
    }
    Ok(())
}

#[tokio::test]
async fn a_stream_nobody_began_is_not_found() {
    let route = ROUTES[0];
    let mock = route.mock(Config::default()).await;
    let error = route.client(&mock).resume(&name("nobody")).await.expect_err("there is none");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_checkpoint_of_another_host_is_not_followed() {
    let route = ROUTES[0];
    let (one, other) = (route.mock(Config::default()).await, route.mock(Config::default()).await);
    let store = Store::memory();
    let client = route.builder(&one).checkpoints(store.clone()).build().expect("a valid client");
    let id = name("elsewhere");
    let request = route.request(PROMPT).id(id.clone());
    let mut stream = client.stream(request).await.expect("a valid request");
    read(&mut stream, 20).await;
    drop(stream);
    let client = route.builder(&other).checkpoints(store).build().expect("a valid client");
    let error = client.resume(&id).await.expect_err("the host is another");
    assert_eq!(error.kind(), ErrorKind::EndpointMismatch);
    assert_eq!(other.ledger().requests.len(), 0, "no key went anywhere");
}
