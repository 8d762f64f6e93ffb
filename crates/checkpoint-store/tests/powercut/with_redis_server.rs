//! The machine of a Redis server: what it acknowledged with `appendfsync always` is there after the
//! power was cut, and with `everysec` it is not, which is why that is another level.

use std::path::Path;

use checkpoint_store::conformance::Dice;
use checkpoint_store::conformance::crash::{
    Ledger, Victim, append_until_killed, store, trials, victim_directory,
};
use checkpoint_store::{RedisBackend, RedisOptions};

use crate::ROUNDS_MAX;
use crate::machine::{Machine, Unsynced};
use crate::server::Server;

fn connect(url: &str) -> RedisBackend {
    RedisBackend::connect(url, RedisOptions::default()).expect("connected")
}

/// Cuts the power of the server of a victim; whether what it acknowledged is there.
fn cut(
    test: &str,
    machine: &Machine,
    ledger: &Ledger,
    policy: &str,
    trial: u32,
) -> Result<(), String> {
    let mut dice = Dice::new(u64::from(trial));
    machine.power_on();
    let settings = ["--appendonly", "yes", "--appendfsync", policy];
    let mut server = Server::start(&machine.files(), &settings, |command| machine.arm(command));
    let victim = Victim::start(test, machine.path(), |_| ());
    victim.kill_after(ledger, 1 + dice.below(ROUNDS_MAX) as u64, &mut dice);
    server.kill();
    machine.cut(Unsynced::Lost, &mut dice);
    let server = Server::appending(&machine.files(), "always");
    ledger.verify(&store(connect(&server.url())))
}

fn be_the_victim(directory: &Path) -> ! {
    let url = format!("redis+unix://{}", directory.join("files/redis.sock").display());
    append_until_killed(&store(connect(&url)), &Ledger::open(directory));
}

#[test]
fn nothing_acknowledged_by_redis_that_always_syncs_is_lost() {
    if let Some(directory) = victim_directory() {
        be_the_victim(&directory);
    }
    let test = concat!(module_path!(), "::nothing_acknowledged_by_redis_that_always_syncs_is_lost");
    let machine = Machine::new();
    let ledger = Ledger::create(machine.path());
    for trial in 1..=trials() {
        let found = cut(test, &machine, &ledger, "always", trial);
        found.unwrap_or_else(|loss| panic!("trial {trial}: {loss}"));
    }
}

#[test]
fn redis_that_syncs_every_second_loses_what_it_acknowledged() {
    if let Some(directory) = victim_directory() {
        be_the_victim(&directory);
    }
    let test =
        concat!(module_path!(), "::redis_that_syncs_every_second_loses_what_it_acknowledged");
    let machine = Machine::new();
    let ledger = Ledger::create(machine.path());
    assert!(cut(test, &machine, &ledger, "everysec", 1).is_err());
}
