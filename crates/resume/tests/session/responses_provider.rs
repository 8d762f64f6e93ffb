//! What a provider writes on the Responses wire, after the examples of the API reference:
//! <https://platform.openai.com/docs/api-reference/responses-streaming>.

use crate::drive::event;
use serde_json::{Value, json};

/// One response, written event by event.
pub(crate) struct Provider {
    id: String,
    sequence: u64,
    output: Vec<Value>,
    wire: String,
}

impl Provider {
    /// The events before the first item.
    pub(crate) fn new(id: &str) -> Self {
        let (sequence, output, wire) = (0, Vec::new(), String::new());
        let mut provider = Self { id: id.to_owned(), sequence, output, wire };
        for name in ["response.created", "response.in_progress"] {
            let response = provider.response("in_progress", &Value::Null);
            provider.say(name, json!({ "response": response }));
        }
        provider
    }

    /// All that was written.
    pub(crate) fn wire(&self) -> &str {
        &self.wire
    }

    /// Thinking without any words.
    pub(crate) fn think(mut self) -> Self {
        let id = self.item_id("rs");
        let item = json!({ "id": id, "type": "reasoning", "summary": [] });
        self.item(&item, |provider, _| (provider, item.clone()))
    }

    /// Thinking with a summary.
    pub(crate) fn summary(mut self, pieces: &[&str]) -> Self {
        let id = self.item_id("rs");
        let added = json!({ "id": id, "type": "reasoning", "summary": [] });
        self.item(&added, |mut provider, index| {
            let place = json!({ "item_id": id, "output_index": index, "summary_index": 0 });
            let names = ["reasoning_summary_part", "reasoning_summary_text"];
            let part = json!({ "type": "summary_text", "text": "" });
            let part = provider.part(names, &place, part, pieces);
            (provider, json!({ "id": id, "type": "reasoning", "summary": [part] }))
        })
    }

    /// A message of these parts, each in pieces.
    pub(crate) fn message(mut self, parts: &[&[&str]]) -> Self {
        let id = self.item_id("msg");
        let message = |status: &str, content: Vec<Value>| json!({ "id": id, "type": "message", "status": status, "content": content, "role": "assistant" });
        self.item(&message("in_progress", Vec::new()), |mut provider, index| {
            let mut content = Vec::new();
            for (at, pieces) in parts.iter().enumerate() {
                let place = json!({ "item_id": id, "output_index": index, "content_index": at });
                let part = json!({ "type": "output_text", "annotations": [], "text": "" });
                let names = ["content_part", "output_text"];
                content.push(provider.part(names, &place, part, pieces));
            }
            (provider, message("completed", content))
        })
    }

    /// A call of a function of the application.
    pub(crate) fn call(mut self) -> Self {
        let id = self.item_id("fc");
        let call = |status: &str, arguments: &str| json!({ "id": id, "type": "function_call", "status": status, "call_id": "c", "name": "f", "arguments": arguments });
        self.item(&call("in_progress", ""), |mut provider, index| {
            let place = json!({ "item_id": id, "output_index": index });
            let name = "response.function_call_arguments";
            for piece in ["{\"a\"", ":1}"] {
                provider.say(&format!("{name}.delta"), with(&place, json!({ "delta": piece })));
            }
            let whole = json!({ "arguments": "{\"a\":1}" });
            provider.say(&format!("{name}.done"), with(&place, whole));
            (provider, call("completed", "{\"a\":1}"))
        })
    }

    /// The last event, and with it the whole stream.
    pub(crate) fn completed(mut self, tokens: u64) -> String {
        let usage =
            json!({ "input_tokens": 9, "output_tokens": tokens, "total_tokens": tokens + 9 });
        let response = self.response("completed", &usage);
        self.say("response.completed", json!({ "response": response }));
        self.wire
    }

    /// The last event of an answer that ran into its limit.
    pub(crate) fn incomplete(mut self, reason: &str) -> String {
        let mut response = self.response("incomplete", &json!({ "output_tokens": 3 }));
        response["incomplete_details"] = json!({ "reason": reason });
        self.say("response.incomplete", json!({ "response": response }));
        self.wire
    }

    fn response(&self, status: &str, usage: &Value) -> Value {
        json!({
            "id": self.id, "object": "response", "created_at": self.id.len() + 1_741_290_958,
            "status": status, "error": null, "incomplete_details": null, "model": "gpt-5",
            "output": self.output, "usage": usage,
        })
    }

    fn item_id(&mut self, kind: &str) -> String {
        format!("{kind}_{}_{}", self.id, self.output.len())
    }

    fn item(mut self, added: &Value, inside: impl FnOnce(Self, usize) -> (Self, Value)) -> Self {
        let index = self.output.len();
        let item = json!({ "output_index": index, "item": added });
        self.say("response.output_item.added", item);
        let (mut provider, done) = inside(self, index);
        let item = json!({ "output_index": index, "item": done });
        provider.say("response.output_item.done", item);
        provider.output.push(done);
        provider
    }

    fn part(&mut self, names: [&str; 2], place: &Value, mut part: Value, pieces: &[&str]) -> Value {
        let [whole, text] = names.map(|name| format!("response.{name}"));
        self.say(&format!("{whole}.added"), with(place, json!({ "part": part })));
        for piece in pieces {
            self.say(&format!("{text}.delta"), with(place, json!({ "delta": piece })));
        }
        self.say(&format!("{text}.done"), with(place, json!({ "text": pieces.concat() })));
        part["text"] = json!(pieces.concat());
        self.say(&format!("{whole}.done"), with(place, json!({ "part": part })));
        part
    }

    fn say(&mut self, name: &str, said: Value) {
        let head = json!({ "type": name, "sequence_number": self.sequence });
        self.sequence += 1;
        self.wire += &event(name, &with(&head, said).to_string());
    }
}

fn with(one: &Value, other: Value) -> Value {
    let (mut both, Value::Object(other)) = (one.clone(), other) else { panic!("an object") };
    both.as_object_mut().expect("an object").extend(other);
    both
}
