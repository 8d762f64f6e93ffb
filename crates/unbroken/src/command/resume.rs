//! `unbroken resume`: goes on with a stream that a crash, a signal or a deadline cut.

use anyhow::{Context, anyhow};
use clap::Args;
use client::{
    Checkpoint, ErrorKind, IfHeld, Profile, ResponseStream, ResumeOptions, Store, StreamId, Summary,
};
use std::fmt;
use std::io;

use crate::advice::Advice;
use crate::breaks::Brief;
use crate::checkpoints::{Checkpoints, Shelf, of_another_process};
use crate::cli::examples;
use crate::clocks::Clocks;
use crate::connection::Connection;
use crate::diagnostics::report;
use crate::object::Start;
use crate::output::{Form, Output};
use crate::prices::Spending;
use crate::recovery::Recovery;
use crate::relay::{Relay, cut_short};
use crate::signal::Signals;
use crate::status::{Status, usage_error};
use crate::stored;

/// Go on with a stream that was cut, and write its whole text or what is missing of it.
///
/// What was asked, of which model and on which wire, is in the checkpoint. The server must be
/// named again by --base-url when it is not the provider's own, and the key comes from the
/// environment: a checkpoint never decides where a key goes. A stream that is complete is
/// only printed.
#[derive(Args)]
#[command(after_help = examples(EXAMPLES), mut_arg("given", of_another_process))]
pub(crate) struct Resume {
    /// The stream, as `unbroken stream` named it on stderr
    id: StreamId,

    /// Leave out the first N bytes of the text: the ones that the reader has already. More than the
    /// checkpoint holds is an error: what follows them would be a new sample of the model
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    from: u64,

    /// Go on also while another process may be receiving the stream; that one is stopped by the
    /// store. Works on Redis: a store in a directory has one owner, which has to end first
    #[arg(long)]
    take_over: bool,

    /// Write one JSON object a line instead of the text
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    checkpoints: Checkpoints,

    #[command(flatten)]
    connection: Connection,

    #[command(flatten)]
    clocks: Clocks,

    #[command(flatten)]
    recovery: Recovery,

    #[command(flatten)]
    spending: Spending,
}

/// What becomes of a stream.
enum Begun {
    /// It needs nothing more from anyone, and was written.
    Printed(Status),
    Opened(Box<Opened>),
}

/// A stream that is gone on with.
struct Opened {
    checkpoint: Checkpoint,
    store: Store,
    stream: ResponseStream,
}

impl Resume {
    /// Reads the checkpoint and goes on where it ends.
    pub(crate) async fn run(self, verbose: u8) -> anyhow::Result<Status> {
        let mut signals = Signals::new().context("cannot wait for signals")?;
        let opened = match signals.before(self.begin()).await {
            Ok(begun) => match begun? {
                Begun::Opened(opened) => opened,
                Begun::Printed(status) => return Ok(status),
            },
            Err(stopped) => return Ok(self.cut(&stopped)),
        };
        let Opened { checkpoint, store, stream } = *opened;
        report(&format_args!("stream {}", self.id));
        let start = self.start(&checkpoint);
        let relay = Relay::new(stream, Form::of(self.json), self.from, self.advice(), verbose);
        let ended = relay.run(start, &mut signals).await;
        stored::let_go(&store, &self.id).await;
        ended
    }

    /// Writes a stream that is complete, or opens one that is not.
    ///
    /// # Cancel safety
    ///
    /// The stream loses nothing; how much was written is unknown.
    async fn begin(&self) -> anyhow::Result<Begun> {
        let Shelf { store, place } = self.checkpoints.open_holding(&self.id).await?;
        let checkpoint = stored::read(&store, &self.id, &place).await?;
        self.require_shown(&checkpoint)?;
        if checkpoint.is_complete() {
            return Ok(Begun::Printed(match self.print(&checkpoint).await {
                Ok(()) => Status::Complete,
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Status::Incomplete,
                Err(error) => self.cut(&format_args!("cannot write the output: {error}")),
            }));
        }
        let stream = self.open(&checkpoint, &store).await?;
        Ok(Begun::Opened(Box::new(Opened { checkpoint, store, stream })))
    }

    /// Says why not all was written, and how to have the rest.
    fn cut(&self, why: &dyn fmt::Display) -> Status {
        report(&format_args!("stream {}: {why}; {}", self.id, self.advice().sentence(&self.id)));
        Status::Incomplete
    }

    /// Writes a text that needs nothing more from anyone.
    async fn print(&self, checkpoint: &Checkpoint) -> io::Result<()> {
        let mut output = Output::new(Form::of(self.json), self.from);
        output.start(self.start(checkpoint)).await?;
        output.text(checkpoint.text()).await?;
        let text_bytes = checkpoint.text().len() as u64;
        let stop = checkpoint.stop();
        let summary = Summary { text_bytes, stop, ..Summary::default() };
        output.end(&self.id, &summary).await?;
        if let Some(words) = stop.and_then(cut_short) {
            report(&words);
        }
        Ok(())
    }

    async fn open(&self, checkpoint: &Checkpoint, store: &Store) -> anyhow::Result<ResponseStream> {
        let profile = self.connection.profile(self.stored_profile(checkpoint)?)?;
        self.require_server(&profile, checkpoint)?;
        let endpoints = self.connection.endpoints(profile)?;
        let builder = self.spending.set(self.connection.client(endpoints)?)?;
        let client = self
            .clocks
            .set(self.recovery.set(builder))
            .checkpoints(store.clone())
            .build()
            .map_err(usage_error)?;
        match client.resume_with(&self.id, self.options()).await {
            Err(error) if error.kind() == ErrorKind::Held => Err(self.held(store).await),
            opened => Ok(opened?),
        }
    }

    fn options(&self) -> ResumeOptions {
        let if_held = if self.take_over { IfHeld::TakeOver } else { IfHeld::Refuse };
        ResumeOptions {
            within: self.clocks.deadline(),
            if_held,
            shown: Some(self.from),
            ..ResumeOptions::default()
        }
    }

    /// Says who holds the stream and what can be done about it.
    async fn held(&self, store: &Store) -> anyhow::Error {
        let lease = store.info(&self.id).await.ok().and_then(|info| info.lease);
        let holder = match lease {
            None => "another process".to_owned(),
            Some(lease) => match lease.left {
                Some(left) => {
                    format!("{}, for {} more unless it goes on", lease.holder, Brief(left))
                }
                None => lease.holder.to_string(),
            },
        };
        anyhow!(
            "stream {} is held by {holder}: wait for it to end, or stop it with --take-over",
            self.id
        )
    }

    fn start<'a>(&'a self, checkpoint: &'a Checkpoint) -> Start<'a> {
        Start {
            id: self.id.as_str(),
            protocol: checkpoint.wire().name(),
            base_url: &checkpoint.origin().endpoint,
            recovered_bytes: checkpoint.text().len() as u64,
        }
    }

    /// Sees that the flags name a server at which the stream began or went on.
    fn require_server(&self, profile: &Profile, checkpoint: &Checkpoint) -> anyhow::Result<()> {
        let began = self.connection.require(profile, &checkpoint.origin().endpoint);
        let went_on = |url: &String| self.connection.require(profile, url).is_ok();
        if checkpoint.endpoints().iter().any(went_on) { Ok(()) } else { began }
    }

    /// The profile of the checkpoint, where this version knows it.
    fn stored_profile(&self, checkpoint: &Checkpoint) -> anyhow::Result<Option<Profile>> {
        let name = checkpoint.profile_name();
        let stored = Profile::named(name);
        if stored.is_none() && self.connection.named_profile().is_none() {
            return Err(usage_error(format_args!(
                "stream {} was made with the profile {}, which is not one of this program: \
                 give its file with --profile-file, or another one with --profile",
                self.id,
                name.escape_debug()
            )));
        }
        Ok(stored)
    }

    /// Sees that the reader has no more than the checkpoint: it would go on behind other words.
    fn require_shown(&self, checkpoint: &Checkpoint) -> anyhow::Result<()> {
        let held = checkpoint.text().len() as u64;
        match checkpoint.is_complete() {
            _ if self.from <= held => Ok(()),
            true => Err(anyhow!(
                "--from {} is beyond the end: the whole text of stream {} has {held} bytes",
                self.from,
                self.id
            )),
            false => Err(anyhow!(
                "--from {} is ahead of the checkpoint: it has {held} bytes of the text of stream {}, \
                 and a continuation would not fit what the reader has beyond them",
                self.from,
                self.id
            )),
        }
    }

    fn advice(&self) -> Advice {
        let mut advice = Advice::default();
        self.connection.advise(&mut advice);
        self.checkpoints.advise(&mut advice);
        advice
    }
}

const EXAMPLES: &str = "\
Examples:
  unbroken resume s-1234                    the whole text
  unbroken resume s-1234 --from 1500        what a reader with 1500 bytes is missing
  unbroken resume s-1234 --take-over        also from a process that still receives it
  unbroken resume s-1234 --base-url http://127.0.0.1:8000";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        resume: Resume,
    }

    fn resume(line: &str) -> Resume {
        Line::try_parse_from(line.split_whitespace()).unwrap().resume
    }

    #[test]
    fn a_stream_is_taken_over_only_when_that_is_asked_for() {
        assert_eq!(resume("x s-1").options().if_held, IfHeld::Refuse);
        assert_eq!(resume("x s-1 --take-over").options().if_held, IfHeld::TakeOver);
    }

    #[test]
    fn the_client_is_told_what_the_reader_has() {
        assert_eq!(resume("x s-1").options().shown, Some(0));
        assert_eq!(resume("x s-1 --from 7").options().shown, Some(7));
    }

    #[tokio::test]
    async fn a_held_stream_says_who_holds_it_and_what_to_do() {
        let store = Store::memory();
        let id = StreamId::new("s-1").unwrap();
        let writer = store.create(&id).await.unwrap();
        let holder = format!("stream s-1 is held by pid:{}: wait", std::process::id());
        let error = resume("x s-1").held(&store).await.to_string();
        assert!(error.starts_with(&holder) && error.contains("--take-over"), "{error}");
        drop(writer);
        let error = resume("x s-1").held(&store).await.to_string();
        assert!(error.contains("another process"), "{error}");
    }
}
