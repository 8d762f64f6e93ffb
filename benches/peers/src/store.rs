//! Durable streams on disk: ours beside databases and a plain file, under one load and with one
//! window for group commits. Each entry keeps its streams in the form that suits it best.

mod fjall;
mod floor;
mod group;
mod journal;
mod load;
mod measure;
mod ours;
mod record;
mod redb;
mod report;
mod sqlite;

pub use self::load::{Effort, LOADS, Load, Pace};
pub use self::measure::Measured;
pub use self::report::table;

use self::group::Grouped;
use self::measure::measure;

/// A row of each table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Name and version.
    pub name: &'static str,
    /// What it is compared as.
    pub role: Role,
    measure: fn(&Load, &Effort) -> Result<Measured, String>,
}

/// What an entry is compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Our store.
    Ours,
    /// A database that is used without us.
    Peer,
    /// One file that is only ever appended to.
    Floor,
}

/// Every entry, in the order of the tables.
pub const ENTRIES: &[Entry] = &[
    Entry { name: "ours, sled", role: Role::Ours, measure: measure::<ours::Sled> },
    Entry { name: "ours, redb", role: Role::Ours, measure: measure::<ours::Redb> },
    Entry { name: "redb 4.6.0", role: Role::Peer, measure: measure::<Grouped<redb::Tree>> },
    Entry { name: "fjall 3.1.13", role: Role::Peer, measure: measure::<Grouped<fjall::Tree>> },
    Entry { name: "SQLite 3.54.1", role: Role::Peer, measure: measure::<Grouped<sqlite::Rows>> },
    Entry { name: "floor: one file", role: Role::Floor, measure: measure::<Grouped<floor::Log>> },
];

impl Entry {
    /// Puts the load on a new store and takes its times.
    ///
    /// # Errors
    ///
    /// The entry's own, or that a record was not there afterwards.
    pub fn measure(&self, load: &Load, effort: &Effort) -> Result<Measured, String> {
        (self.measure)(load, effort)
    }
}

#[cfg(test)]
mod tests {
    use super::{ENTRIES, Effort, Load, Pace};

    #[test]
    fn every_entry_keeps_every_record_at_every_pace() {
        for pace in [Pace::PerSecond(100), Pace::Flood] {
            let load = Load { streams: 3, pace };
            for entry in ENTRIES {
                let measured = entry.measure(&load, &Effort::SMOKE);
                let measured = measured.unwrap_or_else(|error| panic!("{}: {error}", entry.name));
                assert!(measured.records > 0 && measured.disk_closed > 1.0, "{}", entry.name);
            }
        }
    }
}
