//! What holds under any sequence of inputs: nothing is lost, nothing is granted twice or above a
//! limit, no one overtakes, and equal inputs give equal answers.

use std::collections::{BTreeMap, BTreeSet};

use endpoint_pool::{
    Action, Config, Endpoint, EndpointId, EndpointSet, Gate, Kind, Pool, Purpose, Queueing, Quota,
    RateLimits, Request, Route, Sign, Slots, Ticket, Tokens,
};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof, proptest};
use retry_policy::{Class, Nanos, Sent, ServerHint, Verdict};

const SLOTS_MAX: u32 = 6;
const WAITING_MAX: usize = 12;

#[derive(Clone, Copy, Debug)]
enum Input {
    Ask { kind: u8, route: u8, deadline: Option<u16>, delay: u16, key: u8, input: u16 },
    Head(u8),
    Heard(u8, bool),
    Limits(u8, u16),
    Finished(u8),
    Failed(u8, u8, Option<u16>),
    Cancel(u8),
    Pass(u16),
}

fn inputs() -> impl Strategy<Value = Vec<Input>> {
    let ask = (0..4_u8, 0..8_u8, any::<Option<u16>>(), any::<u16>(), any::<u8>(), any::<u16>())
        .prop_map(|(kind, route, deadline, delay, key, input)| Input::Ask {
            kind,
            route,
            deadline,
            delay,
            key,
            input,
        });
    let input = prop_oneof![
        4 => ask,
        1 => any::<u8>().prop_map(Input::Head),
        3 => any::<(u8, bool)>().prop_map(|(index, content)| Input::Heard(index, content)),
        1 => any::<(u8, u16)>().prop_map(|(index, left)| Input::Limits(index, left)),
        2 => any::<u8>().prop_map(Input::Finished),
        4 => (any::<u8>(), 0..9_u8, any::<Option<u16>>())
            .prop_map(|(index, class, hint)| Input::Failed(index, class, hint)),
        1 => any::<u8>().prop_map(Input::Cancel),
        3 => any::<u16>().prop_map(Input::Pass),
    ];
    vec(input, 1..150)
}

fn class(index: u8) -> Class {
    [
        Class::Connect,
        Class::Transient,
        Class::Timeout,
        Class::Throttle,
        Class::Overload,
        Class::Protocol,
        Class::Quota,
        Class::Auth,
        Class::Invalid,
    ][usize::from(index)]
}

/// A pool, and what its users know of it.
struct Model {
    pool: Pool,
    now: Nanos,
    waiting: BTreeMap<u64, (Ticket, Request)>,
    live: BTreeMap<u64, (Ticket, EndpointId)>,
    names: Vec<(Ticket, u64)>,
    ended: BTreeSet<u64>,
    asked: u64,
    log: Vec<String>,
}

impl Model {
    fn new(endpoints: u64) -> Self {
        let config = Config {
            slots: Slots { initial: 3, min: 1, max: SLOTS_MAX },
            queue: Queueing { waiting_max: WAITING_MAX, ..Queueing::default() },
            ..Config::default()
        };
        let endpoints: Vec<_> = (0..endpoints).map(Endpoint::new).collect();
        Self {
            pool: Pool::new(config, &endpoints, 9).expect("it is sound"),
            now: Nanos::from_secs(1000),
            waiting: BTreeMap::new(),
            live: BTreeMap::new(),
            names: Vec::new(),
            ended: BTreeSet::new(),
            asked: 0,
            log: Vec::new(),
        }
    }

    fn name(&self, ticket: Ticket) -> u64 {
        let found = self.names.iter().rev().find(|(other, _)| *other == ticket);
        found.expect("every ticket has a name").1
    }

    fn nth_live(&self, index: u8) -> Option<(u64, Ticket)> {
        let index = usize::from(index) % self.live.len().max(1);
        self.live.iter().nth(index).map(|(&name, &(ticket, _))| (name, ticket))
    }

    fn end(&mut self, name: u64) {
        self.live.remove(&name);
        self.waiting.remove(&name);
        assert!(self.ended.insert(name), "a ticket ends once");
    }

    fn apply(&mut self, input: Input) {
        let now = self.now;
        match input {
            Input::Ask { kind, route, deadline, delay, key, input } => {
                let request = Request {
                    kind: [Kind::First, Kind::Retry, Kind::Continuation, Kind::Hedge]
                        [usize::from(kind)],
                    route: match route {
                        0 => Route::Only(EndpointId(0)),
                        1 => Route::Except(EndpointSet::of(EndpointId(0))),
                        2 => Route::Avoid(EndpointId(0)),
                        _ => Route::Any,
                    },
                    deadline: deadline
                        .map(|it| now.saturating_add(Nanos::from_millis(u64::from(it) * 2))),
                    not_before: now.saturating_add(Nanos::from_millis(u64::from(delay % 3000))),
                    prefers: (key % 7 == 0).then_some(EndpointId(u16::from(key % 4))),
                    affinity: (key < 200).then_some(u64::from(key % 5)),
                    tokens: Tokens { input: u32::from(input), output: u32::from(input) / 4 },
                    follows: None,
                    spare: (key % 3 == 0).then(|| Nanos::from_millis(u64::from(input))),
                };
                let ticket = self.pool.acquire(request, now);
                self.names.push((ticket, self.asked));
                self.waiting.insert(self.asked, (ticket, request));
                self.asked += 1;
            }
            Input::Pass(millis) => self.pass(Nanos::from_millis(u64::from(millis))),
            Input::Cancel(index) => {
                let all: Vec<_> = self.waiting.keys().chain(self.live.keys()).copied().collect();
                if let Some(&name) = all.get(usize::from(index) % all.len().max(1)) {
                    let waiting = self.waiting.get(&name).map(|it| it.0);
                    let ticket = waiting.unwrap_or_else(|| self.live[&name].0);
                    self.pool.cancel(ticket, now);
                    self.end(name);
                }
            }
            other => self.report(other),
        }
        self.drain();
    }

    fn report(&mut self, input: Input) {
        let now = self.now;
        let (Input::Head(index)
        | Input::Heard(index, _)
        | Input::Limits(index, _)
        | Input::Finished(index)
        | Input::Failed(index, ..)) = input
        else {
            return;
        };
        let Some((name, ticket)) = self.nth_live(index) else { return };
        match input {
            Input::Heard(_, content) => {
                let sign = if content { Sign::Content } else { Sign::Ping };
                self.pool.heard(ticket, sign, now);
            }
            Input::Limits(_, remaining) => {
                let quota = Quota { limit: 60_000, remaining: remaining.into(), reset: now };
                let limits = RateLimits { input: Some(quota), ..RateLimits::default() };
                self.pool.rate_limits(ticket, &limits, now);
            }
            Input::Finished(_) => {
                self.pool.finished(ticket, now);
                self.end(name);
            }
            Input::Failed(_, index, hint) => {
                let after = hint.map(|it| Nanos::from_millis(it.into()));
                let verdict = Verdict::new(class(index), Sent::MaybeProcessed)
                    .with_hint(ServerHint { after, retry: None });
                self.pool.failed(ticket, &verdict, now);
                self.end(name);
            }
            _ => self.pool.head(ticket, now),
        }
    }

    /// Lets time pass as a driver does: it polls when it was told to.
    fn pass(&mut self, span: Nanos) {
        let end = self.now.saturating_add(span);
        while let Some(at) = self.drain()
            && at <= end
        {
            assert!(at > self.now, "a wait ends in the future");
            self.now = at;
        }
        self.now = end;
    }

    fn drain(&mut self) -> Option<Nanos> {
        loop {
            let action = self.pool.poll(self.now);
            self.log.push(format!("{action:?}"));
            match action {
                Action::Grant(grant) => {
                    let name = self.name(grant.ticket);
                    let (ticket, request) = self.waiting.remove(&name).expect("it waited");
                    self.check_order(name, &request, grant.purpose);
                    self.live.insert(name, (ticket, grant.endpoint));
                }
                Action::Refuse { ticket, .. } => {
                    let name = self.name(ticket);
                    assert!(self.waiting.contains_key(&name), "only who waits is refused");
                    self.end(name);
                }
                Action::Wait(at) => {
                    self.check_counts();
                    return at;
                }
            }
        }
    }

    /// Among requests that differ in nothing but their age, the oldest goes first.
    fn check_order(&self, name: u64, request: &Request, purpose: Purpose) {
        if request.kind != Kind::First || purpose == Purpose::Probe {
            return;
        }
        for (&older, (_, other)) in self.waiting.range(..name) {
            let is_plain = other.kind == Kind::First && other.route == Route::Any;
            let is_ready = other.not_before <= self.now;
            let is_late = other
                .deadline
                .is_some_and(|at| at < self.now.saturating_add(Nanos::from_millis(100)));
            assert!(!is_plain || !is_ready || is_late, "{name} overtook {older}");
        }
    }

    fn check_counts(&self) {
        let snapshot = self.pool.snapshot(self.now);
        assert_eq!(snapshot.waiting + snapshot.delayed, self.waiting.len());
        assert_eq!(snapshot.active as usize, self.live.len());
        assert!(self.waiting.len() <= WAITING_MAX);
        assert!(snapshot.gate == Gate::Closed || snapshot.delayed == 0);
        for (index, endpoint) in (0..).zip(&snapshot.endpoints) {
            let here = self.live.values().filter(|(_, it)| *it == EndpointId(index)).count();
            assert_eq!(endpoint.active as usize, here);
            assert!(endpoint.slots <= SLOTS_MAX);
        }
    }

    /// Ends everything that is live and lets all deadlines come.
    fn wind_up(&mut self) {
        for _ in 0..10_000 {
            while let Some((name, ticket)) = self.nth_live(0) {
                self.pool.heard(ticket, Sign::Content, self.now);
                self.pool.finished(ticket, self.now);
                self.end(name);
                self.drain();
            }
            if self.waiting.is_empty() {
                return;
            }
            let at = self.drain();
            if self.live.is_empty() && !self.waiting.is_empty() {
                self.now = at.expect("who waits is looked at again");
            }
        }
        panic!("{} wait for ever", self.waiting.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_ticket_ends_once_and_no_limit_is_passed(inputs in inputs(), endpoints in 1..4_u64) {
        let mut model = Model::new(endpoints);
        for input in inputs {
            model.apply(input);
        }
        model.wind_up();
        let counters = model.pool.snapshot(model.now).counters;
        assert_eq!(model.ended.len() as u64, model.asked);
        assert_eq!(counters.asked, model.asked);
        assert_eq!(model.pool.snapshot(model.now).active, 0);
    }

    #[test]
    fn equal_inputs_give_equal_answers(inputs in inputs()) {
        let run = || {
            let mut model = Model::new(3);
            inputs.iter().for_each(|&input| model.apply(input));
            model.log
        };
        assert_eq!(run(), run());
    }
}
