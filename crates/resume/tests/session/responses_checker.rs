//! Judges a stream of the Responses wire by the rules of the API reference alone:
//! <https://platform.openai.com/docs/api-reference/responses-streaming>. Shares no code with what
//! made the stream.

use serde_json::Value;
use std::collections::BTreeMap;

/// What a coherent stream said.
pub(crate) struct Said {
    /// All text of all messages, in the order of its pieces.
    pub(crate) text: String,
    /// The response of the last event.
    pub(crate) response: Value,
}

/// Reads the events of one whole response.
///
/// Panics at the first event that a native stream could not have.
#[track_caller]
pub(crate) fn check(events: &[(String, String)]) -> Said {
    let mut stream = Stream::default();
    for (at, (name, data)) in events.iter().enumerate() {
        let event: Value = serde_json::from_str(data).unwrap_or_else(|_| panic!("JSON: {data}"));
        assert_eq!(event["type"], **name, "the name is the type");
        assert_eq!(event["sequence_number"], at, "numbers are dense: {data}");
        stream.take(name, &event);
    }
    let response = stream.response.expect("the response ends");
    assert!(!stream.text.is_empty() || response["output"].as_array().is_some());
    Said { text: stream.text, response }
}

#[derive(Default)]
struct Stream {
    id: Option<Value>,
    created_at: Value,
    items: Vec<Item>,
    text: String,
    response: Option<Value>,
}

struct Item {
    id: Value,
    kind: String,
    /// By its list and its index.
    parts: BTreeMap<(&'static str, u64), Part>,
    done: Option<Value>,
}

#[derive(Default)]
struct Part {
    text: String,
    said: bool,
    done: Option<Value>,
}

impl Stream {
    fn take(&mut self, name: &str, event: &Value) {
        assert!(self.response.is_none(), "nothing follows the end: {event}");
        if let Some(id) = event.get("response").map(|response| &response["id"]) {
            match &self.id {
                None => assert_eq!(name, "response.created", "it begins with its creation"),
                Some(first) => {
                    assert_ne!(name, "response.created", "it is created once");
                    assert_eq!(id, first, "it keeps its id");
                    assert_eq!(event["response"]["created_at"], self.created_at);
                }
            }
            self.id = Some(id.clone());
            self.created_at = event["response"]["created_at"].clone();
        }
        assert!(self.id.is_some(), "it is created first: {event}");
        match name {
            "response.created" | "response.in_progress" | "response.queued" => {}
            "response.output_item.added" => self.add(event),
            "response.output_item.done" => {
                let item = self.item(event);
                item.finish(&event["item"]);
            }
            "response.completed" | "response.incomplete" => self.end(&event["response"]),
            _ => {
                if event.get("output_index").is_some() {
                    let (list, piece) = self.item(event).take(name, event);
                    if list == "text" {
                        self.text.push_str(&piece);
                    }
                }
            }
        }
    }

    fn add(&mut self, event: &Value) {
        assert_eq!(event["output_index"], self.items.len(), "items come in order: {event}");
        let (id, kind) = (event["item"]["id"].clone(), event["item"]["type"].to_string());
        self.items.push(Item { id, kind, parts: BTreeMap::new(), done: None });
    }

    fn item(&mut self, event: &Value) -> &mut Item {
        let at = event["output_index"].as_u64().expect("an index") as usize;
        let item = self.items.get_mut(at).unwrap_or_else(|| panic!("the item is open: {event}"));
        assert!(item.done.is_none(), "the item is not done: {event}");
        let id = event.get("item_id").unwrap_or(&event["item"]["id"]);
        assert_eq!(*id, item.id, "an item keeps its id: {event}");
        item
    }

    fn end(&mut self, response: &Value) {
        let output = response["output"].as_array().expect("a list of items");
        assert_eq!(output.len(), self.items.len(), "every item is listed: {response}");
        for (item, listed) in self.items.iter().zip(output) {
            assert_eq!(item.done.as_ref(), Some(listed), "as it was when it was done");
        }
        self.response = Some(response.clone());
    }
}

impl Item {
    fn take(&mut self, name: &str, event: &Value) -> (&'static str, String) {
        let summary = event.get("summary_index").and_then(Value::as_u64);
        let content = event.get("content_index").and_then(Value::as_u64);
        let key = match (summary, content) {
            (Some(index), _) => ("summary", index),
            (None, Some(index)) => ("content", index),
            (None, None) => return ("", String::new()),
        };
        if name == "response.content_part.added" || name == "response.reasoning_summary_part.added"
        {
            let next = self.parts.keys().filter(|(list, _)| *list == key.0).count() as u64;
            assert_eq!(key.1, next, "parts come in order: {event}");
            let open = self.parts.values().any(|part| part.done.is_none());
            assert!(!open, "one part is open at a time: {event}");
            let before = self.parts.insert(key, Part::default());
            assert!(before.is_none(), "a part opens once: {event}");
            return ("", String::new());
        }
        let open = "the part is open";
        let part = self.parts.get_mut(&key).unwrap_or_else(|| panic!("{open}: {event}"));
        assert!(part.done.is_none(), "the part is not done: {event}");
        match name.rsplit('.').next() {
            Some("delta") => {
                assert!(!part.said, "no piece follows the whole: {event}");
                let piece = event["delta"].as_str().expect("a piece").to_owned();
                part.text.push_str(&piece);
                let text = name == "response.output_text.delta";
                (if text { "text" } else { "" }, piece)
            }
            Some("done") if event.get("part").is_some() => {
                assert!(part.said, "the text is whole before the part is: {event}");
                let whole = event["part"].get("text").unwrap_or(&event["part"]["refusal"]);
                assert_eq!(*whole, *part.text, "the part is whole");
                part.done = Some(event["part"].clone());
                ("", String::new())
            }
            Some("done") => {
                let whole = event.get("text").unwrap_or(&event["refusal"]);
                assert_eq!(*whole, *part.text, "the text is whole");
                part.said = true;
                ("", String::new())
            }
            _ => ("", String::new()),
        }
    }

    fn finish(&mut self, item: &Value) {
        assert_eq!(item["type"].to_string(), self.kind, "an item keeps its type");
        for list in ["summary", "content"] {
            let done: Vec<&Value> = self
                .parts
                .iter()
                .filter(|((of, _), _)| *of == list)
                .map(|(_, part)| part.done.as_ref().expect("every part is done"))
                .collect();
            let listed: Vec<&Value> =
                item.get(list).and_then(Value::as_array).map_or(Vec::new(), |l| l.iter().collect());
            assert_eq!(listed, done, "the item has its parts: {item}");
        }
        self.done = Some(item.clone());
    }
}
