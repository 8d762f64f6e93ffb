//! What a request asks for that decides whether and within what limits it may go on.
//!
//! Reads members of the body; changes nothing.

use super::{NotContinuable, RequestBody};
use crate::Wire;
use crate::json::Value;
use crate::splice::Splice;

/// The least that a limit of output tokens is reduced to, in tokens.
pub const MAX_TOKENS_FLOOR: u64 = 1;

/// Bytes of text in a token, as a guess where counting failed.
const BYTES_PER_TOKEN: u64 = 4;

/// The least where the model thinks, in tokens: a continuation thinks anew.
const THINKING_FLOOR: u64 = 1_024;

/// The least that the Responses API takes as a limit, in tokens.
const RESPONSES_FLOOR: u64 = 16;

/// Members that force a structure on the answer at some server.
const STRUCTURES: &[&str] = &[
    "output_format",
    "guided_json",
    "guided_regex",
    "guided_choice",
    "guided_grammar",
    "structured_outputs",
    "grammar",
    "json_schema",
];

impl RequestBody {
    pub(super) fn refusal_to_continue(&self) -> Option<NotContinuable> {
        if self.choices() > 1 {
            return Some(NotContinuable::ManyChoices);
        }
        if self.wire == Wire::Gemini {
            return self.gemini_refusal();
        }
        if self.asks_structure() {
            return Some(NotContinuable::StructuredOutput);
        }
        let choice = self.present("tool_choice").is_some_and(|choice| self.forces(choice));
        let call = self.present("function_call").is_some_and(|call| self.forces(call));
        if choice || call {
            return Some(NotContinuable::ForcedTool);
        }
        // A `previous_response_id` names a response that no longer changes; a conversation
        // grows by whatever is answered in it.
        if self.wire == Wire::OpenAiResponses && self.present("conversation").is_some() {
            return Some(NotContinuable::KeptConversation);
        }
        self.present("audio").map(|_| NotContinuable::Audio)
    }

    /// Whether the request asks the model to think before it answers.
    pub(super) fn asks_thinking(&self) -> bool {
        if self.wire == Wire::Gemini {
            return self.gemini_thinks();
        }
        let off =
            |value: Value| value.says(&self.body, "none") || value.says(&self.body, "disabled");
        let on = |object: Value, name: &str| {
            object.member(&self.body, name).is_some_and(|value| value.is_true())
        };
        let kind = |name: &str, member: &str| {
            let value = self.present(name).filter(Value::is_object)?;
            let off = value.member(&self.body, member).is_some_and(off);
            let disabled = value.member(&self.body, "enabled").is_some_and(|on| on.is_false());
            Some(!off && !disabled)
        };
        kind("thinking", "type").unwrap_or(false)
            || kind("reasoning", "effort").unwrap_or(false)
            || self.present("reasoning_effort").is_some_and(|effort| !off(effort))
            || self.present("enable_thinking").is_some_and(|enable| enable.is_true())
            || self
                .present("chat_template_kwargs")
                .is_some_and(|template| on(template, "enable_thinking") || on(template, "thinking"))
    }

    /// Takes what was spent on `partial` off the limits of output tokens.
    ///
    /// A count above the limit is wrong, since the server had not stopped: some send less than a
    /// token at a time. Then the length of the text is the better guess.
    pub(super) fn reduce_limits(&self, splice: &mut Splice, partial: &str, spent: u64) {
        for limit in self.output_limits() {
            let Some(tokens) = limit.u64(&self.body) else { continue };
            let guess = partial.len() as u64 / BYTES_PER_TOKEN;
            let spent = if spent > tokens { guess } else { spent };
            let left = tokens.saturating_sub(spent).max(self.floor().min(tokens));
            if left != tokens {
                splice.replace(limit.range(), left.to_string());
            }
        }
    }

    /// Lowers the limits of output tokens that are above this one.
    pub(super) fn lower_limits(&self, splice: &mut Splice, most: u64) {
        for limit in self.output_limits() {
            if limit.u64(&self.body).is_some_and(|tokens| tokens > most) {
                splice.replace(limit.range(), most.to_string());
            }
        }
    }

    fn output_limits(&self) -> impl Iterator<Item = Value> {
        let named = ["max_tokens", "max_completion_tokens", "max_output_tokens"];
        let limits = match self.wire {
            Wire::Gemini => [self.generation("maxOutputTokens", "max_output_tokens"), None, None],
            _ => named.map(|name| self.member(name)),
        };
        limits.into_iter().flatten()
    }

    /// The limit that leaves room for an answer: above the whole thinking budget, which
    /// Anthropic requires to be smaller than the limit.
    fn floor(&self) -> u64 {
        if !self.asks_thinking() {
            let responses = self.wire == Wire::OpenAiResponses;
            return if responses { RESPONSES_FLOOR } else { MAX_TOKENS_FLOOR };
        }
        let budget = match self.wire {
            Wire::Gemini => self.gemini_budget(),
            _ => {
                let thinking = self.member("thinking");
                let budget = thinking.and_then(|it| it.member(&self.body, "budget_tokens"));
                budget.and_then(|budget| budget.u64(&self.body))
            }
        };
        budget.unwrap_or(0).saturating_add(THINKING_FLOOR)
    }

    fn asks_structure(&self) -> bool {
        let format = self.present("response_format");
        let free = |format: Value| {
            format.member(&self.body, "type").is_some_and(|kind| kind.says(&self.body, "text"))
        };
        let config = self.present("output_config");
        let config = config.and_then(|config| config.member(&self.body, "format"));
        // Where the Responses wire has it.
        let text = self.present("text").and_then(|text| text.member(&self.body, "format"));
        let text = text.filter(|format| !format.is_null());
        format.is_some_and(|format| !free(format))
            || text.is_some_and(|format| !free(format))
            || config.is_some_and(|format| !format.is_null())
            || STRUCTURES.iter().any(|name| self.present(name).is_some())
    }

    /// Whether a choice of tools leaves the model no choice.
    fn forces(&self, choice: Value) -> bool {
        let member = |of: Value, name| of.member(&self.body, name);
        let allowed = |choice: &Value| {
            member(*choice, "type").is_some_and(|kind| kind.says(&self.body, "allowed_tools"))
        };
        if let Some(choice) = Some(choice).filter(allowed) {
            let inner = member(choice, "allowed_tools").unwrap_or(choice);
            return member(inner, "mode").is_none_or(|mode| !mode.says(&self.body, "auto"));
        }
        let mode = member(choice, "type").unwrap_or(choice);
        !(mode.says(&self.body, "auto") || mode.says(&self.body, "none"))
    }

    /// The member of that name, unless it is null.
    pub(super) fn present(&self, name: &str) -> Option<Value> {
        self.member(name).filter(|value| !value.is_null())
    }
}
