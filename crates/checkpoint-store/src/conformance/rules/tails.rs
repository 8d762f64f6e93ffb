//! The rules of waiting: a reader at the end of a stream learns of every change, however the two
//! meet.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::conformance::probe::{chunk, id, last_chunk, seq};
use crate::conformance::{PATIENCE, Subject, eventually, rounds, run};
use crate::{Backend, ErrorKind, PAGE_BYTES, Seq, Ttl};

/// How long waits and records are made to meet, for every hundred rounds.
const MEETINGS: Duration = Duration::from_millis(400);

/// How a tail ended, and what it had seen by then.
type Seen = (Vec<Vec<u8>>, Result<(), ErrorKind>);

/// Follows a stream from its start; `seen` is the number of records that it has.
fn follow(backend: Arc<dyn Backend>, name: &'static str, seen: Arc<AtomicU64>) -> JoinHandle<Seen> {
    thread::spawn(move || {
        let name = id(name);
        let mut records = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "the tail has no end");
            let after = Seq::new(records.len() as u64);
            let page = run(async {
                backend.wait(&name, after).await?;
                backend.read(&name, after, PAGE_BYTES).await
            });
            let page = match page {
                Ok(page) => page,
                Err(error) => return (records, Err(error.kind())),
            };
            for record in page.records() {
                records.push(record.bytes.to_vec());
                assert_eq!(record.seq, seq(records.len() as u64));
            }
            seen.store(records.len() as u64, Ordering::SeqCst);
            if page.ends_stream() {
                return (records, Ok(()));
            }
            if page.is_empty() {
                // Being early is allowed; a backend that polls is then early all the time.
                thread::yield_now();
            }
        }
    })
}

fn start(subject: &Subject, name: &'static str) -> (JoinHandle<Seen>, Arc<AtomicU64>) {
    let seen = Arc::new(AtomicU64::new(0));
    (follow(Arc::clone(subject.backend()), name, Arc::clone(&seen)), seen)
}

fn await_seen(seen: &AtomicU64, records: u64) {
    eventually("the tail sees the records", || {
        (seen.load(Ordering::SeqCst) == records).then_some(())
    });
}

pub fn a_wait_is_over_at_once_where_there_is_something(subject: &mut Subject) {
    let head = subject.create("s");
    subject.store_chunk(&chunk(&head, 1, &[b"a", b"b"]));
    run(subject.backend().wait(&id("s"), None)).expect("records");
    run(subject.backend().wait(&id("s"), Seq::new(1))).expect("records");
    subject.store_chunk(&last_chunk(&head, 3, &[]));
    run(subject.backend().wait(&id("s"), Seq::new(2))).expect("the end");
}

pub fn a_tail_sees_every_record_however_they_meet(subject: &mut Subject) {
    let head = subject.create("s");
    let (tail, seen) = start(subject, "s");
    let mut expected = Vec::new();
    for first in 1..=u64::from(rounds()) * 2 {
        let record = first.to_be_bytes();
        subject.store_chunk(&chunk(&head, first, &[&record]));
        expected.push(record.to_vec());
        // Every other time the tail is about to wait again when the next record comes.
        if first % 2 == 0 {
            await_seen(&seen, first);
        }
    }
    subject.store_chunk(&last_chunk(&head, expected.len() as u64 + 1, &[]));
    assert_eq!(tail.join().expect("no panic"), (expected, Ok(())));
}

pub fn a_wait_that_begins_as_a_record_comes_is_woken(subject: &mut Subject) {
    let head = subject.create("s");
    let (begun, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let until = Instant::now() + MEETINGS * rounds() / 100;
    let backend = Arc::clone(subject.backend());
    let name = id("s");
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            for number in 1.. {
                if meet(&begun, number, || false) == u64::MAX {
                    return;
                }
                run(backend.wait(&name, Seq::new(number - 1))).expect("it is there");
                done.store(number, Ordering::SeqCst);
            }
        });
        let mut number = 0;
        while Instant::now() < until && !waiter.is_finished() {
            number += 1;
            let chunk = chunk(&head, number, &[b"a"]);
            begun.store(number, Ordering::SeqCst);
            // A little later each time: the record comes at every moment of the wait.
            for _ in 0..number % 300 {
                std::hint::spin_loop();
            }
            subject.store_chunk(&chunk);
            meet(&done, number, || waiter.is_finished());
        }
        begun.store(u64::MAX, Ordering::SeqCst);
        waiter.join().expect("no wake-up is lost");
    });
}

/// Waits until a number is reached, mostly without leaving the processor: the moment counts.
fn meet(place: &AtomicU64, number: u64, is_over: impl Fn() -> bool) -> u64 {
    for look in 1_u64.. {
        let reached = place.load(Ordering::SeqCst);
        if reached >= number || (look.is_multiple_of(5000) && is_over()) {
            return reached;
        }
        if look.is_multiple_of(5000) {
            thread::yield_now();
        }
        std::hint::spin_loop();
    }
    unreachable!("it looks until it is reached")
}

pub fn many_tails_see_the_same(subject: &mut Subject) {
    let (head, other) = (subject.create("s"), subject.create("t"));
    let tails: Vec<_> = (0..4).map(|_| start(subject, "s").0).collect();
    let (quiet, _) = start(subject, "t");
    for first in 1..=u64::from(rounds()) {
        subject.store_chunk(&chunk(&head, first, &[&first.to_be_bytes()]));
    }
    subject.store_chunk(&last_chunk(&head, u64::from(rounds()) + 1, &[b"end"]));
    for tail in tails {
        let (records, end) = tail.join().expect("no panic");
        assert_eq!((records.len() as u64, end), (u64::from(rounds()) + 1, Ok(())));
    }
    subject.store_chunk(&last_chunk(&other, 1, &[b"x"]));
    assert_eq!(quiet.join().expect("no panic"), (vec![b"x".to_vec()], Ok(())));
}

pub fn a_close_ends_a_tail(subject: &mut Subject) {
    let head = subject.create("s");
    let (tail, seen) = start(subject, "s");
    subject.store_chunk(&chunk(&head, 1, &[b"a"]));
    await_seen(&seen, 1);
    subject.store_chunk(&last_chunk(&head, 2, &[]));
    assert_eq!(tail.join().expect("no panic"), (vec![b"a".to_vec()], Ok(())));
}

pub fn a_delete_ends_a_tail(subject: &mut Subject) {
    let head = subject.create("s");
    let (tail, seen) = start(subject, "s");
    subject.store_chunk(&chunk(&head, 1, &[b"a"]));
    await_seen(&seen, 1);
    subject.delete("s");
    let gone = (vec![b"a".to_vec()], Err(ErrorKind::NotFound));
    assert_eq!(tail.join().expect("no panic"), gone);
}

pub fn an_expiry_ends_a_tail(subject: &mut Subject) {
    let ttl = subject.short_ttl();
    subject.create_for("s", Ttl::Sliding(ttl));
    let (tail, _) = start(subject, "s");
    subject.pass(ttl);
    // Whoever keeps the time removes the stream; the tail is told by that at the latest.
    eventually("the stream is removed", || {
        subject.sweep(10);
        subject.stat("s").is_err().then_some(())
    });
    assert_eq!(tail.join().expect("no panic"), (Vec::new(), Err(ErrorKind::NotFound)));
}

pub fn a_takeover_does_not_end_a_tail(subject: &mut Subject) {
    let head = subject.create("s");
    let (tail, seen) = start(subject, "s");
    subject.store_chunk(&chunk(&head, 1, &[b"a"]));
    await_seen(&seen, 1);
    let next = subject.take_over("s");
    subject.store_chunk(&last_chunk(&next, 2, &[b"b"]));
    assert_eq!(tail.join().expect("no panic"), (vec![b"a".to_vec(), b"b".to_vec()], Ok(())));
}

pub fn a_wait_that_moved_to_another_thread_is_woken_there(subject: &mut Subject) {
    let head = subject.create("s");
    let name = id("s");
    let backend = Arc::clone(subject.backend());
    thread::scope(|scope| {
        let mut wait = backend.wait(&name, None);
        let mut cx = Context::from_waker(Waker::noop());
        // Early is allowed, and then there is nothing to move.
        if wait.as_mut().poll(&mut cx).is_ready() {
            return;
        }
        let moved = scope.spawn(move || run(wait));
        subject.store_chunk(&chunk(&head, 1, &[b"a"]));
        moved.join().expect("no panic").expect("there is a record");
    });
}

pub fn a_dropped_wait_leaves_the_others(subject: &mut Subject) {
    let head = subject.create("s");
    let name = id("s");
    let (tail, seen) = start(subject, "s");
    for first in 1..=20 {
        let mut wait = subject.backend().wait(&name, Seq::new(first - 1));
        // Ready or not: it is dropped.
        let _ = wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop(wait);
        subject.store_chunk(&chunk(&head, first, &[b"a"]));
        await_seen(&seen, first);
    }
    subject.delete("s");
    assert_eq!(tail.join().expect("no panic").1, Err(ErrorKind::NotFound));
}
