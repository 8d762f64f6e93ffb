//! Every backend of this crate against every rule of the contract. What is particular to a backend
//! is in the test of its name.

#![cfg(feature = "conformance")]

#[cfg(any(feature = "sled", feature = "redb"))]
use std::path::Path;

use checkpoint_store::conformance::{Faulty, ManualClock, Subject};
#[cfg(any(feature = "sled", feature = "redb"))]
use checkpoint_store::{Backend, Clock, StoreError};
use checkpoint_store::{MemoryBackend, conformance};
#[cfg(feature = "redb")]
use checkpoint_store::{RedbBackend, RedbOptions};
#[cfg(feature = "sled")]
use checkpoint_store::{SledBackend, SledOptions};

fn memory() -> (MemoryBackend, ManualClock) {
    let clock = ManualClock::default();
    (MemoryBackend::with_clock(clock.clock()), clock)
}

conformance!(mod in_memory, || {
    let (backend, clock) = memory();
    Subject::new(backend).with_clock(clock)
});

conformance!(mod in_memory_behind_batches, || {
    let (backend, clock) = memory();
    Subject::new(Faulty::new(backend)).with_clock(clock)
});

// With the system's clock, as a backend has that cannot be told the time.
conformance!(mod in_memory_with_a_clock_of_its_own, || Subject::new(MemoryBackend::default()));

/// A backend in a directory of its own, that `open` opens.
#[cfg(any(feature = "sled", feature = "redb"))]
fn on_disk<B: Backend>(open: impl Fn(&Path, Clock) -> Result<B, StoreError> + 'static) -> Subject {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("store");
    let clock = ManualClock::default();
    let given = clock.clock();
    let open = move || open(&path, given.clone()).expect("the store opens");
    Subject::reopening(open).with_clock(clock).keeping(directory)
}

#[cfg(feature = "sled")]
conformance!(mod on_sled, || on_disk(|path, clock| {
    SledBackend::open(path, SledOptions { clock, ..SledOptions::default() })
}));

#[cfg(feature = "redb")]
conformance!(mod on_redb, || on_disk(|path, clock| {
    RedbBackend::open(path, RedbOptions { clock, ..RedbOptions::default() })
}));
