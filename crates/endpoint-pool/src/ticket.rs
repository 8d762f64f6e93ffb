//! What a caller asks for, and the ticket that stands for it. Where tickets are kept is in
//! `tickets`.

use retry_policy::Nanos;

use crate::{EndpointId, EndpointSet};

/// One ask, and the permit that it may become.
///
/// A ticket names one attempt. The next attempt of the same logical request is a new ticket that
/// [follows](Request::follows) this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
    /// The place in the queue, which a ticket that follows inherits.
    pub(crate) order: u64,
}

/// What is asked of a pool.
///
/// ```
/// use endpoint_pool::{Kind, Request};
/// use retry_policy::Nanos;
///
/// let request = Request { deadline: Some(Nanos::from_secs(90)), ..Request::new(Kind::First) };
/// assert_eq!(request.follows, None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Why it is asked.
    pub kind: Kind,
    /// Where it may go.
    pub route: Route,
    /// The instant at which the caller needs the whole response.
    pub deadline: Option<Nanos>,
    /// The instant before which the attempt is not to begin: the caller's own backoff. While the
    /// gate is open its queue takes the place of this.
    pub not_before: Nanos,
    /// An endpoint to which a connection stands already. It is taken where it may be and its load and
    /// latency allow.
    pub prefers: Option<EndpointId>,
    /// Requests with equal keys share a prompt cache.
    pub affinity: Option<u64>,
    /// What it will cost.
    pub tokens: Tokens,
    /// The earlier ticket of the same logical request, over or not, whose place in the queue this
    /// one takes.
    pub follows: Option<Ticket>,
    /// Another pool can take it. It is [refused](crate::Refusal::UpstreamDown) instead of waiting
    /// while no endpoint is in use, unless it is the next probe, and where every endpoint that it
    /// may go to has asked to be left alone for longer than this, or has no quota for longer. For a
    /// slot it waits for so long, behind its own delay.
    pub spare: Option<Nanos>,
}

impl Request {
    /// A request that may go anywhere at once, without a deadline.
    #[must_use]
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            route: Route::Any,
            deadline: None,
            not_before: Nanos::ZERO,
            prefers: None,
            affinity: None,
            tokens: Tokens { input: 0, output: 0 },
            follows: None,
            spare: None,
        }
    }
}

/// Why an attempt is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The first attempt of a request.
    First,
    /// Another attempt, from the start.
    Retry,
    /// Another attempt that goes on where a broken one ended.
    Continuation,
    /// A second copy beside an attempt that is still live. It never waits: it is granted at once
    /// or refused.
    Hedge,
}

/// Where an attempt may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// Anywhere.
    Any,
    /// To this endpoint only if no other one is in use.
    Avoid(EndpointId),
    /// Anywhere but there.
    Except(EndpointSet),
    /// Only there.
    Only(EndpointId),
}

/// Token counts of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tokens {
    /// Input that no prompt cache is expected to hold.
    pub input: u32,
    /// Output; 0 when unknown.
    pub output: u32,
}
