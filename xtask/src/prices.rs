//! `prices`: which prices of the shipped catalog are old, and where other catalogs say something else.
//!
//! Shows; changes nothing. The catalog of `cost` is corrected by hand, with a source for each price.

mod bucket;
mod compare;
mod file;
mod genai;
mod litellm;
mod number;
mod offer;
mod pair;
mod stale;
mod table;

use std::fmt::Write as _;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use cost::{Catalog, Timestamp};

use self::compare::Comparison;
use crate::cargo::Usage;

pub(crate) fn run(args: &[String]) -> Result<()> {
    if let Some(flag) = args.iter().find(|arg| arg.starts_with('-')) {
        return Err(Usage(format!("`prices` does not take `{flag}`")).into());
    }
    let mut files = Vec::with_capacity(args.len());
    for path in args {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
        files.push((path.as_str(), text));
    }
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let report = report(Catalog::builtin(), &files, Timestamp::from_unix(since.as_secs()))?;
    print!("{}", report.text);
    report.conclude()
}

/// What is to be printed, and how many things in it are for somebody to look at.
struct Report {
    text: String,
    stale: usize,
    different: usize,
}

impl Report {
    fn conclude(&self) -> Result<()> {
        match (self.stale, self.different) {
            (0, 0) => Ok(()),
            (stale, different) => bail!("prices: {stale} are old, {different} differ"),
        }
    }
}

fn report(catalog: &Catalog, files: &[(&str, String)], now: Timestamp) -> Result<Report> {
    let old = stale::find(catalog, now.date());
    let mut report = Report { text: stale::show(catalog, &old), stale: old.len(), different: 0 };
    for (name, text) in files {
        let file = file::read(name, text, now).with_context(|| format!("cannot read {name}"))?;
        let comparison = Comparison::new(catalog, &file, now);
        report.different += comparison.differences();
        write!(report.text, "\n{name} ({})\n{comparison}", file.format)?;
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHEET: &str = r#"
        provider = "acme"
        prefixes = ["acme/"]
        [[model]]
        id = "a"
        [[model.price]]
        rates = { input = "5", output = "25" }
        source = "list"
        checked = "2026-06-01"
    "#;

    fn catalog() -> Catalog {
        Catalog::default().with_toml("acme.toml", SHEET).unwrap()
    }

    fn at(day: &str) -> Timestamp {
        format!("{day}T12:00:00Z").parse().unwrap()
    }

    #[test]
    fn nothing_old_and_nothing_different_is_a_success() {
        let same = [("same.toml", SHEET.to_owned())];
        let report = report(&catalog(), &same, at("2026-08-30")).unwrap();
        assert!(report.conclude().is_ok(), "{}", report.text);
    }

    #[test]
    fn an_old_price_fails_the_command() {
        let report = report(&catalog(), &[], at("2026-08-31")).unwrap();
        assert_eq!(report.conclude().unwrap_err().to_string(), "prices: 1 are old, 0 differ");
    }

    #[test]
    fn a_different_price_fails_the_command_and_is_shown() {
        let other = [("other.toml", SHEET.replace("\"25\"", "\"20\""))];
        let report = report(&catalog(), &other, at("2026-06-02")).unwrap();
        assert_eq!(report.conclude().unwrap_err().to_string(), "prices: 0 are old, 1 differ");
        let line = report.text.lines().find(|line| line.contains("output")).unwrap();
        assert_eq!(line.split_whitespace().collect::<Vec<_>>(), ["a", "a", "output", "25", "20"]);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let odd = [("odd.json", "{\"a\":1}".to_owned())];
        let error = report(&catalog(), &odd, at("2026-06-02")).err().unwrap();
        assert_eq!(error.to_string(), "cannot read odd.json");
    }

    #[test]
    fn the_shipped_catalog_equals_itself() {
        let text =
            std::fs::read_to_string(crate::cargo::root().join("crates/cost/catalog/deepseek.toml"));
        let files = [("deepseek.toml", text.unwrap())];
        for day in ["2026-08-20", "2026-10-01", "2026-11-28", "2026-11-30"] {
            let report = report(Catalog::builtin(), &files, at(day)).unwrap();
            assert_eq!(report.different, 0, "{}", report.text);
        }
    }
}
