//! What is particular to sled: reopening, the lock, the directory, damage.

#![cfg(feature = "sled")]

use std::error::Error;
use std::fs;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use checkpoint_store::{ErrorKind, HEADER_BYTES, Level, PAGE_BYTES, Seq, Store, StreamId};

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

fn id() -> StreamId {
    StreamId::new("s").expect("valid")
}

/// Stores three chunks of two records each: too long to lie with the head.
fn write_three_chunks(path: &Path) {
    let store = Store::sled(path).expect("a new store");
    let mut writer = run(store.create(&id())).expect("created");
    for round in 0..3_u8 {
        writer.append(&[&[round; 30]]).expect("appended");
        writer.append(&[&[round; 2000]]).expect("appended");
        run(writer.flush()).expect("durable");
    }
}

#[test]
fn a_reopened_store_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    write_three_chunks(&path);
    let store = Store::sled(&path).unwrap();
    assert_eq!(store.level(), Level::Disk);
    let mut writer = run(store.recover(&id())).unwrap();
    assert_eq!((writer.epoch().value(), writer.last()), (2, Seq::new(6)));
    writer.append(&[b"more"]).unwrap();
    run(writer.close()).unwrap();
    let page = run(store.read(&id(), Seq::new(5), PAGE_BYTES)).unwrap();
    let records: Vec<&[u8]> = page.records().map(|record| record.bytes).collect();
    assert_eq!(records, [&[2; 2000][..], b"more"]);
    assert_eq!(run(store.create(&id())).unwrap_err().kind(), ErrorKind::Exists);
}

#[test]
fn a_second_open_is_told_that_the_store_is_locked() {
    let directory = tempfile::tempdir().unwrap();
    let _store = Store::sled(directory.path()).unwrap();
    let error = Store::sled(directory.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.is_retryable());
}

#[test]
fn the_directory_is_for_its_owner_only() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a").join("b");
    let _store = Store::sled(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn long_records_stay_in_the_log_that_is_synced() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::sled(directory.path()).unwrap();
    let mut writer = run(store.create(&id())).unwrap();
    for _ in 0..8 {
        for _ in 0..3 {
            writer.append(&[&[7; 250_000]]).unwrap();
        }
        run(writer.flush()).unwrap();
        assert_eq!(fs::read_dir(directory.path().join("blobs")).unwrap().count(), 0);
    }
    let page = run(store.read(&id(), Seq::new(23), PAGE_BYTES)).unwrap();
    assert_eq!(page.records().map(|record| record.bytes.len()).collect::<Vec<_>>(), [250_000]);
}

#[test]
fn a_half_written_snapshot_is_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    write_three_chunks(&path);
    let leftover = path.join("snap.FFFFFFFFFFFFFFFF.generating");
    fs::write(&leftover, b"cut").unwrap();
    let store = Store::sled(&path).unwrap();
    assert_eq!(run(store.info(&id())).unwrap().last, Seq::new(6));
    assert!(!leftover.exists());
    let mut names = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.any(|name| name.to_string_lossy().starts_with("quarantine-")));
}

/// The names in a directory, in order.
fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).expect("a directory");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

const FILES: [&str; 4] = ["blobs", "conf", "db", "snap.7FFFFFFFFFFFFFFF"];

/// Makes a store of which the newest snapshot, which recovery believes, is none.
fn write_damaged(path: &Path) {
    write_three_chunks(path);
    let log = path.join("db");
    // The store gives the lock back in the background.
    while fs::File::open(&log).expect("a file of the store").try_lock().is_err() {
        std::thread::yield_now();
    }
    for name in names(path).iter().filter(|name| name.starts_with("snap.")) {
        fs::remove_file(path.join(name)).expect("a file of the store");
    }
    fs::write(path.join(FILES[3]), b"damaged").expect("a file of the store");
    assert_eq!(names(path), FILES);
}

#[test]
fn a_store_that_does_not_recover_moves_aside_alone_and_is_never_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    write_damaged(&path);
    let log = fs::read(path.join("db")).unwrap();
    fs::write(path.join("note"), b"not the store's").unwrap();
    let neighbour = Store::sled(path.join("2")).unwrap();

    let error = Store::sled(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt { good_prefix: None });
    assert_eq!(names(directory.path()), ["store"]);
    let left = names(&path);
    assert_eq!(left[..2], ["2", "note"]);
    let aside = path.join(&left[2]);
    assert!(left[2].starts_with("quarantine-"), "{left:?}");
    assert!(error.source().unwrap().to_string().contains(&aside.display().to_string()));
    assert_eq!(names(&aside), FILES);
    assert_eq!(fs::read(aside.join("db")).unwrap(), log);
    assert_eq!(fs::metadata(&aside).unwrap().permissions().mode() & 0o777, 0o700);
    run(neighbour.create(&id())).unwrap();
    Store::sled(&path).unwrap();
}

#[test]
fn a_store_that_was_moved_in_part_never_looks_like_an_empty_one() {
    for moved in 0..16_usize {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        write_damaged(path);
        let half = path.join("quarantine-7.moving");
        fs::create_dir(&half).unwrap();
        for name in (0..4).filter(|bit| moved >> bit & 1 == 1).map(|bit| FILES[bit]) {
            fs::rename(path.join(name), half.join(name)).unwrap();
        }
        let error = Store::sled(path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt { good_prefix: None });
        let aside = path.join("quarantine-7");
        assert!(error.source().unwrap().to_string().contains(&aside.display().to_string()));
        assert_eq!(
            (names(path), names(&aside)),
            (vec!["quarantine-7".to_owned()], FILES.map(str::to_owned).to_vec())
        );
        Store::sled(path).unwrap();
    }
}

/// Overwrites or removes one stored chunk behind the store's back.
fn damage(path: &Path, first: u64, change: impl FnOnce(&mut Vec<u8>)) {
    // The store gives the lock back in the background.
    let db = loop {
        match sled::open(path) {
            Ok(db) => break db,
            Err(sled::Error::Io(_)) => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    };
    let chunks = db.open_tree("chunks").expect("the tree");
    let key = [1_u64.to_be_bytes(), first.to_be_bytes()].concat();
    let mut value = chunks.get(&key).expect("readable").expect("it is there").to_vec();
    change(&mut value);
    if value.is_empty() {
        chunks.remove(&key).expect("removed");
    } else {
        chunks.insert(&key, value).expect("inserted");
    }
    db.flush().expect("flushed");
}

#[track_caller]
fn check_damaged(change: impl FnOnce(&mut Vec<u8>)) {
    let directory = tempfile::tempdir().expect("a directory");
    write_three_chunks(directory.path());
    damage(directory.path(), 3, change);
    let store = Store::sled(directory.path()).expect("the database itself is whole");
    let corrupt = ErrorKind::Corrupt { good_prefix: Seq::new(2) };
    let read = |after| run(store.read(&id(), after, PAGE_BYTES));
    let before = read(None).expect("before the damage");
    assert_eq!((before.last(), before.more()), (Seq::new(2), true));
    assert_eq!(read(before.last()).expect_err("corrupt").kind(), corrupt);
    assert_eq!(read(Seq::new(4)).expect("after the damage").last(), Seq::new(6));
}

#[test]
fn a_damaged_chunk_is_corruption_and_never_other_bytes() {
    check_damaged(|value| value[HEADER_BYTES + 3] ^= 1);
    check_damaged(|value| value[20] ^= 1);
    check_damaged(|value| value.truncate(50));
    check_damaged(Vec::clear);
}
