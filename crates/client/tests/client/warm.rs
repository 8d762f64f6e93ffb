//! A response that falls silent goes on over a connection that stood before the verdict, on pipes in
//! memory with the delay of a real network and in the time of a paused runtime.

use client::{
    Builder, Client, Connect, Connecting, Endpoint, Event, Nanos, Pipe, Profile, ResponseStream,
    State, Timeouts,
};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex, split};
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::{Instant, sleep, sleep_until};

use crate::rig::{hasty, request};

/// One way; a round trip is twice that.
const DELAY: Duration = Duration::from_millis(100);
const ROUND_TRIP: Duration = Duration::from_millis(200);

const TIMEOUTS: Timeouts = Timeouts {
    connect: Nanos::from_secs(10),
    first_token: Nanos::from_secs(50),
    idle: Nanos::from_secs(50),
    bytes: Nanos::from_secs(20),
    sentinel: Nanos::from_secs(5),
};

/// Two servers at the end of long wires. Of each the first connection says a little and falls silent,
/// the others answer whole.
#[derive(Clone, Default)]
struct Network(Arc<Mutex<Vec<Opened>>>);

#[derive(Clone)]
struct Opened {
    host: String,
    at: Instant,
    asked: Arc<Mutex<Option<Instant>>>,
}

impl Network {
    fn opened(&self) -> Vec<Opened> {
        self.0.lock().expect("no panic").clone()
    }
}

impl Opened {
    fn asked(&self) -> Option<Instant> {
        *self.asked.lock().expect("no panic")
    }
}

impl Connect for Network {
    fn connect(&self, host: &str, _: u16) -> Connecting {
        let opened = Opened { host: host.to_owned(), at: Instant::now(), asked: Arc::default() };
        let mut all = self.0.lock().expect("no panic");
        let is_first = all.is_empty();
        all.push(opened.clone());
        drop(all);
        Box::pin(async move {
            sleep(ROUND_TRIP).await;
            let (here, near) = duplex(64 << 10);
            let (far, there) = duplex(64 << 10);
            tokio::spawn(serve(there, is_first, opened));
            let ((near_read, near_write), (far_read, far_write)) = (split(near), split(far));
            tokio::spawn(delay(near_read, far_write));
            tokio::spawn(delay(far_read, near_write));
            Ok(Box::new(here) as Box<dyn Pipe>)
        })
    }
}

/// Each byte arrives after [`DELAY`].
async fn delay(
    mut from: impl AsyncRead + Unpin + Send + 'static,
    mut to: impl AsyncWrite + Unpin + Send + 'static,
) -> io::Result<()> {
    let (send, mut late) = unbounded_channel();
    tokio::spawn(async move {
        let mut piece = vec![0; 4096];
        while let Ok(bytes @ 1..) = from.read(&mut piece).await {
            if send.send((Instant::now() + DELAY, piece[..bytes].to_vec())).is_err() {
                return;
            }
        }
    });
    while let Some((at, piece)) = late.recv().await {
        sleep_until(at).await;
        to.write_all(&piece).await?;
    }
    to.shutdown().await
}

async fn serve(mut there: DuplexStream, is_silent: bool, opened: Opened) {
    let mut asked = vec![0; 16 << 10];
    if there.read(&mut asked).await.is_ok_and(|bytes| bytes > 0) {
        *opened.asked.lock().expect("no panic") = Some(Instant::now());
        let answer = if is_silent { begun() } else { whole() };
        let _ = there.write_all(answer.as_bytes()).await;
        while there.read(&mut asked).await.is_ok_and(|bytes| bytes > 0) {}
    }
}

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

fn begun() -> String {
    let text = r#"{"id":"1","choices":[{"index":0,"delta":{"content":"The calm "}}]}"#;
    format!("{HEAD}data: {text}\n\n")
}

fn whole() -> String {
    let text = r#"{"id":"2","choices":[{"index":0,"delta":{"content":"The calm sea"}}]}"#;
    let stop = r#"{"id":"2","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    format!("{HEAD}data: {text}\n\ndata: {stop}\n\ndata: [DONE]\n\n")
}

fn client(network: &Network, hosts: &[&str]) -> Client {
    let builder = Client::builder().timeouts(TIMEOUTS).no_proxy().policy(hasty());
    let endpoint = |host: &&str| {
        Endpoint::new(&format!("http://{host}"), Profile::OPENAI).expect("a valid URL")
    };
    let builder = hosts.iter().map(endpoint).fold(builder, Builder::endpoint);
    builder.connector(network.clone()).build().expect("a valid client")
}

/// When the silent attempt was given up, and when text came after it.
async fn moved(stream: &mut ResponseStream) -> (Instant, Instant) {
    let (mut verdict, mut first) = (None, None);
    while let Some(event) = stream.next().await {
        match event.expect("it is whole in the end") {
            Event::State(State::Disconnected { .. }) => verdict = Some(Instant::now()),
            Event::Text(_) if verdict.is_some() => {
                first.get_or_insert_with(Instant::now);
            }
            _ => {}
        }
    }
    assert_eq!(stream.text(), "The calm sea");
    (verdict.expect("it was silent"), first.expect("it went on"))
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_goes_on_a_round_trip_after_the_verdict_at_the_other_endpoint() {
    let network = Network::default();
    let client = client(&network, &["one.example", "two.example"]);
    let mut stream = client.stream(request("gpt-4.1")).await.expect("a valid request");
    let (verdict, first) = moved(&mut stream).await;
    let opened = network.opened();
    assert_eq!(opened.len(), 2, "no other connection was needed");
    assert_ne!(opened[0].host, opened[1].host);
    let suspected = TIMEOUTS.bytes.as_duration() / 2;
    assert!(opened[1].at < verdict - suspected + ROUND_TRIP, "it stood when it was needed");
    assert!(opened[1].asked().is_some_and(|at| at > verdict), "nothing is sent on a suspicion");
    let took = first - verdict;
    assert!(took >= ROUND_TRIP && took < ROUND_TRIP + DELAY, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn at_one_endpoint_it_goes_on_there() {
    let network = Network::default();
    let client = client(&network, &["one.example"]);
    let mut stream = client.stream(request("gpt-4.1")).await.expect("a valid request");
    let (verdict, first) = moved(&mut stream).await;
    assert_eq!(network.opened().len(), 2);
    assert!(first - verdict < ROUND_TRIP + DELAY);
}

#[tokio::test(start_paused = true)]
async fn a_suspicion_that_was_wrong_costs_a_connection_and_no_request() {
    let network = Network::default();
    let client = client(&network, &["one.example"]);
    let mut stream = client.stream(request("gpt-4.1")).await.expect("a valid request");
    let until = Instant::now() + TIMEOUTS.bytes.as_duration() * 3 / 4;
    let watched = async { while stream.next().await.is_some() {} };
    assert!(tokio::time::timeout_at(until, watched).await.is_err(), "it is not over");
    drop(stream);
    let opened = network.opened();
    assert_eq!(opened.iter().filter(|it| it.asked().is_some()).count(), 1);
    assert_eq!(opened.len(), 2);
}
