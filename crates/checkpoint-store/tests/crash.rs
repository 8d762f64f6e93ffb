//! kill -9 in the middle of appending: what was acknowledged is there, in order, without gaps.
//! The test runs its own binary as the victim; acknowledgements go to a file with `pwrite`, so
//! they outlive the kill.

#![cfg(feature = "sled")]

use std::fs::File;
use std::future::Future;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use checkpoint_store::{PAGE_BYTES, Seq, Store, StreamId, StreamWriter};

const VICTIM: &str = "CHECKPOINT_STORE_VICTIM";
const STREAMS: u64 = 4;

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

fn id(stream: u64) -> StreamId {
    StreamId::new(format!("stream-{stream}")).expect("valid")
}

/// A record that says what it is; its length varies so that buffers of every size are cut.
fn record(stream: u64, seq: Seq) -> Vec<u8> {
    let fill = (seq.value() * 37 + stream) % 400;
    let mut record = format!("{stream}/{seq}/").into_bytes();
    record.resize(record.len() + usize::try_from(fill).expect("small"), b'x');
    record
}

/// Appends until it is killed.
fn be_the_victim(directory: &Path) -> ! {
    let store = Store::sled(directory.join("store")).expect("the store opens");
    let acks = File::options().write(true).open(directory.join("acks")).expect("the file");
    let open = |stream| run(store.recover(&id(stream))).or_else(|_| run(store.create(&id(stream))));
    let mut writers: Vec<StreamWriter> =
        (0..STREAMS).map(|stream| open(stream).expect("opened")).collect();
    loop {
        for (stream, writer) in (0..).zip(&mut writers) {
            for _ in 0..5 {
                let seq = Seq::after(writer.last());
                writer.append(&[&record(stream, seq)]).expect("appended");
            }
        }
        for (stream, writer) in (0..).zip(&mut writers) {
            let last = writer.last().expect("not empty");
            run(writer.durable_at_least(last)).expect("durable");
            acks.write_all_at(&last.value().to_le_bytes(), stream * 8).expect("noted");
        }
    }
}

fn acknowledged(acks: &File, stream: u64) -> u64 {
    let mut number = [0; 8];
    acks.read_exact_at(&mut number, stream * 8).expect("the file has a slot per stream");
    u64::from_le_bytes(number)
}

fn start_victim(directory: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command.args(["--exact", "nothing_acknowledged_is_lost_to_kill_9"]).env(VICTIM, directory);
    command.stdout(Stdio::null()).spawn().expect("the victim starts")
}

/// Kills the victim once it has acknowledged `more` records of the last stream.
fn kill_after(mut victim: Child, acks: &File, more: u64) {
    let goal = acknowledged(acks, STREAMS - 1) + more;
    while acknowledged(acks, STREAMS - 1) < goal {
        assert!(victim.try_wait().expect("a child").is_none(), "the victim died by itself");
        std::thread::yield_now();
    }
    victim.kill().expect("killed");
    victim.wait().expect("gone");
}

/// Every stream is a dense run of its own records that holds all acknowledged ones.
fn verify(store: &Store, acks: &File) {
    for stream in 0..STREAMS {
        let mut last = None;
        loop {
            let page = run(store.read(&id(stream), last, PAGE_BYTES)).expect("the page reads");
            for found in page.records() {
                assert_eq!(found.seq, Seq::after(last));
                assert_eq!(found.bytes, record(stream, found.seq), "stream {stream}");
                last = Some(found.seq);
            }
            if !page.more() {
                break;
            }
        }
        let stored = last.map_or(0, Seq::value);
        let promised = acknowledged(acks, stream);
        assert!(stored >= promised, "stream {stream}: {stored} stored, {promised} promised");
    }
}

#[test]
fn nothing_acknowledged_is_lost_to_kill_9() {
    if let Some(directory) = std::env::var_os(VICTIM) {
        be_the_victim(&PathBuf::from(directory));
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("acks");
    std::fs::write(&path, [0; STREAMS as usize * 8]).unwrap();
    let acks = File::open(&path).unwrap();
    for trial in 1..=3 {
        kill_after(start_victim(directory.path()), &acks, trial * 40);
        let store = Store::sled(directory.path().join("store")).unwrap();
        verify(&store, &acks);
    }
}
