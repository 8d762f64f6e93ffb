//! The victim: a process that appends, closes, deletes and takes over, and notes each promise only
//! after the store made it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::ledger::{Ledger, SHORT_RECORDS, STREAMS, Slot, id, record, short_id};
use crate::conformance::dice::Dice;
use crate::conformance::executor::{eventually, run};
use crate::{ErrorKind, Seq, Store, StreamId, StreamState, StreamWriter};

const DIRECTORY: &str = "CHECKPOINT_STORE_VICTIM";

/// Rounds between two short streams.
const SHORT_EVERY: u64 = 3;

/// The longest time between a promise and the kill.
const LINGER_MICROS: usize = 6000;

/// A process that is to be killed.
#[derive(Debug)]
pub struct Victim(Child);

impl Victim {
    /// Starts this binary with nothing but `test` to run, as a victim in `directory`; `arm` adds
    /// what else the process needs.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start(test: &str, directory: &Path, arm: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this binary"));
        let name = test.split_once("::").map_or(test, |(_, name)| name);
        command.args(["--exact", name, "--nocapture"]).env(DIRECTORY, directory);
        command.stdout(Stdio::null());
        arm(&mut command);
        Self(command.spawn().expect("the victim starts"))
    }

    /// Kills it once `rounds` more rounds are acknowledged, at some moment of the next one.
    ///
    /// # Panics
    ///
    /// When it ends by itself, or makes no progress.
    pub fn kill_after(mut self, ledger: &Ledger, rounds: u64, dice: &mut Dice) {
        let goal = ledger.rounds() + rounds;
        eventually("the victim acknowledges", || {
            let ended = self.0.try_wait().expect("it is a child");
            assert!(ended.is_none(), "the victim ended by itself: {ended:?}");
            (ledger.rounds() >= goal).then_some(())
        });
        let moment = Instant::now() + Duration::from_micros(dice.below(LINGER_MICROS) as u64);
        while Instant::now() < moment {
            std::hint::spin_loop();
        }
        self.0.kill().expect("it was running");
        self.0.wait().expect("it was killed");
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // It may be gone already; a failed test must not leave it behind.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The directory in which this process is the victim; `None` when it is not.
pub fn victim_directory() -> Option<PathBuf> {
    std::env::var_os(DIRECTORY).map(PathBuf::from)
}

/// Appends until it is killed.
///
/// # Panics
///
/// When the store refuses something, or gives an epoch that is not above the last one.
pub fn append_until_killed(store: &Store, ledger: &Ledger) -> ! {
    let mut writers: Vec<StreamWriter> =
        (0..STREAMS).map(|stream| open_long(store, ledger, stream)).collect();
    let mut dice = Dice::new(ledger.rounds());
    loop {
        let round = ledger.rounds() + 1;
        for (stream, writer) in (0..).zip(&mut writers) {
            append(writer, ledger, stream, 1 + dice.below(9) as u32);
        }
        for (stream, writer) in (0..).zip(&mut writers) {
            let last = writer.last().expect("it appended");
            run(writer.durable_at_least(last)).expect("durable");
            ledger.note(Slot::Acknowledged(stream), last.value());
        }
        if round.is_multiple_of(SHORT_EVERY) {
            live_a_short_life(store, ledger);
        }
        ledger.note_round(round);
    }
}

/// A writer of the stream of the victim before this one, or of a new one; `None` when it is closed.
fn open(store: &Store, id: &StreamId) -> Option<StreamWriter> {
    let writer = match run(store.info(id)) {
        Ok(info) if info.state == StreamState::Closed => return None,
        Ok(info) => run(store.take_over(id, info.epoch)),
        Err(error) if error.kind() == ErrorKind::NotFound => run(store.create(id)),
        Err(error) => Err(error),
    };
    Some(writer.expect("the stream opens"))
}

fn open_long(store: &Store, ledger: &Ledger, stream: u64) -> StreamWriter {
    let writer = open(store, &id(stream)).expect("nobody closes it");
    let (before, now) = (ledger.number(Slot::Epoch(stream)), writer.epoch().value());
    assert!(now > before, "epoch {now} after epoch {before}");
    ledger.note(Slot::Epoch(stream), now);
    writer
}

fn append(writer: &mut StreamWriter, ledger: &Ledger, stream: u64, records: u32) {
    let first = Seq::after(writer.last());
    let last = first.plus(records).previous().expect("one record or more");
    ledger.note(Slot::Attempted(stream), last.value());
    while writer.last() < Some(last) {
        let seq = Seq::after(writer.last());
        writer.append(&[&record(stream, seq)]).expect("appended");
    }
}

/// One stream from its creation to its close, and the removal of an earlier one.
fn live_a_short_life(store: &Store, ledger: &Ledger) {
    let number = ledger.number(Slot::Closed) + 1;
    ledger.note(Slot::Begun, number);
    if let Some(mut writer) = open(store, &short_id(number)) {
        while writer.last() < Seq::new(SHORT_RECORDS) {
            let seq = Seq::after(writer.last());
            writer.append(&[&record(number, seq)]).expect("appended");
        }
        run(writer.close()).expect("closed");
    }
    ledger.note(Slot::Closed, number);
    let next = ledger.number(Slot::Deleted) + 1;
    if number > next + 1 {
        match run(store.delete(&short_id(next))) {
            Ok(()) => {}
            // The victim before this one died between the removal and its note.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => panic!("not deleted: {error}"),
        }
        ledger.note(Slot::Deleted, next);
    }
}
