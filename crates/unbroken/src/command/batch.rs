//! `unbroken batch`: many prompts, one client, a directory of answers. Run again, it does only
//! what is not done.

mod bar;
mod crew;
mod errand;
mod folder;
mod job;
mod job_id;
mod jobs_file;
mod results;
mod tally;
mod text_file;

use anyhow::Context;
use clap::Args;
use client::{Money, Profile, SharedBudget, StreamId};
use cost::Budget;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use self::bar::Bar;
use self::crew::Crew;
use self::errand::Desk;
use self::folder::Folder;
use self::job::{Defaults, Job};
use self::results::{History, Past, Results};
use self::tally::Tally;
use super::stream::default_model;
use crate::checkpoints::Checkpoints;
use crate::cli::examples;
use crate::clocks::Clocks;
use crate::connection::Connection;
use crate::diagnostics::report;
use crate::prices::{Prices, dollars};
use crate::recovery::Recovery;
use crate::signal::Signals;
use crate::status::{Status, usage_error};

/// Ask many prompts, several at a time, and write each answer to a file as it arrives.
///
/// FILE has one JSON object a line: `id` and `prompt`, and where they differ from the flags
/// `model`, `system`, `max_tokens`, `temperature`. The answer to each is DIR/ID.txt; when it
/// is whole, or cannot be had, DIR/results.jsonl gets a line about it. The same command again
/// skips what is finished, goes on with what was cut, and asks again what failed. Ctrl-C
/// stops it and keeps a checkpoint of every answer; so does kill -9. The clocks hold for each
/// job.
#[derive(Args)]
#[command(after_help = examples(EXAMPLES))]
pub(crate) struct Batch {
    /// What to ask, as JSON lines
    #[arg(long, value_name = "FILE")]
    jobs: PathBuf,

    /// Where the answers go; made if it is not there. One run at a time writes to it
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Jobs at a time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=CONCURRENCY_MAX))]
    concurrency: u16,

    /// Jobs in a row that fail for good before no further one is begun
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    max_failures: u32,

    /// Model of jobs that name none [default: claude-haiku-4-5, gpt-5-mini or
    /// gemini-2.5-flash, by the protocol]
    #[arg(long)]
    model: Option<String>,

    /// System text of jobs that have none
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,

    /// Most tokens of an answer, of jobs that do not say it
    /// [default: 4096 for anthropic, the server's own for openai-chat]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), verbatim_doc_comment)]
    max_tokens: Option<u32>,

    /// Directory or database of the checkpoints, of this DIR alone, or `memory` to keep none
    /// [default: DIR/checkpoints]
    #[arg(long, value_name = "DIR|URL|memory", verbatim_doc_comment)]
    checkpoints: Option<PathBuf>,

    #[command(flatten)]
    connection: Connection,

    #[command(flatten)]
    clocks: Clocks,

    #[command(flatten)]
    recovery: Recovery,

    /// Most that this run may cost, in dollars: when it is spent, no further job is begun, those that
    /// run keep their checkpoints, and the same command goes on
    #[arg(long, value_name = "USD", value_parser = dollars, help_heading = "Cost")]
    budget: Option<Money>,

    #[command(flatten, next_help_heading = "Cost")]
    prices: Prices,
}

/// Jobs at a time at most: each has a connection and an open file.
const CONCURRENCY_MAX: i64 = 256;

impl Batch {
    /// Does what is not done yet.
    pub(crate) async fn run(self, verbose: u8) -> anyhow::Result<Status> {
        let began = Instant::now();
        let mut signals = Signals::new().context("cannot wait for signals")?;
        let profile = self.connection.profile(None)?;
        let jobs = match signals.before(self.read_jobs()).await {
            Ok(jobs) => jobs?,
            Err(stopped) => {
                report(&format_args!("{stopped} before anything was asked"));
                return Ok(Status::Incomplete);
            }
        };
        let defaults = self.defaults(&profile, &jobs)?;
        let endpoints = self.connection.endpoints(profile)?;
        let folder = Folder::claim(&self.out)?;
        let (results, history) = Results::open(&folder.results())?;
        let all = jobs.len();
        let jobs = unfinished(jobs, &history, &folder)?;
        let checkpoints = self.checkpoints.clone().unwrap_or_else(|| folder.checkpoints());
        let store = Checkpoints::at(checkpoints).open_only()?;
        let budget = self.budget.map(|limit| SharedBudget::new(Budget::of(limit)));
        let builder = self.connection.client(endpoints)?;
        let builder = builder.prices(Arc::new(self.prices.catalog()?));
        let builder =
            budget.iter().fold(builder, |builder, budget| builder.shared_budget(budget.clone()));
        let client = self
            .clocks
            .set(self.recovery.set(builder))
            .checkpoints(store.clone())
            .build()
            .map_err(usage_error)?;
        let desk = Desk {
            client,
            store,
            profile,
            defaults,
            deadline: self.clocks.deadline(),
            folder,
            results: Mutex::new(results),
            text_bytes: AtomicU64::new(0),
            budget,
        };
        let tally = Tally::new(all, all - jobs.len(), self.max_failures);
        let bar = Bar::new(began, verbose);
        let crew = Crew::new(desk, usize::from(self.concurrency), tally, bar);
        let tally = crew.run(jobs, signals).await?;
        writeln!(std::io::stdout(), "{}", tally.summary(began.elapsed()))?;
        Ok(tally.status())
    }

    /// Reads the jobs where a pipe that is slow to fill keeps no signal waiting.
    async fn read_jobs(&self) -> anyhow::Result<Vec<Job>> {
        let path = self.jobs.clone();
        tokio::task::spawn_blocking(move || jobs_file::read(&path)).await?
    }

    /// What jobs are asked with that do not say it; every job has a model then.
    fn defaults(&self, profile: &Profile, jobs: &[Job]) -> anyhow::Result<Defaults> {
        let model = self.model.as_deref().or(default_model(profile)).map(str::to_owned);
        let (system, max_tokens) = (self.system.clone(), self.max_tokens);
        let defaults = Defaults { model, system, max_tokens };
        match jobs.iter().find(|job| defaults.model_of(job).is_none()) {
            None => Ok(defaults),
            Some(job) => Err(usage_error(format_args!(
                "profile {} needs --model, or a `model` in every job; job {} has none",
                profile.name, job.id
            ))),
        }
    }
}

/// The jobs that are not finished, each with its stream. One whose text is gone is not.
fn unfinished(
    jobs: Vec<Job>,
    history: &History,
    folder: &Folder,
) -> anyhow::Result<Vec<(Job, StreamId)>> {
    let mut open = Vec::new();
    for job in jobs {
        let spoilt = match history.of(&job) {
            Past::Open { spoilt } => spoilt,
            Past::Finished if folder.text(&job.id).exists() => continue,
            Past::OtherFinished if folder.text(&job.id).exists() => {
                return Err(usage_error(format_args!(
                    "job {0} was finished with another prompt or other fields: \
                     give it another id, or remove {0}.txt to ask it anew",
                    job.id
                )));
            }
            Past::Finished | Past::OtherFinished => 0,
        };
        let id = job.stream_id(spoilt);
        open.push((job, id));
    }
    Ok(open)
}

const EXAMPLES: &str = "\
Examples:
  echo '{\"id\":\"sea\",\"prompt\":\"Tell me about the sea\"}' > jobs.jsonl
  unbroken batch --jobs jobs.jsonl --out answers
  unbroken batch --jobs jobs.jsonl --out answers --concurrency 32 --deadline 10m
  until unbroken batch --jobs jobs.jsonl --out answers; [ $? -ne 75 ]; do sleep 60; done";
