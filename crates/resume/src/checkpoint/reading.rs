//! One attempt as its records are read.

use cost::Usage;
use protocol::RequestBody;
use std::sync::Arc;

use crate::attempt::Stops;
use crate::cursor::Cursor;
use crate::input::AttemptId;
use crate::meter::{Meter, estimated_input};
use crate::seam::Rung;
use crate::source::{Source, Writer};
use crate::text::Joiner;

/// What is remembered from one event of an attempt to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    pub(super) joiner: Joiner,
    pub(super) stops: Option<Stops>,
    /// How the attempt goes on; `None` before the first.
    pub(super) rung: Option<Rung>,
    pub(super) endpoint: Option<Arc<str>>,
    pub(super) model: Option<Arc<str>>,
    pub(super) upstream: Option<usize>,
    /// Something was shown of its answer.
    pub(super) has_shown: bool,
    /// Text events before the attempt.
    pub(super) text_events: u64,
    /// Bytes of text before the attempt.
    pub(super) text_bytes: usize,
    /// It goes on with a response that was begun, and its last counts are those of all of it.
    pub(super) continues: bool,
    pub(super) meter: Meter,
    /// What its events say that it used.
    pub(super) reported: Usage,
    /// What it used, once that is recorded.
    pub(super) recorded: Option<Usage>,
    /// Its answer came to its end, which was not told.
    pub(super) is_over: bool,
    /// Where the provider keeps the generation.
    pub(super) cursor: Option<Cursor>,
}

impl Reading {
    pub(super) fn writer(&self, request: &RequestBody) -> Writer {
        let own = || request.model().map(Arc::from);
        let (endpoint, model) = (self.endpoint.clone(), self.model.clone().or_else(own));
        Writer { source: Source { endpoint, model }, upstream: self.upstream }
    }

    /// What it used. An attempt whose response goes on at the provider is recorded with nothing.
    pub(super) fn used(&self, request: &RequestBody) -> Usage {
        let recorded = self.recorded.filter(|usage| *usage != Usage::default());
        recorded.unwrap_or_else(|| self.estimate(request))
    }

    fn estimate(&self, request: &RequestBody) -> Usage {
        if self.meter.is_empty() {
            return self.reported;
        }
        self.meter.complete(self.reported, || estimated_input(request, self.text_bytes))
    }
}

/// A copy of a request whose end is not told yet.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    pub(super) attempt: AttemptId,
    pub(super) rung: Rung,
    pub(super) model: Option<Arc<str>>,
}
