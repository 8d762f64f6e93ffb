//! What a batch refuses, and what it never writes.

use std::fs;

use super::{Batch, in_order, per_prompt};
use crate::world::{Started, World};

#[test]
fn a_file_with_one_bad_line_is_refused_whole() {
    for (line, words) in [
        ("{", "line 2: not JSON"),
        ("[\"s3cret\"]", "line 2: not a JSON object"),
        ("{\"id\":\"b\",\"prompt\":\"s3cret\",\"stop\":1}", "line 2: unknown field `stop`"),
        ("{\"id\":\"b\",\"prompt\":\"s3cret\",\"max_tokens\":\"s3cret\"}", "line 2: `max_tokens`"),
        ("{\"id\":\"../b\",\"prompt\":\"s3cret\"}", "line 2: `id` has other characters"),
        ("{\"id\":\"/tmp/b\",\"prompt\":\"s3cret\"}", "line 2: `id` has other characters"),
        ("{\"id\":\"..\",\"prompt\":\"s3cret\"}", "line 2: `id` begins with"),
        ("{\"id\":\"\",\"prompt\":\"s3cret\"}", "line 2: `id` is empty"),
        ("{\"id\":\"a\",\"prompt\":\"s3cret\"}", "line 2: `id` a is that of line 1"),
        ("{\"id\":\"A\",\"prompt\":\"s3cret\"}", "line 2: `id` A is that of line 1"),
    ] {
        let lines = format!("{{\"id\":\"a\",\"prompt\":\"p\"}}\n{line}\n");
        let batch = Batch::of(&lines, per_prompt(""));
        let run = batch.run(&[]);
        run.assert_status(2);
        assert!(run.stderr.contains(words), "{line}: {}", run.stderr);
        assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
        assert!(!batch.out().exists());
        assert_eq!(batch.world.ledger().totals.requests, 0);
    }
}

#[test]
fn the_longest_id_is_a_file_and_a_longer_one_is_refused() {
    let longest = "x".repeat(100);
    let line = |id: &str| format!("{{\"id\":\"{id}\",\"prompt\":\"p\"}}");
    let batch = Batch::of(&line(&longest), per_prompt(""));
    batch.run(&[]).assert_status(0);
    let text = fs::read_to_string(batch.out().join(longest.clone() + ".txt")).expect("a text");
    assert_eq!(text, batch.config.text_for("p"));
    let batch = Batch::of(&line(&(longest + "x")), per_prompt(""));
    batch.run(&[]).assert_status(2);
}

#[test]
fn results_that_are_none_are_refused() {
    let batch = Batch::new(1, per_prompt(""));
    fs::create_dir(batch.out()).expect("a directory");
    fs::write(batch.out().join("results.jsonl"), "s3cret\n").expect("a file");
    let run = batch.run(&[]);
    run.assert_status(1);
    assert!(run.stderr.contains("results.jsonl, line 1: not a line"), "{}", run.stderr);
    assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
}

#[test]
fn a_finished_job_is_not_taken_for_another_of_its_name() {
    let batch = Batch::new(1, per_prompt(""));
    batch.run(&[]).assert_status(0);
    fs::write(&batch.jobs, "{\"id\":\"j00\",\"prompt\":\"something else\"}").expect("a file");
    let run = batch.run(&[]);
    run.assert_status(2);
    assert!(run.stderr.contains("job j00 was finished with another prompt"), "{}", run.stderr);
    batch.assert_text(0);
    fs::remove_file(batch.out().join("j00.txt")).expect("a file");
    batch.run(&[]).assert_status(0);
    assert_eq!(batch.text(0), batch.config.text_for("something else"));
}

#[test]
fn no_result_holds_a_key_or_a_prompt() {
    let key = "k3y-value-0123456789";
    let batch = Batch::new(2, in_order("ok,400"));
    let out = batch.out();
    let arguments = batch.arguments(out.to_str().expect("UTF-8"), &["-vv"]);
    let child = batch.world.command(&arguments).env("ANTHROPIC_API_KEY", key).spawn();
    let run = Started::from(child.expect("the command starts")).finish(Vec::new());
    run.assert_status(1);
    let results = fs::read_to_string(out.join("results.jsonl")).expect("lines");
    for text in [&results, &run.stderr, run.text()] {
        assert!(!text.contains(key) && !text.contains("tell me about"), "{text}");
    }
}

#[test]
fn a_job_that_was_cut_at_one_server_is_not_taken_to_another() {
    let batch = Batch::new(1, in_order("end@60"));
    batch.run(&["--max-attempts", "1"]).assert_status(75);
    let other = World::with_faults("");
    let (jobs, out) = (batch.jobs.to_str().expect("UTF-8"), batch.out());
    let out = out.to_str().expect("UTF-8");
    let run = other.run_at_server(&["batch", "--jobs", jobs, "--out", out]);
    run.assert_status(1);
    assert!(run.stderr.contains("made at another server"), "{}", run.stderr);
    assert_eq!(other.ledger().totals.requests, 0);
    batch.run(&[]).assert_status(0);
    batch.assert_texts(1);
    assert_eq!(batch.results().pop().expect("a line")["attempts"], 2);
}
