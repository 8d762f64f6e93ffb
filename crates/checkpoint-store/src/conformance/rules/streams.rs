//! What a program sees of a store on the backend: writers, watermarks, recoveries, limits.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use crate::conformance::probe::{epoch, id, kind};
use crate::conformance::{Subject, eventually, run};
use crate::{
    ErrorKind, Level, Limit, Limits, Options, PAGE_BYTES, Seq, Store, StoreError, StreamState,
    StreamWriter, Ttl,
};

fn create(store: &Store, name: &str) -> StreamWriter {
    run(store.create(&id(name))).expect("created")
}

fn append(writer: &mut StreamWriter, bytes: &[u8]) -> Seq {
    writer.append(&[bytes]).expect("appended")
}

/// Recovers a stream whose writer is gone, as soon as that is known.
fn recover(store: &Store, name: &str) -> StreamWriter {
    eventually("the stream is free", || match run(store.recover(&id(name))) {
        Ok(writer) => Some(writer),
        Err(error) if matches!(error.kind(), ErrorKind::Held { .. }) => None,
        Err(error) => panic!("not recovered: {error}"),
    })
}

/// How an append by a writer that was overtaken is refused, at once or a little later.
fn refusal(writer: &mut StreamWriter) -> ErrorKind {
    let appended = writer.append(&[b"late"]);
    kind(appended.and_then(|seq| run(writer.durable_at_least(seq))))
}

pub fn a_level_is_named_and_never_lowered_in_silence(subject: &mut Subject) {
    let level = subject.backend().caps().level;
    let store = subject.store_with(Options { level_min: level, ..Options::default() });
    assert_eq!((store.level(), create(&store, "s").level()), (level, level));
    for asked in [Level::Memory, Level::Process, Level::Disk] {
        let options = Options { level_min: asked, ..Options::default() };
        match Store::new(Arc::clone(subject.backend()), options) {
            Ok(store) => assert!(asked <= level && store.level() == level),
            Err(error) => {
                assert!(asked > level);
                assert_eq!(error.kind(), ErrorKind::Unsupported { asked, max: level });
            }
        }
    }
}

pub fn pieces_of_a_record_are_joined(subject: &mut Subject) {
    let store = subject.store();
    let mut writer = create(&store, "s");
    let korean = "네, 알겠습니다".as_bytes();
    let longest = vec![7; 256 * 1024];
    writer.append(&[b"data: ", b"", &korean[..4]]).expect("appended");
    writer.append(&[&korean[4..]]).expect("appended");
    writer.append(&[]).expect("appended");
    writer.append(&[&longest[..1000], &longest[1000..]]).expect("appended");
    run(writer.close()).expect("closed");
    let expected = [[b"data: ", &korean[..4]].concat(), korean[4..].to_vec(), Vec::new(), longest];
    assert!(subject.records("s") == expected);
}

pub fn what_is_durable_can_be_read_and_nothing_else(subject: &mut Subject) {
    let store = subject.store();
    let mut writer = create(&store, "s");
    for number in 1..=50 {
        let seq = append(&mut writer, &[number]);
        assert_eq!(seq.value(), u64::from(number));
        let page = run(store.read(&id("s"), None, PAGE_BYTES)).expect("it reads");
        assert!(page.last() <= Some(seq));
        if number % 10 == 0 {
            run(writer.durable_at_least(seq)).expect("durable");
            assert_eq!(writer.durable(), Some(seq));
            let page = run(store.read(&id("s"), None, PAGE_BYTES)).expect("it reads");
            assert_eq!(page.last(), Some(seq));
        }
    }
}

pub fn a_recovery_goes_on_after_the_last_durable_record(subject: &mut Subject) {
    let store = subject.store();
    let mut writer = create(&store, "s");
    append(&mut writer, b"a");
    append(&mut writer, b"b");
    run(writer.flush()).expect("durable");
    drop(writer);
    let mut writer = recover(&store, "s");
    assert_eq!((writer.epoch(), writer.durable()), (epoch(2), Seq::new(2)));
    assert_eq!(append(&mut writer, b"c").value(), 3);
    run(writer.flush()).expect("durable");
    assert_eq!(subject.records("s"), [b"a", b"b", b"c"]);
}

pub fn a_takeover_fences_the_writer_before_it(subject: &mut Subject) {
    let store = subject.store();
    let mut old = create(&store, "s");
    append(&mut old, b"a");
    run(old.flush()).expect("durable");
    let mut new = run(store.take_over(&id("s"), old.epoch())).expect("taken over");
    let fenced = ErrorKind::Fenced { current: new.epoch() };
    assert_eq!(refusal(&mut old), fenced);
    assert_eq!(kind(old.append(&[b"later"])), fenced);
    run(old.durable_at_least(Seq::FIRST)).expect("what was durable stays so");
    assert_eq!(kind(run(old.close())), fenced);
    append(&mut new, b"b");
    run(new.flush()).expect("durable");
    assert_eq!(subject.records("s"), [b"a", b"b"]);
}

pub fn of_racing_takeovers_one_writes(subject: &mut Subject) {
    let store = subject.store();
    let mut last = create(&store, "s").epoch();
    for round in 1..=10 {
        let start = Arc::new(Barrier::new(3));
        let racers = [(); 3].map(|()| {
            let (store, start) = (store.clone(), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                let mut writer = run(store.take_over(&id("s"), last))?;
                append(&mut writer, b"mine");
                run(writer.flush())?;
                // Kept: a stream that nobody holds any more is anybody's.
                Ok::<_, StoreError>(writer)
            })
        });
        let results = racers.map(|racer| racer.join().expect("no panic"));
        let won: Vec<_> = results.iter().flatten().map(StreamWriter::epoch).collect();
        assert_eq!(won, [last.next()], "round {round}");
        let held = ErrorKind::Held { epoch: last.next(), left: None };
        for lost in results.iter().filter_map(|result| result.as_ref().err()) {
            let by = |kind| match kind {
                ErrorKind::Held { epoch, .. } => ErrorKind::Held { epoch, left: None },
                kind => kind,
            };
            assert_eq!(by(lost.kind()), held);
        }
        last = last.next();
        assert_eq!(subject.records("s").len(), round);
    }
}

pub fn a_closed_stream_cannot_be_recovered_and_stays_readable(subject: &mut Subject) {
    let store = subject.store();
    let mut writer = create(&store, "s");
    append(&mut writer, b"a");
    append(&mut writer, b"b");
    run(writer.close()).expect("closed");
    let info = run(store.info(&id("s"))).expect("it is there");
    assert_eq!((info.state, info.last, info.bytes), (StreamState::Closed, Seq::new(2), 4));
    let closed = ErrorKind::Closed { last: Seq::new(2) };
    assert_eq!(kind(run(store.recover(&id("s")))), closed);
    assert_eq!(subject.records("s"), [b"a", b"b"]);
}

pub fn a_dropped_writer_leaves_a_stream_that_can_be_recovered(subject: &mut Subject) {
    let store = subject.store();
    let mut writer = create(&store, "s");
    let last = append(&mut writer, b"a");
    let mut watermark = writer.watermark();
    drop(writer);
    run(watermark.reached(last)).expect("what was appended is still committed");
    assert_eq!(run(store.info(&id("s"))).expect("it is there").state, StreamState::Open);
    assert_eq!(recover(&store, "s").last(), Some(last));
}

pub fn a_writer_is_free_only_after_its_last_record(subject: &mut Subject) {
    let store = subject.store();
    for round in 0..20 {
        let name = format!("s{round}");
        let mut writer = create(&store, &name);
        for number in 0..30 {
            append(&mut writer, &[number]);
        }
        drop(writer);
        let next = recover(&store, &name);
        assert_eq!(next.last(), Seq::new(30), "a recovery of a free stream loses nothing");
    }
}

pub fn a_deleted_stream_is_gone_and_its_writer_is_told(subject: &mut Subject) {
    let store = subject.store();
    let mut old = create(&store, "s");
    append(&mut old, b"old");
    run(old.flush()).expect("durable");
    run(store.delete(&id("s"))).expect("deleted");
    assert_eq!(kind(run(store.info(&id("s")))), ErrorKind::NotFound);
    assert!(run(store.list(None)).expect("listed").streams.is_empty());
    let new = create(&store, "s");
    assert_eq!(refusal(&mut old), ErrorKind::NotFound);
    drop(old);
    assert!(subject.records("s").is_empty());
    assert!(new.epoch() > epoch(1));
}

pub fn a_follower_replays_what_is_there_and_waits_for_the_rest(subject: &mut Subject) {
    let store = subject.store();
    let mut writer = create(&store, "s");
    let mut expected = Vec::new();
    let mut write = |writer: &mut StreamWriter, count: u8| {
        for number in 0..count {
            append(writer, &[number]);
            expected.push(vec![number]);
        }
        run(writer.flush()).expect("durable");
    };
    write(&mut writer, 50);
    let mut follower = store.follow(&id("s"), Seq::new(20));
    let reader = thread::spawn(move || {
        let mut records = Vec::new();
        while let Some(page) = run(follower.next_page()).expect("it follows") {
            records.extend(page.records().map(|record| record.bytes.to_vec()));
        }
        assert!(run(follower.next_page()).expect("it has ended").is_none());
        (records, follower.position())
    });
    for count in 1..20 {
        write(&mut writer, count);
    }
    run(writer.close()).expect("closed");
    let end = run(store.read(&id("s"), Seq::new(expected.len() as u64), PAGE_BYTES));
    assert!(end.expect("it reads").ends_stream());
    let (records, position) = reader.join().expect("no panic");
    assert_eq!(records, expected[20..]);
    assert_eq!(position, Seq::new(expected.len() as u64));
}

pub fn a_follower_does_not_go_on_in_the_next_stream_of_its_id(subject: &mut Subject) {
    let store = subject.store();
    let mut first = create(&store, "s");
    let seq = append(&mut first, b"first");
    run(first.durable_at_least(seq)).expect("durable");
    let mut follower = store.follow(&id("s"), None);
    assert_eq!(run(follower.next_page()).expect("it reads").map(|page| page.len()), Some(1));
    run(store.delete(&id("s"))).expect("deleted");
    drop(first);
    let mut second = create(&store, "s");
    append(&mut second, b"of another");
    let seq = append(&mut second, b"stream");
    run(second.durable_at_least(seq)).expect("durable");
    let refused = run(follower.next_page()).expect_err("its stream is gone");
    assert_eq!(refused.kind(), ErrorKind::NotFound);
}

pub fn a_store_keeps_its_streams_as_long_as_its_options_say(subject: &mut Subject) {
    let ttl = Ttl::Sliding(Duration::from_secs(3600));
    let store = subject.store_with(Options { ttl: Some(ttl), ..Options::default() });
    let writer = create(&store, "s");
    assert!(subject.info("s").expires.is_some());
    let holder = Options::default().holder;
    assert_eq!(subject.info("s").lease.map(|lease| lease.holder), Some(holder));
    run(writer.close()).expect("closed");
    assert!(subject.info("s").expires.is_some());
}

pub fn a_snapshot_that_is_too_large_is_refused(subject: &mut Subject) {
    let limits = Limits { snapshot_bytes: 10, ..Limits::default() };
    let store = subject.store_with(Options { limits, ..Options::default() });
    let mut writer = create(&store, "s");
    append(&mut writer, b"a");
    run(writer.close()).expect("closed");
    let large = ErrorKind::TooLarge { limit: Limit::Snapshot, max: 10, found: 11 };
    assert_eq!(kind(run(store.compact(&id("s"), &[0; 11]))), large);
    assert_eq!(subject.records("s"), [b"a"]);
    run(store.compact(&id("s"), &[0; 10])).expect("compacted");
    assert_eq!(run(store.snapshot(&id("s"))).expect("it is there"), Some(vec![0; 10]));
}

pub fn a_listing_is_bounded(subject: &mut Subject) {
    let limits = Limits { listing_streams: 2, ..Limits::default() };
    let store = subject.store_with(Options { limits, ..Options::default() });
    for name in ["c", "a", "b"] {
        create(&store, name);
    }
    let first = run(store.list(None)).expect("listed");
    assert_eq!((first.streams.len(), first.more), (2, true));
    let second = run(store.list(first.streams.last().map(|info| &info.id))).expect("listed");
    assert_eq!((second.streams[0].id.as_str(), second.more), ("c", false));
}

pub fn too_large_is_refused_and_uses_no_position(subject: &mut Subject) {
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
    let mut writer = recover(&store, "s");
    let stream = ErrorKind::TooLarge { limit: Limit::Stream, max: 20, found: 21 };
    assert_eq!(kind(writer.append(&[])), stream);
}

pub fn a_stream_of_too_many_records_is_refused(subject: &mut Subject) {
    let limits = Limits { stream_records: 3, ..Limits::default() };
    let store = subject.store_with(Options { limits, ..Options::default() });
    let mut writer = create(&store, "s");
    for _ in 0..3 {
        append(&mut writer, b"");
    }
    let records = ErrorKind::TooLarge { limit: Limit::Records, max: 3, found: 4 };
    assert_eq!(kind(writer.append(&[b""])), records);
    run(writer.close()).expect("closed");
    assert_eq!(subject.records("s").len(), 3);
}

pub fn a_watermark_elsewhere_sees_progress_and_the_end(subject: &mut Subject) {
    let store = subject.store();
    let mut writer = create(&store, "s");
    let mut watermark = writer.watermark();
    let waiter = thread::spawn(move || {
        let second = run(watermark.reached(Seq::FIRST.next()));
        let third = run(watermark.reached(Seq::FIRST.plus(2)));
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

pub fn many_writers_at_once_keep_every_record(subject: &mut Subject) {
    let store = subject.store();
    let threads = [0, 1, 2, 3_u8].map(|thread| {
        let store = store.clone();
        thread::spawn(move || {
            let name = |index: usize| format!("{thread}-{index}");
            let mut writers: Vec<_> = (0..8).map(|index| create(&store, &name(index))).collect();
            for round in 0..50_u8 {
                for (index, writer) in (0..).zip(&mut writers) {
                    append(writer, &[thread, index, round]);
                }
            }
            for writer in &mut writers {
                run(writer.flush()).expect("durable");
            }
        })
    });
    for thread in threads {
        thread.join().expect("no panic");
    }
    for thread in 0..4_u8 {
        for index in 0..8_u8 {
            let expected: Vec<_> = (0..50).map(|round| vec![thread, index, round]).collect();
            assert_eq!(subject.records(&format!("{thread}-{index}")), expected);
        }
    }
}
