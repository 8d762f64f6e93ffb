//! The JSON export of genai-prices: providers, their models, dollars per million tokens, with dates,
//! hours of the day and variants of a request.
//!
//! It has one price for writing to a cache, which is that of 5 minutes, and no days of the week.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use cost::{Date, Price, Service, ServicePrice, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::bucket::Bucket;
use super::file::{Object, Odd};
use super::number;
use super::offer::{Dated, Draft, Hours, Offer, Rule};

/// Price names, their buckets, and the power of ten to our unit.
const PRICES: [(&str, Bucket, i64); 9] = [
    ("input_mtok", Bucket::Input, 0),
    ("cache_read_mtok", Bucket::CacheRead, 0),
    ("cache_write_mtok", Bucket::CacheWrite5m, 0),
    ("cache_write_1h_mtok", Bucket::CacheWrite1h, 0),
    ("input_audio_mtok", Bucket::InputAudio, 0),
    ("output_mtok", Bucket::Output, 0),
    ("output_reasoning_mtok", Bucket::OutputReasoning, 0),
    ("output_audio_mtok", Bucket::OutputAudio, 0),
    ("web_searches_kcount", Bucket::WebSearch, 3),
];

/// Variants of a request that are services of ours.
const SERVICES: [(&str, &str, Service); 3] = [
    ("processing", "batch", Service::Batch),
    ("service_tier", "flex", Service::Flex),
    ("service_tier", "priority", Service::Priority),
];

#[derive(Deserialize)]
struct Provider {
    id: String,
    #[serde(default)]
    models: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
    #[serde(rename = "match")]
    rule: Option<Rule>,
    /// An object, or a list of them with conditions.
    prices: Box<RawValue>,
    #[serde(default)]
    price_variants: Vec<Variant>,
    #[serde(default)]
    deprecated: bool,
}

#[derive(Deserialize)]
struct Conditional {
    constraint: Option<Constraint>,
    prices: Object,
}

#[derive(Deserialize)]
struct Variant {
    when: BTreeMap<String, String>,
    constraint: Option<Constraint>,
    prices: Object,
}

#[derive(Deserialize)]
struct Constraint {
    start_date: Option<String>,
    start_time: Option<String>,
    end_time: Option<String>,
}

#[derive(Deserialize)]
struct Tiered {
    base: Box<RawValue>,
    #[serde(default)]
    tiers: Vec<Tier>,
}

#[derive(Deserialize)]
struct Tier {
    start: u64,
    price: Box<RawValue>,
}

/// The models of the list of providers; what is odd in them is added to `odd`.
///
/// # Errors
///
/// When the text is no such list.
pub(super) fn read(providers: &str, now: Timestamp, odd: &mut Vec<Odd>) -> Result<Vec<Offer>> {
    let providers: Vec<Provider> = serde_json::from_str(providers)?;
    let mut offers = Vec::new();
    for provider in providers {
        for model in provider.models {
            let name = model.id.clone();
            let offer = model.offer(&provider.id, now, odd);
            offers.push(offer.with_context(|| format!("model {name} of {}", provider.id))?);
        }
    }
    Ok(offers)
}

impl Model {
    fn offer(self, provider: &str, now: Timestamp, odd: &mut Vec<Odd>) -> Result<Offer> {
        let name = (provider, &*self.id);
        let services = self.services(name, now, odd)?;
        let conditional = match self.prices.get().starts_with('[') {
            true => serde_json::from_str(self.prices.get())?,
            false => {
                let prices = serde_json::from_str(self.prices.get())?;
                vec![Conditional { constraint: None, prices }]
            }
        };
        let mut prices = Vec::with_capacity(conditional.len());
        for Conditional { constraint, prices: written } in conditional {
            let standard = draft(name, &written, odd)?.card();
            let price = Price { standard, services: services.clone(), ..Price::default() };
            let Constraint { start_date, start_time, end_time } =
                constraint.unwrap_or(Constraint::NONE);
            let from = start_date.as_deref().map(date).transpose()?;
            let hours = start_time.zip(end_time).map(|(start, end)| {
                anyhow::Ok(Hours { from_minute: minute(&start)?, to_minute: minute(&end)? })
            });
            prices.push(Dated { from, hours: hours.transpose()?, price });
        }
        Ok(Offer {
            provider: provider.to_owned(),
            names: self.rule.as_ref().map(Rule::spelt).unwrap_or_default(),
            name: self.id,
            rule: self.rule,
            retired: self.deprecated,
            prices,
        })
    }

    /// What services cost now. Of several variants of one the first counts, price by price.
    fn services(
        &self,
        name: (&str, &str),
        now: Timestamp,
        odd: &mut Vec<Odd>,
    ) -> Result<Vec<ServicePrice>> {
        let mut services = Vec::new();
        for (key, value, service) in SERVICES {
            let mut whole = Draft::default();
            for variant in &self.price_variants {
                let is_it = variant.when.len() == 1
                    && variant.when.get(key).is_some_and(|said| said == value);
                if is_it && variant.holds(now)? {
                    whole.fill(&draft(name, &variant.prices, odd)?);
                }
            }
            let card = whole.card();
            if card != cost::Card::default() {
                services.push(ServicePrice { service, card, ..ServicePrice::default() });
            }
        }
        Ok(services)
    }
}

impl Variant {
    fn holds(&self, now: Timestamp) -> Result<bool> {
        let from = self.constraint.as_ref().and_then(|constraint| constraint.start_date.as_deref());
        Ok(from.map(date).transpose()?.is_none_or(|from| from.start() <= now))
    }
}

impl Constraint {
    const NONE: Self = Self { start_date: None, start_time: None, end_time: None };
}

fn draft(model: (&str, &str), prices: &Object, odd: &mut Vec<Odd>) -> Result<Draft> {
    let mut draft = Draft::default();
    let mut set = |over, bucket, field, value: &RawValue, shift| match number::rate(value, shift) {
        Ok(rate) => draft.set(over, bucket, rate),
        Err(why) => odd.push(Odd::new(model, field, value, why)),
    };
    for (field, bucket, shift) in PRICES {
        let Some(value) = prices.get(field).filter(|value| value.get() != "null") else {
            continue;
        };
        if !value.get().starts_with('{') {
            set(0, bucket, field, value, shift);
            continue;
        }
        let tiered: Tiered = serde_json::from_str(value.get()).context(field)?;
        set(0, bucket, field, &tiered.base, shift);
        for tier in tiered.tiers {
            set(tier.start, bucket, field, &tier.price, shift);
        }
    }
    Ok(draft)
}

fn date(text: &str) -> Result<Date> {
    text.parse().with_context(|| text.to_owned())
}

/// The minute of the day in UTC of a time with or without a zone.
fn minute(text: &str) -> Result<u32> {
    // A day that has one before it, for zones.
    let on = |zone: &str| format!("2000-01-02T{text}{zone}").parse::<Timestamp>();
    let at = on("").or_else(|_| on("Z")).with_context(|| text.to_owned())?;
    Ok(at.minute_of_day())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(models: &str) -> (Vec<Offer>, Vec<Odd>) {
        let mut odd = Vec::new();
        let json = format!(r#"[{{"id":"acme","name":"Acme","models":[{models}]}}]"#);
        let now = "2026-11-30T12:00:00Z".parse().unwrap();
        (read(&json, now, &mut odd).unwrap(), odd)
    }

    fn rate(text: &str) -> Option<cost::Rate> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn tiers_and_units_become_a_card() {
        let (offers, odd) = read_all(
            r#"{"id":"a","match":{"or":[{"equals":"a-1"},{"regex":"^a-\\d$"}]},"deprecated":true,
                "prices":{"input_mtok":{"base":1.25,"tiers":[{"start":200000,"price":2.50}]},
                    "cache_write_mtok":1.5,"output_mtok":10,"web_searches_kcount":35,
                    "input_image_mtok":7}}"#,
        );
        assert!(odd.is_empty());
        let offer = &offers[0];
        assert_eq!((offer.names().collect::<Vec<_>>(), offer.retired), (vec!["a", "a-1"], true));
        let card = &offer.prices[0].price.standard;
        assert_eq!((card.rates.input, card.rates.output), (rate("1.25"), rate("10")));
        assert_eq!((card.rates.cache_write_5m, card.rates.cache_write_1h), (rate("1.5"), None));
        assert_eq!(card.rates.web_search, rate("35000"));
        assert_eq!((card.over[0].0, card.over[0].1.input), (200_000, rate("2.5")));
    }

    #[test]
    fn prices_with_conditions_keep_them() {
        let (offers, _) = read_all(
            r#"{"id":"a","match":{"equals":"a"},"prices":[{"prices":{"input_mtok":1}},
                {"constraint":{"start_date":"2026-09-10"},"prices":{"input_mtok":2}},
                {"constraint":{"start_time":"01:00:00Z","end_time":"06:30:00+02:00"},
                    "prices":{"input_mtok":4}}]}"#,
        );
        let prices = &offers[0].prices;
        assert_eq!(prices[1].from, Some("2026-09-10".parse().unwrap()));
        assert_eq!(prices[2].hours, Some(Hours { from_minute: 60, to_minute: 270 }));
        let at = |at: &str| offers[0].price_at(at.parse().unwrap()).unwrap().standard.rates.input;
        assert_eq!(at("2026-09-09T12:00:00Z"), rate("1"));
        assert_eq!(at("2026-09-10T00:00:00Z"), rate("2"));
        assert_eq!(at("2026-09-10T04:29:00Z"), rate("4"));
    }

    #[test]
    fn the_first_variant_that_holds_is_the_service() {
        let (offers, _) = read_all(
            r#"{"id":"a","match":{"equals":"a"},"prices":{"input_mtok":4},"price_variants":[
                {"when":{"processing":"batch"},"constraint":{"start_date":"2027-01-01"},
                    "prices":{"input_mtok":9}},
                {"when":{"processing":"batch"},"constraint":{"start_date":"2026-10-14"},
                    "prices":{"input_mtok":2}},
                {"when":{"processing":"batch"},"prices":{"input_mtok":3,"output_mtok":5}},
                {"when":{"service_tier":"fast"},"prices":{"input_mtok":8}},
                {"when":{"service_tier":"flex","processing":"batch"},"prices":{"input_mtok":1}}]}"#,
        );
        let [batch] = offers[0].prices[0].price.services.as_slice() else { panic!("one service") };
        assert_eq!(batch.service, Service::Batch);
        assert_eq!((batch.card.rates.input, batch.card.rates.output), (rate("2"), rate("5")));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_model() {
        let (_, odd) = read_all(r#"{"id":"a","prices":{"input_mtok":0.30000000000000004}}"#);
        assert!(odd[0].to_string().starts_with("a input_mtok 0.30000000000000004: "), "{}", odd[0]);
        let mut odd = Vec::new();
        let now = "2026-11-30T12:00:00Z".parse().unwrap();
        let json = r#"[{"id":"acme","models":[{"id":"a","prices":[{"prices":{},
            "constraint":{"start_date":"soon"}}]}]}]"#;
        let error = read(json, now, &mut odd).unwrap_err();
        assert_eq!(error.to_string(), "model a of acme");
    }

    #[test]
    fn times_of_day_are_utc() {
        assert_eq!(minute("16:30:00+00:00").unwrap(), 990);
        assert_eq!(minute("16:30:00").unwrap(), 990);
        assert_eq!(minute("00:30:00+08:00").unwrap(), 990);
        assert!(minute("noon").is_err());
    }
}
