//! One request of the caller. It holds the body as the caller wrote it.

use bytes::Bytes;
use checkpoint_store::StreamId;
use cost::Money;
use protocol::{Profile, RequestBody};
use retry_policy::IdempotencyKey;
use std::fmt;
use std::time::Duration;

use crate::error::Error;
use crate::prompt::Prompt;

/// What to ask, and under which name.
#[derive(Clone)]
pub struct Request {
    content: Content,
    pub(crate) id: Option<StreamId>,
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) budget: Option<Money>,
}

#[derive(Clone)]
enum Content {
    Body(Bytes),
    Prompt(Prompt),
}

impl Request {
    /// A request with the provider's own JSON body.
    ///
    /// The body is sent as it is, except that streaming is switched on where it is not.
    #[must_use]
    pub fn new(body: impl Into<Bytes>) -> Self {
        Self::of(Content::Body(body.into()))
    }

    /// A request that asks `model` to answer `text`.
    #[must_use]
    pub fn prompt(model: impl Into<String>, text: impl Into<String>) -> Self {
        Prompt::new(model, text).into()
    }

    /// The stream's name; random when it is not given.
    #[must_use]
    pub fn id(mut self, id: StreamId) -> Self {
        self.id = Some(id);
        self
    }

    /// The idempotency key of the first operation; random when it is not given.
    #[must_use]
    pub const fn idempotency_key(mut self, key: IdempotencyKey) -> Self {
        self.key = Some(key);
        self
    }

    /// How long the whole response may take, retries included.
    ///
    /// It counts from when the stream is open; opening it is bounded by
    /// [`Builder::store_timeout`](crate::Builder::store_timeout).
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The most that the response may cost, in place of
    /// [`Builder::response_budget`](crate::Builder::response_budget).
    #[must_use]
    pub const fn budget(mut self, limit: Money) -> Self {
        self.budget = Some(limit);
        self
    }

    /// The body for this provider, parsed.
    pub(crate) fn body(&self, profile: &Profile) -> Result<RequestBody, Error> {
        let body = match &self.content {
            Content::Body(body) => body.clone(),
            Content::Prompt(prompt) => prompt.body(profile),
        };
        let body = RequestBody::parse(profile.wire, body).map_err(Error::request)?;
        body.fits(profile).map_err(Error::request)?;
        Ok(body)
    }

    const fn of(content: Content) -> Self {
        Self { content, id: None, key: None, deadline: None, budget: None }
    }
}

impl From<Prompt> for Request {
    fn from(prompt: Prompt) -> Self {
        Self::of(Content::Prompt(prompt))
    }
}

/// Without the body: prompts do not belong in logs.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("id", &self.id)
            .field("deadline", &self.deadline)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}
