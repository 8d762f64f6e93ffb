//! What providers say that a request used, as `cost::Usage`.
//!
//! Each provider counts in its own way: some counts contain others, some lie beside them, and a
//! stream repeats them. Here each token comes into exactly one bucket, by one reader for a format
//! whether a stream is decoded or a payload read. Estimates where nothing is said are for others.

mod anthropic;
mod count;
mod document;
mod format;
mod gemini;
mod openai;
mod recording;
mod whole;

pub use self::count::CountProblem;
pub use self::format::{UnknownUsageFormat, UsageFormat};

use self::count::Counter;
use self::document::{Document, web_searches};
use crate::json::{Scanner, Value};
use crate::{Malformed, Span};
use cost::{Service, Usage};

/// Reads what a payload says that a request used.
///
/// The payload may be
///
/// - a bare usage object,
/// - the whole response,
/// - the data of one event of a stream that has counts,
/// - a whole recorded stream of server-sent events, of which the reports are merged: counts of
///   Anthropic are cumulative and never fall; elsewhere the last report counts,
/// - for Gemini, the array that it streams without `alt=sse`.
///
/// Buckets are disjoint and add up to the provider's total. Where its numbers contradict each
/// other, they add up to no less than it: a part that is larger than its whole lies beside it
/// unless the total has no room for it, overlapping parts are billed as the dearer, and what the
/// total has beyond all parts is output. Fields that are not known are ignored, those that are `null` were not said.
///
/// ```
/// use cost::{Service, Usage};
/// use protocol::{UsageFormat, read_usage};
///
/// let chunk = br#"{"model":"gpt-5-mini-2025-08-07","service_tier":"flex","choices":[],
///     "usage":{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,
///         "prompt_tokens_details":{"cached_tokens":1920},
///         "completion_tokens_details":{"reasoning_tokens":192}}}"#;
/// let reported = read_usage(UsageFormat::OpenAiChat, chunk)?;
/// let usage = Usage { input: 86, cache_read: 1920, output: 300, output_reasoning: 192, ..Usage::default() };
/// assert_eq!(reported.usage, usage);
/// assert_eq!(reported.model.as_deref(), Some("gpt-5-mini-2025-08-07"));
/// assert_eq!(reported.service()?, Service::Flex);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`UsageError`] when nothing is said, when the payload is not JSON, or when a count that
/// matters is not a whole number of 64 bits.
pub fn read_usage(format: UsageFormat, payload: &[u8]) -> Result<Reported, UsageError> {
    let mut document = Document::default();
    match payload.trim_ascii_start().first() {
        Some(b'{') => document.read(format, payload)?,
        Some(b'[') if format == UsageFormat::Gemini => document.read_array(format, payload)?,
        _ => recording::read(&mut document, format, payload)?,
    }
    document.reported()
}

/// What a provider says that a request used, and what its price depends on beside that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reported {
    /// The tokens and calls.
    pub usage: Usage,
    /// The model that answered, as the payload names it.
    pub model: Option<String>,
    /// The tier that served the request, as the provider writes it.
    pub service_tier: Option<String>,
    /// Anthropic's speed of the request, such as `fast`.
    pub speed: Option<String>,
    /// The region that the request was pinned to, when it says one.
    pub region: Option<String>,
    /// What other models used for the same request, such as an advisor or the model that
    /// declined before a fallback. Not part of `usage`; Anthropic only.
    pub others: Vec<ModelUsage>,
}

/// What one model used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelUsage {
    /// The model, as the payload names it.
    pub model: String,
    /// The tokens and calls.
    pub usage: Usage,
}

impl Reported {
    /// The service that the request is priced as; standard when nothing is said.
    ///
    /// # Errors
    ///
    /// [`UnknownService`] when a tier or a speed is said that is none of `cost`'s services: it
    /// has another price, which is not known here.
    pub fn service(&self) -> Result<Service, UnknownService> {
        service_of(self.service_tier.as_deref(), self.speed.as_deref())
    }
}

/// The service that a tier and a speed are priced as, by the names that providers have for them in
/// requests and in answers; standard when nothing is said.
///
/// `auto`, which a request may say, is none: what it was is in the answer.
///
/// ```
/// use cost::Service;
///
/// assert_eq!(protocol::service_of(Some("ON_DEMAND_PRIORITY"), None)?, Service::Priority);
/// assert!(protocol::service_of(None, Some("fast")).is_err());
/// # Ok::<(), protocol::UnknownService>(())
/// ```
///
/// # Errors
///
/// [`UnknownService`] for a tier or a speed that is none of `cost`'s services.
pub fn service_of(tier: Option<&str>, speed: Option<&str>) -> Result<Service, UnknownService> {
    let unknown = |name: &str| UnknownService { name: name.to_owned() };
    let service = match tier {
        // Groq calls it `on_demand`, Vertex AI in capitals.
        None | Some("standard" | "default" | "on_demand" | "ON_DEMAND") => Service::Standard,
        Some("standard_only" | "TRAFFIC_TYPE_UNSPECIFIED") => Service::Standard,
        Some("batch") => Service::Batch,
        Some("flex" | "ON_DEMAND_FLEX") => Service::Flex,
        Some("priority" | "ON_DEMAND_PRIORITY") => Service::Priority,
        Some(other) => return Err(unknown(other)),
    };
    match speed {
        None | Some("standard") => Ok(service),
        Some(other) => Err(unknown(other)),
    }
}

/// The provider names a tier or a speed whose price is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the service \"{name}\" has a price of its own that is not known")]
pub struct UnknownService {
    /// As the provider writes it.
    pub name: String,
}

/// Why a payload says no usage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// There are no token counts in it.
    #[error("no token counts in the payload")]
    Absent,
    /// It, or an event of it, is not JSON.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A count cannot be read.
    #[error("the count {field} is {problem}")]
    Count {
        /// Its path in the usage object.
        field: &'static str,
        /// What is wrong with it.
        problem: CountProblem,
    },
}

/// Counts of one report, and where those lie that may be changed downstream.
pub(crate) struct Counts {
    pub(crate) usage: Usage,
    pub(crate) output_tokens: Option<Span>,
    pub(crate) total_tokens: Option<Span>,
}

/// One report as a format's reader leaves it.
pub(crate) struct Report {
    counts: Counts,
    counter: Counter,
    iterations: Vec<Iteration>,
}

/// One call of a model inside a request.
struct Iteration {
    kind: Option<Value>,
    model: Option<Value>,
    usage: Usage,
}

impl Report {
    /// What the report says, or why a bill must not be made of it.
    fn checked(self) -> Result<Option<Self>, UsageError> {
        match self.counter.bad {
            Some((field, problem)) => Err(UsageError::Count { field, problem }),
            None => Ok(Some(self).filter(|report| report.counter.any)),
        }
    }
}

/// Reads a usage object in a stream of the Anthropic Messages wire.
pub(crate) fn read_anthropic(usage: Value, data: &[u8]) -> Result<Option<Counts>, Malformed> {
    counts(anthropic::read(&mut Scanner::at(data, usage), data))
}

/// Reads a usage object in a stream of the Chat Completions wire.
pub(crate) fn read_chat(usage: Value, data: &[u8]) -> Result<Option<Counts>, Malformed> {
    counts(openai::read(&mut Scanner::at(data, usage), data, &openai::CHAT))
}

/// Reads the counts in a chunk of the Gemini wire.
pub(crate) fn read_gemini(
    scan: &mut Scanner<'_>,
    data: &[u8],
) -> Result<Option<Counts>, Malformed> {
    counts(gemini::read(scan, data))
}

/// Reads the counts of a whole response of the Responses wire.
pub(crate) fn read_response(response: Value, data: &[u8]) -> Result<Option<Counts>, Malformed> {
    let Some(usage) = response.member(data, "usage") else { return Ok(None) };
    let read = openai::read(&mut Scanner::at(data, usage), data, &openai::RESPONSES);
    Ok(counts(read)?.map(|mut counts| {
        counts.usage.web_searches = web_searches(response, data);
        counts
    }))
}

fn counts(read: Result<Option<Report>, Malformed>) -> Result<Option<Counts>, Malformed> {
    Ok(read?.map(|report| report.counts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tier: Option<&str>, speed: Option<&str>, service: Result<Service, &str>) {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let reported =
            Reported { service_tier: owned(tier), speed: owned(speed), ..Reported::default() };
        let unknown = |name: &str| UnknownService { name: name.to_owned() };
        assert_eq!(reported.service(), service.map_err(unknown));
    }

    #[test]
    fn a_tier_that_is_not_known_is_never_the_standard_one() {
        check(None, None, Ok(Service::Standard));
        check(Some("default"), Some("standard"), Ok(Service::Standard));
        check(Some("batch"), None, Ok(Service::Batch));
        check(Some("flex"), None, Ok(Service::Flex));
        check(Some("ON_DEMAND_PRIORITY"), None, Ok(Service::Priority));
        check(Some("ultrafast"), None, Err("ultrafast"));
        check(Some("auto"), None, Err("auto"));
        check(Some("standard"), Some("fast"), Err("fast"));
    }
}
