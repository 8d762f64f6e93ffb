//! What does the token path pay for one record? Goal: 250 ns, no allocation (see
//! `tests/allocations.rs`). Only the appends are timed, not the disk behind them.

use std::future::Future;
use std::hint::black_box;
use std::time::{Duration, Instant};

use checkpoint_store::{Store, StreamId, StreamWriter};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Appends between two waits; below the limit of undurable bytes of a stream.
const ROUND: u64 = 4096;
/// Rounds of one stream; below the limit of its bytes.
const ROUNDS: u64 = 64;

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

/// Streams that are appended to in turn, and replaced before they are full.
struct Streams {
    store: Store,
    writers: Vec<StreamWriter>,
    rounds_left: u64,
}

impl Streams {
    fn new(store: Store, streams: u64) -> Self {
        let mut streams = Self { writers: create(&store, streams), store, rounds_left: ROUNDS };
        streams.time_appends(ROUND);
        streams
    }

    fn time_appends(&mut self, appends: u64) -> Duration {
        let record = [b'x'; 80];
        let pieces: [&[u8]; 2] = [b"event: delta\ndata: {", &record];
        let mut spent = Duration::ZERO;
        let mut left = appends;
        while left > 0 {
            self.replace_full();
            let round = left.min(ROUND * self.writers.len() as u64);
            let start = Instant::now();
            for index in 0..round as usize {
                let turn = index % self.writers.len();
                black_box(self.writers[turn].append(black_box(&pieces)).expect("there is room"));
            }
            spent += start.elapsed();
            left -= round;
            self.writers.iter_mut().for_each(|writer| run(writer.flush()).expect("durable"));
            assert_eq!(self.writers[0].durable(), self.writers[0].last());
        }
        spent
    }

    fn replace_full(&mut self) {
        if self.rounds_left == 0 {
            let streams = self.writers.len() as u64;
            for writer in self.writers.drain(..) {
                run(self.store.delete(writer.id())).expect("deleted");
            }
            self.writers = create(&self.store, streams);
            self.rounds_left = ROUNDS;
        }
        self.rounds_left -= 1;
    }
}

fn create(store: &Store, streams: u64) -> Vec<StreamWriter> {
    let id = |stream| StreamId::new(format!("{streams}-{stream}")).expect("valid");
    (0..streams).map(|stream| run(store.create(&id(stream))).expect("created")).collect()
}

fn append(c: &mut Criterion) {
    let mut group = c.benchmark_group("writer/append/100B");
    group.throughput(Throughput::Elements(1));
    let mut memory = Streams::new(Store::memory(), 1);
    group.bench_function("memory", |b| b.iter_custom(|n| memory.time_appends(n)));
    #[cfg(feature = "sled")]
    {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Store::sled(directory.path()).expect("a store");
        let mut one = Streams::new(store.clone(), 1);
        group.bench_function("sled", |b| b.iter_custom(|n| one.time_appends(n)));
        let mut many = Streams::new(store, 64);
        group.bench_function("sled-64-streams", |b| b.iter_custom(|n| many.time_appends(n)));
    }
    group.finish();
}

criterion_group!(benches, append);
criterion_main!(benches);
