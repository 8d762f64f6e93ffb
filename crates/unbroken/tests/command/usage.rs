//! Arguments that make no sense: status 2, a message, and no request.

use crate::world::{PROMPT, World};

#[test]
fn unusable_arguments_are_told_and_nothing_is_asked() {
    let world = World::with_faults("");
    let url = world.url();
    for (arguments, words) in [
        (&[][..], "Usage"),
        (&["stream"], "PROMPT"),
        (&["frobnicate"], "frobnicate"),
        (&["stream", "--idle-timeout", "3", "x"], "the unit is missing"),
        (&["stream", "--idle-timeout", "0s", "x"], "more than zero"),
        (&["stream", "--max-attempts", "0", "x"], "max-attempts"),
        (&["stream", "--protocol", "telepathy", "x"], "telepathy"),
        (&["stream", "--hedge=4", "x"], "1..=3"),
        (&["stream", "--end-turn-after-calls", "x"], "--stream-tools"),
        (&["stream", "--hedge-after", "1s", "x"], "--hedge"),
        (&["stream", "--profile", "nobody", "x"], "nobody"),
        (&["stream", "--base-url", url, "--profile", "vllm", "x"], "--model"),
        (
            &["stream", "--base-url", url, "--profile", "vllm", "--protocol", "anthropic", "x"],
            "vllm",
        ),
        (&["stream", "--base-url", "ftp://host", "x"], "http://"),
        (&["stream", "--base-url", url, "--header", "no colon", "x"], "no colon"),
        (&["stream", "--base-url", url, "--header", "host: x", "x"], "host"),
        (&["stream", "--base-url", url, "--api-key-env", "NOT_SET", "x"], "NOT_SET"),
        (&["stream", "--base-url", url, "--id", "two words", "x"], "--id"),
        (&["stream", "--base-url", url, " "], "empty"),
        (&["stream", "--base-url", url, "-"], "empty"),
        (&["resume"], "ID"),
        (&["resume", "s-1", "--from=-1"], "--from"),
        (&["mock", "--faults", "ok,boom"], "item 2"),
        (&["mock", "--seam", "zigzag"], "--seam"),
        (&["mock", "--api-key-env", "NOT_SET"], "NOT_SET"),
        (&["batch", "--out", "o"], "--jobs"),
        (&["batch", "--jobs", "f"], "--out"),
        (&["batch", "--jobs", "/no/such/file", "--out", "o"], "/no/such/file"),
        (&["batch", "--jobs", "f", "--out", "o", "--concurrency", "0"], "--concurrency"),
        (&["batch", "--jobs", "f", "--out", "o", "--concurrency", "257"], "256"),
        (&["batch", "--jobs", "f", "--out", "o", "--max-failures", "0"], "--max-failures"),
        (&["demo", "--faults", "9999"], "200"),
        (
            &["demo", "--faults", "1..5"],
            "'1..5' for '--faults <N|SCRIPT>': neither a number from 0 to",
        ),
        (&["demo", "--faults", "-5"], "'-5' for '--faults <N|SCRIPT>': neither a number from 0 to"),
        (&["demo", "--faults", "--kill"], "'--kill' for '--faults <N|SCRIPT>'"),
        (&["mock", "--faults", "-1..5"], "item 1"),
        (&["demo", "--tokens", "0"], "--tokens"),
    ] {
        let run = world.run(arguments);
        assert_eq!(run.status, Some(2), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(words), "{arguments:?}: {}", run.stderr);
        assert_eq!(run.text(), "", "{arguments:?}");
    }
    assert_eq!(world.ledger().totals.requests, 0);
}

#[test]
fn help_lists_the_exit_statuses_and_examples() {
    let world = World::with_faults("");
    for command in ["stream", "resume", "streams", "batch", "mock", "demo"] {
        let run = world.run(&[command, "--help"]);
        run.assert_status(0);
        assert!(run.text().contains("Examples:"), "{command}");
        assert!(run.text().contains("  75  "), "{command}");
    }
}

#[test]
fn a_pipe_gets_no_escape_codes() {
    let world = World::with_faults("rst@30,503");
    let run = world.run_at_server(&["stream", "-vv", PROMPT]);
    run.assert_status(0);
    assert_eq!(run.text(), world.text());
    assert!(!run.stderr.contains('\x1b'), "{}", run.stderr);
    assert!(!run.stderr.is_empty());
}
