//! `--prices`: the catalog that ships, with sheets of one's own on top; and `--budget` of one stream.

use anyhow::{Context, ensure};
use clap::Args;
use client::{Builder, Money};
use cost::Catalog;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::status::usage_error;

/// What models cost.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Prices {
    /// Sheet of prices in TOML or JSON that lies on top of those that ship; may be given again
    #[arg(long, value_name = "FILE")]
    prices: Vec<PathBuf>,
}

/// Bytes of a sheet that are read.
const SHEET_BYTES_MAX: u64 = 16 << 20;

impl Prices {
    /// The catalog, with the later sheets on top.
    ///
    /// # Errors
    ///
    /// A sheet that cannot be read, and where it is wrong.
    pub(crate) fn catalog(&self) -> anyhow::Result<Catalog> {
        let mut catalog = Catalog::builtin().clone();
        for file in &self.prices {
            catalog = add(catalog, file).map_err(|error| usage_error(format!("{error:#}")))?;
        }
        Ok(catalog)
    }
}

/// What one answer may cost.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Cost")]
pub(crate) struct Spending {
    /// Most that the answer may cost, in dollars, over all its attempts: when it is spent, the stream
    /// ends with its checkpoint, and a larger budget goes on
    #[arg(long, value_name = "USD", value_parser = dollars)]
    budget: Option<Money>,

    #[command(flatten)]
    prices: Prices,
}

impl Spending {
    /// Sets up a client.
    ///
    /// # Errors
    ///
    /// A sheet of prices that cannot be read.
    pub(crate) fn set(&self, builder: Builder) -> anyhow::Result<Builder> {
        let builder = builder.prices(Arc::new(self.prices.catalog()?));
        Ok(match self.budget {
            Some(limit) => builder.response_budget(limit),
            None => builder,
        })
    }
}

/// Reads a budget: more than nothing.
pub(crate) fn dollars(text: &str) -> Result<Money, String> {
    match text.parse::<Money>() {
        Ok(limit) if limit > Money::ZERO => Ok(limit),
        Ok(_) => Err("a budget is more than zero".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn add(catalog: Catalog, file: &Path) -> anyhow::Result<Catalog> {
    let name = file.display().to_string();
    // Not by its metadata: a device or a pipe has no length.
    let opened = File::open(file).map(|opened| opened.take(SHEET_BYTES_MAX + 1));
    let text = opened.and_then(io::read_to_string);
    let text = text.with_context(|| format!("cannot read {name}"))?;
    ensure!(text.len() as u64 <= SHEET_BYTES_MAX, "{name} is larger than 16 MiB");
    let added = match text.trim_start().starts_with('{') {
        true => catalog.with_json(&name, &text),
        false => catalog.with_toml(&name, &text),
    };
    Ok(added?)
}
