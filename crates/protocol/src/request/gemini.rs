//! What a request of the Gemini wire says elsewhere than those of the other wires.
//!
//! Its server takes every name in two spellings, and so does this reader.

use super::{NotContinuable, RequestBody};
use crate::json::{Kind, Value};

/// Bytes of the longest name of a model.
const MODEL_BYTES_MAX: usize = 256;

/// The path to a model: `models/` stands before a name alone. `None` for a name that is none.
pub(super) fn path(model: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@/".contains(&byte);
    let whole = !model.split('/').any(|piece| piece.bytes().all(|byte| byte == b'.'));
    if !whole || model.len() > MODEL_BYTES_MAX || !model.bytes().all(plain) {
        return None;
    }
    let folder = if model.contains('/') { "" } else { "models/" };
    Some(format!("/{folder}{model}:streamGenerateContent?alt=sse"))
}

/// A member's name in the spelling of the documentation.
pub(super) fn canonical(name: &[u8]) -> &[u8] {
    match name {
        b"generation_config" => b"generationConfig",
        b"tool_config" => b"toolConfig",
        name => name,
    }
}

impl RequestBody {
    /// The setting of that name or of its other spelling, unless it is null.
    pub(super) fn generation(&self, name: &str, other: &str) -> Option<Value> {
        self.either(self.member("generationConfig")?, name, other)
    }

    pub(super) fn gemini_refusal(&self) -> Option<NotContinuable> {
        let schemas = [
            self.generation("responseSchema", "response_schema"),
            self.generation("responseJsonSchema", "response_json_schema"),
            self.generation("_responseJsonSchema", "_response_json_schema"),
        ];
        let form = self.generation("responseMimeType", "response_mime_type");
        let is_text =
            |form: Value| form.says(&self.body, "text/plain") || form.says(&self.body, "");
        if schemas.iter().any(Option::is_some) || form.is_some_and(|form| !is_text(form)) {
            return Some(NotContinuable::StructuredOutput);
        }
        if self.forces_call() {
            return Some(NotContinuable::ForcedTool);
        }
        let kinds = self.generation("responseModalities", "response_modalities");
        let mut speaks = false;
        if let Some(kinds) = kinds.filter(|kinds| kinds.kind == Kind::Array) {
            kinds.each_item(&self.body, |kind| speaks |= kind.says(&self.body, "AUDIO"));
        }
        speaks.then_some(NotContinuable::Audio)
    }

    /// Whether thinking is asked for, or set in some way and not to nothing.
    pub(super) fn gemini_thinks(&self) -> bool {
        let Some(config) = self.generation("thinkingConfig", "thinking_config") else {
            return false;
        };
        let budget = self.either(config, "thinkingBudget", "thinking_budget");
        budget.is_none_or(|budget| budget.u64(&self.body) != Some(0))
    }

    /// The tokens that may be spent on thinking, where the request says it.
    pub(super) fn gemini_budget(&self) -> Option<u64> {
        let config = self.generation("thinkingConfig", "thinking_config")?;
        self.either(config, "thinkingBudget", "thinking_budget")?.u64(&self.body)
    }

    fn forces_call(&self) -> bool {
        let config = self.member("toolConfig");
        let config = config.and_then(|config| {
            self.either(config, "functionCallingConfig", "function_calling_config")
        });
        let mode = config.and_then(|config| config.member(&self.body, "mode"));
        mode.is_some_and(|mode| mode.says(&self.body, "ANY"))
    }

    fn either(&self, object: Value, name: &str, other: &str) -> Option<Value> {
        let found = object.member(&self.body, name).or_else(|| object.member(&self.body, other));
        found.filter(|value| !value.is_null())
    }
}
