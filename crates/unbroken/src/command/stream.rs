//! `unbroken stream`: one prompt, its answer on stdout.

use anyhow::Context;
use clap::Args;
use client::{Client, ErrorKind, Profile, Prompt, Request, ResponseStream, Store, StreamId, Wire};
use tokio::io::AsyncReadExt;

use crate::advice::Advice;
use crate::checkpoints::{Checkpoints, Shelf};
use crate::cli::examples;
use crate::clocks::Clocks;
use crate::connection::Connection;
use crate::diagnostics::report;
use crate::object::Start;
use crate::output::Form;
use crate::prices::Spending;
use crate::recovery::Recovery;
use crate::relay::Relay;
use crate::signal::Signals;
use crate::status::{Status, usage_error};
use crate::stored;

/// Ask a model and write its answer to stdout as it arrives, and nothing else.
///
/// The stream's id is on stderr before the first byte. When the answer cannot be finished, or
/// Ctrl-C stops it, stderr says why and with which command it goes on. When nobody reads
/// stdout any longer it stops without a word, as with Ctrl-C.
#[derive(Args)]
#[command(after_help = examples(EXAMPLES))]
pub(crate) struct Stream {
    /// What to ask; `-` reads it from stdin
    #[arg(value_name = "PROMPT|-")]
    prompt: String,

    /// Model to ask [default: claude-haiku-4-5, gpt-5-mini or gemini-2.5-flash, by the protocol]
    #[arg(long)]
    model: Option<String>,

    /// System text
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,

    /// Most tokens of the answer [default: 4096 for anthropic, the server's own for openai-chat]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_tokens: Option<u32>,

    /// Name of the stream, of letters, digits, `.`, `_`, `-` [default: random]. Of a directory's
    /// stores those that another process has open cannot be asked whether they have it already
    #[arg(long)]
    id: Option<StreamId>,

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

/// A stream that has a journal.
struct Opened {
    stream: ResponseStream,
    store: Store,
    profile: Profile,
    base_url: String,
}

impl Stream {
    /// Asks and relays.
    pub(crate) async fn run(self, verbose: u8) -> anyhow::Result<Status> {
        let mut signals = Signals::new().context("cannot wait for signals")?;
        let Opened { stream, store, profile, base_url } = match signals.before(self.begin()).await {
            Ok(opened) => opened?,
            Err(stopped) => {
                report(&format_args!("{stopped} before anything was asked"));
                return Ok(Status::Incomplete);
            }
        };
        let id = stream.id().clone();
        report(&format_args!("stream {id}"));
        let start = Start {
            id: id.as_str(),
            protocol: profile.wire.name(),
            base_url: &base_url,
            recovered_bytes: 0,
        };
        let relay = Relay::new(stream, Form::of(self.json), 0, self.advice(), verbose);
        let ended = relay.run(start, &mut signals).await;
        stored::let_go(&store, &id).await;
        ended
    }

    /// Makes a stream that has asked nothing yet.
    ///
    /// # Cancel safety
    ///
    /// There may be an empty journal.
    async fn begin(&self) -> anyhow::Result<Opened> {
        let profile = self.connection.profile(None)?;
        let model = self.model(&profile)?;
        let endpoints = self.connection.endpoints(profile)?;
        let base_url = endpoints[0].base_url().to_owned();
        let request = self.request(&model).await?;
        let shelf = self.checkpoints.open()?;
        self.require_new_id(&shelf).await?;
        let Shelf { store, .. } = shelf;
        let builder = self.spending.set(self.connection.client(endpoints)?)?;
        let client = self
            .clocks
            .set(self.recovery.set(builder))
            .checkpoints(store.clone())
            .build()
            .map_err(usage_error)?;
        let stream = self.open(&client, request).await?;
        Ok(Opened { stream, store, profile, base_url })
    }

    fn model(&self, profile: &Profile) -> anyhow::Result<String> {
        match (&self.model, default_model(profile)) {
            (Some(model), _) => Ok(model.clone()),
            (None, Some(model)) => Ok(model.to_owned()),
            (None, None) => {
                let name = profile.name;
                Err(usage_error(format_args!("profile {name} needs --model")))
            }
        }
    }

    async fn request(&self, model: &str) -> anyhow::Result<Request> {
        let text = match self.prompt.as_str() {
            "-" => read_prompt().await?,
            prompt => prompt.to_owned(),
        };
        if text.trim().is_empty() {
            return Err(usage_error("the prompt is empty"));
        }
        let mut prompt = Prompt::new(model, text);
        if let Some(system) = &self.system {
            prompt = prompt.system(system);
        }
        if let Some(tokens) = self.max_tokens {
            prompt = prompt.max_tokens(tokens);
        }
        let mut request = Request::from(prompt);
        if let Some(id) = &self.id {
            request = request.id(id.clone());
        }
        if let Some(deadline) = self.clocks.deadline() {
            request = request.deadline(deadline);
        }
        Ok(request)
    }

    async fn open(&self, client: &Client, request: Request) -> anyhow::Result<ResponseStream> {
        client.stream(request).await.map_err(|error| match (error.kind(), &self.id) {
            (ErrorKind::Exists, Some(id)) => self.exists(id),
            _ => error.into(),
        })
    }

    /// Sees that the name is free in the other stores as well, as far as they can be asked.
    async fn require_new_id(&self, shelf: &Shelf) -> anyhow::Result<()> {
        match &self.id {
            Some(id) if self.checkpoints.is_beside(shelf, id).await? => Err(self.exists(id)),
            _ => Ok(()),
        }
    }

    fn exists(&self, id: &StreamId) -> anyhow::Error {
        anyhow::anyhow!("there is a stream {id} already; {}", self.advice().sentence(id))
    }

    fn advice(&self) -> Advice {
        let mut advice = Advice::default();
        self.connection.advise(&mut advice);
        self.checkpoints.advise(&mut advice);
        advice
    }
}

/// The model of a provider's own API that is asked when none is named: a small one. On other
/// servers only their owner knows.
pub(super) fn default_model(profile: &Profile) -> Option<&'static str> {
    match profile.wire {
        Wire::AnthropicMessages if *profile == Profile::ANTHROPIC => Some("claude-haiku-4-5"),
        Wire::OpenAiChat if *profile == Profile::OPENAI => Some("gpt-5-mini"),
        Wire::OpenAiResponses if *profile == Profile::OPENAI_RESPONSES => Some("gpt-5-mini"),
        Wire::Gemini if *profile == Profile::GEMINI => Some("gemini-2.5-flash"),
        _ => None,
    }
}

/// Bytes of a prompt that are read from stdin.
const PROMPT_BYTES_MAX: u64 = 16 << 20;

async fn read_prompt() -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    tokio::io::stdin()
        .take(PROMPT_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .await
        .context("cannot read the prompt from stdin")?;
    prompt(bytes)
}

fn prompt(bytes: Vec<u8>) -> anyhow::Result<String> {
    if bytes.len() as u64 > PROMPT_BYTES_MAX {
        return Err(usage_error("the prompt is longer than 16 MiB"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        usage_error(format_args!("the prompt is not UTF-8 at byte {at}"))
    })
}

const EXAMPLES: &str = "\
Examples:
  unbroken stream 'Tell me about the sea'
  git diff | unbroken stream --system 'Review this.' -
  unbroken stream --protocol openai-chat --model gpt-5 --deadline 5m 'Hello'
  unbroken stream --base-url http://127.0.0.1:8000 --profile vllm --model qwen 'Hello'
  unbroken stream --base-url http://lab:8000 --profile-file lab.toml --model qwen 'Hello'";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_providers_own_profiles_have_a_default_model() {
        let known = Profile::all().iter().filter(|profile| default_model(profile).is_some());
        let names: Vec<_> = known.map(|profile| profile.name).collect();
        assert_eq!(names, ["anthropic", "openai", "openai-responses", "gemini"]);
    }

    #[test]
    fn a_prompt_is_utf_8_of_a_limited_length() {
        assert_eq!(prompt("안녕".into()).unwrap(), "안녕");
        let error = prompt(b"ab\xff".to_vec()).unwrap_err();
        assert_eq!(Status::of(&error), Status::Usage);
        assert!(error.to_string().contains("at byte 2"), "{error}");
        let most = usize::try_from(PROMPT_BYTES_MAX).unwrap();
        assert!(prompt(vec![b'a'; most]).is_ok());
        assert!(prompt(vec![b'a'; most + 1]).is_err());
    }
}
