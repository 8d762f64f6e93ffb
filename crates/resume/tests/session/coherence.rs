//! Downstream is one native stream: one start, continuous indices, one id, merged usage, one end.

use crate::drive::*;
use resume::{Break, Cause, Outcome};

fn names(drive: &Drive) -> Vec<&str> {
    drive.frames.iter().map(|frame| std::str::from_utf8(&frame.name).expect("UTF-8")).collect()
}

fn data(drive: &Drive, at: usize) -> &str {
    std::str::from_utf8(&drive.frames[at].data).expect("UTF-8")
}

#[test]
fn an_open_text_block_goes_on_in_the_continuation() {
    let mut drive = Drive::new(anthropic("claude-haiku-4-5"));
    drive.accept().send(opening("m1") + &text(0, "One")).broke(Break::Reset).pass();
    drive.accept().send(opening("m2") + &text(0, " two") + &closing(5));
    assert_eq!(
        names(&drive),
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
    assert!(data(&drive, 5).contains(r#""output_tokens":6"#), "{}", data(&drive, 5));
}

#[test]
fn a_cut_between_blocks_opens_the_next_index() {
    let mut drive = Drive::new(anthropic("claude-haiku-4-5"));
    drive
        .accept()
        .send(opening("m1") + &text(0, "One.") + &block_stop(0))
        .broke(Break::Reset)
        .pass();
    drive.accept().send(opening("m2") + &text(0, " Two") + &closing(5));
    assert!(drive.complete());
    assert!(data(&drive, 4).contains(r#""index":1"#));
    assert!(data(&drive, 5).contains(r#""index":1"#) && data(&drive, 6).contains(r#""index":1"#));
    assert_eq!(drive.text, "One. Two");
}

#[test]
fn chunks_keep_the_first_id_and_say_the_role_once() {
    let mut drive = Drive::new(chat());
    let part = "The lighthouse keeper climbed the stairs every evening and lit";
    drive.accept().send(chunk("one", r#"{"role":"assistant","content":""}"#, "null"));
    drive
        .send(chunk("one", &format!(r#"{{"content":"{part}"}}"#), "null"))
        .broke(Break::Reset)
        .pass();
    drive.accept().send(chunk("two", r#"{"role":"assistant","content":""}"#, "null"));
    drive.send(chunk("two", r#"{"content":" the lamp and went to bed."}"#, "null"));
    drive.send(chunk("two", "{}", "\"stop\"") + "data: [DONE]\n\n");
    assert!(drive.complete());
    let all: Vec<_> = (0..drive.frames.len()).map(|at| data(&drive, at)).collect();
    assert_eq!(all.iter().filter(|data| data.contains("role")).count(), 1);
    assert!(all.iter().all(|data| !data.contains("\"two\"")));
    assert_eq!(drive.text, format!("{part} the lamp and went to bed."));
}

#[test]
fn the_usage_chunk_is_only_for_those_who_asked() {
    let usage = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1,\"total_tokens\":10}}\n\n";
    let wire = chunk("c", r#"{"content":"Hi"}"#, "null")
        + &chunk("c", "{}", "\"stop\"")
        + usage
        + "data: [DONE]\n\n";
    for asked in [false, true] {
        let option = if asked { r#","stream_options":{"include_usage":true}"# } else { "" };
        let body =
            format!(r#"{{"model":"gpt-5","messages":[{{"role":"user","content":"hi"}}]{option}}}"#);
        let (config, _) = chat();
        let request = protocol::RequestBody::parse(config.profile.wire, body.into()).unwrap();
        let mut drive = Drive::new((config, request));
        assert!(drive.body().contains(r#""include_usage":true"#));
        drive.accept().send(&wire);
        let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!("not complete") };
        assert_eq!(summary.usage().0.output, 1);
        assert_eq!(drive.frames.len(), if asked { 4 } else { 3 });
    }
}

const PART: &str = "The lighthouse keeper climbed the stairs every evening and lit";

/// A session whose consumer wants counts, cut after [`PART`].
fn cut_chat() -> Drive {
    let body = r#"{"model":"gpt-5","messages":[{"role":"user","content":"hi"}],"stream_options":{"include_usage":true}}"#;
    let (config, _) = chat();
    let request =
        protocol::RequestBody::parse(config.profile.wire, body.into()).expect("a valid body");
    let mut drive = Drive::new((config, request));
    drive.accept().send(chunk("one", &format!(r#"{{"content":"{PART}"}}"#), "null"));
    drive.broke(Break::Reset).pass();
    drive.accept();
    drive
}

/// Output tokens of the attempts before the last one.
fn earlier(drive: &Drive) -> u64 {
    let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!("not complete") };
    let (_, before) = summary.attempts.split_last().expect("attempts");
    before.iter().map(|attempt| attempt.usage.output_total().expect("a sum")).sum()
}

/// What a chat server of this usage says in the end, whole and at every split of the bytes.
#[track_caller]
fn check_chat_usage(usage: impl Fn(u64) -> String) {
    let counts = |added| {
        format!(
            r#"{{"id":"one","object":"chat.completion.chunk","choices":[],"usage":{}}}"#,
            usage(added)
        )
    };
    let wire = chunk("one", r#"{"content":" the lamp."}"#, "null")
        + &chunk("one", "{}", "\"stop\"")
        + &format!("data: {}\n\ndata: [DONE]\n\n", counts(0));
    for at in 0..wire.len() {
        let mut drive = cut_chat();
        let (head, tail) = wire.as_bytes().split_at(at);
        drive.send(head).send(tail);
        let added = earlier(&drive);
        assert!(added > 0);
        assert_eq!(data(&drive, drive.frames.len() - 2), counts(added), "split at {at}");
    }
}

#[test]
fn the_last_chat_count_keeps_its_meaning_where_reasoning_is_apart() {
    check_chat_usage(|added| {
        let (output, total) = (5 + added, 35 + added);
        format!(
            r#"{{"prompt_tokens":10,"completion_tokens":{output},"total_tokens":{total},"completion_tokens_details":{{"reasoning_tokens":20}}}}"#
        )
    });
}

#[test]
fn the_last_chat_count_keeps_its_audio() {
    check_chat_usage(|added| {
        let (output, total) = (20 + added, 30 + added);
        format!(
            r#"{{"total_tokens":{total},"completion_tokens_details":{{"audio_tokens":8}},"prompt_tokens":10,"completion_tokens":{output}}}"#
        )
    });
}

#[test]
fn the_last_count_leaves_compaction_out_at_every_split() {
    let counts = |added: u64| {
        let output = 100 + added;
        format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"end_turn"}},"usage":{{"output_tokens":{output},"iterations":[{{"type":"compaction","output_tokens":350}},{{"type":"message","output_tokens":100}}]}}}}"#
        )
    };
    let wire = opening("m2")
        + &text(0, " two")
        + &block_stop(0)
        + &event("message_delta", &counts(0))
        + &message_stop();
    for at in 0..wire.len() {
        let mut drive = Drive::new(anthropic("claude-haiku-4-5"));
        drive.accept().send(opening("m1") + &text(0, "One")).broke(Break::Reset).pass();
        let (head, tail) = wire.as_bytes().split_at(at);
        drive.accept().send(head).send(tail);
        let added = earlier(&drive);
        assert!(added > 0);
        assert_eq!(data(&drive, 5), counts(added), "split at {at}");
    }
}

#[test]
fn audio_of_an_earlier_attempt_is_in_the_last_count() {
    let counts = |output: u64| {
        format!(
            r#"{{"completion_tokens":{output},"completion_tokens_details":{{"audio_tokens":8}}}}"#
        )
    };
    let said = |output| {
        let delta = format!(r#"{{"content":"{PART}"}}"#);
        let choices = format!(r#""choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]"#);
        format!("data: {{\"id\":\"one\",{choices},\"usage\":{}}}\n\n", counts(output))
    };
    let (config, request) = chat();
    let mut drive = Drive::new((config.clone(), request));
    drive.accept().send(said(400)).broke(Break::Reset).pass();
    let mut next = Drive::resume(config, &drive.records);
    let stop = r#""choices":[{"index":0,"delta":{},"finish_reason":"stop"}]"#;
    let last = |output| format!("{{\"id\":\"one\",{stop},\"usage\":{}}}", counts(output));
    for drive in [&mut drive, &mut next] {
        drive.accept().send(chunk("one", r#"{"content":" the lamp."}"#, "null"));
        drive.send(format!("data: {}\n\ndata: [DONE]\n\n", last(20)));
        assert!(drive.complete());
        assert_eq!(data(drive, drive.frames.len() - 2), last(420));
    }
}

#[test]
fn counts_after_the_stop_reason_are_those_of_the_whole_response() {
    let counts = |output: u64| {
        let delta = r#"{"index":0,"delta":{"role":"assistant","content":""}}"#;
        format!(r#"{{"id":"one","choices":[{delta}],"usage":{{"completion_tokens":{output}}}}}"#)
    };
    let mut drive = cut_chat();
    drive.send(chunk("one", r#"{"role":"assistant","content":" the lamp."}"#, "null"));
    drive.send(chunk("one", "{}", "\"stop\""));
    drive.send(format!("data: {}\n\ndata: [DONE]\n\n", counts(5)));
    assert!(drive.complete());
    let expected = counts(5 + earlier(&drive)).replace(r#""role":"assistant","#, "");
    assert_eq!(data(&drive, drive.frames.len() - 2), expected);
}

#[test]
fn a_tool_call_is_held_until_the_model_stops() {
    let mut drive = Drive::new(anthropic("claude-opus-5"));
    let tool = block_start(1, r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#);
    drive.accept().send(opening("m") + &text(0, "Let me look.") + &block_stop(0) + &tool);
    drive.send(delta(1, r#"{"type":"input_json_delta","partial_json":"{}"}"#) + &block_stop(1));
    assert_eq!(drive.frames.len(), 4, "the text is there at once");
    drive.send(message_delta("tool_use", 9) + &message_stop());
    assert!(drive.complete());
    assert_eq!(drive.frames.len(), 9);
}

#[test]
fn a_cut_inside_a_tool_call_goes_on_after_the_text() {
    let mut drive = Drive::new(anthropic("claude-haiku-4-5"));
    let tool = |index| block_start(index, r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#);
    drive
        .accept()
        .send(opening("m1") + &text(0, "Let me look.") + &block_stop(0) + &tool(1))
        .broke(Break::Reset)
        .pass();
    assert!(drive.body().contains("Let me look.") && !drive.body().contains("tool_use"));
    drive.accept().send(
        message_start("m2")
            + &tool(0)
            + &block_stop(0)
            + &message_delta("tool_use", 9)
            + &message_stop(),
    );
    assert!(drive.complete());
    assert!(data(&drive, 4).contains(r#""index":1"#), "{}", data(&drive, 4));
    assert_eq!(names(&drive).iter().filter(|name| **name == "content_block_start").count(), 2);
}

#[test]
fn thinking_of_a_continuation_is_not_forwarded() {
    let thinking = block_start(0, r#"{"type":"thinking","thinking":""}"#);
    let thought =
        |text: &str| delta(0, &format!(r#"{{"type":"thinking_delta","thinking":"{text}"}}"#));
    let mut drive = Drive::new(anthropic("claude-haiku-4-5"));
    drive
        .accept()
        .send(message_start("m1") + &thinking + &thought("hm"))
        .broke(Break::Reset)
        .pass();
    drive.accept().send(message_start("m2") + &thinking + &thought("again") + &block_stop(0));
    drive.send(
        text_start(1)
            + &text(1, "Yes")
            + &block_stop(1)
            + &message_delta("end_turn", 5)
            + &message_stop(),
    );
    assert!(drive.complete());
    assert_eq!(
        names(&drive),
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
    assert!(data(&drive, 3).contains(r#""index":0"#) && data(&drive, 4).contains(r#""index":1"#));
    assert!(!data(&drive, 2).contains("again"));
}

#[test]
fn a_second_message_start_is_a_restart() {
    let mut drive = Drive::new(anthropic("claude-haiku-4-5"));
    drive.accept().send(opening("m1") + &text(0, "One") + &message_start("m2"));
    assert!(
        drive
            .states
            .iter()
            .any(|s| matches!(s, resume::State::Disconnected { cause: Cause::Restarted, .. }))
    );
}

#[test]
fn unknown_events_pass_untouched() {
    let mut drive = Drive::new(anthropic("claude-opus-5"));
    let odd = event("brand_new", r#"{"type":"brand_new","x":[1, 2]}"#);
    drive.accept().send(opening("m") + &text(0, "Hi") + &odd + &closing(1));
    assert!(drive.complete());
    assert_eq!(data(&drive, 3), r#"{"type":"brand_new","x":[1, 2]}"#);
}

#[test]
fn an_id_that_was_never_shown_is_never_used() {
    let mut drive = Drive::new(chat());
    let part = "The lighthouse keeper climbed the stairs every evening and lit";
    drive.accept().send(chunk("lost", r#"{"role":"assistant","content":""}"#, "null"));
    drive.broke(Break::Reset).pass();
    drive.accept().send(chunk("one", &format!(r#"{{"content":"{part}"}}"#), "null"));
    drive.broke(Break::Reset).pass();
    drive.accept().send(chunk("two", r#"{"content":" the lamp and went to bed."}"#, "null"));
    assert!(data(&drive, 1).contains(r#""id":"one""#), "{}", data(&drive, 1));
}

#[test]
fn a_role_with_another_id_is_a_restart_and_a_repeated_role_is_not() {
    let mut drive = Drive::new(chat());
    drive.accept().send(chunk("one", r#"{"role":"assistant","content":"Hello"}"#, "null"));
    drive.send(chunk("one", r#"{"role":"assistant","content":" there"}"#, "null"));
    assert_eq!(drive.text, "Hello there");
    drive.send(chunk("two", r#"{"role":"assistant","content":"Hello"}"#, "null"));
    assert_eq!(drive.text, "Hello there");
    assert!(
        drive
            .states
            .iter()
            .any(|s| matches!(s, resume::State::Disconnected { cause: Cause::Restarted, .. }))
    );
}

#[test]
fn a_server_that_gives_every_chunk_its_own_id_costs_two_attempts_to_learn() {
    let mut drive = Drive::new(chat());
    let word = |id: &str, word: &str| {
        chunk(id, &format!(r#"{{"role":"assistant","content":"{word}"}}"#), "null")
    };
    drive.accept().send(word("1", "One") + &word("2", " two")).pass();
    assert_eq!(drive.text, "One");
    drive.accept().send(word("3", "One") + &word("4", " two")).pass();
    drive.accept().send(word("5", "One") + &word("6", " two") + &word("7", " three"));
    drive.send(chunk("8", "{}", "\"stop\"") + "data: [DONE]\n\n");
    assert!(drive.complete());
    assert_eq!(drive.text, "One two three");
}

#[test]
fn text_in_the_opening_of_a_block_is_text() {
    let part = "The lighthouse keeper climbed the stairs every evening and";
    let opening = |words: &str| block_start(0, &format!(r#"{{"type":"text","text":"{words}"}}"#));
    let mut drive = Drive::new(anthropic("claude-haiku-4-5"));
    drive.accept().send(message_start("m1") + &opening(part) + &text(0, " lit")).end().pass();
    assert_eq!(drive.text, format!("{part} lit"));
    drive.accept().send(message_start("m2") + &opening(" the") + &text(0, " lamp.") + &closing(4));
    assert!(drive.complete());
    assert_eq!(drive.text, format!("{part} lit the lamp."));
    assert_eq!(names(&drive).iter().filter(|name| **name == "content_block_start").count(), 1);
    assert_eq!(resume::Checkpoint::fold(&drive.records).unwrap().text(), drive.text);
}

#[test]
fn a_stop_reason_beside_thinking_is_heard_in_a_continuation() {
    let part = "The lighthouse keeper climbed the stairs every evening and lit";
    let mut drive = Drive::new(chat());
    drive.accept().send(chunk("one", &format!(r#"{{"content":"{part}"}}"#), "null")).end().pass();
    drive.accept().send(chunk("two", r#"{"reasoning_content":"hm"}"#, "\"length\""));
    drive.send("data: [DONE]\n\n");
    assert!(drive.complete());
    let last = data(&drive, drive.frames.len() - 2);
    assert!(last.contains("length") && !last.contains("hm"), "{last}");
}

#[test]
fn an_empty_id_is_no_id() {
    let part = "The lighthouse keeper climbed the stairs every evening and lit";
    let mut drive = Drive::new(chat());
    drive.accept().send(chunk("", r#"{"role":"assistant","content":""}"#, "null"));
    drive.send(chunk("one", &format!(r#"{{"content":"{part}"}}"#), "null")).end().pass();
    drive.accept().send(chunk("two", r#"{"content":" the lamp and went to bed."}"#, "null"));
    assert!(data(&drive, 2).contains(r#""id":"one""#), "{}", data(&drive, 2));
}
