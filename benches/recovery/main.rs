//! What do breaks cost, and what comes out whole? Streams over sockets against the mock, which breaks
//! them by chance; a client that never tries again, one that does before the first byte as official
//! SDKs do, and ours: `recovery [--streams N] [--smoke]`. Exit status: 1 when ours is not exact.

mod cell;
mod ours;
mod plain;
mod report;
mod scale;

use std::process::ExitCode;

use cell::{Cell, Row};
use scale::Scale;

const USAGE: &str = "usage: recovery [--streams N] [--smoke]";

/// Of a million answers so many break.
const BREAKS: [u32; 3] = [28_000, 42_000, 300_000];

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    /// Whatever breaks is an error.
    NoRetry,
    /// What fails before the first byte of a response is tried again, twice.
    BeforeFirstByte,
    /// The shipped client and a model that takes a prefill.
    Prefill,
    /// The shipped client and a model that is asked to go on.
    Instruction,
}

impl Policy {
    const ALL: [Self; 4] = [Self::NoRetry, Self::BeforeFirstByte, Self::Prefill, Self::Instruction];

    const fn name(self) -> &'static str {
        match self {
            Self::NoRetry => "no retry",
            Self::BeforeFirstByte => "retry before the first byte",
            Self::Prefill => "ours, prefill",
            Self::Instruction => "ours, instruction",
        }
    }

    const fn model(self) -> &'static str {
        match self {
            Self::Instruction => "claude-opus-4-6",
            _ => "claude-haiku-4-5",
        }
    }

    const fn is_ours(self) -> bool {
        matches!(self, Self::Prefill | Self::Instruction)
    }
}

fn main() -> ExitCode {
    let Some(scale) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Runtime::new().expect("threads for a runtime");
    let rows = runtime.block_on(rows(scale));
    print!("{}", report::render(&rows, &scale));
    if rows.iter().all(Row::is_as_promised) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// All cells, in the order of the table.
async fn rows(scale: Scale) -> Vec<Row> {
    let mut cells = Vec::new();
    for per_million in BREAKS {
        cells.extend(Policy::ALL.map(|policy| Cell { policy, per_million, scale }));
    }
    let mut rows = Vec::new();
    for cells in cells.chunks(scale.cells) {
        let running: Vec<_> = cells.iter().map(|cell| tokio::spawn(cell.run())).collect();
        for cell in running {
            rows.push(cell.await.expect("a cell ends"));
        }
        eprintln!("{} of {} cells are done", rows.len(), BREAKS.len() * Policy::ALL.len());
    }
    rows
}

fn parse(mut args: impl Iterator<Item = String>) -> Option<Scale> {
    let (mut scale, mut streams) = (Scale::FULL, None);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--smoke" => scale = Scale::SMOKE,
            "--streams" => {
                streams = Some(args.next()?.parse().ok().filter(|streams| *streams > 0)?);
            }
            _ => return None,
        }
    }
    Some(Scale { streams: streams.unwrap_or(scale.streams), ..scale })
}

#[cfg(test)]
mod tests {
    use super::{Scale, parse};

    fn scale(line: &str) -> Option<Scale> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn arguments_are_read() {
        assert_eq!(scale(""), Some(Scale::FULL));
        assert_eq!(scale("--streams 7 --smoke"), Some(Scale { streams: 7, ..Scale::SMOKE }));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in ["--streams", "--streams 0", "--streams x", "7", "--fast"] {
            assert_eq!(scale(line), None, "{line}");
        }
    }
}
