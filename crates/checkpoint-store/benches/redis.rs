//! How many records a second does a Redis server take, per setting of its append-only file: from a
//! store, from commits of one record per stream, and from bare pipelines of the same bytes?
//!
//! Starts a `redis-server` of its own; without one it says so and measures nothing. Prints one
//! table. `--goals` fails where `everysec` misses 100,000 a second; `--seconds N` sets the length
//! of each measurement, 5 by default. The words of criterion for a short run, `--test` and
//! `--measurement-time`, make it a fifth of a second.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use checkpoint_store::conformance::crash::Directory;
use checkpoint_store::conformance::run;
use checkpoint_store::{
    Applied, Backend, Chunk, Ending, Head, Holder, Open, Options, RedisBackend, RedisOptions, Seq,
    Store, StreamId, StreamWriter,
};

use self::server::Server;

#[path = "../tests/redis/server.rs"]
mod server;

const RECORD: [u8; 100] = [b'x'; 100];

/// Records of one pipeline or batch.
const BATCH: usize = 1024;

const STREAMS: usize = 64;

const GOAL: f64 = 100_000.0;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_given = |name: &str| arguments.iter().any(|argument| argument == name);
    let seconds = arguments.iter().position(|argument| argument == "--seconds");
    let seconds = seconds.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(5.0);
    let is_short = is_given("--test") || is_given("--measurement-time");
    let time = Duration::from_secs_f64(if is_short { 0.2 } else { seconds });
    if Command::new("redis-server").arg("--version").output().is_err() {
        println!("redis-server is not installed: nothing is measured");
        return;
    }
    println!(
        "{:10} {:>12} {:>16} {:>12} {:>9}",
        "appendfsync", "store /s", "1 per chunk /s", "bare /s", "ack p50"
    );
    for policy in ["no", "everysec", "always"] {
        let (store, commits, bare) =
            (flat_out(policy, time), commits(policy, time), bare(policy, time));
        let ack = acknowledgement(policy, time);
        println!("{policy:10} {store:>12.0} {commits:>16.0} {bare:>12.0} {ack:>9.1?}");
        assert!(
            !is_given("--goals") || policy != "everysec" || store.max(commits) >= GOAL,
            "everysec misses {GOAL} a second"
        );
    }
}

struct Place {
    // Dropped in this order.
    server: Server,
    _directory: Directory,
}

fn place(policy: &str) -> Place {
    let directory = Directory::new();
    Place { server: Server::appending(directory.path(), policy), _directory: directory }
}

fn connect(place: &Place) -> Arc<RedisBackend> {
    let options = RedisOptions::default();
    Arc::new(RedisBackend::connect(&place.server.url(), options).expect("connected"))
}

fn id(stream: usize) -> StreamId {
    StreamId::new(format!("stream-{stream}")).expect("valid")
}

fn writers(store: &Store) -> Vec<StreamWriter> {
    (0..STREAMS).map(|stream| run(store.create(&id(stream))).expect("created")).collect()
}

/// Records per second of a store whose writers never rest.
fn flat_out(policy: &str, time: Duration) -> f64 {
    let place = place(policy);
    let store = Store::new(connect(&place), Options::default()).expect("a store");
    let mut writers = writers(&store);
    let start = Instant::now();
    let mut records = 0_u64;
    while start.elapsed() < time {
        for writer in &mut writers {
            for _ in 0..16 {
                run(writer.room(RECORD.len())).expect("there will be room");
                writer.append(&[&RECORD]).expect("appended");
                records += 1;
            }
        }
    }
    for writer in &mut writers {
        run(writer.flush()).expect("durable");
    }
    records as f64 / start.elapsed().as_secs_f64()
}

/// Records per second of batches with one record of each of many streams.
fn commits(policy: &str, time: Duration) -> f64 {
    let place = place(policy);
    let backend = connect(&place);
    let holder = Holder::this_process();
    let create =
        |stream| run(backend.open(&id(stream), Open::Create { holder: &holder, ttl: None }));
    let heads: Vec<Head> = (0..BATCH).map(|stream| create(stream).expect("created")).collect();
    let start = Instant::now();
    let mut next = Seq::FIRST;
    let mut records = 0;
    while start.elapsed() < time {
        let chunk =
            |head: &Head| Chunk::new(head.stream, head.epoch, next, &[&RECORD], Ending::Open);
        let batch: Arc<[Chunk]> = heads.iter().map(chunk).collect();
        let applied = run(backend.commit(batch)).expect("stored");
        next = next.next();
        assert!(applied.iter().all(|applied| *applied == Applied::Stored { next }));
        records += applied.len();
    }
    records as f64 / start.elapsed().as_secs_f64()
}

/// Entries per second of bare pipelines, over the client that the backend uses.
fn bare(policy: &str, time: Duration) -> f64 {
    let place = place(policy);
    let client = redis::Client::open(place.server.url()).expect("valid");
    let mut connection = client.get_connection().expect("connected");
    let start = Instant::now();
    let mut entries = 0;
    while start.elapsed() < time {
        let mut pipe = redis::Pipeline::new();
        for stream in 0..BATCH {
            pipe.cmd("XADD")
                .arg(format!("stream-{stream}"))
                .arg("*")
                .arg("c")
                .arg(&RECORD)
                .ignore();
        }
        pipe.exec(&mut connection).expect("stored");
        entries += BATCH;
    }
    entries as f64 / start.elapsed().as_secs_f64()
}

/// Median time to the acknowledgement of one record at a time.
fn acknowledgement(policy: &str, time: Duration) -> Duration {
    let place = place(policy);
    let store = Store::new(connect(&place), Options::default()).expect("a store");
    let mut writer = run(store.create(&id(0))).expect("created");
    let start = Instant::now();
    let mut times = Vec::new();
    while start.elapsed() < time {
        let begun = Instant::now();
        writer.append(&[&RECORD]).expect("appended");
        run(writer.flush()).expect("durable");
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    times[times.len() / 2]
}
