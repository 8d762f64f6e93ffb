//! kill -9 in the middle of appending, closing and deleting: what was acknowledged is there, in
//! order, without gaps. 10 trials a backend; `CRASH_TRIALS=100` is the full count.

#![cfg(all(feature = "conformance", any(feature = "sled", feature = "redb")))]

use checkpoint_store::crash_kill9;
#[cfg(feature = "redb")]
use checkpoint_store::{RedbBackend, RedbOptions};
#[cfg(feature = "sled")]
use checkpoint_store::{SledBackend, SledOptions};

#[cfg(feature = "sled")]
crash_kill9!(mod on_sled, |directory| {
    SledBackend::open(directory.join("store"), SledOptions::default()).expect("the store opens")
});

#[cfg(feature = "redb")]
crash_kill9!(mod on_redb, |directory| {
    RedbBackend::open(directory.join("store"), RedbOptions::default()).expect("the store opens")
});
