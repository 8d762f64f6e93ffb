//! `Price`: what a model costs from some day on: rates, dearer ones for long prompts, those of
//! service tiers, hours of the day and regions.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::civil::{Date, Timestamp, Weekday};
use crate::decimal::DecimalError;
use crate::rate::Multiplier;
use crate::rates::{Bill, BillError, Rates};
use crate::usage::Usage;

/// The region of a request that may be processed anywhere.
const GLOBAL: &str = "global";

/// What a model costs from some day on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// The first day on which it holds; `None` is from the beginning.
    pub from: Option<Date>,
    /// The rates of the standard service.
    pub standard: Card,
    /// What other services charge.
    pub services: Vec<ServicePrice>,
    /// Hours of the day that are dearer or cheaper; the first that fits counts.
    pub windows: Vec<Window>,
    /// Regions that are dearer, by name.
    pub regions: Vec<(String, Multiplier)>,
    /// Where it was read.
    pub source: String,
    /// When it was read.
    pub checked: Option<Date>,
}

/// Rates, and those in their place for long prompts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Card {
    /// For any prompt.
    pub rates: Rates,
    /// For the whole request when all its input is more than so many tokens; ascending. What one
    /// does not name stays as before it.
    pub over: Vec<(u64, Rates)>,
}

/// What a service charges; what its card does not name is as in the standard service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServicePrice {
    /// The service.
    pub service: Service,
    /// The first day for which that is known.
    pub from: Option<Date>,
    /// Its rates.
    pub card: Card,
    /// Input tokens, cached or not, above which it has no known price.
    pub input_max: Option<u64>,
    /// Where it was read, if not where the price was.
    pub source: Option<String>,
    /// When it was read, if not when the price was.
    pub checked: Option<Date>,
}

/// How urgent a request is, for its provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "catalog", derive(serde::Deserialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Service {
    /// As any request.
    #[default]
    Standard,
    /// In a batch, within a day.
    Batch,
    /// When there is room.
    Flex,
    /// Before others.
    Priority,
}

/// Hours of some days in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// What it makes of the rates.
    pub multiplier: Multiplier,
    /// The first minute of the day that is in it.
    pub from_minute: u32,
    /// The first minute of the day that is not.
    pub to_minute: u32,
    /// The days of the week; none is every day.
    pub weekdays: Vec<Weekday>,
    /// Days on which it does not apply; ascending.
    pub except: Vec<Date>,
}

/// What a price depends on beside the usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms<'a> {
    /// When the request is made.
    pub at: Timestamp,
    /// How urgent it is.
    pub service: Service,
    /// Where it is processed, if it was pinned to a region.
    pub region: Option<&'a str>,
}

/// Why a request has no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PriceError {
    /// What the model costs on that day is not known.
    NotYet,
    /// What the service costs is not known.
    Service {
        /// The service.
        service: Service,
    },
    /// What the service costs for so much input is not known.
    InputTooLong {
        /// The service.
        service: Service,
        /// Input tokens up to which it is known.
        input_max: u64,
    },
    /// What the region costs is not known.
    Region,
    /// A product of rates and multipliers cannot be kept exactly.
    Inexact(DecimalError),
    /// The usage cannot be billed.
    Bill(BillError),
}

impl Price {
    /// What a usage costs. Allocates nothing.
    ///
    /// # Errors
    ///
    /// [`PriceError`].
    pub fn bill(&self, usage: &Usage, terms: &Terms<'_>) -> Result<Bill, PriceError> {
        let input = usage.input_total().map_err(|_| BillError::Overflow)?;
        Ok(self.rates(input, terms)?.bill(usage)?)
    }

    /// The rates of a request with so many input tokens, cached or not.
    ///
    /// # Errors
    ///
    /// [`PriceError`].
    pub fn rates(&self, input: u64, terms: &Terms<'_>) -> Result<Rates, PriceError> {
        let mut rates = self.standard.rates(input, Rates::default());
        if let Some(priced) = self.service(terms)? {
            if let Some(input_max) = priced.input_max.filter(|input_max| input > *input_max) {
                return Err(PriceError::InputTooLong { service: priced.service, input_max });
            }
            rates = priced.card.rates(input, rates);
        }
        for multiplier in [self.window(terms.at), self.region(terms.region)?] {
            if multiplier != Multiplier::ONE {
                rates = rates.times(multiplier).map_err(PriceError::Inexact)?;
            }
        }
        Ok(rates)
    }

    /// What the service of a request charges; `None` for the standard service, which is the price
    /// itself.
    ///
    /// # Errors
    ///
    /// [`PriceError::Service`].
    pub fn service(&self, terms: &Terms<'_>) -> Result<Option<&ServicePrice>, PriceError> {
        if terms.service == Service::Standard {
            return Ok(None);
        }
        let is_known = |priced: &&ServicePrice| {
            priced.service == terms.service
                && priced.from.is_none_or(|from| from.start() <= terms.at)
        };
        let service = terms.service;
        let known = self.services.iter().rev().find(is_known);
        known.map(Some).ok_or(PriceError::Service { service })
    }

    fn window(&self, at: Timestamp) -> Multiplier {
        let window = self.windows.iter().find(|window| window.contains(at));
        window.map_or(Multiplier::ONE, |window| window.multiplier)
    }

    fn region(&self, region: Option<&str>) -> Result<Multiplier, PriceError> {
        let Some(region) = region else { return Ok(Multiplier::ONE) };
        let known = self.regions.iter().find(|(name, _)| name == region);
        match known {
            Some((_, multiplier)) => Ok(*multiplier),
            // A model that is nowhere dearer costs the same in all of the world.
            None if self.regions.is_empty() && region == GLOBAL => Ok(Multiplier::ONE),
            None => Err(PriceError::Region),
        }
    }
}

impl Card {
    /// The rates for so many input tokens, over what held before.
    fn rates(&self, input: u64, before: Rates) -> Rates {
        let rates = before.overlaid(&self.rates);
        let over = self.over.iter().take_while(|(over, _)| input > *over);
        over.fold(rates, |rates, (_, dearer)| rates.overlaid(dearer))
    }
}

impl Window {
    /// Whether the moment is in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        (self.from_minute..self.to_minute).contains(&at.minute_of_day())
            && (self.weekdays.is_empty() || self.weekdays.contains(&at.weekday()))
            && self.except.binary_search(&at.date()).is_err()
    }
}

impl From<BillError> for PriceError {
    fn from(error: BillError) -> Self {
        Self::Bill(error)
    }
}

impl fmt::Display for PriceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotYet => f.write_str("what the model costs on that day is not known"),
            Self::Service { service } => {
                write!(f, "what the service `{service}` of the model costs then is not known")
            }
            Self::InputTooLong { service, input_max } => {
                write!(f, "what the service `{service}` costs above {input_max} ")?;
                f.write_str("input tokens is not known")
            }
            Self::Region => f.write_str("what the model costs in that region is not known"),
            Self::Inexact(error) => write!(f, "the price cannot be kept exactly: {error}"),
            Self::Bill(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for PriceError {}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Standard => "standard",
            Self::Batch => "batch",
            Self::Flex => "flex",
            Self::Priority => "priority",
        })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;
    use std::vec;

    use super::*;
    use crate::rate::Rate;

    fn rate(text: &str) -> Option<Rate> {
        Some(text.parse().unwrap())
    }

    fn rates(input: &str, output: &str) -> Rates {
        Rates { input: rate(input), output: rate(output), ..Rates::default() }
    }

    /// As gpt-5.5: dearer over 272,000 tokens, flex at half, priority only for short prompts.
    fn tiered() -> Price {
        let cached = Rates { cache_read: rate("0.5"), ..rates("5", "30") };
        let service = |service, card| ServicePrice { service, card, ..ServicePrice::default() };
        Price {
            standard: Card { rates: cached, over: vec![(272_000, rates("10", "45"))] },
            services: vec![
                service(
                    Service::Flex,
                    Card { rates: rates("2.5", "15"), over: vec![(272_000, rates("5", "22.5"))] },
                ),
                ServicePrice {
                    input_max: Some(272_000),
                    ..service(Service::Priority, Card { rates: rates("12.5", "75"), over: vec![] })
                },
            ],
            regions: vec![("us".into(), "1.1".parse().unwrap())],
            ..Price::default()
        }
    }

    fn terms(at: &str) -> Terms<'static> {
        Terms { at: at.parse().unwrap(), service: Service::Standard, region: None }
    }

    const NOON: &str = "2026-08-21T12:00:00Z";

    #[track_caller]
    fn check(price: &Price, usage: Usage, terms: &Terms<'_>, total: &str) {
        assert_eq!(price.bill(&usage, terms).unwrap().total.to_string(), total);
    }

    #[test]
    fn a_tier_is_strictly_above_counts_all_input_and_takes_the_whole_request() {
        let at = terms(NOON);
        let fresh = |input| Usage { input, output: 1_000, ..Usage::default() };
        check(&tiered(), fresh(272_000), &at, "1.39");
        check(&tiered(), fresh(272_001), &at, "2.76501");
        // Cached tokens count; what the tier does not name keeps its price.
        let cached = Usage { input: 1_000, cache_read: 272_000, ..Usage::default() };
        check(&tiered(), cached, &at, "0.146");
    }

    #[test]
    fn a_service_overlays_what_it_names() {
        let flex = Terms { service: Service::Flex, ..terms(NOON) };
        let usage = Usage { input: 1_000, cache_read: 1_000, ..Usage::default() };
        check(&tiered(), usage, &flex, "0.003");
        let long = Usage { input: 300_000, ..Usage::default() };
        check(&tiered(), long, &flex, "1.5");
        let priority = Terms { service: Service::Priority, ..terms(NOON) };
        let known = Usage { input: 271_999, cache_read: 1, ..Usage::default() };
        check(&tiered(), known, &priority, "3.399988");
        let too_long = PriceError::InputTooLong { service: Service::Priority, input_max: 272_000 };
        let above = Usage { input: 272_000, cache_read: 1, ..Usage::default() };
        assert_eq!(tiered().bill(&above, &priority), Err(too_long));
        let text = "what the service `priority` costs above 272000 input tokens is not known";
        assert_eq!(too_long.to_string(), text);
        let batch = Terms { service: Service::Batch, ..terms(NOON) };
        let unknown = PriceError::Service { service: Service::Batch };
        assert_eq!(tiered().bill(&usage, &batch), Err(unknown));
    }

    #[test]
    fn a_service_is_known_from_its_day_on() {
        let mut price = tiered();
        price.services[0].from = Some("2026-10-12".parse().unwrap());
        let usage = Usage { input: 1_000, ..Usage::default() };
        let at = |at| Terms { service: Service::Flex, ..terms(at) };
        check(&price, usage, &at("2026-10-12T00:00:00Z"), "0.0025");
        let unknown = PriceError::Service { service: Service::Flex };
        assert_eq!(price.bill(&usage, &at("2026-10-11T23:59:59Z")), Err(unknown));
    }

    #[test]
    fn a_region_has_its_uplift_and_an_unknown_one_no_price() {
        let usage = Usage { input: 1_000, output: 1_000, ..Usage::default() };
        check(&tiered(), usage, &Terms { region: Some("us"), ..terms(NOON) }, "0.0385");
        let elsewhere = Terms { region: Some("eu"), ..terms(NOON) };
        assert_eq!(tiered().bill(&usage, &elsewhere), Err(PriceError::Region));
        // Where no region is dearer, that of all the world is none.
        let flat = Price { regions: vec![], ..tiered() };
        check(&flat, usage, &Terms { region: Some("global"), ..terms(NOON) }, "0.035");
        assert_eq!(flat.bill(&usage, &elsewhere), Err(PriceError::Region));
    }

    /// As deepseek-flash: twice the price in two windows of working days.
    fn windowed() -> Price {
        use Weekday::{Friday, Monday, Thursday, Tuesday, Wednesday};
        let window = |from_minute, to_minute| Window {
            multiplier: "2".parse().unwrap(),
            from_minute,
            to_minute,
            weekdays: vec![Monday, Tuesday, Wednesday, Thursday, Friday],
            except: vec!["2026-10-01".parse().unwrap(), "2026-10-02".parse().unwrap()],
        };
        Price {
            standard: Card { rates: rates("0.15", "0.6"), over: vec![] },
            windows: vec![window(60, 240), window(360, 600)],
            ..Price::default()
        }
    }

    #[test]
    fn a_window_is_open_on_its_days_from_its_first_minute_to_before_its_last() {
        let usage = Usage { output: 1_000_000, ..Usage::default() };
        let cases = [
            ("2026-11-25T00:59:59Z", "0.6"),
            ("2026-11-25T01:00:00Z", "1.2"),
            ("2026-11-25T03:59:59Z", "1.2"),
            ("2026-11-25T04:00:00Z", "0.6"),
            ("2026-11-25T09:59:00Z", "1.2"),
            // A Saturday, and a holiday on a Thursday.
            ("2026-11-28T02:00:00Z", "0.6"),
            ("2026-10-01T02:00:00Z", "0.6"),
            ("2026-10-05T02:00:00Z", "1.2"),
        ];
        for (at, total) in cases {
            check(&windowed(), usage, &terms(at), total);
        }
    }
}
