//! The thread under a committer: the only place here that reads a clock or sleeps.
//! It drives the backend's futures itself, so no runtime is needed.

use std::task::Context;
use std::thread;
use std::time::Instant;

use super::{Commits, Turn};
use crate::{ErrorKind, StoreError, unpark};

/// Starts the thread; it ends by itself once the store is gone.
pub(crate) fn spawn(commits: Commits) -> Result<(), StoreError> {
    thread::Builder::new()
        .name("checkpoint-commit".to_owned())
        .spawn(move || run(commits))
        .map(drop)
        .map_err(|error| StoreError::with_source(ErrorKind::Io, error))
}

fn run(mut commits: Commits) {
    let start = Instant::now();
    let waker = unpark::waker();
    let mut cx = Context::from_waker(&waker);
    loop {
        match commits.poll(&mut cx, start.elapsed()) {
            Turn::Running => thread::park(),
            Turn::Idle(timeout) => commits.rest(timeout),
            Turn::Done => return,
        }
    }
}
