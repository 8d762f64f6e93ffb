//! What one process measures, and what it says of it. Both are a line of words.

use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::load::{Load, Pace};
use super::memory::resident_bytes;
use super::server::DELTA;
use super::{ENTRIES, Receive, Run};

/// Part of a load that is received first, so that no first time is measured.
const WARM_UP: u32 = 10;

/// Between two looks at memory, of which the last two have to agree.
const LOOK: Duration = Duration::from_millis(500);

/// Looks at most.
const LOOKS: u32 = 60;

/// Streams that are opened at a time, and the time for it: what it takes to open one is not what an open
/// one takes.
const OPENED: u32 = 50;
const OPENING: Duration = Duration::from_millis(25);

/// One measurement of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Index in [`ENTRIES`].
    pub entry: usize,
    /// What each response is.
    pub load: Load,
    /// Responses at a time.
    pub streams: u32,
    /// How often, one after the other.
    pub repeats: u32,
}

/// What the measured process took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Text deltas received.
    pub events: u64,
    /// Time on all processors.
    pub cpu: Duration,
    /// Time on the wall.
    pub wall: Duration,
    /// Memory that came to be resident.
    pub memory: u64,
}

impl Spec {
    /// The words of a command line.
    pub fn words(&self) -> [String; 4] {
        let Self { entry, load, streams, repeats } = self;
        [entry.to_string(), load.model(), streams.to_string(), repeats.to_string()]
    }

    /// Reads the words of a command line.
    pub fn parse(words: &[String]) -> Option<Self> {
        let [entry, load, streams, repeats] = words else { return None };
        Some(Self {
            entry: entry.parse().ok().filter(|entry| *entry < ENTRIES.len())?,
            load: Load::of_model(load)?,
            streams: streams.parse().ok()?,
            repeats: repeats.parse().ok()?,
        })
    }

    /// A short load of the same kind.
    pub(super) fn warm_up(&self) -> Load {
        Load { events: self.load.events.div_ceil(WARM_UP), pace: Pace::Firehose }
    }

    /// Measures it in this process.
    ///
    /// # Errors
    ///
    /// When a response does not come, or is not whole.
    pub fn measure(&self, url: &str) -> Result<Measured, String> {
        let Run::Rust(open) = ENTRIES[self.entry].run else {
            return Err("an SDK is measured by its script".to_owned());
        };
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        runtime.block_on(async {
            let client = open(url);
            receive_all(&*client, self.warm_up(), 1).await?;
            if self.load.pace == Pace::Held {
                return self.hold(&*client).await;
            }
            let (cpu, wall) = (ProcessTime::now(), Instant::now());
            for _ in 0..self.repeats {
                receive_all(&*client, self.load, self.streams).await?;
            }
            Ok(Measured {
                events: self.events(),
                cpu: cpu.elapsed(),
                wall: wall.elapsed(),
                memory: 0,
            })
        })
    }

    /// Opens streams that do not end, and waits until nothing more comes.
    async fn hold(&self, client: &dyn Receive) -> Result<Measured, String> {
        let no_answer = || "the system does not say what is in memory".to_owned();
        let before = resident_bytes().ok_or_else(no_answer)?;
        let mut streams = JoinSet::new();
        for _ in 0..self.streams.div_ceil(OPENED) {
            let more = OPENED.min(self.streams - streams.len() as u32);
            (0..more).for_each(|_| drop(streams.spawn(client.receive(&self.load.model()))));
            sleep(OPENING).await;
        }
        let mut last = before;
        for _ in 0..LOOKS {
            if let Ok(Some(ended)) = timeout(LOOK, streams.join_next()).await {
                return Err(format!("a held response ended: {ended:?}"));
            }
            let now = resident_bytes().ok_or_else(no_answer)?;
            if now == last && now > before {
                break;
            }
            last = now;
        }
        let memory = last.saturating_sub(before);
        Ok(Measured { events: self.events(), memory, ..Measured::default() })
    }

    pub(super) fn events(&self) -> u64 {
        u64::from(self.load.events) * u64::from(self.streams) * u64::from(self.repeats)
    }
}

/// Receives so many responses at a time, each in a task of its own as programs do, and sees that each
/// is whole.
async fn receive_all(client: &dyn Receive, load: Load, streams: u32) -> Result<(), String> {
    let mut streams = open(client, load, streams);
    while let Some(received) = streams.join_next().await {
        let text = received.map_err(|error| error.to_string())??;
        let whole = u64::from(load.events) * DELTA.len() as u64;
        if text != whole {
            return Err(format!("{text} bytes of text instead of {whole}"));
        }
    }
    Ok(())
}

fn open(client: &dyn Receive, load: Load, streams: u32) -> JoinSet<Result<u64, String>> {
    (0..streams).map(|_| client.receive(&load.model())).collect()
}

impl Measured {
    /// The line of an answer.
    pub fn line(&self) -> String {
        let Self { events, cpu, wall, memory } = self;
        format!("{events} {} {} {memory}", cpu.as_nanos(), wall.as_nanos())
    }

    /// Reads the line of an answer.
    pub fn parse(line: &str) -> Option<Self> {
        let numbers: Vec<u64> = line.split(' ').map_while(|word| word.parse().ok()).collect();
        let &[events, cpu, wall, memory] = &numbers[..] else { return None };
        let nanos = Duration::from_nanos;
        Some(Self { events, cpu: nanos(cpu), wall: nanos(wall), memory })
    }

    /// Nanoseconds on a processor for an event.
    pub fn cpu_per_event(&self) -> f64 {
        self.cpu.as_nanos() as f64 / self.events as f64
    }
}

#[cfg(test)]
mod tests {
    use super::{Load, Measured, Pace, Spec};
    use std::time::Duration;

    #[test]
    fn words_and_lines_are_read_as_they_were_written() {
        let load = Load { events: 40, pace: Pace::Every(20) };
        let spec = Spec { entry: 1, load, streams: 3, repeats: 2 };
        assert_eq!(Spec::parse(&spec.words()), Some(spec));
        assert_eq!(Spec::parse(&spec.words()[1..]), None);
        assert_eq!(Spec::parse(&Spec { entry: 99, ..spec }.words()), None);
        let nanos = Duration::from_nanos;
        let measured = Measured { events: 1, cpu: nanos(2), wall: nanos(3), memory: 4 };
        assert_eq!(Measured::parse(&measured.line()), Some(measured));
        assert_eq!(Measured::parse("1 2 3"), None);
    }
}
