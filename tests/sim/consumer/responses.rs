//! Rules of the Responses wire: dense numbers, items and parts one after the other, each opened
//! and done once, and everything that is repeated whole equal to its pieces.

use serde_json::Value;

use super::{Consumer, parse};

/// The output as far as it was told.
#[derive(Debug)]
pub(super) struct Items {
    /// The number of the next event.
    next: u64,
    /// Whether the events have numbers.
    numbered: Option<bool>,
    items: Vec<Item>,
}

#[derive(Debug)]
struct Item {
    id: Value,
    kind: Value,
    parts: Vec<Part>,
    /// The pieces of a call.
    arguments: String,
    done: Option<Value>,
}

#[derive(Debug)]
struct Part {
    list: &'static str,
    index: u64,
    text: String,
    said: bool,
    done: Option<Value>,
}

impl Items {
    pub(super) const fn new() -> Self {
        Self { next: 0, numbered: None, items: Vec::new() }
    }

    fn count(&mut self, event: &Value) -> Result<(), String> {
        let number = event["sequence_number"].as_u64();
        if *self.numbered.get_or_insert(number.is_some()) != number.is_some() {
            return Err("some events have numbers and some have none".to_owned());
        }
        match number {
            Some(number) if number != self.next => {
                return Err(format!("number {number} where {} is due", self.next));
            }
            _ => self.next += 1,
        }
        Ok(())
    }

    fn add(&mut self, event: &Value) -> Result<(), String> {
        let item = &event["item"];
        if event["output_index"] != self.items.len() {
            return Err("an item out of order".to_owned());
        }
        if self.items.iter().any(|other| other.done.is_none() || other.id == item["id"]) {
            return Err("an item opens inside another, or again".to_owned());
        }
        self.items.push(Item {
            id: item["id"].clone(),
            kind: item["type"].clone(),
            parts: Vec::new(),
            arguments: String::new(),
            done: None,
        });
        Ok(())
    }

    fn open(&mut self, event: &Value) -> Result<&mut Item, String> {
        let at = event["output_index"].as_u64().ok_or("no index")?;
        let item = self.items.get_mut(at as usize).ok_or("an item that nothing opened")?;
        let id = event.get("item_id").unwrap_or(&event["item"]["id"]);
        if item.done.is_some() || *id != item.id {
            return Err("an item that is done, or another id".to_owned());
        }
        Ok(item)
    }

    fn check_whole(&self, response: &Value) -> Result<(), String> {
        let listed = response["output"].as_array().ok_or("no list of items")?;
        let done: Vec<_> = self.items.iter().map(|item| item.done.as_ref()).collect();
        if done.iter().any(Option::is_none) {
            return Err("an item is not done".to_owned());
        }
        let same =
            done.len() == listed.len() && done.iter().zip(listed).all(|(a, b)| *a == Some(b));
        if same { Ok(()) } else { Err("the output is not what was done".to_owned()) }
    }
}

impl Item {
    fn add_part(&mut self, list: &'static str, index: u64) -> Result<(), String> {
        let parts = self.parts.iter().filter(|part| part.list == list);
        if parts.count() as u64 != index || self.parts.iter().any(|part| part.done.is_none()) {
            return Err("a part out of order, or inside another".to_owned());
        }
        self.parts.push(Part { list, index, text: String::new(), said: false, done: None });
        Ok(())
    }

    fn part(&mut self, list: &str, index: u64) -> Result<&mut Part, String> {
        let is_it = |part: &&mut Part| part.list == list && part.index == index;
        let part = self.parts.iter_mut().find(is_it).ok_or("a part that nothing opened")?;
        if part.done.is_some() { Err("a part that is done".to_owned()) } else { Ok(part) }
    }

    fn finish(&mut self, item: &Value) -> Result<(), String> {
        if item["type"] != self.kind || item["id"] != self.id {
            return Err("an item became another".to_owned());
        }
        for list in ["summary", "content"] {
            let parts = self.parts.iter().filter(|part| part.list == list);
            let done: Vec<_> = parts.map(|part| part.done.as_ref()).collect();
            let none = Vec::new();
            let listed = item[list].as_array().unwrap_or(&none);
            let same = done.len() == listed.len();
            if !same || !done.iter().zip(listed).all(|(a, b)| *a == Some(b)) {
                return Err(format!("its {list} is not what was done"));
            }
        }
        if item["type"] == "function_call" && item["arguments"] != *self.arguments {
            return Err("the call is not its pieces".to_owned());
        }
        self.done = Some(item.clone());
        Ok(())
    }
}

impl Consumer {
    pub(super) fn take_item(&mut self, data: &str) -> Result<(), String> {
        let event = parse(data)?;
        if self.ended {
            return Err("an event after the end".to_owned());
        }
        self.items.count(&event)?;
        let kind = event["type"].as_str().unwrap_or_default();
        let kind = kind.strip_prefix("response.").ok_or("an event of another kind")?;
        if (kind == "created") != self.id.is_none() {
            return Err("the stream has one start".to_owned());
        }
        if let Some(response) = event.get("response") {
            let id = response["id"].to_string();
            if self.id.get_or_insert_with(|| id.clone()) != &id || response["created_at"] != 17 {
                return Err("an event of another response".to_owned());
            }
        }
        match kind {
            "created" | "in_progress" => Ok(()),
            "output_item.added" => self.items.add(&event),
            "output_item.done" => self.items.open(&event)?.finish(&event["item"]),
            "completed" | "incomplete" => self.end(&event["response"]),
            "function_call_arguments.delta" => {
                let piece = event["delta"].as_str().ok_or("no piece")?;
                self.items.open(&event)?.arguments.push_str(piece);
                self.tool.push_str(piece);
                Ok(())
            }
            "function_call_arguments.done" => {
                let item = self.items.open(&event)?;
                let same = event["arguments"] != *item.arguments;
                if same { Err("the call is not its pieces".to_owned()) } else { Ok(()) }
            }
            kind => self.take_part(kind, &event),
        }
    }

    fn take_part(&mut self, kind: &str, event: &Value) -> Result<(), String> {
        let (list, index) = match (&event["summary_index"], &event["content_index"]) {
            (Value::Number(index), Value::Null) => ("summary", index.as_u64()),
            (Value::Null, Value::Number(index)) => ("content", index.as_u64()),
            _ => return Err("an event of another kind".to_owned()),
        };
        let (index, item) = (index.ok_or("no index")?, self.items.open(event)?);
        match kind {
            "content_part.added" | "reasoning_summary_part.added" => item.add_part(list, index),
            "output_text.delta" | "reasoning_summary_text.delta" => {
                let part = item.part(list, index)?;
                let piece = event["delta"].as_str().ok_or("no piece")?;
                if part.said {
                    return Err("a piece after the whole".to_owned());
                }
                part.text.push_str(piece);
                if list == "content" {
                    self.text.push_str(piece);
                }
                Ok(())
            }
            "output_text.done" | "reasoning_summary_text.done" => {
                let part = item.part(list, index)?;
                if std::mem::replace(&mut part.said, true) || event["text"] != *part.text {
                    return Err(format!("the whole is not its pieces {:?}", part.text));
                }
                Ok(())
            }
            "content_part.done" | "reasoning_summary_part.done" => {
                let part = item.part(list, index)?;
                if !part.said || event["part"]["text"] != *part.text {
                    return Err(format!("the part is not its pieces {:?}", part.text));
                }
                part.done = Some(event["part"].clone());
                Ok(())
            }
            _ => Err("an event of another kind".to_owned()),
        }
    }

    fn end(&mut self, response: &Value) -> Result<(), String> {
        self.items.check_whole(response)?;
        let reason = match response["status"].as_str() {
            Some("completed") => Some("completed"),
            Some("incomplete") => response["incomplete_details"]["reason"].as_str(),
            _ => return Err("another status".to_owned()),
        };
        self.stop = reason.map(str::to_owned);
        self.output_tokens = response["usage"]["output_tokens"].as_u64();
        self.ended = true;
        Ok(())
    }
}
