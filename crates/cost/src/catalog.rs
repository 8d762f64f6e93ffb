//! `Catalog`: the models that are known, by every name they go by. An unknown name is an error that
//! suggests near ones, never a price of zero.

mod names;
mod near;
mod sheet;

use std::borrow::ToOwned;
use std::fmt;
use std::format;
use std::string::String;
use std::sync::LazyLock;
use std::vec::Vec;

use self::names::Names;
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
    names: Names,
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
    /// The provider that was named, or whose prefix the name has.
    pub provider: Option<String>,
    /// Names that are like it, of models of that provider if there is one.
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
                let merged = sheet.and_then(|sheet| catalog.merge(name, &sheet));
                merged.expect("the tests read the sheets that ship");
            }
            catalog
        });
        &BUILTIN
    }

    /// This catalog with a sheet of the user on top, in TOML.
    ///
    /// A model of the same provider and id keeps what the sheet does not name: prices from other days,
    /// aliases. An id that is an alias of another model there, such as `gpt-5-2025-08-07`, makes a
    /// model of its own, which takes that name from the other. `name` stands for the sheet in errors.
    ///
    /// # Errors
    ///
    /// [`SheetError`] says where the sheet is wrong; so it is where an alias is the id of another
    /// model of the provider.
    pub fn with_toml(mut self, name: &str, text: &str) -> Result<Self, SheetError> {
        self.merge(name, &Sheet::read(name, text, SheetFormat::Toml)?)?;
        Ok(self)
    }

    /// [`with_toml`](Self::with_toml), with a sheet in JSON.
    ///
    /// # Errors
    ///
    /// [`SheetError`] says where the sheet is wrong.
    pub fn with_json(mut self, name: &str, text: &str) -> Result<Self, SheetError> {
        self.merge(name, &Sheet::read(name, text, SheetFormat::Json)?)?;
        Ok(self)
    }

    /// The model of this name, with or without the prefix of its provider. Allocates nothing unless
    /// there is none.
    ///
    /// Where two providers have a model of this name, it is that of the sheet on top; a prefix says
    /// whose is meant. A dated id that is not listed, such as `gpt-5-2026-01-31`, costs what its model
    /// does.
    ///
    /// # Errors
    ///
    /// [`UnknownModel`].
    pub fn resolve(&self, name: &str) -> Result<&Model, UnknownModel> {
        let found = self.names.find(None, name, &self.models);
        found.map(|model| &self.models[model]).ok_or_else(|| self.unknown(None, name))
    }

    /// The model of this name at this provider.
    ///
    /// # Errors
    ///
    /// [`UnknownModel`], also where another provider has one of that name.
    pub fn resolve_at(&self, provider: &str, name: &str) -> Result<&Model, UnknownModel> {
        let found = self.names.find(Some(provider), name, &self.models);
        found.map(|model| &self.models[model]).ok_or_else(|| self.unknown(Some(provider), name))
    }

    /// All models, in the order of providers and sheets.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    fn unknown(&self, provider: Option<&str>, name: &str) -> UnknownModel {
        let (whose, rest) = self.names.split(name).map_or((None, name), |(whose, rest)| {
            let is_theirs = provider.is_none_or(|provider| provider == whose);
            if is_theirs { (Some(whose), rest) } else { (None, name) }
        });
        let provider = provider.or(whose);
        let near = near::nearest(rest, self.names.of(provider, &self.models), SUGGESTIONS_MAX);
        UnknownModel { name: name.to_owned(), provider: provider.map(ToOwned::to_owned), near }
    }

    /// Lays a sheet on top; `name` is that of the sheet.
    fn merge(&mut self, name: &str, sheet: &Sheet) -> Result<(), SheetError> {
        for prefix in &sheet.prefixes {
            self.names.add_prefix(prefix, &sheet.provider);
        }
        for model in &sheet.models {
            self.place(model).map_err(|what| SheetError { sheet: name.to_owned(), what })?;
        }
        Ok(())
    }

    fn place(&mut self, model: &Model) -> Result<(), String> {
        let of_provider = |known: &&mut Model| known.provider == model.provider;
        for other in self.models.iter_mut().filter(of_provider) {
            if other.id == model.id {
                continue;
            }
            if model.aliases.contains(&other.id) {
                let (id, taken) = (&model.id, &other.id);
                return Err(format!(
                    "model `{id}`: its alias `{taken}` is the id of another model"
                ));
            }
            other.aliases.retain(|alias| *alias != model.id && !model.aliases.contains(alias));
        }
        let is_it = |known: &Model| known.id == model.id && known.provider == model.provider;
        let index = self.models.iter().position(is_it).unwrap_or(self.models.len());
        match self.models.get_mut(index) {
            Some(known) => known.merge(model),
            None => self.models.push(model.clone()),
        }
        for name in model.aliases.iter().chain([&model.id]) {
            self.names.add(name, index, &self.models);
        }
        Ok(())
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
        write!(f, "the price of the model `{}`", self.name)?;
        if let Some(provider) = &self.provider {
            write!(f, " of the provider `{provider}`")?;
        }
        f.write_str(" is not known")?;
        match self.near.as_slice() {
            [] => Ok(()),
            near => write!(f, "; near names: {}", near.join(", ")),
        }
    }
}

impl std::error::Error for UnknownModel {}
