//! What the exit status says, and which errors are the caller's mistake.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// The exit status of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// The provider finished, or the command did what it was asked to.
    Complete = 0,
    /// It was refused or failed.
    Failed = 1,
    /// The arguments or the environment are not usable.
    Usage = 2,
    /// Done as far as possible: a store could not be opened, or failed, or a stream is damaged.
    Partly = 3,
    /// The response is not whole and its checkpoint is kept, or nobody read the output to its end.
    Incomplete = 75,
}

impl Status {
    /// The status that an error ends with.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        match error.downcast_ref::<UsageError>() {
            Some(_) => Self::Usage,
            None if is_broken_pipe(error) => Self::Incomplete,
            None => Self::Failed,
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

/// Whether nobody reads the output any longer.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<io::Error>();
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// An error that says which argument or variable to change. The text must not quote a secret.
pub(crate) fn usage_error(message: impl fmt::Display) -> anyhow::Error {
    UsageError(message.to_string()).into()
}

/// The arguments or the environment are not usable.
#[derive(Debug)]
struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_usage_error_keeps_its_status_under_context() {
        let error = usage_error("no key");
        assert_eq!(Status::of(&error), Status::Usage);
        let error = Err::<(), _>(error).context("while starting").unwrap_err();
        assert_eq!(Status::of(&error), Status::Usage);
        assert_eq!(Status::of(&anyhow::anyhow!("disk full")), Status::Failed);
    }

    #[test]
    fn a_reader_that_leaves_has_not_seen_the_whole() {
        let left = io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(Status::of(&left.into()), Status::Incomplete);
    }
}
