//! One question for a price: as flags or as a line of JSON.

use anyhow::{Context, anyhow, bail, ensure};
use client::{Reported, UsageError, UsageFormat, read_usage};
use cost::{Catalog, Service, Timestamp, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::bill::{self, Item, Priced};

/// What is to be priced, and on which terms.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask<'a> {
    /// Comes back with the answer.
    #[serde(borrow)]
    pub(super) id: Option<&'a RawValue>,
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
            Some(text) => text.parse::<Timestamp>().with_context(|| format!("`at` is {text:?}"))?,
            None => bill::now(),
        };
        let name = self.model.as_deref().or(reported.model.as_deref());
        let name = name.context("no model is named")?;
        let service = match &self.tier {
            Some(tier) => service(tier)?,
            None => reported.service()?,
        };
        let region = self.region.as_deref().or(reported.region.as_deref());
        let terms = cost::Terms { at, service, region };
        let mut items = vec![Item { name, usage: &reported.usage, provider: self.provider() }];
        let others = reported.others.iter();
        items.extend(others.map(|other| Item {
            name: &other.model,
            usage: &other.usage,
            provider: self.provider(),
        }));
        Priced::new(catalog, &items, &terms)
    }

    /// The name that the catalog has for the provider.
    fn provider(&self) -> Option<&str> {
        self.provider.as_deref().map(|provider| match provider {
            "gemini" | "google-genai" | "vertex" => "google",
            other => other,
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
        let format = format(self.said_provider(catalog)?)?;
        match read_usage(format, raw) {
            // A provider with two APIs, each with names of its own.
            Err(UsageError::Absent) if format == UsageFormat::OpenAiChat => {
                Ok(read_usage(UsageFormat::OpenAiResponses, raw)?)
            }
            read => Ok(read?),
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

/// Reads the buckets of a usage.
fn usage(text: &str) -> anyhow::Result<Usage> {
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
    let known = match name {
        "chat" | "chat-completions" | "chat_completions" | "chat/completions" => "openai-chat",
        "messages" => "anthropic-messages",
        "google" | "google-genai" | "vertex" | "generate-content" | "generateContent" => "gemini",
        other => other,
    };
    Ok(known.parse::<UsageFormat>()?)
}

/// How urgent a request is, by the providers' names for it.
pub(super) fn service(tier: &str) -> anyhow::Result<Service> {
    Ok(match tier {
        "standard" | "default" | "auto" | "standard_only" => Service::Standard,
        "batch" => Service::Batch,
        "flex" => Service::Flex,
        "priority" => Service::Priority,
        other => {
            return Err(anyhow!("the tier {other:?} is none of standard, batch, flex, priority"));
        }
    })
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
