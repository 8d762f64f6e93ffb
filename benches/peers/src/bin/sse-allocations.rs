//! Counts the allocations of the passes that its input names, one line each, and answers in order.
//!
//! Run by `sse`; alone it is of no use.

use std::io::{Read, Write};
use std::process::ExitCode;

use peers::corpus::{Corpus, NAMES};
use peers::probe::{Allocations, Request};

fn main() -> ExitCode {
    let mut requests = String::new();
    if std::io::stdin().read_to_string(&mut requests).is_err() {
        return ExitCode::FAILURE;
    }
    let corpora: Vec<_> = NAMES.into_iter().filter_map(Corpus::named).collect();
    for line in requests.lines() {
        let Some(allocations) = count(line, &corpora) else {
            eprintln!("not a pass: {line}");
            return ExitCode::FAILURE;
        };
        if std::io::stdout().write_all(allocations.line().as_bytes()).is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn count(line: &str, corpora: &[Corpus]) -> Option<Allocations> {
    let (entry, input) = Request::parse(line)?.resolve(corpora)?;
    let mut result = None;
    let counted = allocation_counter::measure(|| result = Some(entry.count(&input)));
    result?.ok()?;
    Some(Allocations { count: counted.count_total, bytes: counted.bytes_total })
}
