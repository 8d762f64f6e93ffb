//! How fast is a stream decoded: by ours, by its peers, and by what no decoder can do without?
//!
//! `sse [--corpus NAME] [--chunk NAME] [--rounds N] [--json FILE] [--smoke]`. Fails when our own
//! decoder finds other events than the stream has; a peer that does stays in the table and says so.

use std::path::PathBuf;
use std::process::ExitCode;

use peers::corpus::{CHUNKS, Corpus, NAMES};
use peers::entry::{ENTRIES, Role};
use peers::measure::{Cell, Effort, measure};
use peers::probe::{Request, ask};
use peers::report;

/// What the caller asked for.
struct Options {
    corpora: Vec<usize>,
    chunks: Vec<usize>,
    effort: Effort,
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("error: {message}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let mut cells = Vec::new();
    let mut requests = Vec::new();
    for &corpus in &options.corpora {
        let stream = Corpus::named(NAMES[corpus]).ok_or("a stream without a generator")?;
        for &chunk in &options.chunks {
            eprintln!("{} at {}", NAMES[corpus], CHUNKS[chunk].0);
            let cell = measure((NAMES[corpus], &stream), CHUNKS[chunk], &options.effort);
            requests.extend(passes(&cell, corpus, chunk));
            cells.push(cell);
        }
    }
    let answers = ask(&requests).map_err(|error| format!("allocations: {error}"))?;
    let measured = cells.iter_mut().flat_map(|cell| cell.outcomes.iter_mut().flatten());
    measured.zip(answers).for_each(|(measured, answer)| measured.allocations = Some(answer));

    print!("{}", report::streams(&cells));
    if options.effort.is_judged {
        print!("{}", report::summary(&cells));
    }
    if let Some(path) = &options.json {
        std::fs::write(path, report::json(&cells))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    own_failure(&cells).map_or(Ok(()), Err)
}

/// The passes of a cell that can be counted, in the order of the entries.
fn passes(cell: &Cell, corpus: usize, chunk: usize) -> Vec<Request> {
    let outcomes = cell.outcomes.iter().enumerate();
    outcomes
        .filter_map(|(entry, outcome)| {
            let events = outcome.as_ref().ok()?.events;
            Some(Request { corpus, chunk, entry, events })
        })
        .collect()
}

fn own_failure(cells: &[Cell]) -> Option<String> {
    cells.iter().find_map(|cell| {
        let mut outcomes = ENTRIES.iter().zip(&cell.outcomes);
        outcomes.find_map(|(entry, outcome)| {
            let error = outcome.as_ref().err().filter(|_| entry.role != Role::Peer)?;
            Some(format!("{} on {} at {}: {error}", entry.name, cell.corpus, cell.chunk))
        })
    })
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            corpora: (0..NAMES.len()).collect(),
            chunks: (0..CHUNKS.len()).collect(),
            effort: Effort::FULL,
            json: None,
        };
        let mut rounds = None;
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("`{arg}` needs a value"));
            match arg.as_str() {
                "--smoke" => options.effort = Effort::SMOKE,
                "--json" => options.json = Some(value()?.into()),
                "--corpus" => options.corpora = vec![index(&NAMES, &value()?)?],
                "--chunk" => {
                    options.chunks = vec![index(&CHUNKS.map(|(name, _)| name), &value()?)?];
                }
                "--rounds" => {
                    let number = value()?;
                    let parsed = number.parse().ok().filter(|rounds| *rounds > 0);
                    rounds =
                        Some(parsed.ok_or_else(|| format!("no number of rounds: `{number}`"))?);
                }
                other => return Err(format!("unknown argument `{other}`")),
            }
        }
        options.effort.rounds = rounds.unwrap_or(options.effort.rounds);
        Ok(options)
    }
}

fn index(names: &[&str], wanted: &str) -> Result<usize, String> {
    let found = names.iter().position(|name| *name == wanted);
    found.ok_or_else(|| format!("`{wanted}` is none of {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn every_option_is_read() {
        let options =
            parse("--smoke --corpus tiny --chunk 1460B --rounds 7 --json x.json").unwrap();
        assert_eq!((options.corpora, options.chunks), (vec![3], vec![2]));
        assert_eq!((options.effort.rounds, options.effort.events_divisor), (7, 20));
        assert_eq!(options.json, Some("x.json".into()));
    }

    #[test]
    fn everything_is_measured_by_default() {
        let options = parse("").unwrap();
        assert_eq!((options.corpora.len(), options.chunks.len()), (6, 4));
    }

    #[test]
    fn wrong_options_are_refused() {
        for line in ["--corpus", "--corpus x", "--chunk 2B", "--rounds 0", "--rounds x", "x"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
