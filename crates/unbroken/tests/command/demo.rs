//! `unbroken demo`: the proof holds where it should, and fails where it should.

use std::fs;

use crate::world::{Finished, Started, World};

fn demo(flags: &[&str]) -> Finished {
    let world = World::with_faults("");
    world.run(&[&["demo", "--pace", "0"], flags].concat())
}

#[track_caller]
fn check_storm(wire: &str) {
    let run = demo(&["--protocol", wire]);
    run.assert_status(0);
    let text = run.text();
    assert!(text.contains(" 0 lost, 0 repeated"), "{text}");
    assert!(text.contains("every byte once, in order"), "{text}");
    assert!(text.matches("--- break ").count() >= 6, "{text}");
    assert!(!text.contains('\x1b'), "no escape codes on a pipe");
    assert_eq!(run.stderr, "");
}

#[test]
fn a_storm_loses_and_repeats_nothing_on_the_messages_wire() {
    check_storm("anthropic");
}

#[test]
fn a_storm_loses_and_repeats_nothing_on_the_chat_wire() {
    check_storm("openai-chat");
}

#[test]
fn the_same_seed_shows_the_same_text() {
    let shown = |seed: &str| {
        let run = demo(&[
            "--seed",
            seed,
            "--faults",
            "rst@5,end@5,utf8@5,chunk@5,html,fin@5",
            "--tokens",
            "90",
        ]);
        run.assert_status(0);
        let lines: Vec<String> = run.text().lines().map(str::to_owned).collect();
        lines.into_iter().filter(|line| line.contains("expected")).collect::<Vec<_>>()
    };
    assert_eq!(shown("3"), shown("3"));
    assert_ne!(shown("3"), shown("4"));
}

#[test]
fn a_storm_that_is_too_small_proves_nothing() {
    let run = demo(&["--faults", "rst@5*9", "--tokens", "60"]);
    run.assert_status(1);
    assert!(run.text().contains("NOT PROVEN: only 1 kinds"), "{}", run.text());
}

#[test]
fn a_stream_that_cannot_end_is_not_proven() {
    let run = demo(&["--faults", "rst@5,end@5,html,503,close,empty,quota", "--tokens", "90"]);
    run.assert_status(1);
    assert!(run.text().contains("NOT PROVEN"), "{}", run.text());
}

/// More kinds than a proof needs, since a worker may be killed before it meets a fault.
const STORM: &str = "rst@30,html,503,utf8@30,close,chunk@30,empty,json@30,end@30,529";

#[track_caller]
fn check_kills(wire: &str) {
    let world = World::with_faults("");
    let scratch = world.home().join("scratch");
    fs::create_dir(&scratch).expect("a home");
    let flags =
        ["demo", "--kill", "--protocol", wire, "--pace", "2ms", "--tokens", "400", "--faults"];
    let mut command = world.command(&[&flags[..], &[STORM]].concat());
    let child = command.env("TMPDIR", &scratch).spawn().expect("the command starts");
    let run = Finished::of(child, Vec::new());
    run.assert_status(0);
    let text = run.text();
    assert!(text.contains(" 0 lost, 0 repeated"), "{text}");
    assert!(text.contains("killed 3 times with SIGKILL"), "{text}");
    assert_eq!(text.matches("--- kill ").count(), 3, "{text}");
    assert!(text.contains("every byte once, in order"), "{text}");
    assert_eq!(run.stderr, "");
    let left = fs::read_dir(&scratch).expect("a directory");
    assert_eq!(left.count(), 0, "nothing is left behind");
}

#[test]
fn killed_workers_lose_and_repeat_nothing_on_the_messages_wire() {
    check_kills("anthropic");
}

#[test]
fn killed_workers_lose_and_repeat_nothing_on_the_chat_wire() {
    check_kills("openai-chat");
}

#[test]
fn a_demo_that_is_stopped_leaves_nothing_behind() {
    for kills in [0, 1, 2] {
        let world = World::with_faults("");
        let scratch = world.home().join("scratch");
        fs::create_dir(&scratch).expect("a home");
        let flags = ["demo", "--kill", "--pace", "2ms", "--tokens", "400", "--faults", "ok"];
        let mut command = world.command(&flags);
        let child = command.env("TMPDIR", &scratch).spawn().expect("the command starts");
        let mut process = Started::from(child);
        let mut shown = String::new();
        // Text comes from a worker that has its checkpoints open.
        while shown.matches("--- kill ").count() < kills || shown.lines().count() < 4 {
            shown.push_str(&process.read_line());
        }
        process.signal("INT");
        let stopped = process.finish(shown.into_bytes());
        stopped.assert_status(1);
        assert!(stopped.stderr.contains("stopped by SIGINT"), "{}", stopped.stderr);
        let left = fs::read_dir(&scratch).expect("a directory");
        assert_eq!(left.count(), 0, "after {kills} kills");
    }
}

#[test]
fn the_stream_stays_in_the_checkpoints_that_are_named() {
    let world = World::with_faults("");
    let (one, other) = (world.home().join("one"), world.home().join("other"));
    for (directory, kill) in [(&one, &[][..]), (&other, &["--kill"][..])] {
        let directory = directory.to_str().unwrap();
        let flags = ["demo", "--pace", "2ms", "--tokens", "400", "--faults", STORM];
        let run = world.run(&[&flags[..], &["--checkpoints", directory], kill].concat());
        run.assert_status(0);
        let stays = run.stderr.strip_prefix("unbroken: stream ").unwrap();
        let id = stays.strip_suffix(" stays in the checkpoints\n").unwrap();
        let verify = world.run(&["streams", "verify", "--checkpoints", directory]);
        verify.assert_status(0);
        assert!(verify.text().starts_with(&format!("{id}\tcomplete\t")), "{}", verify.text());
        let text = world.run(&["streams", "show", "--text", id, "--checkpoints", directory]);
        let expected = format!("{0} expected, {0} received", text.stdout.len());
        assert!(run.text().contains(&expected), "{}", run.text());
    }
}

#[test]
fn a_kill_needs_checkpoints_that_outlive_a_process() {
    let run = demo(&["--kill", "--checkpoints", "memory"]);
    run.assert_status(2);
    assert!(run.stderr.contains("--kill needs --checkpoints"), "{}", run.stderr);
    assert_eq!(run.text(), "");
}
