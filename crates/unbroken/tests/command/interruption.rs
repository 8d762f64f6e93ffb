//! A stream that is stopped from outside: killed, signalled, or no longer read. What was on
//! stdout and what `resume` adds is the whole text.

use crate::world::{PROMPT, World};

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
