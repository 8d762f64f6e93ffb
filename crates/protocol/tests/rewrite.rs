//! A rewritten event says the new values and is otherwise the event that it was.

use proptest::prelude::*;
use protocol::{Decoded, Rewrite, Spans, Wire, decode, rewrite};

const CHUNK: &str = r#"{"id":"c1", "created" : 17,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"old \"x\""},"finish_reason":null}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5},"x":"\"id\":\"no\""}"#;
const DELTA: &str = r#"{"type":"content_block_delta","index": 0 ,"delta":{"type":"text_delta","text":"old"},"x":1.0}"#;

fn read(wire: Wire, data: &[u8]) -> Decoded<'_> {
    decode(wire, b"", data).expect("an event")
}

#[track_caller]
fn check(wire: Wire, data: &str, edits: &Rewrite<'_>, expected: &str) {
    let spans = read(wire, data.as_bytes()).spans;
    let changed = rewrite(data.as_bytes(), &spans, edits);
    assert_eq!(String::from_utf8_lossy(&changed), expected);
}

#[test]
fn nothing_to_change_changes_nothing() {
    check(Wire::OpenAiChat, CHUNK, &Rewrite::default(), CHUNK);
}

#[test]
fn an_end_is_taken_back_in_place() {
    let (stops, open) = (CHUNK.replace("null", "\"length\""), CHUNK);
    let edits = Rewrite { drop_stop: true, ..Rewrite::default() };
    check(Wire::OpenAiChat, &stops, &edits, open);
    check(Wire::OpenAiChat, open, &edits, open);
}

#[test]
fn every_value_of_a_chunk_changes_in_place() {
    let edits = Rewrite {
        id: Some("c\"2"),
        created: Some(99),
        model: Some("other"),
        index: Some(1),
        text: Some("new\n"),
        drop_role: true,
        output_added: 38,
        ..Rewrite::default()
    };
    let expected = r#"{"id":"c\"2", "created" : 99,"model":"other","choices":[{"index":1,"delta":{"content":"new\n"},"finish_reason":null}],"usage":{"prompt_tokens":3,"completion_tokens":40,"total_tokens":43},"x":"\"id\":\"no\""}"#;
    check(Wire::OpenAiChat, CHUNK, &edits, expected);
}

#[test]
fn the_role_goes_with_its_comma_wherever_it_stands() {
    let edits = Rewrite { drop_role: true, ..Rewrite::default() };
    for (delta, expected) in [
        (r#"{"role":"assistant"}"#, "{}"),
        (r#"{ "role" : "assistant" , "content":"a"}"#, r#"{ "content":"a"}"#),
        (r#"{"content":"a" , "role":"assistant" }"#, r#"{"content":"a" }"#),
        (r#"{"a":1,"role":"assistant","b":{"role":2}}"#, r#"{"a":1,"b":{"role":2}}"#),
        (r#"{"content":"\"role\":1"}"#, r#"{"content":"\"role\":1"}"#),
        (r#"{"role":null,"content":""}"#, r#"{"role":null,"content":""}"#),
    ] {
        let chunk = |delta: &str| format!(r#"{{"choices":[{{"delta":{delta}}}]}}"#);
        check(Wire::OpenAiChat, &chunk(delta), &edits, &chunk(expected));
    }
}

#[test]
fn output_tokens_of_the_messages_wire() {
    let edits = Rewrite { output_added: 2, ..Rewrite::default() };
    check(
        Wire::AnthropicMessages,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5,"total_tokens":6}}"#,
        &edits,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7,"total_tokens":6}}"#,
    );
    let start =
        r#"{"type":"message_start","message":{"id":"a","model":"b","usage":{"output_tokens":1}}}"#;
    let edits = Rewrite { id: Some("c"), model: Some("d"), ..edits };
    let expected =
        r#"{"type":"message_start","message":{"id":"c","model":"d","usage":{"output_tokens":3}}}"#;
    check(Wire::AnthropicMessages, start, &edits, expected);
}

/// Adds to a usage object and compares all of its bytes.
#[track_caller]
fn check_counts(wire: Wire, usage: &str, added: u64, expected: &str) {
    let event = |usage: &str| match wire {
        Wire::OpenAiChat => format!(r#"{{"choices":[],"usage":{usage},"x":1.50}}"#),
        _ => format!(r#"{{"type":"message_delta","delta":{{}}, "usage":{usage},"x":1.50}}"#),
    };
    let edits = Rewrite { output_added: added, ..Rewrite::default() };
    check(wire, &event(usage), &edits, &event(expected));
}

#[test]
fn a_count_keeps_its_meaning_where_reasoning_is_counted_apart() {
    check_counts(
        Wire::OpenAiChat,
        r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":35,"completion_tokens_details":{"reasoning_tokens":20}}"#,
        7,
        r#"{"prompt_tokens":10,"completion_tokens":12,"total_tokens":42,"completion_tokens_details":{"reasoning_tokens":20}}"#,
    );
}

#[test]
fn audio_output_stays_in_the_count() {
    check_counts(
        Wire::OpenAiChat,
        r#"{"completion_tokens_details":{"audio_tokens":8}, "total_tokens":30,"completion_tokens": 20,"prompt_tokens":10}"#,
        7,
        r#"{"completion_tokens_details":{"audio_tokens":8}, "total_tokens":37,"completion_tokens": 27,"prompt_tokens":10}"#,
    );
}

#[test]
fn compaction_does_not_come_into_a_count_that_leaves_it_out() {
    check_counts(
        Wire::AnthropicMessages,
        r#"{"input_tokens":23,"output_tokens":100,"iterations":[{"type":"compaction","output_tokens":350},{"type":"message","output_tokens":100}]}"#,
        7,
        r#"{"input_tokens":23,"output_tokens":107,"iterations":[{"type":"compaction","output_tokens":350},{"type":"message","output_tokens":100}]}"#,
    );
}

#[test]
fn counts_that_are_none_stay_and_sums_do_not_wrap() {
    for odd in ["null", r#""12""#, "1.5", "-4", "1e400", "18446744073709551616", "[1]"] {
        let usage = format!(r#"{{"output_tokens":{odd},"input_tokens":1}}"#);
        check_counts(Wire::AnthropicMessages, &usage, 7, &usage);
        let usage =
            |total| format!(r#"{{"completion_tokens":{odd},"total_tokens":{total},"n":{odd}}}"#);
        check_counts(Wire::OpenAiChat, &usage(9), 7, &usage(16));
        let usage = |output| format!(r#"{{"completion_tokens":{output},"total_tokens":{odd}}}"#);
        check_counts(Wire::OpenAiChat, &usage(9), 7, &usage(16));
    }
    let usage =
        |output, total| format!(r#"{{"completion_tokens":{output},"total_tokens":{total}}}"#);
    let most = "18446744073709551615";
    check_counts(Wire::OpenAiChat, &usage(most, "5"), 7, &usage(most, "12"));
    check_counts(Wire::OpenAiChat, &usage("5", "9.0"), u64::MAX, &usage(most, most));
    check_counts(Wire::OpenAiChat, &usage("20.0", "3e1"), 7, &usage("27", "37"));
    check_counts(Wire::OpenAiChat, &usage("20.0", "3e1"), 0, &usage("20.0", "3e1"));
}

#[test]
fn first_words_of_a_block_are_replaced() {
    let edits = Rewrite { text: Some("a\n"), index: Some(4), ..Rewrite::default() };
    for (block, expected) in [
        (r#"{"type":"text","text":"Hello"}"#, r#"{"type":"text","text":"a\n"}"#),
        (r#"{"thinking":"hm","type":"thinking"}"#, r#"{"thinking":"a\n","type":"thinking"}"#),
        (r#"{"type":"text","text":""}"#, r#"{"type":"text","text":""}"#),
    ] {
        let start = |index: u32, block: &str| {
            format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#)
        };
        check(Wire::AnthropicMessages, &start(0, block), &edits, &start(4, expected));
    }
}

#[test]
fn a_list_of_parts_becomes_a_string() {
    let edits = Rewrite { text: Some("a\n"), ..Rewrite::default() };
    for (content, expected) in [
        (r#"[{"type":"text","text":"x"},{"type":"text","text":"y"}]"#, r#""a\n""#),
        (r#"[ {"type":"thinking"}, {"type":"text","text":"y"} ]"#, r#""a\n""#),
        (r#"[{"type":"thinking"}]"#, r#"[{"type":"thinking"}]"#),
    ] {
        let chunk = |content: &str| {
            format!(r#"{{"choices":[{{"index":0,"delta":{{"content":{content},"x":1}}}}]}}"#)
        };
        check(Wire::OpenAiChat, &chunk(content), &edits, &chunk(expected));
    }
}

#[test]
fn edits_without_a_span_are_left_out() {
    let edits = Rewrite { id: Some("x"), output_added: 1, drop_role: true, ..Rewrite::default() };
    check(Wire::AnthropicMessages, DELTA, &edits, DELTA);
}

#[test]
fn invalid_utf8_around_an_edit_stays() {
    let data = b"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"\xff\"}}";
    let spans = read(Wire::AnthropicMessages, data).spans;
    let edits = Rewrite { index: Some(12), ..Rewrite::default() };
    let expected = b"{\"type\":\"content_block_delta\",\"index\":12,\"delta\":{\"type\":\"text_delta\",\"text\":\"\xff\"}}";
    assert_eq!(rewrite(data, &spans, &edits), expected);
}

#[test]
fn spans_of_another_event_never_panic() {
    let spans: Spans = read(Wire::OpenAiChat, CHUNK.as_bytes()).spans;
    let edits = Rewrite { id: Some("x"), text: Some("y"), output_added: 3, ..Rewrite::default() };
    for len in 0..CHUNK.len() {
        let _ = rewrite(&CHUNK.as_bytes()[..len], &spans, &edits);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rewritten_event_says_the_new_values(
        text in ".{1,12}",
        index in any::<u32>(),
        id in "[a-z\"\\\\é]{0,8}",
    ) {
        let edits = Rewrite { text: Some(&text), index: Some(index), id: Some(&id), ..Rewrite::default() };
        for (wire, data) in [(Wire::OpenAiChat, CHUNK), (Wire::AnthropicMessages, DELTA)] {
            let before = read(wire, data.as_bytes());
            let changed = rewrite(data.as_bytes(), &before.spans, &edits);
            let after = read(wire, &changed);
            let delta = after.delta.clone().expect("a delta");
            prop_assert_eq!(&*delta.text, text.as_bytes());
            prop_assert_eq!(delta.index, index);
            prop_assert_eq!(after.id.as_deref(), before.id.as_ref().map(|_| id.as_str()));
            prop_assert_eq!((after.usage, after.created, after.stop), (before.usage, before.created, before.stop));
            let back = Rewrite {
                text: Some(std::str::from_utf8(&before.delta.as_ref().expect("a delta").text).expect("UTF-8")),
                index: Some(0),
                id: before.id.as_deref(),
                ..Rewrite::default()
            };
            prop_assert_eq!(rewrite(&changed, &after.spans, &back), data.as_bytes());
        }
    }

    #[test]
    fn all_tokens_grow_by_what_is_added(
        (input, output, beyond) in (0..9_000u64, 0..9_000u64, 0..900u64),
        (reasoning, spoken) in (0..9_000u64, 0..9_000u64),
        added in 0..9_000u64,
    ) {
        let total = input + output + beyond;
        let chunk = format!(
            r#"{{"choices":[],"usage":{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{total},"completion_tokens_details":{{"reasoning_tokens":{reasoning},"audio_tokens":{spoken}}}}}}}"#
        );
        let before = read(Wire::OpenAiChat, chunk.as_bytes());
        let edits = Rewrite { output_added: added, ..Rewrite::default() };
        let changed = rewrite(chunk.as_bytes(), &before.spans, &edits);
        let after = read(Wire::OpenAiChat, &changed);
        let all = |event: &Decoded<'_>| {
            let usage = event.usage.expect("counts");
            usage.input_total().expect("a sum") + usage.output_total().expect("a sum")
        };
        prop_assert_eq!(all(&after), all(&before) + added);
    }
}

#[test]
fn a_reason_to_stop_becomes_that_of_a_stop_sequence() {
    let edits = |wire: Wire| Rewrite {
        stop: wire.stop_at_sequence().map(|(word, _)| word),
        stop_sequence: Some("E\"ND"),
        ..Rewrite::default()
    };
    let wire = Wire::AnthropicMessages;
    check(
        wire,
        r#"{"type":"message_delta","delta":{"stop_reason": "end_turn","stop_sequence":null},"x":1}"#,
        &edits(wire),
        r#"{"type":"message_delta","delta":{"stop_reason": "stop_sequence","stop_sequence":"E\"ND"},"x":1}"#,
    );
    let wire = Wire::OpenAiChat;
    let changed = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"stop":1}"#;
    check(wire, &changed.replace(r#""stop"}"#, r#""length"}"#), &edits(wire), changed);
    for wire in [Wire::AnthropicMessages, Wire::OpenAiChat] {
        let (word, reason) = wire.stop_at_sequence().expect("it has stop sequences");
        let event = match wire {
            Wire::AnthropicMessages => {
                format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"{word}"}}}}"#)
            }
            _ => format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{word}"}}]}}"#),
        };
        assert_eq!(read(wire, event.as_bytes()).stop, Some(reason));
    }
    assert_eq!(Wire::OpenAiResponses.stop_at_sequence(), None);
}
