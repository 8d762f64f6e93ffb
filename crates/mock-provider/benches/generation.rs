//! How fast answers are generated, and how fast they are served over a loopback socket.
//! The server must never be the slow part of a measurement.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mock_provider::{Config, Mock, Pace, Split, TextKind, TokenText};

const TOKENS: u32 = 10_000;

fn text(c: &mut Criterion) {
    let mut group = c.benchmark_group("mock-provider/text/10000");
    group.throughput(Throughput::Elements(u64::from(TOKENS)));
    for (variant, kind) in [("multilingual", TextKind::Multilingual), ("ha", periodic())] {
        group.bench_function(variant, |b| {
            b.iter(|| {
                let text = TokenText::new(kind, 1, black_box("bench"), TOKENS);
                assert_eq!(text.tokens(), TOKENS as usize);
                text
            });
        });
    }
    group.finish();
}

fn periodic() -> TextKind {
    "ha".parse().expect("a kind of text")
}

fn served(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let mut group = c.benchmark_group("mock-provider/events/10000");
    group.throughput(Throughput::Elements(u64::from(TOKENS)));
    group.sample_size(10);
    for (variant, tokens_per_write, split) in
        [("one-per-write", 1, Split::Odd), ("hundred-per-write", 100, Split::Whole)]
    {
        let pace = Pace { tokens_per_write, split, ..Pace::default() };
        let config = Config { tokens: TOKENS, pace, ..Config::default() };
        let mock = runtime.block_on(Mock::start(config)).expect("a free port");
        group.bench_function(variant, |b| {
            b.iter(|| {
                assert_eq!(fetch(mock.addr()), TOKENS as usize);
            });
        });
        runtime.block_on(mock.close());
    }
    group.finish();
}

/// Reads one whole answer and counts its tokens.
fn fetch(addr: SocketAddr) -> usize {
    let body = r#"{"model":"m","max_tokens":1000000,"stream":true,"messages":[{"role":"user","content":"bench"}]}"#;
    let head = "POST /v1/messages HTTP/1.1\r\nanthropic-version: 2023-06-01\r\nConnection: close";
    let request = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut stream = TcpStream::connect(addr).expect("the server listens");
    stream.write_all(request.as_bytes()).expect("the server reads");
    let mut received = Vec::new();
    stream.read_to_end(&mut received).expect("the server closes");
    let payload = dechunk(&received);
    let needle = b"event: content_block_delta";
    payload.windows(needle.len()).filter(|window| window == needle).count()
}

fn dechunk(received: &[u8]) -> Vec<u8> {
    let head = received.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    let mut body = &received[head + 4..];
    let mut payload = Vec::with_capacity(body.len());
    loop {
        let line = body.windows(2).position(|pair| pair == b"\r\n").expect("a size line");
        let digits = std::str::from_utf8(&body[..line]).expect("ASCII");
        let size = usize::from_str_radix(digits, 16).expect("a size");
        if size == 0 {
            return payload;
        }
        payload.extend_from_slice(&body[line + 2..line + 2 + size]);
        body = &body[line + 4 + size..];
    }
}

criterion_group!(benches, text, served);
criterion_main!(benches);
