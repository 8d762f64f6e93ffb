//! What the backend does beside its store: waits that end, releases that are not lost, commits that do
//! not overlap.

use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use checkpoint_store::conformance::crash::{Directory, store};
use checkpoint_store::conformance::{eventually, run};
use checkpoint_store::{
    Applied, Backend, Chunk, Clock, Ending, ErrorKind, Head, Holder, Open, RedisBackend,
    RedisOptions, Seq, StreamId, Ttl,
};

use super::{connect, options};
use crate::server::Server;

const HOUR: Duration = Duration::from_secs(3600);

fn id() -> StreamId {
    StreamId::new("s").expect("valid")
}

fn server() -> (Server, Directory) {
    let directory = Directory::new();
    (Server::appending(directory.path(), "everysec"), directory)
}

fn create(backend: &RedisBackend, id: &StreamId) -> Head {
    let holder = Holder::new("me");
    run(backend.open(id, Open::Create { holder: &holder, ttl: None })).expect("created")
}

/// A backend that renews nothing while a test runs.
fn connect_for_long(server: &Server) -> RedisBackend {
    let options = RedisOptions { lease: Duration::from_secs(60), ..options() };
    RedisBackend::connect(&server.url(), options).expect("connected")
}

/// Calls of a command that a server has answered.
fn calls(server: &Server, command: &str) -> u64 {
    let stats = server.ask_all("INFO commandstats").expect("answered");
    let line = stats.lines().find(|line| line.starts_with(&format!("cmdstat_{command}:")));
    let calls = line.and_then(|line| line.split(['=', ',']).nth(1));
    calls.map_or(0, |calls| calls.parse().expect("a number"))
}

#[test]
fn nobody_looks_for_a_wait_that_was_dropped() {
    let (server, _directory) = server();
    let backend = connect(&server.url());
    let name = id();
    create(&backend, &name);
    let mut wait = backend.wait(&name, None);
    let mut cx = Context::from_waker(Waker::noop());
    eventually("it is looked for", || {
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        (calls(&server, "xrange") > 3).then_some(())
    });
    drop(wait);
    eventually("it is not any more", || {
        let before = calls(&server, "xrange");
        thread::sleep(RedisOptions::default().tail_interval * 4);
        (calls(&server, "xrange") == before).then_some(())
    });
}

#[test]
fn a_wait_ends_when_its_stream_expires() {
    let (server, _directory) = server();
    let store = store(connect(&server.url()));
    drop(run(store.create_for(&id(), Some(Ttl::Sliding(HOUR)))).expect("created"));
    let follower = thread::spawn(move || run(store.follow(&id(), None).next_page()).map(drop));
    eventually("it waits", || (calls(&server, "xrange") > 0).then_some(()));
    // As when the hour is over: what describes the stream stays a little longer.
    assert_eq!(server.ask("PEXPIRE {unbroken}:log:s 1").expect("answered"), ":1");
    let gone = follower.join().expect("no panic").expect_err("it is gone");
    assert_eq!(gone.kind(), ErrorKind::NotFound);
}

#[test]
fn damage_of_one_stream_is_no_matter_of_those_who_wait_for_others() {
    let (server, _directory) = server();
    let store = store(connect(&server.url()));
    let other = StreamId::new("other").expect("valid");
    let _damaged = run(store.create(&id())).expect("created");
    let mut writer = run(store.create(&other)).expect("created");
    let follow = |id: StreamId| {
        let store = store.clone();
        thread::spawn(move || run(store.follow(&id, None).next_page()).map(|page| page.is_some()))
    };
    let (unlucky, lucky) = (follow(id()), follow(other));
    eventually("both wait", || (calls(&server, "xrange") > 4).then_some(()));
    assert_eq!(server.ask("SET {unbroken}:log:s text").expect("answered"), "+OK");
    let error = unlucky.join().expect("no panic").expect_err("damaged");
    assert!(matches!(error.kind(), ErrorKind::Corrupt { .. }), "{error:?}");
    let seq = writer.append(&[b"record"]).expect("appended");
    run(writer.durable_at_least(seq)).expect("durable");
    assert!(lucky.join().expect("no panic").expect("a page"));
}

#[test]
fn what_is_released_while_a_backend_is_dropped_is_free() {
    let (server, _directory) = server();
    let backend = connect_for_long(&server);
    let names: Vec<_> = (0..20).map(|n| StreamId::new(format!("s{n}")).expect("valid")).collect();
    let heads: Vec<_> = names.iter().map(|name| create(&backend, name)).collect();
    for head in heads {
        backend.release(head.stream, head.epoch);
        thread::yield_now();
    }
    drop(backend);
    let other = store(connect_for_long(&server));
    for name in names {
        eventually("it is free", || {
            run(other.info(&name)).expect("it is there").lease.is_none().then_some(())
        });
    }
}

#[test]
fn of_two_commits_of_one_position_at_a_time_one_is_stored() {
    let (server, _directory) = server();
    let backend = connect(&server.url());
    let head = create(&backend, &id());
    let commit = |records: &[&[u8]]| {
        let chunk = Chunk::new(head.stream, head.epoch, Seq::FIRST, records, Ending::Open);
        backend.commit(vec![chunk].into())
    };
    let (one, two) = (commit(&[b"a"]), commit(&[b"x", b"y"]));
    let both = [run(one).expect("answered"), run(two).expect("answered")].concat();
    let stored = both.iter().filter(|applied| matches!(applied, Applied::Stored { .. })).count();
    assert_eq!(stored, 1, "{both:?}");
}

#[test]
fn an_extension_counts_from_the_next_commit_on() {
    let (server, _directory) = server();
    let store = store(connect_for_long(&server));
    let soon = Clock::system().now().plus(Duration::from_secs(60));
    let mut writer = run(store.create_for(&id(), Some(Ttl::Until(soon)))).expect("created");
    run(store.extend(&id(), Ttl::Sliding(HOUR))).expect("extended");
    let expires = || run(store.info(&id())).expect("it is there").expires;
    let before = expires();
    thread::sleep(Duration::from_millis(5));
    let seq = writer.append(&[b"record"]).expect("appended");
    run(writer.durable_at_least(seq)).expect("durable");
    assert!(expires() > before, "no renewal was needed to learn of it");
}
