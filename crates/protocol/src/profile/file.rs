//! A profile of one's own, out of a TOML file. Everything that is wrong is said with its file, its
//! line, its field and what to write instead. It opens no file.

mod fields;

use std::fmt;

use toml::de::DeTable;

use self::fields::Fields;
use super::Profile;

/// Most bytes that a profile file has.
pub const PROFILE_FILE_BYTES_MAX: usize = 64 * 1024;

/// A profile out of a file, and the headers that its server wants.
///
/// ```
/// use protocol::{CustomProfile, Prefill};
///
/// let text = r#"
///     name = "lab"
///     base = "vllm"
///     deterministic = true
/// "#;
/// let lab = CustomProfile::parse("lab.toml", text)?;
/// assert_eq!((lab.profile.name.as_str(), lab.profile.prefill), ("lab", Prefill::ContinueFinal));
///
/// let error = CustomProfile::parse("lab.toml", "name = \"lab\"\nbase = \"vlm\"").unwrap_err();
/// assert_eq!((error.line, error.field.as_deref()), (2, Some("base")));
/// # Ok::<(), protocol::ProfileFileError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomProfile {
    /// How the server behaves.
    pub profile: Profile,
    /// Headers of every request, by name and value; none of them is a secret.
    pub headers: Vec<(String, String)>,
}

impl CustomProfile {
    /// Reads the text of a file; `file` is its name, for errors.
    ///
    /// # Errors
    ///
    /// [`ProfileFileError`] says where it is wrong and what to write.
    pub fn parse(file: &str, text: &str) -> Result<Self, ProfileFileError> {
        // Some editors begin a file with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let place = Place { file, text };
        if text.len() > PROFILE_FILE_BYTES_MAX {
            let what = format!("it is longer than {PROFILE_FILE_BYTES_MAX} bytes");
            return Err(place.wrong(0, None, what, "a profile is a page at most"));
        }
        let table = DeTable::parse(text).map_err(|error| place.syntax(&error))?;
        Fields::new(place, table.get_ref())?.read()
    }
}

/// Where and why a profile file is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfileFileError {
    /// The name of the file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The field, where it is one.
    pub field: Option<String>,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for ProfileFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

impl std::error::Error for ProfileFileError {}

/// A file and its text, to say where something stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a str,
    text: &'a str,
}

impl Place<'_> {
    /// What is wrong at a byte of the text.
    fn wrong(
        self,
        at: usize,
        field: Option<&str>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> ProfileFileError {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        ProfileFileError {
            file: self.file.to_owned(),
            line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
            field: field.map(|field| field.chars().flat_map(char::escape_debug).collect()),
            what: what.into(),
            remedy: remedy.into(),
        }
    }

    fn syntax(self, error: &toml::de::Error) -> ProfileFileError {
        let at = error.span().map_or(0, |span| span.start);
        let what = format!("not TOML: {}", error.message());
        self.wrong(at, None, what, "write `field = value`, text in double quotes")
    }
}

#[cfg(test)]
mod tests;
