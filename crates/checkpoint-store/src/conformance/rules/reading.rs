//! The rules of reading: pages, cursors, listings, and bytes that come back as they were.

use crate::conformance::Subject;
use crate::conformance::probe::{chunk, kind, last_chunk};
use crate::{ErrorKind, PAGE_BYTES, Seq, StreamState, Takeover};

pub fn records_come_back_byte_for_byte(subject: &mut Subject) {
    let head = subject.create("s");
    let every_byte: Vec<u8> = (0..=255).collect();
    let longest = vec![0xa5; 256 * 1024];
    let korean = "네, 알겠습니다 👩‍👩‍👧".as_bytes();
    let records: [&[u8]; 9] = [
        b"plain",
        b"",
        &[0xff, 0xfe, 0, 0xc0],
        &every_byte,
        &longest,
        &korean[..4],
        &korean[4..],
        b"\r\n\0\n",
        b"",
    ];
    for (first, record) in (1..).zip(&records[..4]) {
        subject.store_chunk(&chunk(&head, first, &[record]));
    }
    subject.store_chunk(&chunk(&head, 5, &records[4..5]));
    subject.store_chunk(&last_chunk(&head, 6, &records[5..]));
    assert_eq!(subject.records("s"), records);
    let text = [&subject.records("s")[5][..], &subject.records("s")[6]].concat();
    assert_eq!(text, korean);
}

pub fn a_record_that_looks_like_a_chunk_stays_a_record(subject: &mut Subject) {
    let head = subject.create("s");
    let inner = last_chunk(&head, 9, &[b"inner"]);
    subject.store_chunk(&chunk(&head, 1, &[inner.bytes(), b"after"]));
    assert_eq!(subject.records("s"), [inner.bytes(), b"after"]);
    assert_eq!(subject.info("s").state, StreamState::Open);
}

pub fn one_commit_may_hold_megabytes(subject: &mut Subject) {
    let head = subject.create("s");
    let records: Vec<Vec<u8>> = (0..12_u8).map(|fill| vec![fill; 200_000]).collect();
    let borrowed: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
    subject.store_chunk(&chunk(&head, 1, &borrowed));
    assert!(subject.records("s") == records);
    assert!(subject.records_in_pages("s", 1) == records);
}

pub fn pages_join_without_gap_or_repeat(subject: &mut Subject) {
    let head = subject.create("s");
    let mut expected: Vec<Vec<u8>> = Vec::new();
    for round in 0..12_usize {
        let records: Vec<Vec<u8>> =
            (0..10).map(|index| vec![index as u8; (round * 31 + index * 7) % 90]).collect();
        let borrowed: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        subject.store_chunk(&chunk(&head, expected.len() as u64 + 1, &borrowed));
        expected.extend(records);
    }
    for bytes in [0, 1, 64, 1000, PAGE_BYTES, usize::MAX] {
        assert_eq!(subject.records_in_pages("s", bytes), expected, "pages of {bytes}");
    }
    for after in 0..=120 {
        let page = subject.page("s", after, 50).expect("the page reads");
        let first = page.records().next().map(|record| record.bytes.to_vec());
        assert_eq!(first.as_ref(), expected.get(after as usize), "after {after}");
        assert_eq!(page.more(), after + (page.len() as u64) < 120, "after {after}");
    }
}

pub fn a_page_is_no_longer_than_asked(subject: &mut Subject) {
    let head = subject.create("s");
    subject.store_chunk(&chunk(&head, 1, &[&[1; 40], &[2; 40], &[3; 40]]));
    subject.store_chunk(&chunk(&head, 4, &[&[4; 40]]));
    let count = |after, bytes| subject.page("s", after, bytes).expect("it reads").len();
    assert_eq!([count(0, 0), count(0, 79), count(0, 80), count(0, 159)], [1, 1, 2, 3]);
    assert_eq!([count(1, 80), count(2, 80), count(3, 80), count(4, 80)], [2, 2, 1, 0]);
}

pub fn a_reader_ahead_of_the_store_is_told_so(subject: &mut Subject) {
    let head = subject.create("s");
    let ahead = |after| kind(subject.page("s", after, PAGE_BYTES));
    assert_eq!(ahead(1), ErrorKind::CursorAhead { last: None });
    subject.store_chunk(&chunk(&head, 1, &[b"a"]));
    assert!(subject.page("s", 1, PAGE_BYTES).expect("at the end").is_empty());
    for after in [2, 3, u64::MAX] {
        assert_eq!(ahead(after), ErrorKind::CursorAhead { last: Seq::new(1) });
    }
    subject.store_chunk(&last_chunk(&head, 2, &[]));
    assert_eq!(ahead(2), ErrorKind::CursorAhead { last: Seq::new(1) });
}

pub fn only_the_last_page_of_a_closed_stream_ends_it(subject: &mut Subject) {
    let head = subject.create("s");
    subject.store_chunk(&chunk(&head, 1, &[b"aaaa", b"bbbb"]));
    let ends = |after, bytes| subject.page("s", after, bytes).expect("it reads").ends_stream();
    assert!(!ends(0, PAGE_BYTES) && !ends(2, PAGE_BYTES));
    subject.store_chunk(&last_chunk(&head, 3, &[]));
    assert!(!ends(0, 4));
    assert!(ends(0, PAGE_BYTES) && ends(1, 4) && ends(2, PAGE_BYTES));
}

pub fn a_stream_over_several_epochs_is_one_sequence(subject: &mut Subject) {
    let mut head = subject.create("s");
    let mut expected = Vec::new();
    for round in 1..=6_u8 {
        let first = expected.len() as u64 + 1;
        subject.store_chunk(&chunk(&head, first, &[&[round], &[round, round]]));
        expected.extend([vec![round], vec![round, round]]);
        head = subject.recover("s", Takeover::Over(head.epoch)).expect("taken over");
        assert_eq!(head.last(), Seq::new(expected.len() as u64));
    }
    for bytes in [1, 3, PAGE_BYTES] {
        assert_eq!(subject.records_in_pages("s", bytes), expected);
    }
}

pub fn a_listing_is_sorted_and_paged(subject: &mut Subject) {
    assert!(subject.names().is_empty());
    let names = ["B", "a", "a-b", "a.b", "a_b", "aa", "b", "c1", "c10", "c2"];
    for name in names.iter().rev() {
        subject.create(name);
    }
    assert!(names.is_sorted());
    assert_eq!(subject.names(), names);
    let mut after = None;
    for (from, count) in [(0, 4), (4, 4), (8, 2)] {
        let listing = subject.list(after, 4);
        let found: Vec<&str> = listing.streams.iter().map(|info| info.id.as_str()).collect();
        assert_eq!(found, names[from..from + count]);
        assert_eq!(listing.more, from < 8);
        after = Some(names[from + count - 1]);
    }
    assert!(!subject.list(None, names.len()).more);
    let between = subject.list(Some("a0"), 1);
    assert_eq!((between.streams[0].id.as_str(), between.more), ("a_b", true));
    assert!(subject.list(Some("z"), 5).streams.is_empty());
}

pub fn a_listing_says_what_a_stat_says(subject: &mut Subject) {
    let open = subject.create("open");
    subject.store_chunk(&chunk(&open, 1, &[b"a", b"bb"]));
    subject.create_for("kept", crate::Ttl::Sliding(std::time::Duration::from_secs(3600)));
    subject.close_with("closed", &[b"x"]);
    subject.take_over("open");
    let listed = subject.list(None, 10).streams;
    for info in &listed {
        let mut stat = subject.info(info.id.as_str());
        // Time goes on between the two.
        if let (Some(now), Some(then)) = (&mut stat.lease, &info.lease) {
            now.left = then.left;
        }
        assert_eq!(*info, stat);
    }
    assert_eq!(listed.len(), 3);
}

pub fn streams_do_not_see_each_other(subject: &mut Subject) {
    let names = ["a", "a1", "a.", "aa", "A", "a-1", "1", "11", &"x".repeat(128), &"x".repeat(127)];
    let heads: Vec<_> = names.iter().map(|name| (*name, subject.create(name))).collect();
    for (name, head) in &heads {
        subject.store_chunk(&chunk(head, 1, &[name.as_bytes(), b"1"]));
    }
    for (name, head) in heads.iter().rev() {
        subject.store_chunk(&chunk(head, 3, &[name.as_bytes()]));
    }
    for (name, _) in &heads {
        let name = *name;
        assert_eq!(subject.records(name), [name.as_bytes(), b"1", name.as_bytes()]);
    }
    subject.delete("a");
    subject.take_over("aa");
    for (name, head) in &heads[1..] {
        assert_eq!(subject.records(name).len(), 3);
        let epoch = if *name == "aa" { head.epoch.next() } else { head.epoch };
        assert_eq!(subject.info(name).epoch, epoch);
    }
}
