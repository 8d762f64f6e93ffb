//! `unbroken mock`: the provider that breaks on purpose, on a port of this machine.

use clap::Args;
use mock_provider::{
    ApiKey, Config, Continuation, Ending, Faults, Ledger, Limits, Mock as Server, Pace, Prefill,
    PrefillSeam, RequestRecord, Script, Seam, TextKind,
};
use serde::Serialize;
use std::collections::BTreeSet;
use std::env;
use std::io::{self, Write};
use std::time::Duration;

use crate::cli::examples;
use crate::diagnostics::report;
use crate::duration::parse;
use crate::signal::Signals;
use crate::status::{Status, usage_error};

/// Run a provider that breaks on purpose, on 127.0.0.1, until SIGINT or SIGTERM.
///
/// The first line on stdout is `listening on http://127.0.0.1:PORT`; the last one, when it is
/// stopped, a JSON object of what it counted. Each request gets a line on stderr. Any path
/// that ends in /messages, /chat/completions, /responses or :streamGenerateContent is
/// answered; GET /mock/text?prompt=P gives the whole answer to a prompt, and GET
/// /mock/ledger what was really sent.
#[derive(Args)]
#[command(after_help = examples(EXAMPLES))]
pub(crate) struct Mock {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,

    /// Decides the texts, and where writes are cut
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,

    /// Faults in order of the requests, such as `rst@40,429:2,stall@10*2,ok`
    #[arg(long, value_name = "SCRIPT", default_value = "", allow_hyphen_values = true)]
    faults: Script,

    /// Run the script for each prompt from its start, not once for all requests
    #[arg(long)]
    faults_per_prompt: bool,

    /// Time before each token
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = parse)]
    pace: Duration,

    /// Tokens of an answer, unless the prompt says `mock:tokens=N`
    #[arg(long, value_name = "N", default_value_t = 300)]
    tokens: u32,

    /// How an answer goes on after an instruction to continue: exact, echo, last:K, space+,
    /// space-, preamble, restart, divergent, divergent+echo
    #[arg(long, value_name = "MODE", default_value_t = Seam::default())]
    seam: Seam,

    /// How an answer goes on after a prefill: exact, echo, space-, divergent
    #[arg(long, value_name = "MODE", default_value_t = PrefillSeam::default())]
    prefill_seam: PrefillSeam,

    /// Kind of text: multilingual, ha, rows, braces, intro+ha, intro+rows, intro+braces
    #[arg(long, value_name = "KIND", default_value_t = TextKind::default())]
    text: TextKind,

    /// Which models take a prefill
    #[arg(long, value_enum, default_value_t = Takes::ByModel)]
    prefill: Takes,

    /// Environment variable with the key that requests must carry [default: any key will do]
    #[arg(long, value_name = "VAR")]
    api_key_env: Option<String>,
}

/// Which models take a prefill.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Takes {
    /// Those that are known to
    ByModel,
    /// All
    Accept,
    /// None
    Refuse,
}

impl Mock {
    /// Serves until it is told to stop.
    pub(crate) async fn run(self) -> anyhow::Result<Status> {
        let mut signals = Signals::new()?;
        let server = Server::start(self.config()?).await?;
        say(&format!("listening on {}", server.url()))?;
        let mut log = Log::default();
        loop {
            tokio::select! {
                _ = signals.next() => break,
                () = tokio::time::sleep(log.pause()) => log.tell(&server.ledger()),
            }
        }
        let ledger = server.ledger();
        log.tell(&ledger);
        say(&serde_json::to_string(&Totals::from(&ledger.totals))?)?;
        Ok(Status::Complete)
    }

    fn config(self) -> anyhow::Result<Config> {
        let api_key = self.api_key_env.as_deref().map(key).transpose()?;
        let faults = match self.faults_per_prompt {
            true => Faults::PerPrompt(self.faults),
            false => Faults::InOrder(self.faults),
        };
        Ok(Config {
            port: self.port,
            seed: self.seed,
            text: self.text,
            tokens: self.tokens,
            pace: Pace { delay_per_token: self.pace, ..Pace::default() },
            faults,
            prefill: match self.prefill {
                Takes::ByModel => Prefill::ByModel,
                Takes::Accept => Prefill::Accept,
                Takes::Refuse => Prefill::Refuse,
            },
            prefill_seam: self.prefill_seam,
            seam: self.seam,
            api_key,
            limits: Limits { ledger_text_bytes_max: LEDGER_TEXT_BYTES_MAX, ..Limits::default() },
            ..Config::default()
        })
    }
}

/// The ledger is copied for every look at it, so it keeps less text than the library's.
const LEDGER_TEXT_BYTES_MAX: usize = 16 << 20;

/// The log of requests on stderr, each told once when its response is over.
#[derive(Debug)]
struct Log {
    /// The requests up to this one have been seen.
    seen: u64,
    /// Those of them whose responses are not over.
    open: BTreeSet<u64>,
    pause: Duration,
}

impl Default for Log {
    fn default() -> Self {
        Self { seen: 0, open: BTreeSet::new(), pause: LOOK_EVERY_MIN }
    }
}

/// How often the ledger is looked at while requests come.
const LOOK_EVERY_MIN: Duration = Duration::from_millis(100);
/// How often it is looked at while none come.
const LOOK_EVERY_MAX: Duration = Duration::from_secs(1);

impl Log {
    fn pause(&self) -> Duration {
        self.pause
    }

    fn tell(&mut self, ledger: &Ledger) {
        let lines = self.lines(&ledger.requests);
        self.pause = match lines.is_empty() && self.open.is_empty() {
            true => (self.pause * 2).min(LOOK_EVERY_MAX),
            false => LOOK_EVERY_MIN,
        };
        for line in lines {
            report(&line);
        }
    }

    fn lines(&mut self, records: &[RequestRecord]) -> Vec<String> {
        let mut lines = Vec::new();
        for record in records {
            let number = record.number;
            if number > self.seen {
                self.seen = number;
                self.open.insert(number);
            }
            if record.ending != Ending::InProgress && self.open.remove(&number) {
                lines.push(line(record));
            }
        }
        lines
    }
}

fn line(record: &RequestRecord) -> String {
    let RequestRecord { number, model, fault, status, billed_tokens, echo_tokens, .. } = record;
    let asks = match record.continuation {
        Continuation::Fresh => "asks".to_owned(),
        Continuation::Prefill => format!("prefills {} bytes", record.partial_bytes),
        Continuation::Instructed => format!("goes on after {} bytes", record.partial_bytes),
    };
    let ending = match record.ending {
        Ending::InProgress => "in progress",
        Ending::Complete => "complete",
        Ending::Cut => "cut",
        Ending::Rejected => "rejected",
        Ending::ClientGone => "client gone",
    };
    let echo = if *echo_tokens > 0 { format!(" + {echo_tokens} echoed") } else { String::new() };
    let (path, model) = (record.path.escape_debug(), model.escape_debug());
    format!(
        "#{number} {path} {model} {asks}: {fault}, status {status}, {billed_tokens} tokens{echo}, {ending}"
    )
}

/// What was counted in all.
#[derive(Debug, Serialize)]
struct Totals {
    requests: u64,
    connections: u64,
    connections_turned_away: u64,
    needed_tokens: u64,
    billed_tokens: u64,
    echo_tokens: u64,
    records_dropped: u64,
}

impl From<&mock_provider::Totals> for Totals {
    fn from(totals: &mock_provider::Totals) -> Self {
        Self {
            requests: totals.requests,
            connections: totals.connections,
            connections_turned_away: totals.connections_turned_away,
            needed_tokens: totals.needed_tokens,
            billed_tokens: totals.billed_tokens,
            echo_tokens: totals.echo_tokens,
            records_dropped: totals.records_dropped,
        }
    }
}

fn key(name: &str) -> anyhow::Result<ApiKey> {
    match env::var(name) {
        Ok(key) if !key.trim().is_empty() => Ok(ApiKey::from(key.trim())),
        _ => Err(usage_error(format_args!("{name} is not set"))),
    }
}

/// One line on stdout, at once.
fn say(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

const EXAMPLES: &str = "\
Examples:
  unbroken mock --port 8080 --faults 'rst@40,429:2,end@20' --pace 20ms
  unbroken stream --base-url http://127.0.0.1:8080 'Tell me about the sea'

Faults, separated by commas, each for one request; FAULT*N repeats it:
  ok bom crlf           a whole answer, with harmless oddities
  refused[:TIME]        nobody listens for that long
  close rst             no response: connection closed, reset
  429 503 529 ...       that status; :2 date=2 ms=250 after a colon say when to come back
  quota                 429 insufficient_quota
  silent empty html json200
                        status 200 without an answer
  stall@K pings@K       after K tokens: silence, heartbeats only
  rst@K fin@K end@K utf8@K chunk@K json@K ws@K:CODE limit previous late
                        after K tokens: reset inside an event, closed inside a chunk, ended
                        without a terminal event, ended inside a character, bad chunk size,
                        malformed event
  error@K[:KIND]        error event after K tokens
  pause@K               Messages: the turn is paused after K tokens
  end@stop              no sentinel after the stop reason: this is a whole answer";

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u64, ending: Ending) -> RequestRecord {
        RequestRecord {
            number,
            at: Duration::ZERO,
            ended_at: None,
            wire: mock_provider::Wire::OpenAiChat,
            path: "/v1/chat/completions".to_owned(),
            model: "m\x1b[31m".to_owned(),
            prompt: String::new(),
            idempotency_key: None,
            authorization: mock_provider::Authorization::Absent,
            websocket: None,
            body_bytes: 9,
            max_tokens: None,
            fault: mock_provider::Fault::ResetInEvent { after: 4 },
            status: 200,
            continuation: Continuation::Instructed,
            partial_bytes: 12,
            head_bytes: 0,
            billed_tokens: 5,
            echo_tokens: 2,
            text: String::new(),
            ending,
            flags: mock_provider::Flags::default(),
            lost_fields: Vec::new(),
            response: None,
        }
    }

    #[test]
    fn each_request_is_told_once_when_it_is_over() {
        let mut log = Log::default();
        assert!(log.lines(&[record(1, Ending::InProgress)]).is_empty());
        let both = [record(1, Ending::InProgress), record(2, Ending::Complete)];
        assert_eq!(log.lines(&both).len(), 1);
        let both = [record(1, Ending::Cut), record(2, Ending::Complete)];
        assert_eq!(log.lines(&both).len(), 1);
        assert!(log.lines(&both).is_empty());
    }

    #[test]
    fn what_a_client_sent_cannot_steer_the_terminal() {
        let line = line(&record(3, Ending::Cut));
        let expected = "#3 /v1/chat/completions m\\u{1b}[31m goes on after 12 bytes: rst@4, \
                        status 200, 5 tokens + 2 echoed, cut";
        assert_eq!(line, expected);
    }

    #[test]
    fn an_idle_server_is_looked_at_less_often() {
        let mut log = Log::default();
        let mut ledger = Ledger::default();
        (0..9).for_each(|_| log.tell(&ledger));
        assert_eq!(log.pause(), LOOK_EVERY_MAX);
        ledger.requests.push(record(1, Ending::InProgress));
        log.tell(&ledger);
        assert_eq!(log.pause(), LOOK_EVERY_MIN);
    }
}
