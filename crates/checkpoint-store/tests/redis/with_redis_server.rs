//! Every rule of the contract, and writers that are killed.

mod backends;
mod outages;
mod pressure;
mod servers;
mod settings;
mod sharing;

use std::path::Path;
use std::time::Duration;

use checkpoint_store::conformance::crash::{
    Directory, Ledger, Victim, append_until_killed, store, trials, victim_directory,
};
use checkpoint_store::conformance::{Dice, Subject};
use checkpoint_store::{RedisBackend, RedisOptions, conformance};

use crate::server::Server;

/// Short, so that a test can outlive it.
const LEASE: Duration = Duration::from_millis(400);

fn options() -> RedisOptions {
    RedisOptions { lease: LEASE, ..RedisOptions::default() }
}

fn connect(url: &str) -> RedisBackend {
    RedisBackend::connect(url, options()).expect("connected")
}

conformance!(mod on_redis, || {
    let directory = Directory::new();
    let server = Server::appending(directory.path(), "everysec");
    let url = server.url();
    Subject::reopening(move || connect(&url)).keeping(server).keeping(directory)
});

/// Acknowledged rounds after which a victim may be killed.
const ROUNDS_MAX: usize = 12;

fn connect_in(directory: &Path) -> RedisBackend {
    connect(&format!("redis+unix://{}", directory.join("redis.sock").display()))
}

#[test]
fn nothing_acknowledged_is_lost_when_writers_are_killed() {
    let test = concat!(module_path!(), "::nothing_acknowledged_is_lost_when_writers_are_killed");
    if let Some(directory) = victim_directory() {
        append_until_killed(&store(connect_in(&directory)), &Ledger::open(&directory));
    }
    let directory = Directory::new();
    let _server = Server::appending(directory.path(), "everysec");
    let ledger = Ledger::create(directory.path());
    for trial in 1..=trials() {
        let mut dice = Dice::new(u64::from(trial));
        let victim = Victim::start(test, directory.path(), |_| ());
        victim.kill_after(&ledger, 1 + dice.below(ROUNDS_MAX) as u64, &mut dice);
        let found = ledger.verify(&store(connect_in(directory.path())));
        found.unwrap_or_else(|loss| panic!("trial {trial}: {loss}"));
    }
}
