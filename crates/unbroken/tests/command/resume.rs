//! `unbroken resume`: which part of the text it writes, and where it refuses to go.

use serde_json::Value;

use crate::world::{PROMPT, Started, World};

/// A stream that was cut in the middle, and its id.
fn cut() -> (World, String, usize) {
    let world = World::with_faults("end@60");
    let run = world.run_at_server(&["stream", "--max-attempts", "1", PROMPT]);
    run.assert_status(75);
    (world, run.id(), run.stdout.len())
}

#[test]
fn every_byte_to_begin_at_gives_exactly_the_rest() {
    for beyond in [50, 7, 2, 1, 0] {
        let (world, id, had) = cut();
        let from = had - beyond;
        let run = world.run_at_server(&["resume", &id, "--from", &from.to_string()]);
        run.assert_status(0);
        assert_eq!(run.stdout, &world.text().as_bytes()[from..], "from {from}, had {had}");
    }
}

#[test]
fn a_complete_stream_is_printed_without_asking_anyone() {
    let (mut world, id, _) = cut();
    world.run_at_server(&["resume", &id]).assert_status(0);
    world.close_server();
    let whole = world.run(&["resume", &id]);
    whole.assert_status(0);
    assert_eq!(whole.text(), world.text());
    let rest = world.run(&["resume", &id, "--from", "11"]);
    rest.assert_status(0);
    assert_eq!(rest.stdout, &world.text().as_bytes()[11..]);
}

#[test]
fn a_reader_with_more_than_the_checkpoint_gets_no_other_words() {
    for beyond in [1, 2, 50] {
        for form in [&[][..], &["--json"], &["--take-over"]] {
            let (world, id, had) = cut();
            let before = world.ledger().totals.requests;
            let from = (had + beyond).to_string();
            let run = world.run_at_server(&[&["resume", &id, "--from", &from], form].concat());
            run.assert_status(1);
            assert!(run.stderr.contains("ahead of the checkpoint"), "{}", run.stderr);
            assert!(run.stderr.contains(&format!("it has {had} bytes")), "{}", run.stderr);
            assert_eq!(run.text(), "", "{form:?}");
            assert_eq!(world.ledger().totals.requests, before, "nobody is asked");
        }
    }
}

#[test]
fn a_complete_stream_says_why_the_model_stopped() {
    let world = World::with_faults("");
    let flags = ["stream", "--id", "s-1", "--max-tokens", "20", PROMPT];
    let first = world.run_at_server(&flags);
    first.assert_status(0);
    let again = world.run(&["resume", "s-1"]);
    again.assert_status(0);
    assert_eq!(again.text(), first.text());
    assert_eq!(again.stderr, "unbroken: the model stopped at the limit of output tokens\n");
    let json = world.run(&["resume", "s-1", "--json"]);
    let end: Value = serde_json::from_str(json.text().lines().last().unwrap()).unwrap();
    assert_eq!((&end["type"], &end["stop"]), (&"end".into(), &"max-tokens".into()));
}

#[test]
fn a_reader_that_leaves_a_complete_stream_has_the_status_of_any_other() {
    let world = World::with_faults("");
    // More than a pipe holds, so that the command is not done before its reader leaves.
    let prompt = format!("{PROMPT} mock:tokens=40000");
    let flags = ["stream", "--id", "s-1", "--max-tokens", "50000", &prompt];
    world.run_at_server(&flags).assert_status(0);
    for flags in [&["resume", "s-1"][..], &["streams", "export", "s-1"]] {
        let mut process = Started::from(world.command(flags).spawn().unwrap());
        let shown = process.read(100);
        process.close_stdout();
        let ended = process.finish(shown);
        ended.assert_status(75);
        assert_eq!(ended.stderr, "", "without a word");
    }
}

#[test]
fn a_byte_beyond_the_end_is_an_error() {
    let (world, id, _) = cut();
    world.run_at_server(&["resume", &id]).assert_status(0);
    let end = world.text().len();
    for form in [&[][..], &["--json"]] {
        let flags = ["resume", &id, "--from", &(end + 1).to_string()];
        let run = world.run_at_server(&[&flags, form].concat());
        run.assert_status(1);
        assert!(run.stderr.contains(&format!("has {end} bytes")), "{}", run.stderr);
        assert_eq!(run.text(), "", "{form:?}");
    }
    let run = world.run(&["resume", &id, "--from", &end.to_string()]);
    run.assert_status(0);
    assert_eq!(run.text(), "");
}

#[test]
fn json_says_what_was_recovered() {
    let (world, id, had) = cut();
    let run = world.run_at_server(&["resume", &id, "--json"]);
    run.assert_status(0);
    let objects: Vec<Value> =
        run.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects[0]["recovered_bytes"], had);
    assert_eq!(objects[1]["offset"], 0);
    assert_eq!(objects[1]["text"].as_str().map(str::len), Some(had));
    let text: String = objects.iter().filter_map(|object| object["text"].as_str()).collect();
    assert_eq!(text, world.text());
    assert_eq!(objects.last().unwrap()["type"], "end");
}

#[test]
fn a_server_that_no_flag_names_is_not_contacted() {
    let (world, id, _) = cut();
    let before = world.ledger().totals.requests;
    for flags in [&[][..], &["--base-url", "http://127.0.0.1:1"]] {
        let run = world.run(&[&["resume", &id], flags].concat());
        run.assert_status(2);
        let advice = format!("--base-url {}/v1", world.url());
        assert!(run.stderr.contains(&advice), "{}", run.stderr);
    }
    assert_eq!(world.ledger().totals.requests, before);
}

#[test]
fn a_stream_of_another_wire_is_refused() {
    let (world, id, _) = cut();
    let run = world.run_at_server(&["resume", &id, "--protocol", "openai-chat"]);
    run.assert_status(2);
    assert!(run.stderr.contains("openai-chat"), "{}", run.stderr);
}

#[test]
fn an_unknown_stream_is_an_error() {
    let (world, _, _) = cut();
    let run = world.run_at_server(&["resume", "s-nobody"]);
    run.assert_status(1);
    assert!(run.stderr.contains("s-nobody"), "{}", run.stderr);
    assert!(run.stderr.contains("no such stream"), "{}", run.stderr);
    let elsewhere = world.checkpoints().join("not-there");
    let flags = ["resume", "s-nobody", "--checkpoints", elsewhere.to_str().unwrap()];
    let run = world.run_at_server(&flags);
    run.assert_status(1);
    assert!(!elsewhere.exists(), "looking makes no directory");
}

#[test]
fn a_stream_that_another_process_writes_is_left_alone() {
    let world = World::slow();
    let mut process = world.start_at_server(&["stream", "--id", "s-1", PROMPT]);
    let shown = process.read(10);
    let run = world.run_at_server(&["resume", "s-1"]);
    run.assert_status(1);
    assert!(run.stderr.contains("another process has"), "{}", run.stderr);
    assert!(!run.stderr.contains("no such stream"), "{}", run.stderr);
    let over = world.run_at_server(&["resume", "s-1", "--take-over"]);
    over.assert_status(1);
    assert!(over.stderr.contains("--take-over cannot change"), "{}", over.stderr);
    // Streams at the same time do not get into each other's way, and are found again.
    let run = world.run_at_server(&["stream", "--id", "s-2", PROMPT]);
    run.assert_status(0);
    let again = world.run_at_server(&["resume", "s-2"]);
    again.assert_status(0);
    assert_eq!(again.text(), run.text());
    process.signal("INT");
    process.finish(shown).assert_status(75);
    let resumed = world.run_at_server(&["resume", "s-1"]);
    resumed.assert_status(0);
    assert_eq!(resumed.text(), world.text());
}
