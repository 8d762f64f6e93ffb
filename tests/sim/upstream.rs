//! The pool of endpoints and the one stream that asks it, as a driver has to. What a process has
//! learned about its endpoints dies with it.

use endpoint_pool::{
    Action, Config, Endpoint, EndpointId, Kind, Pool, Purpose, Request, Route, Sign, Ticket, Tokens,
};
use resume::{Ask, Fate, Input, Place, Rung, Session};
use retry_policy::Nanos;

use crate::scenario::Scenario;

/// A pool, and the place of the stream in it.
#[derive(Debug)]
pub(crate) struct Upstream {
    pool: Pool,
    stage: Stage,
    kind: Kind,
    /// Whose place in the line the next attempt takes.
    follows: Option<Ticket>,
    /// The endpoint that failed last.
    avoid: Option<EndpointId>,
    purpose: Purpose,
    deadline: Option<Nanos>,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Nothing,
    Waiting(Ticket),
    Granted(Ticket, EndpointId),
    /// An attempt was made of it.
    Live(Ticket, EndpointId),
}

/// What the pool says when it is asked.
pub(crate) enum Answer {
    /// Nothing before this instant.
    Later(Nanos),
    Said(Box<Input>),
}

impl Upstream {
    pub(crate) fn new(scenario: &Scenario, seed: u64, now: Nanos) -> Self {
        let endpoints: Vec<_> = (0..scenario.routes.len() as u64).map(Endpoint::new).collect();
        let pool = Pool::new(Config::default(), &endpoints, seed).expect("a valid pool");
        let span = scenario.config.policy.limits.deadline;
        Self {
            pool,
            stage: Stage::Nothing,
            kind: Kind::First,
            follows: None,
            avoid: None,
            purpose: Purpose::Ordinary,
            deadline: span.map(|span| now.saturating_add(span)),
        }
    }

    pub(crate) fn ask(&mut self, ask: &Ask, now: Nanos) -> Result<(), String> {
        if !matches!(self.stage, Stage::Nothing) {
            return Err("it asks for an attempt while it has one".to_owned());
        }
        let kind = match (self.kind, ask.rung) {
            (Kind::First, Rung::Retry) => Kind::First,
            (_, Rung::Retry) => Kind::Retry,
            _ => Kind::Continuation,
        };
        self.kind = Kind::Retry;
        let ticket = self.pool.acquire(
            Request {
                route: match &ask.only {
                    Some(name) => Route::Only(named(name)?),
                    None => self.avoid.map_or(Route::Any, Route::Avoid),
                },
                deadline: self.deadline,
                not_before: ask.not_before,
                tokens: Tokens { input: 100, output: 0 },
                follows: self.follows,
                ..Request::new(kind)
            },
            now,
        );
        self.stage = Stage::Waiting(ticket);
        Ok(())
    }

    /// Lets the pool say what it has to say; nothing when nobody waits for it.
    pub(crate) fn poll(
        &mut self,
        scenario: &Scenario,
        now: Nanos,
    ) -> Result<Option<Answer>, String> {
        let Stage::Waiting(ticket) = self.stage else {
            return match self.pool.poll(now) {
                Action::Wait(_) => Ok(None),
                said => Err(format!("the pool says {said:?} to nobody")),
            };
        };
        match self.pool.poll(now) {
            Action::Grant(grant) if grant.ticket == ticket => {
                self.stage = Stage::Granted(ticket, grant.endpoint);
                self.purpose = grant.purpose;
                let place = self.place(grant.endpoint, scenario);
                Ok(Some(Answer::Said(Box::new(Input::Admitted(place)))))
            }
            Action::Refuse { ticket: of, refusal } if of == ticket => {
                self.stage = Stage::Nothing;
                Ok(Some(Answer::Said(Box::new(Input::NotAdmitted(reason(refusal))))))
            }
            Action::Wait(Some(at)) if at > now => Ok(Some(Answer::Later(at))),
            said => Err(format!("the pool lets the only stream wait for good: {said:?}")),
        }
    }

    fn place(&self, endpoint: EndpointId, scenario: &Scenario) -> Place {
        let route = &scenario.routes[usize::from(endpoint.0)];
        Place {
            endpoint: name(endpoint).into(),
            profile: route.profile,
            model: None,
            timeouts: scenario.config.timeouts,
            hedge_after: None,
            suspect_after: None,
        }
    }

    /// An attempt begins; at which endpoint.
    pub(crate) fn begin(&mut self) -> Result<usize, String> {
        let Stage::Granted(ticket, endpoint) = self.stage else {
            return Err("an attempt that was not admitted".to_owned());
        };
        self.stage = Stage::Live(ticket, endpoint);
        Ok(usize::from(endpoint.0))
    }

    // ---- reports

    pub(crate) fn head(&mut self, status: u16, now: Nanos) {
        if let Stage::Live(ticket, _) = self.stage
            && (200..300).contains(&status)
        {
            self.pool.head(ticket, now);
        }
    }

    pub(crate) fn hear(&mut self, session: &mut Session, now: Nanos) {
        let Some(sign) = session.take_sign() else { return };
        if let Stage::Live(ticket, _) = self.stage {
            let sign = match sign {
                resume::Sign::Ping => Sign::Ping,
                resume::Sign::Content => Sign::Content,
            };
            self.pool.heard(ticket, sign, now);
        }
    }

    /// The attempt is over.
    pub(crate) fn settle(&mut self, fate: Fate, now: Nanos) -> Result<(), String> {
        let Stage::Live(ticket, endpoint) = std::mem::replace(&mut self.stage, Stage::Nothing)
        else {
            return Err("an attempt is over that did not begin".to_owned());
        };
        // Who tested the water in vain goes to the end of the line.
        self.follows = match (self.purpose, fate) {
            (Purpose::Probe, Fate::Failed(_)) => None,
            _ => Some(ticket),
        };
        match fate {
            Fate::Complete => self.pool.finished(ticket, now),
            Fate::Failed(verdict) => {
                self.avoid = (!verdict.class.is_terminal()).then_some(endpoint);
                self.pool.failed(ticket, &verdict, now);
            }
            Fate::Outraced => self.pool.outraced(ticket, now),
            Fate::Dropped | Fate::Unsent => self.pool.cancel(ticket, now),
        }
        Ok(())
    }

    /// The stream is over: what is left of its place in the line is given back.
    pub(crate) fn leave(&mut self, now: Nanos) -> Result<(), String> {
        match std::mem::replace(&mut self.stage, Stage::Nothing) {
            Stage::Live(..) => return Err("the end of an attempt was not told".to_owned()),
            Stage::Waiting(ticket) | Stage::Granted(ticket, _) => self.pool.cancel(ticket, now),
            Stage::Nothing => {}
        }
        let snapshot = self.pool.snapshot(now);
        let left = (snapshot.active, snapshot.waiting, snapshot.delayed);
        if (u64::from(left.0), left.1, left.2) == (0, 0, 0) {
            return Ok(());
        }
        Err(format!("the pool still has {left:?} of a stream that is over"))
    }
}

fn name(endpoint: EndpointId) -> String {
    format!("http://provider-{endpoint}/v1")
}

/// The endpoint of this name.
fn named(wanted: &str) -> Result<EndpointId, String> {
    let known = (0..2).map(EndpointId).find(|endpoint| name(*endpoint) == wanted);
    known.ok_or_else(|| format!("nobody knows {wanted}"))
}

const fn reason(refusal: endpoint_pool::Refusal) -> resume::Refusal {
    use endpoint_pool::Refusal;
    match refusal {
        Refusal::QueueFull => resume::Refusal::QueueFull,
        Refusal::DeadlineTooNear => resume::Refusal::DeadlineTooNear,
        Refusal::UpstreamDown => resume::Refusal::UpstreamDown,
        Refusal::Timeout => resume::Refusal::TimedOut,
        Refusal::NoSpare => resume::Refusal::NoEndpoint,
    }
}
