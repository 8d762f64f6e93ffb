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

/// The prices that a command goes by.
struct Figures {
    /// The model, or that they were given.
    name: String,
    /// Of the model, if there is one.
    price: Option<cost::Price>,
    /// Those that were given.
    given: cost::Rates,
    at: cost::Timestamp,
}

impl Card {
    /// The prices; `default` is the model when nothing is named.
    fn figures(&self, default: Option<&str>) -> anyhow::Result<Figures> {
        let given = cost::Rates {
            input: self.input_price,
            output: self.output_price,
            cache_read: self.cache_read_price,
            cache_write_5m: self.cache_write_price,
            ..cost::Rates::default()
        };
        let at = bill::now();
        let model = match (&self.model, self.input_price) {
            (Some(model), _) => model.as_str(),
            (None, Some(_)) => {
                return Ok(Figures { name: "given prices".to_owned(), price: None, given, at });
            }
            (None, None) => default.ok_or_else(|| {
                crate::status::usage_error("give --model, or --input-price and --output-price")
            })?,
        };
        let catalog = self.prices.catalog()?;
        let model = catalog.resolve(model)?;
        let price = Some(model.price_at(at)?.clone());
        Ok(Figures { name: model.id.clone(), price, given, at })
    }
}

impl Figures {
    /// The rates of a request with so many tokens of input.
    fn rates(&self, input: u64) -> Result<cost::Rates, cost::PriceError> {
        let terms = cost::Terms { at: self.at, service: cost::Service::Standard, region: None };
        match &self.price {
            Some(price) => Ok(price.rates(input, &terms)?.overlaid(&self.given)),
            None => Ok(self.given),
        }
    }
}
