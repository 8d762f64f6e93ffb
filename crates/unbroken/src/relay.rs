//! Moves one stream to stdout until it ends, is stopped by a signal, or nobody reads it.
//! A stream that is stopped keeps its checkpoint.

use client::{ErrorKind, Event, Oddities, ResponseStream, StopReason, StreamId};
use std::io::{self, IsTerminal};
use std::time::Duration;

use crate::advice::Advice;
use crate::breaks::Breaks;
use crate::diagnostics::report;
use crate::object::{Account, Failure, Start};
use crate::output::{Form, Output};
use crate::signal::Signals;
use crate::status::Status;

/// One stream on its way to stdout.
pub(crate) struct Relay {
    stream: ResponseStream,
    output: Output,
    advice: Advice,
    narration: Narration,
    breaks: Breaks,
    stop_reason: Option<StopReason>,
    /// The end of the turn is not the provider's.
    has_own_end: bool,
    oddities: Oddities,
}

/// Whether breaks are told on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Narration {
    Told,
    Silent,
}

/// How the forwarding ended.
enum End {
    Complete,
    Failed(client::Error),
    Signal(&'static str),
    Output(io::Error),
}

/// Whether an event was the last.
enum Step {
    More,
    Last,
}

/// What a reader should know of an answer that is whole, and yet not all that was wanted.
pub(crate) const fn cut_short(reason: StopReason) -> Option<&'static str> {
    match reason {
        StopReason::MaxTokens => Some("the model stopped at the limit of output tokens"),
        StopReason::ContextWindow => Some("the model stopped at the end of its context window"),
        StopReason::Refusal => Some("the model or a filter refused to say more"),
        StopReason::PauseTurn => Some("the model paused its turn"),
        _ => None,
    }
}

/// How long a stop waits for the store.
pub(crate) const PAUSE_MAX: Duration = Duration::from_secs(5);

impl Relay {
    /// A relay of `stream`; `from` is the first byte of the text that is wanted.
    pub(crate) fn new(
        stream: ResponseStream,
        form: Form,
        from: u64,
        advice: Advice,
        verbose: u8,
    ) -> Self {
        // On a terminal the lines would tear the text that is shown there.
        let torn = io::stdout().is_terminal() && verbose == 0;
        let narration =
            if form == Form::Json || torn { Narration::Silent } else { Narration::Told };
        let (output, breaks) = (Output::new(form, from), Breaks::default());
        let oddities = Oddities::default();
        Self {
            stream,
            output,
            advice,
            narration,
            breaks,
            stop_reason: None,
            has_own_end: false,
            oddities,
        }
    }

    /// Forwards everything and says on stderr how it ended.
    pub(crate) async fn run(
        mut self,
        start: Start<'_>,
        signals: &mut Signals,
    ) -> anyhow::Result<Status> {
        let end = tokio::select! {
            biased;
            name = signals.next() => End::Signal(name),
            end = self.forward(start) => end,
        };
        self.end_line(&end);
        self.finish(end).await
    }

    /// # Cancel safety
    ///
    /// The stream loses nothing; how much of the last event was written is unknown.
    async fn forward(&mut self, start: Start<'_>) -> End {
        let recovered = self.stream.recovered_text().to_owned();
        let begin = async {
            self.output.start(start).await?;
            self.output.text(&recovered).await
        };
        if let Err(error) = begin.await {
            return End::Output(error);
        }
        loop {
            let event = match self.stream.next().await {
                Some(Ok(event)) => event,
                Some(Err(error)) => return End::Failed(error),
                None => unreachable!("a stream ends with its end or an error"),
            };
            match self.show(event).await {
                Ok(Step::More) => {}
                Ok(Step::Last) => return End::Complete,
                Err(error) => return End::Output(error),
            }
        }
    }

    async fn show(&mut self, event: Event) -> io::Result<Step> {
        match event {
            Event::Text(text) => self.output.text(&text).await?,
            Event::State(state) => {
                if let (Some(told), Narration::Told) = (self.breaks.observe(&state), self.narration)
                {
                    report(&format_args!("at byte {}: {told}", self.output.text_bytes()));
                }
                self.output.state(&state).await?;
            }
            Event::Seam(seam) => self.output.seam(&seam).await?,
            Event::End(summary) => {
                self.output.end(self.stream.id(), &summary).await?;
                self.stop_reason = summary.stop;
                self.has_own_end = summary.own_end;
                self.oddities = summary.oddities();
                return Ok(Step::Last);
            }
            _ => {}
        }
        Ok(Step::More)
    }

    async fn finish(self, end: End) -> anyhow::Result<Status> {
        match end {
            End::Complete => {
                report_odd(&self.oddities);
                if let Some(words) = self.stop_reason.and_then(cut_short) {
                    report(&words);
                }
                if self.has_own_end {
                    report(
                        &"the answer broke behind its calls and ends there, as was asked; others may be missing",
                    );
                }
                Ok(Status::Complete)
            }
            End::Failed(error) => self.fail(error).await,
            End::Signal(name) => self.stop(&format!("stopped by {name}"), Audience::Listens).await,
            // `head` and its like have all that they want; it is no news to anyone.
            End::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.stop("nobody reads the output", Audience::Gone).await
            }
            End::Output(error) => {
                self.stop(&format!("cannot write the output: {error}"), Audience::Listens).await
            }
        }
    }

    /// Keeps the prompt of the shell off the last line of the text, without adding to stdout.
    fn end_line(&self, end: &End) {
        let shown = !matches!(end, End::Output(_)) && io::stdout().is_terminal();
        if shown && io::stderr().is_terminal() && !self.output.ends_line() {
            eprintln!();
        }
    }

    async fn fail(mut self, error: client::Error) -> anyhow::Result<Status> {
        let id = self.stream.id().clone();
        let resumable = leaves_a_checkpoint(error.kind()) && error.checkpoint().is_some();
        let failure = Failure {
            id: id.as_str(),
            kind: kind_name(error.kind()),
            message: error.to_string(),
            resume: if resumable { self.advice.command(&id) } else { None },
            account: error.summary().map(Account::from),
        };
        // The reader may be gone; stderr and the status still say what happened.
        drop(self.output.failure(failure).await);
        if !resumable {
            return Err(anyhow::Error::new(error).context(format!("stream {id}")));
        }
        if let Some(summary) = error.summary() {
            report_odd(&summary.oddities());
        }
        let sentence = self.advice.sentence(&id);
        // The cause of a failing store is below its error.
        report(&format_args!("stream {id}: {:#}; {sentence}", anyhow::Error::new(error)));
        Ok(Status::Incomplete)
    }

    /// Makes what was shown durable and lets go of the stream.
    async fn stop(mut self, why: &str, audience: Audience) -> anyhow::Result<Status> {
        let id = self.stream.id().clone();
        let paused = tokio::time::timeout(PAUSE_MAX, self.stream.pause()).await;
        if audience == Audience::Gone {
            return Ok(Status::Incomplete);
        }
        let failure = interruption(&id, why, self.advice.command(&id));
        drop(tokio::time::timeout(PAUSE_MAX, self.output.failure(failure)).await);
        match paused {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => report(&format_args!("stream {id}: {error}")),
            // What was delivered was durable before; only the rest is unknown.
            Err(_) => report(&format_args!("stream {id}: the checkpoint store does not answer")),
        }
        report(&format_args!("stream {id}: {why}; {}", self.advice.sentence(&id)));
        Ok(Status::Incomplete)
    }
}

/// Says on stderr what was odd about the answers, where anything was.
fn report_odd(oddities: &Oddities) {
    if let Some(words) = odd(oddities) {
        report(&words);
    }
}

/// What was odd about the answers, in one line.
fn odd(oddities: &Oddities) -> Option<String> {
    let told = oddities.kinds().map(|(_, count, meaning)| format!("{count} {meaning}"));
    let told: Vec<_> = told.collect();
    (!told.is_empty())
        .then(|| format!("nothing is lost, but the answer was odd: {}", told.join(", ")))
}

/// Whether anyone still reads stdout.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Audience {
    Listens,
    Gone,
}

/// Whether what is in the store can be gone on with after such an end. When a store fails it
/// still holds what was shown.
const fn leaves_a_checkpoint(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Incomplete | ErrorKind::Store)
}

fn interruption<'a>(id: &'a StreamId, why: &str, resume: Option<String>) -> Failure<'a> {
    let message = why.to_owned();
    Failure { id: id.as_str(), kind: "interrupted", message, resume, account: None }
}

/// The name of a kind of error.
pub(crate) const fn kind_name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Incomplete => "incomplete",
        ErrorKind::Refused => "refused",
        ErrorKind::InvalidRequest => "invalid-request",
        ErrorKind::InvalidConfig => "invalid-config",
        ErrorKind::Store => "store",
        ErrorKind::NotFound => "not-found",
        ErrorKind::Exists => "exists",
        ErrorKind::Locked => "locked",
        ErrorKind::Fenced => "fenced",
        ErrorKind::Held => "held",
        ErrorKind::CursorAhead => "cursor-ahead",
        ErrorKind::EndpointMismatch => "endpoint-mismatch",
        ErrorKind::UnreadableCheckpoint => "unreadable-checkpoint",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_odd_is_one_line_and_nothing_is_none() {
        let mut oddities = Oddities::default();
        assert_eq!(odd(&oddities), None);
        (oddities.misnamed, oddities.buffered) = (2, 1);
        let told = odd(&oddities).unwrap();
        assert!(told.contains("2 event names") && told.contains(", 1 answers"), "{told}");
    }

    #[test]
    fn a_store_that_fails_leaves_a_checkpoint_and_one_that_is_anothers_does_not() {
        assert!(leaves_a_checkpoint(ErrorKind::Store));
        assert!(leaves_a_checkpoint(ErrorKind::Incomplete));
        for kind in [ErrorKind::Fenced, ErrorKind::NotFound, ErrorKind::Refused] {
            assert!(!leaves_a_checkpoint(kind), "{kind:?}");
        }
    }
}
