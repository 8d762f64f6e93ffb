//! The model test: a long run of random calls, each compared with an ordered map that knows what
//! it must answer, over several generations of the store. A failure prints the seed that repeats
//! it.

mod oracle;

use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use self::oracle::{Hold, Oracle};
use super::dice::{Dice, fresh_seed, number_of};
use super::executor::eventually;
use super::probe::id;
use super::{SEED, Subject, rounds, run};
use crate::{Applied, Chunk, Ending, ErrorKind, Head, Seq, Takeover, Ttl};

/// Calls between two reopenings.
const CALLS: usize = 40;

/// Reopenings per seed.
const GENERATIONS: usize = 3;

/// After this long no further seed is begun, for every hundred rounds.
const BUDGET: Duration = Duration::from_secs(3);

#[doc(hidden)]
pub fn random_calls_agree_with_an_ordered_map(subject: &mut Subject) {
    if let Some(seed) = number_of(SEED) {
        return Trial::new(seed, subject).run();
    }
    let started = Instant::now();
    let fixed = 1..u64::from(rounds() / 5);
    for seed in fixed.chain([fresh_seed()]) {
        Trial::new(seed, subject).run();
        if started.elapsed() > BUDGET * rounds().div_ceil(100) {
            return;
        }
    }
}

struct Trial<'a> {
    seed: u64,
    dice: Dice,
    subject: &'a mut Subject,
    oracle: Oracle,
    /// Every writer that there ever was, dead or alive.
    writers: Vec<Writer>,
    step: usize,
}

#[derive(Clone, Debug)]
struct Writer {
    name: String,
    head: Head,
    /// Its last commit.
    sent: Option<Chunk>,
}

impl<'a> Trial<'a> {
    fn new(seed: u64, subject: &'a mut Subject) -> Self {
        let dice = Dice::new(seed);
        Self { seed, dice, subject, oracle: Oracle::default(), writers: Vec::new(), step: 0 }
    }

    fn run(mut self) {
        for _ in 0..GENERATIONS {
            for _ in 0..CALLS {
                self.step += 1;
                self.call();
            }
            self.verify();
            if self.subject.can_reopen() {
                self.subject.reopen();
                let lease = self.subject.backend().caps().lease;
                self.oracle.reopened(lease.is_some());
                self.verify();
            }
        }
        for name in self.oracle.names() {
            self.subject.delete(&name);
        }
    }

    fn call(&mut self) {
        let name = format!("m{}-{}", self.seed, self.dice.below(5));
        match self.dice.below(100) {
            0..12 => self.create(&name),
            12..22 => self.recover(&name),
            22..50 => self.commit(),
            50..56 => self.commit_dropped(),
            56..62 => self.commit_batch(),
            62..74 => self.read(&name),
            74..79 => self.compact(&name),
            79..82 => self.extend(&name),
            82..88 => self.delete(&name),
            88..93 => self.release(),
            93..97 => self.pass(),
            _ => self.verify(),
        }
    }

    fn create(&mut self, name: &str) {
        let ttl = (self.subject.has_clock() && self.dice.percent(40)).then(|| self.ttl());
        let found = self.subject.try_create(name, ttl);
        let now = self.subject.now();
        match self.oracle.create(name, ttl, now) {
            None => assert_eq!(found.expect_err("it exists").kind(), ErrorKind::Exists),
            Some(above) => {
                let head = found.expect("created");
                assert!(head.epoch > above, "{} is above {above}", head.epoch);
                assert_eq!((head.first, head.next), (Seq::FIRST, Seq::FIRST));
                assert!(self.writers.iter().all(|writer| writer.head.stream != head.stream));
                self.oracle.created(name, &head);
                self.writers.push(Writer { name: name.to_owned(), head, sent: None });
            }
        }
    }

    fn recover(&mut self, name: &str) {
        let current = self.oracle.epoch(name);
        let takeover = match self.dice.below(4) {
            0 => Takeover::IfFree,
            1 => Takeover::Over(current.next()),
            _ => Takeover::Over(current),
        };
        if takeover != Takeover::Over(current) && self.oracle.hold(name) == Some(Hold::Unknown) {
            return;
        }
        let found = self.subject.recover(name, takeover);
        match self.oracle.recover(name, takeover, self.subject.now()) {
            Ok((epoch, next)) => {
                let head = found.expect("recovered");
                assert_eq!((head.epoch, head.next), (epoch, next));
                self.writers.push(Writer { name: name.to_owned(), head, sent: None });
            }
            Err(ErrorKind::Held { epoch, .. }) => {
                let kind = found.expect_err("held").kind();
                assert!(matches!(kind, ErrorKind::Held { epoch: by, .. } if by == epoch));
            }
            Err(expected) => assert_eq!(found.expect_err("refused").kind(), expected),
        }
    }

    /// A commit of some writer, nearly always a possible one.
    fn chunk(&mut self) -> Option<(usize, Chunk)> {
        let newest = self.writers.len().checked_sub(1)?;
        let writer = match self.dice.percent(70) {
            true => newest - self.dice.below(self.writers.len().min(4)),
            false => self.dice.below(self.writers.len()),
        };
        let Writer { name, head, sent } = self.writers[writer].clone();
        if let Some(sent) = sent.filter(|_| self.dice.percent(15)) {
            return Some((writer, sent));
        }
        let next = self.oracle.next(&name).max(head.next);
        let first = match self.dice.below(20) {
            0 => next.next(),
            1 => next.previous().map_or(next, |before| before.max(head.next)),
            _ => next,
        };
        let ending = if self.dice.percent(12) { Ending::Close } else { Ending::Open };
        // Without records a run only closes; before the end it must reach over it.
        let least = usize::from(ending == Ending::Open) + usize::from(first < next);
        let records: Vec<Vec<u8>> =
            (0..least + self.dice.below(4)).map(|_| self.record()).collect();
        let borrowed: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        Some((writer, Chunk::new(head.stream, head.epoch, first, &borrowed, ending)))
    }

    fn record(&mut self) -> Vec<u8> {
        let len = match self.dice.below(30) {
            0 => 20_000,
            1..5 => 0,
            _ => 200,
        };
        let len = self.dice.below(len + 1);
        self.dice.bytes(len)
    }

    fn commit(&mut self) {
        let Some((writer, chunk)) = self.chunk() else { return };
        let found = self.subject.commit(vec![chunk.clone()]);
        assert_eq!(found, [self.applied(writer, &chunk)]);
    }

    /// What the oracle says to a commit.
    fn applied(&mut self, writer: usize, chunk: &Chunk) -> Applied {
        let applied = self.oracle.commit(&chunk.frames(), self.subject.now());
        if matches!(applied, Applied::Stored { .. }) {
            self.writers[writer].sent = Some(chunk.clone());
        }
        applied
    }

    /// A commit whose future is dropped: repeating it tells that it was stored whole or not at all.
    fn commit_dropped(&mut self) {
        let Some((writer, chunk)) = self.chunk() else { return };
        let mut dropped = self.subject.backend().commit(vec![chunk.clone()].into());
        // Ready or not: the repetition asks what it did.
        let _ = dropped.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop(dropped);
        let found = self.subject.commit(vec![chunk.clone()]);
        match self.applied(writer, &chunk) {
            Applied::Stored { next } => {
                let allowed = [Applied::Stored { next }, Applied::Duplicate { next }];
                assert!(allowed.iter().any(|applied| found == [*applied]), "{found:?}");
            }
            refused => assert_eq!(found, [refused]),
        }
    }

    /// One commit for several streams.
    fn commit_batch(&mut self) {
        let mut batch: Vec<(usize, Chunk)> = Vec::new();
        for _ in 0..4 {
            let Some((writer, chunk)) = self.chunk() else { return };
            let stream = chunk.frames().stream;
            if batch.iter().all(|(_, other)| other.frames().stream != stream) {
                batch.push((writer, chunk));
            }
        }
        let chunks = batch.iter().map(|(_, chunk)| chunk.clone()).collect();
        let found = self.subject.commit(chunks);
        let expected: Vec<_> =
            batch.iter().map(|(writer, chunk)| self.applied(*writer, chunk)).collect();
        assert_eq!(found, expected);
    }

    fn read(&mut self, name: &str) {
        let after = self.dice.below(12) as u64;
        let bytes = self.dice.below(600);
        let found = self.subject.page(name, after, bytes);
        match self.oracle.read(name, after, bytes) {
            Ok((expected, more)) => {
                let page = found.expect("it reads");
                let records: Vec<_> = page.records().map(|found| found.bytes.to_vec()).collect();
                assert!(records == expected, "{records:?}\n{expected:?}");
                assert_eq!(page.more(), more);
            }
            Err(expected) => assert_eq!(found.expect_err("refused").kind(), expected),
        }
    }

    fn compact(&mut self, name: &str) {
        let snapshot = self.record();
        let found = self.subject.compact(name, &snapshot).map_err(|error| error.kind());
        assert_eq!(found, self.oracle.compact(name, snapshot));
    }

    fn extend(&mut self, name: &str) {
        let ttl = self.ttl();
        let found = self.subject.extend(name, ttl).map_err(|error| error.kind());
        assert_eq!(found, self.oracle.extend(name, ttl, self.subject.now()));
    }

    fn delete(&mut self, name: &str) {
        let found = run(self.subject.backend().delete(&id(name))).map_err(|error| error.kind());
        assert_eq!(found, self.oracle.delete(name));
    }

    fn release(&mut self) {
        if self.writers.is_empty() {
            return;
        }
        let writer = self.dice.below(self.writers.len());
        let Writer { name, head, .. } = &self.writers[writer];
        self.subject.release(head);
        if self.oracle.release(head.stream, head.epoch) {
            eventually("the stream is free", || self.subject.is_free(name).then_some(()));
        }
    }

    fn pass(&mut self) {
        if !self.subject.has_clock() {
            return;
        }
        self.subject.pass(Duration::from_secs(self.dice.below(3000) as u64));
        self.oracle.expire(self.subject.now());
        if self.dice.percent(50) {
            let most = self.dice.below(4);
            assert!(self.subject.sweep(most) <= most);
        }
    }

    fn ttl(&mut self) -> Ttl {
        let time = Duration::from_secs(1 + self.dice.below(7200) as u64);
        if self.dice.percent(50) {
            Ttl::Sliding(time)
        } else {
            Ttl::Until(self.subject.now().plus(time))
        }
    }

    /// Everything that the store says is what the oracle says.
    fn verify(&mut self) {
        self.oracle.expire(self.subject.now());
        assert_eq!(self.subject.names(), self.oracle.names());
        for info in self.subject.list(None, 100).streams {
            let name = info.id.as_str();
            self.oracle.check(&info, self.subject.has_clock());
            let snapshot = self.subject.snapshot(name).expect("it is there");
            assert!(snapshot.as_deref() == self.oracle.snapshot(name));
            if snapshot.is_none() {
                let bytes = 1 + self.dice.below(5000);
                assert!(self.subject.records_in_pages(name, bytes) == self.oracle.records(name));
            }
        }
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("call {} of seed {}: {SEED}={} repeats it", self.step, self.seed, self.seed);
        }
    }
}
