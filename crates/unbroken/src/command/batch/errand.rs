//! One job from its start to its line. Text goes to the journal, then to the file; a finished
//! job's text is durable, then its line, and only then is its journal removed.

use anyhow::Context;
use client::{
    Cause, Client, Error, ErrorKind, Event, IfHeld, Money, Profile, ResponseStream, ResumeOptions,
    SharedBudget, Store, StreamId, Summary,
};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

use super::folder::Folder;
use super::job::{Defaults, Job};
use super::results::{Failure, Line, Results};
use super::tally::{Ended, Fate};
use super::text_file::TextFile;
use crate::object::{Joint, Usage, stop_name};
use crate::relay::{PAUSE_MAX, kind_name};
use crate::stored;

/// What all jobs of a run share.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) client: Client,
    pub(super) store: Store,
    pub(super) profile: Profile,
    pub(super) defaults: Defaults,
    /// For each job.
    pub(super) deadline: Option<Duration>,
    pub(super) folder: Folder,
    /// Locked for one line at a time, by a thread that may block.
    pub(super) results: Mutex<Results>,
    /// Bytes of text that this run received.
    pub(super) text_bytes: AtomicU64,
    /// What this run may cost.
    pub(super) budget: Option<SharedBudget>,
}

/// Whether jobs go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Go {
    On,
    Stop,
}

/// One job being done.
#[derive(Debug)]
pub(super) struct Errand {
    desk: Arc<Desk>,
    job: Job,
    id: StreamId,
    began: Instant,
    first_text: Option<Duration>,
    /// Whether an earlier run had begun it.
    resumed: bool,
}

/// How receiving ended.
enum End {
    Complete(Box<Summary>),
    Failed(Error),
    Stopped { said: Option<String> },
}

impl Errand {
    /// An errand that begins now, on this stream.
    pub(super) fn new(desk: Arc<Desk>, job: Job, id: StreamId) -> Self {
        Self { desk, job, id, began: Instant::now(), first_text: None, resumed: false }
    }

    /// Does the job, until it ends or is stopped.
    ///
    /// # Errors
    ///
    /// The directory cannot be written to. The job's checkpoint is kept.
    pub(super) async fn run(mut self, mut go: watch::Receiver<Go>) -> anyhow::Result<Ended> {
        let stream = match self.open().await {
            Ok(stream) => stream,
            Err(error) => return self.fail(error).await,
        };
        tracing::info!(id = %self.job.id, resumed = self.resumed, "job begun");
        match self.receive(stream, &mut go).await? {
            End::Complete(summary) => self.finish(&summary).await,
            End::Failed(error) => self.fail(error).await,
            End::Stopped { said } => Ok(Ended::cut(said)),
        }
    }

    /// Goes on with the job's stream, or begins one.
    async fn open(&mut self) -> Result<ResponseStream, Error> {
        let Desk { client, store, deadline, .. } = &*self.desk;
        let id = &self.id;
        // Whatever else is wrong with the store is said when the stream is opened.
        if let Ok(held) = store.info(id).await {
            if held.last.is_some() {
                self.resumed = true;
                // The folder has one run at a time: who holds a stream of it is dead.
                let (within, if_held) = (*deadline, IfHeld::TakeOver);
                let options = ResumeOptions { within, if_held, ..ResumeOptions::default() };
                return client.resume_with(id, options).await;
            }
            // It was made by one that was killed before it asked. If it stays, the name is
            // taken, and opening says so.
            drop(store.delete(id).await);
        }
        let request = self.desk.request(&self.job).id(id.clone());
        client.stream(deadline.iter().fold(request, |request, d| request.deadline(*d))).await
    }

    /// Moves the text to its file. When this returns it is durable, if it is whole.
    async fn receive(
        &mut self,
        mut stream: ResponseStream,
        go: &mut watch::Receiver<Go>,
    ) -> anyhow::Result<End> {
        let path = self.desk.folder.text(&self.job.id);
        let failed = || format!("cannot write {}", path.display());
        let opened = TextFile::open(&path, stream.recovered_text()).await;
        let mut file = opened.with_context(failed)?;
        loop {
            let event = tokio::select! {
                biased;
                () = stopped(go) => None,
                event = stream.next() => Some(event),
            };
            let Some(event) = event else {
                return Ok(End::Stopped { said: self.pause(stream).await });
            };
            match event {
                Some(Ok(Event::Text(text))) => {
                    self.first_text.get_or_insert_with(|| self.began.elapsed());
                    file.append(&text).await.with_context(failed)?;
                    self.desk.text_bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
                }
                Some(Ok(Event::End(summary))) => {
                    file.sync().await.with_context(failed)?;
                    self.desk.folder.sync().await.with_context(failed)?;
                    return Ok(End::Complete(summary));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Ok(End::Failed(error)),
                None => unreachable!("a stream ends with its end or an error"),
            }
        }
    }

    /// Makes what was received durable and lets go of the stream; says what was wrong.
    async fn pause(&self, stream: ResponseStream) -> Option<String> {
        let id = &self.job.id;
        match tokio::time::timeout(PAUSE_MAX, stream.pause()).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(format!("job {id}: {error}")),
            // What was delivered was durable before; only the rest is unknown.
            Err(_) => Some(format!("job {id}: the checkpoint store does not answer")),
        }
    }

    async fn finish(self, summary: &Summary) -> anyhow::Result<Ended> {
        let attempts = self.attempts(summary).await;
        self.note(self.line(Some(summary), attempts, None)).await?;
        tracing::info!(id = %self.job.id, text_bytes = summary.text_bytes, "job finished");
        self.clear().await;
        let fate = if self.resumed { Fate::Resumed } else { Fate::Done };
        Ok(Ended { fate, usage: summary.usage().0, cost: spent(summary), said: None })
    }

    async fn fail(self, error: Error) -> anyhow::Result<Ended> {
        let fate = fate(&error);
        let (kind, resumable) = (error.kind(), is_resumable(&error));
        let summary = error.summary().cloned();
        // The cause of a failing store is below its error.
        let message = self.job.scrub(&format!("{:#}", anyhow::Error::new(error)));
        let said = Some(format!("job {}: {message}", self.job.id));
        let attempts = summary.as_ref().and_then(last_attempt).unwrap_or_default();
        let usage = summary.as_ref().map(|summary| summary.usage().0).unwrap_or_default();
        let cost = summary.as_ref().map_or(Some(Money::ZERO), spent);
        let failure = Failure { kind: kind_name(kind), message, resumable };
        self.note(self.line(summary.as_ref(), attempts, Some(failure))).await?;
        // Another one that no run goes on with may still be of use to people.
        if kind == ErrorKind::Refused {
            self.clear().await;
        }
        Ok(Ended { fate, usage, cost, said })
    }

    /// Removes a checkpoint that no later run asks for, since the line that says so is durable.
    async fn clear(&self) {
        // One that stays costs only its space.
        if let Err(error) = self.desk.store.delete(&self.id).await {
            tracing::debug!(id = %self.id, %error, "the checkpoint stays");
        }
    }

    /// Connections over all runs.
    async fn attempts(&self, summary: &Summary) -> u32 {
        if let Some(last) = last_attempt(summary) {
            return last;
        }
        // The response was whole before this run; its journal has the count.
        let stored = stored::read(&self.desk.store, &self.id, "the checkpoints").await;
        stored.map_or(0, |checkpoint| checkpoint.attempts())
    }

    fn line(&self, summary: Option<&Summary>, attempts: u32, error: Option<Failure>) -> Line {
        let (usage, estimated) = summary.map(Summary::usage).unwrap_or_default();
        Line {
            id: self.job.id.clone(),
            ok: error.is_none(),
            error,
            ttft: self.first_text.map(seconds),
            secs: seconds(self.began.elapsed()),
            attempts,
            seams: summary.iter().flat_map(|s| s.seams.iter().map(Joint::from)).collect(),
            usage: Usage::new(&usage, estimated),
            usd: summary.and_then(|s| s.cost).map(|cost| cost.total.to_string()),
            text_bytes: summary.map_or(0, |summary| summary.text_bytes),
            stop: summary.and_then(|summary| summary.stop).map(stop_name),
            model: summary.and_then(|summary| summary.model.clone()),
            resumed: self.resumed,
            job: self.job.fingerprint(),
        }
    }

    /// Writes the line; it is durable when this returns.
    async fn note(&self, line: Line) -> anyhow::Result<()> {
        let desk = Arc::clone(&self.desk);
        let append = move || {
            // A thread that panicked left whole lines behind: `append` keeps to them.
            desk.results.lock().unwrap_or_else(PoisonError::into_inner).append(&line)
        };
        let appended = tokio::task::spawn_blocking(append).await?;
        appended.with_context(|| format!("cannot write {}", self.desk.folder.results().display()))
    }
}

impl Desk {
    fn request(&self, job: &Job) -> client::Request {
        let model = self.defaults.model_of(job).expect("every job's model was looked for before");
        job.request(model, &self.defaults, &self.profile)
    }
}

/// Waits until jobs are not to go on.
async fn stopped(go: &mut watch::Receiver<Go>) {
    // Without a sender nobody waits for the job any longer.
    drop(go.wait_for(|go| *go == Go::Stop).await);
}

/// Whether the next run is likely to finish it.
fn fate(error: &Error) -> Fate {
    match error.kind() {
        // The disk may be full; what was shown is there.
        ErrorKind::Store => Fate::Cut,
        // The next run has a budget of its own.
        _ if error.cause() == Some(&Cause::OverBudget) => Fate::Cut,
        _ if error.is_retryable() => Fate::Cut,
        _ => Fate::Failed,
    }
}

/// Whether the next run goes on where this one ended. Where that cannot succeed it asks anew.
fn is_resumable(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Incomplete => !matches!(
            error.cause(),
            Some(Cause::Diverged | Cause::NotContinuable | Cause::SeamUnverified | Cause::TooLarge)
        ),
        ErrorKind::Refused
        | ErrorKind::InvalidRequest
        | ErrorKind::NotFound
        | ErrorKind::Exists
        | ErrorKind::UnreadableCheckpoint => false,
        _ => true,
    }
}

/// What the attempts of this run cost, if that is known.
fn spent(summary: &Summary) -> Option<Money> {
    let attempts =
        summary.attempts.iter().filter(|attempt| attempt.usage != cost::Usage::default());
    attempts
        .map(|attempt| attempt.cost)
        .try_fold(Money::ZERO, |sum, cost| sum.checked_add(cost?).ok())
}

/// Attempts are numbered from 1 over all processes.
fn last_attempt(summary: &Summary) -> Option<u32> {
    summary.attempts.iter().map(|attempt| attempt.attempt.0).max()
}

/// To the millisecond.
fn seconds(duration: Duration) -> f64 {
    let millis = u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
    f64::from(millis) / 1000.0
}
