//! Who wrote the text: a model at a server. A continuation by another one is told so, and nothing of
//! a model's own ways is taken for another's.

use std::fmt;
use std::sync::Arc;

/// Who wrote a part of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The name of the endpoint, where a driver chose among them.
    pub endpoint: Option<Arc<str>>,
    /// The model as it was asked for.
    pub model: Option<Arc<str>>,
}

impl fmt::Display for Source {
    /// The model at the endpoint, as far as they are known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.model.as_deref().unwrap_or("the model"))?;
        match &self.endpoint {
            Some(endpoint) => write!(f, " at {endpoint}"),
            None => Ok(()),
        }
    }
}

/// A continuation by another model, or at another upstream, than what it goes on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Who wrote the text before the seam.
    pub from: Source,
    /// Who goes on.
    pub to: Source,
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {} to {}", self.from, self.to)
    }
}

/// Who wrote all of the text that was shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Author {
    /// Who wrote the end of it.
    last: Option<Source>,
    /// Another model wrote some of it.
    is_mixed: bool,
}

impl Author {
    /// Takes note of who brought text.
    pub(crate) fn note(&mut self, source: Source) {
        self.is_mixed |= self.is_foreign_to(source.model.as_deref());
        self.last = Some(source);
    }

    pub(crate) const fn last(&self) -> Option<&Source> {
        self.last.as_ref()
    }

    /// Whether there is text that this model did not write.
    pub(crate) fn is_foreign_to(&self, model: Option<&str>) -> bool {
        let is_other = |last: &Source| last.model.as_deref() != model;
        self.is_mixed || self.last.as_ref().is_some_and(is_other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(model: &str) -> Source {
        Source { endpoint: None, model: Some(model.into()) }
    }

    #[test]
    fn text_of_two_models_is_foreign_to_both() {
        let mut author = Author::default();
        assert!(!author.is_foreign_to(Some("a")));
        author.note(source("a"));
        author.note(Source { endpoint: Some("elsewhere".into()), ..source("a") });
        assert!(!author.is_foreign_to(Some("a")) && author.is_foreign_to(Some("b")));
        author.note(source("b"));
        assert!(author.is_foreign_to(Some("a")) && author.is_foreign_to(Some("b")));
        assert_eq!(author.last(), Some(&source("b")));
    }
}
