//! A key, a prompt and an answer are nowhere but on the wire.

use client::{Client, Endpoint, ErrorKind, Profile, Request, Secret, Store};
use mock_provider::Config;
use std::sync::Arc;

use crate::rig::{
    KEY, PROMPT, builder, collect, hasty, mock_with, quoting_server, read_some,
    server_that_quotes_once,
};

#[tokio::test]
async fn no_log_error_or_checkpoint_shows_a_key_or_a_prompt() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(Arc::new(log.reopen().unwrap()))
        .finish();
    // For all threads: what other tests of this binary log has to be clean as well.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let mut shown = String::new();
    for profile in [Profile::ANTHROPIC, Profile::OPENAI] {
        let config = Config { api_key: Some("another".into()), ..Config::default() };
        let mock = mock_with(config).await;
        let store = Store::memory();
        let client = builder(&mock, profile).checkpoints(store.clone()).build().unwrap();
        let request = Request::prompt("m", PROMPT);
        shown += &format!("{client:?} {request:?} {:?}", builder(&mock, profile));
        let mut stream = client.stream(request).await.unwrap();
        let seen = collect(&mut stream).await;
        shown += &format!("{stream:?} {:?}", seen.states);
        let error = seen.end.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        shown += &format!("{error} {error:?} {:?}", error.summary());
        let page = store.read(stream.id(), None, usize::MAX).await.unwrap();
        let stored: Vec<u8> = page.records().flat_map(|record| record.bytes).copied().collect();
        assert!(!String::from_utf8_lossy(&stored).contains(KEY));
    }
    let healthy = mock_with(Config::default()).await;
    let client = builder(&healthy, Profile::OPENAI).build().unwrap();
    let mut stream = client.stream(Request::prompt("m", PROMPT)).await.unwrap();
    read_some(&mut stream, 100).await;
    let answer = stream.text().to_owned();
    let log = std::fs::read_to_string(log.path()).unwrap();
    assert!(log.contains("state"), "nothing was logged");
    for text in [&shown, &log] {
        assert!(!text.contains(KEY) && !text.contains(PROMPT) && !text.contains(&answer), "{text}");
    }
}

#[tokio::test]
async fn a_key_that_the_provider_quotes_is_not_passed_on() {
    const PLAIN: &str = "not-shaped-like-a-key";
    let url = quoting_server("authorization: Bearer ");
    let endpoint = Endpoint::new(&url, Profile::OPENAI).unwrap().key(Secret::new(PLAIN));
    let client = Client::builder().endpoint(endpoint).build().unwrap();
    let mut stream = client.stream(Request::prompt("m", PROMPT)).await.unwrap();
    let seen = collect(&mut stream).await;
    let error = seen.end.unwrap_err();
    let shown = format!("{error} {error:?} {:?} {:?}", error.summary(), seen.states);
    assert!(shown.contains("no account has [key] today"), "{shown}");
    assert!(!shown.contains(PLAIN), "{shown}");
}

#[tokio::test]
async fn a_failure_that_was_healed_does_not_pass_on_a_key_or_a_header() {
    const PLAIN: &str = "not-shaped-like-a-key";
    let key = Secret::new(PLAIN);
    let by_key = |endpoint: Endpoint| endpoint.key(key.clone());
    let by_header = |endpoint: Endpoint| {
        endpoint.header("x-gateway", &format!("Bearer {PLAIN}")).expect("a header")
    };
    for (prefix, endpoint) in [
        ("authorization: Bearer ", &by_key as &dyn Fn(Endpoint) -> Endpoint),
        ("x-gateway: Bearer ", &by_header),
    ] {
        let url = server_that_quotes_once(prefix);
        let endpoint = endpoint(Endpoint::new(&url, Profile::OPENAI).unwrap());
        let client = Client::builder().endpoint(endpoint).policy(hasty()).build().unwrap();
        let mut stream = client.stream(Request::prompt("m", PROMPT)).await.unwrap();
        let seen = collect(&mut stream).await;
        let summary = seen.end.unwrap();
        assert_eq!(summary.attempts.len(), 2);
        let shown = format!("{summary:?} {:?}", seen.states);
        assert!(shown.contains("lost [key] on the way"), "{shown}");
        assert!(!shown.contains(PLAIN), "{shown}");
    }
}
