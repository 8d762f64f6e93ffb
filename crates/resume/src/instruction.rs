//! The user's message that asks a model to go on where its answer was cut.
//!
//! It speaks as the user, who has seen the text. It is never put into a system prompt, where a model's
//! own words would become orders, and it does not pretend to be a notice of some machine.

use std::borrow::Cow;
use std::fmt;

/// Where the fragment is put in the words of an [`Instruction`].
const PLACE: &str = "{fragment}";

/// Bytes of the longest instruction; it is paid for with every continuation.
pub const INSTRUCTION_BYTES_MAX: usize = 16 << 10;

/// What a model that takes no prefill is told, after its partial answer.
///
/// ```
/// use resume::Instruction;
///
/// let instruction = Instruction::new(
///     "Meine Verbindung ist abgebrochen, das Letzte war: «{fragment}» Bitte wiederhole genau dieses \
///      Stück und schreibe dann in derselben Zeile weiter.",
/// )?;
/// let words = instruction.words("in dem Haus am See", Some("Haus am See"));
/// assert!(words.contains("«Haus am See» Bitte"));
/// # Ok::<(), resume::InstructionError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    quoting: Cow<'static, str>,
    /// `None` for the words that come with the crate.
    plain: Option<String>,
}

impl Default for Instruction {
    fn default() -> Self {
        Self { quoting: Cow::Borrowed(QUOTING), plain: None }
    }
}

impl Instruction {
    /// Words of one's own. Where they say `{fragment}`, the end of the partial answer is put.
    ///
    /// Put it between marks, so that the model sees where it ends, and ask for it word for word: the
    /// seam is verified by it. Write it as the user who was answered.
    ///
    /// # Errors
    ///
    /// [`InstructionError`] when `{fragment}` does not stand there exactly once, or the words are
    /// longer than [`INSTRUCTION_BYTES_MAX`].
    pub fn new(words: impl Into<String>) -> Result<Self, InstructionError> {
        let words = words.into();
        match words.matches(PLACE).count() {
            _ if words.len() > INSTRUCTION_BYTES_MAX => Err(InstructionError::TooLong),
            0 => Err(InstructionError::NoFragment),
            1 => Ok(Self { quoting: Cow::Owned(words), plain: None }),
            _ => Err(InstructionError::Fragments),
        }
    }

    /// The words for a text of which no fragment can be quoted, since none says where it was cut.
    ///
    /// They should quote nothing: a model that repeats a quotation repeats them.
    ///
    /// # Errors
    ///
    /// [`InstructionError`] when they are blank, say `{fragment}`, or are longer than
    /// [`INSTRUCTION_BYTES_MAX`].
    pub fn without_fragment(self, words: impl Into<String>) -> Result<Self, InstructionError> {
        let words = words.into();
        if words.len() > INSTRUCTION_BYTES_MAX {
            Err(InstructionError::TooLong)
        } else if words.trim().is_empty() {
            Err(InstructionError::Blank)
        } else if words.contains(PLACE) {
            Err(InstructionError::Fragments)
        } else {
            Ok(Self { plain: Some(words), ..self })
        }
    }

    /// The message for a partial answer and the end of it that is to be repeated, if any.
    #[must_use]
    pub fn words(&self, partial: &str, fragment: Option<&str>) -> String {
        match (fragment, &self.plain) {
            (Some(fragment), _) => self.quoting.replacen(PLACE, fragment, 1),
            (None, Some(plain)) => plain.clone(),
            (None, None) => unquoted(partial),
        }
    }
}

/// Why words are no instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstructionError {
    /// They do not say `{fragment}`.
    NoFragment,
    /// They say `{fragment}` too often.
    Fragments,
    /// There are none.
    Blank,
    /// They are longer than [`INSTRUCTION_BYTES_MAX`].
    TooLong,
}

impl fmt::Display for InstructionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFragment => write!(f, "the instruction does not say {PLACE}"),
            Self::Fragments => write!(f, "the instruction says {PLACE} too often"),
            Self::Blank => f.write_str("the instruction is blank"),
            Self::TooLong => {
                write!(f, "the instruction is longer than {INSTRUCTION_BYTES_MAX} bytes")
            }
        }
    }
}

impl std::error::Error for InstructionError {}

const QUOTING: &str = "The connection broke while you were answering, and this is the last that \
    reached me: «{fragment}» Please go on from exactly there. First write that last fragment once \
    more, word for word, and then continue in the same line with what comes next. Do not start \
    again, do not sum up, and do not comment on the interruption.";

/// Where nothing can be quoted, words that the text does not end in: what is read as a quotation
/// by a model that repeats quotations must not be there. The partial is trimmed, so it is enough
/// that its last character does not occur.
const UNQUOTED: &str = "my connection broke while you were answering and all of your answer above \
    reached me please go on from exactly where it stops with the next character as if nothing had \
    happened and do not repeat anything or start again or sum up or comment on the interruption";

fn unquoted(partial: &str) -> String {
    match partial.chars().next_back() {
        Some(last) if last.is_ascii_lowercase() => UNQUOTED.to_ascii_uppercase(),
        _ => UNQUOTED.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_without_a_quotation_holds_no_end_of_the_text() {
        for last in ('!'..='~').chain(['끝', '…', '😀']) {
            let words = Instruction::default().words(&format!("ha ha {last}"), None);
            assert!(!words.contains(last), "{last:?}");
        }
    }

    #[test]
    fn a_fragment_that_looks_like_a_place_is_put_as_it_is() {
        let words = Instruction::new("a {fragment} b").unwrap().words("", Some("x {fragment} y"));
        assert_eq!(words, "a x {fragment} y b");
    }

    #[test]
    fn words_that_are_no_instruction_are_refused() {
        let refused = |words: &str| Instruction::new(words).unwrap_err();
        assert_eq!(refused("go on"), InstructionError::NoFragment);
        assert_eq!(refused("{fragment} {fragment}"), InstructionError::Fragments);
        let plain = |words: &str| Instruction::default().without_fragment(words).unwrap_err();
        assert_eq!(plain(" \n"), InstructionError::Blank);
        assert_eq!(plain("{fragment}"), InstructionError::Fragments);
        let long = |len: usize| "x".repeat(len - PLACE.len()) + PLACE;
        assert!(Instruction::new(long(INSTRUCTION_BYTES_MAX)).is_ok());
        assert_eq!(refused(&long(INSTRUCTION_BYTES_MAX + 1)), InstructionError::TooLong);
        assert_eq!(plain(&"x".repeat(INSTRUCTION_BYTES_MAX + 1)), InstructionError::TooLong);
    }

    #[test]
    fn each_kind_of_words_is_replaced_by_itself() {
        let own = Instruction::new("again: {fragment}").unwrap();
        assert_eq!(own.words("x", None), Instruction::default().words("x", None));
        let own = own.without_fragment("go on").unwrap();
        assert_eq!(
            (own.words("x", None), own.words("x", Some("x"))),
            ("go on".into(), "again: x".into())
        );
    }
}
