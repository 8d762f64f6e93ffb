//! Another process, or the same one later, goes on with a stream.

use client::{
    Cause, Client, Endpoint, ErrorKind, IfHeld, OnStoreFailure, Profile, ResumeOptions, Secret,
    Store, StreamId,
};
use mock_provider::Config;

use crate::rig::{
    PROMPT, ROUTES, builder, client, collect, mock, mock_with, quoting_server, read_some, request,
};

#[tokio::test]
async fn a_paused_stream_goes_on_in_another_process() {
    for (profile, model) in ROUTES {
        let folder = tempfile::tempdir().unwrap();
        let mock = mock("stall@20,ok").await;
        let (id, shown) = {
            let store = Store::sled(folder.path()).unwrap();
            let client = builder(&mock, profile).checkpoints(store).build().unwrap();
            let mut stream = client.stream(request(model)).await.unwrap();
            let shown = read_some(&mut stream, 20).await;
            (stream.pause().await.unwrap(), shown)
        };
        let store = Store::sled(folder.path()).unwrap();
        let client = builder(&mock, profile).checkpoints(store).build().unwrap();
        let mut stream = client.resume(&id).await.unwrap();
        assert!(stream.recovered_text().starts_with(&shown));
        let seen = collect(&mut stream).await;
        seen.end.unwrap();
        assert_eq!(format!("{}{}", stream.recovered_text(), seen.text), stream.text());
        assert_eq!(stream.text(), mock.text_for(PROMPT));
        assert_eq!(mock.ledger().requests.len(), 2);
    }
}

#[tokio::test]
async fn a_dropped_stream_can_be_resumed() {
    let mock = mock("").await;
    let client = client(&mock, ROUTES[0].0);
    let mut stream = client.stream(request(ROUTES[0].1)).await.unwrap();
    let (id, shown) = (stream.id().clone(), read_some(&mut stream, 20).await);
    drop(stream);
    let mut stream = client.resume(&id).await.unwrap();
    assert!(stream.recovered_text().starts_with(&shown));
    collect(&mut stream).await.end.unwrap();
    assert_eq!(stream.text(), mock.text_for(PROMPT));
}

#[tokio::test]
async fn a_stream_that_never_began_can_be_resumed() {
    let mock = mock("").await;
    let client = client(&mock, ROUTES[0].0);
    let mut stream = client.stream(request(ROUTES[0].1)).await.unwrap();
    // The first event is that a connection is being made: nothing was received.
    stream.next().await.unwrap().unwrap();
    let id = stream.pause().await.unwrap();
    let mut stream = client.resume(&id).await.unwrap();
    assert_eq!(stream.recovered_text(), "");
    assert_eq!(collect(&mut stream).await.text, mock.text_for(PROMPT));
}

#[tokio::test]
async fn a_stream_that_was_flushed_before_it_was_polled_can_be_resumed() {
    let mock = mock("").await;
    let folder = tempfile::tempdir().unwrap();
    let store = || Store::sled(folder.path()).unwrap();
    let id = {
        let client = builder(&mock, ROUTES[0].0).checkpoints(store()).build().unwrap();
        let mut stream = client.stream(request(ROUTES[0].1)).await.unwrap();
        stream.flush().await.unwrap();
        stream.id().clone()
    };
    assert_eq!(mock.ledger().requests.len(), 0);
    let client = builder(&mock, ROUTES[0].0).checkpoints(store()).build().unwrap();
    let mut stream = client.resume(&id).await.unwrap();
    assert_eq!(collect(&mut stream).await.text, mock.text_for(PROMPT));
}

#[tokio::test]
async fn a_complete_stream_ends_at_once() {
    let mock = mock("").await;
    let client = client(&mock, ROUTES[0].0);
    let mut stream = client.stream(request(ROUTES[0].1)).await.unwrap();
    let id = stream.id().clone();
    collect(&mut stream).await.end.unwrap();
    let mut stream = client.resume(&id).await.unwrap();
    let seen = collect(&mut stream).await;
    assert_eq!((seen.text.as_str(), stream.text()), ("", mock.text_for(PROMPT).as_str()));
    assert_eq!(seen.end.unwrap().text_bytes, stream.text().len() as u64);
    assert_eq!(mock.ledger().requests.len(), 1);
}

#[tokio::test]
async fn a_finished_stream_is_forgotten_when_no_store_is_named() {
    let mock = mock("").await;
    let model = ROUTES[0].1;
    for (client, expected) in [
        (client(&mock, ROUTES[0].0), Some(ErrorKind::NotFound)),
        (builder(&mock, ROUTES[0].0).checkpoints(Store::memory()).build().unwrap(), None),
    ] {
        let mut stream = client.stream(request(model)).await.unwrap();
        collect(&mut stream).await.end.unwrap();
        let id = stream.id().clone();
        drop(stream);
        drop(client.stream(request(model)).await.unwrap());
        let resumed = client.resume(&id).await;
        assert_eq!(resumed.err().map(|error| error.kind()), expected);
    }
}

#[tokio::test]
async fn a_checkpoint_of_another_server_or_wire_is_refused() {
    let (mock, other) = (mock("").await, mock_with(Config::default()).await);
    let store = Store::memory();
    let at = |mock, profile| builder(mock, profile).checkpoints(store.clone()).build().unwrap();
    let mut stream = at(&mock, Profile::OPENAI).stream(request("m")).await.unwrap();
    read_some(&mut stream, 5).await;
    let id = stream.pause().await.unwrap();
    for wrong in [at(&other, Profile::OPENAI), at(&mock, Profile::ANTHROPIC)] {
        let error = wrong.resume(&id).await.unwrap_err();
        assert_eq!((error.kind(), error.checkpoint()), (ErrorKind::EndpointMismatch, Some(&id)));
    }
    assert_eq!(other.ledger().requests.len(), 0);
    let mut stream = at(&mock, Profile::OPENAI).resume(&id).await.unwrap();
    collect(&mut stream).await.end.unwrap();
    assert_eq!(stream.text(), mock.text_for(PROMPT));
}

#[tokio::test]
async fn names_are_the_callers_and_unique() {
    let mock = mock("").await;
    let client = client(&mock, ROUTES[0].0);
    let id = StreamId::new("mine").unwrap();
    let error = client.resume(&id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let stream = client.stream(request(ROUTES[0].1).id(id.clone())).await.unwrap();
    assert_eq!(stream.id(), &id);
    let error = client.stream(request(ROUTES[0].1).id(id)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
}

#[tokio::test]
async fn the_earlier_writer_is_fenced_off_whatever_a_failing_store_means() {
    for policy in [OnStoreFailure::Stop, OnStoreFailure::GoOn] {
        let mock = mock("").await;
        let client = builder(&mock, ROUTES[0].0).on_store_failure(policy).build().unwrap();
        let mut old = client.stream(request(ROUTES[0].1)).await.unwrap();
        let shown = read_some(&mut old, 5).await;
        let refused = client.resume(old.id()).await.unwrap_err();
        assert_eq!((refused.kind(), refused.is_retryable()), (ErrorKind::Held, true));
        let options = ResumeOptions { if_held: IfHeld::TakeOver, ..ResumeOptions::default() };
        let mut new = client.resume_with(old.id(), options).await.unwrap();
        let seen = collect(&mut old).await;
        let error = seen.end.unwrap_err();
        assert_eq!((error.kind(), error.cause()), (ErrorKind::Fenced, Some(&Cause::Store)));
        // What the old one had received when it was fenced off was not shown.
        collect(&mut new).await.end.unwrap();
        assert_eq!(new.text(), mock.text_for(PROMPT));
        assert!(new.text().starts_with(&format!("{shown}{}", seen.text)));
    }
}

#[tokio::test]
async fn a_consumer_that_was_shown_more_than_the_checkpoint_holds_is_told_so() {
    let mock = mock("").await;
    let client = client(&mock, ROUTES[0].0);
    let mut stream = client.stream(request(ROUTES[0].1)).await.unwrap();
    read_some(&mut stream, 5).await;
    let id = stream.pause().await.unwrap();
    let shown = |bytes| ResumeOptions { shown: Some(bytes), ..ResumeOptions::default() };
    let error = client.resume_with(&id, shown(1 << 20)).await.unwrap_err();
    assert_eq!((error.kind(), error.checkpoint()), (ErrorKind::CursorAhead, Some(&id)));
    let mut stream = client.resume_with(&id, shown(5)).await.unwrap();
    collect(&mut stream).await.end.unwrap();
    assert_eq!(stream.text(), mock.text_for(PROMPT));
}

#[tokio::test]
async fn a_stream_that_was_deleted_stops_and_names_no_checkpoint() {
    for policy in [OnStoreFailure::Stop, OnStoreFailure::GoOn] {
        let mock = mock("").await;
        let store = Store::memory();
        let builder = builder(&mock, ROUTES[0].0).checkpoints(store.clone());
        let client = builder.on_store_failure(policy).build().unwrap();
        let mut stream = client.stream(request(ROUTES[0].1)).await.unwrap();
        read_some(&mut stream, 5).await;
        store.delete(stream.id()).await.unwrap();
        let error = collect(&mut stream).await.end.unwrap_err();
        assert_eq!((error.kind(), error.checkpoint()), (ErrorKind::NotFound, None));
    }
}

#[tokio::test]
async fn a_journal_that_is_closed_without_an_end_is_unreadable() {
    let mock = mock("").await;
    let store = Store::memory();
    let client = builder(&mock, ROUTES[0].0).checkpoints(store.clone()).build().unwrap();
    let mut stream = client.stream(request(ROUTES[0].1)).await.unwrap();
    read_some(&mut stream, 5).await;
    let id = stream.pause().await.unwrap();
    store.recover(&id).await.unwrap().close().await.unwrap();
    let error = client.resume(&id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnreadableCheckpoint);
    assert!(error.to_string().contains("has no end"), "{error}");
}

#[tokio::test]
async fn only_headers_that_are_known_to_be_harmless_are_kept_for_the_one_who_goes_on() {
    for (name, prefix, kept) in [
        ("x-title", "x-title: ", "blue"),
        ("x-team", "x-team: ", "nothing"),
        ("openai-api-key", "openai-api-key: ", "nothing"),
    ] {
        let url = quoting_server(prefix);
        let store = Store::memory();
        let endpoint = Endpoint::new(&url, Profile::OPENAI).unwrap();
        let with_header = endpoint.clone().header(name, "blue").unwrap();
        let at = |endpoint| Client::builder().endpoint(endpoint).checkpoints(store.clone()).build();
        let mut stream = at(with_header.clone()).unwrap().stream(request("m")).await.unwrap();
        let id = stream.id().clone();
        let error = collect(&mut stream).await.end.unwrap_err();
        assert!(error.to_string().contains("no account has blue today"), "{error}");
        for (endpoint, expected) in [(endpoint, kept), (with_header, "blue")] {
            let mut stream = at(endpoint).unwrap().resume(&id).await.unwrap();
            let error = collect(&mut stream).await.end.unwrap_err().to_string();
            assert!(error.contains(&format!("no account has {expected} today")), "{error}");
        }
    }
}

/// What each attempt of a stream was told.
fn told(error: &client::Error) -> Vec<String> {
    let attempts = &error.summary().expect("attempts were made").attempts;
    attempts.iter().filter_map(|attempt| Some(attempt.cause.as_ref()?.to_string())).collect()
}

#[tokio::test]
async fn headers_that_were_kept_go_back_to_their_endpoint_and_to_no_other_of_its_host() {
    let url = quoting_server("x-title: ");
    let store = Store::memory();
    let at = |path: &str| Endpoint::new(&format!("{url}/{path}"), Profile::OPENAI).unwrap();
    let client = |endpoint| Client::builder().endpoint(endpoint).checkpoints(store.clone());
    let one = client(at("a").header("x-title", "blue").unwrap()).build().unwrap();
    let mut stream = one.stream(request("m")).await.unwrap();
    let id = stream.id().clone();
    collect(&mut stream).await.end.unwrap_err();

    let elsewhere = client(at("b")).build().unwrap();
    let twice = client(at("a")).fallback(at("a").key(Secret::new("k2"))).build().unwrap();
    let swapped = client(at("b")).fallback(at("a")).build().unwrap();
    for (client, expected) in [
        (elsewhere, &["nothing"][..]),
        (twice, &["blue", "nothing"]),
        (swapped, &["nothing", "blue"]),
    ] {
        let mut stream = client.resume(&id).await.unwrap();
        let error = collect(&mut stream).await.end.unwrap_err();
        let told = told(&error);
        assert_eq!(told.len(), expected.len(), "{told:?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.contains(&format!("no account has {expected} today")), "{told}");
        }
    }
}
