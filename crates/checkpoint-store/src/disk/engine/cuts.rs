//! The power is cut at every commit of a life of two streams, once before it and once after it.
//! What is there afterwards is what was there before the call, or what the call made of it.

use std::sync::Arc;

use super::super::fake::{Cut, Disk, Fake};
use super::{Engine, Watch};
use crate::chunk::{Chunk, Ending};
use crate::expiry::{Clock, Timestamp, Ttl};
use crate::{Head, Holder, Seq, StoreError, StreamId, Takeover};

/// The hour at which the script runs, and a later one at which the second stream has expired.
const NOW: u64 = 1000;
const LATER: u64 = 5000;

/// One call of the script.
#[derive(Clone, Copy, Debug)]
enum Call {
    Create(&'static str, Option<u64>),
    Recover(&'static str),
    Append(&'static str, usize, usize),
    Close(&'static str),
    Extend(&'static str, u64),
    Compact(&'static str),
    Delete(&'static str),
    Sweep,
}

/// Small commits that stay in the tail, that turn into chunks, and that are chunks at once.
const SCRIPT: &[Call] = &[
    Call::Create("a", None),
    Call::Append("a", 3, 40),
    Call::Create("b", Some(3000)),
    Call::Append("a", 20, 40),
    Call::Append("b", 2, 100),
    Call::Append("a", 2, 9000),
    Call::Recover("a"),
    Call::Append("a", 1, 10),
    Call::Append("a", 1, 1020),
    Call::Extend("b", 4000),
    Call::Append("a", 2, 5),
    Call::Close("a"),
    Call::Compact("a"),
    Call::Delete("a"),
    Call::Create("a", None),
    Call::Append("a", 1, 7),
    Call::Sweep,
];

/// Everything that a reader can see.
type View = Vec<(String, u64, u64, Vec<Vec<u8>>, Option<Vec<u8>>)>;

fn engine(disk: &Disk, cut: Option<Cut>, now: u64) -> Result<Engine, StoreError> {
    let clock = Clock::new(move || Timestamp::from_millis(now));
    Engine::new(Box::new(Fake::new(disk, cut)), clock, Arc::new(Watch::default()))
}

fn id(name: &str) -> StreamId {
    StreamId::new(name).unwrap()
}

fn append(
    engine: &mut Engine,
    head: &Head,
    run: (usize, usize),
    ending: Ending,
) -> Result<(), StoreError> {
    let records: Vec<Vec<u8>> =
        (0..run.0).map(|at| vec![(head.next.value() as usize + at) as u8; run.1]).collect();
    let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
    let chunk = Chunk::new(head.stream, head.epoch, head.next, &records, ending);
    engine.commit(&[chunk]).map(drop)
}

impl Call {
    fn make(self, disk: &Disk, engine: &mut Engine, cut: Option<Cut>) -> Result<(), StoreError> {
        let holder = Holder::new("script");
        match self {
            Self::Create(name, ttl) => {
                let ttl = ttl.map(|at| Ttl::Until(Timestamp::from_millis(at)));
                engine.create(&id(name), &holder, ttl).map(drop)
            }
            Self::Recover(name) => {
                let over = Takeover::Over(engine.head_of(&id(name))?.epoch);
                engine.recover(&id(name), &holder, over).map(drop)
            }
            Self::Append(name, records, len) => {
                let head = engine.head_of(&id(name))?;
                append(engine, &head, (records, len), Ending::Open)
            }
            Self::Close(name) => {
                let head = engine.head_of(&id(name))?;
                append(engine, &head, (1, 3), Ending::Close)
            }
            Self::Extend(name, until) => {
                engine.extend(&id(name), Ttl::Until(Timestamp::from_millis(until)))
            }
            Self::Compact(name) => engine.compact(&id(name), &[b's'; 10_000]),
            Self::Delete(name) => engine.delete(&id(name)),
            Self::Sweep => self::engine(disk, cut, LATER)?.sweep(10).map(drop),
        }
    }
}

fn view(disk: &Disk) -> View {
    let engine = engine(disk, None, NOW).unwrap();
    let streams = engine.list(None, 10).unwrap().streams;
    let seen = streams.into_iter().map(|info| {
        let mut records = Vec::new();
        let mut after = info.first.previous();
        while Seq::after(after) <= info.last.map_or(Seq::FIRST, Seq::next) && after < info.last {
            let page = engine.read(&info.id, after, 1000).unwrap();
            after = page.last();
            records.extend(page.records().map(|record| record.bytes.to_vec()));
        }
        let expires = info.expires.map_or(0, Timestamp::millis);
        let snapshot = engine.snapshot(&info.id).unwrap();
        (info.id.as_str().to_owned(), info.epoch.value(), expires, records, snapshot)
    });
    seen.collect()
}

/// The views after each call, until one fails.
fn run(disk: &Disk, cut: Option<Cut>) -> (Vec<View>, Option<usize>) {
    let mut views = Vec::new();
    let Ok(mut engine) = engine(disk, cut, NOW) else { return (views, Some(0)) };
    for (number, call) in SCRIPT.iter().enumerate() {
        if call.make(disk, &mut engine, cut).is_err() {
            return (views, Some(number));
        }
        views.push(view(disk));
    }
    (views, None)
}

#[test]
fn a_power_cut_leaves_a_call_done_or_undone() {
    let (views, failed) = run(&Disk::default(), None);
    assert_eq!((views.len(), failed), (SCRIPT.len(), None));
    assert_eq!(views[11][0].3.len(), 30, "every record of the first stream");
    // The first commit writes the format.
    for number in 1..SCRIPT.len() {
        for cut in [Cut::Before(number), Cut::After(number)] {
            let disk = Disk::default();
            let (_, failed) = run(&disk, Some(cut));
            let failed = failed.unwrap_or_else(|| panic!("{cut:?} cut nothing"));
            let done = match cut {
                Cut::Before(_) => failed.checked_sub(1),
                Cut::After(_) => Some(failed),
            };
            let expected = done.map(|call| views[call].clone()).unwrap_or_default();
            assert_eq!(view(&disk), expected, "{cut:?} in {:?}", SCRIPT[failed]);
        }
    }
}
