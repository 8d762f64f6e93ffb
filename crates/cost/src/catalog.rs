//! `Catalog`: the models that are known, by every name they go by. An unknown name is an error that
//! suggests near ones, never a price of zero.

mod near;
mod sheet;

use std::borrow::ToOwned;
use std::collections::HashMap;
use std::fmt;
use std::string::String;
use std::sync::LazyLock;
use std::vec::Vec;

pub use self::sheet::SheetError;
use self::sheet::{Sheet, SheetFormat};
use crate::civil::{Date, Timestamp};
use crate::price::{Price, PriceError, Terms};
use crate::rates::Bill;
use crate::usage::Usage;

/// The sheets that ship with this crate, by their names.
const SHEETS: [(&str, &str); 4] = [
    ("anthropic.toml", include_str!("../catalog/anthropic.toml")),
    ("openai.toml", include_str!("../catalog/openai.toml")),
    ("google.toml", include_str!("../catalog/google.toml")),
    ("deepseek.toml", include_str!("../catalog/deepseek.toml")),
];

/// Near names that an error suggests, at most.
const SUGGESTIONS_MAX: usize = 3;

/// Models and their prices.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    models: Vec<Model>,
    names: HashMap<String, usize>,
    /// What may stand before a name, and whose models it then is: `anthropic/`, `models/`.
    prefixes: HashMap<String, String>,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// The name that its provider gives it.
    pub id: String,
    /// Its provider.
    pub provider: String,
    /// Other names of it: dated ids, and the spellings of others.
    pub aliases: Vec<String>,
    /// When it was or will be retired; its last price stays.
    pub retired: Option<Date>,
    /// Its prices, the oldest first.
    pub prices: Vec<Price>,
}

/// No model has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownModel {
    /// The name.
    pub name: String,
    /// Names that are like it.
    pub near: Vec<String>,
}

impl Catalog {
    /// The catalog that ships with this crate.
    ///
    /// ```
    /// use cost::{Catalog, Service, Terms, Usage};
    ///
    /// let model = Catalog::builtin().resolve("anthropic/claude-opus-4-5")?;
    /// let usage = Usage { input: 2_000, output: 1_500, ..Usage::default() };
    /// let at = "2026-11-23T12:00:00Z".parse()?;
    /// let terms = Terms { at, service: Service::Standard, region: None };
    /// assert_eq!(model.bill(&usage, &terms)?.total.to_string(), "0.0475");
    ///
    /// let error = Catalog::builtin().resolve("claude-opus-4-55").unwrap_err();
    /// assert!(error.near.contains(&"claude-opus-4-5".to_owned()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builtin() -> &'static Self {
        static BUILTIN: LazyLock<Catalog> = LazyLock::new(|| {
            let mut catalog = Catalog::default();
            for (name, text) in SHEETS {
                let sheet = Sheet::read(name, text, SheetFormat::Toml);
                catalog.merge(sheet.expect("the tests read the sheets that ship"));
            }
            catalog
        });
        &BUILTIN
    }

    /// This catalog with a sheet of the user on top, in TOML.
    ///
    /// A model of the same id keeps what the sheet does not name: prices from other days, aliases.
    /// `name` stands for the sheet in errors.
    ///
    /// # Errors
    ///
    /// [`SheetError`] says where the sheet is wrong.
    pub fn with_toml(mut self, name: &str, text: &str) -> Result<Self, SheetError> {
        self.merge(Sheet::read(name, text, SheetFormat::Toml)?);
        Ok(self)
    }

    /// [`with_toml`](Self::with_toml), with a sheet in JSON.
    ///
    /// # Errors
    ///
    /// [`SheetError`] says where the sheet is wrong.
    pub fn with_json(mut self, name: &str, text: &str) -> Result<Self, SheetError> {
        self.merge(Sheet::read(name, text, SheetFormat::Json)?);
        Ok(self)
    }

    /// The model of this name, with or without the prefix of its provider. Allocates nothing unless
    /// there is none.
    ///
    /// # Errors
    ///
    /// [`UnknownModel`].
    pub fn resolve(&self, name: &str) -> Result<&Model, UnknownModel> {
        self.find(name).ok_or_else(|| self.unknown(name))
    }

    /// The model of this name at this provider.
    ///
    /// # Errors
    ///
    /// [`UnknownModel`], also where another provider has one of that name.
    pub fn resolve_at(&self, provider: &str, name: &str) -> Result<&Model, UnknownModel> {
        let found = self.find(name).filter(|model| model.provider == provider);
        found.ok_or_else(|| self.unknown(name))
    }

    /// All models, in the order of providers and sheets.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    fn find(&self, name: &str) -> Option<&Model> {
        if let Some(model) = self.names.get(name) {
            return Some(&self.models[*model]);
        }
        let (prefix, rest) = name.split_at(name.find('/')? + 1);
        let provider = self.prefixes.get(prefix)?;
        let model = &self.models[*self.names.get(rest)?];
        (model.provider == *provider).then_some(model)
    }

    fn unknown(&self, name: &str) -> UnknownModel {
        let near = near::nearest(name, self.names.keys().map(String::as_str), SUGGESTIONS_MAX);
        UnknownModel { name: name.to_owned(), near }
    }

    fn merge(&mut self, sheet: Sheet) {
        for prefix in sheet.prefixes {
            self.prefixes.insert(prefix, sheet.provider.clone());
        }
        for model in sheet.models {
            let index = match self.names.get(&model.id) {
                Some(index) if self.models[*index].provider == model.provider => {
                    self.models[*index].merge(&model);
                    *index
                }
                _ => {
                    self.models.push(model.clone());
                    self.models.len() - 1
                }
            };
            for name in model.aliases.into_iter().chain([model.id]) {
                self.names.insert(name, index);
            }
        }
    }
}

impl Model {
    /// What it costs at a moment.
    ///
    /// # Errors
    ///
    /// [`PriceError::NotYet`] before its first price.
    pub fn price_at(&self, at: Timestamp) -> Result<&Price, PriceError> {
        let holds = |price: &&Price| price.from.is_none_or(|from| from.start() <= at);
        self.prices.iter().rev().find(holds).ok_or(PriceError::NotYet)
    }

    /// What a usage costs. Allocates nothing.
    ///
    /// # Errors
    ///
    /// [`PriceError`].
    pub fn bill(&self, usage: &Usage, terms: &Terms<'_>) -> Result<Bill, PriceError> {
        self.price_at(terms.at)?.bill(usage, terms)
    }

    fn merge(&mut self, other: &Self) {
        for alias in &other.aliases {
            if !self.aliases.contains(alias) {
                self.aliases.push(alias.clone());
            }
        }
        self.retired = other.retired.or(self.retired);
        for price in &other.prices {
            self.prices.retain(|known| known.from != price.from);
            self.prices.push(price.clone());
        }
        self.prices.sort_by_key(|price| price.from);
    }
}

impl fmt::Display for UnknownModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the price of the model `{}` is not known", self.name)?;
        match self.near.as_slice() {
            [] => Ok(()),
            near => write!(f, "; near names: {}", near.join(", ")),
        }
    }
}

impl std::error::Error for UnknownModel {}
