//! The rules of leases and recoveries: who may take a stream over, and that of many one does.

use std::error::Error;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use crate::conformance::probe::{chunk, epoch, id, last_chunk, seq};
use crate::conformance::{Subject, eventually, rounds, run};
use crate::{Applied, Backend, Epoch, ErrorKind, Head, Holder, Open, Seq, StoreError, Takeover};

/// The longest lease whose renewal is worth the wait.
const RENEWAL_WAIT: Duration = Duration::from_secs(3);

/// Looks that a dropped open gets to take effect before it is dropped.
const LOOKS: u32 = 100;

/// The epoch of whoever holds a stream, from the refusal that names it.
#[track_caller]
fn holder_of(refused: Result<Head, StoreError>) -> Epoch {
    let error = refused.expect_err("somebody holds the stream");
    assert!(error.is_retryable() && error.outcome_known());
    match error.kind() {
        ErrorKind::Held { epoch, .. } => epoch,
        kind => panic!("not held but {kind:?}"),
    }
}

/// Waits for a release, which may take effect later.
fn await_free(subject: &Subject, name: &str) {
    eventually("the stream is free", || subject.is_free(name).then_some(()));
}

pub fn a_held_stream_is_not_taken(subject: &mut Subject) {
    let head = subject.create("s");
    let caps = subject.backend().caps();
    let lease = subject.info("s").lease.expect("it is held");
    assert_eq!((lease.holder.as_str(), lease.left.is_some()), ("creator", caps.lease.is_some()));
    assert!(lease.left <= caps.lease);
    let refused = subject.recover("s", Takeover::IfFree).expect_err("held");
    assert!(refused.source().is_some_and(|who| who.to_string().contains("creator")));
    assert_eq!(holder_of(Err(refused)), Epoch::FIRST);
    subject.store_chunk(&chunk(&head, 1, &[b"a"]));
    assert_eq!(subject.info("s").epoch, Epoch::FIRST);
}

pub fn a_held_stream_is_taken_from_the_writer_that_was_named(subject: &mut Subject) {
    subject.create("s");
    assert_eq!(holder_of(subject.recover("s", Takeover::Over(epoch(2)))), Epoch::FIRST);
    let second = subject.recover("s", Takeover::Over(Epoch::FIRST)).expect("taken over");
    assert_eq!((second.epoch, subject.info("s").epoch), (epoch(2), epoch(2)));
    let lease = subject.info("s").lease.expect("it is held");
    assert_eq!(lease.holder.as_str(), "successor");
    assert_eq!(holder_of(subject.recover("s", Takeover::Over(Epoch::FIRST))), epoch(2));
    assert_eq!(subject.recover("s", Takeover::Over(epoch(2))).expect("taken over").epoch, epoch(3));
}

pub fn a_released_stream_is_free(subject: &mut Subject) {
    let head = subject.create("s");
    subject.store_chunk(&chunk(&head, 1, &[b"a", b"b"]));
    subject.release(&head);
    await_free(subject, "s");
    let next = subject.recover("s", Takeover::IfFree).expect("free");
    assert_eq!((next.epoch, next.next), (epoch(2), seq(3)));
    assert_eq!(holder_of(subject.recover("s", Takeover::IfFree)), epoch(2));
}

pub fn a_released_stream_is_also_taken_by_name(subject: &mut Subject) {
    let head = subject.create("s");
    subject.release(&head);
    await_free(subject, "s");
    let next = subject.recover("s", Takeover::Over(Epoch::FIRST)).expect("free");
    assert_eq!(next.epoch, epoch(2));
}

pub fn a_late_release_does_not_free_the_stream_of_a_successor(subject: &mut Subject) {
    let old = subject.create("s");
    subject.take_over("s");
    let other = subject.create("other");
    subject.release(&old);
    subject.release(&other);
    // By then the release before it had its time too.
    await_free(subject, "other");
    assert_eq!(holder_of(subject.recover("s", Takeover::IfFree)), epoch(2));
    assert!(!subject.is_free("s"));
}

pub fn a_close_ends_the_lease(subject: &mut Subject) {
    subject.close_with("s", &[b"a"]);
    await_free(subject, "s");
}

pub fn a_lease_ends_with_its_writer(subject: &mut Subject) {
    if !subject.can_reopen() {
        return;
    }
    let head = subject.create("s");
    subject.store_chunk(&chunk(&head, 1, &[b"a"]));
    subject.reopen();
    let lapses = subject.backend().caps().lease.is_some();
    let next = eventually("the lease lapses", || match subject.recover("s", Takeover::IfFree) {
        Ok(next) => Some(next),
        Err(error) => {
            assert!(lapses, "a lease without a time ends with its process: {error}");
            assert_eq!(holder_of(Err(error)), Epoch::FIRST);
            None
        }
    });
    assert_eq!((next.epoch, next.next), (epoch(2), seq(2)));
}

/// Begins to open a stream and leaves before the answer is there: at once, or, where a backend goes
/// on by itself, once `took_effect` says so. An open that was answered is released like any other.
fn open_and_leave(
    subject: &Subject,
    name: &str,
    open: Open<'_>,
    patient: bool,
    took_effect: impl Fn() -> bool,
) {
    let name = id(name);
    let mut opening = subject.backend().open(&name, open);
    match opening.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(head)) => subject.release(&head),
        Poll::Ready(Err(error)) => panic!("not opened: {error}"),
        // A backend that goes on only when it is polled never gets there.
        Poll::Pending => _ = (0..LOOKS).find(|_| !patient || took_effect()),
    }
}

pub fn a_dropped_open_leaves_no_lease(subject: &mut Subject) {
    let holder = Holder::new("dropper");
    // Each lease that has to lapse is waited for.
    let rounds = if subject.backend().caps().lease.is_some() { 2 } else { 6 };
    for round in 0..rounds {
        let name = format!("s{round}");
        let create = Open::Create { holder: &holder, ttl: None };
        open_and_leave(subject, &name, create, round % 2 == 0, || subject.stat(&name).is_ok());
        // A lease with a time may last that long; one without ends with whoever asked for it.
        let next = eventually("nobody holds what a dropped create left", || {
            subject
                .try_create(&name, None)
                .or_else(|_| subject.recover(&name, Takeover::IfFree))
                .ok()
        });
        subject.release(&next);
        await_free(subject, &name);
        let recover = Open::Recover { holder: &holder, takeover: Takeover::IfFree };
        let is_taken = || subject.info(&name).epoch > next.epoch;
        open_and_leave(subject, &name, recover, round % 2 == 0, is_taken);
        eventually("nobody holds what a dropped recovery left", || {
            subject.recover(&name, Takeover::IfFree).ok()
        });
    }
}

pub fn a_lease_is_renewed_while_its_writer_lives(subject: &mut Subject) {
    let Some(lease) = subject.backend().caps().lease.filter(|lease| *lease <= RENEWAL_WAIT) else {
        return;
    };
    subject.create("s");
    // Its own clock runs: there is nothing to poll for but that nothing happens.
    thread::sleep(lease * 2);
    assert_eq!(holder_of(subject.recover("s", Takeover::IfFree)), Epoch::FIRST);
}

/// Two recoveries at the same time; the one that won and why the other did not.
fn race(backend: &Arc<dyn Backend>, takeover: Takeover) -> (Head, StoreError) {
    let start = Arc::new(Barrier::new(2));
    let racers = ["left", "right"].map(|name| {
        let (backend, start) = (Arc::clone(backend), Arc::clone(&start));
        thread::spawn(move || {
            let (id, holder) = (id("s"), Holder::new(name));
            start.wait();
            run(backend.open(&id, Open::Recover { holder: &holder, takeover }))
        })
    });
    match racers.map(|racer| racer.join().expect("no panic")) {
        [Ok(won), Err(lost)] | [Err(lost), Ok(won)] => (won, lost),
        both => panic!("not one winner: {both:?}"),
    }
}

#[track_caller]
fn check_races(subject: &Subject, takeover: impl Fn(Epoch) -> Takeover, freed: bool) {
    let mut last = subject.create("s");
    for round in 1..=rounds() {
        if freed {
            subject.release(&last);
            await_free(subject, "s");
        }
        let (won, lost) = race(subject.backend(), takeover(last.epoch));
        assert_eq!(won.epoch, last.epoch.next(), "round {round}");
        assert_eq!(holder_of(Err(lost)), won.epoch, "round {round}");
        let refused = Applied::Fenced { current: won.epoch };
        let first = u64::from(round);
        assert_eq!(subject.commit(vec![chunk(&last, first, &[b"late"])]), [refused]);
        subject.store_chunk(&chunk(&won, first, &[&first.to_be_bytes()]));
        last = won;
    }
    assert_eq!(subject.records("s").len() as u64, u64::from(rounds()));
}

pub fn of_two_recoveries_of_a_free_stream_exactly_one_succeeds(subject: &mut Subject) {
    check_races(subject, |_| Takeover::IfFree, true);
}

pub fn of_two_takeovers_from_one_writer_exactly_one_succeeds(subject: &mut Subject) {
    check_races(subject, Takeover::Over, false);
}

pub fn a_recovery_races_with_the_last_commits_of_the_writer_before(subject: &mut Subject) {
    for round in 0..rounds() / 5 {
        let name = format!("s{round}");
        let old = subject.create(&name);
        let backend = Arc::clone(subject.backend());
        let writer = thread::spawn(move || {
            for first in 1.. {
                let chunk = chunk(&old, first, &[&first.to_be_bytes()]);
                match run(backend.commit(vec![chunk].into())).expect("answered")[0] {
                    Applied::Stored { next } => assert_eq!(next, seq(first + 1)),
                    Applied::Fenced { current } => return (first - 1, current),
                    applied => panic!("{applied:?}"),
                }
            }
            unreachable!("it is fenced")
        });
        eventually("the writer writes", || subject.info(&name).last.map(drop));
        let new = subject.take_over(&name);
        subject.store_chunk(&last_chunk(&new, new.next.value(), &[b"end"]));
        let (stored, current) = writer.join().expect("no panic");
        assert_eq!((Seq::new(stored), current), (new.last(), new.epoch));
        let records = subject.records(&name);
        assert_eq!(records.len() as u64, stored + 1);
    }
}
