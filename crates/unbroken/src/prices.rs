//! `--prices`: the catalog that ships, with sheets of one's own on top.

use anyhow::{Context, ensure};
use clap::Args;
use cost::Catalog;
use std::fs;
use std::path::{Path, PathBuf};

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

fn add(catalog: Catalog, file: &Path) -> anyhow::Result<Catalog> {
    let name = file.display().to_string();
    let bytes = fs::metadata(file).with_context(|| format!("cannot read {name}"))?.len();
    ensure!(bytes <= SHEET_BYTES_MAX, "{name} is larger than 16 MiB");
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    let added = match text.trim_start().starts_with('{') {
        true => catalog.with_json(&name, &text),
        false => catalog.with_toml(&name, &text),
    };
    Ok(added?)
}
