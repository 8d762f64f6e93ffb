//! Servers that are busy, full or slow to let anybody in, and times beyond what they can count.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use checkpoint_store::conformance::crash::{Directory, store};
use checkpoint_store::conformance::{eventually, run};
use checkpoint_store::{
    Clock, ErrorKind, RedisBackend, RedisOptions, Store, StreamId, StreamWriter, Timestamp, Ttl,
};

use super::{connect, options};
use crate::server::Server;

fn id(name: &str) -> StreamId {
    StreamId::new(name).expect("valid")
}

fn start() -> (Server, Directory, Store) {
    let directory = Directory::new();
    let server = Server::appending(directory.path(), "no");
    // Its own heartbeat is not to be in the way.
    let options = RedisOptions { lease: Duration::from_secs(60), ..RedisOptions::default() };
    let backend = RedisBackend::connect(&server.url(), options).expect("connected");
    (server, directory, store(backend))
}

fn append(writer: &mut StreamWriter) {
    let seq = writer.append(&[b"record"]).expect("appended");
    run(writer.durable_at_least(seq)).expect("durable");
}

#[track_caller]
fn set(server: &Server, setting: &str) {
    assert_eq!(server.ask(&format!("CONFIG SET {setting}")).expect("answered"), "+OK");
}

#[test]
fn a_busy_server_is_out_of_reach() {
    let (server, _directory, store) = start();
    let _writer = run(store.create(&id("s"))).expect("created");
    set(&server, "busy-reply-threshold 20");
    let socket = server.socket().to_owned();
    let busy = thread::spawn(move || {
        let stream = std::os::unix::net::UnixStream::connect(socket).expect("connected");
        let script = "while true do end";
        write!(&stream, "EVAL \"{script}\" 0\r\n").expect("sent");
        let mut answer = [0; 100];
        (&stream).read(&mut answer).expect("answered")
    });
    eventually("it is busy", || {
        server.ask("PING").expect("answered").starts_with("-BUSY").then_some(())
    });
    let refused = run(store.info(&id("s"))).expect_err("busy");
    assert_eq!(server.ask("SCRIPT KILL").expect("answered"), "+OK");
    busy.join().expect("no panic");
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    run(store.info(&id("s"))).expect("it has time again");
}

#[test]
fn a_full_server_is_read_emptied_and_waited_for() {
    let (server, _directory, store) = start();
    let mut writer = run(store.create(&id("s"))).expect("created");
    append(&mut writer);
    drop(run(store.create(&id("other"))).expect("created"));
    set(&server, "maxmemory 1");
    let seq = writer.append(&[b"record"]).expect("appended");
    assert_eq!(run(store.info(&id("s"))).expect("it reads").last, seq.previous());
    run(store.read(&id("s"), None, 100)).expect("it reads");
    connect(&server.url());
    run(store.delete(&id("other"))).expect("room can be made");
    set(&server, "maxmemory 0");
    run(writer.durable_at_least(seq)).expect("durable");
}

#[test]
fn a_peer_that_lets_nobody_in_is_given_up_in_time() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let peer = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let _ = stream.read(&mut [0; 4096]).expect("asked");
        // Enough for the login, and nothing more.
        stream.write_all(b"+OK\r\n+OK\r\n").expect("sent");
        stream
    });
    let connect_timeout = Duration::from_millis(200);
    let options = RedisOptions { connect_timeout, ..RedisOptions::default() };
    let begun = Instant::now();
    let url = format!("redis://127.0.0.1:{port}");
    let error = RedisBackend::connect(&url, options).expect_err("no settings");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    drop(peer.join().expect("no panic"));
}

#[test]
fn a_time_beyond_all_counting_is_a_long_one() {
    let (_server, _directory, store) = start();
    let century = Duration::from_secs(99 * 365 * 24 * 3600);
    let longest = [Ttl::Sliding(Duration::MAX), Ttl::Until(Timestamp::from_millis(u64::MAX))];
    for (ttl, name) in longest.into_iter().zip(["a", "b"]) {
        let mut writer = run(store.create_for(&id(name), Some(ttl))).expect("created");
        append(&mut writer);
        run(store.extend(&id(name), ttl)).expect("extended");
        append(&mut writer);
        let now = Clock::system().now();
        let expires = run(store.info(&id(name))).expect("it is there").expires;
        assert!(expires >= Some(now.plus(century)), "{expires:?}");
    }
    assert_eq!(run(store.list(None)).expect("listed").streams.len(), 2);
}

#[test]
fn nothing_is_left_of_streams_that_expired() {
    let directory = Directory::new();
    let server = Server::appending(directory.path(), "no");
    let store = store(RedisBackend::connect(&server.url(), options()).expect("connected"));
    let ttl = Some(Ttl::Sliding(Duration::from_millis(300)));
    for number in 0..9 {
        let name = id(&format!("s{number}"));
        let mut writer = run(store.create_for(&name, ttl)).expect("created");
        append(&mut writer);
        match number % 3 {
            0 => {
                run(writer.close()).expect("closed");
                run(store.compact(&name, b"folded")).expect("compacted");
            }
            1 => drop(run(store.take_over(&name, writer.epoch())).expect("taken over")),
            _ => {}
        }
    }
    // What a store keeps: its format, its counter, and for a week the epoch of each stream.
    eventually("the rest is gone", || {
        run(store.sweep()).expect("swept");
        (server.ask("DBSIZE").expect("answered") == ":11").then_some(())
    });
    for number in 0..9 {
        let left = server.ask(&format!("TTL {{unbroken}}:epoch:s{number}")).expect("answered");
        let left: i64 = left.trim_start_matches(':').parse().expect("a number");
        assert!((600_000..605_000).contains(&left), "{left}");
    }
}
