//! Continuation bodies of arbitrary requests equal the expected documents, and the caller's
//! own bytes around the changes are untouched.

use proptest::prelude::*;
use protocol::{Profile, RequestBody, Wire};
use serde_json::{Value, json};

/// Stands in a written document where its list of messages ends.
const MARK: char = '\u{e000}';

/// Text that is hard on a scanner: quotes, brackets, keys of ours, other scripts.
fn hard_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        " ",
        "\n",
        "\u{1}",
        "é",
        "🎉",
        "한",
        "messages",
        "\"messages\":[",
        "\"max_tokens\":1",
        "role",
        "assistant",
        "content",
        "]}",
        "\\\"",
    ]);
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        hard_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(hard_text(), inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn message() -> impl Strategy<Value = Value> {
    let role = prop::sample::select(vec!["user", "assistant"]);
    let block = hard_text().prop_map(|text| json!({"type": "text", "text": text}));
    let content = prop_oneof![
        hard_text().prop_map(Value::from),
        prop::collection::vec(block, 1..3).prop_map(Value::from),
    ];
    (role, content, any_value())
        .prop_map(|(role, content, x)| json!({"role": role, "content": content, "name": x}))
}

/// A request that streams, and a seed for how it is written.
fn request() -> impl Strategy<Value = (Value, u64)> {
    let messages = prop::collection::vec(message(), 1..4);
    let others = prop::collection::btree_map(hard_text(), any_value(), 0..3);
    let limit = prop::option::of(0u32..100);
    (messages, others, limit, any::<u64>()).prop_map(|(messages, others, limit, seed)| {
        let mut request = json!({"messages": messages, "stream": true, "model": "m"});
        if let Some(limit) = limit {
            request["max_tokens"] = limit.into();
        }
        for (name, value) in others {
            request[format!("x{name}")] = value;
        }
        (request, seed)
    })
}

/// Writes documents in unusual but valid forms, by a seed.
struct Writer {
    seed: u64,
    text: String,
    /// How many objects and arrays are open.
    depth: u32,
}

impl Writer {
    fn write(value: &Value, seed: u64) -> String {
        let mut writer = Self { seed, text: String::new(), depth: 0 };
        writer.value(value, "");
        writer.space();
        writer.text
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.seed >> 33) % below
    }

    fn space(&mut self) {
        let space = ["", "", " ", "\n", "\t\r\n "][self.draw(5) as usize];
        self.text.push_str(space);
    }

    fn string(&mut self, text: &str) {
        let quoted = Value::from(text).to_string();
        match text.chars().next() {
            Some(first) if first.is_ascii_alphabetic() && self.draw(3) == 0 => {
                self.text.push_str(&format!("\"\\u{:04x}{}", first as u32, &quoted[2..]));
            }
            _ => self.text.push_str(&quoted),
        }
    }

    fn value(&mut self, value: &Value, name: &str) {
        self.space();
        match value {
            Value::Array(items) => {
                self.text.push('[');
                self.list(items.iter().map(|item| (None, item)).collect());
                if self.depth == 1 && name == "messages" {
                    self.text.push(MARK);
                }
                self.text.push(']');
            }
            Value::Object(members) => {
                let mut members: Vec<_> =
                    members.iter().map(|(name, value)| (Some(name.as_str()), value)).collect();
                let turn = self.draw(members.len().max(1) as u64) as usize;
                members.rotate_left(turn);
                self.text.push('{');
                self.list(members);
                self.text.push('}');
            }
            Value::String(text) => self.string(text),
            other => self.text.push_str(&other.to_string()),
        }
    }

    fn list(&mut self, items: Vec<(Option<&str>, &Value)>) {
        self.depth += 1;
        for (position, (name, value)) in items.into_iter().enumerate() {
            if position > 0 {
                self.text.push(',');
            }
            self.space();
            if let Some(name) = name {
                self.string(name);
                self.space();
                self.text.push(':');
            }
            self.value(value, name.unwrap_or_default());
            self.space();
        }
        self.depth -= 1;
    }
}

/// The document that a continuation must equal, made on the tree.
fn expected(
    request: &Value,
    wire: Wire,
    partial: &str,
    instruction: Option<&str>,
    spent: u64,
) -> Value {
    let content = |text: &str| match wire {
        Wire::AnthropicMessages => json!([{"type": "text", "text": text}]),
        _ => json!(text),
    };
    let mut request = request.clone();
    if let Some(limit) = request["max_tokens"].as_u64() {
        // A count above the limit is wrong; then four bytes count as a token.
        let spent = if spent > limit { partial.len() as u64 / 4 } else { spent };
        request["max_tokens"] = limit.saturating_sub(spent).max(1.min(limit)).into();
    }
    let messages = request["messages"].as_array_mut().expect("messages");
    let last = messages.last_mut().expect("a message");
    if last["role"] == "assistant" {
        let text = match &mut last["content"] {
            Value::Array(blocks) => &mut blocks.last_mut().expect("a block")["text"],
            text => text,
        };
        *text = format!("{}{partial}", text.as_str().expect("text")).into();
    } else {
        messages.push(json!({"role": "assistant", "content": content(partial)}));
    }
    if let Some(instruction) = instruction {
        messages.push(json!({"role": "user", "content": content(instruction)}));
    }
    request
}

fn wires() -> impl Strategy<Value = (Wire, Profile)> {
    // Neither profile adds parameters of its own.
    prop::sample::select(vec![
        (Wire::AnthropicMessages, Profile::ANTHROPIC),
        (Wire::OpenAiChat, Profile { usage: protocol::UsageRequest::Unasked, ..Profile::OPENAI }),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn continuations_equal_the_expected_documents(
        (request, seed) in request(),
        (wire, profile) in wires(),
        partial in hard_text().prop_map(|text| format!("p{text}")),
        instruction in hard_text(),
        spent in 0u64..120,
    ) {
        let written = Writer::write(&request, seed).replace(MARK, "");
        prop_assert_eq!(&serde_json::from_str::<Value>(&written).expect("valid"), &request);
        let body = RequestBody::parse(wire, written.into()).expect("a request");
        let sent = body.prefill(&profile, &partial, spent);
        let sent: Value = serde_json::from_slice(&sent).expect("valid");
        prop_assert_eq!(sent, expected(&request, wire, &partial, None, spent));
        let sent = body.instruct(&profile, &partial, &instruction, spent);
        let sent: Value = serde_json::from_slice(&sent).expect("valid");
        prop_assert_eq!(sent, expected(&request, wire, &partial, Some(&instruction), spent));
    }

    #[test]
    fn the_callers_bytes_stay(
        (request, seed) in request(),
        (wire, profile) in wires(),
        partial in hard_text().prop_map(|text| format!("p{text}")),
    ) {
        let mut request = request;
        let messages = request["messages"].as_array_mut().expect("messages");
        messages.push(json!({"role": "user", "content": "last"}));
        let written = Writer::write(&request, seed);
        let at = written.find(MARK).expect("a mark");
        let written = written.replacen(MARK, "", 1);
        let body = RequestBody::parse(wire, written.clone().into()).expect("a request");
        prop_assert_eq!(body.initial(&profile), written.as_bytes());
        let sent = body.prefill(&profile, &partial, 0);
        prop_assert!(sent.starts_with(&written.as_bytes()[..at]));
        prop_assert!(sent.ends_with(&written.as_bytes()[at..]));
        prop_assert!(sent.len() > written.len());
    }

    #[test]
    fn arbitrary_bodies_never_panic(body in prop::collection::vec(any::<u8>(), 0..80)) {
        for wire in Wire::all().iter().copied() {
            if let Ok(body) = RequestBody::parse(wire, body.clone().into()) {
                let _ = body.instruct(&Profile::for_wire(wire), "a", "b", 1);
            }
        }
    }

    #[test]
    fn damaged_bodies_never_panic((request, seed) in request(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut written = Writer::write(&request, seed).into_bytes();
        let at = at.index(written.len());
        written[at] = byte;
        if let Ok(body) = RequestBody::parse(Wire::OpenAiChat, written.into()) {
            for profile in Profile::all() {
                let _ = body.prefill(profile, "a", 1);
                let _ = body.instruct(profile, "a", "b", 1);
            }
        }
    }
}
