//! `File`: a price catalog of somebody, in whichever of the known formats it is.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, bail};
use cost::{Catalog, DecimalError, Model, Timestamp};
use serde_json::value::RawValue;

use super::offer::{Dated, Offer};
use super::{genai, litellm};

/// A JSON object whose values are read later, if at all.
pub(super) type Object = BTreeMap<String, Box<RawValue>>;

/// A file that was read.
pub(super) struct File {
    pub(super) format: Format,
    pub(super) offers: Vec<Offer>,
    /// Prices that cannot be kept.
    pub(super) odd: Vec<Odd>,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    LiteLlm,
    GenaiPrices,
    Sheet,
}

/// A price that cannot be kept: it is no number, or too fine a one.
#[derive(Debug)]
pub(super) struct Odd {
    pub(super) provider: String,
    model: String,
    field: String,
    value: String,
    why: DecimalError,
}

/// Reads a file, whose format its content says. `name` tells TOML from JSON.
///
/// # Errors
///
/// When it is none of the known formats, or not what its format wants.
pub(super) fn read(name: &str, text: &str, now: Timestamp) -> Result<File> {
    let mut odd = Vec::new();
    if name.ends_with(".toml") {
        return Ok(sheet(&Catalog::default().with_toml(name, text)?));
    }
    if text.trim_start().starts_with('[') {
        let offers = genai::read(text, now, &mut odd)?;
        return Ok(File { format: Format::GenaiPrices, offers, odd });
    }
    let object: Object = serde_json::from_str(text)?;
    if object.contains_key("provider") && object.contains_key("model") {
        return Ok(sheet(&Catalog::default().with_json(name, text)?));
    }
    if let Some(providers) = object.get("providers") {
        let offers = genai::read(providers.get(), now, &mut odd)?;
        return Ok(File { format: Format::GenaiPrices, offers, odd });
    }
    if litellm::is_it(&object) {
        let offers = litellm::read(&object, now, &mut odd);
        return Ok(File { format: Format::LiteLlm, offers, odd });
    }
    bail!("neither a sheet of ours nor a file of LiteLLM or genai-prices");
}

fn sheet(catalog: &Catalog) -> File {
    let offer = |model: &Model| Offer {
        provider: model.provider.clone(),
        name: model.id.clone(),
        names: model.aliases.clone(),
        rule: None,
        retired: false,
        prices: model
            .prices
            .iter()
            .map(|price| Dated { from: price.from, ..Dated::always(price.clone()) })
            .collect(),
    };
    let offers = catalog.models().iter().map(offer).collect();
    File { format: Format::Sheet, offers, odd: Vec::new() }
}

impl Format {
    /// Whether a price can depend on the hour of the day.
    pub(super) const fn has_hours(self) -> bool {
        !matches!(self, Self::LiteLlm)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LiteLlm => "LiteLLM",
            Self::GenaiPrices => "genai-prices",
            Self::Sheet => "a sheet of ours",
        })
    }
}

impl Odd {
    /// Of a model by its provider and its name.
    pub(super) fn new(
        (provider, model): (&str, &str),
        field: &str,
        value: &RawValue,
        why: DecimalError,
    ) -> Self {
        let [provider, model, field] = [provider, model, field].map(str::to_owned);
        Self { provider, model, field, value: value.get().to_owned(), why }
    }
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}: {}", self.model, self.field, self.value, self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, text: &str, format: Format) {
        let file = read(name, text, "2026-11-30T12:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(file.format, format);
        let found: Vec<_> =
            file.offers.iter().map(|offer| (&*offer.provider, &*offer.name)).collect();
        assert_eq!(found, [("acme", "a")]);
    }

    #[test]
    fn the_content_says_the_format() {
        let toml = "provider = \"acme\"\n[[model]]\nid = \"a\"\n[[model.price]]\nrates = { input = \"1\" }\nsource = \"s\"\nchecked = \"2026-01-01\"";
        check("x.toml", toml, Format::Sheet);
        let json = r#"{"provider":"acme","model":[{"id":"a","price":[{"rates":{"input":"1"},"source":"s","checked":"2026-01-01"}]}]}"#;
        check("x.json", json, Format::Sheet);
        let providers = r#"[{"id":"acme","models":[{"id":"a","prices":{"input_mtok":1}}]}]"#;
        check("x.json", providers, Format::GenaiPrices);
        let wrapped = format!(r#"{{"units":{{}},"providers":{providers}}}"#);
        check("x.json", &wrapped, Format::GenaiPrices);
        let flat = r#"{"a":{"litellm_provider":"acme","input_cost_per_token":1e-06}}"#;
        check("x.json", flat, Format::LiteLlm);
    }

    #[test]
    fn a_file_of_no_known_format_is_an_error() {
        for text in ["{}", "[1]", "", r#"{"a":{"input":1}}"#] {
            assert!(read("x.json", text, Timestamp::from_unix(0)).is_err(), "{text}");
        }
        assert!(read("x.toml", "a = 1", Timestamp::from_unix(0)).is_err());
    }
}
