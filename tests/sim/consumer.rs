//! The application: it takes one native stream of its wire and nothing else.
//!
//! One start, continuous block indices, each block opened and closed once and in order, one
//! id, one stop, one end. It parses every event as a strict client would.

mod chat;
mod gemini;
mod messages;
mod responses;

use protocol::Wire;
use serde_json::Value;

use crate::store::Delivery;
use crate::stream::TOOL_PIECES;
use responses::Items;

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
    /// The output of the Responses wire.
    items: Items,
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
            items: Items::new(),
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
            Wire::OpenAiChat => self.take_chunk(data),
            Wire::OpenAiResponses => self.take_item(data),
            Wire::Gemini => self.take_candidate(data),
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
        let is_same = match self.wire {
            // Its calls come as values, whose spelling is nobody's.
            Wire::Gemini if calls => parse(&call) == parse(&self.tool),
            _ => self.tool == call,
        };
        if !is_same {
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
