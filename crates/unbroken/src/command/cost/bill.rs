//! `Priced`: an exact price and the rows that it was made from, as one JSON object.

use anyhow::Context;
use cost::{Bucket, Catalog, Date, Money, Rates, Terms, Timestamp, Usage};
use serde::{Serialize, Serializer};
use std::time::{SystemTime, UNIX_EPOCH};

/// What one model used.
pub(super) struct Item<'a> {
    pub(super) name: &'a str,
    pub(super) usage: &'a Usage,
    pub(super) provider: Option<&'a str>,
}

/// The answer to one question.
#[derive(Serialize)]
pub(super) struct Priced {
    model: String,
    provider: String,
    #[serde(serialize_with = "shown")]
    at: Timestamp,
    #[serde(serialize_with = "shown")]
    tier: cost::Service,
    region: Option<String>,
    usage: Buckets,
    #[serde(serialize_with = "shown")]
    pub(super) usd: Money,
    prices: Vec<Row>,
}

/// One bucket and its price.
#[derive(Serialize)]
struct Row {
    model: String,
    #[serde(serialize_with = "shown")]
    bucket: Bucket,
    count: u64,
    #[serde(serialize_with = "shown")]
    usd_per_million: cost::Rate,
    #[serde(serialize_with = "shown")]
    usd: Money,
    source: String,
    checked: Option<String>,
    /// The first day of this price.
    from: Option<String>,
}

#[derive(Serialize)]
struct Buckets {
    input: u64,
    output: u64,
    cache_read: u64,
    cache_write_5m: u64,
    cache_write_1h: u64,
    input_audio: u64,
    output_audio: u64,
    output_reasoning: u64,
    web_searches: u64,
}

impl Priced {
    /// Prices the items, of which the first is the one that was asked about.
    pub(super) fn new(
        catalog: &Catalog,
        items: &[Item<'_>],
        terms: &Terms<'_>,
    ) -> anyhow::Result<Self> {
        let mut priced: Option<Self> = None;
        for item in items {
            let one = Self::one(catalog, item, terms)?;
            match &mut priced {
                None => priced = Some(one),
                Some(sum) => {
                    sum.usd = sum.usd.checked_add(one.usd)?;
                    sum.prices.extend(one.prices);
                }
            }
        }
        priced.context("nothing is to be priced")
    }

    fn one(catalog: &Catalog, item: &Item<'_>, terms: &Terms<'_>) -> anyhow::Result<Self> {
        let model = match item.provider {
            Some(provider) => catalog.resolve_at(provider, item.name)?,
            None => catalog.resolve(item.name)?,
        };
        let price = model.price_at(terms.at)?;
        let bill = price.bill(item.usage, terms).with_context(|| model.id.clone())?;
        let rates = price.rates(item.usage.input_total()?, terms)?;
        let date = |date: Option<Date>| date.map(|date| date.to_string());
        let service = price.service(terms)?;
        let own = service.map(|service| charges(&service.card.rates, item.usage));
        let rows = charges(&rates, item.usage).into_iter().enumerate();
        let rows = rows.filter_map(|(at, (bucket, count, rate))| Some((at, bucket, count, rate?)));
        let rows = rows.filter(|(_, _, count, _)| *count > 0).map(|(at, bucket, count, rate)| {
            // What the service does not name is as in the price.
            let service = service.filter(|_| own.is_some_and(|own| own[at].2.is_some()));
            let source = service.and_then(|service| service.source.as_ref());
            anyhow::Ok(Row {
                model: model.id.clone(),
                bucket,
                count,
                usd_per_million: rate,
                usd: rate.of(count)?,
                source: source.unwrap_or(&price.source).clone(),
                checked: date(service.and_then(|service| service.checked).or(price.checked)),
                from: date(price.from),
            })
        });
        Ok(Self {
            model: model.id.clone(),
            provider: model.provider.clone(),
            at: terms.at,
            tier: terms.service,
            region: terms.region.map(str::to_owned),
            usage: Buckets::from(item.usage),
            usd: bill.total,
            prices: rows.collect::<anyhow::Result<_>>()?,
        })
    }
}

/// Each bucket, its count and its rate.
fn charges(rates: &Rates, usage: &Usage) -> [(Bucket, u64, Option<cost::Rate>); 9] {
    let reasoning = if rates.output_reasoning.is_some() { usage.output_reasoning } else { 0 };
    [
        (Bucket::Input, usage.input, rates.input),
        (Bucket::CacheRead, usage.cache_read, rates.cache_read),
        (Bucket::CacheWrite5m, usage.cache_write_5m, rates.cache_write_5m),
        (Bucket::CacheWrite1h, usage.cache_write_1h, rates.cache_write_1h),
        (Bucket::InputAudio, usage.input_audio, rates.input_audio),
        (Bucket::Output, usage.output.saturating_sub(reasoning), rates.output),
        (Bucket::OutputReasoning, reasoning, rates.output_reasoning),
        (Bucket::OutputAudio, usage.output_audio, rates.output_audio),
        (Bucket::WebSearches, usage.web_searches, rates.web_search),
    ]
}

impl From<&Usage> for Buckets {
    fn from(usage: &Usage) -> Self {
        Self {
            input: usage.input,
            output: usage.output,
            cache_read: usage.cache_read,
            cache_write_5m: usage.cache_write_5m,
            cache_write_1h: usage.cache_write_1h,
            input_audio: usage.input_audio,
            output_audio: usage.output_audio,
            output_reasoning: usage.output_reasoning,
            web_searches: usage.web_searches,
        }
    }
}

/// As it prints: amounts are exact, and no float.
pub(super) fn shown<S: Serializer>(
    value: &impl std::fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// The time of day.
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix(since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_source_of_the_service_that_names_it() {
        let usage = Usage { input: 1_000, web_searches: 1, ..Usage::default() };
        let item = Item { name: "gemini-2.5-pro", usage: &usage, provider: None };
        let at = "2026-11-30T12:00:00Z".parse().unwrap();
        let terms = Terms { at, service: cost::Service::Priority, region: None };
        let priced = Priced::new(Catalog::builtin(), &[item], &terms).unwrap();
        let read = |row: &Row| (row.source.clone(), row.checked.clone().unwrap());
        let rows: Vec<_> = priced.prices.iter().map(read).collect();
        let of_service = ("litellm 1.110.2 (PyPI)".to_owned(), "2026-11-30".to_owned());
        let of_price = ("genai-prices 0.2.3 (PyPI)".to_owned(), "2026-11-25".to_owned());
        assert_eq!(rows, [of_service, of_price]);
    }
}
