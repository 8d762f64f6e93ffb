//! `Sheet`: the file format of prices, for the sheets that ship and for a user's own. Numbers are
//! strings of decimals, because a float has none. Everything that is wrong is said with its place.

mod value;

use std::borrow::ToOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use serde::Deserialize;

use self::value::{Day, Minute, Parsed};
use super::Model;
use crate::civil::Weekday;
use crate::price::{Card, Price, Service, ServicePrice, Window};
use crate::rate::{Multiplier, Rate};
use crate::rates::Rates;

/// A sheet as it was read and checked.
pub(super) struct Sheet {
    pub(super) provider: String,
    pub(super) prefixes: Vec<String>,
    pub(super) models: Vec<Model>,
}

/// The syntax of a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SheetFormat {
    Toml,
    Json,
}

/// Where and why a sheet is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SheetError {
    /// The name of the sheet.
    pub sheet: String,
    /// What is wrong, and where.
    pub what: String,
}

impl Sheet {
    pub(super) fn read(name: &str, text: &str, format: SheetFormat) -> Result<Self, SheetError> {
        let wrong = |what: String| SheetError { sheet: name.to_owned(), what };
        // Some editors begin a file with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let written: SheetText = match format {
            SheetFormat::Toml => toml::from_str(text).map_err(|error| wrong(error.to_string()))?,
            SheetFormat::Json => {
                serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?
            }
        };
        written.check().map_err(wrong)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SheetText {
    provider: String,
    #[serde(default)]
    prefixes: Vec<String>,
    /// Lists of days by name, for windows.
    #[serde(default)]
    holidays: BTreeMap<String, Vec<Day>>,
    #[serde(default)]
    model: Vec<ModelText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelText {
    id: String,
    #[serde(default)]
    aliases: Vec<String>,
    retired: Option<Day>,
    price: Vec<PriceText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceText {
    from: Option<Day>,
    source: String,
    checked: Day,
    rates: RatesText,
    #[serde(default)]
    over: Vec<OverText>,
    #[serde(default)]
    service: Vec<ServiceText>,
    #[serde(default)]
    window: Vec<WindowText>,
    #[serde(default)]
    regions: BTreeMap<String, Parsed<Multiplier>>,
}

/// Dollars per million tokens, and per thousand searches.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RatesText {
    input: Option<Parsed<Rate>>,
    cache_read: Option<Parsed<Rate>>,
    cache_write_5m: Option<Parsed<Rate>>,
    cache_write_1h: Option<Parsed<Rate>>,
    input_audio: Option<Parsed<Rate>>,
    output: Option<Parsed<Rate>>,
    output_reasoning: Option<Parsed<Rate>>,
    output_audio: Option<Parsed<Rate>>,
    web_search_1k: Option<Parsed<Rate>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OverText {
    input: u64,
    rates: RatesText,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceText {
    service: Service,
    from: Option<Day>,
    rates: RatesText,
    #[serde(default)]
    over: Vec<OverText>,
    input_max: Option<u64>,
    source: Option<String>,
    checked: Option<Day>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowText {
    multiplier: Parsed<Multiplier>,
    from: Minute,
    to: Minute,
    #[serde(default)]
    weekdays: Vec<Weekday>,
    /// The name of a list of holidays.
    except: Option<String>,
}

impl SheetText {
    fn check(self) -> Result<Sheet, String> {
        filled("provider", &self.provider)?;
        for prefix in &self.prefixes {
            filled("a prefix", prefix)?;
        }
        let mut models = Vec::with_capacity(self.model.len());
        for model in self.model {
            let id = model.id.clone();
            let model = model.check(&self.provider, &self.holidays);
            models.push(model.map_err(|what| format!("model `{id}`: {what}"))?);
        }
        each_name_is_of_one(&models)?;
        Ok(Sheet { provider: self.provider, prefixes: self.prefixes, models })
    }
}

/// Two models of one name in a sheet are a mistake: only one of them would be found.
fn each_name_is_of_one(models: &[Model]) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for model in models {
        if !names.insert(&model.id) {
            return Err(format!("model `{}`: the sheet has two of this id", model.id));
        }
    }
    for model in models {
        for alias in &model.aliases {
            if !names.insert(alias) {
                let id = &model.id;
                return Err(format!("model `{id}`: its alias `{alias}` is already a name"));
            }
        }
    }
    Ok(())
}

fn filled(what: &str, text: &str) -> Result<(), String> {
    if text.trim().is_empty() { Err(format!("{what} is empty")) } else { Ok(()) }
}

impl ModelText {
    fn check(self, provider: &str, holidays: &BTreeMap<String, Vec<Day>>) -> Result<Model, String> {
        filled("its id", &self.id)?;
        for alias in &self.aliases {
            filled("an alias", alias)?;
        }
        if self.price.is_empty() {
            return Err("it has no price".to_owned());
        }
        let mut prices = Vec::with_capacity(self.price.len());
        for price in self.price {
            prices.push(price.check(holidays)?);
        }
        if !prices.is_sorted_by(|left: &Price, right| left.from < right.from) {
            return Err("its prices are not in the order of their days".to_owned());
        }
        Ok(Model {
            id: self.id,
            provider: provider.to_owned(),
            aliases: self.aliases,
            retired: self.retired.map(|date| date.0),
            prices,
        })
    }
}

impl PriceText {
    fn check(self, holidays: &BTreeMap<String, Vec<Day>>) -> Result<Price, String> {
        filled("the source of a price", &self.source)?;
        let mut services = Vec::with_capacity(self.service.len());
        for service in self.service {
            services.push(service.check()?);
        }
        let windows = self.window.into_iter().map(|window| window.check(holidays));
        let regions = self.regions.into_iter().map(|(name, factor)| (name, factor.0));
        Ok(Price {
            from: self.from.map(|from| from.0),
            standard: card(self.rates, self.over)?,
            services,
            windows: windows.collect::<Result<_, _>>()?,
            regions: regions.collect(),
            source: self.source,
            checked: Some(self.checked.0),
        })
    }
}

impl ServiceText {
    fn check(self) -> Result<ServicePrice, String> {
        if self.service == Service::Standard {
            return Err("the standard service is the price itself".to_owned());
        }
        if let Some(source) = &self.source {
            filled("the source of a service", source)?;
        }
        Ok(ServicePrice {
            service: self.service,
            from: self.from.map(|from| from.0),
            card: card(self.rates, self.over)?,
            input_max: self.input_max,
            source: self.source,
            checked: self.checked.map(|checked| checked.0),
        })
    }
}

fn card(rates: RatesText, tiers: Vec<OverText>) -> Result<Card, String> {
    let mut over = Vec::with_capacity(tiers.len());
    for OverText { input, rates } in tiers {
        over.push((input, rates.check()?));
    }
    if !over.is_sorted_by(|(left, _), (right, _)| left < right) {
        return Err("its tiers are not in the order of their input".to_owned());
    }
    Ok(Card { rates: rates.check()?, over })
}

impl RatesText {
    fn check(self) -> Result<Rates, String> {
        let thousand: Multiplier = "1000".parse().map_err(|_| "a thousand".to_owned())?;
        let rate = |rate: Option<Parsed<Rate>>| rate.map(|rate| rate.0);
        let web_search = rate(self.web_search_1k).map(|rate| rate.times(thousand)).transpose();
        let rates = Rates {
            input: rate(self.input),
            cache_read: rate(self.cache_read),
            cache_write_5m: rate(self.cache_write_5m),
            cache_write_1h: rate(self.cache_write_1h),
            input_audio: rate(self.input_audio),
            output: rate(self.output),
            output_reasoning: rate(self.output_reasoning),
            output_audio: rate(self.output_audio),
            web_search: web_search.map_err(|error| format!("web_search_1k: {error}"))?,
        };
        if rates == Rates::default() {
            Err("it has rates without any".to_owned())
        } else {
            Ok(rates)
        }
    }
}

impl WindowText {
    fn check(self, holidays: &BTreeMap<String, Vec<Day>>) -> Result<Window, String> {
        if self.from.0 >= self.to.0 {
            return Err(
                "a window ends before it begins; write two for one over midnight".to_owned()
            );
        }
        let except = match self.except {
            None => Vec::new(),
            Some(name) => {
                let list = holidays.get(&name);
                list.ok_or_else(|| format!("no list of holidays is called `{name}`"))?
                    .iter()
                    .map(|date| date.0)
                    .collect()
            }
        };
        if !except.is_sorted() {
            return Err("its holidays are not in the order of their days".to_owned());
        }
        Ok(Window {
            multiplier: self.multiplier.0,
            from_minute: self.from.0,
            to_minute: self.to.0,
            weekdays: self.weekdays,
            except,
        })
    }
}

impl fmt::Display for SheetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.sheet, self.what)
    }
}

impl std::error::Error for SheetError {}
