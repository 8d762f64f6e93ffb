//! The events that nearly all are take a shorter way, which must say what all rules say.
//!
//! A space behind the data is meaningless and sends any event the long way, so the two are told
//! apart from outside.

use proptest::prelude::*;
use proptest::sample::Index;
use protocol::{Decoded, Wire, decode};

const ALL: [Wire; 3] = [Wire::AnthropicMessages, Wire::OpenAiChat, Wire::OpenAiResponses];

const EVENTS: [&str; 9] = [
    r#"{"id":"gen-1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"x","reasoning":null}}]}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" frie"}}"#,
    r#"{"type":"content_block_delta","index":12,"delta":{"type":"thinking_delta","thinking":"a\n"}}"#,
    r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#,
    r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1753357673,"model":"m","choices":[{"index":0,"delta":{"content":" frie"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"x7"}"#,
    r#"{"id": "c\u0031", "created": 1, "choices": [{"delta": {"content": "é", "role": null}, "index": 1}], "service_tier": "default"}"#,
    r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"x","tool_calls":[{"function":{"arguments":"{"}}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
    r#"{"type":"response.output_text.delta","sequence_number":8,"item_id":"msg_6","output_index":0,"content_index":2,"delta":" frie","logprobs":[],"obfuscation":"x7"}"#,
    r#"{"output_index":1,"delta":"\u00e9","type":"response.output_text.delta","error":null}"#,
];

/// What can take the place of another: values, names, punctuation and what breaks the form.
const PIECES: [&str; 40] = [
    "{",
    "}",
    "[",
    "]",
    "[]",
    ",",
    ":",
    "\"",
    "\\",
    " ",
    "\n",
    "null",
    "true",
    "0",
    "7",
    "01",
    "-1",
    "1.0",
    "1e2",
    "4294967296",
    "18446744073709551616",
    r#""""#,
    r#""x""#,
    r#""\n""#,
    r#""\ud83d""#,
    r#""error""#,
    r#""error":"#,
    r#""type""#,
    r#""index""#,
    r#""delta""#,
    r#""content""#,
    r#""choices""#,
    r#""role""#,
    r#""usage""#,
    r#""id""#,
    r#""text""#,
    r#""finish_reason""#,
    r#""content_index""#,
    r#""refusal":"no""#,
    "é",
];

/// What the event says, by the way that it takes.
fn read<'a>(wire: Wire, name: &str, data: &'a [u8]) -> Option<Decoded<'a>> {
    decode(wire, name.as_bytes(), data).ok()
}

fn check(name: &str, data: &[u8]) -> Result<(), TestCaseError> {
    let spaced = [data, b" "].concat();
    for wire in ALL {
        let (usual, by_all_rules) = (read(wire, name, data), read(wire, name, &spaced));
        prop_assert_eq!(usual, by_all_rules, "{} {}", wire, data.escape_ascii());
    }
    Ok(())
}

#[test]
fn usual_events_say_what_they_say_by_all_rules() {
    for event in EVENTS {
        check("", event.as_bytes()).unwrap();
        check("error", event.as_bytes()).unwrap();
    }
}

/// The start and the end of each token.
fn tokens(data: &str) -> Vec<(usize, usize)> {
    let mut tokens = Vec::new();
    let mut rest = data;
    while let Some(first) = rest.chars().next() {
        let is_end = |(at, c): (usize, char)| at > 0 && c == '"' && !rest[..at].ends_with('\\');
        let length = match first {
            '"' => {
                rest.char_indices().find(|end| is_end(*end)).map_or(rest.len(), |(at, _)| at + 1)
            }
            '0'..='9' | 'a'..='z' => {
                rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len())
            }
            _ => first.len_utf8(),
        };
        let start = data.len() - rest.len();
        tokens.push((start, start + length));
        rest = &rest[length..];
    }
    tokens
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn events_with_other_tokens_say_what_they_say_by_all_rules(
        event in prop::sample::select(&EVENTS[..]),
        changes in prop::collection::vec((any::<Index>(), prop::sample::select(&PIECES[..]), any::<bool>()), 0..4),
        name in prop::sample::select(vec!["", "error", "ping"]),
    ) {
        let mut data = event.to_owned();
        for (at, piece, inserted) in changes {
            let tokens = tokens(&data);
            let (start, end) = tokens[at.index(tokens.len())];
            data.replace_range(start..if inserted { start } else { end }, piece);
        }
        check(name, data.as_bytes())?;
    }

    #[test]
    fn events_with_members_moved_or_twice_say_what_they_say_by_all_rules(
        event in prop::sample::select(&EVENTS[..]),
        moves in prop::collection::vec((any::<Index>(), any::<Index>(), any::<Index>()), 1..4),
    ) {
        let mut data = event.to_owned();
        for (from, to, into) in moves {
            // Pieces between commas: members, or what shows a form that is none.
            let parts: Vec<&str> = data.split(',').collect();
            let (from, to) = (from.index(parts.len()), to.index(parts.len()));
            let (low, high) = (from.min(to), from.max(to));
            let taken = parts[low..=high].join(",");
            let mut parts: Vec<&str> = parts;
            parts.insert(into.index(parts.len() + 1), &taken);
            data = parts.join(",");
            data.truncate(data.floor_char_boundary(2_000));
        }
        check("", data.as_bytes())?;
    }

    #[test]
    fn events_with_other_bytes_say_what_they_say_by_all_rules(
        event in prop::sample::select(&EVENTS[..]),
        at in any::<Index>(),
        byte in any::<u8>(),
    ) {
        let mut data = event.as_bytes().to_vec();
        let at = at.index(data.len());
        data[at] = byte;
        check("", &data)?;
        data.truncate(at);
        check("", &data)?;
    }
}
