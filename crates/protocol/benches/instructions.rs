//! How many instructions does a piece of text take? `instructions CASE REPETITIONS` decodes it in
//! blocks and prints how many events a block has: what two numbers of repetitions differ by is the
//! events, each with the loop around it.
//!
//! Without a known case it runs one block of each.

use std::hint::black_box;

use protocol::{Part, Wire, decode};

/// The events of one repetition.
const BLOCK: u32 = 1000;

/// An event that says five bytes of text, as its wire says them.
struct Case {
    name: &'static str,
    wire: Wire,
    event: &'static [u8],
    data: &'static [u8],
}

const CASES: [Case; 6] = [
    Case {
        name: "anthropic",
        wire: Wire::AnthropicMessages,
        event: b"content_block_delta",
        data: br#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" frie"}}"#,
    },
    Case {
        name: "escaped",
        wire: Wire::AnthropicMessages,
        event: b"content_block_delta",
        data: br#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\n\"fri"}}"#,
    },
    Case {
        name: "chat",
        wire: Wire::OpenAiChat,
        event: b"",
        data: br#"{"id":"chatcmpl-BwXXIoIUO3tcmNnX4hYvsN3sPeLtC","object":"chat.completion.chunk","created":1753357673,"model":"gpt-4.1-2025-04-14","service_tier":"default","system_fingerprint":"fp_51e1070cf2","choices":[{"index":0,"delta":{"content":" frie"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"x7Qp"}"#,
    },
    Case {
        name: "spaced",
        wire: Wire::OpenAiChat,
        event: b"",
        data: br#"{"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1753357673, "model": "m", "choices": [{"index": 0, "delta": {"content": " frie"}, "finish_reason": null}]}"#,
    },
    Case {
        name: "role",
        wire: Wire::OpenAiChat,
        event: b"",
        data: br#"{"id":"gen-1","object":"chat.completion.chunk","created":1753357673,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":" frie"},"finish_reason":null}]}"#,
    },
    Case {
        name: "responses",
        wire: Wire::OpenAiResponses,
        event: b"response.output_text.delta",
        data: br#"{"type":"response.output_text.delta","sequence_number":8,"item_id":"msg_67ccd2bf17f0819081ff3bb2cf6508e60bb6a6b452d3795b","output_index":0,"content_index":0,"delta":" frie","logprobs":[],"obfuscation":"x7Qp"}"#,
    },
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let chosen = CASES.iter().find(|case| args.first().is_some_and(|arg| arg == case.name));
    match (chosen, args.get(1).and_then(|repetitions| repetitions.parse::<u32>().ok())) {
        (Some(case), Some(repetitions)) => {
            println!("{BLOCK}");
            case.run(BLOCK * repetitions);
        }
        _ => CASES.iter().for_each(|case| case.run(BLOCK)),
    }
}

impl Case {
    fn run(&self, count: u32) {
        let mut bytes = 0;
        for _ in 0..count {
            let event = decode(self.wire, black_box(self.event), black_box(self.data));
            let said = event.expect("an event").delta.filter(|delta| delta.part == Part::Text);
            bytes += said.map_or(0, |delta| delta.text.len());
        }
        assert_eq!(bytes, 5 * count as usize);
    }
}
