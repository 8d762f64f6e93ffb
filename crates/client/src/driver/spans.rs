//! The spans of a stream: one for all of it, and in it one for each attempt. They hold no key and
//! nothing of the response; without a subscriber they cost a comparison for each attempt.

use resume::{AttemptId, AttemptSummary, Choice, Request};
use tracing::Span;
use tracing::field::{Empty, display};

/// What is written of a stream that is under way.
pub(super) struct Spans {
    stream: Span,
    /// Those of the attempts that are under way, of which all but one are copies.
    attempts: Vec<(AttemptId, Span)>,
}

impl Spans {
    /// The span of a stream that begins.
    pub(super) fn open(id: &str, model: Option<&str>, wire: &str) -> Self {
        let stream = tracing::info_span!("stream", id, model, wire, ended = Empty);
        Self { stream, attempts: Vec::new() }
    }

    /// An attempt begins, for these reasons.
    pub(super) fn begin(&mut self, request: &Request, endpoint: &str, choice: Option<&Choice>) {
        let span = tracing::info_span!(
            parent: &self.stream,
            "attempt",
            number = request.attempt.0,
            rung = request.rung.name(),
            endpoint,
            why = choice.map(|choice| display(choice.reason)),
            passed_over = choice.map(|choice| display(passed_over(choice))),
            ended = Empty,
            usage = Empty,
            input_tokens = Empty,
            output_tokens = Empty,
        );
        self.attempts.reserve_exact(1);
        self.attempts.push((request.attempt, span));
    }

    /// Hands out the span of an attempt that is over.
    pub(super) fn take(&mut self, attempt: AttemptId) -> Span {
        let at = self.attempts.iter().position(|(id, _)| *id == attempt);
        at.map_or_else(Span::none, |at| self.attempts.swap_remove(at).1)
    }

    /// The attempt is over; `ended` says how, without keys.
    pub(super) fn end_attempt(
        span: &Span,
        attempt: &AttemptSummary,
        ended: &dyn std::fmt::Display,
    ) {
        span.record("ended", display(ended)).record("usage", report(attempt));
        span.record("input_tokens", attempt.usage.input_total().unwrap_or(u64::MAX));
        span.record("output_tokens", attempt.usage.output_total().unwrap_or(u64::MAX));
    }

    /// The stream is over; `ended` says how, without keys.
    pub(super) fn end(&self, ended: &dyn std::fmt::Display) {
        self.stream.record("ended", display(ended));
    }
}

/// The better ways and what is against each.
fn passed_over(choice: &Choice) -> String {
    let passed = choice.passed.iter().map(|(rung, reason)| format!("{rung}: {reason}"));
    passed.collect::<Vec<_>>().join("; ")
}

/// How much is known of what an attempt is billed for.
fn report(attempt: &AttemptSummary) -> &'static str {
    match (attempt.estimated, attempt.usage == cost::Usage::default()) {
        (false, false) => "reported",
        (false, true) => "none",
        (true, false) => "estimated",
        (true, true) => "lost",
    }
}
