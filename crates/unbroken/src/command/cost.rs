//! `unbroken cost`: what requests cost, and what it costs that streams break. It asks nobody.

mod ask;
mod bill;
mod models;
mod price;
mod report;
mod resume;

use clap::{Args, Subcommand};

use self::models::Models;
use self::price::Price;
use self::report::Report;
use self::resume::Resume;
use crate::prices::Prices;
use crate::status::Status;

/// Say what requests cost, exactly, and what it costs that streams break.
///
/// Prices are those that ship, each with its source and the day on which it was read, and those of
/// --prices. A model without a price is an error and never free.
#[derive(Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cost {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Price(Price),
    Report(Report),
    Resume(Resume),
    Models(Models),
}

impl Cost {
    /// Works it out and writes it to stdout.
    pub(crate) fn run(self) -> anyhow::Result<Status> {
        match self.command {
            Command::Price(price) => price.run(),
            Command::Report(report) => report.run(),
            Command::Resume(resume) => resume.run(),
            Command::Models(models) => models.run(),
        }
    }
}

/// Where a command finds its prices: a model of the catalog, or figures.
#[derive(Args)]
struct Card {
    /// Model whose prices hold
    #[arg(long)]
    model: Option<String>,

    /// Dollars per million input tokens, in place of a model's
    #[arg(long, value_name = "USD", requires = "output_price")]
    input_price: Option<cost::Rate>,

    /// Dollars per million output tokens, in place of a model's
    #[arg(long, value_name = "USD", requires = "input_price")]
    output_price: Option<cost::Rate>,

    /// Dollars per million tokens read from a cache, in place of a model's
    #[arg(long, value_name = "USD")]
    cache_read_price: Option<cost::Rate>,

    /// Dollars per million tokens written to a cache for 5 minutes, in place of a model's
    #[arg(long, value_name = "USD")]
    cache_write_price: Option<cost::Rate>,

    #[command(flatten)]
    prices: Prices,
}

impl Card {
    /// The name of the model or of the figures, and the rates for prompts of this length.
    fn rates(&self, default: Option<&str>, input: u64) -> anyhow::Result<(String, cost::Rates)> {
        let given = cost::Rates {
            input: self.input_price,
            output: self.output_price,
            cache_read: self.cache_read_price,
            cache_write_5m: self.cache_write_price,
            ..cost::Rates::default()
        };
        let model = match (&self.model, self.input_price) {
            (Some(model), _) => model.as_str(),
            (None, Some(_)) => return Ok(("given prices".to_owned(), given)),
            (None, None) => default.ok_or_else(|| {
                crate::status::usage_error("give --model, or --input-price and --output-price")
            })?,
        };
        let catalog = self.prices.catalog()?;
        let model = catalog.resolve(model)?;
        let at = bill::now();
        let terms = cost::Terms { at, service: cost::Service::Standard, region: None };
        let rates = model.price_at(at)?.rates(input, &terms)?;
        Ok((model.id.clone(), rates.overlaid(&given)))
    }
}
