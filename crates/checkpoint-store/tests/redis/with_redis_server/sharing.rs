//! One server, several programs: leases, fencing, tails and prefixes between backends that know
//! nothing of each other.

use std::sync::Arc;
use std::thread;

use checkpoint_store::conformance::crash::{Directory, store};
use checkpoint_store::conformance::{eventually, run};
use checkpoint_store::{
    Epoch, ErrorKind, Holder, Options, RedisBackend, RedisOptions, Store, StreamId,
};

use super::{LEASE, connect, options};
use crate::server::Server;

fn id() -> StreamId {
    StreamId::new("s").expect("valid")
}

fn server() -> (Server, Directory) {
    let directory = Directory::new();
    (Server::appending(directory.path(), "everysec"), directory)
}

fn store_of(holder: &str, url: &str) -> Store {
    let options = Options { holder: Holder::new(holder), ..Options::default() };
    Store::new(Arc::new(connect(url)), options).expect("a store")
}

#[test]
fn a_stream_is_not_taken_from_a_writer_elsewhere_until_it_is_gone() {
    let (server, _directory) = server();
    let (here, there) = (store_of("here", &server.url()), store_of("there", &server.url()));
    let mut writer = run(here.create(&id())).expect("created");
    let seq = writer.append(&[b"a"]).expect("appended");
    run(writer.durable_at_least(seq)).expect("durable");
    let refused = run(there.recover(&id())).expect_err("held");
    let ErrorKind::Held { epoch, left: Some(left) } = refused.kind() else {
        panic!("not held: {refused:?}");
    };
    assert!(epoch == Epoch::FIRST && left <= LEASE);
    assert!(format!("{refused:?}").contains("held by here"));
    drop(writer);
    let next = eventually("the stream is free", || run(there.recover(&id())).ok());
    assert_eq!((next.epoch(), next.last()), (Epoch::FIRST.next(), Some(seq)));
    run(next.close()).expect("closed");
}

#[test]
fn a_writer_that_gave_way_elsewhere_is_fenced() {
    let (server, _directory) = server();
    let (here, there) = (store_of("here", &server.url()), store_of("there", &server.url()));
    let mut old = run(here.create(&id())).expect("created");
    let mut new = run(there.take_over(&id(), Epoch::FIRST)).expect("taken over");
    let seq = old.append(&[b"late"]).expect("appended");
    let fenced = run(old.durable_at_least(seq)).expect_err("fenced");
    assert_eq!(fenced.kind(), ErrorKind::Fenced { current: Epoch::FIRST.next() });
    drop(old);
    let seq = new.append(&[b"new"]).expect("appended");
    run(new.durable_at_least(seq)).expect("durable");
    // What the old one gave back was its own.
    assert!(matches!(run(here.recover(&id())).expect_err("held").kind(), ErrorKind::Held { .. }));
}

#[test]
fn of_many_that_recover_one_stream_one_does() {
    let (server, _directory) = server();
    let stores: Vec<Store> = (0..4).map(|_| store_of("racer", &server.url())).collect();
    drop(run(stores[0].create(&id())).expect("created"));
    eventually("the stream is free", || {
        run(stores[0].info(&id())).expect("it is there").lease.is_none().then_some(())
    });
    let racers: Vec<_> = stores
        .iter()
        .map(|store| {
            let store = store.clone();
            thread::spawn(move || run(store.recover(&id())))
        })
        .collect();
    let results: Vec<_> = racers.into_iter().map(|racer| racer.join().expect("no panic")).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for refused in results.iter().filter_map(|result| result.as_ref().err()) {
        assert!(matches!(refused.kind(), ErrorKind::Held { .. }), "{refused:?}");
    }
}

#[test]
fn a_tail_sees_what_another_program_commits() {
    let (server, _directory) = server();
    let (here, there) = (store(connect(&server.url())), store(connect(&server.url())));
    let mut writer = run(here.create(&id())).expect("created");
    let follower = thread::spawn(move || {
        let mut follower = there.follow(&id(), None);
        let mut seen = Vec::new();
        while let Some(page) = run(follower.next_page()).expect("it follows") {
            seen.extend(page.records().map(|record| record.bytes.to_vec()));
        }
        seen
    });
    let records: Vec<_> = (0..50_u32).map(|number| number.to_be_bytes().to_vec()).collect();
    for record in &records {
        let seq = writer.append(&[record]).expect("appended");
        run(writer.durable_at_least(seq)).expect("durable");
    }
    run(writer.close()).expect("closed");
    assert_eq!(follower.join().expect("no panic"), records);
}

#[test]
fn stores_of_different_prefixes_do_not_see_each_other() {
    let (server, _directory) = server();
    let prefixed = |prefix: &str| {
        let options = RedisOptions { prefix: prefix.to_owned(), ..options() };
        store(RedisBackend::connect(&server.url(), options).expect("connected"))
    };
    let (left, right) = (prefixed("a"), prefixed("a.b"));
    let _writer = run(left.create(&id())).expect("created");
    assert_eq!(run(right.info(&id())).expect_err("elsewhere").kind(), ErrorKind::NotFound);
    assert!(run(right.list(None)).expect("listed").streams.is_empty());
    assert_eq!(run(right.create(&id())).expect("created").epoch(), Epoch::FIRST);
}
