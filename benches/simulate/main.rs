//! What do outages, bad endpoints and stalls do to clients? The shipped code beside classic
//! policies, in virtual time: `simulate [outage|balance|stall]... [--svg DIR]`.

#[cfg(test)]
mod acceptance;
mod balance;
mod dice;
mod outage;
mod plot;
mod report;
mod stall;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::report::Section;

const USAGE: &str = "usage: simulate [outage|balance|stall]... [--svg DIR]";

fn main() -> ExitCode {
    let Some((sections, svg)) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    for section in sections {
        let report = section.run();
        print!("{}", report.text);
        if let Some(folder) = &svg
            && let Err(error) = report.save_plots(folder)
        {
            eprintln!("error: cannot write to {}: {error}", folder.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// The sections, all if none is named, and the folder for the plots.
fn parse(mut args: impl Iterator<Item = String>) -> Option<(Vec<Section>, Option<PathBuf>)> {
    let (mut sections, mut svg) = (Vec::new(), None);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--svg" => svg = Some(args.next()?.into()),
            name => sections.push(Section::named(name)?),
        }
    }
    if sections.is_empty() {
        sections = Section::ALL.to_vec();
    }
    Some((sections, svg))
}

#[cfg(test)]
mod tests {
    use super::{Section, parse};

    fn sections(line: &str) -> Option<Vec<Section>> {
        Some(parse(line.split_whitespace().map(str::to_owned))?.0)
    }

    #[test]
    fn sections_are_named_or_all() {
        assert_eq!(sections(""), Some(Section::ALL.to_vec()));
        assert_eq!(
            sections("stall --svg plots outage"),
            Some(vec![Section::Stall, Section::Outage])
        );
    }

    #[test]
    fn unknown_words_and_a_missing_folder_are_refused() {
        assert_eq!(sections("outrage"), None);
        assert_eq!(sections("--svg"), None);
    }
}
