//! The rules of expiry and compaction: a stream is kept at least as long as was asked, is gone
//! afterwards, and a snapshot takes the place of its records.

use std::time::Duration;

use crate::conformance::probe::{chunk, id, kind, last_chunk, seq};
use crate::conformance::{Subject, eventually, run};
use crate::{
    Applied, ErrorKind, PAGE_BYTES, Seq, StreamState, TOMBSTONE_TTL, Takeover, Timestamp, Ttl,
};

const HOUR: Duration = Duration::from_secs(3600);

/// A real clock and that of a server may differ by this much.
const SKEW: Duration = Duration::from_secs(5);

#[track_caller]
fn expires(subject: &Subject, name: &str) -> Timestamp {
    subject.info(name).expires.expect("it expires")
}

/// Lets the time of a stream run out.
fn outlive(subject: &Subject, name: &str, ttl: Duration) {
    subject.pass(ttl);
    eventually("the stream expires", || subject.stat(name).is_err().then_some(()));
}

pub fn a_ttl_counts_from_now(subject: &mut Subject) {
    let before = subject.now();
    subject.create_for("sliding", Ttl::Sliding(HOUR));
    let until = before.plus(HOUR * 5);
    subject.create_for("fixed", Ttl::Until(until));
    subject.create("kept");
    let sliding = expires(subject, "sliding");
    let (soonest, latest) = (before.plus(HOUR - SKEW), subject.now().plus(HOUR + SKEW));
    assert!(soonest <= sliding && sliding <= latest, "{sliding:?}");
    assert_eq!(expires(subject, "fixed"), until);
    assert_eq!(subject.info("kept").expires, None);
}

pub fn a_ttl_only_extends(subject: &mut Subject) {
    subject.create_for("s", Ttl::Sliding(HOUR));
    let short = expires(subject, "s");
    subject.extend("s", Ttl::Sliding(HOUR * 3)).expect("extended");
    let long = expires(subject, "s");
    assert!(long >= short.plus(HOUR), "{long:?} after {short:?}");
    for ttl in [Ttl::Sliding(HOUR), Ttl::Until(short), Ttl::Until(Timestamp::from_millis(1))] {
        subject.extend("s", ttl).expect("it is there");
        assert_eq!(expires(subject, "s"), long, "{ttl:?}");
    }
    subject.extend("s", Ttl::Until(long.plus(HOUR))).expect("extended");
    assert_eq!(expires(subject, "s"), long.plus(HOUR));

    subject.create("kept");
    subject.extend("kept", Ttl::Sliding(HOUR)).expect("it is there");
    assert_eq!(subject.info("kept").expires, None, "what is kept for good stays so");
}

pub fn a_sliding_ttl_moves_with_commits_and_recoveries_and_a_fixed_one_does_not(
    subject: &mut Subject,
) {
    let step = Duration::from_millis(20);
    let head = subject.create_for("s", Ttl::Sliding(HOUR));
    let until = subject.now().plus(HOUR);
    let fixed = subject.create_for("fixed", Ttl::Until(until));
    let mut last = expires(subject, "s");
    for first in 1..=3 {
        subject.pass(step);
        assert_eq!(expires(subject, "s"), last, "reading does not move it");
        subject.store_chunk(&chunk(&head, first, &[b"a"]));
        subject.store_chunk(&chunk(&fixed, first, &[b"a"]));
        let next = expires(subject, "s");
        assert!(next > last, "{next:?} after {last:?}");
        last = next;
    }
    subject.pass(step);
    let refused = chunk(&head, 9, &[b"gap"]);
    assert_eq!(subject.commit(vec![refused]), [Applied::Gap { expected: seq(4) }]);
    assert_eq!(expires(subject, "s"), last, "a refusal does not move it");
    subject.take_over("s");
    subject.take_over("fixed");
    assert!(expires(subject, "s") > last);
    assert_eq!(expires(subject, "fixed"), until);
}

pub fn an_expired_stream_is_gone_and_its_id_is_free(subject: &mut Subject) {
    let ttl = subject.short_ttl();
    let old = subject.create_for("s", Ttl::Sliding(ttl));
    subject.create("kept");
    subject.store_chunk(&chunk(&old, 1, &[b"old"]));
    let old_epoch = old.epoch;
    outlive(subject, "s", ttl);
    let gone = ErrorKind::NotFound;
    assert_eq!(kind(subject.stat("s")), gone);
    assert_eq!(kind(subject.page("s", 0, PAGE_BYTES)), gone);
    assert_eq!(kind(subject.recover("s", Takeover::IfFree)), gone);
    assert_eq!(kind(subject.recover("s", Takeover::Over(old_epoch))), gone);
    assert_eq!(kind(subject.extend("s", Ttl::Sliding(HOUR))), gone);
    assert_eq!(kind(subject.compact("s", b"x")), gone);
    assert_eq!(kind(subject.snapshot("s")), gone);
    assert_eq!(kind(run(subject.backend().wait(&id("s"), Seq::new(1)))), gone);
    assert_eq!(kind(run(subject.backend().delete(&id("s")))), gone);
    assert_eq!(subject.commit(vec![chunk(&old, 2, &[b"late"])]), [Applied::Deleted]);
    assert_eq!(subject.names(), ["kept"]);

    let new = subject.create("s");
    assert!(new.epoch > old_epoch && new.next == Seq::FIRST);
    assert_eq!(subject.commit(vec![chunk(&old, 2, &[b"late"])]), [Applied::Deleted]);
    assert!(subject.records("s").is_empty());
    assert_eq!(subject.info("s").expires, None);
    assert_eq!(subject.names(), ["kept", "s"]);
}

pub fn a_closed_stream_expires_too(subject: &mut Subject) {
    let ttl = subject.short_ttl();
    let head = subject.create_for("s", Ttl::Sliding(ttl));
    subject.store_chunk(&last_chunk(&head, 1, &[b"a"]));
    subject.compact("s", b"short").expect("compacted");
    outlive(subject, "s", ttl);
    subject.create("s");
    assert_eq!(subject.snapshot("s").expect("it is there"), None);
}

pub fn a_sweep_is_bounded_and_takes_only_what_expired(subject: &mut Subject) {
    let ttl = subject.short_ttl();
    for name in ["a", "b", "c", "d", "e"] {
        subject.create_for(name, Ttl::Sliding(ttl));
    }
    subject.create_for("later", Ttl::Sliding(HOUR * 10));
    subject.create("never");
    assert_eq!(subject.sweep(10), 0);
    for name in ["a", "b", "c", "d", "e"] {
        outlive(subject, name, if name == "a" { ttl } else { Duration::ZERO });
    }
    let swept: Vec<usize> = (0..5).map(|_| subject.sweep(2)).collect();
    assert!(swept.iter().all(|count| *count <= 2), "{swept:?}");
    if subject.has_clock() {
        assert_eq!(swept, [2, 2, 1, 0, 0]);
    }
    assert_eq!(subject.sweep(10), 0);
    assert_eq!(subject.names(), ["later", "never"]);
    assert!(subject.create("c").epoch.value() > 1, "a swept id is remembered");
}

pub fn the_epoch_of_a_deleted_stream_is_remembered(subject: &mut Subject) {
    if !subject.has_clock() {
        return;
    }
    subject.create("s");
    let last = subject.take_over("s").epoch;
    subject.delete("s");
    subject.pass(TOMBSTONE_TTL - Duration::from_secs(1));
    subject.sweep(10);
    assert!(subject.create("s").epoch > last);
}

pub fn only_a_closed_stream_is_compacted(subject: &mut Subject) {
    let head = subject.create("s");
    subject.store_chunk(&chunk(&head, 1, &[b"a"]));
    assert_eq!(kind(subject.compact("s", b"x")), ErrorKind::StillOpen);
    assert_eq!(subject.snapshot("s").expect("it is there"), None);
    assert_eq!(subject.records("s"), [b"a"]);
    subject.store_chunk(&last_chunk(&head, 2, &[b"b"]));
    assert_eq!(subject.snapshot("s").expect("it is there"), None);
}

pub fn a_snapshot_takes_the_place_of_the_records(subject: &mut Subject) {
    let head = subject.close_with("s", &[b"a", b"b", b"c"]);
    subject.close_with("t", &[b"a", b"b", b"c"]);
    subject.compact("s", b"abc").expect("compacted");
    assert_eq!(subject.snapshot("s").expect("it is there").as_deref(), Some(&b"abc"[..]));
    let info = subject.info("s");
    assert_eq!((info.first, info.last, info.state), (seq(4), Seq::new(3), StreamState::Closed));
    let trimmed = ErrorKind::CursorTrimmed { first: seq(4) };
    for after in 0..3 {
        assert_eq!(kind(subject.page("s", after, PAGE_BYTES)), trimmed);
    }
    let end = subject.page("s", 3, PAGE_BYTES).expect("at the end");
    assert!(end.is_empty() && end.ends_stream());
    let ahead = ErrorKind::CursorAhead { last: Seq::new(3) };
    assert_eq!(kind(subject.page("s", 4, PAGE_BYTES)), ahead);
    let closed = ErrorKind::Closed { last: Seq::new(3) };
    assert_eq!(kind(subject.recover("s", Takeover::IfFree)), closed);
    let late = Applied::Closed { last: Seq::new(3) };
    assert_eq!(subject.commit(vec![chunk(&head, 4, &[b"late"])]), [late]);
    run(subject.backend().wait(&id("s"), Seq::new(3))).expect("it has ended");
    assert_eq!(subject.records("t").len(), 3);
}

pub fn a_second_snapshot_replaces_the_first(subject: &mut Subject) {
    subject.close_with("s", &[b"a"]);
    let long: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
    for snapshot in [&b"first"[..], &long, b"", b"last"] {
        subject.compact("s", snapshot).expect("compacted");
        assert!(subject.snapshot("s").expect("it is there").as_deref() == Some(snapshot));
    }
    assert_eq!(subject.info("s").last, Seq::new(1));
}

pub fn a_stream_without_records_is_compacted_too(subject: &mut Subject) {
    subject.close_with("s", &[]);
    subject.compact("s", b"nothing").expect("compacted");
    let page = subject.page("s", 0, PAGE_BYTES).expect("there is nothing before the start");
    assert!(page.is_empty() && page.ends_stream());
    assert_eq!(subject.snapshot("s").expect("it is there").as_deref(), Some(&b"nothing"[..]));
}

pub fn a_deleted_snapshot_is_gone(subject: &mut Subject) {
    subject.close_with("s", &[b"a"]);
    subject.compact("s", b"a").expect("compacted");
    subject.delete("s");
    subject.close_with("s", &[b"new"]);
    assert_eq!(subject.snapshot("s").expect("it is there"), None);
    assert_eq!(subject.records("s"), [b"new"]);
}
