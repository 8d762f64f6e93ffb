//! What a balancer is told and asked; the same for the shipped pool and for the classics.

use retry_policy::Nanos;

/// The number of a request.
pub(crate) type Id = usize;

/// Chooses an endpoint for each attempt. After every input it is polled until it waits.
pub(crate) trait Balancer {
    fn handle(&mut self, input: Input, now: Nanos);
    fn poll(&mut self, now: Nanos) -> Action;
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) id: Id,
    pub(crate) prompt: Option<u64>,
    /// An endpoint that is not to be used.
    pub(crate) except: Option<usize>,
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input {
    Start(Ask),
    FirstToken(Id),
    Done(Id),
    Failed(Id),
}

/// What to do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    Send {
        id: Id,
        endpoint: usize,
    },
    /// The request has failed for good.
    GiveUp,
    Wait(Option<Nanos>),
}
