//! The answer to a failure, and why. Nothing here computes it; that is `Call::on_failure`.

use core::error::Error;
use core::fmt;

use crate::{Class, Nanos};

/// What to do after a failure. Instants are absolute, on the caller's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// Send the same request again. Nothing of the response has been delivered.
    RetryAt {
        /// Not before this instant.
        at: Nanos,
        /// What the wait is due to.
        reason: Reason,
    },
    /// Send the same request to another endpoint. Nothing of the response has been delivered.
    ///
    /// A server hint binds the endpoint that gave it; keeping that one out is the caller's part.
    FailOver {
        /// Not before this instant.
        not_before: Nanos,
        /// What the wait is due to.
        reason: Reason,
    },
    /// Go on with a response of which a part has been delivered; never repeat the request as is.
    Resume {
        /// Not before this instant.
        at: Nanos,
        /// What the wait is due to.
        reason: Reason,
    },
    /// Stop.
    GiveUp(GiveUp),
}

impl Decision {
    /// The instant of the next attempt, unless there is none.
    #[must_use]
    pub const fn at(&self) -> Option<Nanos> {
        match *self {
            Self::RetryAt { at, .. } | Self::Resume { at, .. } => Some(at),
            Self::FailOver { not_before, .. } => Some(not_before),
            Self::GiveUp(_) => None,
        }
    }

    /// What the wait is due to, unless there is none.
    #[must_use]
    pub const fn reason(&self) -> Option<Reason> {
        match *self {
            Self::RetryAt { reason, .. }
            | Self::FailOver { reason, .. }
            | Self::Resume { reason, .. } => Some(reason),
            Self::GiveUp(_) => None,
        }
    }
}

/// What a wait is due to, with the class of the failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The policy's own backoff.
    Backoff(Class),
    /// The server named a time; it is never undercut.
    ServerHint(Class),
    /// Another endpoint is to be used: at once after the first failure, then with backoff.
    OtherEndpoint(Class),
}

impl Reason {
    /// The class of the failure.
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::Backoff(class) | Self::ServerHint(class) | Self::OtherEndpoint(class) => class,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backoff(class) => write!(f, "backoff ({class})"),
            Self::ServerHint(class) => {
                write!(f, "the server named a time ({class})")
            }
            Self::OtherEndpoint(class) => write!(f, "another endpoint ({class})"),
        }
    }
}

/// Why there is no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveUp {
    /// The same request would fail again.
    Terminal(Class),
    /// [`Limits::total`](crate::Limits::total) is reached.
    AttemptsExhausted,
    /// [`Limits::in_a_row`](crate::Limits::in_a_row) is reached.
    InARowExhausted,
    /// The delay and a useful attempt do not fit into the deadline.
    DeadlineExceeded,
    /// The server asked for a longer wait than the deadline or, without one,
    /// [`Limits::hint_max`](crate::Limits::hint_max) allows.
    HintTooLong {
        /// The span that the server asked for.
        after: Nanos,
    },
    /// The budget refused the retry.
    BudgetDenied,
    /// The server said `x-should-retry: false`.
    ServerForbids,
    /// The server may have acted on the request, and the policy does not
    /// [`repeat`](crate::Policy::repeat) such a one.
    MaybeProcessed,
}

impl GiveUp {
    /// Whether the same request may be sent at another time.
    #[must_use]
    pub const fn may_work_later(self) -> bool {
        !matches!(self, Self::Terminal(_) | Self::ServerForbids | Self::MaybeProcessed)
    }

    /// The span after which the server said to come back.
    #[must_use]
    pub const fn earliest(self) -> Option<Nanos> {
        match self {
            Self::HintTooLong { after } => Some(after),
            _ => None,
        }
    }
}

impl fmt::Display for GiveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Terminal(class) => write!(f, "the failure does not pass with time ({class})"),
            Self::AttemptsExhausted => f.write_str("all attempts are used up"),
            Self::InARowExhausted => f.write_str("too many failures in a row without progress"),
            Self::DeadlineExceeded => f.write_str("no further attempt fits into the deadline"),
            Self::HintTooLong { after } => {
                write!(f, "the server asked to wait {after}, which is too long")
            }
            Self::BudgetDenied => f.write_str("the retry budget is used up"),
            Self::ServerForbids => f.write_str("the server asked not to retry"),
            Self::MaybeProcessed => f.write_str("the server may have acted on the request"),
        }
    }
}

impl Error for GiveUp {}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::ToString;

    use super::*;

    #[test]
    fn only_a_refusal_of_the_request_itself_is_final() {
        assert!(!GiveUp::Terminal(Class::Auth).may_work_later());
        assert!(!GiveUp::ServerForbids.may_work_later());
        assert!(!GiveUp::MaybeProcessed.may_work_later());
        assert!(GiveUp::BudgetDenied.may_work_later());
        assert!(GiveUp::InARowExhausted.may_work_later());
    }

    #[test]
    fn a_hint_too_long_says_when_to_come_back() {
        let give_up = GiveUp::HintTooLong { after: Nanos::from_secs(3600) };
        assert_eq!(give_up.earliest(), Some(Nanos::from_secs(3600)));
        assert_eq!(give_up.to_string(), "the server asked to wait 3600s, which is too long");
        assert_eq!(GiveUp::DeadlineExceeded.earliest(), None);
    }

    #[test]
    fn texts_name_the_class() {
        assert_eq!(Reason::Backoff(Class::Overload).to_string(), "backoff (overload)");
        assert_eq!(
            GiveUp::Terminal(Class::Quota).to_string(),
            "the failure does not pass with time (quota)"
        );
    }
}
