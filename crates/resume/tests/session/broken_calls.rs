//! A stream that breaks behind whole calls of tools, where the caller wants the turn to end there.

use crate::drive::*;
use protocol::StopReason;
use resume::{Break, BrokenCalls, Cause, Checkpoint, Config, Outcome, Tools};

fn drive(broken_calls: BrokenCalls, tools: Tools) -> Drive {
    let (config, request) = anthropic("claude-opus-5");
    let mut drive = Drive::new((Config { tools, broken_calls, ..config }, request));
    drive.accept().send(opening("m") + &text(0, "Let me look. ") + &block_stop(0));
    drive
}

fn call(index: u32) -> String {
    let tool = format!(r#"{{"type":"tool_use","id":"toolu_{index}","name":"look","input":{{}}}}"#);
    block_start(index, &tool) + &delta(index, r#"{"type":"input_json_delta","partial_json":"{}"}"#)
}

fn cause(drive: &Drive) -> &Cause {
    match &drive.outcome {
        Some(Outcome::Incomplete { cause, .. }) => cause,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_turn_ends_behind_whole_calls_only_where_the_caller_wants_it() {
    let whole = call(1) + &block_stop(1) + &call(2) + &block_stop(2);
    let mut honest = drive(BrokenCalls::Incomplete, Tools::Streamed);
    honest.send(&whole).broke(Break::Reset);
    assert_eq!(*cause(&honest), Cause::NotContinuable);

    let mut ended = drive(BrokenCalls::EndTurn, Tools::Streamed);
    ended.send(&whole).broke(Break::Reset);
    assert!(ended.complete(), "{:?}", ended.outcome);
    let summary = ended.outcome.as_ref().unwrap().summary();
    assert!(summary.own_end && !summary.sentinel_missing);
    assert_eq!(summary.stop, Some(StopReason::ToolUse));
    assert_eq!(summary.attempts[0].cause, Some(Cause::Broke(Break::Reset)), "the break is told");
    let [.., stop, end] = ended.frames.as_slice() else { panic!("an end") };
    assert_eq!((&stop.name[..], &end.name[..]), (&b"message_delta"[..], &b"message_stop"[..]));
    let stop = protocol::decode(protocol::Wire::AnthropicMessages, &stop.name, &stop.data).unwrap();
    assert!(stop.usage.is_some_and(|usage| usage.output > 0), "an estimate");
    assert_eq!(ended.requests.len(), 1);
}

#[test]
fn what_is_not_whole_is_never_ended() {
    let text_behind = call(1) + &block_stop(1) + &text_start(2) + &text(2, "And");
    let server_tool =
        block_start(1, r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{}}"#);
    for events in [call(1), call(1) + &block_stop(1) + &call(2), text_behind] {
        let mut drive = drive(BrokenCalls::EndTurn, Tools::Streamed);
        drive.send(events).broke(Break::Reset);
        assert_eq!(*cause(&drive), Cause::NotContinuable);
    }
    let mut mixed = drive(BrokenCalls::EndTurn, Tools::Streamed);
    let calls = call(2) + &block_stop(2);
    mixed.send(server_tool + &block_stop(1) + &calls).broke(Break::Reset);
    assert_eq!(*cause(&mixed), Cause::NotContinuable, "what the server ran is no call");
}

#[test]
fn calls_that_are_held_are_left_out_as_ever() {
    let mut drive = drive(BrokenCalls::EndTurn, Tools::Held);
    drive.send(call(1) + &block_stop(1)).broke(Break::Reset);
    assert!(drive.outcome.is_none(), "it goes on behind the text");
}

#[test]
fn a_cancelled_turn_is_not_ended() {
    let mut drive = drive(BrokenCalls::EndTurn, Tools::Streamed);
    drive.send(call(1) + &block_stop(1)).input(resume::Input::Cancel);
    assert_eq!(*cause(&drive), Cause::Cancelled);
}

#[test]
fn another_process_knows_whose_end_it_is() {
    let mut ended = drive(BrokenCalls::EndTurn, Tools::Streamed);
    ended.send(call(1) + &block_stop(1)).broke(Break::Reset);
    let (config, _) = anthropic("claude-opus-5");
    for end in 1..=ended.records.len() {
        let records = &ended.records[..end];
        let stop = Checkpoint::fold(records).unwrap().stop();
        let resumed = Drive::resume(config.clone(), records);
        let summary = resumed.outcome.as_ref().map(Outcome::summary);
        assert_eq!(summary.is_some_and(|summary| summary.own_end), stop.is_some(), "{end}");
    }
}
