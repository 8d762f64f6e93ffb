//! Counts the allocations of one measurement of `client`, which runs it.

use std::process::ExitCode;

use peers::client::Spec;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [url, words @ ..] = &args[..] else { return ExitCode::from(2) };
    let Some(spec) = Spec::parse(words) else { return ExitCode::from(2) };
    let mut measured = Ok(());
    let counted = allocation_counter::measure(|| measured = spec.measure(url).map(|_| ()));
    match measured {
        Ok(()) => {
            println!("{}", counted.count_total);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
