//! `unbroken demo`: the proof holds where it should, and fails where it should.

use crate::world::{Finished, World};

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
