//! A client on pipes in memory, in the time of a paused runtime: silence of minutes costs nothing, and
//! every clock is exact.

use client::{
    Break, Carrier, Cause, Client, Connect, Connecting, Endpoint, Nanos, Pipe, Profile, Proxy,
    Timeouts,
};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::Instant;

use crate::rig::{Seen, collect, request};

/// A network of one server whose connections do as they are told, in order.
#[derive(Clone, Default)]
struct Network {
    script: Arc<Mutex<Vec<Does>>>,
    /// Who was asked for, and when.
    asked: Arc<Mutex<Vec<(String, u16, Instant)>>>,
    /// The methods of the requests.
    methods: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
enum Does {
    Refuse,
    /// It never comes about.
    Nothing,
    /// Answers with these bytes and stays open.
    Say(String),
}

impl Network {
    fn of(script: &[Does]) -> Self {
        let script = Arc::new(Mutex::new(script.iter().rev().cloned().collect()));
        Self { script, ..Self::default() }
    }

    fn asked(&self) -> Vec<(String, u16, Instant)> {
        self.asked.lock().expect("no panic").clone()
    }
}

impl Connect for Network {
    fn connect(&self, host: &str, port: u16) -> Connecting {
        self.asked.lock().expect("no panic").push((host.to_owned(), port, Instant::now()));
        let methods = Arc::clone(&self.methods);
        let does = self.script.lock().expect("no panic").pop().unwrap_or(Does::Refuse);
        Box::pin(async move {
            let answer = match does {
                Does::Refuse => return Err(io::ErrorKind::ConnectionRefused.into()),
                Does::Nothing => std::future::pending().await,
                Does::Say(answer) => answer,
            };
            let (here, there) = duplex(64 << 10);
            tokio::spawn(serve(there, answer, methods));
            Ok(Box::new(here) as Box<dyn Pipe>)
        })
    }
}

/// Answers the first request and reads until the client leaves.
async fn serve(mut there: DuplexStream, answer: String, methods: Arc<Mutex<Vec<String>>>) {
    let mut asked = vec![0; 16 << 10];
    let read = there.read(&mut asked).await;
    let method = asked.split(|byte| *byte == b' ').next().unwrap_or_default();
    methods.lock().expect("no panic").push(String::from_utf8_lossy(method).into_owned());
    if read.is_ok_and(|bytes| bytes > 0) && there.write_all(answer.as_bytes()).await.is_ok() {
        while there.read(&mut asked).await.is_ok_and(|bytes| bytes > 0) {}
    }
}

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

fn chunk(text: &str) -> String {
    format!(r#"data: {{"id":"1","choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}"#)
        + "\n\n"
}

fn whole(text: &str) -> Does {
    let stop = r#"data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    Does::Say(format!("{HEAD}{}{stop}\n\ndata: [DONE]\n\n", chunk(text)))
}

const TIMEOUTS: Timeouts = Timeouts {
    connect: Nanos::from_secs(10),
    first_token: Nanos::from_secs(200),
    idle: Nanos::from_secs(300),
    bytes: Nanos::from_secs(100),
    sentinel: Nanos::from_secs(30),
};

fn builder(network: &Network, url: &str) -> client::Builder {
    of(network, Endpoint::new(url, Profile::OPENAI).expect("a valid URL"))
}

fn of(network: &Network, endpoint: Endpoint) -> client::Builder {
    let builder = Client::builder().endpoint(endpoint).timeouts(TIMEOUTS).no_proxy();
    builder.policy(crate::rig::hasty()).connector(network.clone())
}

async fn seen(builder: client::Builder) -> Seen {
    let client = builder.build().expect("a valid client");
    let mut stream = client.stream(request("gpt-4.1")).await.expect("a valid request");
    collect(&mut stream).await
}

fn causes(seen: &Seen) -> Vec<Option<Cause>> {
    let summary = seen.end.as_ref().expect("it is whole");
    summary.attempts.iter().map(|attempt| attempt.cause.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_client_runs_on_pipes_and_its_clocks_are_those_of_the_runtime() {
    let begun = Does::Say(format!("{HEAD}{}", chunk("calm ")));
    let network = Network::of(&[Does::Refuse, Does::Nothing, begun, whole("calm sea")]);
    let began = Instant::now();
    let seen = seen(builder(&network, "http://provider.example:8080")).await;
    assert_eq!(seen.text, "calm sea", "{:?}", seen.states);
    let expected = [
        Some(Cause::Broke(Break::Refused)),
        Some(Cause::ConnectTimeout),
        Some(Cause::ByteTimeout),
        None,
    ];
    assert_eq!(causes(&seen), expected);
    let asked = network.asked();
    assert!(asked.iter().all(|(host, port, _)| host == "provider.example" && *port == 8080));
    let after = |one: usize| asked[one].2 - began;
    assert!(after(1) < Duration::from_secs(5), "{:?}", after(1));
    let connect = TIMEOUTS.connect.as_duration();
    assert!(after(2) - after(1) >= connect && after(2) - after(1) < 2 * connect);
    let (silence, suspected) = (TIMEOUTS.bytes.as_duration(), Duration::from_secs(45));
    let opened = after(3) - after(2) + suspected;
    assert!(opened >= silence && opened < 2 * silence, "the last one stood beforehand");
    assert!(began.elapsed() - after(2) >= silence);
}

#[tokio::test(start_paused = true)]
async fn a_proxy_is_reached_by_the_same_connector_and_addresses_have_no_brackets() {
    let network = Network::of(&[whole("through")]);
    let proxy = Proxy::new("http://proxy.example:3128").expect("a proxy");
    let builder = builder(&network, "http://provider.example").proxy(proxy);
    assert_eq!(seen(builder).await.text, "through");
    let network = Network::of(&[whole("straight")]);
    assert_eq!(seen(self::builder(&network, "http://[::1]:81")).await.text, "straight");
    let asked = [&network.asked()[0]];
    assert_eq!(asked.map(|(host, port, _)| (host.as_str(), *port)), [("::1", 81)]);
}

#[tokio::test(start_paused = true)]
async fn a_server_without_sockets_is_asked_for_them_again_after_a_minute() {
    let say = |status| {
        let rest = "connection: close\r\ncontent-length: 0\r\n\r\n";
        Does::Say(format!("HTTP/1.1 {status}\r\n{rest}"))
    };
    let (none, refused) = (say("404 No"), say("400 No"));
    let script = [&none, &refused, &refused, &refused, &none, &refused].map(Clone::clone);
    let network = Network::of(&script);
    let endpoint = Endpoint::new("http://provider.example", Profile::OPENAI_RESPONSES)
        .and_then(|endpoint| endpoint.carried_by(Carrier::WebSocket));
    let client = of(&network, endpoint.expect("the wire has sockets")).build().expect("a client");
    let began = Instant::now();
    // Each request ends with the refusal; how it was asked is the point.
    for pause in [0, 30, 29, 1] {
        tokio::time::advance(Duration::from_secs(pause)).await;
        let mut stream = client.stream(request("gpt-5")).await.expect("a valid request");
        assert!(collect(&mut stream).await.end.is_err());
    }
    let methods = network.methods.lock().expect("no panic").clone();
    assert_eq!(methods, ["GET", "POST", "POST", "POST", "GET", "POST"]);
    assert_eq!(began.elapsed().as_secs(), 60, "no clock was waited for");
}
