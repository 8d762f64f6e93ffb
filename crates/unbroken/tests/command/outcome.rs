//! How `unbroken stream` ends when the provider does not finish: the status, what stderr
//! says, and never a truncated text as a success.

use serde_json::Value;

use crate::world::{Finished, PROMPT, WIRES, World};

#[test]
fn a_cut_that_may_not_be_mended_is_incomplete() {
    for wire in WIRES {
        for script in ["end@20", "rst@20", "utf8@20", "html", "json200", "empty", "503", "close"] {
            let world = World::with_faults(script);
            let flags = ["stream", "--protocol", wire, "--max-attempts", "1", PROMPT];
            let run = world.run_at_server(&flags);
            run.assert_status(75);
            assert!(world.text().starts_with(run.text()), "{wire} {script}");
            assert!(run.text().len() < world.text().len(), "{wire} {script}");
            let command = format!("unbroken resume {} --base-url {}", run.id(), world.url());
            assert!(run.stderr.trim_end().ends_with(&command), "{script}: {}", run.stderr);
            assert_eq!(world.ledger().totals.requests, 1, "{wire} {script}");
        }
    }
}

#[test]
fn the_deadline_ends_a_stream_that_can_be_resumed() {
    let world = World::with_faults("stall@20");
    let run = world.run_at_server(&["stream", "--deadline", "400ms", PROMPT]);
    run.assert_status(75);
    assert!(run.stderr.contains("deadline"), "{}", run.stderr);
    let rest = world.run_at_server(&["resume", &run.id()]);
    rest.assert_status(0);
    assert_eq!(rest.text(), world.text());
}

#[test]
fn a_failure_that_waiting_cannot_mend_ends_at_once() {
    for wire in WIRES {
        for script in ["quota", "400", "401", "404"] {
            let world = World::with_faults(script);
            let run = world.run_at_server(&["stream", "--protocol", wire, PROMPT]);
            run.assert_status(1);
            assert_eq!(run.text(), "");
            assert!(run.stderr.contains("request refused"), "{script}: {}", run.stderr);
            assert_eq!(world.ledger().totals.requests, 1, "{wire} {script}");
        }
    }
}

#[test]
fn json_ends_with_the_error_and_how_to_go_on() {
    let world = World::with_faults("end@20");
    let run = world.run_at_server(&["stream", "--json", "--max-attempts", "1", PROMPT]);
    run.assert_status(75);
    let last: Value = serde_json::from_str(run.text().lines().last().unwrap()).unwrap();
    assert_eq!(last["type"], "error");
    assert_eq!(last["kind"], "incomplete");
    assert_eq!(last["id"], run.id());
    let command = format!("unbroken resume {} --base-url {}", run.id(), world.url());
    assert_eq!(last["resume"], command.as_str());
    assert_eq!(last["attempts"].as_array().map(Vec::len), Some(1));
}

#[test]
fn json_says_that_a_refused_request_cannot_be_resumed() {
    let world = World::with_faults("quota");
    let run = world.run_at_server(&["stream", "--json", PROMPT]);
    run.assert_status(1);
    let last: Value = serde_json::from_str(run.text().lines().last().unwrap()).unwrap();
    assert_eq!((&last["type"], &last["kind"]), (&"error".into(), &"refused".into()));
    assert_eq!(last["resume"], Value::Null);
}

#[test]
fn what_was_in_memory_cannot_be_resumed_and_says_so() {
    let world = World::with_faults("end@20");
    let flags = ["stream", "--checkpoints", "memory", "--max-attempts", "1", PROMPT];
    let run = world.run_at_server(&flags);
    run.assert_status(75);
    assert!(run.stderr.contains("was in memory and is gone"), "{}", run.stderr);
    assert!(!run.stderr.contains("unbroken resume"), "{}", run.stderr);
}

#[test]
fn a_store_that_fails_leaves_a_stream_that_can_be_resumed() {
    let world = World::with_faults("");
    // Its journal is twice as long as a file may be.
    let prompt = format!("{PROMPT} mock:tokens=4000");
    let run = world.run_with_small_files(1200, &["stream", &prompt]);
    run.assert_status(75);
    assert!(run.stderr.contains("checkpoint store failed"), "{}", run.stderr);
    let command = format!("unbroken resume {} --base-url {}", run.id(), world.url());
    assert!(run.stderr.trim_end().ends_with(&command), "{}", run.stderr);
    let rest = world.run_at_server(&["resume", &run.id()]);
    rest.assert_status(0);
    assert!(rest.text().starts_with(run.text()));
    assert!(rest.text().len() > run.text().len());
}

#[test]
fn a_header_is_not_in_the_checkpoint_and_stderr_says_so() {
    let world = World::with_faults("end@20");
    let flags = ["stream", "--header", "X-Jwt: s3cret", "--max-attempts", "1", PROMPT];
    let run = world.run_at_server(&flags);
    run.assert_status(75);
    assert!(run.stderr.contains("and the same --header flags"), "{}", run.stderr);
    assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_takes_no_more_is_told_as_such() {
    let full = || std::fs::File::options().write(true).open("/dev/full").expect("Linux has one");
    let world = World::with_faults("");
    world.run_at_server(&["stream", "--id", "s-1", PROMPT]).assert_status(0);
    for (arguments, status) in [
        (&["stream", "--id", "s-2", PROMPT, "--base-url", world.url()][..], 75),
        (&["resume", "s-1"], 75),
        (&["resume", "s-1", "--json"], 75),
        (&["streams"], 1),
        (&["streams", "export", "--all"], 1),
        (&["streams", "verify"], 1),
    ] {
        let run = Finished::of(
            world.command(arguments).stdout(full()).spawn().expect("the command starts"),
            Vec::new(),
        );
        run.assert_status(status);
        assert!(run.stderr.contains("cannot write the output"), "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stderr.contains("go on with: "), status == 75, "{}", run.stderr);
    }
}
