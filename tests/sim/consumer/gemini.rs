//! Rules of Gemini's wire: the stop reason is the end, and an answer has one id.

use super::{Consumer, parse};

impl Consumer {
    pub(super) fn take_candidate(&mut self, data: &str) -> Result<(), String> {
        if self.ended {
            return Err("an event after the end".to_owned());
        }
        let event = parse(data)?;
        let id = event["responseId"].to_string();
        if self.id.get_or_insert_with(|| id.clone()) != &id {
            return Err("a chunk of another response".to_owned());
        }
        let [candidate] = event["candidates"].as_array().map_or(&[][..], Vec::as_slice) else {
            return Err("a chunk has one candidate".to_owned());
        };
        let content = &candidate["content"];
        if content["role"] != "model" || candidate["index"] != 0 {
            return Err("somebody else speaks".to_owned());
        }
        for part in content["parts"].as_array().ok_or("no parts")? {
            if !part["functionCall"].is_null() {
                self.tool.push_str(&part["functionCall"]["args"].to_string());
            } else if part["thought"] != true {
                self.text.push_str(part["text"].as_str().ok_or("a part without text")?);
            }
        }
        self.output_tokens = event["usageMetadata"]["candidatesTokenCount"].as_u64();
        self.stop = candidate["finishReason"].as_str().map(str::to_owned);
        self.ended = self.stop.is_some();
        Ok(())
    }
}
