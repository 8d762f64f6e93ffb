//! A pool with shorthands for one test at a time: no far end, the test says what happens.

use endpoint_pool::{
    Action, Config, Endpoint, EndpointId, Grant, Kind, Pool, Refusal, Request, Sign, Ticket,
};
use retry_policy::{Class, Nanos, Sent, ServerHint, Verdict};

pub(crate) const SECOND: Nanos = Nanos::from_secs(1);

pub(crate) struct Rig {
    pub(crate) pool: Pool,
    pub(crate) now: Nanos,
}

impl Rig {
    pub(crate) fn new(endpoints: u64, config: Config) -> Self {
        let endpoints: Vec<_> = (0..endpoints).map(Endpoint::new).collect();
        let pool = Pool::new(config, &endpoints, 11).expect("it is sound");
        Self { pool, now: Nanos::from_secs(1000) }
    }

    pub(crate) fn ask(&mut self, request: Request) -> Ticket {
        self.pool.acquire(request, self.now)
    }

    pub(crate) fn first(&mut self) -> Ticket {
        self.ask(Request::new(Kind::First))
    }

    pub(crate) fn poll(&mut self) -> Action {
        self.pool.poll(self.now)
    }

    /// The next answer, which is a grant.
    #[track_caller]
    pub(crate) fn granted(&mut self) -> Grant {
        match self.poll() {
            Action::Grant(grant) => grant,
            other => panic!("{other:?}"),
        }
    }

    /// The next answer, which is a refusal.
    #[track_caller]
    pub(crate) fn refused(&mut self) -> (Ticket, Refusal) {
        match self.poll() {
            Action::Refuse { ticket, refusal } => (ticket, refusal),
            other => panic!("{other:?}"),
        }
    }

    /// The next answer, which is to wait.
    #[track_caller]
    pub(crate) fn waits(&mut self) -> Option<Nanos> {
        match self.poll() {
            Action::Wait(at) => at,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn answer(&mut self, ticket: Ticket) {
        self.pool.heard(ticket, Sign::Content, self.now);
    }

    pub(crate) fn finish(&mut self, ticket: Ticket) {
        self.answer(ticket);
        self.pool.finished(ticket, self.now);
    }

    pub(crate) fn fail(&mut self, ticket: Ticket, class: Class) {
        self.pool.failed(ticket, &Verdict::new(class, Sent::NotSent), self.now);
    }

    pub(crate) fn fail_with_hint(&mut self, ticket: Ticket, class: Class, after: Nanos) {
        let hint = ServerHint { after: Some(after), retry: None };
        let verdict = Verdict::new(class, Sent::MaybeProcessed).with_hint(hint);
        self.pool.failed(ticket, &verdict, self.now);
    }

    /// Takes each endpoint that is asked for out of use.
    pub(crate) fn take_out(&mut self, endpoint: u16) {
        for _ in 0..5 {
            let route = endpoint_pool::Route::Only(EndpointId(endpoint));
            let ticket = self.ask(Request { route, ..Request::new(Kind::First) });
            assert_eq!(self.granted().ticket, ticket);
            self.fail(ticket, Class::Connect);
        }
        self.waits();
    }

    pub(crate) fn pass(&mut self, span: Nanos) {
        self.now = self.now.saturating_add(span);
    }

    pub(crate) fn pass_until(&mut self, at: Nanos) {
        assert!(at >= self.now);
        self.now = at;
    }
}
