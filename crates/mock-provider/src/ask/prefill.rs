//! How a final assistant message is marked as the beginning of the answer.
//! Whether the model takes it is decided in `model`.

use crate::ask::{Role, Turn};
use crate::json::Value;
use crate::wire::Wire;

/// How a final assistant message says that it is the beginning of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PrefillForm {
    /// By its place, on the Messages wire.
    Messages,
    /// `"prefix": true` in the message.
    Prefix,
    /// `"partial": true` in the message.
    Partial,
    /// By a field of the request: `continue_final_message` without a generation prompt, or a chat
    /// template with thinking switched off.
    Template,
}

/// The mark of the last message, when there is one.
pub(super) fn form(wire: Wire, body: &Value, last: Option<&Turn>) -> Option<PrefillForm> {
    let last = last.filter(|turn| turn.role == Role::Assistant)?;
    let holds = |value: &Value, name| value.member(name).and_then(Value::as_bool) == Some(true);
    let denies = |value: &Value, name| value.member(name).and_then(Value::as_bool) == Some(false);
    let template = body.member("chat_template_kwargs");
    match wire {
        Wire::AnthropicMessages => Some(PrefillForm::Messages),
        Wire::OpenAiChat if holds(&last.raw, "prefix") => Some(PrefillForm::Prefix),
        Wire::OpenAiChat if holds(&last.raw, "partial") => Some(PrefillForm::Partial),
        Wire::OpenAiResponses | Wire::Gemini => None,
        Wire::OpenAiChat => {
            let final_message =
                holds(body, "continue_final_message") && denies(body, "add_generation_prompt");
            let template = template.is_some_and(|options| denies(options, "enable_thinking"));
            (final_message || template).then_some(PrefillForm::Template)
        }
    }
}
