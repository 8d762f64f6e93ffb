//! `unbroken stream`: what is on stdout and on stderr when all goes well in the end.

use mock_provider::{Config, Seam};
use serde_json::Value;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::world::{PROMPT, Started, World, faults};

fn json(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect()
}

#[track_caller]
fn check_breaks(wire: &str) {
    // Each attempt brings enough to count as progress, so that no wait grows long.
    let script = "rst@90,end@90,utf8@90,html,chunk@90,429:ms=50,json@90,error@90";
    let (faults, seam) = (faults(script), Seam::Echo);
    let world = World::new(Config { faults, seam, tokens: 700, ..Config::default() });
    let run = world.run_at_server(&["stream", "--protocol", wire, PROMPT]);
    run.assert_status(0);
    assert_eq!(run.text(), world.text(), "{wire}");
    assert_eq!(world.ledger().totals.requests, 9, "{wire}");
}

#[test]
fn breaks_leave_no_mark_on_the_text_of_the_messages_wire() {
    check_breaks("anthropic");
}

#[test]
fn breaks_leave_no_mark_on_the_text_of_the_chat_wire() {
    check_breaks("openai-chat");
}

#[test]
fn stderr_names_the_stream_first_and_then_each_break() {
    let world = World::with_faults("rst@30");
    let run = world.run_at_server(&["stream", PROMPT]);
    run.assert_status(0);
    assert!(run.id().starts_with("s-"), "{}", run.stderr);
    let lines: Vec<_> = run.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{}", run.stderr);
    assert!(lines[1].starts_with("unbroken: at byte "), "{}", lines[1]);
    assert!(lines[1].contains("; prefill after "), "{}", lines[1]);
}

#[test]
fn the_caller_may_name_the_stream_once() {
    let world = World::with_faults("");
    let run = world.run_at_server(&["stream", "--id", "my.stream", PROMPT]);
    run.assert_status(0);
    assert_eq!(run.id(), "my.stream");
    let again = world.run_at_server(&["stream", "--id", "my.stream", PROMPT]);
    again.assert_status(1);
    assert!(again.stderr.contains("unbroken resume my.stream"), "{}", again.stderr);
    assert_eq!(world.ledger().totals.requests, 1);
}

#[test]
fn a_dash_reads_the_prompt_from_stdin() {
    let world = World::with_faults("");
    let arguments = ["stream", "--base-url", world.url(), "-"];
    let child = world.command(&arguments).stdin(Stdio::piped()).spawn().unwrap();
    let mut process = Started::from(child);
    process.write_stdin(PROMPT);
    let run = process.finish(Vec::new());
    run.assert_status(0);
    assert_eq!(run.text(), world.text());
}

#[test]
fn system_model_and_limit_reach_the_provider() {
    let world = World::with_faults("");
    let flags = ["--system", "Be brief", "--model", "some-model", "--max-tokens", "4000"];
    let run = world.run_at_server(&[&["stream"], &flags[..], &[PROMPT]].concat());
    run.assert_status(0);
    let ledger = world.ledger();
    assert_eq!(ledger.requests[0].model, "some-model");
    assert_eq!(ledger.requests[0].max_tokens, Some(4000));
    assert_eq!(ledger.requests[0].prompt, PROMPT);
}

#[test]
fn json_has_the_text_the_breaks_and_the_account() {
    let world = World::with_faults("rst@30,429:ms=50");
    let run = world.run_at_server(&["stream", "--json", PROMPT]);
    run.assert_status(0);
    let objects = json(run.text());
    assert_eq!(objects[0]["type"], "start");
    assert_eq!(objects[0]["id"], run.id());
    assert_eq!(objects[0]["recovered_bytes"], 0);
    let text: Vec<&Value> = objects.iter().filter(|object| object["type"] == "text").collect();
    let joined: String = text.iter().filter_map(|object| object["text"].as_str()).collect();
    assert_eq!(joined, world.text());
    let last = text.last().expect("there is text");
    let end = last["offset"].as_u64().unwrap() + last["text"].as_str().unwrap().len() as u64;
    assert_eq!(end, world.text().len() as u64);
    let breaks = objects.iter().filter(|object| object["state"] == "disconnected").count();
    assert_eq!(breaks, 2);
    assert_eq!(objects.iter().filter(|object| object["type"] == "seam").count(), 1);
    let end = objects.last().expect("there is an end");
    assert_eq!(end["type"], "end");
    assert_eq!(end["stop"], "end-turn");
    assert_eq!(end["attempts"].as_array().map(Vec::len), Some(3));
    assert_eq!(end["text_bytes"], world.text().len());
    assert!(end["usage"]["output"].as_u64() > Some(0), "{end}");
    assert_eq!(run.stderr.lines().count(), 1, "breaks are told once: {}", run.stderr);
}

#[test]
fn a_server_that_asks_for_two_seconds_gets_them_and_not_four() {
    let world = World::with_faults("429:2");
    let began = Instant::now();
    let run = world.run_at_server(&["stream", PROMPT]);
    let took = began.elapsed();
    run.assert_status(0);
    assert_eq!(run.text(), world.text());
    assert!(took >= Duration::from_secs(2), "{took:?}");
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[test]
fn each_clock_notices_its_own_kind_of_silence() {
    for (script, flag) in [
        ("silent", "--first-token-timeout"),
        ("pings@20", "--idle-timeout"),
        ("stall@20", "--byte-timeout"),
    ] {
        let world = World::with_faults(script);
        let began = Instant::now();
        let run = world.run_at_server(&["stream", flag, "300ms", PROMPT]);
        run.assert_status(0);
        assert_eq!(run.text(), world.text(), "{script}");
        assert!(began.elapsed() < Duration::from_secs(10), "{script}: {:?}", began.elapsed());
    }
}

#[test]
fn a_checkpoint_in_memory_leaves_nothing_on_disk() {
    let world = World::with_faults("rst@30");
    let run = world.run_at_server(&["stream", "--checkpoints", "memory", PROMPT]);
    run.assert_status(0);
    assert_eq!(run.text(), world.text());
    assert!(!world.checkpoints().exists());
}

#[test]
#[cfg(unix)]
fn the_directory_of_the_checkpoints_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::with_faults("");
    world.run_at_server(&["stream", PROMPT]).assert_status(0);
    let mode = std::fs::metadata(world.checkpoints()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
