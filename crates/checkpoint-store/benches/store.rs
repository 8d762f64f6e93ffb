//! How long until a record is durable, how many per second, and how long does a resume read?

use std::future::Future;
use std::hint::black_box;

use checkpoint_store::{PAGE_BYTES, Seq, Store, StreamId, StreamWriter};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const RECORD: [u8; 100] = [b'x'; 100];

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

fn create(store: &Store, name: &str) -> StreamWriter {
    run(store.create(&StreamId::new(name).expect("valid"))).expect("created")
}

/// One record and its barrier, without the wait for a group.
fn flush(c: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Store::sled(directory.path()).expect("a store");
    let mut writer = create(&store, "s");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    c.bench_function("store/flush/100B/sled", |b| {
        b.iter(|| {
            let seq = writer.append(&[&RECORD]).expect("appended");
            runtime.block_on(writer.flush()).expect("durable");
            assert_eq!(writer.durable(), Some(seq));
        });
    });
}

/// 64 streams add 100 records each, all durable at the end.
fn commit(c: &mut Criterion) {
    const RECORDS: u64 = 6400;

    let directory = tempfile::tempdir().expect("a directory");
    let store = Store::sled(directory.path()).expect("a store");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut writers: Vec<_> = (0..64).map(|stream| create(&store, &format!("{stream}"))).collect();
    let mut group = c.benchmark_group("store/commit/64x100x100B");
    group.throughput(Throughput::Elements(RECORDS)).sample_size(20);
    group.bench_function("sled", |b| {
        b.iter(|| {
            for _ in 0..100 {
                for writer in &mut writers {
                    writer.append(&[&RECORD]).expect("appended");
                }
            }
            for writer in &mut writers {
                runtime.block_on(writer.flush()).expect("durable");
                assert_eq!(writer.durable(), writer.last());
            }
        });
    });
    group.finish();
}

/// A reader that saw nothing yet reads 1,000 records that came in 10 commits.
fn resume(c: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a directory");
    let sled = Store::sled(directory.path()).expect("a store");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut group = c.benchmark_group("store/resume/1000x100B");
    group.throughput(Throughput::Elements(1000));
    for (name, store) in [("memory", Store::memory()), ("sled", sled)] {
        let mut writer = create(&store, "s");
        for _ in 0..10 {
            for _ in 0..100 {
                writer.append(&[&RECORD]).expect("appended");
            }
            runtime.block_on(writer.flush()).expect("durable");
        }
        group.bench_function(name, |b| {
            b.iter(|| {
                let page = runtime.block_on(store.read(writer.id(), None, PAGE_BYTES));
                let page = black_box(page.expect("the page reads"));
                assert_eq!((page.len(), page.last()), (1000, Seq::new(1000)));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, flush, commit, resume);
criterion_main!(benches);
