//! What is allocated to decode a piece of text.
//!
//! Counts calls of the allocator, so that a cost that no result shows is seen.

use allocation_counter::measure;
use protocol::{Part, Wire, decode};

const ANTHROPIC: &str =
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"TEXT"}}"#;
const CHAT: &str = r#"{"id":"c","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"TEXT"},"finish_reason":null}],"usage":null}"#;
const ROLES: &str = r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"TEXT"}}]}"#;
const COUNTS: &str = r#"{"id":"c","choices":[{"index":0,"delta":{"content":"TEXT"}}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#;
const RESPONSES: &str = r#"{"type":"response.output_text.delta","sequence_number":8,"item_id":"msg_6","output_index":0,"content_index":0,"delta":"TEXT"}"#;

const ALL: [(Wire, &str); 5] = [
    (Wire::AnthropicMessages, ANTHROPIC),
    (Wire::OpenAiChat, CHAT),
    (Wire::OpenAiChat, ROLES),
    (Wire::OpenAiChat, COUNTS),
    (Wire::OpenAiResponses, RESPONSES),
];

/// Allocations to decode the event in its usual form and with white space that only all rules take.
#[track_caller]
fn check(escaped: &str, text: &str, allocations: u64) {
    for (wire, event) in ALL {
        for event in
            [event.replace("TEXT", escaped), format!(" {} ", event.replace("TEXT", escaped))]
        {
            let counted = measure(|| {
                let delta = decode(wire, b"", event.as_bytes()).expect("an event").delta;
                let delta = delta.expect("a delta");
                assert_eq!((delta.part, &*delta.text), (Part::Text, text.as_bytes()));
            });
            assert_eq!(counted.count_total, allocations, "{event}");
        }
    }
}

#[test]
fn a_piece_of_text_is_lent() {
    check(" frie", " frie", 0);
    check("é, 🙂", "é, 🙂", 0);
}

#[test]
fn a_piece_of_text_with_escapes_allocates_its_own_bytes_alone() {
    check(r#"\n\"x\" \u00e9"#, "\n\"x\" é", 1);
}
