//! Where a payload has its counts, and what it says beside them.
//!
//! One JSON document after another comes in; what the later one says takes the place of what the
//! earlier one said, by the rules of the format.

use super::anthropic::{self, answering};
use super::openai::{self, CHAT, RESPONSES};
use super::{Iteration, ModelUsage, Report, Reported, UsageError, UsageFormat, gemini};
use crate::Malformed;
use crate::json::{Scanner, Value};
use cost::Usage;

/// What the documents that were read say together.
#[derive(Default)]
pub(super) struct Document {
    said: Reported,
    /// Whether any of them had counts.
    counted: bool,
}

impl Document {
    /// Reads one document. One without counts may still name the model or the tier.
    pub(super) fn read(&mut self, format: UsageFormat, data: &[u8]) -> Result<(), UsageError> {
        let mut scan = Scanner::new(data)?;
        let root = scan.value()?;
        scan.finish()?;
        self.read_value(format, root, data)
    }

    /// Reads an array of documents.
    pub(super) fn read_array(
        &mut self,
        format: UsageFormat,
        data: &[u8],
    ) -> Result<(), UsageError> {
        let mut scan = Scanner::new(data)?;
        scan.array()?;
        while scan.item()? {
            let item = scan.value()?;
            self.read_value(format, item, data)?;
        }
        Ok(scan.finish()?)
    }

    /// What was said.
    pub(super) fn reported(self) -> Result<Reported, UsageError> {
        if self.counted { Ok(self.said) } else { Err(UsageError::Absent) }
    }

    fn read_value(
        &mut self,
        format: UsageFormat,
        root: Value,
        data: &[u8],
    ) -> Result<(), UsageError> {
        if !root.is_object() {
            return Err(Malformed { offset: root.start as usize }.into());
        }
        let place = Place::find(format, root, data);
        self.note(format, place, data);
        if let Some(mut report) = report(format, place.usage, data)? {
            if format == UsageFormat::OpenAiResponses {
                report.counts.usage.web_searches = web_searches(place.response, data);
            }
            self.take(format, &report, data);
        }
        Ok(())
    }

    /// Notes what is said beside the counts.
    fn note(&mut self, format: UsageFormat, place: Place, data: &[u8]) {
        let text = |value: Option<Value>| Some(value?.str(data)?.into_owned());
        let beside = |name| text(place.response.member(data, name));
        let inside = |name| text(place.usage.member(data, name));
        let said = &mut self.said;
        let model = if format == UsageFormat::Gemini { "modelVersion" } else { "model" };
        replace(&mut said.model, beside(model));
        match format {
            UsageFormat::Anthropic => {
                replace(&mut said.service_tier, inside("service_tier"));
                replace(&mut said.speed, inside("speed"));
                // Both say that the request was pinned to none.
                let pinned = |region: &String| region != "not_available" && region != "global";
                replace(&mut said.region, inside("inference_geo").filter(pinned));
            }
            UsageFormat::Gemini => replace(&mut said.service_tier, inside("trafficType")),
            UsageFormat::OpenAiChat | UsageFormat::OpenAiResponses => {
                replace(&mut said.service_tier, inside("service_tier").or(beside("service_tier")));
            }
        }
    }

    fn take(&mut self, format: UsageFormat, report: &Report, data: &[u8]) {
        let usage = report.counts.usage;
        self.said.usage = match format {
            UsageFormat::Anthropic => self.said.usage.max(&usage),
            UsageFormat::OpenAiChat | UsageFormat::OpenAiResponses | UsageFormat::Gemini => usage,
        };
        self.counted = true;
        if !report.iterations.is_empty() {
            self.iterations(&report.iterations, data);
        }
    }

    /// Notes which model answered in the end and what others used.
    fn iterations(&mut self, iterations: &[Iteration], data: &[u8]) {
        let answering = answering(iterations, data);
        let text = |value: Value| value.str(data).map(std::borrow::Cow::into_owned);
        let fallback = |one: &Iteration| one.kind.is_some_and(|k| k.says(data, "fallback_message"));
        if iterations.iter().any(fallback) {
            replace(&mut self.said.model, answering.and_then(text));
        }
        let other = |one: &Iteration| {
            let model = one.other_model(answering, data).and_then(text)?;
            Some(ModelUsage { model, usage: one.usage }).filter(|one| one.usage != Usage::default())
        };
        self.said.others = iterations.iter().filter_map(other).collect();
    }
}

/// Where in a document the response and its counts lie.
#[derive(Clone, Copy)]
struct Place {
    response: Value,
    /// The document itself where it has none: it may be a usage object.
    usage: Value,
}

impl Place {
    fn find(format: UsageFormat, root: Value, data: &[u8]) -> Self {
        let object = |of: Value, name| of.member(data, name).filter(Value::is_object);
        // The events `message_start` and `response.completed` have the response inside; so do
        // Gemini's chunks where Code Assist sends them.
        let (inside, usage) = match format {
            UsageFormat::Anthropic => (Some("message"), "usage"),
            UsageFormat::OpenAiChat => (None, "usage"),
            UsageFormat::OpenAiResponses => (Some("response"), "usage"),
            UsageFormat::Gemini => (Some("response"), "usageMetadata"),
        };
        let response = inside.and_then(|name| object(root, name)).unwrap_or(root);
        let mut usage = object(response, usage);
        if format == UsageFormat::OpenAiChat {
            // Groq's streams, then Moonshot's:
            // <https://console.groq.com/docs/api-reference>, <https://platform.moonshot.ai/docs/api/chat>.
            let groq = || object(object(root, "x_groq")?, "usage");
            let moonshot = || object(root.member(data, "choices")?.last_item(data)?, "usage");
            usage = usage.or_else(groq).or_else(moonshot);
        }
        Self { response, usage: usage.unwrap_or(root) }
    }
}

/// The report that the value is, when it has counts.
fn report(format: UsageFormat, value: Value, data: &[u8]) -> Result<Option<Report>, UsageError> {
    let mut scan = Scanner::at(data, value);
    let read = match format {
        UsageFormat::Anthropic => anthropic::read(&mut scan, data),
        UsageFormat::OpenAiChat => openai::read(&mut scan, data, &CHAT),
        UsageFormat::OpenAiResponses => openai::read(&mut scan, data, &RESPONSES),
        UsageFormat::Gemini => gemini::read(&mut scan, data),
    }?;
    read.map_or(Ok(None), Report::checked)
}

/// The searches among the output items of a response. Opening a page and finding in it are items
/// of the same type and no searches: <https://platform.openai.com/docs/guides/tools-web-search>.
pub(super) fn web_searches(response: Value, data: &[u8]) -> u64 {
    let mut searches = 0;
    let count = |item: Value| {
        let action = item.member(data, "action").and_then(|action| action.member(data, "type"));
        item.member(data, "type").is_some_and(|kind| kind.says(data, "web_search_call"))
            && action.is_none_or(|action| action.says(data, "search"))
    };
    if let Some(output) = response.member(data, "output") {
        output.each_item(data, |item| searches += u64::from(count(item)));
    }
    searches
}

fn replace(earlier: &mut Option<String>, later: Option<String>) {
    if later.is_some() {
        *earlier = later;
    }
}
