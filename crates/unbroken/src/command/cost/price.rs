//! `unbroken cost price`: the exact price of token counts, one object for each question.

use anyhow::{Context, anyhow, ensure};
use clap::Args;
use cost::Catalog;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::ask::Ask;
use super::bill::Priced;
use crate::diagnostics::report;
use crate::prices::Prices;
use crate::status::{Status, usage_error};

/// Price token counts, exactly.
///
/// Writes one JSON object with `usd`, an exact decimal, and the prices that it is made from. The keys of
/// a usage are input, output, cache_read, cache_write_5m, cache_write_1h, input_audio, output_audio,
/// output_reasoning (of output) and web_searches; no token is in two of them, except that.
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub(crate) struct Price {
    /// Model, by any name that it goes by [default: the one that a raw usage names]
    #[arg(long, conflicts_with = "batch")]
    model: Option<String>,

    /// Token counts as a JSON object; `-` reads them from stdin
    #[arg(
        long,
        value_name = "JSON|-",
        required_unless_present = "batch",
        conflicts_with = "batch"
    )]
    usage: Option<String>,

    /// The counts are a payload of the provider's: a usage, a whole response, an event of a stream
    /// or a recorded stream
    #[arg(long, conflicts_with = "batch")]
    raw_usage: bool,

    /// Provider of the model: anthropic, openai, google, deepseek
    #[arg(long, conflicts_with = "batch")]
    provider: Option<String>,

    /// API that a raw usage is from: messages, chat, responses, gemini [default: the provider's]
    #[arg(long, conflicts_with = "batch")]
    api: Option<String>,

    /// When the request was made, as in RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", conflicts_with = "batch")]
    at: Option<String>,

    /// How it was served: standard, batch, flex, priority [default: what a raw usage says, or
    /// standard]
    #[arg(long, conflicts_with = "batch")]
    tier: Option<String>,

    /// Region that it was pinned to, such as `us`
    #[arg(long, conflicts_with = "batch")]
    region: Option<String>,

    /// JSON lines of {provider, model, usage | raw_usage, api, at, tier, region, id}; `-` reads stdin.
    /// Each is answered by a line; one that has no price has an `error`, and the status is then 1
    #[arg(long, value_name = "FILE|-")]
    batch: Option<PathBuf>,

    #[command(flatten)]
    prices: Prices,
}

/// Bytes of a recorded stream.
const STDIN_BYTES_MAX: u64 = 256 << 20;

/// Bytes of a question.
const LINE_BYTES_MAX: u64 = 16 << 20;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// The answer to one line.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    /// The number of a line that has no price.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    priced: Option<Priced>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What is looked for in a line that is no question.
#[derive(Deserialize)]
struct Marked<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

impl Price {
    pub(super) fn run(self) -> anyhow::Result<Status> {
        let catalog = self.prices.catalog()?;
        match &self.batch {
            Some(file) => batch(&catalog, file),
            None => self.one(&catalog),
        }
    }

    fn one(&self, catalog: &Catalog) -> anyhow::Result<Status> {
        let text = match self.usage.as_deref() {
            Some("-") => read_stdin()?,
            given => given.unwrap_or_default().to_owned(),
        };
        let priced = if self.raw_usage {
            self.ask(None).price_raw(catalog, text.as_bytes())
        } else {
            let counts: &RawValue = serde_json::from_str(&text)
                .map_err(|error| usage_error(format_args!("--usage is no JSON: {error}")))?;
            self.ask(Some(counts)).price(catalog)
        };
        write(&priced?)?;
        Ok(Status::Complete)
    }

    fn ask<'a>(&self, usage: Option<&'a RawValue>) -> Ask<'a> {
        Ask {
            _id: None,
            provider: self.provider.clone(),
            model: self.model.clone(),
            usage,
            raw_usage: None,
            api: self.api.clone(),
            at: self.at.clone(),
            tier: self.tier.clone(),
            region: self.region.clone(),
        }
    }
}

fn read_stdin() -> anyhow::Result<String> {
    let text = io::read_to_string(io::stdin().lock().take(STDIN_BYTES_MAX + 1))?;
    ensure!(text.len() as u64 <= STDIN_BYTES_MAX, "stdin has more than 256 MiB");
    Ok(text)
}

/// Answers each line of a file.
fn batch(catalog: &Catalog, file: &Path) -> anyhow::Result<Status> {
    let mut lines: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let opened = File::open(file);
        let opened = opened.map_err(|error| {
            usage_error(format_args!("cannot read {}: {error}", file.display()))
        })?;
        Box::new(BufReader::new(opened))
    };
    let (mut line, mut number, mut failed) = (Vec::new(), 0_u64, 0_u64);
    loop {
        line.clear();
        let read = lines.by_ref().take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut line);
        let read = read.with_context(|| format!("cannot read {}", file.display()))?;
        if read == 0 {
            break;
        }
        number += 1;
        ensure!(read as u64 <= LINE_BYTES_MAX, "line {number} is longer than 16 MiB");
        let text = line.strip_prefix(BOM).unwrap_or(&line).trim_ascii();
        if text.is_empty() {
            continue;
        }
        failed += u64::from(!answer(catalog, number, text)?);
    }
    if failed > 0 {
        report(&format_args!("{failed} of {number} lines have no price"));
        return Ok(Status::Failed);
    }
    Ok(Status::Complete)
}

/// Answers one line; whether it has a price.
fn answer(catalog: &Catalog, number: u64, line: &[u8]) -> anyhow::Result<bool> {
    let ask = match line.first() {
        Some(b'{') => serde_json::from_slice::<Ask<'_>>(line).map_err(anyhow::Error::from),
        _ => Err(anyhow!("no JSON object")),
    };
    let marked = serde_json::from_slice::<Marked<'_>>(line).ok();
    let id = marked.and_then(|marked| marked.id);
    let answer = match ask.and_then(|ask| ask.price(catalog)) {
        Ok(priced) => Answer { id, line: None, priced: Some(priced), error: None },
        Err(error) => {
            Answer { id, line: Some(number), priced: None, error: Some(format!("{error:#}")) }
        }
    };
    write(&answer)?;
    Ok(answer.error.is_none())
}

fn write(value: &impl Serialize) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    io::stdout().lock().write_all(&line)?;
    Ok(())
}

const EXAMPLES: &str = "\
Examples:
  unbroken cost price --model claude-opus-4-5 --usage '{\"input\":2000,\"output\":1500}'
  unbroken cost price --model gpt-5.5 --tier flex --usage '{\"input\":300000}'
  unbroken cost price --provider openai --raw-usage --usage - < response.json
  unbroken cost price --batch usage.jsonl";
