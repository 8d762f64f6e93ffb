//! One value of one stream is damaged: that stream gives a typed error until it is deleted, and
//! every other one goes on.

use std::sync::Arc;

use super::super::database::Table;
use super::super::fake::{Disk, Fake};
use super::super::layout;
use super::super::stored::TAIL_BYTES;
use super::{Engine, Granted, Watch};
use crate::backend::Applied;
use crate::chunk::{Chunk, Ending, FORMAT};
use crate::expiry::{Clock, TOMBSTONE_TTL, Timestamp, Ttl};
use crate::{Epoch, ErrorKind, Head, Holder, Seq, StoreError, StreamId, Takeover};

/// When the streams are made, and when those that expire have done so.
const NOW: Timestamp = Timestamp::from_millis(1_000_000);
const LATER: Timestamp = Timestamp::from_millis(5_000_000);

const CORRUPT: ErrorKind = ErrorKind::Corrupt { good_prefix: None };

fn engine(disk: &Disk, now: Timestamp) -> Engine {
    let clock = Clock::new(move || now);
    Engine::new(Box::new(Fake::new(disk, None)), clock, Arc::new(Watch::default())).unwrap()
}

fn id(name: &str) -> StreamId {
    StreamId::new(name).unwrap()
}

fn create(engine: &mut Engine, name: &str, ttl: Option<Ttl>) -> Result<Head, StoreError> {
    engine.create(&id(name), &Holder::new("h"), ttl).map(Granted::take)
}

fn chunk(head: &Head, first: u64) -> Chunk {
    Chunk::new(head.stream, head.epoch, Seq::new(first).unwrap(), &[b"abc"], Ending::Open)
}

/// Streams of one record each, in this order.
fn streams<const N: usize>(disk: &Disk, names: [&str; N], ttl: Option<Ttl>) -> [Head; N] {
    let mut engine = engine(disk, NOW);
    names.map(|name| {
        let head = create(&mut engine, name, ttl).unwrap();
        engine.commit(&[chunk(&head, 1)]).unwrap();
        head
    })
}

#[track_caller]
fn flip(disk: &Disk, table: Table, key: impl AsRef<[u8]>) {
    let mut disk = disk.hold();
    disk.get_mut(&(table, key.as_ref().to_vec())).expect("it is there")[0] ^= 1;
}

#[track_caller]
fn damage_head(disk: &Disk, head: &Head) {
    flip(disk, Table::Chunks, layout::head_key(head.stream));
}

#[track_caller]
fn kind<T>(result: Result<T, StoreError>) -> ErrorKind {
    result.map(drop).expect_err("it is refused").kind()
}

#[test]
fn a_commit_to_a_damaged_stream_is_refused_and_the_others_are_stored() {
    let disk = Disk::default();
    let [a, b, c] = streams(&disk, ["a", "b", "c"], None);
    damage_head(&disk, &b);
    let mut engine = engine(&disk, NOW);
    let applied = engine.commit(&[chunk(&a, 2), chunk(&b, 2), chunk(&c, 2)]).unwrap();
    let next = Seq::new(3).unwrap();
    let stored = Applied::Stored { next };
    assert_eq!(applied, [stored, Applied::Unreadable { kind: CORRUPT }, stored]);
    assert_eq!(engine.read(&id("c"), None, 100).unwrap().len(), 2);
}

#[test]
fn a_commit_behind_a_damaged_tail_is_refused() {
    let disk = Disk::default();
    let [a, b] = streams(&disk, ["a", "b"], None);
    let key = (Table::Chunks, layout::head_key(a.stream).to_vec());
    *disk.hold().get_mut(&key).unwrap().last_mut().unwrap() ^= 1;
    let mut engine = engine(&disk, NOW);
    let applied = engine.commit(&[chunk(&a, 2), chunk(&b, 2)]).unwrap();
    let stored = Applied::Stored { next: Seq::new(3).unwrap() };
    assert_eq!(applied, [Applied::Unreadable { kind: CORRUPT }, stored]);
    assert_eq!(engine.stat(&id("a")).unwrap().last, Seq::new(1));
}

#[test]
fn whatever_is_asked_of_a_damaged_stream_is_a_typed_error() {
    let disk = Disk::default();
    let [a] = streams(&disk, ["a"], None);
    damage_head(&disk, &a);
    let (mut engine, a) = (engine(&disk, NOW), id("a"));
    assert_eq!(kind(engine.stat(&a)), CORRUPT);
    assert_eq!(kind(engine.read(&a, None, 100)), CORRUPT);
    assert_eq!(kind(engine.snapshot(&a)), CORRUPT);
    assert_eq!(kind(engine.extend(&a, Ttl::Until(LATER))), CORRUPT);
    assert_eq!(kind(engine.compact(&a, b"s")), CORRUPT);
    assert_eq!(kind(engine.recover(&a, &Holder::new("h"), Takeover::IfFree)), CORRUPT);
    // It may be worth saving, so its id is not free before it is deleted.
    assert_eq!(kind(create(&mut engine, "a", None)), CORRUPT);
}

#[test]
fn good_records_before_a_chunk_of_a_newer_format_are_given_first() {
    let disk = Disk::default();
    let [a] = streams(&disk, ["a"], None);
    let mut engine = engine(&disk, NOW);
    let long = vec![b'r'; TAIL_BYTES];
    for first in 2..=3 {
        let first = Seq::new(first).unwrap();
        let chunk = Chunk::new(a.stream, a.epoch, first, &[&long], Ending::Open);
        engine.commit(&[chunk]).unwrap();
    }
    let third = (Table::Chunks, layout::chunk_key(a.stream, Seq::new(3).unwrap()).to_vec());
    disk.hold().get_mut(&third).unwrap()[4] = FORMAT + 1;
    let page = engine.read(&id("a"), None, 10_000).unwrap();
    assert_eq!((page.len(), page.more()), (2, true));
    let version = ErrorKind::Version { found: FORMAT + 1, max: FORMAT };
    assert_eq!(kind(engine.read(&id("a"), page.last(), 10_000)), version);
}

#[test]
fn a_list_marks_what_is_damaged_and_has_the_others() {
    let disk = Disk::default();
    let [_, b, _, d] = streams(&disk, ["a", "b", "c", "d"], None);
    damage_head(&disk, &b);
    disk.hold().insert((Table::Names, layout::id_key(&id("d"))), vec![0; 8]);
    disk.hold().insert((Table::Names, b"id/not a name".to_vec()), vec![0; 8]);
    let engine = engine(&disk, NOW);
    let listing = engine.list(None, 10).unwrap();
    let seen: Vec<_> =
        listing.streams.iter().map(|info| (info.id.as_str(), info.last, info.damage)).collect();
    let whole = Seq::new(1);
    let expected = [
        ("a", whole, None),
        ("b", None, Some(CORRUPT)),
        ("c", whole, None),
        ("d", None, Some(CORRUPT)),
    ];
    assert_eq!(seen, expected);
    let page = engine.list(Some(&id("a")), 1).unwrap();
    assert_eq!((page.streams.len(), page.more, d.stream.value()), (1, true, 4));
}

#[test]
fn a_sweep_goes_on_past_damage() {
    let disk = Disk::default();
    let until = Some(Ttl::Until(Timestamp::from_millis(2_000_000)));
    let [a, b, c, _] = streams(&disk, ["a", "b", "c", "d"], until);
    damage_head(&disk, &a);
    let due = |head: &Head| layout::due_key(Timestamp::from_millis(2_000_000), head.stream);
    disk.hold().insert((Table::Names, due(&b)), b"not a name".to_vec());
    disk.hold().insert((Table::Names, due(&c)[..9].to_vec()), b"c".to_vec());
    let mut engine = engine(&disk, LATER);
    assert_eq!(engine.sweep(10).unwrap().removed, 2, "c and d");
    assert_eq!(engine.sweep(10).unwrap().removed, 0);
    // What was passed is not met at the next sweep, and not removed either.
    let due = layout::due_range(LATER);
    let is_due = |(table, key): &(Table, Vec<u8>)| *table == Table::Names && due.contains(key);
    assert!(!disk.hold().keys().any(is_due));
    assert_eq!(kind(engine.stat(&id("a"))), CORRUPT);
}

#[test]
fn a_damaged_stream_is_deleted_whole_and_its_id_starts_above_its_epochs() {
    for number_is_damaged in [false, true] {
        let disk = Disk::default();
        let [a, b] = streams(&disk, ["a", "b"], None);
        match number_is_damaged {
            true => _ = disk.hold().insert((Table::Names, layout::id_key(&id("a"))), vec![0; 8]),
            false => damage_head(&disk, &a),
        }
        let mut engine = engine(&disk, NOW);
        engine.delete(&id("a")).unwrap();
        assert_eq!(kind(engine.stat(&id("a"))), ErrorKind::NotFound);
        assert_eq!(engine.list(None, 10).unwrap().streams.len(), 1);
        let left = disk.hold().contains_key(&(Table::Chunks, layout::head_key(a.stream).to_vec()));
        assert_eq!(left, number_is_damaged, "what has no number cannot be found");
        let new = create(&mut engine, "a", None).unwrap();
        assert!(new.epoch > Epoch::new(NOW.millis()) && new.stream > b.stream);
        assert_eq!(engine.read(&id("b"), None, 100).unwrap().len(), 1);
    }
}

#[test]
fn a_damaged_tombstone_frees_its_id_and_is_swept() {
    let disk = Disk::default();
    streams(&disk, ["a", "b"], None);
    let mut engine = engine(&disk, NOW);
    for name in ["a", "b"] {
        engine.delete(&id(name)).unwrap();
        flip(&disk, Table::Names, layout::gone_key(&id(name)));
    }
    assert!(create(&mut engine, "a", None).unwrap().epoch > Epoch::new(NOW.millis()));
    let gone = (Table::Names, layout::gone_key(&id("b")));
    for weeks in 1..=2_u32 {
        assert!(disk.hold().contains_key(&gone));
        let now = NOW.plus(TOMBSTONE_TTL * weeks);
        self::engine(&disk, now).sweep(10).unwrap();
    }
    assert!(!disk.hold().contains_key(&gone));
}
