//! LiteLLM's `model_prices_and_context_window.json`: dollars per token, one flat object for a model.
//!
//! It has no hours of the day, and one price of a search only where all sizes cost the same. Prices of
//! pictures, seconds and other services have no bucket here and are left out.

use std::collections::BTreeMap;

use cost::{Date, DecimalError, Price, Service, ServicePrice, Timestamp};
use serde_json::value::RawValue;

use super::bucket::Bucket;
use super::file::{Object, Odd};
use super::number;
use super::offer::{Dated, Draft, Offer};

/// Dollars per token are millionths of dollars per million.
const SHIFT: i64 = 6;

/// The names of prices, without what follows for a service or a long prompt.
const PRICES: [(&str, Bucket); 8] = [
    ("input_cost_per_token", Bucket::Input),
    ("cache_read_input_token_cost", Bucket::CacheRead),
    ("cache_creation_input_token_cost", Bucket::CacheWrite5m),
    ("cache_creation_input_token_cost_above_1hr", Bucket::CacheWrite1h),
    ("input_cost_per_audio_token", Bucket::InputAudio),
    ("output_cost_per_token", Bucket::Output),
    ("output_cost_per_reasoning_token", Bucket::OutputReasoning),
    ("output_cost_per_audio_token", Bucket::OutputAudio),
];

const SERVICES: [(&str, Service); 3] =
    [("_batches", Service::Batch), ("_flex", Service::Flex), ("_priority", Service::Priority)];

/// Sizes of a search, each with a price.
const SEARCHES: [&str; 3] =
    ["search_context_size_low", "search_context_size_medium", "search_context_size_high"];

/// Whether the object is such a file.
pub(super) fn is_it(models: &Object) -> bool {
    models.values().any(|model| model.get().contains("\"litellm_provider\""))
}

/// The language models of the file; what is odd in them is added to `odd`.
pub(super) fn read(models: &Object, now: Timestamp, odd: &mut Vec<Odd>) -> Vec<Offer> {
    let models = models.iter().filter_map(|(name, model)| {
        let fields: Object = serde_json::from_str(model.get()).ok()?;
        is_language_model(&fields).then(|| offer(name, &fields, now, odd)).flatten()
    });
    models.collect()
}

fn is_language_model(fields: &Object) -> bool {
    let mode = fields.get("mode").and_then(|mode| text(mode));
    let is_one = mode.is_none_or(|mode| matches!(&*mode, "chat" | "responses" | "completion"));
    is_one && fields.contains_key("input_cost_per_token")
}

fn offer(name: &str, fields: &Object, now: Timestamp, odd: &mut Vec<Odd>) -> Option<Offer> {
    let provider = match text(fields.get("litellm_provider")?)?.as_str() {
        "gemini" | "vertex_ai-language-models" => "google".into(),
        "text-completion-openai" => "openai".into(),
        other => other.to_owned(),
    };
    let ends = fields.get("deprecation_date").and_then(|date| text(date)?.parse::<Date>().ok());
    let price = price((&provider, name), fields, odd);
    Some(Offer {
        provider,
        name: name.to_owned(),
        names: Vec::new(),
        rule: None,
        retired: ends.is_some_and(|ends| ends <= now.date()),
        prices: vec![Dated::always(price)],
    })
}

fn price(model: (&str, &str), fields: &Object, odd: &mut Vec<Odd>) -> Price {
    let mut drafts: BTreeMap<usize, Draft> = BTreeMap::new();
    for (field, value) in fields.iter().filter(|(_, value)| value.get() != "null") {
        let Some(place) = Place::of(field) else { continue };
        match number::rate(value, SHIFT) {
            Ok(rate) => {
                drafts.entry(place.service).or_default().set(place.over, place.bucket, rate);
            }
            Err(why) => odd.push(Odd::new(model, field, value, why)),
        }
    }
    let mut standard = drafts.remove(&0).unwrap_or_default();
    match search(fields) {
        Ok(Some(rate)) => standard.set(0, Bucket::WebSearch, rate),
        Ok(None) => {}
        Err((field, value, why)) => odd.push(Odd::new(model, field, value, why)),
    }
    let services = drafts.into_iter().map(|(service, draft)| ServicePrice {
        service: SERVICES[service - 1].1,
        card: draft.card(),
        ..ServicePrice::default()
    });
    Price { services: services.collect(), standard: standard.card(), ..Price::default() }
}

/// What the name of a price says.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    bucket: Bucket,
    over: u64,
    /// 0 is the standard service, others stand in `SERVICES` one place earlier.
    service: usize,
}

impl Place {
    fn of(field: &str) -> Option<Self> {
        let (service, rest) = SERVICES
            .iter()
            .enumerate()
            .find_map(|(at, (end, _))| Some((at + 1, field.strip_suffix(end)?)))
            .unwrap_or((0, field));
        let over = rest.strip_suffix("k_tokens").and_then(|rest| {
            let (rest, thousands) = rest.rsplit_once("_above_")?;
            Some((rest, thousands.parse::<u64>().ok()?.checked_mul(1000)?))
        });
        let (rest, over) = over.unwrap_or((rest, 0));
        let (_, bucket) = PRICES.iter().find(|(name, _)| *name == rest)?;
        Some(Self { bucket: *bucket, over, service })
    }
}

type OddField<'a> = (&'a str, &'a RawValue, DecimalError);

/// The price of a search, where it has one.
fn search(fields: &Object) -> Result<Option<cost::Rate>, OddField<'_>> {
    const FIELD: &str = "search_context_cost_per_query";
    let Some(value) = fields.get(FIELD) else { return Ok(None) };
    let Ok(sizes) = serde_json::from_str::<Object>(value.get()) else { return Ok(None) };
    let mut rates = Vec::new();
    for size in SEARCHES {
        let Some(price) = sizes.get(size) else { return Ok(None) };
        rates.push(number::rate(price, SHIFT).map_err(|why| (FIELD, &**value, why))?);
    }
    rates.dedup();
    Ok(if rates.len() == 1 { rates.pop() } else { None })
}

fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(json: &str) -> (Vec<Offer>, Vec<Odd>) {
        let mut odd = Vec::new();
        let models: Object = serde_json::from_str(json).unwrap();
        assert!(is_it(&models));
        let now = "2026-11-30T12:00:00Z".parse().unwrap();
        (read(&models, now, &mut odd), odd)
    }

    #[test]
    fn a_name_says_bucket_service_and_size_of_the_prompt() {
        let place = |bucket, over, service| Some(Place { bucket, over, service });
        for (field, expected) in [
            ("input_cost_per_token", place(Bucket::Input, 0, 0)),
            ("output_cost_per_token_above_272k_tokens", place(Bucket::Output, 272_000, 0)),
            ("input_cost_per_token_above_200k_tokens_flex", place(Bucket::Input, 200_000, 2)),
            ("cache_read_input_token_cost_priority", place(Bucket::CacheRead, 0, 3)),
            ("cache_creation_input_token_cost_batches", place(Bucket::CacheWrite5m, 0, 1)),
            ("cache_creation_input_token_cost_above_1hr", place(Bucket::CacheWrite1h, 0, 0)),
            (
                "cache_creation_input_token_cost_above_1hr_above_100k_tokens",
                place(Bucket::CacheWrite1h, 100_000, 0),
            ),
            ("cache_creation_input_token_cost_above_12hr", None),
            ("input_cost_per_token_ultrafast", None),
            ("input_cost_per_image", None),
            ("max_input_tokens", None),
        ] {
            assert_eq!(Place::of(field), expected, "{field}");
        }
    }

    #[test]
    fn a_model_becomes_a_price() {
        let (offers, odd) = read_all(
            r#"{"gemini/x": {"litellm_provider": "gemini", "mode": "chat",
                "input_cost_per_token": 6.25e-06, "output_cost_per_token": 2.5e-05,
                "input_cost_per_token_above_200k_tokens": 1.25e-05,
                "output_cost_per_token_flex": 1.25e-05, "cache_read_input_token_cost": null,
                "search_context_cost_per_query": {"search_context_size_low": 0.01,
                    "search_context_size_medium": 0.01, "search_context_size_high": 0.010}}}"#,
        );
        assert!(odd.is_empty());
        let [offer] = offers.as_slice() else { panic!("one offer") };
        assert_eq!((&*offer.provider, offer.retired), ("google", false));
        let price = &offer.prices[0].price;
        let rate = |text: &str| Some(text.parse().unwrap());
        assert_eq!(price.standard.rates.input, rate("6.25"));
        assert_eq!(price.standard.rates.cache_read, None);
        assert_eq!(price.standard.rates.web_search, rate("10000"));
        let (over, dearer) = price.standard.over[0];
        assert_eq!((over, dearer.input, dearer.output), (200_000, rate("12.5"), None));
        assert_eq!(price.services[0].service, Service::Flex);
        assert_eq!(price.services[0].card.rates.output, rate("12.5"));
    }

    #[test]
    fn only_language_models_count_and_retired_ones_are_marked() {
        let model = |mode: &str, rest: &str| {
            format!(
                r#"{{"litellm_provider":"a","mode":"{mode}","input_cost_per_token":1e-6{rest}}}"#
            )
        };
        let (offers, _) = read_all(&format!(
            r#"{{"a":{},"b":{},"c":{},"d":{{"litellm_provider":"a","mode":"chat"}}}}"#,
            model("embedding", ""),
            model("responses", r#","deprecation_date":"2026-11-30""#),
            model("chat", r#","deprecation_date":"2026-12-01""#),
        ));
        let found: Vec<_> = offers.iter().map(|offer| (&*offer.name, offer.retired)).collect();
        assert_eq!(found, [("b", true), ("c", false)]);
    }

    #[test]
    fn searches_of_several_prices_have_none() {
        let (offers, _) = read_all(
            r#"{"x": {"litellm_provider": "a", "input_cost_per_token": 1e-06,
                "search_context_cost_per_query": {"search_context_size_low": 0.01,
                    "search_context_size_medium": 0.02, "search_context_size_high": 0.01}}}"#,
        );
        assert_eq!(offers[0].prices[0].price.standard.rates.web_search, None);
    }

    #[test]
    fn a_number_that_is_no_price_is_said() {
        let (_, odd) = read_all(
            r#"{"x": {"litellm_provider": "a", "input_cost_per_token": 1.1000000000000001e-06}}"#,
        );
        assert_eq!(
            odd[0].to_string(),
            "x input_cost_per_token 1.1000000000000001e-06: more than 6 digits behind the point"
        );
    }
}
