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
    let backoff = Backoff::Full { base, cap };
    Policy { backoff, throttle: backoff, overload: backoff, ..Policy::DEFAULT }
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
    serve(move |request| {
        let message = format!("no account has {} today", quote(request, prefix));
        let error = format!(r#"{{"message":"{message}","code":"invalid_api_key"}}"#);
        answer("401 Unauthorized", "application/json", &format!(r#"{{"error":{error}}}"#))
    })
}

/// Answers the first request with an error whose message and code quote a header line, and the
/// following with a whole response.
pub(crate) fn server_that_quotes_once(prefix: &'static str) -> String {
    let mut requests = 0;
    serve(move |request| {
        requests += 1;
        if requests > 1 {
            return answer("200 OK", "text/event-stream", CHAT);
        }
        let quoted = quote(request, prefix);
        let error = format!(r#"{{"message":"lost {quoted} on the way","code":"{quoted}"}}"#);
        answer("500 Oops", "application/json", &format!(r#"{{"error":{error}}}"#))
    })
}

const CHAT: &str = concat!(
    r#"data: {"id":"1","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}"#,
    "\n\ndata: [DONE]\n\n"
);

fn quote<'a>(request: &'a str, prefix: &str) -> &'a str {
    request.lines().find_map(|line| line.strip_prefix(prefix)).unwrap_or("nothing")
}

pub(crate) fn answer(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

/// A server that has one answer for a connection.
pub(crate) fn serve(mut answer: impl FnMut(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 8192];
            let length = stream.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            // The client may have left.
            let _ = stream.write_all(answer(&request).as_bytes());
        }
    });
    url
}
