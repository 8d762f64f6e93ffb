//! What the caller wants: which ways to go on, and when a tool call is shown.

use crate::drive::*;
use cost::{Card, Price, Rates, Service, Timestamp};
use protocol::{Profile, RequestBody};
use resume::{Break, Cause, Config, Outcome, Pricing, Rung, Tools, Ways};
use std::sync::Arc;

const SHORT: &str = "One two";
const LONG: &str = "The lighthouse keeper climbed the stairs every evening and lit";

/// A model on a server of which only these things are known.
fn server(ways: Ways, prefill: bool, deterministic: bool) -> (Config, RequestBody) {
    let (config, request) = anthropic("some-model");
    let form = if prefill { protocol::Prefill::Trailing } else { protocol::Prefill::Never };
    let profile = Profile { prefill: form, deterministic, ..Profile::ANTHROPIC };
    (Config { profile, ways, ..config }, request)
}

/// How a stream goes on that broke behind this text.
fn next(config: (Config, RequestBody), shown: &str) -> Result<Rung, Cause> {
    let mut drive = Drive::new(config);
    drive.accept().send(opening("m1") + &text(0, shown)).broke(Break::Reset);
    if let Some(Outcome::Incomplete { cause, .. }) = drive.outcome {
        return Err(cause);
    }
    drive.pass();
    Ok(drive.requests[1].rung)
}

#[test]
fn each_policy_takes_its_ways() {
    use Rung::{Instruct, Prefill, Replay};
    let ruled_out = Err(Cause::RuledOut);
    for (ways, prefill, deterministic, shown, expected) in [
        (Ways::Any, true, false, LONG, Ok(Prefill)),
        (Ways::Any, false, true, LONG, Ok(Replay)),
        (Ways::Any, false, false, LONG, Ok(Instruct)),
        (Ways::Any, false, false, SHORT, Ok(Replay)),
        (Ways::ExactOnly, true, false, LONG, Ok(Prefill)),
        (Ways::ExactOnly, false, true, LONG, Ok(Replay)),
        (Ways::ExactOnly, false, false, SHORT, Ok(Replay)),
        (Ways::ExactOnly, false, false, LONG, ruled_out.clone()),
        (Ways::NoNewSample, true, false, LONG, ruled_out.clone()),
        (Ways::NoNewSample, true, true, LONG, Ok(Replay)),
        (Ways::NoNewSample, false, false, SHORT, ruled_out.clone()),
        // Without a price the guarantee decides.
        (Ways::Cheapest, false, true, LONG, Ok(Replay)),
        (Ways::Cheapest, true, true, LONG, Ok(Prefill)),
    ] {
        let case = format!("{ways:?}, prefill {prefill}, deterministic {deterministic}, {shown}");
        assert_eq!(next(server(ways, prefill, deterministic), shown), expected, "{case}");
    }
}

#[test]
fn nothing_shown_is_asked_again_by_every_policy() {
    for ways in [Ways::Any, Ways::Cheapest, Ways::ExactOnly, Ways::NoNewSample] {
        assert_eq!(next(server(ways, false, false), ""), Ok(Rung::Retry));
    }
}

/// What the model costs: 3 for input, 15 for output.
pub(crate) fn pricing() -> Pricing {
    let rate = |text: &str| Some(text.parse().expect("a rate"));
    let rates = Rates { input: rate("3"), output: rate("15"), ..Rates::default() };
    let price = Price { standard: Card { rates, over: vec![] }, ..Price::default() };
    Pricing {
        price: Arc::new(price),
        service: Service::Standard,
        region: None,
        began: Timestamp::from_unix(1_800_000_000),
    }
}

/// A stream of so many tokens on a server that gives the same answer again.
fn cheapest_after(tokens: usize) -> Rung {
    let (config, request) = server(Ways::Cheapest, false, true);
    let mut drive = Drive::new((Config { pricing: Some(pricing()), ..config }, request));
    let words: String = (0..tokens).map(|at| text(0, &format!(" word{at}"))).collect();
    drive.accept().send(opening("m1") + &words).broke(Break::Reset).pass();
    drive.requests[1].rung
}

#[test]
fn what_costs_less_is_taken_where_two_ways_serve() {
    // (100 * 3 + 12 * 15) / (15 - 3) = 40 tokens.
    assert_eq!(cheapest_after(40), Rung::Replay);
    assert_eq!(cheapest_after(41), Rung::Instruct);
}

const CALL: &str = r#"{"type":"tool_use","id":"t1","name":"f","input":{}}"#;
const ARGUMENTS: &str = r#"{"type":"input_json_delta","partial_json":"{\"a\":"}"#;

#[test]
fn a_tool_call_that_is_streamed_comes_at_once_and_ends_what_can_be_continued() {
    for tools in [Tools::Held, Tools::Streamed] {
        let (config, request) = anthropic("claude-haiku-4-5");
        let mut drive = Drive::new((Config { tools, ..config }, request));
        let wire = opening("m1") + &text(0, LONG) + &block_stop(0) + &block_start(1, CALL);
        drive.accept().send(wire + &delta(1, ARGUMENTS));
        let shown = drive.frames.iter().any(|frame| frame.data.ends_with(b"}}"));
        let calls = drive.frames.iter().filter(|frame| &*frame.name == b"content_block_start");
        assert_eq!(calls.count(), if tools == Tools::Streamed { 2 } else { 1 });
        assert!(shown);
        drive.broke(Break::Reset);
        match (tools, &drive.outcome) {
            (Tools::Held, None) => {}
            (Tools::Streamed, Some(Outcome::Incomplete { cause, .. })) => {
                assert_eq!(*cause, Cause::NotContinuable);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_whole_answer_with_tools_that_are_streamed_is_unchanged() {
    let (config, request) = anthropic("claude-haiku-4-5");
    let mut drive = Drive::new((Config { tools: Tools::Streamed, ..config }, request));
    let wire = opening("m1") + &text(0, LONG) + &block_stop(0) + &block_start(1, CALL);
    let wire = wire + &delta(1, ARGUMENTS) + &block_stop(1);
    let wire = wire + &message_delta("tool_use", 9) + &message_stop();
    drive.accept().send(&wire);
    assert!(drive.complete());
    let frame = |frame: &resume::Frame| {
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).expect("UTF-8").to_owned();
        event(&text(&frame.name), &text(&frame.data))
    };
    assert_eq!(drive.frames.iter().map(frame).collect::<String>(), wire);
}
