//! Puts a load on one entry and takes its times: acknowledgements while it runs, then bytes on
//! disk, reopening, and reading. Every record is compared with what was appended.

use std::collections::VecDeque;
use std::fs;
use std::hint::black_box;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::journal::{Journal, Reader, text};
use super::load::{Effort, Load, Pace};
use super::record::{Record, record};

/// Between two looks at what is durable, for every entry alike.
const TICK: Duration = Duration::from_millis(1);

/// Records that are on their way at most, of one stream and of all, when they come as fast as they
/// can.
const FLOOD_STREAM: u64 = 8 * 1024;
const FLOOD_STORE: u64 = 64 * 1024;

/// Records that are read back, from the end of one stream.
const READ: u64 = 1000;

/// What an entry needed.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Records that were appended and are there.
    pub records: u64,
    /// Records per second, until the last one was acknowledged.
    pub rate: f64,
    /// From the append to the acknowledgement, half of the records at most.
    pub ack_p50: Duration,
    /// The same, 99 of 100.
    pub ack_p99: Duration,
    /// Bytes on disk per byte of record, everything acknowledged and nothing closed.
    pub disk: f64,
    /// The same after everything was closed and let go.
    pub disk_closed: f64,
    /// Opening what was let go and reading one record.
    pub reopen: Duration,
    /// Reading the last 1,000 records of a stream, or all that it has; the median.
    pub read: Duration,
}

pub(super) fn measure<J: Journal>(load: &Load, effort: &Effort) -> Result<Measured, String> {
    let load = load.within(effort);
    let directory = tempfile::tempdir().map_err(text)?;
    let path = directory.path();
    let mut run = Run::new(J::create(path, load.streams)?, load);
    let time = run.drive(effort)?;
    let Run { journal, mut acks, lasts, .. } = run;
    let payload = acks.len() as f64 * size_of::<Record>() as f64;
    let disk = bytes_under(path)? as f64 / payload;
    journal.close()?;
    let disk_closed = bytes_under(path)? as f64 / payload;

    let begun = Instant::now();
    let reader = J::Reader::open(path)?;
    reader.read(0, lasts[0] - 1, &mut |record| assert!(!record.is_empty()))?;
    let reopen = begun.elapsed();
    verify(&reader, &lasts)?;
    acks.sort_unstable();
    Ok(Measured {
        records: acks.len() as u64,
        rate: acks.len() as f64 / time.as_secs_f64(),
        ack_p50: acks[acks.len() / 2],
        ack_p99: acks[acks.len() * 99 / 100],
        disk,
        disk_closed,
        reopen,
        read: time_reads(&reader, lasts[0], effort.reads)?,
    })
}

/// A load on its way.
struct Run<J> {
    journal: J,
    load: Load,
    /// When the records that are not acknowledged were appended, of each stream.
    waiting: Vec<VecDeque<Instant>>,
    /// The last position of each stream.
    lasts: Vec<u64>,
    acks: Vec<Duration>,
}

impl<J: Journal> Run<J> {
    fn new(journal: J, load: Load) -> Self {
        let streams = load.streams as usize;
        let (waiting, lasts) = (vec![VecDeque::new(); streams], vec![0; streams]);
        Self { journal, load, waiting, lasts, acks: Vec::new() }
    }

    /// Appends to the streams in turn until the effort is made and everything is acknowledged, and
    /// says how long that took.
    fn drive(&mut self, effort: &Effort) -> Result<Duration, String> {
        let start = Instant::now();
        let mut sent = 0;
        loop {
            let now = start.elapsed();
            let (due, is_over) = self.due(now, effort);
            while sent < due {
                self.append((sent % u64::from(self.load.streams)) as u32)?;
                sent += 1;
            }
            self.take_acknowledgements()?;
            if is_over && self.acks.len() as u64 == sent {
                return Ok(start.elapsed());
            }
            sleep(TICK);
        }
    }

    /// How many records should be on their way by now, and whether that is all.
    fn due(&self, now: Duration, effort: &Effort) -> (u64, bool) {
        let streams = u64::from(self.load.streams);
        match self.load.pace {
            Pace::PerSecond(rate) => {
                let seconds = now.min(effort.run_for).as_secs_f64();
                let due = seconds * streams as f64 * f64::from(rate);
                (due as u64, now >= effort.run_for)
            }
            Pace::Flood => {
                let room = FLOOD_STORE.min(FLOOD_STREAM * streams);
                let all = effort.flood_records.max(effort.flood_stream_records * streams);
                let due = (self.acks.len() as u64 + room).min(all);
                (due, due == all)
            }
        }
    }

    fn append(&mut self, stream: u32) -> Result<(), String> {
        let last = &mut self.lasts[stream as usize];
        *last += 1;
        let record = record(stream, *last);
        // Before the append, which may have to wait for the committer's lock.
        self.waiting[stream as usize].push_back(Instant::now());
        self.journal.append(stream, &record)
    }

    fn take_acknowledgements(&mut self) -> Result<(), String> {
        for ((stream, waiting), last) in (0..).zip(&mut self.waiting).zip(&self.lasts) {
            let durable = self.journal.durable(stream)?;
            while last - waiting.len() as u64 != durable {
                let appended = waiting.pop_front();
                self.acks.push(appended.ok_or("more durable than appended")?.elapsed());
            }
        }
        Ok(())
    }
}

/// Reads everything.
fn verify<R: Reader>(reader: &R, lasts: &[u64]) -> Result<(), String> {
    for (stream, last) in (0..).zip(lasts) {
        let (mut seq, mut wrong) = (0, None);
        reader.read(stream, 0, &mut |found| {
            seq += 1;
            if found != record(stream, seq) {
                wrong.get_or_insert(seq);
            }
        })?;
        if wrong.is_some() || seq != *last {
            return Err(format!("stream {stream}: {seq} of {last} records, wrong at {wrong:?}"));
        }
    }
    Ok(())
}

fn time_reads<R: Reader>(reader: &R, last: u64, reads: usize) -> Result<Duration, String> {
    let wanted = last.min(READ);
    let mut times = Vec::new();
    for _ in 0..reads {
        let begun = Instant::now();
        let (mut count, mut bytes) = (0, 0);
        reader.read(0, last - wanted, &mut |record| {
            count += 1;
            bytes += black_box(record).len();
        })?;
        times.push(begun.elapsed());
        if (count, bytes) != (wanted, wanted as usize * size_of::<Record>()) {
            return Err(format!("read {count} records of {bytes} bytes, not {wanted}"));
        }
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

/// What the files take of the disk: a file that was only made longer takes nothing yet.
fn bytes_under(path: &Path) -> Result<u64, String> {
    let mut bytes = 0;
    for entry in fs::read_dir(path).map_err(text)? {
        let entry = entry.map_err(text)?;
        bytes += match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_under(&entry.path())?,
            Ok(metadata) => metadata.blocks() * 512,
            // Some files are replaced in the background.
            Err(_) => 0,
        };
    }
    Ok(bytes)
}
