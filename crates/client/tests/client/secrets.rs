//! A key, a prompt and an answer are nowhere but on the wire.

use client::{Client, Endpoint, ErrorKind, Profile, Request, Secret, Store};
use mock_provider::Config;
use std::sync::Arc;

use crate::rig::{KEY, PROMPT, builder, collect, mock_with, quoting_server, read_some};

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
