//! What a program sees of a store: writers, pages, recoveries, listings, limits.

use std::sync::{Arc, Barrier};

use checkpoint_store::{
    Epoch, ErrorKind, Limit, Limits, Options, PAGE_BYTES, Seq, Store, StoreError, StreamId,
    StreamState, StreamWriter,
};

use super::{Subject, id, run};

fn read_all(store: &Store, id: &StreamId, bytes_max: usize) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    let mut after = None;
    loop {
        let page = run(store.read(id, after, bytes_max)).expect("the page reads");
        for record in page.records() {
            assert_eq!(record.seq, Seq::after(after), "dense");
            after = Some(record.seq);
            records.push(record.bytes.to_vec());
        }
        assert_eq!(page.last(), if page.is_empty() { None } else { after });
        if !page.more() {
            return records;
        }
    }
}

fn create(store: &Store, name: &str) -> StreamWriter {
    run(store.create(&id(name))).expect("created")
}

fn append(writer: &mut StreamWriter, bytes: &[u8]) -> Seq {
    writer.append(&[bytes]).expect("appended")
}

#[track_caller]
fn kind<T>(result: Result<T, StoreError>) -> ErrorKind {
    result.map(drop).expect_err("an error").kind()
}

pub(crate) fn records_come_back_byte_for_byte_and_in_order(subject: &Subject) {
    let store = subject.store();
    let mut writer = create(&store, "s");
    let long = vec![0xa5; 200_000];
    let korean = "네, 알겠습니다 👩‍👩‍👧".as_bytes();
    let records: [&[u8]; 6] = [b"plain", b"", &[0xff, 0xfe, 0], &long, &korean[..4], &korean[4..]];
    for (index, record) in records.iter().enumerate() {
        let (head, tail) = record.split_at(record.len() / 2);
        let seq = writer.append(&[head, &[], tail]).expect("appended");
        assert_eq!(seq.value(), index as u64 + 1);
    }
    run(writer.flush()).expect("durable");
    assert_eq!(writer.durable(), Seq::new(6));
    assert_eq!(read_all(&store, &id("s"), PAGE_BYTES), records);
}

pub(crate) fn pages_join_without_gap_or_repeat(subject: &Subject) {
    let store = subject.store();
    let mut writer = create(&store, "s");
    let mut expected = Vec::new();
    for round in 0..12_usize {
        for index in 0..10_usize {
            let record = vec![index as u8; (round * 31 + index * 7) % 90];
            append(&mut writer, &record);
            expected.push(record);
        }
        run(writer.flush()).expect("durable");
    }
    for bytes_max in [0, 1, 64, 1000, usize::MAX] {
        assert_eq!(read_all(&store, &id("s"), bytes_max), expected, "{bytes_max}");
    }
    for after in 0..=120 {
        let page = run(store.read(&id("s"), Seq::new(after), 50)).expect("the page reads");
        let first = page.records().next().map(|record| record.bytes.to_vec());
        assert_eq!(first.as_ref(), expected.get(after as usize), "after {after}");
    }
}

pub(crate) fn a_reader_ahead_of_the_store_is_told_so(subject: &Subject) {
    let store = subject.store();
    let mut writer = create(&store, "s");
    let ahead = run(store.read(&id("s"), Seq::new(1), PAGE_BYTES));
    assert_eq!(kind(ahead), ErrorKind::CursorAhead { last: None });
    append(&mut writer, b"a");
    run(writer.flush()).expect("durable");
    assert!(run(store.read(&id("s"), Seq::new(1), PAGE_BYTES)).expect("at the end").is_empty());
    let ahead = run(store.read(&id("s"), Seq::new(2), PAGE_BYTES));
    assert_eq!(kind(ahead), ErrorKind::CursorAhead { last: Seq::new(1) });
}

pub(crate) fn an_id_is_taken_once(subject: &Subject) {
    let store = subject.store();
    create(&store, "s");
    assert_eq!(kind(run(store.create(&id("s")))), ErrorKind::Exists);
    create(&store, "t");
}

pub(crate) fn what_does_not_exist_is_not_found(subject: &Subject) {
    let store = subject.store();
    let ghost = id("ghost");
    assert_eq!(kind(run(store.recover(&ghost))), ErrorKind::NotFound);
    assert_eq!(kind(run(store.info(&ghost))), ErrorKind::NotFound);
    assert_eq!(kind(run(store.read(&ghost, None, PAGE_BYTES))), ErrorKind::NotFound);
    assert_eq!(kind(run(store.delete(&ghost))), ErrorKind::NotFound);
}

pub(crate) fn a_recovery_goes_on_after_the_last_durable_record(subject: &Subject) {
    let store = subject.store();
    let mut writer = create(&store, "s");
    append(&mut writer, b"a");
    append(&mut writer, b"b");
    run(writer.flush()).expect("durable");
    drop(writer);

    let mut writer = run(store.recover(&id("s"))).expect("recovered");
    assert_eq!((writer.epoch(), writer.durable()), (Epoch::new(2), Seq::new(2)));
    assert_eq!(append(&mut writer, b"c").value(), 3);
    run(writer.flush()).expect("durable");
    assert_eq!(read_all(&store, &id("s"), PAGE_BYTES), [b"a", b"b", b"c"]);
}

pub(crate) fn a_recovery_fences_the_writer_before_it(subject: &Subject) {
    let store = subject.store();
    let mut old = create(&store, "s");
    append(&mut old, b"a");
    run(old.flush()).expect("durable");
    let mut new = run(store.recover(&id("s"))).expect("recovered");

    let fenced = ErrorKind::Fenced { current: Epoch::new(2) };
    match old.append(&[b"late"]) {
        Ok(seq) => assert_eq!(kind(run(old.durable_at_least(seq))), fenced),
        Err(error) => assert_eq!(error.kind(), fenced),
    }
    assert_eq!(kind(old.append(&[b"later"])), fenced);
    run(old.durable_at_least(Seq::FIRST)).expect("what was durable stays so");
    assert_eq!(kind(run(old.close())), fenced);

    append(&mut new, b"b");
    run(new.flush()).expect("durable");
    assert_eq!(read_all(&store, &id("s"), PAGE_BYTES), [b"a", b"b"]);
}

pub(crate) fn of_racing_recoveries_exactly_one_can_write(subject: &Subject) {
    let store = subject.store();
    drop(create(&store, "s"));
    for round in 0..8_u64 {
        let start = Arc::new(Barrier::new(3));
        let racers = (0..3).map(|_| {
            let (store, start) = (store.clone(), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                let mut writer = run(store.recover(&id("s"))).expect("recovered");
                start.wait();
                let written = writer.append(&[b"mine"]);
                written.and_then(|seq| run(writer.durable_at_least(seq)))
            })
        });
        let racers: Vec<_> = racers.collect();
        let results = racers.into_iter().map(|racer| racer.join().expect("no panic"));
        let (won, lost): (Vec<_>, Vec<_>) = results.partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 2));
        let current = Epoch::new(1 + 3 * (round + 1));
        for result in lost {
            assert_eq!(kind(result), ErrorKind::Fenced { current });
        }
        assert_eq!(read_all(&store, &id("s"), PAGE_BYTES).len() as u64, round + 1);
    }
}

pub(crate) fn a_closed_stream_cannot_be_recovered_and_stays_readable(subject: &Subject) {
    let store = subject.store();
    let mut writer = create(&store, "s");
    append(&mut writer, b"a");
    append(&mut writer, b"b");
    run(writer.close()).expect("closed");
    let info = run(store.info(&id("s"))).expect("it is there");
    assert_eq!((info.state, info.last, info.bytes), (StreamState::Closed, Seq::new(2), 4));
    let closed = ErrorKind::Closed { last: Seq::new(2) };
    assert_eq!(kind(run(store.recover(&id("s")))), closed);
    assert_eq!(read_all(&store, &id("s"), PAGE_BYTES), [b"a", b"b"]);
}

pub(crate) fn a_dropped_writer_leaves_a_stream_that_can_be_recovered(subject: &Subject) {
    let store = subject.store();
    let mut writer = create(&store, "s");
    let last = append(&mut writer, b"a");
    let mut watermark = writer.watermark();
    drop(writer);
    run(watermark.reached(last)).expect("what was appended is still committed");
    assert_eq!(run(store.info(&id("s"))).expect("it is there").state, StreamState::Open);
    let writer = run(store.recover(&id("s"))).expect("recovered");
    assert_eq!(writer.last(), Some(last));
}

pub(crate) fn a_deleted_stream_is_gone_and_its_id_is_free(subject: &Subject) {
    let store = subject.store();
    let mut old = create(&store, "s");
    append(&mut old, b"old");
    run(old.flush()).expect("durable");
    run(store.delete(&id("s"))).expect("deleted");
    assert_eq!(kind(run(store.info(&id("s")))), ErrorKind::NotFound);
    assert!(run(store.list(None)).expect("listed").streams.is_empty());

    create(&store, "s");
    match old.append(&[b"late"]) {
        Ok(seq) => assert_eq!(kind(run(old.durable_at_least(seq))), ErrorKind::NotFound),
        Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound),
    }
    assert!(read_all(&store, &id("s"), PAGE_BYTES).is_empty());
}

pub(crate) fn listings_are_sorted_and_paged(subject: &Subject) {
    let limits = Limits { listing_streams: 2, ..Limits::default() };
    let store = subject.store_with(Options { limits, ..Options::default() });
    for name in ["c", "a", "e", "b", "d"] {
        create(&store, name);
    }
    let mut names = Vec::new();
    let mut sizes = Vec::new();
    let mut after = None;
    loop {
        let listing = run(store.list(after.as_ref())).expect("listed");
        sizes.push(listing.streams.len());
        names.extend(listing.streams.iter().map(|info| info.id.as_str().to_owned()));
        after = listing.streams.last().map(|info| info.id.clone());
        if !listing.more {
            break;
        }
    }
    assert_eq!((names.concat().as_str(), sizes), ("abcde", vec![2, 2, 1]));
}

pub(crate) fn too_large_is_refused_and_uses_no_position(subject: &Subject) {
    let limits = Limits { record_bytes: 10, stream_bytes: 20, ..Limits::default() };
    let store = subject.store_with(Options { limits, ..Options::default() });
    let mut writer = create(&store, "s");
    let record = ErrorKind::TooLarge { limit: Limit::Record, max: 10, found: 11 };
    assert_eq!(kind(writer.append(&[&[0; 6], &[0; 5]])), record);
    assert_eq!(append(&mut writer, &[0; 10]).value(), 1);
    let stream = ErrorKind::TooLarge { limit: Limit::Stream, max: 20, found: 22 };
    assert_eq!(kind(writer.append(&[&[0; 10]])), stream);
    assert_eq!(append(&mut writer, &[0; 8]).value(), 2);
    run(writer.flush()).expect("durable");
    drop(writer);

    let mut writer = run(store.recover(&id("s"))).expect("recovered");
    let stream = ErrorKind::TooLarge { limit: Limit::Stream, max: 20, found: 21 };
    assert_eq!(kind(writer.append(&[])), stream);
}

pub(crate) fn a_watermark_elsewhere_sees_progress_and_the_end(subject: &Subject) {
    let store = subject.store();
    let mut writer = create(&store, "s");
    let mut watermark = writer.watermark();
    let waiter = std::thread::spawn(move || {
        let second = run(watermark.reached(Seq::new(2).expect("2 is a position")));
        let third = run(watermark.reached(Seq::new(3).expect("3 is a position")));
        (second, third, watermark.durable())
    });
    append(&mut writer, b"a");
    append(&mut writer, b"b");
    run(writer.flush()).expect("durable");
    drop(writer);
    let (second, third, durable) = waiter.join().expect("no panic");
    second.expect("reached");
    assert_eq!(kind(third), ErrorKind::Closed { last: Seq::new(2) });
    assert_eq!(durable, Seq::new(2));
}

pub(crate) fn many_writers_at_once_keep_every_record(subject: &Subject) {
    let store = subject.store();
    let threads = (0..4_u8).map(|thread| {
        let store = store.clone();
        std::thread::spawn(move || {
            let mut writers: Vec<_> =
                (0..8_u8).map(|index| create(&store, &format!("{thread}-{index}"))).collect();
            for round in 0..50_u8 {
                for (index, writer) in writers.iter_mut().enumerate() {
                    append(writer, &[thread, index as u8, round]);
                }
            }
            for writer in &mut writers {
                run(writer.flush()).expect("durable");
            }
        })
    });
    let threads: Vec<_> = threads.collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    for thread in 0..4_u8 {
        for index in 0..8_u8 {
            let records = read_all(&store, &id(&format!("{thread}-{index}")), PAGE_BYTES);
            let expected: Vec<_> = (0..50).map(|round| vec![thread, index, round]).collect();
            assert_eq!(records, expected);
        }
    }
}
