//! A power cut in the middle of appending, closing and deleting: what was acknowledged at the level
//! of the disk is there although only synced bytes are. 10 trials each; `CRASH_TRIALS=100` is the
//! full count. Linux only: the machine is a preloaded library.

#![cfg(all(target_os = "linux", feature = "conformance"))]
#![cfg(any(feature = "sled", feature = "redb", feature = "redis"))]

mod machine;
#[cfg(feature = "redis")]
#[path = "../redis/server.rs"]
mod server;
#[cfg(feature = "redis")]
mod with_redis_server;

#[cfg(any(feature = "sled", feature = "redb"))]
use std::path::Path;

#[cfg(any(feature = "sled", feature = "redb"))]
use checkpoint_store::Backend;
use checkpoint_store::conformance::Dice;
use checkpoint_store::conformance::crash::{
    Ledger, Victim, append_until_killed, store, trials, victim_directory,
};
#[cfg(feature = "redb")]
use checkpoint_store::{RedbBackend, RedbOptions};
#[cfg(feature = "sled")]
use checkpoint_store::{SledBackend, SledOptions};

use self::machine::{Machine, Unsynced};

/// Acknowledged rounds after which the power may go.
const ROUNDS_MAX: usize = 10;

/// Cuts the power of a machine on which this test is the victim.
#[cfg(any(feature = "sled", feature = "redb"))]
fn check<B: Backend>(test: &str, unsynced: Unsynced, open: impl Fn(&Path) -> B) {
    if let Some(directory) = victim_directory() {
        append_until_killed(&store(open(&directory.join("files"))), &Ledger::open(&directory));
    }
    let machine = Machine::new();
    let ledger = Ledger::create(machine.path());
    let mut lost = 0;
    for trial in 1..=trials() {
        let mut dice = Dice::new(u64::from(trial));
        machine.power_on();
        let victim = Victim::start(test, machine.path(), |command| machine.arm(command));
        victim.kill_after(&ledger, 1 + dice.below(ROUNDS_MAX) as u64, &mut dice);
        lost += machine.cut(unsynced, &mut dice);
        let found = ledger.verify(&store(open(&machine.files())));
        found.unwrap_or_else(|loss| panic!("trial {trial}: {loss}"));
    }
    assert!(lost > 0, "no cut lost a byte: there is nothing that a sync would save");
}

#[cfg(feature = "sled")]
fn sled_in(files: &Path) -> SledBackend {
    SledBackend::open(files.join("store"), SledOptions::default()).expect("the store opens")
}

#[cfg(feature = "redb")]
fn redb_in(files: &Path) -> RedbBackend {
    RedbBackend::open(files.join("store"), RedbOptions::default()).expect("the store opens")
}

#[cfg(feature = "sled")]
#[test]
fn nothing_acknowledged_by_sled_is_lost() {
    let test = concat!(module_path!(), "::nothing_acknowledged_by_sled_is_lost");
    check(test, Unsynced::Lost, sled_in);
}

#[cfg(feature = "sled")]
#[test]
fn nothing_acknowledged_by_sled_is_lost_when_writes_are_torn() {
    let test =
        concat!(module_path!(), "::nothing_acknowledged_by_sled_is_lost_when_writes_are_torn");
    check(test, Unsynced::Torn, sled_in);
}

#[cfg(feature = "redb")]
#[test]
fn nothing_acknowledged_by_redb_is_lost() {
    let test = concat!(module_path!(), "::nothing_acknowledged_by_redb_is_lost");
    check(test, Unsynced::Lost, redb_in);
}

#[cfg(feature = "redb")]
#[test]
fn nothing_acknowledged_by_redb_is_lost_when_writes_are_torn() {
    let test =
        concat!(module_path!(), "::nothing_acknowledged_by_redb_is_lost_when_writes_are_torn");
    check(test, Unsynced::Torn, redb_in);
}

/// The test of the tests: a store that trusts `flush` of sled alone loses what it acknowledged, and
/// they see it.
#[cfg(feature = "sled")]
mod bare_sled {
    use super::*;

    /// Keys that the victim says are durable.
    const KEYS: u64 = 100;

    fn insert_until_killed(files: &Path, ledger: &Ledger) -> ! {
        let db = sled::open(files.join("bare")).expect("sled opens");
        for key in 1_u64.. {
            db.insert(key.to_be_bytes(), &key.to_be_bytes()).expect("inserted");
            db.flush().expect("flushed");
            ledger.note_round(key);
        }
        unreachable!("it is killed")
    }

    #[test]
    fn bare_sled_loses_what_it_acknowledged() {
        if let Some(directory) = victim_directory() {
            insert_until_killed(&directory.join("files"), &Ledger::open(&directory));
        }
        let machine = Machine::new();
        let ledger = Ledger::create(machine.path());
        machine.power_on();
        let test = concat!(module_path!(), "::bare_sled_loses_what_it_acknowledged");
        let victim = Victim::start(test, machine.path(), |command| machine.arm(command));
        let mut dice = Dice::new(1);
        victim.kill_after(&ledger, KEYS, &mut dice);
        machine.cut(Unsynced::Lost, &mut dice);
        let db = sled::open(machine.files().join("bare")).expect("sled opens");
        let (found, promised) = (db.len() as u64, ledger.rounds());
        assert!(promised >= KEYS && found < promised, "{found} of {promised} are there");
    }
}
