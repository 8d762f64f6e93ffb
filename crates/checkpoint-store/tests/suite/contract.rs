//! The rules of conditional commits, asked of the backend itself.

use std::sync::Arc;

use checkpoint_store::{
    Applied, Backend, Chunk, CommitPath, Ending, Epoch, ErrorKind, Head, Open, Seq, StreamInfo,
    StreamNo, StreamState,
};

use super::{Subject, id, run};

fn seq(number: u64) -> Seq {
    Seq::new(number).expect("positions start at 1")
}

fn open(subject: &Subject, name: &str, open: Open) -> Head {
    run(subject.backend.open(&id(name), open)).expect("the stream opens")
}

fn info(subject: &Subject, name: &str) -> StreamInfo {
    open(subject, name, Open::Read).info(id(name))
}

fn chunk(stream: StreamNo, epoch: Epoch, first: u64, records: &[&[u8]]) -> Chunk {
    Chunk::new(stream, epoch, seq(first), records, Ending::Open)
}

fn commit(backend: &dyn Backend, chunks: Vec<Chunk>) -> Vec<Applied> {
    run(backend.commit(Arc::from(chunks))).expect("the commit is answered")
}

/// Commits one chunk both ways that the backend has; the second way must agree by repeating.
#[track_caller]
fn check(subject: &Subject, chunk: &Chunk, expected: Applied) {
    let backend = &*subject.backend;
    assert_eq!(commit(backend, vec![chunk.clone()]), [expected]);
    if backend.caps().path == CommitPath::Inline {
        let repeated = match expected {
            Applied::Stored { next } => Applied::Duplicate { next },
            refused => refused,
        };
        assert_eq!(backend.commit_inline(&chunk.frames()).expect("answered"), repeated);
    }
}

pub(crate) fn a_commit_is_taken_only_where_the_stream_ends(subject: &Subject) {
    let head = open(subject, "s", Open::Create);
    assert_eq!((head.epoch, head.next), (Epoch::FIRST, Seq::FIRST));
    let at = |first, records| chunk(head.stream, head.epoch, first, records);
    check(subject, &at(2, &[b"early"]), Applied::Gap { expected: seq(1) });
    check(subject, &at(1, &[b"a", b"b"]), Applied::Stored { next: seq(3) });
    check(subject, &at(4, &[b"early"]), Applied::Gap { expected: seq(3) });
    check(subject, &at(2, &[b"b", b"c"]), Applied::Gap { expected: seq(3) });
    check(subject, &at(3, &[b"c"]), Applied::Stored { next: seq(4) });
    assert_eq!(info(subject, "s").last, Seq::new(3));
}

pub(crate) fn a_repeated_commit_is_a_duplicate_and_changes_nothing(subject: &Subject) {
    let head = open(subject, "s", Open::Create);
    let first = chunk(head.stream, head.epoch, 1, &[b"a", b"b"]);
    let second = chunk(head.stream, head.epoch, 3, &[b"c"]);
    check(subject, &first, Applied::Stored { next: seq(3) });
    check(subject, &second, Applied::Stored { next: seq(4) });
    let before = info(subject, "s");
    check(subject, &first, Applied::Duplicate { next: seq(4) });
    check(subject, &second, Applied::Duplicate { next: seq(4) });
    assert_eq!(info(subject, "s"), before);
}

pub(crate) fn an_old_epoch_is_fenced_at_every_position(subject: &Subject) {
    let old = open(subject, "s", Open::Create);
    check(subject, &chunk(old.stream, old.epoch, 1, &[b"a"]), Applied::Stored { next: seq(2) });
    let new = open(subject, "s", Open::Recover);
    assert_eq!((new.epoch, new.next), (Epoch::new(2), seq(2)));
    for first in 1..=3 {
        let late = chunk(old.stream, old.epoch, first, &[b"late"]);
        check(subject, &late, Applied::Fenced { current: new.epoch });
    }
    let early = chunk(old.stream, Epoch::new(3), 2, &[b"early"]);
    check(subject, &early, Applied::Fenced { current: new.epoch });
    check(subject, &chunk(new.stream, new.epoch, 2, &[b"b"]), Applied::Stored { next: seq(3) });
}

pub(crate) fn a_closed_stream_takes_nothing_and_repeats_its_close(subject: &Subject) {
    let head = open(subject, "s", Open::Create);
    let end = Chunk::new(head.stream, head.epoch, seq(1), &[b"a"], Ending::Close);
    check(subject, &end, Applied::Stored { next: seq(2) });
    check(subject, &end, Applied::Duplicate { next: seq(2) });
    let more = chunk(head.stream, head.epoch, 2, &[b"b"]);
    check(subject, &more, Applied::Closed { last: Seq::new(1) });
    assert_eq!(info(subject, "s").state, StreamState::Closed);

    let empty = open(subject, "empty", Open::Create);
    let end = Chunk::new(empty.stream, empty.epoch, seq(1), &[], Ending::Close);
    check(subject, &end, Applied::Stored { next: seq(1) });
    let closed = run(subject.backend.open(&id("empty"), Open::Recover)).map(drop);
    assert_eq!(closed.expect_err("closed").kind(), ErrorKind::Closed { last: None });
}

pub(crate) fn a_writer_of_a_deleted_stream_cannot_write_into_its_successor(subject: &Subject) {
    let old = open(subject, "s", Open::Create);
    run(subject.backend.delete(&id("s"))).expect("deleted");
    let zombie = chunk(old.stream, old.epoch, 1, &[b"zombie"]);
    check(subject, &zombie, Applied::Deleted);
    let new = open(subject, "s", Open::Create);
    assert_ne!(new.stream, old.stream);
    check(subject, &zombie, Applied::Deleted);
    assert_eq!(info(subject, "s").last, None);
}

pub(crate) fn one_refused_stream_does_not_stop_the_batch(subject: &Subject) {
    let good = open(subject, "good", Open::Create);
    let bad = open(subject, "bad", Open::Create);
    let batch = vec![
        chunk(bad.stream, bad.epoch, 5, &[b"gap"]),
        chunk(good.stream, good.epoch, 1, &[b"a"]),
    ];
    let expected = [Applied::Gap { expected: seq(1) }, Applied::Stored { next: seq(2) }];
    assert_eq!(commit(&*subject.backend, batch), expected);
    assert_eq!(info(subject, "bad").last, None);
    assert_eq!(info(subject, "good").last, Seq::new(1));
}
