//! Why an attempt failed, in the provider's words and in ours.
//!
//! Holds what a caller acts on and what a person reads; never a key, never the request.

use retry_policy::{Class, Sent, Verdict};
use std::fmt;

/// Why an attempt failed and what that means for the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub kind: FailureKind,
    /// What the retry policy is told. Whether the request was processed is not known here, so
    /// [`Sent::MaybeProcessed`] stands until the driver knows better.
    pub verdict: Verdict,
    /// The HTTP status, or the status that an error inside a stream names.
    pub status: Option<u16>,
    /// The provider's message without control characters and keys, at most
    /// [`MESSAGE_BYTES_MAX`](crate::MESSAGE_BYTES_MAX) bytes; may be empty.
    pub message: String,
    /// The provider's own code, of `a-z`, `0-9`, `_`, `.` and `-`, at most
    /// [`CODE_BYTES_MAX`](crate::CODE_BYTES_MAX) bytes.
    pub code: Option<String>,
}

impl Failure {
    /// A failure that the provider gives no details of.
    #[must_use]
    pub fn new(kind: FailureKind) -> Self {
        Self {
            kind,
            verdict: Verdict::new(kind.class(), Sent::MaybeProcessed),
            status: None,
            message: String::new(),
            code: None,
        }
    }

    /// Whether another provider, or another model, may answer what this one refuses for good: its
    /// account or its key is at fault, or it does not have the model.
    ///
    /// ```
    /// use protocol::classify_status;
    ///
    /// let none = http::HeaderMap::new();
    /// let refuses = |status, body: &[u8]| classify_status(status, &none, body, None);
    /// assert!(refuses(401, b"").is_of_the_provider());
    /// assert!(refuses(404, br#"{"error":{"code":"model_not_found"}}"#).is_of_the_provider());
    /// assert!(!refuses(400, b"").is_of_the_provider());
    /// ```
    #[must_use]
    pub fn is_of_the_provider(&self) -> bool {
        match self.kind {
            FailureKind::PrefillRefused | FailureKind::ContextTooLong => false,
            FailureKind::BadRequest => {
                matches!(self.status, Some(404 | 410))
                    || self.code.as_deref().is_some_and(is_absence)
            }
            _ => true,
        }
    }
}

/// Whether a provider's code says that it does not have what was asked for.
fn is_absence(code: &str) -> bool {
    matches!(code, "model_not_found" | "not_found_error" | "notfounderror" | "deploymentnotfound")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Some(status) = self.status {
            write!(f, ", status {status}")?;
        }
        if let Some(code) = &self.code {
            write!(f, ", {code}")?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// What went wrong, over all providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// The model or server does not continue an assistant message.
    PrefillRefused,
    /// The request is wrong in another way.
    BadRequest,
    /// The request is longer than the model or the server takes.
    ContextTooLong,
    /// The key is missing, wrong or lacks a permission.
    Auth,
    /// A quota, balance or spend limit is used up.
    Quota,
    /// Too many requests or tokens for now.
    RateLimited,
    /// The provider has no capacity for now.
    Overloaded,
    /// The provider failed.
    Server,
    /// The provider ran out of time.
    Timeout,
    /// A success that carries no event stream.
    NotEventStream,
    /// A redirect.
    Redirect,
    /// The request conflicts with another one.
    Conflict,
    /// A failure of no known kind.
    Other,
}

impl FailureKind {
    /// The class that decides about another attempt.
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::PrefillRefused | Self::BadRequest | Self::ContextTooLong | Self::Redirect => {
                Class::Invalid
            }
            Self::Auth => Class::Auth,
            Self::Quota => Class::Quota,
            Self::RateLimited => Class::Throttle,
            Self::Overloaded => Class::Overload,
            Self::Timeout => Class::Timeout,
            Self::Server | Self::NotEventStream | Self::Conflict | Self::Other => Class::Transient,
        }
    }

    const fn phrase(self) -> &'static str {
        match self {
            Self::PrefillRefused => "prefill refused",
            Self::BadRequest => "bad request",
            Self::ContextTooLong => "request too long",
            Self::Auth => "not authorized",
            Self::Quota => "quota used up",
            Self::RateLimited => "rate limited",
            Self::Overloaded => "provider overloaded",
            Self::Server => "provider failed",
            Self::Timeout => "provider timed out",
            Self::NotEventStream => "response is not an event stream",
            Self::Redirect => "redirected",
            Self::Conflict => "request conflicts with another",
            Self::Other => "provider reports a failure",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.phrase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_what_is_known() {
        let mut failure = Failure::new(FailureKind::RateLimited);
        assert_eq!(failure.to_string(), "rate limited");
        failure.status = Some(429);
        failure.code = Some("rate_limit_error".to_owned());
        "slow down".clone_into(&mut failure.message);
        assert_eq!(failure.to_string(), "rate limited, status 429, rate_limit_error: slow down");
    }
}
