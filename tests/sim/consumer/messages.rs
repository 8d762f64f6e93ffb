//! Rules of the Messages wire.

use serde_json::Value;

use super::{Consumer, parse};

impl Consumer {
    pub(super) fn take_message(&mut self, data: &str) -> Result<(), String> {
        let event = parse(data)?;
        let kind = event["type"].as_str().unwrap_or_default();
        if kind == "ping" {
            return Ok(());
        }
        if self.ended {
            return Err("an event after the end".to_owned());
        }
        if (kind == "message_start") != self.id.is_none() {
            return Err("the stream has one start".to_owned());
        }
        if self.stop.is_some() && kind != "message_stop" {
            return Err("an event after the stop reason".to_owned());
        }
        match kind {
            "message_start" => self.id = Some(event["message"]["id"].to_string()),
            "content_block_start" => return self.open(&event),
            "content_block_delta" => return self.delta(&event),
            "content_block_stop" => {
                let open = self.open.take();
                if open.map(|(index, _)| index) != event["index"].as_u64() {
                    return Err("a block closes that is not open".to_owned());
                }
            }
            "message_delta" => {
                if self.open.is_some() {
                    return Err("the stop reason comes inside a block".to_owned());
                }
                self.stop = event["delta"]["stop_reason"].as_str().map(str::to_owned);
                self.output_tokens = event["usage"]["output_tokens"].as_u64();
            }
            "message_stop" => self.ended = self.stop.is_some(),
            _ => return Err("an event of another kind".to_owned()),
        }
        if kind == "message_stop" && !self.ended {
            return Err("the end comes before the stop reason".to_owned());
        }
        Ok(())
    }

    fn open(&mut self, event: &Value) -> Result<(), String> {
        let index = event["index"].as_u64();
        if self.open.is_some() || index != Some(self.blocks) {
            return Err(format!("block {index:?} opens where {} is due", self.blocks));
        }
        let kind = event["content_block"]["type"].as_str().unwrap_or_default();
        self.open = Some((self.blocks, kind.to_owned()));
        self.blocks += 1;
        Ok(())
    }

    fn delta(&mut self, event: &Value) -> Result<(), String> {
        let Some((index, kind)) = &self.open else {
            return Err("a delta outside of every block".to_owned());
        };
        let delta = &event["delta"];
        let fits = match delta["type"].as_str().unwrap_or_default() {
            "text_delta" => kind == "text",
            "input_json_delta" => kind == "tool_use",
            "thinking_delta" | "signature_delta" => kind == "thinking",
            _ => false,
        };
        if !fits || event["index"].as_u64() != Some(*index) {
            return Err(format!("a delta of another kind in {kind} block {index}"));
        }
        self.text.push_str(delta["text"].as_str().unwrap_or_default());
        self.tool.push_str(delta["partial_json"].as_str().unwrap_or_default());
        Ok(())
    }
}
