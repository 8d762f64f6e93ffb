//! What can go wrong when a server is configured or started.
//! Faults that a client sees are values of `Fault`, not errors.

use std::io;

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.kind.message())]
pub struct Error {
    kind: ErrorKind,
    source: Option<io::Error>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The port could not be bound.
    Bind,
    /// A limit is zero where it must not be.
    Limit,
}

impl Error {
    pub(crate) fn bind(source: io::Error) -> Self {
        Self { kind: ErrorKind::Bind, source: Some(source) }
    }

    pub(crate) fn limit() -> Self {
        Self { kind: ErrorKind::Limit, source: None }
    }

    /// What kind of error this is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl ErrorKind {
    fn message(self) -> &'static str {
        match self {
            Self::Bind => "cannot bind the port on loopback",
            Self::Limit => "a limit is zero",
        }
    }
}

/// A name that a command line may not use for a setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {setting} '{given}'")]
pub struct ParseError {
    setting: &'static str,
    given: String,
}

impl ParseError {
    pub(crate) fn new(setting: &'static str, given: &str) -> Self {
        Self { setting, given: given.to_owned() }
    }

    /// Which setting the name was for.
    pub fn setting(&self) -> &'static str {
        self.setting
    }
}
