//! What does one whole response cost end to end, unbroken and broken three times?
//!
//! Client and mock share one process and one machine: read the ratios. The floor writes the
//! same request by hand and reads the answer's bytes off the socket without looking at them.

use client::{Client, Endpoint, Event, Profile, Request, Store};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mock_provider::{Config, Faults, Mock, Script};
use retry_policy::{Backoff, Nanos, Policy};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

const TOKENS: u32 = 600;
const MODEL: &str = "claude-haiku-4-5";

/// Prompts differ, because the mock's scripts run per prompt.
static PROMPT: AtomicU64 = AtomicU64::new(0);

fn prompt() -> String {
    format!("prompt {}", PROMPT.fetch_add(1, Ordering::Relaxed))
}

fn mock(runtime: &Runtime, script: &str) -> Mock {
    let script: Script = script.parse().expect("a valid script");
    let config = Config { tokens: TOKENS, faults: Faults::PerPrompt(script), ..Config::default() };
    runtime.block_on(Mock::start(config)).expect("loopback has a free port")
}

/// Waits next to nothing between attempts: the wait is a choice, not a cost.
fn hasty() -> Policy {
    let backoff = Backoff::None { base: Nanos::from_micros(1), cap: Nanos::from_micros(1) };
    Policy { backoff, ..Policy::DEFAULT }
}

fn client(mock: &Mock, store: Store) -> Client {
    let endpoint = Endpoint::new(&mock.url(), Profile::ANTHROPIC).expect("a valid URL");
    let builder = Client::builder().endpoint(endpoint).policy(hasty()).checkpoints(store);
    builder.build().expect("a valid configuration")
}

async fn receive(client: &Client, mock: &Mock) {
    let prompt = prompt();
    let expected = mock.text_for(&prompt);
    let mut stream = client.stream(Request::prompt(MODEL, prompt)).await.expect("a valid request");
    let mut text = String::new();
    while let Some(event) = stream.next().await {
        if let Event::Text(more) = event.expect("the stream survives") {
            text.push_str(&more);
        }
    }
    assert_eq!(text, expected);
}

async fn read_raw(addr: SocketAddr) -> usize {
    let body = format!(
        r#"{{"model":"{MODEL}","max_tokens":4096,"stream":true,"messages":[{{"role":"user","content":"{}"}}]}}"#,
        prompt()
    );
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nanthropic-version: 2023-06-01\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut socket = TcpStream::connect(addr).await.expect("the mock listens");
    socket.write_all((head + &body).as_bytes()).await.expect("the mock reads");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.expect("the mock answers");
    assert!(answer.windows(12).any(|window| window == b"message_stop"));
    answer.len()
}

fn end_to_end(c: &mut Criterion) {
    let runtime = Runtime::new().expect("threads for a runtime");
    let dir = std::env::temp_dir().join(format!("unbroken-bench-{}", std::process::id()));
    let whole = mock(&runtime, "ok");
    let broken = mock(&runtime, "rst@150,fin@150,end@150");
    let mut group = c.benchmark_group("end-to-end/response");
    group.throughput(Throughput::Elements(u64::from(TOKENS)));
    group.bench_function("anthropic/600/floor", |b| {
        b.iter(|| runtime.block_on(read_raw(whole.addr())));
    });
    let memory = client(&whole, Store::memory());
    group.bench_function("anthropic/600/memory", |b| {
        b.iter(|| runtime.block_on(receive(&memory, &whole)));
    });
    let cut = client(&broken, Store::memory());
    group.bench_function("anthropic/600/memory-cut-3-times", |b| {
        b.iter(|| runtime.block_on(receive(&cut, &broken)));
    });
    let sled = client(&whole, Store::sled(&dir).expect("a writable folder"));
    group.bench_function("anthropic/600/sled", |b| {
        b.iter(|| runtime.block_on(receive(&sled, &whole)));
    });
    group.finish();
    drop(sled);
    std::fs::remove_dir_all(&dir).expect("the folder is ours");
}

criterion_group!(benches, end_to_end);
criterion_main!(benches);
