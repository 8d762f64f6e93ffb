//! A batch that is killed, stopped, torn or cannot write: what the same command does next.

use serde_json::json;
use std::fs;
use std::path::PathBuf;

use super::{Batch, id, ids, in_order, per_prompt, prompt};

/// Kills the command when so many jobs are finished and four more are in the middle.
#[track_caller]
fn check_kill_9(wire: &str, finished: usize) {
    let script = match finished {
        0 => "stall@60*4".to_owned(),
        n => format!("ok*{n},stall@60*4"),
    };
    let batch = Batch::new(10, in_order(&script));
    let flags = ["--concurrency", "4", "--protocol", wire];
    let process = batch.start(&flags);
    let partial = |n: usize| {
        let text = fs::read(batch.out().join(format!("{}.txt", id(n)))).unwrap_or_default();
        !text.is_empty() && text.len() < batch.config.text_for(&prompt(n)).len()
    };
    let lines = || fs::read_to_string(batch.out().join("results.jsonl")).unwrap_or_default();
    while lines().lines().count() < finished || (0..10).filter(|n| partial(*n)).count() < 4 {
        std::thread::yield_now();
    }
    process.signal("KILL");
    assert_eq!(process.finish(Vec::new()).status, None, "killed by a signal");
    let before = batch.finished();
    assert_eq!(before.len(), finished);
    let shown: Vec<_> = (0..10).map(|n| fs::read(batch.out().join(id(n) + ".txt")).ok()).collect();
    let run = batch.run(&flags);
    run.assert_status(0);
    batch.assert_texts(10);
    assert_eq!(batch.finished(), ids(10));
    for (n, shown) in shown.iter().enumerate() {
        let whole = batch.text(n).into_bytes();
        assert!(shown.iter().all(|shown| whole.starts_with(shown)), "job {n}");
        let cut = shown.is_some() && !before.contains(&id(n));
        assert_eq!(batch.requests(n), if cut { 2 } else { 1 }, "{wire}, job {n}");
    }
    let expected = format!("{} done (4 resumed), {finished} skipped", 10 - finished);
    assert!(run.text().contains(&expected), "{}", run.text());
}

#[test]
fn after_kill_9_the_same_command_asks_only_for_what_is_missing() {
    for finished in [0, 1, 5] {
        check_kill_9("anthropic", finished);
    }
    check_kill_9("openai-chat", 3);
}

#[test]
fn a_signal_pauses_every_job_and_the_same_command_goes_on() {
    let batch = Batch::new(6, in_order("ok,stall@60*2"));
    let process = batch.start(&["--concurrency", "2"]);
    let begun =
        |n: usize| fs::read(batch.out().join(id(n) + ".txt")).is_ok_and(|text| !text.is_empty());
    while !(0..3).all(begun) {
        std::thread::yield_now();
    }
    process.signal("INT");
    let stopped = process.finish(Vec::new());
    stopped.assert_status(75);
    assert!(stopped.stderr.contains("stopped by SIGINT; run the same command"), "{stopped:?}");
    let expected = "6 jobs: 1 done (0 resumed), 0 skipped, 0 failed, 2 cut, 3 left";
    assert!(stopped.text().starts_with(expected), "{}", stopped.text());
    assert_eq!(batch.finished().len(), 1);
    let run = batch.run(&[]);
    run.assert_status(0);
    batch.assert_texts(6);
    assert_eq!(batch.world.ledger().totals.requests, 8);
}

#[test]
fn a_job_that_failed_once_is_gone_on_with_when_its_next_run_is_killed() {
    let batch = Batch::new(1, in_order("400,stall@60"));
    batch.run(&[]).assert_status(1);
    let process = batch.start(&[]);
    while fs::read(batch.out().join("j00.txt")).map_or(true, |text| text.is_empty()) {
        std::thread::yield_now();
    }
    process.signal("KILL");
    assert_eq!(process.finish(Vec::new()).status, None, "killed by a signal");
    let run = batch.run(&[]);
    run.assert_status(0);
    assert!(run.text().contains("(1 resumed)"), "{}", run.text());
    batch.assert_texts(1);
}

#[test]
fn a_directory_that_cannot_be_written_to_stops_the_run() {
    let batch = Batch::new(3, per_prompt(""));
    fs::create_dir_all(batch.out().join("j01.txt")).expect("a directory");
    let run = batch.run(&["--concurrency", "1"]);
    run.assert_status(75);
    assert!(run.stderr.contains("cannot write"), "{}", run.stderr);
    assert!(run.text().contains("1 done (0 resumed), 0 skipped, 0 failed, 1 cut, 1 left"));
    fs::remove_dir(batch.out().join("j01.txt")).expect("an empty directory");
    batch.run(&[]).assert_status(0);
    batch.assert_texts(3);
    assert_eq!(batch.finished(), ids(3));
}

/// The checkpoints of a batch of one job that has not run, and the name of its stream.
fn before_the_first_run() -> (Batch, PathBuf, String) {
    let batch = Batch::new(1, per_prompt(""));
    batch.run(&[]).assert_status(0);
    let job = batch.results()[0]["job"].as_str().expect("a fingerprint").to_owned();
    fs::remove_dir_all(batch.out()).expect("a directory");
    let checkpoints = batch.out().join("checkpoints");
    (batch, checkpoints, format!("j00-{job}"))
}

#[test]
fn a_text_that_was_whole_when_the_process_died_is_not_asked_for_again() {
    let (batch, checkpoints, id) = before_the_first_run();
    let checkpoints = checkpoints.to_str().expect("UTF-8");
    let flags = ["stream", "--id", &id, "--checkpoints", checkpoints, &prompt(0)];
    batch.world.run_at_server(&flags).assert_status(0);
    assert_eq!(batch.requests(0), 2);
    batch.run(&[]).assert_status(0);
    assert_eq!(batch.requests(0), 2);
    batch.assert_text(0);
    let line = &batch.results()[0];
    assert_eq!((&line["ok"], &line["resumed"]), (&json!(true), &json!(true)));
    assert_eq!(line["attempts"], 1);
}

#[test]
fn a_job_of_which_nothing_was_asked_when_the_process_died_is_asked() {
    let (batch, checkpoints, id) = before_the_first_run();
    let store = client::Store::sled(&checkpoints).expect("a store");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let created = runtime.block_on(store.create(&id.parse().expect("an id")));
    drop((created.expect("a stream"), store));
    // The store gives its lock back in the background.
    while client::Store::sled(&checkpoints).is_err() {}
    batch.run(&[]).assert_status(0);
    batch.assert_text(0);
    assert_eq!(batch.results()[0]["resumed"], false);
}

#[test]
fn a_torn_last_line_of_the_results_is_mended() {
    let batch = Batch::new(3, per_prompt(""));
    batch.run(&["--concurrency", "1"]).assert_status(0);
    let path = batch.out().join("results.jsonl");
    let whole = fs::read_to_string(&path).expect("lines");
    fs::write(&path, &whole[..whole.len() - 40]).expect("a file");
    let run = batch.run(&[]);
    run.assert_status(0);
    assert!(run.text().starts_with("3 jobs: 1 done (0 resumed), 2 skipped"), "{}", run.text());
    assert_eq!(batch.finished(), ids(3));
    batch.assert_texts(3);
    assert_eq!((0..3).map(|n| batch.requests(n)).collect::<Vec<_>>(), [1, 1, 2]);
}

#[test]
fn two_runs_at_once_do_not_share_a_directory() {
    let batch = Batch::new(1, in_order("stall@60"));
    let first = batch.start(&[]);
    while fs::read(batch.out().join("j00.txt")).map_or(true, |text| text.is_empty()) {
        std::thread::yield_now();
    }
    let second = batch.run(&[]);
    second.assert_status(1);
    assert!(second.stderr.contains("another run writes to"), "{}", second.stderr);
    first.signal("TERM");
    first.finish(Vec::new()).assert_status(75);
    batch.run(&[]).assert_status(0);
    batch.assert_texts(1);
    assert_eq!(batch.requests(0), 2);
}

#[test]
fn a_store_that_fails_leaves_a_job_that_can_be_gone_on_with() {
    // Its journal is twice as long as a file may be.
    let line = json!({ "id": "a", "prompt": "tell me mock:tokens=4000" }).to_string();
    let batch = Batch::of(&line, per_prompt(""));
    let out = batch.out();
    let arguments = batch.arguments(out.to_str().expect("UTF-8"), &[]);
    let run = batch.world.run_with_small_files(1200, &arguments);
    run.assert_status(75);
    assert!(run.stderr.contains("checkpoint store failed"), "{}", run.stderr);
    let error = &batch.results()[0]["error"];
    assert_eq!((&error["kind"], &error["resumable"]), (&json!("store"), &json!(true)));
    let shown = fs::read_to_string(out.join("a.txt")).expect("a text");
    assert!(!shown.is_empty());
    batch.run(&[]).assert_status(0);
    let whole = fs::read_to_string(out.join("a.txt")).expect("a text");
    assert!(whole.starts_with(&shown) && whole.len() > shown.len());
    assert_eq!(batch.results()[1]["resumed"], true);
}
