//! `unbroken cost models`: which models have a price, and which.

use anyhow::anyhow;
use clap::Args;
use cost::{Catalog, Model, Rate, Rates, Service, Terms};
use serde::Serialize;
use std::io::{self, Write};

use super::bill::now;
use crate::prices::Prices;
use crate::status::Status;

/// List the models that have a price, with the prices of today's standard service.
#[derive(Args)]
pub(crate) struct Models {
    /// Only models of which a name or the provider has this in it
    pattern: Option<String>,

    /// Write one JSON object a line, with all names, the source and the day on which it was read
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    prices: Prices,
}

/// One line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    model: &'a str,
    provider: &'a str,
    aliases: &'a [String],
    retired: Option<String>,
    usd_per_million: Card,
    source: Option<&'a str>,
    checked: Option<String>,
}

/// Prices as exact decimals; `null` is not known.
#[derive(Serialize)]
struct Card {
    input: Option<String>,
    output: Option<String>,
    cache_read: Option<String>,
    cache_write_5m: Option<String>,
    cache_write_1h: Option<String>,
    input_audio: Option<String>,
    output_audio: Option<String>,
    output_reasoning: Option<String>,
    web_searches: Option<String>,
}

impl Models {
    pub(super) fn run(self) -> anyhow::Result<Status> {
        let catalog = self.prices.catalog()?;
        let found: Vec<&Model> =
            catalog.models().iter().filter(|model| self.wants(model)).collect();
        if found.is_empty() {
            return Err(self.nothing(&catalog));
        }
        let mut out = io::stdout().lock();
        match self.json {
            true => found.iter().try_for_each(|model| write_json(&mut out, model))?,
            false => write_table(&mut out, &found)?,
        }
        Ok(Status::Complete)
    }

    fn wants(&self, model: &Model) -> bool {
        let Some(pattern) = &self.pattern else { return true };
        let pattern = pattern.to_lowercase();
        let mut names = model.aliases.iter().chain([&model.id, &model.provider]);
        names.any(|name| name.to_lowercase().contains(&pattern))
    }

    fn nothing(&self, catalog: &Catalog) -> anyhow::Error {
        match &self.pattern {
            Some(pattern) => match catalog.resolve(pattern) {
                Err(unknown) => unknown.into(),
                Ok(_) => anyhow!("no model has {pattern:?} in its names"),
            },
            None => anyhow!("no model has a price"),
        }
    }
}

/// The rates of a short request now.
fn rates(model: &Model) -> Rates {
    let terms = Terms { at: now(), service: Service::Standard, region: None };
    let price = model.price_at(terms.at).ok();
    price.and_then(|price| price.rates(0, &terms).ok()).unwrap_or_default()
}

fn write_json(out: &mut impl Write, model: &Model) -> io::Result<()> {
    let price = model.price_at(now()).ok();
    let line = Line {
        model: &model.id,
        provider: &model.provider,
        aliases: &model.aliases,
        retired: model.retired.map(|date| date.to_string()),
        usd_per_million: Card::from(rates(model)),
        source: price.map(|price| price.source.as_str()),
        checked: price.and_then(|price| price.checked).map(|date| date.to_string()),
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

impl From<Rates> for Card {
    fn from(rates: Rates) -> Self {
        let text = |rate: Option<Rate>| rate.map(|rate| rate.to_string());
        Self {
            input: text(rates.input),
            output: text(rates.output),
            cache_read: text(rates.cache_read),
            cache_write_5m: text(rates.cache_write_5m),
            cache_write_1h: text(rates.cache_write_1h),
            input_audio: text(rates.input_audio),
            output_audio: text(rates.output_audio),
            output_reasoning: text(rates.output_reasoning),
            web_searches: text(rates.web_search),
        }
    }
}

const HEADER: [&str; 7] = ["model", "provider", "input", "output", "read", "write 5m", "write 1h"];

fn write_table(out: &mut impl Write, models: &[&Model]) -> io::Result<()> {
    let rows: Vec<[String; 7]> = models.iter().map(|model| row(model)).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].len());
        cells.chain([HEADER[column].len()]).max().unwrap_or(0)
    };
    let widths: [usize; 7] = std::array::from_fn(width);
    writeln!(out, "US dollars per million tokens; a dash is not known")?;
    write_row(out, &widths, &HEADER.map(str::to_owned))?;
    rows.iter().try_for_each(|row| write_row(out, &widths, row))
}

fn row(model: &Model) -> [String; 7] {
    let rates = rates(model);
    let text = |rate: Option<Rate>| rate.map_or_else(|| "-".to_owned(), |rate| rate.to_string());
    [
        model.id.clone(),
        model.provider.clone(),
        text(rates.input),
        text(rates.output),
        text(rates.cache_read),
        text(rates.cache_write_5m),
        text(rates.cache_write_1h),
    ]
}

/// Names to the left, figures to the right.
fn write_row(out: &mut impl Write, widths: &[usize; 7], row: &[String; 7]) -> io::Result<()> {
    let [name, provider, figures @ ..] = row;
    write!(out, "{name:<0$}  {provider:<1$}", widths[0], widths[1])?;
    for (figure, width) in figures.iter().zip(&widths[2..]) {
        write!(out, "  {figure:>width$}")?;
    }
    writeln!(out)
}
