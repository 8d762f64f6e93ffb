//! The client side of the model: what one process does with its requests.
//! A process is told what happens and asked what to do; it owns no clock.

use retry_policy::Nanos;

/// The number of a request.
pub(crate) type Id = usize;

/// One process. After every input it is polled until it waits.
pub(crate) trait Process {
    fn handle(&mut self, input: Input, now: Nanos);
    fn poll(&mut self, now: Nanos) -> Action;
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A request arrived.
    Start { id: Id, deadline: Nanos },
    /// A request is in the middle of its first attempt, which the world began. It has been
    /// answered and is about to be cut.
    Running { id: Id, deadline: Nanos },
    /// The attempt of a request ended.
    Reply { id: Id, reply: Reply },
    /// The caller's patience ended, and its attempt with it.
    Expire { id: Id },
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Success,
    Refused,
    /// No answer within the time that an attempt may take.
    TimedOut,
    /// 429.
    Rejected {
        retry_after: Option<Nanos>,
    },
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Begin an attempt.
    Send(Id),
    /// The request has failed for good.
    GiveUp(Id),
    /// Nothing until this instant or the next input.
    Wait(Option<Nanos>),
}
