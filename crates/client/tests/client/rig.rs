//! A mock provider, a client for it and what came out of a stream.

use client::{
    Client, Endpoint, Error, Event, Policy, Profile, Prompt, Request, ResponseStream, Seam, Secret,
    State, Summary,
};
use client::{Nanos, retry_policy::Backoff};
use mock_provider::{Config, Faults, Mock};
use std::io::{Read, Write};
use std::net::TcpListener;

pub(crate) const PROMPT: &str = "Write about the sea";
pub(crate) const KEY: &str = "sk-rig-5up3r-s3cr3t-0123456789";

/// Models and profiles such that every way to go on is covered.
pub(crate) const ROUTES: [(Profile, &str); 3] = [
    (Profile::ANTHROPIC, "claude-haiku-4-5"),
    (Profile::ANTHROPIC, "claude-opus-4-6"),
    (Profile::OPENAI, "gpt-4.1"),
];

pub(crate) async fn mock(script: &str) -> Mock {
    mock_with(Config { faults: in_order(script), tokens: 60, ..Config::default() }).await
}

pub(crate) async fn mock_with(config: Config) -> Mock {
    Mock::start(config).await.expect("a loopback port is free")
}

pub(crate) fn in_order(script: &str) -> Faults {
    Faults::InOrder(script.parse().expect("a valid script"))
}

pub(crate) fn endpoint(mock: &Mock, profile: Profile) -> Endpoint {
    Endpoint::new(&mock.url(), profile).expect("a mock's URL is valid").key(Secret::new(KEY))
}

/// A client that loses no time between attempts.
pub(crate) fn builder(mock: &Mock, profile: Profile) -> client::Builder {
    Client::builder().endpoint(endpoint(mock, profile)).policy(hasty())
}

pub(crate) fn client(mock: &Mock, profile: Profile) -> Client {
    builder(mock, profile).build().expect("a valid client")
}

pub(crate) fn hasty() -> Policy {
    let base = Nanos::from_millis(1);
    let cap = Nanos::from_millis(5);
    Policy {
        backoff: Backoff::Full { base, cap },
        throttle_base: base,
        overload_base: base,
        ..Policy::DEFAULT
    }
}

pub(crate) fn request(model: &str) -> Request {
    Prompt::new(model, PROMPT).max_tokens(1000).into()
}

/// All that a stream yielded.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) text: String,
    pub(crate) seams: Vec<Seam>,
    pub(crate) states: Vec<State>,
    pub(crate) frames: Vec<client::Frame>,
    pub(crate) end: Result<Summary, Error>,
}

/// Reads a stream to its end and checks that nothing follows it.
pub(crate) async fn collect(stream: &mut ResponseStream) -> Seen {
    let (mut text, mut seams, mut states, mut frames) = (String::new(), vec![], vec![], vec![]);
    let end = loop {
        match stream.next().await.expect("a stream ends with an end or an error") {
            Ok(Event::Text(piece)) => text.push_str(&piece),
            Ok(Event::Seam(seam)) => seams.push(seam),
            Ok(Event::State(state)) => states.push(state),
            Ok(Event::Frame(frame)) => frames.push(frame),
            Ok(Event::End(summary)) => break Ok(*summary),
            Ok(_) => {}
            Err(error) => break Err(error),
        }
    };
    assert!(stream.next().await.is_none(), "something follows the end");
    assert!(stream.text().ends_with(&text));
    Seen { text, seams, states, frames, end }
}

/// Reads until `bytes` of text came.
pub(crate) async fn read_some(stream: &mut ResponseStream, bytes: usize) -> String {
    let mut text = String::new();
    while text.len() < bytes {
        match stream.next().await.expect("the stream goes on").expect("no error") {
            Event::Text(piece) => text.push_str(&piece),
            Event::End(_) => panic!("the stream ended early"),
            _ => {}
        }
    }
    text
}

/// Answers every request with an error that quotes the header line that begins with `prefix`.
pub(crate) fn quoting_server(prefix: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 8192];
            let length = stream.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let value = request.lines().find_map(|line| line.strip_prefix(prefix));
            let message = format!("no account has {} today", value.unwrap_or("nothing"));
            let body = format!(r#"{{"error":{{"message":"{message}","code":"invalid_api_key"}}}}"#);
            let head =
                "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\nconnection: close";
            let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        }
    });
    url
}
