//! Reads an event stream from the standard input and writes it as lines of JSON.
//!
//! `sse2json [--chunk N]` reads at most N bytes at a time, 16384 by default. Each event is a line
//!
//! ```json
//! {"event":"message","data":"hi","id":"7","retry":3000,"offset":0}
//! ```
//!
//! and the end of the input is the last line
//!
//! ```json
//! {"end":{"last_event_id":"7","retry":3000,"cut":false}}
//! ```
//!
//! `event` is the name that is dispatched, `message` when the stream gives none. `id` is the last
//! event ID string of the event as a browser shows it: set by this event or an earlier one, empty
//! when none. `retry` is there when this event set it, in milliseconds; at the end it is the last
//! that was set, or null. `offset` is that of the event's first byte. `cut` says that the input
//! ended inside an event, which is lost. Bytes that are not UTF-8 become U+FFFD.
//!
//! Exit status: 0 the input was read to its end, 1 an event was over the limit (the others are
//! written) or the input or output failed, 2 it was called wrongly. A reader that closes the
//! output ends it quietly.

use std::borrow::Cow;
use std::env::args_os;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use sse_codec::{Decoder, Event};

const USAGE: &str = "Usage: sse2json [--chunk N] < STREAM";
const CHUNK_BYTES: usize = 16 * 1024;
/// The largest chunk that can be asked for, since it is allocated at once.
const CHUNK_BYTES_MAX: usize = 1 << 30;

fn main() -> ExitCode {
    let chunk_bytes = match parse(args_os().skip(1)) {
        Ok(Command::Convert { chunk_bytes }) => chunk_bytes,
        Ok(Command::Help) => {
            return exit(
                writeln!(io::stdout(), "{USAGE}").map(|()| Outcome::Whole).map_err(Failure::Write),
            );
        }
        Err(message) => {
            report(format_args!("{message}\n{USAGE}"));
            return ExitCode::from(2);
        }
    };
    let mut chunk = vec![0; chunk_bytes];
    exit(convert(io::stdin().lock(), &mut chunk, BufWriter::new(io::stdout().lock())))
}

/// The exit status that says how it went.
fn exit(result: Result<Outcome, Failure>) -> ExitCode {
    match result {
        Ok(Outcome::Whole) => ExitCode::SUCCESS,
        Ok(Outcome::EventsDropped) => ExitCode::FAILURE,
        Err(Failure::Write(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Failure::Write(error)) => fail("cannot write the output", &error),
        Err(Failure::Read(error)) => fail("cannot read the input", &error),
    }
}

fn fail(what: &str, error: &io::Error) -> ExitCode {
    report(format_args!("{what}: {error}"));
    ExitCode::FAILURE
}

#[derive(Debug)]
enum Command {
    Convert { chunk_bytes: usize },
    Help,
}

fn parse(mut args: impl Iterator<Item = OsString>) -> Result<Command, String> {
    let mut chunk_bytes = CHUNK_BYTES;
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--chunk") => chunk_bytes = size(args.next())?,
            Some("--help" | "-h") => return Ok(Command::Help),
            _ => return Err(format!("unknown argument `{}`", arg.to_string_lossy())),
        }
    }
    Ok(Command::Convert { chunk_bytes })
}

fn size(arg: Option<OsString>) -> Result<usize, String> {
    let arg = arg.ok_or("`--chunk` needs a number of bytes")?;
    let size = arg.to_str().and_then(|text| text.parse().ok());
    size.filter(|size| (1..=CHUNK_BYTES_MAX).contains(size)).ok_or_else(|| {
        format!("`--chunk {}` is no number from 1 to {CHUNK_BYTES_MAX}", arg.to_string_lossy())
    })
}

enum Outcome {
    Whole,
    EventsDropped,
}

enum Failure {
    Read(io::Error),
    Write(io::Error),
}

/// Converts the stream; what came in is written before more is waited for.
fn convert(
    mut input: impl Read,
    chunk: &mut [u8],
    mut output: impl Write,
) -> Result<Outcome, Failure> {
    let mut decoder = Decoder::new();
    let mut outcome = Outcome::Whole;
    loop {
        let count = match input.read(chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::Read(error)),
        };
        let mut events = decoder.feed(&chunk[..count]);
        while let Some(event) = events.next() {
            match event {
                Ok(event) => write_line(&mut output, &Line::from(event))?,
                Err(error) => {
                    report(format_args!("{error}"));
                    outcome = Outcome::EventsDropped;
                }
            }
        }
        output.flush().map_err(Failure::Write)?;
    }
    let retry = decoder.retry().map(millis);
    let cut = decoder.finish().is_some();
    let last_event_id = String::from_utf8_lossy(decoder.last_event_id());
    write_line(&mut output, &Last { end: End { last_event_id, retry, cut } })?;
    output.flush().map_err(Failure::Write)?;
    Ok(outcome)
}

fn report(error: fmt::Arguments<'_>) {
    // A closed error output must not stop the conversion.
    let _ = writeln!(io::stderr(), "sse2json: {error}");
}

fn write_line(mut output: impl Write, line: &impl Serialize) -> Result<(), Failure> {
    let written = serde_json::to_writer(&mut output, line).map_err(io::Error::from);
    written.and_then(|()| output.write_all(b"\n")).map_err(Failure::Write)
}

/// One event.
#[derive(Serialize)]
struct Line<'a> {
    event: Cow<'a, str>,
    data: Cow<'a, str>,
    id: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<u64>,
    offset: u64,
}

impl<'a> From<Event<'a>> for Line<'a> {
    fn from(event: Event<'a>) -> Self {
        Self {
            event: event.name_lossy(),
            data: event.data_lossy(),
            id: event.last_event_id_lossy(),
            retry: event.retry.map(millis),
            offset: event.offset,
        }
    }
}

/// The line behind all events.
#[derive(Serialize)]
struct Last<'a> {
    end: End<'a>,
}

#[derive(Serialize)]
struct End<'a> {
    last_event_id: Cow<'a, str>,
    retry: Option<u64>,
    cut: bool,
}

/// Whole milliseconds; the decoder never gives more than fit.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
