//! The rules of a backend that outlives its process: what it held is there when it is opened again.
//! Where the subject cannot be reopened they have nothing to say.

use std::time::Duration;

use crate::conformance::Subject;
use crate::conformance::probe::{chunk, id, kind, last_chunk, seq};
use crate::{Applied, ErrorKind, Level, PAGE_BYTES, Seq, StreamState, Timestamp, Ttl};

pub fn a_level_above_memory_can_be_reopened(subject: &mut Subject) {
    let level = subject.backend().caps().level;
    assert!(level == Level::Memory || subject.can_reopen(), "{level} without a way to show it");
}

pub fn everything_is_there_after_a_reopen(subject: &mut Subject) {
    if !subject.can_reopen() {
        return;
    }
    let until = Timestamp::from_millis(4_000_000_000_000);
    let open = subject.create_for("open", Ttl::Until(until));
    subject.store_chunk(&chunk(&open, 1, &[b"a", b"", &[0xff; 3000]]));
    subject.create("empty");
    subject.close_with("closed", &[b"x"]);
    subject.close_with("compacted", &[b"y", b"z"]);
    subject.compact("compacted", b"yz").expect("compacted");
    subject.create("deleted");
    subject.delete("deleted");
    let open = subject.take_over("open");
    subject.store_chunk(&chunk(&open, 4, &[b"b"]));
    let before: Vec<_> = subject.list(None, 10).streams;

    for _ in 0..2 {
        subject.reopen();
        let mut after = subject.list(None, 10).streams;
        for (before, after) in before.iter().zip(&mut after) {
            // A lease may have ended meanwhile.
            after.lease.clone_from(&before.lease);
        }
        assert_eq!(before, after);
        assert_eq!(subject.records("open"), [&b"a"[..], b"", &[0xff; 3000], b"b"]);
        assert_eq!(subject.info("open").expires, Some(until));
        assert_eq!(subject.records("closed"), [b"x"]);
        assert_eq!(subject.info("closed").state, StreamState::Closed);
        let trimmed = ErrorKind::CursorTrimmed { first: seq(3) };
        assert_eq!(kind(subject.page("compacted", 0, PAGE_BYTES)), trimmed);
        assert_eq!(subject.snapshot("compacted").expect("there").as_deref(), Some(&b"yz"[..]));
        assert_eq!(kind(subject.stat("deleted")), ErrorKind::NotFound);
    }
}

pub fn rules_of_commits_hold_after_a_reopen(subject: &mut Subject) {
    if !subject.can_reopen() {
        return;
    }
    let old = subject.create("s");
    let first = chunk(&old, 1, &[b"a", b"b"]);
    subject.store_chunk(&first);
    let ended = subject.create("ended");
    let end = last_chunk(&ended, 1, &[b"x"]);
    subject.store_chunk(&end);
    let gone = subject.create("gone");
    subject.delete("gone");
    subject.reopen();

    let batch = vec![first, chunk(&old, 4, &[b"gap"]), end, chunk(&gone, 1, &[b"zombie"])];
    // One chunk per stream and batch.
    let applied: Vec<_> = batch.into_iter().flat_map(|chunk| subject.commit(vec![chunk])).collect();
    let expected = [
        Applied::Duplicate { next: seq(3) },
        Applied::Gap { expected: seq(3) },
        Applied::Duplicate { next: seq(2) },
        Applied::Deleted,
    ];
    assert_eq!(applied, expected);
    let new = subject.take_over("s");
    assert_eq!((new.stream, new.epoch, new.next), (old.stream, old.epoch.next(), seq(3)));
    let fenced = Applied::Fenced { current: new.epoch };
    assert_eq!(subject.commit(vec![chunk(&old, 3, &[b"late"])]), [fenced]);
    subject.store_chunk(&chunk(&new, 3, &[b"c"]));
    assert_eq!(subject.records("s"), [b"a", b"b", b"c"]);
}

pub fn names_and_numbers_are_not_used_again_after_a_reopen(subject: &mut Subject) {
    if !subject.can_reopen() {
        return;
    }
    let mut zombies = Vec::new();
    for round in 0..4 {
        let head = subject.create("s");
        assert!(zombies.iter().all(|zombie: &crate::Head| {
            zombie.stream != head.stream && zombie.epoch < head.epoch
        }));
        subject.store_chunk(&chunk(&head, 1, &[&[round]]));
        assert_eq!(subject.records("s"), [[round]]);
        subject.delete("s");
        zombies.push(head);
        subject.reopen();
        for zombie in &zombies {
            assert_eq!(subject.commit(vec![chunk(zombie, 2, &[b"z"])]), [Applied::Deleted]);
        }
    }
}

pub fn time_passes_while_a_store_is_closed(subject: &mut Subject) {
    if !subject.can_reopen() {
        return;
    }
    let ttl = subject.short_ttl();
    let head = subject.create_for("s", Ttl::Sliding(ttl));
    subject.store_chunk(&chunk(&head, 1, &[b"a"]));
    subject.create_for("later", Ttl::Sliding(ttl * 1000));
    subject.pass(ttl + Duration::from_millis(5));
    subject.reopen();
    assert_eq!(kind(subject.stat("s")), ErrorKind::NotFound);
    assert_eq!(subject.names(), ["later"]);
    let head = subject.create("s");
    assert_eq!((subject.info("s").last, head.first), (None, Seq::FIRST));
    assert!(head.epoch.value() > 1);
}

pub fn a_store_of_a_thousand_commits_reopens_whole(subject: &mut Subject) {
    if !subject.can_reopen() {
        return;
    }
    let streams = ["a", "b", "c", "d"];
    let heads = streams.map(|name| subject.create(name));
    for (first, round) in (1..).zip(0..250_u32) {
        let record = round.to_be_bytes();
        subject.commit(heads.iter().map(|head| chunk(head, first, &[&record])).collect());
    }
    subject.reopen();
    for name in streams {
        let records = subject.records(name);
        assert!(records.iter().zip(0_u32..).all(|(found, round)| *found == round.to_be_bytes()));
        assert_eq!(records.len(), 250);
        assert_eq!(subject.stat(name).map(|info| info.id).ok(), Some(id(name)));
    }
}
