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

/// Who wrote at the end of what was shown, and where that is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Writer {
    pub(crate) source: Source,
    /// The number of its upstream; `None` where it is not known, or not declared any longer.
    pub(crate) upstream: Option<usize>,
}

/// What an attempt gave the consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrote {
    /// What can be sent back: text, or a whole turn.
    Text,
    /// Something that never is, such as thinking.
    Else,
}

/// Who wrote all that was shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Author {
    last: Option<Writer>,
    all: Hands,
    text: Hands,
}

impl Author {
    /// Takes note of who showed something.
    pub(crate) fn note(&mut self, writer: Writer, wrote: Wrote) {
        let model = writer.source.model.clone();
        self.all.add(model.as_ref());
        if wrote == Wrote::Text {
            self.text.add(model.as_ref());
        }
        self.last = Some(writer);
    }

    pub(crate) const fn last(&self) -> Option<&Writer> {
        self.last.as_ref()
    }

    /// The last one is at this upstream, as this process counts them.
    pub(crate) fn is_at(&mut self, upstream: Option<usize>) {
        self.last.iter_mut().for_each(|last| last.upstream = upstream);
    }

    /// Whether there is text that this model did not write.
    pub(crate) fn is_foreign_to(&self, model: Option<&str>) -> bool {
        self.text.are_others_than(model)
    }

    /// Whether anything was shown that is not this model's.
    pub(crate) fn has_others_than(&self, model: Option<&str>) -> bool {
        self.all.are_others_than(model)
    }
}

/// The models that had a hand in something.
#[derive(Clone, Debug, Default)]
enum Hands {
    #[default]
    None,
    One(Option<Arc<str>>),
    Several,
}

impl Hands {
    fn add(&mut self, model: Option<&Arc<str>>) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(model.cloned()),
            Self::One(one) if one.as_ref() == model => Self::One(one),
            Self::One(_) | Self::Several => Self::Several,
        };
    }

    fn are_others_than(&self, model: Option<&str>) -> bool {
        match self {
            Self::None => false,
            Self::One(one) => one.as_deref() != model,
            Self::Several => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(model: &str) -> Writer {
        let source = Source { endpoint: None, model: Some(model.into()) };
        Writer { source, upstream: None }
    }

    #[test]
    fn text_of_two_models_is_foreign_to_both() {
        let mut author = Author::default();
        assert!(!author.is_foreign_to(Some("a")));
        author.note(writer("a"), Wrote::Text);
        author.note(Writer { upstream: Some(1), ..writer("a") }, Wrote::Text);
        assert!(!author.is_foreign_to(Some("a")) && author.is_foreign_to(Some("b")));
        author.note(writer("b"), Wrote::Text);
        assert!(author.is_foreign_to(Some("a")) && author.is_foreign_to(Some("b")));
    }

    #[test]
    fn what_is_no_text_is_anothers_and_makes_no_text_foreign() {
        let mut author = Author::default();
        author.note(writer("a"), Wrote::Else);
        assert_eq!(author.last(), Some(&writer("a")));
        author.note(writer("b"), Wrote::Text);
        assert!(author.has_others_than(Some("b")) && !author.is_foreign_to(Some("b")));
    }
}
