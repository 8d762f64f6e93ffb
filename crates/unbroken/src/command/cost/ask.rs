//! One question for a price: as flags or as a line of JSON.

use anyhow::{Context, bail, ensure};
use client::{Reported, UsageError, UsageFormat, read_usage, service_of};
use cost::{Catalog, Date, Timestamp, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::bill::{self, Item, Priced};

/// What is to be priced, and on which terms.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask<'a> {
    /// Comes back with the answer; whoever writes that looks for it.
    #[serde(borrow, rename = "id")]
    pub(super) _id: Option<&'a RawValue>,
    pub(super) provider: Option<String>,
    pub(super) model: Option<String>,
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) raw_usage: Option<&'a RawValue>,
    /// The provider's API that a raw usage is from.
    pub(super) api: Option<String>,
    pub(super) at: Option<String>,
    pub(super) tier: Option<String>,
    pub(super) region: Option<String>,
}

/// Token counts by bucket, as a user writes them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    cache_read: Option<u64>,
    cache_write_5m: Option<u64>,
    cache_write_1h: Option<u64>,
    input_audio: Option<u64>,
    output_audio: Option<u64>,
    output_reasoning: Option<u64>,
    web_searches: Option<u64>,
}

impl Ask<'_> {
    /// Prices it.
    ///
    /// # Errors
    ///
    /// What is wrong with the question, or that the price is not known.
    pub(super) fn price(&self, catalog: &Catalog) -> anyhow::Result<Priced> {
        self.price_reported(catalog, &self.reported(catalog)?)
    }

    /// Prices what a payload of the provider's says, which need not be one JSON value.
    ///
    /// # Errors
    ///
    /// Those of [`price`](Self::price).
    pub(super) fn price_raw(&self, catalog: &Catalog, raw: &[u8]) -> anyhow::Result<Priced> {
        self.price_reported(catalog, &self.read(catalog, raw)?)
    }

    fn price_reported(&self, catalog: &Catalog, reported: &Reported) -> anyhow::Result<Priced> {
        let at = match &self.at {
            Some(text) => moment(text)?,
            None => bill::now(),
        };
        let name = self.model.as_deref().or(reported.model.as_deref());
        let name = name.context("no model is named")?;
        let service = match &self.tier {
            Some(tier) => service_of(Some(tier), None)?,
            None => reported.service()?,
        };
        let region = self.region.as_deref().or(reported.region.as_deref());
        let terms = cost::Terms { at, service, region };
        let provider = self.provider();
        let provider = provider.as_deref();
        let mut items = vec![Item { name, usage: &reported.usage, provider }];
        let others = reported.others.iter();
        items.extend(others.map(|other| Item {
            name: &other.model,
            usage: &other.usage,
            provider,
        }));
        Priced::new(catalog, &items, &terms)
    }

    /// The name that the catalog has for the provider.
    fn provider(&self) -> Option<String> {
        let provider = self.provider.as_deref()?.to_ascii_lowercase();
        Some(match provider.as_str() {
            "gemini" | "google-genai" | "vertex" => "google".to_owned(),
            _ => provider,
        })
    }

    fn reported(&self, catalog: &Catalog) -> anyhow::Result<Reported> {
        match (self.usage, self.raw_usage) {
            (Some(counts), None) => {
                let mut reported = Reported::default();
                reported.usage = usage(counts.get())?;
                Ok(reported)
            }
            (None, Some(raw)) => self.read(catalog, raw.get().as_bytes()),
            _ => bail!("either `usage` or `raw_usage` is wanted"),
        }
    }

    fn read(&self, catalog: &Catalog, raw: &[u8]) -> anyhow::Result<Reported> {
        if let Some(api) = &self.api {
            return Ok(read_usage(format(api)?, raw)?);
        }
        match format(self.said_provider(catalog)?)? {
            UsageFormat::OpenAiChat => Ok(read_openai(raw)?),
            format => Ok(read_usage(format, raw)?),
        }
    }

    /// Whose payload it is: as it is said, or the model's own provider.
    fn said_provider<'a>(&'a self, catalog: &'a Catalog) -> anyhow::Result<&'a str> {
        if let Some(provider) = &self.provider {
            return Ok(provider);
        }
        let model =
            self.model.as_deref().context("a raw usage needs a provider, a model or an api")?;
        Ok(&catalog.resolve(model)?.provider)
    }
}

/// Reads a payload of one of OpenAI's two APIs: the one by whose names it has any input.
fn read_openai(raw: &[u8]) -> Result<Reported, UsageError> {
    let has_input = |reported: &Reported| reported.usage.input_total() != Ok(0);
    let chat = read_usage(UsageFormat::OpenAiChat, raw);
    if chat.as_ref().is_ok_and(has_input) {
        return chat;
    }
    match read_usage(UsageFormat::OpenAiResponses, raw) {
        Ok(responses) if chat.is_err() || has_input(&responses) => Ok(responses),
        _ => chat,
    }
}

/// A time, or the first moment of a day.
fn moment(text: &str) -> anyhow::Result<Timestamp> {
    let day = text.parse::<Date>().map(Date::start);
    day.or_else(|_| text.parse()).with_context(|| format!("`at` is {text:?}"))
}

/// Reads the buckets of a usage.
fn usage(text: &str) -> anyhow::Result<Usage> {
    ensure!(text.trim_start().starts_with('{'), "`usage` is no JSON object");
    let counts: Counts = serde_json::from_str(text).context("`usage`")?;
    let usage = Usage {
        input: counts.input.unwrap_or(0),
        output: counts.output.unwrap_or(0),
        cache_read: counts.cache_read.unwrap_or(0),
        cache_write_5m: counts.cache_write_5m.unwrap_or(0),
        cache_write_1h: counts.cache_write_1h.unwrap_or(0),
        input_audio: counts.input_audio.unwrap_or(0),
        output_audio: counts.output_audio.unwrap_or(0),
        output_reasoning: counts.output_reasoning.unwrap_or(0),
        web_searches: counts.web_searches.unwrap_or(0),
    };
    ensure!(usage.output_reasoning <= usage.output, "`usage`: more reasoning than output");
    Ok(usage)
}

/// The format of an API or of a provider's usual one.
fn format(name: &str) -> anyhow::Result<UsageFormat> {
    let name = name.to_ascii_lowercase();
    let known = match name.as_str() {
        "chat" | "chat-completions" | "chat_completions" | "chat/completions" => "openai-chat",
        "messages" => "anthropic-messages",
        "google" | "google-genai" | "vertex" | "generate-content" | "generatecontent" => "gemini",
        other => other,
    };
    Ok(known.parse::<UsageFormat>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn price(line: &str) -> anyhow::Result<String> {
        let ask: Ask<'_> = serde_json::from_str(line).unwrap();
        Ok(ask.price(Catalog::builtin())?.usd.to_string())
    }

    #[test]
    fn a_raw_usage_is_read_by_api_by_provider_or_by_the_models_own() {
        let raw = r#"{"input_tokens":1000,"output_tokens":100}"#;
        let chat = r#"{"prompt_tokens":1000,"completion_tokens":100}"#;
        let priced = |rest: &str| price(&format!("{{{rest}}}")).unwrap();
        let anthropic = format!(r#""model":"claude-sonnet-4-5","raw_usage":{raw}"#);
        assert_eq!(priced(&anthropic), "0.0045");
        let chat = format!(r#""model":"gpt-5","provider":"openai","raw_usage":{chat}"#);
        assert_eq!(priced(&chat), "0.00225");
        let whole = r#"{"usage":{"input_tokens":1000,"input_tokens_details":{"cached_tokens":200},
            "output_tokens":100,"total_tokens":1100}}"#;
        let whole = format!(r#""model":"gpt-5","provider":"OpenAI","raw_usage":{whole}"#);
        assert_eq!(priced(&whole), "0.002025");
        let responses = format!(r#""model":"gpt-5","provider":"openai","raw_usage":{raw}"#);
        assert_eq!(priced(&responses), "0.00225");
        let named = format!(r#""model":"gpt-5","api":"responses","raw_usage":{raw}"#);
        assert_eq!(priced(&named), "0.00225");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let message = |line: &str| price(line).unwrap_err().to_string();
        assert!(message(r#"{"model":"gpt-5"}"#).contains("either `usage` or `raw_usage`"));
        assert!(message(r#"{"usage":{}}"#).contains("no model"));
        assert!(message(r#"{"model":"gpt-5","usage":{},"tier":"now"}"#).contains("\"now\""));
        assert!(message(r#"{"model":"gpt-5","usage":{},"at":"noon"}"#).contains("noon"));
        assert!(message(r#"{"model":"gpt-5","usage":{"cached":1}}"#).contains("`usage`"));
        assert!(
            message(r#"{"model":"gpt-5","usage":{"output":1,"output_reasoning":2}}"#)
                .contains("more reasoning")
        );
        assert!(message(r#"{"model":"gpt-17","usage":{}}"#).contains("gpt-17"));
    }
}
