//! What a server is worth: its level, and whom a store does not trust its streams with.

use std::error::Error;
use std::io::Write;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use checkpoint_store::conformance::crash::{Directory, store};
use checkpoint_store::conformance::run;
use checkpoint_store::{
    Backend, Epoch, ErrorKind, Level, PAGE_BYTES, RedisBackend, RedisOptions, StoreError, StreamId,
};

use super::{connect, options};
use crate::server::Server;

fn start(settings: &[&str]) -> (Server, Directory) {
    let directory = Directory::new();
    (Server::start(directory.path(), settings, |_| ()), directory)
}

#[track_caller]
fn check_level(settings: &[&str], level: Level) {
    let (server, _directory) = start(settings);
    assert_eq!(connect(&server.url()).caps().level, level);
}

#[test]
fn the_level_is_read_from_the_settings() {
    check_level(&[], Level::Memory);
    check_level(&["--appendonly", "yes", "--appendfsync", "no"], Level::Process);
    check_level(&["--appendonly", "yes", "--appendfsync", "everysec"], Level::Memory);
    check_level(&["--appendonly", "yes", "--appendfsync", "always"], Level::Disk);
}

#[test]
fn a_server_that_falls_below_its_level_is_given_up() {
    let (server, _directory) = start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let backend = connect(&server.url());
    assert_eq!(server.ask("CONFIG SET appendfsync everysec").expect("answered"), "+OK");
    let id = StreamId::new("s").expect("valid");
    let error = checkpoint_store::conformance::eventually("it is noticed", || {
        run(backend.stat(&id)).err().filter(|error| error.kind() == ErrorKind::Unavailable)
    });
    assert_eq!(why(&error), "the server is durable to the level memory now, not disk");
    assert_eq!(backend.caps().level, Level::Disk);
    assert_eq!(server.ask("CONFIG SET appendfsync always").expect("answered"), "+OK");
    checkpoint_store::conformance::eventually("it is trusted again", || {
        (run(backend.stat(&id)).err()?.kind() == ErrorKind::NotFound).then_some(())
    });
}

fn why(error: &StoreError) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

#[track_caller]
fn refusal(url: &str) -> StoreError {
    RedisBackend::connect(url, options()).expect_err("refused")
}

#[test]
fn a_server_that_may_evict_is_refused() {
    let settings = ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"];
    let (server, _directory) = start(&settings);
    let error = refusal(&server.url());
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(why(&error).contains("allkeys-lru"), "{error:?}");
}

#[test]
fn a_wrong_password_is_refused_and_not_repeated() {
    let (server, _directory) = start(&["--requirepass", "correct"]);
    let wrong = format!("{}?pass=hunter2", server.url());
    for url in [&server.url(), &wrong] {
        let error = refusal(url);
        assert_eq!(error.kind(), ErrorKind::Io, "{error:?}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    let right = connect(&format!("{}?pass=correct", server.url()));
    assert!(!format!("{right:?}").contains("correct"));
}

#[test]
fn nobody_at_the_address_is_unavailable() {
    let directory = Directory::new();
    let nobody = format!("redis+unix://{}", directory.path().join("none").display());
    assert_eq!(refusal(&nobody).kind(), ErrorKind::Unavailable);
    assert_eq!(refusal("http://127.0.0.1").kind(), ErrorKind::Io);
}

#[test]
fn whoever_is_no_redis_server_is_an_error_in_time() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    // Answers the first with another protocol, and the second with nothing.
    let peer = thread::spawn(move || {
        let (mut first, _) = listener.accept().expect("a connection");
        first.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").expect("sent");
        (first, listener.accept().expect("a connection"))
    });
    let timeout = Duration::from_millis(200);
    let options = RedisOptions {
        connect_timeout: timeout,
        response_timeout: timeout,
        ..RedisOptions::default()
    };
    let url = format!("redis://127.0.0.1:{port}");
    for _ in 0..2 {
        let start = Instant::now();
        let error = RedisBackend::connect(&url, options.clone()).expect_err("no server");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        assert!(start.elapsed() < Duration::from_secs(5));
    }
    drop(peer.join().expect("no panic"));
}

/// What others wrote under the names of a store.
#[track_caller]
fn check_damage(command: &str) {
    let (server, _directory) = start(&[]);
    let store = store(connect(&server.url()));
    let id = StreamId::new("s").expect("valid");
    let mut writer = run(store.create(&id)).expect("created");
    let seq = writer.append(&[b"record"]).expect("appended");
    run(writer.durable_at_least(seq)).expect("durable");
    let answer = server.ask(command).expect("answered");
    assert!(!answer.starts_with('-'), "{answer}");
    let after = (!command.starts_with("SET")).then_some(seq);
    let error = run(store.read(&id, after, PAGE_BYTES)).expect_err("damaged");
    assert!(matches!(error.kind(), ErrorKind::Corrupt { .. }), "{command}: {error:?}");
}

#[test]
fn what_others_wrote_under_our_names_is_damage() {
    check_damage("XADD {unbroken}:log:s 1-2 c garbage b 20");
    check_damage("XADD {unbroken}:log:s 1-2 x y");
    check_damage("XADD {unbroken}:log:s 1-18446744073709551615 c garbage b 20");
    check_damage("HSET {unbroken}:meta:s state ajar");
    check_damage("HSET {unbroken}:meta:s epoch -1");
    check_damage("SET {unbroken}:log:s text");
    check_damage("SET {unbroken}:meta:s text");
}

/// A damaged stream between whole ones.
#[track_caller]
fn check_one_damaged(command: &str) {
    let (server, _directory) = start(&[]);
    let store = store(connect(&server.url()));
    let id = |name: &str| StreamId::new(name).expect("valid");
    let mut writers = ["a", "s", "z"].map(|name| run(store.create(&id(name))).expect("created"));
    for writer in &mut writers {
        writer.append(&[b"record"]).expect("appended");
        run(writer.flush()).expect("durable");
    }
    let answer = server.ask(command).expect("answered");
    assert!(!answer.starts_with('-'), "{answer}");
    for writer in &mut writers {
        writer.append(&[b"more"]).expect("appended");
    }
    let [a, s, z] = &mut writers;
    run(a.flush()).expect("durable");
    run(z.flush()).expect("durable");
    // Not all that is damaged is in the way of an append.
    if let Err(error) = run(s.flush()) {
        let is_its_own =
            matches!(error.kind(), ErrorKind::Corrupt { .. } | ErrorKind::Fenced { .. });
        assert!(is_its_own, "{command}: {error:?}");
    }
    let listed = run(store.list(None)).expect("listed").streams;
    let damaged = listed.iter().map(|info| (info.id.as_str(), info.damage.is_some()));
    let expected = [("a", false), ("s", true), ("z", false)];
    assert_eq!(damaged.collect::<Vec<_>>(), expected, "{command}");
    run(store.sweep()).expect("swept");
    run(store.delete(&id("s"))).expect("deleted");
    assert_eq!(run(store.info(&id("s"))).expect_err("gone").kind(), ErrorKind::NotFound);
    let next = run(store.create(&id("s"))).expect("created");
    assert!(next.epoch() > Epoch::FIRST, "{command}");
}

#[test]
fn a_damaged_stream_costs_no_other_one_anything_and_can_be_deleted() {
    check_one_damaged("XADD {unbroken}:log:s 1-2 x y");
    check_one_damaged("HSET {unbroken}:meta:s state ajar");
    check_one_damaged("HSET {unbroken}:meta:s epoch x");
    check_one_damaged("HDEL {unbroken}:meta:s born");
    check_one_damaged("SET {unbroken}:log:s text");
    check_one_damaged("SET {unbroken}:meta:s text");
}

#[test]
fn a_name_that_is_none_is_not_listed() {
    let (server, _directory) = start(&[]);
    let store = store(connect(&server.url()));
    run(store.create(&StreamId::new("s").expect("valid"))).expect("created");
    server.ask(r#"ZADD {unbroken}:names 0 "\xff" 0 "a b""#).expect("answered");
    let listed = run(store.list(None)).expect("listed");
    assert_eq!((listed.streams.len(), listed.more), (1, false));
}

#[test]
fn good_records_before_a_chunk_of_a_newer_format_are_given_first() {
    let (server, _directory) = start(&[]);
    let store = store(connect(&server.url()));
    let id = StreamId::new("s").expect("valid");
    let mut writer = run(store.create(&id)).expect("created");
    writer.append(&[b"record"]).expect("appended");
    run(writer.flush()).expect("durable");
    server.ask(r#"XADD {unbroken}:log:s 1-2 c "UBCK\x02" b 20"#).expect("answered");
    let page = run(store.read(&id, None, PAGE_BYTES)).expect("a page");
    assert_eq!((page.len(), page.more()), (1, true));
    let error = run(store.read(&id, page.last(), PAGE_BYTES)).expect_err("newer");
    assert_eq!(error.kind(), ErrorKind::Version { found: 2, max: 1 });
}

#[test]
fn a_damaged_snapshot_is_not_taken_for_one() {
    let (server, _directory) = start(&[]);
    let store = store(connect(&server.url()));
    let id = StreamId::new("s").expect("valid");
    run(run(store.create(&id)).expect("created").close()).expect("closed");
    run(store.compact(&id, b"folded")).expect("compacted");
    assert_eq!(run(store.snapshot(&id)).expect("read").as_deref(), Some(b"folded".as_slice()));
    let answer = server.ask("SETRANGE {unbroken}:snapshot:s 5 x").expect("answered");
    assert_eq!(answer, ":10");
    let error = run(store.snapshot(&id)).expect_err("damaged");
    assert_eq!(error.kind(), ErrorKind::Corrupt { good_prefix: None });
}

#[test]
fn a_prefix_of_a_later_layout_is_left_alone() {
    let (server, _directory) = start(&[]);
    assert_eq!(server.ask("SET {unbroken}:format 2").expect("answered"), "+OK");
    let version = ErrorKind::Version { found: 2, max: 1 };
    assert_eq!(refusal(&server.url()).kind(), version);
    assert_eq!(server.ask("DBSIZE").expect("answered"), ":1");
}
