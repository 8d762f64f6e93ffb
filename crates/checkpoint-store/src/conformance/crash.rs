//! Crash tests: a victim process appends and acknowledges until it is killed; what it acknowledged
//! must be there, and nothing that it did not write.
//!
//! [`crash_kill9!`](crate::crash_kill9!) is the whole test for a backend in a directory. The parts
//! are public for tests that kill something else: a server, a machine. Unix only.

mod ledger;
mod victim;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

pub use self::ledger::Ledger;
pub use self::victim::{Victim, append_until_killed, victim_directory};

use super::dice::{Dice, fresh_seed, number_of};
use crate::{Backend, Options, Store};

const TRIALS: &str = "CRASH_TRIALS";

/// Acknowledged rounds after which a victim may be killed.
const ROUNDS_MAX: usize = 12;

/// Trials of a crash test: `CRASH_TRIALS`, or 10.
pub fn trials() -> u32 {
    let trials = number_of(TRIALS).unwrap_or(10);
    u32::try_from(trials).unwrap_or(u32::MAX)
}

/// One test, in a module of the name that is given: a process that appends to the backend that the
/// closure opens in a directory is killed, again and again, and loses nothing.
///
/// ```no_run
/// # mod tests {
/// # use checkpoint_store::MemoryBackend;
/// # struct MyBackend;
/// # impl MyBackend { fn open(_: &std::path::Path) -> MemoryBackend { MemoryBackend::default() } }
/// checkpoint_store::crash_kill9!(mod mine, |directory| MyBackend::open(&directory.join("store")));
/// # }
/// ```
#[macro_export]
macro_rules! crash_kill9 {
    ($(#[$attribute:meta])* mod $name:ident, $open:expr $(,)?) => {
        $(#[$attribute])*
        mod $name {
            use super::*;

            #[test]
            fn nothing_acknowledged_is_lost_to_kill_9() {
                let test = concat!(module_path!(), "::nothing_acknowledged_is_lost_to_kill_9");
                $crate::conformance::crash::kill_9(test, $open);
            }
        }
    };
}

/// The test of [`crash_kill9!`](crate::crash_kill9!): `test` is its path, crate included, because
/// the victim is the test binary itself, told to run only that test.
///
/// # Panics
///
/// When a record that was acknowledged is missing or something else is there.
pub fn kill_9<B: Backend>(test: &str, open: impl Fn(&Path) -> B) {
    if let Some(directory) = victim_directory() {
        append_until_killed(&store(open(&directory)), &Ledger::open(&directory));
    }
    let directory = Directory::new();
    let ledger = Ledger::create(directory.path());
    let seed = fresh_seed();
    let mut dice = Dice::new(seed);
    for trial in 1..=trials() {
        let victim = Victim::start(test, directory.path(), |_| ());
        victim.kill_after(&ledger, 1 + dice.below(ROUNDS_MAX) as u64, &mut dice);
        let found = ledger.verify(&store(open(directory.path())));
        found.unwrap_or_else(|loss| panic!("trial {trial} of seed {seed}: {loss}"));
    }
}

/// A store on a backend that was just opened.
pub fn store(backend: impl Backend) -> Store {
    Store::new(Arc::new(backend), Options::default()).expect("the level is reached")
}

/// A temporary directory, removed when it is dropped.
#[derive(Debug)]
pub struct Directory(PathBuf);

impl Directory {
    /// A new directory under the system's own for such.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    #[expect(clippy::new_without_default, reason = "it makes something on disk")]
    pub fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("checkpoint-store-{}-{number}-{:x}", std::process::id(), fresh_seed());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a temporary directory");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What is left is the system's to clean.
        let _ = fs::remove_dir_all(&self.0);
    }
}
