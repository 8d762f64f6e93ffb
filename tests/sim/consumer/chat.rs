//! Rules of the Chat Completions wire.

use super::{Consumer, parse};

impl Consumer {
    pub(super) fn take_chunk(&mut self, data: &str) -> Result<(), String> {
        if self.ended {
            return Err("an event after the end".to_owned());
        }
        if data == "[DONE]" {
            self.ended = true;
            return if self.stop.is_some() {
                Ok(())
            } else {
                Err("the end before the stop".to_owned())
            };
        }
        let event = parse(data)?;
        let id = event["id"].to_string();
        if self.id.get_or_insert_with(|| id.clone()) != &id || event["created"] != 17 {
            return Err("a chunk of another response".to_owned());
        }
        let Some(choice) = event["choices"].get(0) else {
            self.usage_chunks += 1;
            self.output_tokens = event["usage"]["completion_tokens"].as_u64();
            let due = self.wants_usage && self.stop.is_some() && self.usage_chunks == 1;
            return if due { Ok(()) } else { Err("a usage chunk that nobody wants".to_owned()) };
        };
        if self.stop.is_some() {
            return Err("a chunk after the stop reason".to_owned());
        }
        let delta = &choice["delta"];
        if !delta["role"].is_null() && std::mem::replace(&mut self.role, true) {
            return Err("a second role".to_owned());
        }
        self.text.push_str(delta["content"].as_str().unwrap_or_default());
        for call in delta["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default() {
            self.tool.push_str(call["function"]["arguments"].as_str().unwrap_or_default());
        }
        self.stop = choice["finish_reason"].as_str().map(str::to_owned);
        Ok(())
    }
}
