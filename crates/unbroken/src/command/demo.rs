//! `unbroken demo`: one answer through a storm of faults, live, with proof at the end. It
//! needs no key and no network: the provider runs inside the process, on loopback.

mod proof;
mod run;
mod screen;
mod storm;

use anyhow::Context;
use clap::Args;
use client::retry_policy::{Backoff, Limits as Tries};
use client::{
    Break, Cause, Client, Endpoint, Event, Limits, Nanos, Policy, Profile, Prompt, Timeouts, Wire,
};
use mock_provider::{Config, Faults, Mock, Pace, Script, Seam};
use std::time::Duration;

use self::proof::Proof;
use self::run::Run;
use self::screen::Screen;
use self::storm::Storm;
use super::stream::default_model;
use crate::breaks::Breaks;
use crate::cli::examples;
use crate::connection::wires;
use crate::duration::parse;
use crate::status::Status;

/// Watch one answer come through a storm of faults, with proof at the end.
///
/// A provider inside this process, on loopback, breaks in ways that real ones do. The text is
/// shown as it arrives, with a mark at each break: what was done to the connection, what the
/// client saw, how and when it goes on. At the end what was received is compared with what
/// the provider meant to say, and with what it billed. Needs no key and no network.
#[derive(Args)]
#[command(after_help = examples(EXAMPLES))]
pub(crate) struct Demo {
    /// Decides the text and the storm
    #[arg(long, value_name = "S", default_value_t = 7)]
    seed: u64,

    /// How many faults, or which: a script as `unbroken mock --help` describes it
    #[arg(long, value_name = "N|SCRIPT", default_value = "12")]
    faults: Storm,

    /// Wire to speak: anthropic goes on by prefill, openai-chat by instruction
    #[arg(long, default_value = "anthropic", value_parser = wires())]
    protocol: Wire,

    /// Time before each token; 0 shows only the faults' own time
    #[arg(long, value_name = "TIME", default_value = "10ms", value_parser = parse)]
    pace: Duration,

    /// Tokens of the answer
    #[arg(long, value_name = "N", default_value_t = 700, value_parser = clap::value_parser!(u32).range(1..=5000))]
    tokens: u32,
}

impl Demo {
    /// Streams, shows and judges.
    pub(crate) async fn run(self) -> anyhow::Result<Status> {
        let script = self.faults.script(self.seed, self.tokens);
        let count = script.faults().len();
        let server = Mock::start(self.config(script)).await.context("cannot start the provider")?;
        let mut screen = Screen::new();
        screen.title(&format!(
            "unbroken demo: {} tokens over {}, {count} faults, seed {}",
            self.tokens, self.protocol, self.seed
        ))?;
        let mut run = self.stream(&server, screen, count).await?;
        server.settled().await;
        let proof = Proof::new(&run.seen, &server.text_for(PROMPT), &server.ledger(), PROMPT);
        run.screen.proof(&proof)?;
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

    fn model(&self, profile: &Profile) -> anyhow::Result<&'static str> {
        default_model(profile).with_context(|| format!("{} has no default model", profile.name))
    }

    async fn stream(&self, server: &Mock, screen: Screen, faults: usize) -> anyhow::Result<Run> {
        let profile = Profile::for_wire(self.protocol);
        let tries = u32::try_from(faults).unwrap_or(u32::MAX).saturating_add(SPARE_TRIES);
        let client = Client::builder()
            .endpoint(Endpoint::new(&server.url(), profile)?)
            .timeouts(short_clocks(self.pace))
            .policy(short_waits(tries))
            .limits(Limits { futile_attempts: tries, ..Limits::default() })
            .build()?;
        let prompt = Prompt::new(self.model(&profile)?, PROMPT).max_tokens(self.tokens * 2);
        let mut stream = client.stream(prompt.into()).await?;
        let (mut run, mut breaks) = (Run::new(screen), Breaks::default());
        while let Some(event) = stream.next().await {
            match event {
                Ok(Event::Text(text)) => run.take(&text)?,
                Ok(Event::State(state)) => {
                    if let Some(told) = breaks.observe(&state) {
                        run.mark(&told, injected(server, &told.cause).as_deref())?;
                    }
                }
                Ok(Event::Seam(seam)) => run.join(seam.label),
                Ok(Event::End(_)) => run.end(None),
                Ok(_) => {}
                Err(error) => run.end(Some(error.to_string())),
            }
        }
        Ok(run)
    }
}

/// What the demonstration asks.
const PROMPT: &str = "Tell me about the sea, in several languages, with code and a table.";

/// Attempts beyond the faults themselves: while nobody listens, one fault fails several.
const SPARE_TRIES: u32 = 32;

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

/// What the provider did to the connection that broke last.
fn injected(server: &Mock, seen: &Cause) -> Option<String> {
    if matches!(seen, Cause::Broke(Break::Refused)) {
        return Some(storm::NOBODY_LISTENS.to_owned());
    }
    server.ledger().requests.last().map(|record| storm::describe(&record.fault))
}

const EXAMPLES: &str = "\
Examples:
  unbroken demo
  unbroken demo --seed 3 --faults 20 --protocol openai-chat
  unbroken demo --pace 0 --faults 'rst@50,stall@50,utf8@50,html,429:1,json@50,end@50'";
