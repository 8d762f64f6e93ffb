//! How many streams are written how fast, and for how long.

use std::time::Duration;

/// Bytes of pages that a database may keep in memory: what our store gives to its own.
pub(super) const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// A load on a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Streams that are written at the same time.
    pub streams: u32,
    /// How fast each of them is written.
    pub pace: Pace,
}

/// How fast records come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// So many for each stream, as from a model.
    PerSecond(u32),
    /// The next one as soon as there is room.
    Flood,
}

/// Every load, in the order of the tables.
pub const LOADS: [Load; 6] = [
    Load { streams: 1, pace: Pace::PerSecond(80) },
    Load { streams: 64, pace: Pace::PerSecond(80) },
    Load { streams: 1024, pace: Pace::PerSecond(50) },
    Load { streams: 1, pace: Pace::Flood },
    Load { streams: 64, pace: Pace::Flood },
    Load { streams: 1024, pace: Pace::Flood },
];

impl Load {
    /// The load with no more streams than the effort allows.
    #[must_use]
    pub fn within(&self, effort: &Effort) -> Self {
        Self { streams: self.streams.min(effort.streams_max), pace: self.pace }
    }

    /// The load in words.
    pub fn name(&self) -> String {
        let streams = if self.streams == 1 { "stream" } else { "streams" };
        match self.pace {
            Pace::PerSecond(rate) => format!("{} {streams}, {rate}/s each", self.streams),
            Pace::Flood => format!("{} {streams}, as fast as it goes", self.streams),
        }
    }
}

/// How much of a load.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How long records come at their pace.
    pub run_for: Duration,
    /// How many records come as fast as they can, over all streams.
    pub flood_records: u64,
    /// How many of those each stream gets at least.
    pub flood_stream_records: u64,
    /// The most streams that are written.
    pub streams_max: u32,
    /// How often 1,000 records are read.
    pub reads: usize,
}

impl Effort {
    /// Enough to trust the ratios.
    pub const FULL: Self = Self {
        run_for: Duration::from_secs(20),
        flood_records: 300_000,
        flood_stream_records: 1000,
        streams_max: u32::MAX,
        reads: 50,
    };

    /// Enough to see that every entry keeps what it acknowledges.
    pub const SMOKE: Self = Self {
        run_for: Duration::from_millis(200),
        flood_records: 5000,
        flood_stream_records: 1,
        streams_max: 128,
        reads: 1,
    };
}

#[cfg(test)]
mod tests {
    use super::{Effort, LOADS};

    #[test]
    fn names_say_how_many_and_how_fast() {
        assert_eq!(LOADS[0].name(), "1 stream, 80/s each");
        let flood = LOADS[5].within(&Effort::SMOKE);
        assert_eq!(flood.name(), "128 streams, as fast as it goes");
    }
}
