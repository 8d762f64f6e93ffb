//! The name of a job. It is a file name on every system and a part of a stream's name, so
//! nothing in it can lead out of a directory or hide in one.

use serde::Serialize;
use std::fmt;

/// 1 to 100 bytes of letters, digits, `.`, `_` and `-`, beginning with neither `.` nor `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub(super) struct JobId(String);

impl JobId {
    /// Takes a name that is safe as one of a file.
    ///
    /// # Errors
    ///
    /// [`JobIdError`] says what is wrong with it.
    pub(super) fn new(text: &str) -> Result<Self, JobIdError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        match text {
            "" => Err(JobIdError::Empty),
            _ if text.len() > JOB_ID_BYTES_MAX => Err(JobIdError::TooLong),
            _ if !text.chars().all(plain) => Err(JobIdError::Character),
            _ if text.starts_with(['.', '-']) => Err(JobIdError::Beginning),
            _ => Ok(Self(text.to_owned())),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// What two ids have in common that are one file where case makes no difference.
    pub(super) fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Bytes of an id; with `.txt`, or with what a stream's name adds, it is still a name.
pub(super) const JOB_ID_BYTES_MAX: usize = 100;

/// Why a text is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobIdError {
    Empty,
    TooLong,
    Character,
    Beginning,
}

impl fmt::Display for JobIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("`id` is empty"),
            Self::TooLong => write!(f, "`id` is longer than {JOB_ID_BYTES_MAX} bytes"),
            Self::Character => f.write_str("`id` has other characters than A-Z a-z 0-9 . _ -"),
            Self::Beginning => f.write_str("`id` begins with `.` or `-`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_plain_everywhere_is_taken() {
        for id in ["a", "0", "_x", "Q-7.b_c", "a..b", &"x".repeat(JOB_ID_BYTES_MAX)] {
            assert_eq!(JobId::new(id).unwrap().as_str(), id);
        }
    }

    #[test]
    fn nothing_leads_out_of_the_directory_or_hides_in_it() {
        for id in ["a/b", "/a", "a\\b", "..\\a", "c:a", "a b", "a\nb", "a\0", "é", "a*"] {
            assert_eq!(JobId::new(id), Err(JobIdError::Character), "{id:?}");
        }
        for id in [".", "..", ".a", "-rf", "..a"] {
            assert_eq!(JobId::new(id), Err(JobIdError::Beginning), "{id:?}");
        }
        assert_eq!(JobId::new(""), Err(JobIdError::Empty));
        assert_eq!(JobId::new(&"x".repeat(JOB_ID_BYTES_MAX + 1)), Err(JobIdError::TooLong));
    }
}
