//! The process that the demonstration kills: it receives the stream and tells of it on stdout,
//! one line of JSON at a time. What it has told, its reader has.

use clap::{Args, Subcommand};
use client::{Client, IfHeld, Prompt, ResponseStream, ResumeOptions, StreamId};
use std::io::{self, Write};

use super::told::{Narrator, Told};

/// A process of the demonstration's own.
#[derive(Subcommand)]
pub(super) enum Part {
    #[command(hide = true)]
    Worker(Worker),
}

/// Receive the demonstration's stream.
#[derive(Args)]
pub(super) struct Worker {
    /// The provider
    #[arg(long)]
    pub(super) url: String,

    /// Attempts that may fail
    #[arg(long)]
    pub(super) tries: u32,

    /// The stream to go on with
    #[arg(long)]
    pub(super) resume: Option<StreamId>,

    /// Bytes of the text that the reader has
    #[arg(long, default_value_t = 0)]
    pub(super) from: usize,
}

impl Worker {
    /// Asks, or goes on with what was asked, and tells of it to the end.
    pub(super) async fn run(&self, client: &Client, prompt: Prompt) -> anyhow::Result<()> {
        let mut narrator = match self.open(client, prompt).await {
            Ok(stream) => Narrator::new(stream, self.from),
            Err(error) => {
                let why = format!("{:#}", anyhow::Error::new(error));
                return Ok(tell(&Told::Failed { why })?);
            }
        };
        while let Some(told) = narrator.next().await {
            tell(&told)?;
        }
        Ok(())
    }

    async fn open(&self, client: &Client, prompt: Prompt) -> Result<ResponseStream, client::Error> {
        let Some(id) = &self.resume else { return client.stream(prompt.into()).await };
        // Whoever asks for this has killed the one that held the stream.
        let (shown, if_held) = (Some(self.from as u64), IfHeld::TakeOver);
        let options = ResumeOptions { shown, if_held, ..ResumeOptions::default() };
        client.resume_with(id, options).await
    }
}

fn tell(told: &Told) -> io::Result<()> {
    let mut line = serde_json::to_vec(told)?;
    line.push(b'\n');
    let mut stdout = io::stdout().lock();
    stdout.write_all(&line)?;
    stdout.flush()
}
