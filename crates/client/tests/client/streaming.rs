//! One process, one stream: healing, honesty, cancellation.

use client::{Cause, ErrorKind, Events, Profile, Request, State};
use mock_provider::{Config, Ending, Prefill};
use std::time::Duration;
use tokio::time::timeout;

use crate::rig::{
    KEY, PROMPT, ROUTES, builder, client, collect, hasty, in_order, mock, mock_with, read_some,
    request,
};

#[tokio::test]
async fn a_healthy_response_is_whole() {
    for (profile, model) in ROUTES {
        let mock = mock("").await;
        let mut stream = client(&mock, profile).stream(request(model)).await.unwrap();
        let seen = collect(&mut stream).await;
        assert_eq!(seen.text, mock.text_for(PROMPT));
        assert_eq!(stream.text(), seen.text);
        assert_eq!(stream.recovered_text(), "");
        let summary = seen.end.unwrap();
        assert_eq!((summary.attempts.len(), summary.seams.len()), (1, 0));
        assert!(matches!(seen.states.first(), Some(State::Connecting { .. })));
        assert!(matches!(seen.states.last(), Some(State::Done)));
        assert_eq!(mock.ledger().requests.len(), 1);
    }
}

#[tokio::test]
async fn each_break_in_the_middle_is_healed_with_one_more_request() {
    for fault in ["rst@20", "fin@20", "end@20", "utf8@20", "chunk@20", "json@20", "error@20"] {
        for (profile, model) in ROUTES {
            let mock = mock(fault).await;
            let mut stream = client(&mock, profile).stream(request(model)).await.unwrap();
            let seen = collect(&mut stream).await;
            assert_eq!(seen.text, mock.text_for(PROMPT), "{fault} {model}");
            assert_eq!((seen.seams.len(), seen.end.unwrap().attempts.len()), (1, 2));
            assert_eq!(mock.ledger().requests.len(), 2);
        }
    }
}

#[tokio::test]
async fn each_failure_before_the_first_byte_is_retried() {
    for fault in ["close", "rst", "503", "429:ms=5", "529", "empty", "html"] {
        let mock = mock(fault).await;
        let (profile, model) = ROUTES[0];
        let mut stream = client(&mock, profile).stream(request(model)).await.unwrap();
        let seen = collect(&mut stream).await;
        assert_eq!(seen.text, mock.text_for(PROMPT), "{fault}");
        assert_eq!(seen.end.unwrap().attempts.len(), 2, "{fault}");
        let keys: Vec<_> = mock.ledger().requests.into_iter().map(|r| r.idempotency_key).collect();
        assert!(keys[0].is_some() && keys[0] == keys[1], "{fault}: the same operation, one key");
    }
}

#[tokio::test]
async fn truncation_is_never_success() {
    let mock = mock("end@10*9").await;
    let mut policy = hasty();
    policy.limits.total = 2;
    let client = builder(&mock, Profile::ANTHROPIC).policy(policy).build().unwrap();
    let mut stream = client.stream(request(ROUTES[0].1)).await.unwrap();
    let id = stream.id().clone();
    let seen = collect(&mut stream).await;
    assert!(mock.text_for(PROMPT).starts_with(&seen.text) && !seen.text.is_empty());
    let error = seen.end.unwrap_err();
    assert_eq!((error.kind(), error.checkpoint()), (ErrorKind::Incomplete, Some(&id)));
    assert!(error.is_retryable());
    assert_eq!(error.summary().unwrap().text_bytes, seen.text.len() as u64);
}

#[tokio::test]
async fn a_wrong_key_is_refused_at_once() {
    let config = Config { api_key: Some("another".into()), ..Config::default() };
    let mock = mock_with(config).await;
    let mut stream = client(&mock, ROUTES[0].0).stream(request(ROUTES[0].1)).await.unwrap();
    let error = collect(&mut stream).await.end.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(!error.is_retryable());
    assert_eq!(mock.ledger().requests.len(), 1);
}

#[tokio::test]
async fn a_deadline_ends_a_silent_stream_with_a_checkpoint() {
    let mock = mock("silent*9").await;
    let request = request(ROUTES[0].1).deadline(Duration::from_millis(200));
    let mut stream = client(&mock, ROUTES[0].0).stream(request).await.unwrap();
    let error = collect(&mut stream).await.end.unwrap_err();
    assert_eq!(error.cause(), Some(&Cause::Deadline));
    assert!(error.checkpoint().is_some());
}

#[tokio::test]
async fn raw_events_are_there_for_those_who_ask() {
    let mock = mock("").await;
    let client = builder(&mock, Profile::ANTHROPIC).events(Events::All).build().unwrap();
    let mut stream = client.stream(request(ROUTES[0].1)).await.unwrap();
    let seen = collect(&mut stream).await;
    let names: Vec<&[u8]> = seen.frames.iter().map(|frame| &frame.name[..]).collect();
    assert_eq!(names.first(), Some(&&b"message_start"[..]));
    assert_eq!(names.last(), Some(&&b"message_stop"[..]));
    let text: String = seen.frames.iter().map(|f| &stream.text()[f.text.clone()]).collect();
    assert_eq!(text, seen.text);
}

#[tokio::test]
async fn a_refused_prefill_is_learned_once_per_client() {
    let config = Config { prefill: Prefill::Refuse, tokens: 60, ..Config::default() };
    let faults = in_order("rst@20,ok,rst@20,ok");
    let mock = mock_with(Config { faults, ..config }).await;
    let client = client(&mock, ROUTES[0].0);
    for requests in [3, 5] {
        let mut stream = client.stream(request(ROUTES[0].1)).await.unwrap();
        assert_eq!(collect(&mut stream).await.text, mock.text_for(PROMPT));
        assert_eq!(mock.ledger().requests.len(), requests);
    }
}

#[tokio::test]
async fn dropping_a_stream_reaches_the_provider() {
    let mock = mock("stall@10").await;
    let mut stream = client(&mock, ROUTES[0].0).stream(request(ROUTES[0].1)).await.unwrap();
    read_some(&mut stream, 5).await;
    drop(stream);
    mock.settled().await;
    assert_eq!(mock.ledger().requests[0].ending, Ending::ClientGone);
}

#[tokio::test]
async fn next_may_be_dropped_at_any_time() {
    let mock = mock("rst@20,ok").await;
    let mut stream = client(&mock, ROUTES[0].0).stream(request(ROUTES[0].1)).await.unwrap();
    let mut text = String::new();
    loop {
        // Polls once or twice and drops the future.
        match timeout(Duration::ZERO, stream.next()).await {
            Err(_) => tokio::task::yield_now().await,
            Ok(Some(Ok(client::Event::Text(piece)))) => text.push_str(&piece),
            Ok(Some(event)) => drop(event.unwrap()),
            Ok(None) => break,
        }
    }
    assert_eq!(text, mock.text_for(PROMPT));
}

#[tokio::test]
async fn a_body_that_is_not_the_wires_is_refused_before_anything_is_sent() {
    let mock = mock("").await;
    let client = client(&mock, Profile::OPENAI);
    for body in ["", "[]", r#"{"model":"m"}"#] {
        let error = client.stream(Request::new(body)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{body:?}");
    }
    assert_eq!(mock.ledger().requests.len(), 0);
}

#[tokio::test]
async fn the_key_and_the_callers_headers_are_sent() {
    let mock = mock_with(Config { api_key: Some(KEY.into()), ..Config::default() }).await;
    for (profile, model) in ROUTES {
        let mut stream = client(&mock, profile).stream(request(model)).await.unwrap();
        collect(&mut stream).await.end.unwrap();
    }
}
