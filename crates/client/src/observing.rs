//! Whoever is told what happens, if anybody is.

use resume::Observer;
use std::fmt;
use std::sync::Arc;

/// An observer that streams share.
#[derive(Clone, Default)]
pub(crate) struct Observing(Option<Arc<dyn Observer>>);

impl Observing {
    pub(crate) fn by(observer: Arc<dyn Observer>) -> Self {
        Self(Some(observer))
    }

    pub(crate) fn observer(&self) -> Option<&dyn Observer> {
        self.0.as_deref()
    }
}

impl fmt::Debug for Observing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Observing" } else { "Nobody" })
    }
}
