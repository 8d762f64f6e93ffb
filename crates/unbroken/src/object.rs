//! The objects that `--json` writes, one a line. The README of the crate documents each.

use client::{AttemptSummary, Oddities, Seam, State, StopReason, StreamCost, Summary};
use serde::Serialize;
use std::collections::BTreeMap;

/// One line of `--json`.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum Object<'a> {
    Start(Start<'a>),
    Text(Text<'a>),
    State(Change),
    Seam(Joint),
    End(End<'a>),
    Error(Failure<'a>),
}

/// The first line: which stream this is.
#[derive(Debug, Serialize)]
pub(crate) struct Start<'a> {
    pub(crate) id: &'a str,
    pub(crate) protocol: &'a str,
    pub(crate) base_url: &'a str,
    /// Bytes of text that an earlier process had delivered.
    pub(crate) recovered_bytes: u64,
}

/// A piece of the answer.
#[derive(Debug, Serialize)]
pub(crate) struct Text<'a> {
    /// Bytes of text before it.
    pub(crate) offset: u64,
    pub(crate) text: &'a str,
}

/// What the connection does.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Change {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rung: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
}

impl From<&State> for Change {
    fn from(state: &State) -> Self {
        let change = Self { state: state.name(), ..Self::default() };
        match state {
            State::Connecting { attempt, rung, .. } | State::Hedging { attempt, rung, .. } => {
                Self { attempt: Some(attempt.0), rung: Some(rung.name()), ..change }
            }
            State::Connected { attempt } => Self { attempt: Some(attempt.0), ..change },
            State::Disconnected { attempt, cause } => {
                Self { attempt: Some(attempt.0), cause: Some(cause.to_string()), ..change }
            }
            State::Reconnecting { rung, wait, .. } => {
                Self { rung: Some(rung.name()), wait_ms: Some(wait.as_millis()), ..change }
            }
            State::Failed { cause } => Self { cause: Some(cause.to_string()), ..change },
            _ => change,
        }
    }
}

/// Where a continuation joined the text.
#[derive(Debug, Serialize)]
pub(crate) struct Joint {
    attempt: u32,
    rung: &'static str,
    offset: u64,
    label: &'static str,
    dropped: u64,
    /// Where another model went on.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<Box<str>>,
    /// Who wrote before it and who goes on, where that is another model or a fallback.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved: Option<String>,
}

impl From<&Seam> for Joint {
    fn from(seam: &Seam) -> Self {
        Self {
            attempt: seam.attempt.0,
            rung: seam.rung.name(),
            offset: seam.offset,
            label: seam.label.name(),
            dropped: seam.dropped,
            model: seam.model.as_deref().map(Box::from),
            moved: seam.moved.as_deref().map(ToString::to_string),
        }
    }
}

/// The last line when the provider finished.
#[derive(Debug, Serialize)]
pub(crate) struct End<'a> {
    pub(crate) id: &'a str,
    #[serde(flatten)]
    pub(crate) account: Account,
}

/// The last line when it did not.
#[derive(Debug, Serialize)]
pub(crate) struct Failure<'a> {
    pub(crate) id: &'a str,
    pub(crate) kind: &'static str,
    pub(crate) message: String,
    /// The command that goes on, when one can.
    pub(crate) resume: Option<String>,
    #[serde(flatten)]
    pub(crate) account: Option<Account>,
}

/// What was delivered and spent.
#[derive(Debug, Serialize)]
pub(crate) struct Account {
    text_bytes: u64,
    stop: Option<&'static str>,
    model: Option<String>,
    usage: Usage,
    attempts: Vec<Attempt>,
    seams: Vec<Joint>,
    sentinel_missing: bool,
    empty_continuation: bool,
    continued_with_tool: bool,
    /// The end of the turn is not the provider's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    own_end: bool,
    /// Ends of answers behind which it went on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    went_on: Vec<&'static str>,
    /// Why it did not go on behind its end, where more was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_gone_on: Option<String>,
    #[serde(skip_serializing_if = "Odd::is_none")]
    oddities: Odd,
    /// Of all attempts, those of earlier processes included; `null` is not known.
    cost: Option<Cost>,
}

impl From<&Summary> for Account {
    fn from(summary: &Summary) -> Self {
        let (usage, estimated) = summary.usage();
        Self {
            text_bytes: summary.text_bytes,
            stop: summary.stop.map(stop_name),
            model: summary.model.clone(),
            usage: Usage::new(&usage, estimated),
            attempts: summary.attempts.iter().map(Attempt::from).collect(),
            seams: summary.seams.iter().map(Joint::from).collect(),
            sentinel_missing: summary.sentinel_missing,
            empty_continuation: summary.empty_continuation,
            continued_with_tool: summary.continued_with_tool,
            own_end: summary.own_end,
            went_on: summary.went_on.iter().copied().map(stop_name).collect(),
            not_gone_on: summary.not_gone_on.as_ref().map(ToString::to_string),
            oddities: Odd::from(&summary.oddities()),
            cost: summary.cost.as_ref().map(Cost::from),
        }
    }
}

/// What was odd about the answers, and did no harm; how often, for each kind that occurred.
#[derive(Debug, Serialize)]
struct Odd(BTreeMap<&'static str, u64>);

impl Odd {
    fn is_none(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&Oddities> for Odd {
    fn from(oddities: &Oddities) -> Self {
        Self(oddities.kinds().map(|(kind, count, _)| (kind, count)).collect())
    }
}

/// Dollars, as exact decimals.
#[derive(Debug, Serialize)]
struct Cost {
    usd: String,
    /// Without a break.
    ideal_usd: String,
    /// Of `usd`, the attempt that broke first.
    broken_usd: String,
    /// Of `usd`, all attempts after it.
    resumed_usd: String,
    /// A provider did not say what it bills for an attempt, or the ideal had to be worked out.
    estimated: bool,
}

impl From<&StreamCost> for Cost {
    fn from(cost: &StreamCost) -> Self {
        Self {
            usd: cost.total.to_string(),
            ideal_usd: cost.ideal.to_string(),
            broken_usd: cost.broken.to_string(),
            resumed_usd: cost.resumed.to_string(),
            estimated: cost.is_estimate,
        }
    }
}

/// Tokens, in buckets that do not overlap except where a name says `of`.
#[derive(Debug, Serialize)]
pub(crate) struct Usage {
    input: u64,
    cache_read: u64,
    cache_write: u64,
    output: u64,
    reasoning_of_output: u64,
    /// At least one attempt was cut before the provider reported all that it bills.
    estimated: bool,
}

impl Usage {
    pub(crate) const fn new(usage: &cost::Usage, estimated: bool) -> Self {
        Self {
            input: usage.input,
            cache_read: usage.cache_read,
            cache_write: usage.cache_write_5m.saturating_add(usage.cache_write_1h),
            output: usage.output,
            reasoning_of_output: usage.output_reasoning,
            estimated,
        }
    }
}

/// One connection of this process.
#[derive(Debug, Serialize)]
struct Attempt {
    attempt: u32,
    rung: &'static str,
    why: String,
    endpoint: Option<String>,
    model: Option<String>,
    ms: u64,
    text_bytes: u64,
    usage: Usage,
    /// Exact; `null` is not known.
    usd: Option<String>,
    cause: Option<String>,
}

impl From<&AttemptSummary> for Attempt {
    fn from(attempt: &AttemptSummary) -> Self {
        Self {
            attempt: attempt.attempt.0,
            rung: attempt.rung.name(),
            why: attempt.choice.reason.to_string(),
            endpoint: attempt.endpoint.as_deref().map(str::to_owned),
            model: attempt.model.as_deref().map(str::to_owned),
            ms: attempt.ended.saturating_sub(attempt.began).as_millis(),
            text_bytes: attempt.text_bytes,
            usage: Usage::new(&attempt.usage, attempt.estimated),
            usd: attempt.cost.map(|usd| usd.to_string()),
            cause: attempt.cause.as_ref().map(ToString::to_string),
        }
    }
}

/// The name of a reason to stop.
pub(crate) const fn stop_name(stop: StopReason) -> &'static str {
    match stop {
        StopReason::EndTurn => "end-turn",
        StopReason::MaxTokens => "max-tokens",
        StopReason::StopSequence => "stop-sequence",
        StopReason::ToolUse => "tool-use",
        StopReason::PauseTurn => "pause-turn",
        StopReason::Refusal => "refusal",
        StopReason::ContextWindow => "context-window",
        StopReason::Other => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::{AttemptId, Cause, Nanos, Rung, SeamLabel};

    #[track_caller]
    fn check(object: &Object<'_>, expected: &str) {
        assert_eq!(serde_json::to_string(object).unwrap(), expected);
    }

    #[test]
    fn the_type_comes_first() {
        let text = Object::Text(Text { offset: 3, text: "a\nb" });
        check(&text, r#"{"type":"text","offset":3,"text":"a\nb"}"#);
    }

    #[test]
    fn a_state_has_only_the_fields_that_it_has() {
        let attempt = AttemptId(2);
        let state = State::Disconnected { attempt, cause: Cause::Truncated };
        check(
            &Object::State(Change::from(&state)),
            r#"{"type":"state","state":"disconnected","attempt":2,"cause":"stream ended before the response did"}"#,
        );
        let wait = Nanos::from_millis(84);
        let state = State::Reconnecting { rung: Rung::Prefill, at: wait, wait };
        check(
            &Object::State(Change::from(&state)),
            r#"{"type":"state","state":"reconnecting","rung":"prefill","wait_ms":84}"#,
        );
        check(&Object::State(Change::from(&State::Done)), r#"{"type":"state","state":"done"}"#);
    }

    #[test]
    fn a_seam_says_where_and_how_sure() {
        let (attempt, rung, label) = (AttemptId(3), Rung::Instruct, SeamLabel::Anchored);
        let seam = Seam { attempt, rung, offset: 40, label, dropped: 12, model: None, moved: None };
        check(
            &Object::Seam(Joint::from(&seam)),
            r#"{"type":"seam","attempt":3,"rung":"instruct","offset":40,"label":"anchored","dropped":12}"#,
        );
    }

    #[test]
    fn an_end_holds_the_account() {
        let summary =
            Summary { text_bytes: 5, stop: Some(StopReason::EndTurn), ..Summary::default() };
        let end = Object::End(End { id: "s-1", account: Account::from(&summary) });
        let value = serde_json::to_value(&end).unwrap();
        assert_eq!(value["type"], "end");
        assert_eq!(value["stop"], "end-turn");
        assert_eq!(value["text_bytes"], 5);
        assert_eq!(value["usage"]["estimated"], false);
        assert!(value.get("oddities").is_none());
    }

    #[test]
    fn only_the_oddities_that_occurred_are_told() {
        let mut oddities = Oddities::default();
        oddities.misnamed = 3;
        let odd = serde_json::to_value(Odd::from(&oddities)).unwrap();
        assert_eq!(odd, serde_json::json!({ "misnamed": 3 }));
    }
}
