//! What is particular to redb: reopening, the lock, the directory, damage, a newer layout.

#![cfg(all(feature = "redb", feature = "conformance"))]

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use checkpoint_store::conformance::run;
use checkpoint_store::{ErrorKind, Level, PAGE_BYTES, Seq, Store, StreamId, Ttl};
use redb::{Database, TableDefinition};

const NAMES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("names");

fn id() -> StreamId {
    StreamId::new("s").expect("valid")
}

/// Opens a store whose last owner gives the lock back in the background.
fn reopen(path: &Path) -> Store {
    Store::redb(path).expect("the lock is given back in time")
}

fn write_two_records(path: &Path) {
    let store = Store::redb(path).expect("a new store");
    let mut writer = run(store.create(&id())).expect("created");
    for record in [&b"one"[..], &[7; 9000]] {
        writer.append(&[record]).expect("appended");
        run(writer.flush()).expect("durable");
    }
}

#[test]
fn a_reopened_store_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    write_two_records(directory.path());
    let store = reopen(directory.path());
    assert_eq!(store.level(), Level::Disk);
    let mut writer = run(store.recover(&id())).unwrap();
    assert_eq!((writer.epoch().value(), writer.last()), (2, Seq::new(2)));
    writer.append(&[b"three"]).unwrap();
    run(writer.close()).unwrap();
    let page = run(store.read(&id(), None, PAGE_BYTES)).unwrap();
    let records: Vec<&[u8]> = page.records().map(|record| record.bytes).collect();
    assert_eq!(records, [&b"one"[..], &[7; 9000], b"three"]);
}

#[test]
fn a_wait_ends_by_itself_when_its_stream_expires() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::redb(directory.path()).unwrap();
    let ttl = Ttl::Sliding(Duration::from_millis(100));
    let mut writer = run(store.create_for(&id(), Some(ttl))).unwrap();
    let mut follower = store.follow(&id(), None);
    writer.append(&[b"one"]).unwrap();
    assert_eq!(run(follower.next_page()).unwrap().unwrap().len(), 1);
    assert_eq!(run(follower.next_page()).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_second_open_is_told_that_the_store_is_locked() {
    let directory = tempfile::tempdir().unwrap();
    let _store = Store::redb(directory.path()).unwrap();
    let error = Store::redb(directory.path()).unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Locked, true));
}

#[test]
fn the_directory_is_for_its_owner_only() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a").join("b");
    let _store = Store::redb(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_file_that_is_no_database_moves_aside_alone_and_is_never_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    write_two_records(&path);
    let file = path.join("streams.redb");
    // The store gives the file back in the background.
    while Database::open(&file).is_err() {
        std::thread::yield_now();
    }
    let mut bytes = fs::read(&file).unwrap();
    bytes[..4096].fill(0xa5);
    fs::write(&file, &bytes).unwrap();
    fs::write(path.join("note"), b"not the store's").unwrap();

    let error = Store::redb(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt { good_prefix: None });
    let names = fs::read_dir(&path).unwrap();
    let mut names: Vec<_> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!((names.len(), names[0].as_str()), (2, "note"));
    assert!(names[1].starts_with("quarantine-"), "{names:?}");
    assert!(error.source().unwrap().to_string().contains(&names[1]));
    assert_eq!(fs::read(path.join(&names[1]).join("streams.redb")).unwrap(), bytes);
    Store::redb(&path).unwrap();
}

#[test]
fn a_newer_layout_is_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::create(directory.path().join("streams.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(NAMES).unwrap().insert(&b"format"[..], &[9_u8][..]).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = Store::redb(directory.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Version { found: 9, max: 2 });
}
