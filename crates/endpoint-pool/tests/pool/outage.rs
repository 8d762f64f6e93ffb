//! An outage in miniature: ten processes with a hundred streams each, all cut at once, and a
//! server that is away for thirty seconds. It answers a hundred requests a second, lets two
//! hundred wait and refuses the rest.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use endpoint_pool::{Action, Config, Endpoint, Kind, Pool, Request, Sign, Slots, Ticket};
use retry_policy::{
    Call, Class, ConnectFailures, Decision, Limits, Nanos, Policy, Sent, Unlimited, Verdict,
};

const PROCESSES: usize = 10;
const STREAMS: usize = 1000;
const ROOM: usize = 200;
const SERVICE: Nanos = Nanos::from_millis(10);
const HALF_TRIP: Nanos = Nanos::from_millis(25);
const CUT: Nanos = Nanos::from_secs(1000);
const BACK: Nanos = Nanos::from_secs(1030);
const POLICY: Policy = Policy {
    limits: Limits {
        deadline: Some(Nanos::from_secs(120)),
        connect: ConnectFailures::UseDeadline,
        ..Limits::DEFAULT
    },
    ..Policy::DEFAULT
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Reach(usize),
    Served,
    Fail(usize, bool),
    Answer(usize),
    Poll(usize),
}

struct Stream {
    call: Call,
    ticket: Ticket,
    done: Option<Nanos>,
}

struct Outage {
    pools: Vec<Pool>,
    streams: Vec<Stream>,
    owners: HashMap<(usize, Ticket), usize>,
    line: VecDeque<usize>,
    agenda: BinaryHeap<Reverse<(Nanos, u64, What)>>,
    serial: u64,
    arrivals: Vec<Nanos>,
    now: Nanos,
}

impl Outage {
    /// All streams are live; now they break.
    fn begin(seed: u64) -> Self {
        let slots = Slots { initial: 100, ..Slots::default() };
        let config = Config { slots, ..Config::default() };
        let pool =
            |index| Pool::new(config, &[Endpoint::new(1)], seed * 100 + index).expect("sound");
        let mut outage = Self {
            pools: (0..10).map(pool).collect(),
            streams: Vec::new(),
            owners: HashMap::new(),
            line: VecDeque::new(),
            agenda: BinaryHeap::new(),
            serial: 0,
            arrivals: Vec::new(),
            now: CUT,
        };
        for id in 0..STREAMS {
            let pool = &mut outage.pools[id % PROCESSES];
            let ticket = pool.acquire(Request::new(Kind::First), CUT);
            assert!(matches!(pool.poll(CUT), Action::Grant(_)));
            pool.heard(ticket, Sign::Content, CUT);
            let mut call = Call::new(seed * 7919 + id as u64, CUT);
            call.on_attempt();
            outage.streams.push(Stream { call, ticket, done: None });
            outage.owners.insert((id % PROCESSES, ticket), id);
        }
        for id in 0..STREAMS {
            outage.fail(id, Class::Connect);
        }
        outage
    }

    fn run(&mut self) {
        while let Some(Reverse((at, _, what))) = self.agenda.pop() {
            self.now = at;
            match what {
                What::Reach(id) => self.reach(id),
                What::Served => self.serve(),
                What::Fail(id, true) => self.fail(id, Class::Connect),
                What::Fail(id, false) => self.fail(id, Class::Throttle),
                What::Answer(id) => self.answer(id),
                What::Poll(process) => self.drain(process),
            }
        }
    }

    fn reach(&mut self, id: usize) {
        self.arrivals.push(self.now);
        if self.now < BACK {
            self.plan(HALF_TRIP, What::Fail(id, true));
        } else if self.line.len() >= ROOM {
            self.plan(HALF_TRIP, What::Fail(id, false));
        } else {
            self.line.push_back(id);
            if self.line.len() == 1 {
                self.plan(SERVICE, What::Served);
            }
        }
    }

    fn serve(&mut self) {
        let id = self.line.pop_front().expect("one is served");
        self.plan(HALF_TRIP, What::Answer(id));
        if !self.line.is_empty() {
            self.plan(SERVICE, What::Served);
        }
    }

    fn answer(&mut self, id: usize) {
        let (process, stream) = (id % PROCESSES, &mut self.streams[id]);
        stream.done = Some(self.now);
        self.pools[process].heard(stream.ticket, Sign::Content, self.now);
        self.pools[process].finished(stream.ticket, self.now);
        self.drain(process);
    }

    fn fail(&mut self, id: usize, class: Class) {
        let (process, stream) = (id % PROCESSES, &mut self.streams[id]);
        let verdict = Verdict::new(class, Sent::NotSent);
        self.pools[process].failed(stream.ticket, &verdict, self.now);
        let decision = stream.call.on_failure(&POLICY, &verdict, &Unlimited, self.now);
        let Decision::RetryAt { at: not_before, .. } = decision else { panic!("{decision:?}") };
        let request = Request {
            not_before,
            deadline: stream.call.deadline(&POLICY),
            follows: Some(stream.ticket),
            ..Request::new(Kind::Retry)
        };
        stream.ticket = self.pools[process].acquire(request, self.now);
        self.owners.insert((process, stream.ticket), id);
        self.drain(process);
    }

    fn drain(&mut self, process: usize) {
        loop {
            match self.pools[process].poll(self.now) {
                Action::Grant(grant) => {
                    let id = self.owners[&(process, grant.ticket)];
                    self.streams[id].call.on_attempt();
                    self.plan(HALF_TRIP, What::Reach(id));
                }
                Action::Refuse { refusal, .. } => panic!("{refusal:?}"),
                Action::Wait(Some(at)) => {
                    let span = at.saturating_sub(self.now);
                    return self.plan(span, What::Poll(process));
                }
                Action::Wait(None) => return,
            }
        }
    }

    fn plan(&mut self, after: Nanos, what: What) {
        self.serial += 1;
        self.agenda.push(Reverse((self.now.saturating_add(after), self.serial, what)));
    }

    /// The most arrivals in one second from the recovery on.
    fn peak(&self) -> usize {
        let after: Vec<_> = self.arrivals.iter().filter(|&&at| at >= BACK).collect();
        let window = |begin: usize| {
            let end = after[begin].saturating_add(Nanos::from_secs(1));
            after[begin..].iter().take_while(|&&&at| at < end).count()
        };
        (0..after.len()).map(window).max().expect("some came")
    }
}

#[test]
fn a_herd_gets_through_an_outage_with_few_attempts_and_no_stampede() {
    for seed in 0..3 {
        let mut outage = Outage::begin(seed);
        outage.run();
        let done = outage.streams.iter().map(|stream| stream.done.expect("all succeed"));
        let drain = done.max().expect("there are streams").saturating_sub(BACK);
        assert!(drain <= Nanos::from_millis(10_500), "{drain}");
        let attempts: u32 = outage.streams.iter().map(|stream| stream.call.attempts()).sum();
        assert!(attempts <= 2400, "{attempts}");
        assert!(outage.peak() <= 200, "{}", outage.peak());
    }
}
