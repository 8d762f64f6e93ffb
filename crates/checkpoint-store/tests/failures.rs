//! What a store does when its backend is slow, weak, wrong or broken. The backend is scripted; no
//! disk is involved.

use std::future::{Future, poll_fn, ready};
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Waker};

use checkpoint_store::{
    Applied, Backend, BoxFuture, Caps, Chunk, CommitPath, ErrorKind, Head, Level, Limit, Limits,
    Listing, MemoryBackend, Open, Options, Page, Seq, Store, StoreError, StreamId, StreamWriter,
};

/// What the next commit does.
#[derive(Clone, Copy, PartialEq)]
enum Script {
    Work,
    Fail,
    Panic,
    AnswerTooLittle,
    /// Waits until the script is another one.
    Hold,
}

/// A memory backend behind batches, with scripted commits.
struct Scripted {
    memory: MemoryBackend,
    script: Mutex<Script>,
    changed: Condvar,
}

impl Scripted {
    fn new(script: Script) -> Arc<Self> {
        let memory = MemoryBackend::default();
        Arc::new(Self { memory, script: Mutex::new(script), changed: Condvar::new() })
    }

    fn follow(&self, script: Script) {
        *self.script.lock().expect("no panic under the lock") = script;
        self.changed.notify_all();
    }

    fn script(&self) -> Script {
        let script = self.script.lock().expect("no panic under the lock");
        *self.changed.wait_while(script, |script| *script == Script::Hold).expect("no panic")
    }
}

impl Backend for Scripted {
    fn caps(&self) -> Caps {
        Caps { level: Level::Process, path: CommitPath::Grouped }
    }

    fn open<'a>(&'a self, id: &'a StreamId, open: Open) -> BoxFuture<'a, Result<Head, StoreError>> {
        self.memory.open(id, open)
    }

    fn commit(&self, batch: Arc<[Chunk]>) -> BoxFuture<'_, Result<Vec<Applied>, StoreError>> {
        match self.script() {
            Script::Work => self.memory.commit(batch),
            Script::Panic => panic!("scripted"),
            Script::AnswerTooLittle => Box::pin(ready(Ok(Vec::new()))),
            Script::Fail | Script::Hold => Box::pin(ready(Err(ErrorKind::Io.into()))),
        }
    }

    fn read<'a>(
        &'a self,
        id: &'a StreamId,
        after: Option<Seq>,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        self.memory.read(id, after, bytes_max)
    }

    fn list<'a>(
        &'a self,
        after: Option<&'a StreamId>,
        streams_max: usize,
    ) -> BoxFuture<'a, Result<Listing, StoreError>> {
        self.memory.list(after, streams_max)
    }

    fn delete<'a>(&'a self, id: &'a StreamId) -> BoxFuture<'a, Result<(), StoreError>> {
        self.memory.delete(id)
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

fn store(backend: &Arc<Scripted>, limits: Limits) -> Store {
    let options = Options { limits, ..Options::default() };
    let backend: Arc<dyn Backend> = Arc::clone(backend) as _;
    Store::new(backend, options).expect("a store")
}

fn create(store: &Store, name: &str) -> StreamWriter {
    run(store.create(&StreamId::new(name).expect("valid"))).expect("created")
}

#[track_caller]
fn check_poisoned(script: Script) {
    let backend = Scripted::new(script);
    let store = store(&backend, Limits::default());
    let (mut writer, mut other) = (create(&store, "s"), create(&store, "t"));
    let seq = writer.append(&[b"a"]).expect("appended");
    let error = run(writer.durable_at_least(seq)).expect_err("not durable");
    assert_eq!(error.kind(), ErrorKind::Poisoned);
    assert_eq!(writer.durable(), None);

    backend.follow(Script::Work);
    let refused = |result: Result<Seq, StoreError>| result.expect_err("refused").kind();
    assert_eq!(refused(writer.append(&[b"b"])), ErrorKind::Poisoned);
    assert_eq!(refused(other.append(&[b"b"])), ErrorKind::Poisoned);
    assert_eq!(run(other.close()).expect_err("refused").kind(), ErrorKind::Poisoned);
    assert_eq!(run(writer.room(1)).expect_err("refused").kind(), ErrorKind::Poisoned);
}

#[test]
fn a_failed_commit_poisons_the_store() {
    check_poisoned(Script::Fail);
}

#[test]
fn a_panic_in_a_backend_poisons_the_store() {
    check_poisoned(Script::Panic);
}

#[test]
fn an_answer_that_does_not_fit_the_batch_poisons_the_store() {
    check_poisoned(Script::AnswerTooLittle);
}

#[test]
fn a_level_above_the_backend_is_refused() {
    let options = Options { level_min: Level::Disk, ..Options::default() };
    let refused = Store::new(Scripted::new(Script::Work), options).map(drop);
    let (asked, max) = (Level::Disk, Level::Process);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unsupported { asked, max });

    let options = Options { level_min: Level::Process, ..Options::default() };
    let store = Store::new(Scripted::new(Script::Work), options).unwrap();
    assert_eq!(store.level(), Level::Process);
    assert_eq!(create(&store, "s").level(), Level::Process);
}

#[test]
fn a_full_stream_has_room_again_after_progress() {
    let limits = Limits { undurable_stream_bytes: 100, ..Limits::default() };
    let backend = Scripted::new(Script::Hold);
    let store = store(&backend, limits);
    let mut writer = create(&store, "s");
    writer.append(&[&[0; 60]]).unwrap();
    let full = writer.append(&[&[0; 60]]).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::Full { limit: Limit::UndurableStream });
    assert!(full.is_retryable());

    let mut cx = Context::from_waker(Waker::noop());
    assert!(writer.poll_room(&mut cx, 60).is_pending());
    assert!(pin!(writer.room(60)).poll(&mut cx).is_pending());
    backend.follow(Script::Work);
    run(writer.room(60)).unwrap();
    assert_eq!(writer.append(&[&[0; 60]]).unwrap(), Seq::new(2).unwrap());
}

#[test]
fn a_full_store_has_room_again_after_progress_of_another_stream() {
    let limits = Limits { undurable_store_bytes: 100, ..Limits::default() };
    let backend = Scripted::new(Script::Hold);
    let store = store(&backend, limits);
    let (mut first, mut second) = (create(&store, "s"), create(&store, "t"));
    first.append(&[&[0; 60]]).unwrap();
    let full = second.append(&[&[0; 60]]).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::Full { limit: Limit::UndurableStore });
    backend.follow(Script::Work);
    run(second.room(60)).unwrap();
    assert_eq!(second.append(&[&[0; 60]]).unwrap(), Seq::FIRST);
}

#[test]
fn a_wait_that_was_dropped_loses_nothing() {
    let backend = Scripted::new(Script::Hold);
    let store = store(&backend, Limits::default());
    let mut writer = create(&store, "s");
    let seq = writer.append(&[b"a"]).unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(pin!(writer.durable_at_least(seq)).poll(&mut cx).is_pending());
    assert!(pin!(writer.flush()).poll(&mut cx).is_pending());
    backend.follow(Script::Work);
    run(poll_fn(|cx| writer.poll_durable(cx, seq))).unwrap();
    assert!(matches!(writer.poll_durable(&mut cx, seq), Poll::Ready(Ok(()))));
}

#[test]
fn a_close_that_was_dropped_closes_all_the_same() {
    let backend = Scripted::new(Script::Hold);
    let store = store(&backend, Limits::default());
    let mut writer = create(&store, "s");
    let seq = writer.append(&[b"a"]).unwrap();
    let mut watermark = writer.watermark();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Box::pin(writer.close()).as_mut().poll(&mut cx).is_pending());
    backend.follow(Script::Work);
    run(watermark.reached(seq)).unwrap();
    let mut next = create(&store, "t");
    next.append(&[b"b"]).unwrap();
    run(next.flush()).unwrap();
    let recovered = run(store.recover(&StreamId::new("s").unwrap())).map(drop);
    assert_eq!(recovered.unwrap_err().kind(), ErrorKind::Closed { last: Some(seq) });
}
