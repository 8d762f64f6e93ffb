//! A stream that is stopped from outside: killed, signalled, or no longer read. What was on
//! stdout and what `resume` adds is the whole text.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::world::{PROMPT, Started, World};

#[track_caller]
fn check_kill_9(wire: &str) {
    for bytes in [1, 2, 3, 40, 80, 120, 150, 200, 300, 400] {
        let world = World::slow();
        let flags = ["stream", "--protocol", wire, "--id", "s-1", PROMPT];
        let mut process = world.start_at_server(&flags);
        let shown = process.read(bytes);
        process.signal("KILL");
        let killed = process.finish(shown);
        assert_eq!(killed.status, None, "killed by a signal");
        let resumed = world.run_at_server(&["resume", "s-1"]);
        resumed.assert_status(0);
        assert_eq!(resumed.text(), world.text(), "{wire} after {bytes} bytes");
        assert!(world.text().as_bytes().starts_with(&killed.stdout), "{wire} {bytes}");
    }
}

#[test]
fn after_kill_9_resume_gives_the_whole_text_on_the_messages_wire() {
    check_kill_9("anthropic");
}

#[test]
fn after_kill_9_resume_gives_the_whole_text_on_the_chat_wire() {
    check_kill_9("openai-chat");
}

#[test]
fn after_kill_9_resume_gives_exactly_the_missing_bytes() {
    let world = World::slow();
    let mut process = world.start_at_server(&["stream", "--id", "s-1", PROMPT]);
    let shown = process.read(200);
    process.signal("KILL");
    let killed = process.finish(shown);
    let from = killed.stdout.len().to_string();
    let rest = world.run_at_server(&["resume", "s-1", "--from", &from]);
    rest.assert_status(0);
    assert_eq!([killed.stdout, rest.stdout].concat(), world.text().as_bytes());
}

#[test]
fn a_signal_pauses_the_stream_and_stderr_says_how_to_go_on() {
    for signal in ["INT", "TERM", "HUP"] {
        let world = World::slow();
        let mut process = world.start_at_server(&["stream", PROMPT]);
        let shown = process.read(200);
        process.signal(signal);
        let stopped = process.finish(shown);
        stopped.assert_status(75);
        let command = format!("unbroken resume {} --base-url {}", stopped.id(), world.url());
        assert!(stopped.stderr.contains(&format!("stopped by SIG{signal}")), "{}", stopped.stderr);
        assert!(stopped.stderr.trim_end().ends_with(&command), "{}", stopped.stderr);
        let from = stopped.stdout.len().to_string();
        let rest = world.run_at_server(&["resume", &stopped.id(), "--from", &from]);
        rest.assert_status(0);
        assert_eq!([stopped.stdout, rest.stdout].concat(), world.text().as_bytes());
    }
}

#[test]
fn a_signal_works_while_nobody_reads_and_the_pipe_is_full() {
    // More than a pipe holds, so that the command must wait for its reader.
    let world = World::with_faults("");
    let prompt = format!("{PROMPT} mock:tokens=40000");
    let mut process = world.start_at_server(&["stream", &prompt]);
    let shown = process.read(1);
    process.signal("INT");
    let stopped = process.finish(shown);
    stopped.assert_status(75);
    assert!(stopped.stderr.contains("stopped by SIGINT"), "{}", stopped.stderr);
}

#[test]
fn a_reader_that_leaves_ends_the_stream_without_a_word() {
    let world = World::slow();
    let mut process = world.start_at_server(&["stream", PROMPT]);
    let shown = process.read(100);
    process.close_stdout();
    let ended = process.finish(shown);
    ended.assert_status(75);
    assert_eq!(ended.stderr.lines().count(), 1, "only the id: {}", ended.stderr);
    let whole = world.run_at_server(&["resume", &ended.id()]);
    whole.assert_status(0);
    assert_eq!(whole.text(), world.text());
}

/// Waits until the command has taken SIGINT over, as Linux tells it.
#[cfg(target_os = "linux")]
fn await_handler(process: &Started) {
    let began = Instant::now();
    let caught = || {
        let status = fs::read_to_string(format!("/proc/{}/status", process.id())).ok()?;
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    };
    const SIGINT: u32 = 2;
    while caught().is_none_or(|mask| mask >> (SIGINT - 1) & 1 == 0) {
        assert!(began.elapsed() < Duration::from_secs(20), "SIGINT ends it without a word");
        std::thread::yield_now();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_before_there_is_a_stream_ends_like_any_other() {
    let world = World::with_faults("");
    let jobs = world.home().join("jobs");
    assert!(Command::new("mkfifo").arg(&jobs).status().unwrap().success());
    let out = world.home().join("out");
    let batch = ["batch", "--jobs", jobs.to_str().unwrap(), "--out", out.to_str().unwrap()];
    for arguments in [&["stream", "-"][..], &batch] {
        let mut command = world.command(&[arguments, &["--base-url", world.url()]].concat());
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let _open = child.stdin.take();
        let process = Started::from(child);
        await_handler(&process);
        process.signal("INT");
        let stopped = process.finish(Vec::new());
        stopped.assert_status(75);
        let told = "unbroken: stopped by SIGINT before anything was asked\n";
        assert_eq!((stopped.text(), stopped.stderr.as_str()), ("", told));
    }
    assert_eq!(world.ledger().totals.requests, 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_while_a_complete_stream_is_printed_says_how_to_print_it() {
    // More than a pipe holds, so that the command must wait for its reader.
    let world = World::with_faults("");
    let prompt = format!("{PROMPT} mock:tokens=40000");
    let flags = ["stream", "--id", "s-1", "--max-tokens", "50000", &prompt];
    world.run_at_server(&flags).assert_status(0);
    let mut process = Started::from(world.command(&["resume", "s-1"]).spawn().unwrap());
    let shown = process.read(1);
    process.signal("INT");
    let stopped = process.finish(shown);
    stopped.assert_status(75);
    let told = "unbroken: stream s-1: stopped by SIGINT; go on with: unbroken resume s-1\n";
    assert_eq!(stopped.stderr, told);
}
