//! The one error of this crate. It holds the facts a caller acts on and never a key, a prompt
//! or a URL query.

use checkpoint_store::{StoreError, StreamId};
use resume::{Break, Cause, Summary};
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use crate::proxy::ProxyFailure;

/// What went wrong, and from where another attempt can go on.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Option<Cow<'static, str>>,
    checkpoint: Option<StreamId>,
    cause: Option<Cause>,
    summary: Option<Summary>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The response is not whole; [`Error::checkpoint`] names where to go on.
    Incomplete,
    /// The provider refused before anything was shown and would refuse again.
    Refused,
    /// The request is not one that the provider's wire allows.
    InvalidRequest,
    /// The client cannot be built so.
    InvalidConfig,
    /// The checkpoint store failed.
    Store,
    /// There is no stream of this name.
    NotFound,
    /// A stream of this name exists already.
    Exists,
    /// Another process holds the store.
    Locked,
    /// Another process took the stream over.
    Fenced,
    /// Another process may be receiving the stream; the source says which.
    Held,
    /// The consumer has more than the checkpoint: it was shown what was never durable.
    CursorAhead,
    /// The checkpoint was made at another server or on another wire.
    EndpointMismatch,
    /// The checkpoint cannot be read.
    UnreadableCheckpoint,
}

impl Error {
    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The stream that [`Client::resume`](crate::Client::resume) can go on with.
    #[must_use]
    pub const fn checkpoint(&self) -> Option<&StreamId> {
        self.0.checkpoint.as_ref()
    }

    /// Why the stream ended without a whole response.
    #[must_use]
    pub const fn cause(&self) -> Option<&Cause> {
        self.0.cause.as_ref()
    }

    /// What was delivered and spent.
    #[must_use]
    pub const fn summary(&self) -> Option<&Summary> {
        self.0.summary.as_ref()
    }

    /// Whether the same again, or going on from the checkpoint, may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.kind() {
            ErrorKind::Incomplete => self.cause().is_none_or(may_pass),
            ErrorKind::Locked | ErrorKind::Held => true,
            ErrorKind::Store => self.store_error().is_some_and(StoreError::is_retryable),
            _ => false,
        }
    }

    pub(crate) fn config(message: impl Into<Cow<'static, str>>) -> Self {
        Self::of(ErrorKind::InvalidConfig).with_message(message)
    }

    pub(crate) fn pool(source: endpoint_pool::ConfigError) -> Self {
        Self::of(ErrorKind::InvalidConfig).with_source(source)
    }

    pub(crate) fn request(source: impl StdError + Send + Sync + 'static) -> Self {
        Self::of(ErrorKind::InvalidRequest).with_source(source)
    }

    pub(crate) fn long_request() -> Self {
        Self::of(ErrorKind::InvalidRequest).with_message("its body is longer than it may be")
    }

    pub(crate) fn unread_request(source: Box<dyn StdError + Send + Sync>) -> Self {
        let mut error = Self::of(ErrorKind::InvalidRequest);
        error.0.source = Some(source);
        error
    }

    pub(crate) fn unpriced() -> Self {
        Self::of(ErrorKind::InvalidRequest)
            .with_message("what it costs is not known, so no budget can be kept")
    }

    pub(crate) fn mismatch(message: &'static str) -> Self {
        Self::of(ErrorKind::EndpointMismatch).with_message(message)
    }

    pub(crate) fn unreadable(source: impl StdError + Send + Sync + 'static) -> Self {
        Self::of(ErrorKind::UnreadableCheckpoint).with_source(source)
    }

    /// A journal that nobody can add to and that has no end of a response.
    pub(crate) fn closed_early() -> Self {
        Self::of(ErrorKind::UnreadableCheckpoint)
            .with_message("it is closed, but the response has no end")
    }

    /// The consumer was shown what no store holds.
    pub(crate) fn cursor_ahead() -> Self {
        Self::of(ErrorKind::CursorAhead)
            .with_message("it has to drop what is beyond, or keep its text and give the rest up")
    }

    pub(crate) fn store(source: StoreError) -> Self {
        use checkpoint_store::ErrorKind as Kind;
        let kind = match source.kind() {
            Kind::NotFound => ErrorKind::NotFound,
            Kind::Exists => ErrorKind::Exists,
            Kind::Locked => ErrorKind::Locked,
            Kind::Fenced { .. } => ErrorKind::Fenced,
            Kind::Held { .. } => ErrorKind::Held,
            Kind::Corrupt { .. } | Kind::Version { .. } => ErrorKind::UnreadableCheckpoint,
            _ => ErrorKind::Store,
        };
        Self::of(kind).with_source(source)
    }

    pub(crate) fn incomplete(cause: Cause, summary: Summary, id: &StreamId) -> Self {
        Self::of(ErrorKind::Incomplete).with_cause(cause).with_summary(summary).at(id)
    }

    /// Names the proxy, where it is the cause.
    pub(crate) fn by_proxy(self, failure: Option<ProxyFailure>) -> Self {
        match failure.filter(|_| self.cause().is_some_and(is_of_proxy)) {
            Some(failure) => self.with_source(failure),
            None => self,
        }
    }

    pub(crate) fn refused(cause: Cause, summary: Summary) -> Self {
        Self::of(ErrorKind::Refused).with_cause(cause).with_summary(summary)
    }

    /// Names the stream that can be gone on with.
    pub(crate) fn at(mut self, id: &StreamId) -> Self {
        self.0.checkpoint = Some(id.clone());
        self
    }

    pub(crate) fn with_cause(mut self, cause: Cause) -> Self {
        self.0.cause = Some(cause);
        self
    }

    pub(crate) fn with_summary(mut self, summary: Summary) -> Self {
        self.0.summary = Some(summary);
        self
    }

    fn of(kind: ErrorKind) -> Self {
        Self(Box::new(Inner {
            kind,
            message: None,
            checkpoint: None,
            cause: None,
            summary: None,
            source: None,
        }))
    }

    fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.message = Some(message.into());
        self
    }

    fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    fn store_error(&self) -> Option<&StoreError> {
        self.0.source.as_deref()?.downcast_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().describe())?;
        if let Some(message) = &self.0.message {
            write!(f, ": {message}")?;
        }
        // A failing store says it by the kind already.
        if let Some(cause) = self.0.cause.as_ref().filter(|cause| **cause != Cause::Store) {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("checkpoint", &self.0.checkpoint)
            .field("cause", &self.0.cause)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self.store_error() {
            // It would say the same again; below it may be more.
            Some(store) if self.kind() == ErrorKind::NotFound => store.source(),
            _ => self.0.source.as_deref().map(|source| source as _),
        }
    }
}

impl ErrorKind {
    const fn describe(self) -> &'static str {
        match self {
            Self::Incomplete => "response incomplete",
            Self::Refused => "request refused",
            Self::InvalidRequest => "invalid request",
            Self::InvalidConfig => "invalid configuration",
            Self::Store => "checkpoint store failed",
            Self::NotFound => "no such stream",
            Self::Exists => "stream exists already",
            Self::Locked => "checkpoint store is in use by another process",
            Self::Fenced => "stream was taken over by another process",
            Self::Held => "stream is held by another process",
            Self::CursorAhead => "consumer is ahead of the checkpoint",
            Self::EndpointMismatch => "checkpoint belongs to another endpoint",
            Self::UnreadableCheckpoint => "checkpoint cannot be read",
        }
    }
}

fn is_of_proxy(cause: &Cause) -> bool {
    match cause {
        Cause::GaveUp { last, .. } | Cause::NotAdmitted { last: Some(last), .. } => {
            is_of_proxy(last)
        }
        Cause::Broke(cause) => matches!(cause, Break::ProxyRefused | Break::ProxyFailed),
        _ => false,
    }
}

/// Whether going on later may bring the rest.
fn may_pass(cause: &Cause) -> bool {
    match cause {
        Cause::Provider(failure) => !failure.verdict.class.is_terminal(),
        Cause::GaveUp { reason, .. } => reason.may_work_later(),
        Cause::Broke(Break::Certificate | Break::ProxyRefused)
        | Cause::Diverged
        | Cause::NotContinuable
        | Cause::OverBudget
        | Cause::Unpriced
        | Cause::SeamUnverified
        | Cause::TooLarge => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incomplete(cause: Cause) -> Error {
        let id = StreamId::new("s-1").unwrap();
        Error::incomplete(cause, Summary::default(), &id)
    }

    #[test]
    fn an_incomplete_response_says_why_and_where_to_go_on() {
        let error = incomplete(Cause::Truncated);
        assert_eq!(error.to_string(), "response incomplete: stream ended before the response did");
        assert_eq!(error.checkpoint().unwrap().as_str(), "s-1");
        assert_eq!(error.cause(), Some(&Cause::Truncated));
        assert!(error.summary().is_some());
    }

    #[test]
    fn a_failing_store_is_told_once() {
        let error = Error::store(checkpoint_store::ErrorKind::Io.into()).with_cause(Cause::Store);
        assert_eq!(error.to_string(), "checkpoint store failed");
    }

    #[test]
    fn a_missing_stream_is_told_once() {
        let missing = checkpoint_store::ErrorKind::NotFound;
        let error = Error::store(missing.into());
        assert_eq!(error.to_string(), "no such stream");
        assert!(error.source().is_none());
        let error = Error::store(StoreError::with_source(missing, "it has expired"));
        assert_eq!(error.source().unwrap().to_string(), "it has expired");
    }

    #[test]
    fn only_what_may_pass_is_retryable() {
        assert!(incomplete(Cause::IdleTimeout).is_retryable());
        assert!(incomplete(Cause::Deadline).is_retryable());
        assert!(!incomplete(Cause::Broke(Break::Certificate)).is_retryable());
        assert!(!incomplete(Cause::NotContinuable).is_retryable());
        assert!(!Error::config("x").is_retryable());
    }
}
