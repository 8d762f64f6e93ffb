//! What does a store on disk do under the load of many responses that are written at the speed of
//! their tokens? Acknowledgement, bytes on disk, resume, delete and reopen, after a paced run.
//!
//! Prints one table. `--goals` fails where sled misses a goal; `sled` or `redb` picks one backend;
//! `--seconds N` sets the length of a run, 20 by default. The words of criterion for a short run,
//! `--test` and `--measurement-time`, make it one second.

use std::fs;
use std::future::Future;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use checkpoint_store::StreamWriter;
use checkpoint_store::{Backend, ErrorKind, Options, PAGE_BYTES, Seq, Store, StoreError, StreamId};

const RECORD: [u8; 100] = *b"data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" and the words\"}}";

type Open = fn(&Path) -> Result<Arc<dyn Backend>, StoreError>;

/// A load and what is asked of sled under it.
struct Load {
    streams: usize,
    /// Events per second of each stream.
    rate: u32,
    ack_p50_max: Duration,
}

const LOADS: [Load; 2] = [
    Load { streams: 64, rate: 80, ack_p50_max: Duration::from_millis(20) },
    Load { streams: 1024, rate: 50, ack_p50_max: Duration::from_millis(60) },
];

const RESUME_MAX: Duration = Duration::from_micros(100);
const DISK_MAX: f64 = 2.8;
const REOPEN_MAX: Duration = Duration::from_millis(200);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_given = |name: &str| arguments.iter().any(|argument| argument == name);
    let is_short = is_given("--test") || is_given("--measurement-time");
    let seconds = arguments.iter().position(|argument| argument == "--seconds");
    let seconds = seconds.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(20);
    let run_for = Duration::from_secs(if is_short { 1 } else { seconds });
    let names = ["sled", "redb"];
    let chosen = |name: &&str| is_given(name);
    let all = !names.iter().any(chosen);

    println!(
        "{:24} {:>8} {:>8} {:>8} {:>8} {:>7} {:>9} {:>9} {:>9}",
        "load", "ack p50", "p99", "events", "disk", "closed", "resume", "delete", "reopen"
    );
    let mut missed = Vec::new();
    for (name, open) in backends() {
        if !all && !chosen(&name) {
            continue;
        }
        for load in &LOADS {
            let measured = measure(open, load, run_for);
            let label = format!("{name} {} x {}/s", load.streams, load.rate);
            measured.print(&label);
            if name == "sled" && is_given("--goals") {
                missed.extend(
                    measured.missed(load).into_iter().map(|goal| format!("{label}: {goal}")),
                );
            }
        }
    }
    assert!(missed.is_empty(), "missed: {missed:?}");
}

fn backends() -> Vec<(&'static str, Open)> {
    vec![
        #[cfg(feature = "sled")]
        ("sled", |path| {
            let options = checkpoint_store::SledOptions::default();
            Ok(Arc::new(checkpoint_store::SledBackend::open(path, options)?))
        }),
        #[cfg(feature = "redb")]
        ("redb", |path| {
            let options = checkpoint_store::RedbOptions::default();
            Ok(Arc::new(checkpoint_store::RedbBackend::open(path, options)?))
        }),
    ]
}

struct Measured {
    ack_p50: Duration,
    ack_p99: Duration,
    events: u64,
    /// Bytes on disk per byte of payload while the streams are open, and after they were closed.
    disk: f64,
    disk_closed: f64,
    resume: Duration,
    delete: Duration,
    reopen: Duration,
}

impl Measured {
    fn print(&self, label: &str) {
        let Self { events, disk, disk_closed, .. } = self;
        println!(
            "{label:24} {:>8.1?} {:>8.1?} {events:>8} {disk:>7.2}x {disk_closed:>6.2}x {:>9.1?} {:>9.1?} {:>9.1?}",
            self.ack_p50, self.ack_p99, self.resume, self.delete, self.reopen
        );
    }

    fn missed(&self, load: &Load) -> Vec<&'static str> {
        let goals = [
            (self.ack_p50 <= load.ack_p50_max, "acknowledgement"),
            (self.disk <= DISK_MAX && self.disk_closed <= DISK_MAX, "bytes on disk"),
            (self.resume <= RESUME_MAX, "resume"),
            (self.reopen <= REOPEN_MAX || self.events > 150_000, "reopen"),
        ];
        goals.iter().filter(|(is_met, _)| !is_met).map(|(_, goal)| *goal).collect()
    }
}

fn measure(open: Open, load: &Load, run_for: Duration) -> Measured {
    let directory = tempfile::tempdir().expect("a directory");
    let backend = open(directory.path()).expect("a new store");
    let store = Store::new(Arc::clone(&backend), Options::default()).expect("it does not ask");
    let mut writers: Vec<_> = (0..load.streams).map(|stream| create(&store, stream)).collect();
    let mut acks = pace(&mut writers, load.rate, run_for);
    acks.sort_unstable();
    let events = acks.len() as u64;
    let payload = events as f64 * RECORD.len() as f64;
    let disk = bytes_under(directory.path()) as f64 / payload;

    let lasts: Vec<_> = writers.iter().map(|writer| writer.last().expect("appended")).collect();
    for writer in writers {
        run(writer.close()).expect("closed");
    }
    let disk_closed = bytes_under(directory.path()) as f64 / payload;
    for (stream, last) in lasts.iter().enumerate() {
        verify(&store, stream, *last);
    }
    let resume = time_resume(&*backend);
    drop((store, backend));
    let (backend, reopen) = reopen(open, directory.path());
    let (resume, delete) = (resume.min(time_resume(&*backend)), time_delete(&*backend));
    let (ack_p50, ack_p99) = (acks[acks.len() / 2], acks[acks.len() * 99 / 100]);
    Measured { ack_p50, ack_p99, events, disk, disk_closed, resume, delete, reopen }
}

/// Appends to every stream at its rate, spread over time, and gives the time to each
/// acknowledgement.
fn pace(writers: &mut [StreamWriter], rate: u32, run_for: Duration) -> Vec<Duration> {
    let tick = Duration::from_millis(1);
    let start = Instant::now();
    let streams = writers.len();
    let mut waiting = vec![std::collections::VecDeque::new(); streams];
    let mut acks = Vec::new();
    let mut sent = 0;
    loop {
        let now = start.elapsed();
        let total = streams as f64 * f64::from(rate);
        let goal = (now.min(run_for).as_secs_f64() * total) as usize;
        while sent < goal {
            let stream = sent % streams;
            let seq = writers[stream].append(&[&RECORD]).expect("there is room");
            waiting[stream].push_back((seq, Instant::now()));
            sent += 1;
        }
        for (writer, waiting) in writers.iter().zip(&mut waiting) {
            let durable = writer.durable();
            while let Some((_, at)) = waiting.pop_front_if(|(seq, _)| Some(*seq) <= durable) {
                acks.push(at.elapsed());
            }
        }
        if now >= run_for && acks.len() == sent {
            return acks;
        }
        thread::sleep(tick);
    }
}

/// A reader that saw all but the last 1,000 records reads them; the median of 50.
fn time_resume(backend: &dyn Backend) -> Duration {
    let last = run(backend.stat(&id(0))).expect("it is there").last.expect("not empty");
    let after = Seq::new(last.value().saturating_sub(1000));
    let mut times: Vec<_> = (0..50)
        .map(|_| {
            let start = Instant::now();
            let page =
                black_box(run(backend.read(&id(0), after, PAGE_BYTES)).expect("the page reads"));
            let time = start.elapsed();
            assert_eq!((page.last(), page.len() as u64), (Some(last), last.value().min(1000)));
            time
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn time_delete(backend: &dyn Backend) -> Duration {
    let start = Instant::now();
    run(backend.delete(&id(0))).expect("deleted");
    let time = start.elapsed();
    assert_eq!(run(backend.stat(&id(0))).map(drop).expect_err("gone").kind(), ErrorKind::NotFound);
    time
}

/// Opens a store that was just let go, and gives the time of the open that succeeded.
fn reopen(open: Open, path: &Path) -> (Arc<dyn Backend>, Duration) {
    loop {
        let start = Instant::now();
        match open(path) {
            Ok(backend) => {
                let time = start.elapsed();
                run(backend.stat(&id(0))).expect("it is there");
                return (backend, time);
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Locked),
        }
    }
}

fn verify(store: &Store, stream: usize, last: Seq) {
    let mut seen = None;
    while seen < Some(last) {
        let page = run(store.read(&id(stream), seen, PAGE_BYTES)).expect("the page reads");
        for record in page.records() {
            assert_eq!((record.seq, record.bytes), (Seq::after(seen), &RECORD[..]));
            seen = Some(record.seq);
        }
    }
}

fn create(store: &Store, stream: usize) -> StreamWriter {
    run(store.create(&id(stream))).expect("created")
}

fn id(stream: usize) -> StreamId {
    StreamId::new(format!("stream-{stream}")).expect("valid")
}

fn bytes_under(path: &Path) -> u64 {
    let entries = fs::read_dir(path).expect("a directory").map(|entry| entry.expect("an entry"));
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_under(&entry.path()),
        Ok(metadata) => metadata.len(),
        // sled replaces its snapshots.
        Err(_) => 0,
    });
    bytes.sum()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
