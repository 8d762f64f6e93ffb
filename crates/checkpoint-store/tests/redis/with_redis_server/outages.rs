//! Outages of the server and of the way to it: what was acknowledged is there afterwards, once, and
//! a writer goes on by itself or is told why not.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use checkpoint_store::conformance::crash::{Directory, trials};
use checkpoint_store::conformance::{eventually, run};
use checkpoint_store::{
    ErrorKind, Options, PAGE_BYTES, RedisBackend, RedisOptions, Seq, Store, StreamId, StreamWriter,
};

use crate::proxy::{Network, Proxy};
use crate::server::Server;

/// Short, so that a lost answer is noticed soon.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(300);

fn store(url: &str) -> Store {
    let options = RedisOptions { response_timeout: RESPONSE_TIMEOUT, ..super::options() };
    let backend = RedisBackend::connect(url, options).expect("connected");
    Store::new(Arc::new(backend), Options::default()).expect("a store")
}

fn id() -> StreamId {
    StreamId::new("s").expect("valid")
}

fn record(number: u64) -> String {
    format!("record {number}")
}

/// Appends the next record; its number.
fn append(writer: &mut StreamWriter) -> Seq {
    let number = Seq::after(writer.last()).value();
    writer.append(&[record(number).as_bytes()]).expect("appended")
}

fn append_durably(writer: &mut StreamWriter) {
    let seq = append(writer);
    run(writer.durable_at_least(seq)).expect("durable");
}

/// Checks that the stream has these records and no others.
#[track_caller]
fn check_records(store: &Store, count: u64) {
    let mut numbers = 1..;
    let mut after = None;
    loop {
        let page = run(store.read(&id(), after, PAGE_BYTES)).expect("it reads");
        for (record_read, number) in page.records().zip(numbers.by_ref()) {
            assert_eq!(record_read.bytes, record(number).as_bytes());
        }
        after = page.last().or(after);
        if !page.more() {
            break;
        }
    }
    assert_eq!(after, Seq::new(count));
}

#[test]
fn an_append_whose_answer_was_lost_is_stored_once() {
    let directory = Directory::new();
    let server = Server::appending(directory.path(), "everysec");
    let proxy = Proxy::to(server.socket());
    let store = store(&proxy.url());
    let mut writer = run(store.create(&id())).expect("created");
    for round in 1..=5 {
        append_durably(&mut writer);
        proxy.lose_answers();
        let seq = append(&mut writer);
        let len = round * 2;
        // Three entries: the mark, and a chunk for each of the records.
        eventually("the server has it", || {
            let len = format!(":{}", len + 1);
            (server.ask("XLEN {unbroken}:log:s").expect("answered") == len).then_some(())
        });
        assert_eq!(writer.durable(), seq.previous());
        proxy.cut(Network::Leads(server.socket().to_owned()));
        run(writer.durable_at_least(seq)).expect("durable");
    }
    run(writer.close()).expect("closed");
    check_records(&store, 10);
}

#[test]
fn a_network_that_was_down_is_waited_for() {
    let directory = Directory::new();
    let server = Server::appending(directory.path(), "everysec");
    let proxy = Proxy::to(server.socket());
    let store = store(&proxy.url());
    let mut writer = run(store.create(&id())).expect("created");
    append_durably(&mut writer);
    proxy.cut(Network::Down);
    let seq = append(&mut writer);
    let refused = run(store.info(&id())).expect_err("down");
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert!(refused.is_retryable() && !refused.outcome_known());
    proxy.cut(Network::Leads(server.socket().to_owned()));
    run(writer.durable_at_least(seq)).expect("durable");
    check_records(&store, 2);
}

#[test]
fn a_server_that_is_killed_and_started_again_has_it_all() {
    let directory = Directory::new();
    let mut server = Server::appending(directory.path(), "no");
    let store = store(&server.url());
    let mut writer = run(store.create(&id())).expect("created");
    for _ in 0..trials() {
        append_durably(&mut writer);
        let seq = append(&mut writer);
        server.kill();
        server = Server::appending(directory.path(), "no");
        run(writer.durable_at_least(seq)).expect("durable");
        append_durably(&mut writer);
    }
    check_records(&store, u64::from(trials()) * 3);
}

/// Does something to the data of a server while the network is down, as a loss would; how the
/// writer learns of it.
#[track_caller]
fn check_loss(damage: impl Fn(&Server), expected: ErrorKind) {
    let directory = Directory::new();
    let server = Server::appending(directory.path(), "no");
    let proxy = Proxy::to(server.socket());
    let store = store(&proxy.url());
    let mut writer = run(store.create(&id())).expect("created");
    append_durably(&mut writer);
    append_durably(&mut writer);
    proxy.cut(Network::Down);
    damage(&server);
    proxy.cut(Network::Leads(server.socket().to_owned()));
    let seq = append(&mut writer);
    let refused = run(writer.durable_at_least(seq)).expect_err("records are missing before it");
    assert_eq!(refused.kind(), expected);
}

#[test]
fn a_writer_does_not_write_behind_records_that_a_server_lost() {
    let first = Seq::FIRST;
    let lose_the_last = |server: &Server| {
        let gone = server.ask("XDEL {unbroken}:log:s 1-2").expect("answered");
        assert_eq!(gone, ":1");
    };
    check_loss(lose_the_last, ErrorKind::Gap { expected: first.next() });
}

#[test]
fn a_writer_of_a_server_that_lost_everything_is_told_that_its_stream_is_gone() {
    let lose_all = |server: &Server| {
        assert_eq!(server.ask("FLUSHALL").expect("answered"), "+OK");
    };
    check_loss(lose_all, ErrorKind::NotFound);
}

#[test]
fn scripts_that_a_server_forgot_are_given_to_it_again() {
    let directory = Directory::new();
    let server = Server::appending(directory.path(), "everysec");
    let store = store(&server.url());
    let mut writer = run(store.create(&id())).expect("created");
    append_durably(&mut writer);
    assert_eq!(server.ask("SCRIPT FLUSH").expect("answered"), "+OK");
    run(writer.close()).expect("closed");
    check_records(&store, 1);
}

fn replica_of(server: &Server, directory: &Path) -> Server {
    let replica = Server::appending(directory, "everysec");
    // A replica finds its primary by host and port; the primary listens on one of its own choice.
    let port = free_port("port", server);
    let answer = replica.ask(&format!("REPLICAOF 127.0.0.1 {port}")).expect("answered");
    assert_eq!(answer, "+OK");
    replica
}

/// Makes a server that has only its socket listen on a port as well; `setting` says how.
pub(super) fn free_port(setting: &str, server: &Server) -> u16 {
    eventually("a free port", || {
        let free = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        // Refused when somebody took it in between.
        let answer = server.ask(&format!("CONFIG SET {setting} {port}")).expect("answered");
        (answer == "+OK").then_some(port)
    })
}

#[test]
fn a_writer_goes_on_with_the_replica_that_took_the_place_of_its_server() {
    let (left, right) = (Directory::new(), Directory::new());
    let mut primary = Server::appending(left.path(), "everysec");
    let replica = replica_of(&primary, right.path());
    let proxy = Proxy::to(primary.socket());
    let store = store(&proxy.url());
    let mut writer = run(store.create(&id())).expect("created");
    append_durably(&mut writer);
    eventually("the replica has it", || {
        (replica.ask("XLEN {unbroken}:log:s").expect("answered") == ":2").then_some(())
    });
    primary.kill();
    // Nobody has promoted it yet.
    proxy.cut(Network::Leads(replica.socket().to_owned()));
    let seq = append(&mut writer);
    let refused = run(store.info(&id())).expect_err("a replica");
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert_eq!(replica.ask("REPLICAOF NO ONE").expect("answered"), "+OK");
    run(writer.durable_at_least(seq)).expect("durable");
    check_records(&store, 2);
}

/// What a replica has of what its primary has done.
fn offset(server: &Server) -> String {
    let info = server.ask_all("INFO replication").expect("answered");
    let offset = info.lines().find_map(|line| line.strip_prefix("master_repl_offset:"));
    offset.expect("it says so").trim().to_owned()
}

#[test]
fn of_two_writers_that_a_failover_gave_the_same_epoch_one_writes() {
    let (left, right) = (Directory::new(), Directory::new());
    let mut primary = Server::appending(left.path(), "everysec");
    let replica = replica_of(&primary, right.path());
    let proxy = Proxy::to(primary.socket());
    let here = store(&proxy.url());
    let mut writer = run(here.create(&id())).expect("created");
    append_durably(&mut writer);
    let over = writer.epoch();
    drop(writer);
    eventually("the replica has it", || {
        let has = replica.ask("XLEN {unbroken}:log:s").expect("answered") == ":2";
        (has && offset(&primary) == offset(&replica)).then_some(())
    });
    // The replica learns of nothing any more, and is promoted when the primary is gone.
    assert_eq!(replica.ask("REPLICAOF NO ONE").expect("answered"), "+OK");
    let mut forgotten = run(here.take_over(&id(), over)).expect("taken over");
    primary.kill();
    let there = store(&replica.url());
    let mut known = run(there.take_over(&id(), over)).expect("taken over");
    assert_eq!(forgotten.epoch(), known.epoch());
    proxy.cut(Network::Leads(replica.socket().to_owned()));
    // The renewal of its lease is refused before it appends.
    std::thread::sleep(crate::with_redis_server::LEASE);
    let seq = append(&mut forgotten);
    let fenced = run(forgotten.durable_at_least(seq)).expect_err("nobody knows it");
    assert_eq!(fenced.kind(), ErrorKind::Fenced { current: known.epoch() });
    append_durably(&mut known);
    check_records(&there, 2);
}
