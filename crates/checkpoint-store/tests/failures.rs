//! What a store does when its backend is slow, weak, wrong, out of reach or broken. No disk is
//! involved.

#![cfg(feature = "conformance")]

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use checkpoint_store::conformance::{Dice, Fault, Faulty, eventually, run};
use checkpoint_store::{
    Backend, Epoch, ErrorKind, Level, Limit, Limits, MemoryBackend, Options, PAGE_BYTES, Seq,
    Store, StoreError, StreamId, StreamWriter, Turn,
};

fn faulty(faults: impl IntoIterator<Item = Fault>) -> Arc<Faulty> {
    let faulty = Faulty::new(MemoryBackend::default()).with_level(Level::Process);
    faulty.script(faults);
    Arc::new(faulty)
}

fn store(backend: &Arc<Faulty>, limits: Limits) -> Store {
    let options = Options { limits, ..Options::default() };
    let backend: Arc<dyn Backend> = Arc::clone(backend) as _;
    Store::new(backend, options).expect("a store")
}

fn id(name: &str) -> StreamId {
    StreamId::new(name).expect("valid")
}

fn create(store: &Store, name: &str) -> StreamWriter {
    run(store.create(&id(name))).expect("created")
}

fn read_all(store: &Store, name: &str) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    loop {
        let after = Seq::new(records.len() as u64);
        let page = run(store.read(&id(name), after, PAGE_BYTES)).expect("it reads");
        records.extend(page.records().map(|record| record.bytes.to_vec()));
        if !page.more() {
            return records;
        }
    }
}

#[track_caller]
fn check_poisoned(fault: Fault) {
    let backend = faulty([fault]);
    let store = store(&backend, Limits::default());
    let (mut writer, mut other) = (create(&store, "s"), create(&store, "t"));
    let seq = writer.append(&[b"a"]).expect("appended");
    let error = run(writer.durable_at_least(seq)).expect_err("not durable");
    assert_eq!(error.kind(), ErrorKind::Poisoned);
    assert_eq!(writer.durable(), None);

    let refused = |result: Result<Seq, StoreError>| result.expect_err("refused").kind();
    assert_eq!(refused(writer.append(&[b"b"])), ErrorKind::Poisoned);
    assert_eq!(refused(other.append(&[b"b"])), ErrorKind::Poisoned);
    assert_eq!(run(other.close()).expect_err("refused").kind(), ErrorKind::Poisoned);
    assert_eq!(run(writer.room(1)).expect_err("refused").kind(), ErrorKind::Poisoned);
    assert_eq!(backend.broken(), 1, "nothing is tried again");
}

#[test]
fn a_failed_commit_poisons_the_store() {
    check_poisoned(Fault::Io);
}

#[test]
fn a_panic_in_a_backend_poisons_the_store() {
    check_poisoned(Fault::Panic);
}

#[test]
fn an_answer_that_does_not_fit_the_batch_poisons_the_store() {
    check_poisoned(Fault::ShortAnswer);
}

#[test]
fn a_level_above_the_backend_is_refused() {
    let options = Options { level_min: Level::Disk, ..Options::default() };
    let refused = Store::new(faulty([]), options).map(drop);
    let (asked, max) = (Level::Disk, Level::Process);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unsupported { asked, max });
}

#[test]
fn a_full_stream_has_room_again_after_progress() {
    let limits = Limits { undurable_stream_bytes: 100, ..Limits::default() };
    let backend = faulty([Fault::Delay]);
    let store = store(&backend, limits);
    let mut writer = create(&store, "s");
    writer.append(&[&[0; 60]]).unwrap();
    let full = writer.append(&[&[0; 60]]).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::Full { limit: Limit::UndurableStream });
    assert!(full.is_retryable());

    let mut cx = Context::from_waker(Waker::noop());
    assert!(writer.poll_room(&mut cx, 60).is_pending());
    assert!(pin!(writer.room(60)).poll(&mut cx).is_pending());
    backend.release();
    run(writer.room(60)).unwrap();
    assert_eq!(writer.append(&[&[0; 60]]).unwrap(), Seq::new(2).unwrap());
}

#[test]
fn a_full_store_has_room_again_after_progress_of_another_stream() {
    let limits = Limits { undurable_store_bytes: 100, ..Limits::default() };
    let backend = faulty([Fault::Delay]);
    let store = store(&backend, limits);
    let (mut first, mut second) = (create(&store, "s"), create(&store, "t"));
    first.append(&[&[0; 60]]).unwrap();
    let full = second.append(&[&[0; 60]]).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::Full { limit: Limit::UndurableStore });
    backend.release();
    run(second.room(60)).unwrap();
    assert_eq!(second.append(&[&[0; 60]]).unwrap(), Seq::FIRST);
}

#[test]
fn a_wait_that_was_dropped_loses_nothing() {
    let backend = faulty([Fault::Delay]);
    let store = store(&backend, Limits::default());
    let mut writer = create(&store, "s");
    let seq = writer.append(&[b"a"]).unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(pin!(writer.durable_at_least(seq)).poll(&mut cx).is_pending());
    assert!(pin!(writer.flush()).poll(&mut cx).is_pending());
    backend.release();
    run(poll_fn(|cx| writer.poll_durable(cx, seq))).unwrap();
    assert!(matches!(writer.poll_durable(&mut cx, seq), Poll::Ready(Ok(()))));
}

#[test]
fn nobody_takes_a_stream_whose_last_records_are_still_on_their_way() {
    let backend = faulty([Fault::Delay]);
    let (here, elsewhere) =
        (store(&backend, Limits::default()), store(&backend, Limits::default()));
    let mut writer = create(&here, "s");
    let seq = writer.append(&[b"a"]).unwrap();
    let mut watermark = writer.watermark();
    drop(writer);
    let held = run(elsewhere.recover(&id("s"))).map(drop).unwrap_err();
    assert_eq!(held.kind(), ErrorKind::Held { epoch: Epoch::FIRST, left: None });
    assert!(held.is_retryable());

    backend.release();
    run(watermark.reached(seq)).unwrap();
    let next = eventually("the stream is free", || run(elsewhere.recover(&id("s"))).ok());
    assert_eq!(next.last(), Some(seq));
}

#[test]
fn a_close_that_was_dropped_closes_all_the_same() {
    let backend = faulty([Fault::Delay]);
    let store = store(&backend, Limits::default());
    let mut writer = create(&store, "s");
    let seq = writer.append(&[b"a"]).unwrap();
    let mut watermark = writer.watermark();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Box::pin(writer.close()).as_mut().poll(&mut cx).is_pending());
    backend.release();
    run(watermark.reached(seq)).unwrap();
    let mut next = create(&store, "t");
    next.append(&[b"b"]).unwrap();
    run(next.flush()).unwrap();
    let recovered = run(store.recover(&id("s"))).map(drop);
    assert_eq!(recovered.unwrap_err().kind(), ErrorKind::Closed { last: Some(seq) });
}

#[test]
fn a_read_that_fails_says_so_and_works_again() {
    let backend = faulty([]);
    let store = store(&backend, Limits::default());
    let mut writer = create(&store, "s");
    writer.append(&[b"a"]).unwrap();
    run(writer.flush()).unwrap();
    backend.script_reads([Fault::UnavailableBefore, Fault::UnavailableAfter, Fault::Io]);
    let kinds = [(); 3].map(|()| run(store.read(&id("s"), None, 10)).unwrap_err().kind());
    assert_eq!(kinds, [ErrorKind::Unavailable, ErrorKind::Unavailable, ErrorKind::Io]);
    assert_eq!(read_all(&store, "s"), [b"a"]);
}

/// Runs commits in a time of its own until `writer` is done.
fn drive<T>(
    commits: &mut checkpoint_store::Commits,
    now: &mut Duration,
    work: impl Future<Output = T>,
) -> T {
    let mut cx = Context::from_waker(Waker::noop());
    let mut work = pin!(work);
    for _ in 0..10_000 {
        if let Poll::Ready(output) = work.as_mut().poll(&mut cx) {
            return output;
        }
        match commits.poll(&mut cx, *now) {
            Turn::Idle(Some(pause)) => *now += pause,
            Turn::Idle(None) | Turn::Running => {}
            Turn::Done => break,
        }
    }
    panic!("it is not done")
}

/// Streams that are written to while every third commit or so does not arrive, or its answer.
fn write_through_outages(seed: u64) {
    let faults = [Fault::UnavailableBefore, Fault::UnavailableAfter];
    let backend = Faulty::new(MemoryBackend::default()).with_dice(seed, 35, &faults);
    let backend = Arc::new(backend);
    let (store, mut commits) =
        Store::driven(Arc::clone(&backend) as _, Options::default()).expect("a store");
    let mut dice = Dice::new(!seed);
    let mut now = Duration::ZERO;
    let names = ["a", "b", "c"];
    let mut writers = names.map(|name| create(&store, name));
    let mut expected = names.map(|_| Vec::new());
    for _ in 0..60 {
        let stream = dice.below(3);
        for _ in 0..dice.below(4) {
            let len = dice.below(50);
            let record = dice.bytes(len);
            writers[stream].append(&[&record]).expect("there is room");
            expected[stream].push(record);
        }
        if dice.percent(50) {
            drive(&mut commits, &mut now, writers[stream].flush()).expect("durable");
            assert_eq!(read_all(&store, names[stream]), expected[stream], "seed {seed}");
        }
    }
    for (writer, (name, expected)) in writers.into_iter().zip(names.into_iter().zip(expected)) {
        drive(&mut commits, &mut now, writer.close()).expect("closed");
        assert_eq!(read_all(&store, name), expected, "seed {seed}");
    }
    assert!(backend.broken() > 0, "seed {seed} breaks nothing");
}

#[test]
fn every_record_is_stored_once_and_in_order_however_often_it_is_sent() {
    (1..200).for_each(write_through_outages);
}

#[test]
fn who_drops_the_commits_leaves_no_writer_waiting() {
    let backend = faulty([]);
    let (store, commits) = Store::driven(backend, Options::default()).expect("a store");
    let mut writer = create(&store, "s");
    let seq = writer.append(&[b"a"]).expect("appended");
    drop(commits);
    let error = run(writer.durable_at_least(seq)).expect_err("nobody commits");
    assert_eq!(error.kind(), ErrorKind::Poisoned);
    assert_eq!(writer.append(&[b"b"]).expect_err("refused").kind(), ErrorKind::Poisoned);
    drop(writer);
    assert!(run(store.info(&id("s"))).expect("it is there").lease.is_none());
}

struct Bomb;

impl Wake for Bomb {
    fn wake(self: Arc<Self>) {
        panic!("a waker of the test");
    }
}

#[test]
fn a_waker_that_panics_leaves_no_other_writer_waiting() {
    let backend = faulty([Fault::Delay]);
    let store = store(&backend, Limits::default());
    let mut writers = ["a", "b", "c"].map(|name| create(&store, name));
    let bomb = Waker::from(Arc::new(Bomb));
    for writer in &mut writers {
        let seq = writer.append(&[b"a"]).expect("appended");
        if writer.id() == &id("a") {
            assert!(writer.poll_durable(&mut Context::from_waker(&bomb), seq).is_pending());
        }
    }
    backend.release();
    let [_, b, c] = &mut writers;
    for writer in [b, c] {
        let last = writer.last().expect("one record");
        if let Err(error) = run(writer.durable_at_least(last)) {
            assert_eq!(error.kind(), ErrorKind::Poisoned);
        }
        let refused = eventually("the store stops", || writer.append(&[b"b"]).err());
        assert_eq!(refused.kind(), ErrorKind::Poisoned);
    }
}
