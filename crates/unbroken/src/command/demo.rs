//! `unbroken demo`: one answer through a storm of faults, live, with proof at the end. It
//! needs no key and no network: the provider runs inside the process, on loopback.

mod killer;
mod process;
mod proof;
mod run;
mod screen;
mod storm;
mod told;
mod worker;

use anyhow::{Context, anyhow};
use clap::Args;
use client::retry_policy::{Backoff, Limits as Tries};
use client::{Client, Endpoint, Limits, Nanos, Policy, Profile, Prompt, Store, Timeouts, Wire};
use cost::Catalog;
use mock_provider::{Config, Faults, Mock, Pace, Script, Seam};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use self::killer::{KILLS, Killer};
use self::proof::Proof;
use self::run::Run;
use self::screen::Screen;
use self::storm::Storm;
use self::told::{Narrator, Told};
use self::worker::Part;
use super::stream::default_model;
use crate::checkpoints::Checkpoints;
use crate::cli::examples;
use crate::connection::wires;
use crate::diagnostics::report;
use crate::duration::parse;
use crate::signal::Signals;
use crate::status::{Status, usage_error};

/// Watch one answer come through a storm of faults, with proof at the end.
///
/// A provider inside this process, on loopback, breaks in ways that real ones do. The text is
/// shown as it arrives, with a mark at each break: what was done to the connection, what the
/// client saw, how and when it goes on. At the end what was received is compared with what
/// the provider meant to say, and with what it billed. Needs no key and no network.
///
/// With --kill the client runs in a process of its own, which is killed with SIGKILL in
/// mid-stream, three times; a new process goes on from the checkpoints.
#[derive(Args)]
#[command(after_help = examples(EXAMPLES), disable_help_subcommand = true)]
#[command(override_usage = "unbroken demo [OPTIONS]")]
pub(crate) struct Demo {
    /// Decides the text and the storm
    #[arg(long, value_name = "S", default_value_t = 7)]
    seed: u64,

    /// How many faults, or which: a script as `unbroken mock --help` describes it
    #[arg(long, value_name = "N|SCRIPT", default_value = "12", allow_hyphen_values = true)]
    faults: Storm,

    /// Wire to speak: anthropic goes on by prefill, the others by instruction
    #[arg(long, default_value = "anthropic", value_parser = wires())]
    protocol: Wire,

    /// Time before each token; 0 shows only the faults' own time
    #[arg(long, value_name = "TIME", default_value = "10ms", value_parser = parse)]
    pace: Duration,

    /// Tokens of the answer
    #[arg(long, value_name = "N", default_value_t = 700, value_parser = clap::value_parser!(u32).range(1..=5000))]
    tokens: u32,

    /// Directory or Redis server of the checkpoints, where the stream stays, or `memory`
    /// [default: memory; with --kill a directory that goes when the demo ends]
    #[arg(long, value_name = "DIR|URL|memory", verbatim_doc_comment)]
    checkpoints: Option<PathBuf>,

    /// Kill the process that receives the stream, in mid-stream, and go on from the checkpoints
    #[arg(long)]
    kill: bool,

    #[command(subcommand)]
    part: Option<Part>,
}

impl Demo {
    /// Streams, shows and judges.
    pub(crate) async fn run(self) -> anyhow::Result<Status> {
        match &self.part {
            None => self.show().await,
            Some(Part::Worker(worker)) => {
                let client = self.client(&worker.url, worker.tries, self.store()?)?;
                worker.run(&client, self.prompt()?).await?;
                Ok(Status::Complete)
            }
        }
    }

    async fn show(&self) -> anyhow::Result<Status> {
        let kept = match &self.checkpoints {
            None => false,
            Some(place) => !Checkpoints::at(place.clone()).place()?.ends_with_the_process(),
        };
        if self.kill && self.checkpoints.is_some() && !kept {
            return Err(usage_error("--kill needs --checkpoints that outlive a process"));
        }
        let script = self.faults.script(self.seed, self.tokens);
        let count = script.faults().len();
        let tries = u32::try_from(count).unwrap_or(u32::MAX).saturating_add(SPARE_TRIES);
        let server = Mock::start(self.config(script)).await.context("cannot start the provider")?;
        let mut screen = Screen::new();
        screen.title(&format!(
            "unbroken demo: {} tokens over {}, {count} faults, seed {}",
            self.tokens, self.protocol, self.seed
        ))?;
        let mut run = Run::new(screen);
        let kills = if self.kill { KILLS } else { 0 };
        if self.kill {
            self.stream_through_kills(&mut run, &server, tries).await?;
        } else {
            self.stream(&mut run, &server, tries).await?;
        }
        settle(&server, SETTLE_MAX).await;
        let text = server.text_for(PROMPT);
        let proof = Proof::new(&run.seen, &text, &server.ledger(), PROMPT, kills);
        run.screen.proof(&proof)?;
        if let (Some(id), true) = (&run.seen.id, kept) {
            report(&format_args!("stream {id} stays in the checkpoints"));
        }
        Ok(if proof.holds() { Status::Complete } else { Status::Failed })
    }

    fn config(&self, script: Script) -> Config {
        Config {
            seed: self.seed,
            tokens: self.tokens,
            pace: Pace { delay_per_token: self.pace, ..Pace::default() },
            faults: Faults::InOrder(script),
            seam: Seam::Echo,
            ..Config::default()
        }
    }

    fn prompt(&self) -> anyhow::Result<Prompt> {
        let profile = Profile::for_wire(self.protocol);
        let model = default_model(&profile)
            .with_context(|| format!("{} has no default model", profile.name))?;
        Ok(Prompt::new(model, PROMPT).max_tokens(self.tokens * 2))
    }

    fn store(&self) -> anyhow::Result<Store> {
        match &self.checkpoints {
            None => Ok(Store::memory()),
            Some(place) => Checkpoints::at(place.clone()).open_only(),
        }
    }

    fn client(&self, url: &str, tries: u32, store: Store) -> anyhow::Result<Client> {
        let client = Client::builder()
            .endpoint(Endpoint::new(url, Profile::for_wire(self.protocol))?)
            .timeouts(short_clocks(self.pace))
            .policy(short_waits(tries))
            .limits(Limits { futile_attempts: tries, ..Limits::default() })
            .checkpoints(store)
            .prices(Arc::new(Catalog::builtin().clone()))
            .build()?;
        Ok(client)
    }

    /// Receives the stream in this process.
    async fn stream(&self, run: &mut Run, server: &Mock, tries: u32) -> anyhow::Result<()> {
        let client = self.client(&server.url(), tries, self.store()?)?;
        let stream = client.stream(self.prompt()?.into()).await?;
        let mut narrator = Narrator::new(stream, 0);
        while let Some(told) = narrator.next().await {
            take(run, told, server, 0)?;
        }
        Ok(())
    }

    /// Receives it in other processes, each of which but the last is killed.
    async fn stream_through_kills(
        &self,
        run: &mut Run,
        server: &Mock,
        tries: u32,
    ) -> anyhow::Result<()> {
        // From here on, so that no signal leaves the directory behind.
        let mut signals = Signals::new().context("cannot wait for signals")?;
        let scratch;
        let place = if let Some(place) = &self.checkpoints {
            place.as_path()
        } else {
            scratch = tempfile::tempdir().context("cannot make a directory")?;
            scratch.path()
        };
        let killer = Killer { demo: self, server, place, tries };
        let mut worker = None;
        let streamed = tokio::select! {
            biased;
            name = signals.next() => Err(anyhow!("stopped by {name}")),
            streamed = killer.stream(run, &mut worker) => streamed,
        };
        if let Some(worker) = worker {
            // Its directory goes next.
            worker.end().await;
        }
        streamed
    }
}

/// What the demonstration asks.
const PROMPT: &str = "Tell me about the sea, in several languages, with code and a table.";

/// Attempts beyond the faults themselves: while nobody listens, one fault fails several.
const SPARE_TRIES: u32 = 32;

/// How long the provider may take to notice that a connection is gone.
const SETTLE_MAX: Duration = Duration::from_secs(5);

/// Waits until the provider answers nobody any more, or no longer than the limit: what it is still
/// writing then, nobody reads.
async fn settle(server: &Mock, limit: Duration) {
    let _ = tokio::time::timeout(limit, server.settled()).await;
}

/// Clocks that notice a dead connection in about a second, so that nobody has to wait for it.
fn short_clocks(pace: Duration) -> Timeouts {
    let quiet = Nanos::from_millis(900).saturating_add(Nanos::from(pace).saturating_mul(4));
    let second = Nanos::from_secs(1);
    Timeouts { connect: second, first_token: quiet, idle: quiet, bytes: quiet, sentinel: second }
}

/// Waits that are short for the same reason. What a server asks for is kept.
fn short_waits(tries: u32) -> Policy {
    let cap = Nanos::from_millis(500);
    let from = |millis| Backoff::Full { base: Nanos::from_millis(millis), cap };
    Policy {
        backoff: from(60),
        throttle: from(100),
        overload: from(150),
        limits: Tries { total: tries, in_a_row: tries, ..Tries::DEFAULT },
        ..Policy::DEFAULT
    }
}

/// Shows what a worker told; `before` is how many requests the provider had before its first.
fn take(run: &mut Run, told: Told, server: &Mock, before: usize) -> io::Result<Step> {
    match told {
        Told::Stream { id } => run.seen.id = Some(id),
        Told::Text { text } => run.take(&text)?,
        Told::Break { what, request } => {
            let place = request.map(|number| before + number.saturating_sub(1));
            run.mark(&what, place, &injected(server, place))?;
        }
        Told::Seam { label } => run.join(label),
        Told::End { cost } => {
            run.seen.cost = cost;
            run.end(None);
            return Ok(Step::Last);
        }
        Told::Failed { why } => {
            run.end(Some(why));
            return Ok(Step::Last);
        }
    }
    Ok(Step::More)
}

/// Whether a worker tells more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    More,
    Last,
}

/// What the provider did to the request at this place of its ledger.
fn injected(server: &Mock, place: Option<usize>) -> String {
    let Some(place) = place else { return storm::NOBODY_LISTENS.to_owned() };
    let ledger = server.ledger();
    let record = ledger.requests.get(place);
    record.map_or_else(|| "unknown".to_owned(), |record| storm::describe(&record.fault))
}

const EXAMPLES: &str = "\
Examples:
  unbroken demo
  unbroken demo --kill
  unbroken demo --seed 3 --faults 20 --protocol openai-chat
  unbroken demo --pace 0 --faults 'rst@50,stall@50,utf8@50,html,429:1,json@50,end@50'";

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    #[tokio::test]
    async fn a_request_that_never_ends_does_not_hold_the_demo() {
        let faults = Faults::InOrder("silent".parse().unwrap());
        let server = Mock::start(Config { faults, ..Config::default() }).await.unwrap();
        let mut open =
            TcpStream::connect(server.url().trim_start_matches("http://")).await.unwrap();
        let body = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}]}"#;
        let request = format!(
            "POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        open.write_all(request.as_bytes()).await.unwrap();
        open.read_exact(&mut [0; 12]).await.unwrap();
        settle(&server, Duration::from_millis(1)).await;
        assert_eq!(server.ledger().totals.requests, 1);
    }
}
