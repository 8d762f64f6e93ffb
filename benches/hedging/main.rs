//! What do second copies of slow requests save, and what do they cost? Streams over sockets against three
//! mocks that now and then begin late, by the shipped client without and with hedging:
//! `hedging [--streams N]`. Exit status: 1 when a text is wrong, or when hedging saves less or costs more
//! than it promises.

mod report;
mod run;

use std::process::ExitCode;

use client::Hedging;

use crate::run::{Row, run};

const USAGE: &str = "usage: hedging [--streams N]";

/// Streams of each row, unless told otherwise.
const STREAMS: usize = 4_000;

fn main() -> ExitCode {
    let Some(streams) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Runtime::new().expect("threads for a runtime");
    let plain = runtime.block_on(run(streams, None));
    let hedged = runtime.block_on(run(streams, Some(Hedging::default())));
    print!("{}", report::render(&[&plain, &hedged]));
    match misses(&plain, &hedged) {
        misses if misses.is_empty() => ExitCode::SUCCESS,
        misses => {
            misses.iter().for_each(|miss| eprintln!("missed: {miss}"));
            ExitCode::FAILURE
        }
    }
}

/// What was promised and does not hold.
fn misses(plain: &Row, hedged: &Row) -> Vec<&'static str> {
    let promises = [
        (plain.wrong + hedged.wrong == 0, "every text is the provider's, once"),
        (hedged.at(0.99) * 2.0 <= plain.at(0.99), "p99 of the first token is halved"),
        (hedged.requests * 100 <= hedged.streams * 105, "at most 5 % more requests"),
    ];
    promises.into_iter().filter_map(|(holds, words)| (!holds).then_some(words)).collect()
}

fn parse(mut args: impl Iterator<Item = String>) -> Option<usize> {
    let mut streams = STREAMS;
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--streams" => streams = args.next()?.parse().ok().filter(|streams| *streams > 0)?,
            _ => return None,
        }
    }
    Some(streams)
}

#[cfg(test)]
mod tests {
    use super::{Row, STREAMS, misses, parse};

    fn parsed(line: &str) -> Option<usize> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn the_command_line_is_read_or_refused() {
        assert_eq!((parsed(""), parsed("--streams 9")), (Some(STREAMS), Some(9)));
        for line in ["--streams", "--streams 0", "--streams x", "9"] {
            assert_eq!(parsed(line), None, "{line}");
        }
    }

    #[test]
    fn each_promise_is_checked() {
        let row = |p99, requests, wrong| Row {
            name: "",
            streams: 100,
            first: vec![p99; 100],
            requests,
            won: 0,
            wrong,
        };
        assert!(misses(&row(2.0, 100, 0), &row(1.0, 105, 0)).is_empty());
        assert_eq!(misses(&row(2.0, 100, 0), &row(1.1, 106, 1)).len(), 3);
    }
}
