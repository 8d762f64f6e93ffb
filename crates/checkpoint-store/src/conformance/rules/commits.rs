//! The rules of conditional commits: what is taken, what is repeated, what is refused and how.

use crate::conformance::probe::{chunk, epoch, id, kind, last_chunk, seq};
use crate::conformance::{Subject, run};
use crate::{
    Applied, Chunk, CommitPath, Ending, Epoch, ErrorKind, Open, Seq, StreamState, Takeover,
};

/// Commits one chunk both ways that the backend has; the second way must agree by repeating.
#[track_caller]
fn check(subject: &Subject, chunk: &Chunk, expected: Applied) {
    assert_eq!(subject.commit(vec![chunk.clone()]), [expected]);
    if subject.backend().caps().path == CommitPath::Inline {
        let repeated = match expected {
            Applied::Stored { next } => Applied::Duplicate { next },
            refused => refused,
        };
        let inline = subject.backend().commit_inline(&chunk.frames());
        assert_eq!(inline.expect("answered"), repeated);
    }
}

pub fn a_stream_is_created_written_read_closed_and_deleted(subject: &mut Subject) {
    let head = subject.create("s");
    assert_eq!((head.epoch, head.first, head.next), (Epoch::FIRST, Seq::FIRST, Seq::FIRST));
    let info = subject.info("s");
    assert_eq!((info.id, info.epoch, info.last), (id("s"), Epoch::FIRST, None));
    assert_eq!((info.state, info.expires, info.bytes), (StreamState::Open, None, 0));
    assert!(subject.records("s").is_empty());
    subject.store_chunk(&chunk(&head, 1, &[b"a", b"bc"]));
    subject.store_chunk(&last_chunk(&head, 3, &[b"d"]));
    assert_eq!(subject.records("s"), [&b"a"[..], b"bc", b"d"]);
    let info = subject.info("s");
    assert_eq!((info.state, info.last, info.bytes), (StreamState::Closed, Seq::new(3), 7));
    subject.delete("s");
    assert_eq!(subject.stat("s").expect_err("gone").kind(), ErrorKind::NotFound);
}

pub fn what_does_not_exist_is_not_found(subject: &mut Subject) {
    subject.create("other");
    let gone = ErrorKind::NotFound;
    assert_eq!(kind(subject.stat("ghost")), gone);
    assert_eq!(kind(subject.page("ghost", 0, 100)), gone);
    assert_eq!(kind(subject.recover("ghost", Takeover::IfFree)), gone);
    assert_eq!(kind(subject.recover("ghost", Takeover::Over(Epoch::FIRST))), gone);
    assert_eq!(kind(run(subject.backend().wait(&id("ghost"), None))), gone);
    assert_eq!(kind(subject.extend("ghost", crate::Ttl::Until(subject.now()))), gone);
    assert_eq!(kind(subject.compact("ghost", b"")), gone);
    assert_eq!(kind(subject.snapshot("ghost")), gone);
    assert_eq!(kind(run(subject.backend().delete(&id("ghost")))), gone);
}

pub fn an_id_is_taken_once(subject: &mut Subject) {
    let head = subject.create("s");
    assert_eq!(kind(subject.try_create("s", None)), ErrorKind::Exists);
    subject.create("t");
    subject.store_chunk(&last_chunk(&head, 1, &[b"a"]));
    assert_eq!(kind(subject.try_create("s", None)), ErrorKind::Exists);
    assert_eq!(subject.records("s"), [b"a"]);
}

pub fn a_commit_is_taken_only_where_the_stream_ends(subject: &mut Subject) {
    let head = subject.create("s");
    let at = |first, records| chunk(&head, first, records);
    check(subject, &at(2, &[b"early"]), Applied::Gap { expected: seq(1) });
    check(subject, &at(1, &[b"a", b"b"]), Applied::Stored { next: seq(3) });
    check(subject, &at(4, &[b"early"]), Applied::Gap { expected: seq(3) });
    check(subject, &at(2, &[b"b", b"c"]), Applied::Gap { expected: seq(3) });
    check(subject, &at(3, &[b"c"]), Applied::Stored { next: seq(4) });
    assert_eq!(subject.info("s").last, Seq::new(3));
    assert_eq!(subject.records("s"), [b"a", b"b", b"c"]);
}

pub fn a_repeated_commit_is_a_duplicate_and_changes_nothing(subject: &mut Subject) {
    let head = subject.create("s");
    let first = chunk(&head, 1, &[b"a", b"b"]);
    let second = chunk(&head, 3, &[b"c"]);
    check(subject, &first, Applied::Stored { next: seq(3) });
    check(subject, &second, Applied::Stored { next: seq(4) });
    let before = (subject.info("s").last, subject.info("s").bytes);
    check(subject, &first, Applied::Duplicate { next: seq(4) });
    check(subject, &second, Applied::Duplicate { next: seq(4) });
    assert_eq!((subject.info("s").last, subject.info("s").bytes), before);
    assert_eq!(subject.records("s"), [b"a", b"b", b"c"]);
}

pub fn an_old_epoch_is_fenced_at_every_position(subject: &mut Subject) {
    let old = subject.create("s");
    check(subject, &chunk(&old, 1, &[b"a"]), Applied::Stored { next: seq(2) });
    let new = subject.take_over("s");
    assert_eq!((new.stream, new.epoch, new.next), (old.stream, epoch(2), seq(2)));
    let fenced = Applied::Fenced { current: epoch(2) };
    for first in 1..=3 {
        check(subject, &chunk(&old, first, &[b"late"]), fenced);
        check(subject, &last_chunk(&old, first, &[b"late"]), fenced);
    }
    check(subject, &last_chunk(&old, 2, &[]), fenced);
    let early = Chunk::new(old.stream, epoch(3), seq(2), &[b"early"], Ending::Open);
    check(subject, &early, fenced);
    check(subject, &chunk(&new, 2, &[b"b"]), Applied::Stored { next: seq(3) });
    assert_eq!(subject.records("s"), [b"a", b"b"]);
}

pub fn a_closed_stream_takes_nothing_and_repeats_its_close(subject: &mut Subject) {
    let head = subject.create("s");
    let end = last_chunk(&head, 1, &[b"a"]);
    check(subject, &end, Applied::Stored { next: seq(2) });
    check(subject, &end, Applied::Duplicate { next: seq(2) });
    let closed = Applied::Closed { last: Seq::new(1) };
    check(subject, &chunk(&head, 2, &[b"b"]), closed);
    check(subject, &last_chunk(&head, 2, &[b"b"]), closed);
    assert_eq!(subject.info("s").state, StreamState::Closed);
    let refused = ErrorKind::Closed { last: Seq::new(1) };
    assert_eq!(kind(subject.recover("s", Takeover::IfFree)), refused);
    assert_eq!(kind(subject.recover("s", Takeover::Over(Epoch::FIRST))), refused);
    assert_eq!(subject.records("s"), [b"a"]);
}

pub fn a_stream_without_records_can_be_closed(subject: &mut Subject) {
    let head = subject.create("s");
    let end = last_chunk(&head, 1, &[]);
    check(subject, &end, Applied::Stored { next: seq(1) });
    check(subject, &end, Applied::Duplicate { next: seq(1) });
    assert_eq!(kind(subject.recover("s", Takeover::IfFree)), ErrorKind::Closed { last: None });
    let page = subject.page("s", 0, 100).expect("it reads");
    assert_eq!((page.len(), page.more(), page.ends_stream()), (0, false, true));
}

pub fn a_close_needs_its_place_and_its_epoch(subject: &mut Subject) {
    let head = subject.create("s");
    check(subject, &chunk(&head, 1, &[b"a", b"b"]), Applied::Stored { next: seq(3) });
    check(subject, &last_chunk(&head, 4, &[]), Applied::Gap { expected: seq(3) });
    check(subject, &last_chunk(&head, 1, &[b"a"]), Applied::Gap { expected: seq(3) });
    assert_eq!(subject.info("s").state, StreamState::Open);
    check(subject, &last_chunk(&head, 3, &[]), Applied::Stored { next: seq(3) });
    assert_eq!(subject.info("s").state, StreamState::Closed);
}

pub fn one_refused_stream_does_not_stop_the_batch(subject: &mut Subject) {
    let (good, bad) = (subject.create("good"), subject.create("bad"));
    let (ended, gone) = (subject.close_with("ended", &[b"x"]), subject.create("gone"));
    subject.delete("gone");
    let batch = vec![
        chunk(&bad, 5, &[b"gap"]),
        chunk(&ended, 2, &[b"more"]),
        chunk(&good, 1, &[b"a"]),
        chunk(&gone, 1, &[b"zombie"]),
    ];
    let expected = [
        Applied::Gap { expected: seq(1) },
        Applied::Closed { last: Seq::new(1) },
        Applied::Stored { next: seq(2) },
        Applied::Deleted,
    ];
    assert_eq!(subject.commit(batch), expected);
    assert_eq!(subject.info("bad").last, None);
    assert_eq!(subject.records("good"), [b"a"]);
    assert_eq!(subject.records("ended"), [b"x"]);
}

pub fn an_empty_batch_is_answered(subject: &mut Subject) {
    assert_eq!(subject.commit(Vec::new()), []);
}

pub fn a_writer_of_a_deleted_stream_cannot_write_into_its_successor(subject: &mut Subject) {
    let old = subject.create("s");
    subject.delete("s");
    let zombie = chunk(&old, 1, &[b"zombie"]);
    check(subject, &zombie, Applied::Deleted);
    check(subject, &last_chunk(&old, 1, &[]), Applied::Deleted);
    assert_eq!(kind(subject.stat("s")), ErrorKind::NotFound);
    let new = subject.create("s");
    assert_ne!(new.stream, old.stream);
    check(subject, &zombie, Applied::Deleted);
    check(subject, &last_chunk(&old, 1, &[]), Applied::Deleted);
    subject.release(&old);
    assert_eq!((subject.info("s").last, subject.info("s").state), (None, StreamState::Open));
    check(subject, &chunk(&new, 1, &[b"a"]), Applied::Stored { next: seq(2) });
    assert!(!subject.is_free("s"), "the release of a zombie is not that of its successor");
}

pub fn the_epochs_of_an_id_rise_over_its_streams(subject: &mut Subject) {
    let mut last = subject.create("s").epoch;
    for round in 0..4 {
        for _ in 0..round {
            last = subject.take_over("s").epoch;
        }
        subject.delete("s");
        let next = subject.create("s").epoch;
        assert!(next > last, "{next} after {last}");
        last = next;
    }
    assert_eq!(subject.create("t").epoch, Epoch::FIRST);
}

pub fn a_dropped_commit_is_whole_or_absent(subject: &mut Subject) {
    let head = subject.create("s");
    let mut stored = Vec::new();
    for round in 0..20_u64 {
        let first = stored.len() as u64 + 1;
        let records = [round.to_be_bytes(), (round + 100).to_be_bytes()];
        let records: [&[u8]; 2] = [&records[0], &records[1]];
        let dropped = chunk(&head, first, &records);
        let mut commit = subject.backend().commit(vec![dropped.clone()].into());
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        // Ready or not: what it did is asked of the stream.
        let _ = commit.as_mut().poll(&mut cx);
        drop(commit);
        let next = dropped.frames().next();
        let again = subject.commit(vec![dropped]);
        assert!(
            matches!(again[..], [Applied::Stored { next: n } | Applied::Duplicate { next: n }] if n == next),
            "{again:?}"
        );
        stored.extend(records.map(<[u8]>::to_vec));
        assert_eq!(subject.records("s"), stored);
    }
}

pub fn a_dropped_open_is_whole_or_absent(subject: &mut Subject) {
    let holder = crate::Holder::new("dropper");
    for round in 0..10 {
        let name = id(&format!("s{round}"));
        let mut open = subject.backend().open(&name, Open::Create { holder: &holder, ttl: None });
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        // Ready or not: what it did is asked of the stream.
        let _ = open.as_mut().poll(&mut cx);
        drop(open);
        match subject.try_create(name.as_str(), None) {
            Ok(head) => assert_eq!(head.epoch, Epoch::FIRST),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Exists),
        }
        let head = subject.take_over(name.as_str());
        subject.store_chunk(&chunk(&head, 1, &[b"a"]));
    }
}
