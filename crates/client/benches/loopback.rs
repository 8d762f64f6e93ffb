//! What does an event cost between the socket and the consumer? A stream of short text events
//! is read over loopback HTTP/1.1 by the client and, as the floor, by hyper alone.

use bytes::Bytes;
use client::{Client, Endpoint, Event, Events, Profile, Request, Secret};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use tokio::runtime::Runtime;

const EVENTS: usize = 20_000;
const PIECE: &str = " word";

fn loopback(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let response = response();
    let mut group = criterion.benchmark_group("client/stream/20000-events");
    group.throughput(Throughput::Elements(EVENTS as u64)).sample_size(20);
    let address = serve(response.clone());
    group.bench_function("hyper-bytes", |bencher| {
        let http = legacy::Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        bencher.iter(|| {
            let bytes = runtime.block_on(read_with_hyper(&http, address));
            assert!(bytes > EVENTS * PIECE.len());
        });
    });
    for (name, events) in [("text", Events::Text), ("all", Events::All)] {
        let client = client(address, events);
        group.bench_function(format!("client-{name}"), |bencher| {
            bencher.iter(|| {
                let bytes = runtime.block_on(read_with_client(&client));
                assert_eq!(bytes, EVENTS * PIECE.len());
            });
        });
    }
    group.finish();
    open(criterion, &runtime, address);
}

/// What a stream costs before its first event: journal, session, request.
fn open(criterion: &mut Criterion, runtime: &Runtime, address: SocketAddr) {
    let client = client(address, Events::Text);
    criterion.bench_function("client/open/1-stream/memory", |bencher| {
        bencher.iter(|| {
            let stream = runtime.block_on(client.stream(request())).expect("a valid request");
            assert_eq!(black_box(stream).text(), "");
        });
    });
}

fn client(address: SocketAddr, events: Events) -> Client {
    let endpoint = Endpoint::new(&format!("http://{address}"), Profile::ANTHROPIC);
    let endpoint = endpoint.expect("a valid URL").key(Secret::new("key"));
    Client::builder().endpoint(endpoint).events(events).build().expect("a valid client")
}

fn request() -> Request {
    Request::prompt("claude-haiku-4-5", "words")
}

async fn read_with_client(client: &Client) -> usize {
    let mut stream = client.stream(request()).await.expect("a valid request");
    let mut bytes = 0;
    while let Some(event) = stream.next().await {
        match event.expect("no error") {
            Event::Text(text) => bytes += text.len(),
            Event::End(summary) => assert_eq!(summary.attempts.len(), 1),
            _ => {}
        }
    }
    bytes
}

async fn read_with_hyper(
    http: &legacy::Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
) -> usize {
    let request = http::Request::post(format!("http://{address}/v1/messages"))
        .body(Full::new(Bytes::from_static(b"{}")))
        .expect("a valid request");
    let mut body = http.request(request).await.expect("a response").into_body();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        bytes += frame.expect("no error").into_data().map_or(0, |chunk| black_box(chunk).len());
    }
    bytes
}

/// Answers every request on every connection with the same bytes.
fn serve(response: Bytes) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let response = response.clone();
            std::thread::spawn(move || answer(stream, &response));
        }
    });
    address
}

fn answer(stream: TcpStream, response: &[u8]) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().ok()?;
            }
        }
        reader.read_exact(&mut vec![0; length]).ok()?;
        reader.get_mut().write_all(response).ok()?;
    }
}

/// An Anthropic stream, one HTTP chunk per event.
fn response() -> Bytes {
    let mut out =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            .to_vec();
    let mut event = |name: &str, data: &str| {
        let text = format!("event: {name}\ndata: {data}\n\n");
        out.extend_from_slice(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes());
    };
    event(
        "message_start",
        r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":1}}}"#,
    );
    event(
        "content_block_start",
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    );
    let delta = format!(
        r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{PIECE}"}}}}"#
    );
    for _ in 0..EVENTS {
        event("content_block_delta", &delta);
    }
    event("content_block_stop", r#"{"type":"content_block_stop","index":0}"#);
    event(
        "message_delta",
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":20000}}"#,
    );
    event("message_stop", r#"{"type":"message_stop"}"#);
    out.extend_from_slice(b"0\r\n\r\n");
    Bytes::from(out)
}

criterion_group!(benches, loopback);
criterion_main!(benches);
