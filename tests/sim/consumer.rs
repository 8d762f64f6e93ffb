//! The application: it takes one native stream of its wire and nothing else.
//!
//! One start, continuous block indices, each block opened and closed once and in order, one
//! id, one stop, one end. It parses every event as a strict client would.

use protocol::Wire;
use serde_json::Value;

use crate::store::Delivery;
use crate::stream::TOOL_PIECES;

#[derive(Debug)]
pub(crate) struct Consumer {
    wire: Wire,
    wants_usage: bool,
    pub(crate) text: String,
    id: Option<String>,
    open: Option<(u64, String)>,
    blocks: u64,
    role: bool,
    pub(crate) stop: Option<String>,
    pub(crate) ended: bool,
    tool: String,
    usage_chunks: usize,
    pub(crate) output_tokens: Option<u64>,
}

impl Consumer {
    pub(crate) const fn new(wire: Wire, wants_usage: bool) -> Self {
        Self {
            wire,
            wants_usage,
            text: String::new(),
            id: None,
            open: None,
            blocks: 0,
            role: false,
            stop: None,
            ended: false,
            tool: String::new(),
            usage_chunks: 0,
            output_tokens: None,
        }
    }

    pub(crate) fn take(&mut self, delivery: &Delivery) -> Result<(), String> {
        let data = std::str::from_utf8(&delivery.frame.data).map_err(|_| "data is not UTF-8")?;
        if delivery.frame.text.start != self.text.len() {
            return Err(format!(
                "text at {} goes to {}",
                self.text.len(),
                delivery.frame.text.start
            ));
        }
        let before = self.text.len();
        let taken = match self.wire {
            Wire::AnthropicMessages => self.take_message(data),
            _ => self.take_chunk(data),
        };
        taken.map_err(|error| format!("{error}: {data}"))?;
        if self.text[before..] != delivery.text {
            return Err(format!(
                "the event says {:?}, its text {:?}",
                &self.text[before..],
                delivery.text
            ));
        }
        Ok(())
    }

    fn take_message(&mut self, data: &str) -> Result<(), String> {
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

    fn take_chunk(&mut self, data: &str) -> Result<(), String> {
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

    /// What must be true of a stream that is reported as complete.
    pub(crate) fn check_complete(&self, sentinel_missing: bool, calls: bool) -> Result<(), String> {
        if self.stop.is_none() {
            return Err("complete without a stop reason".to_owned());
        }
        if self.open.is_some() {
            return Err("complete with an open block".to_owned());
        }
        if self.ended == sentinel_missing {
            return Err(format!("the end: {}, said to be missing: {sentinel_missing}", self.ended));
        }
        let call = if calls { TOOL_PIECES.concat() } else { String::new() };
        if self.tool != call {
            return Err(format!("the tool call came out as {:?}", self.tool));
        }
        Ok(())
    }

    /// A tool call is delivered whole with the stop reason or not at all.
    pub(crate) const fn has_partial_call(&self) -> bool {
        !self.tool.is_empty() && self.stop.is_none()
    }
}

fn parse(data: &str) -> Result<Value, String> {
    serde_json::from_str(data).map_err(|error| format!("no JSON ({error})"))
}
