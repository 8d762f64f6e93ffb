//! Checkpoints on a Redis server: what one process leaves another goes on with, and of two that
//! want a stream one gets it.

use serde_json::Value;
use std::fs;

use crate::redis_server::RedisServer;
use crate::world::{PROMPT, World, faults};
use mock_provider::Config;

#[test]
fn a_stream_that_is_held_is_left_alone_until_it_is_to_be_taken_over() {
    let (world, redis) = (World::slow(), RedisServer::start(&[]));
    let url = redis.url();
    let flags = ["stream", "--id", "s-1", "--checkpoints", &url, "--byte-timeout", "500ms", PROMPT];
    let mut first = world.start_at_server(&flags);
    let shown = first.read(10);
    first.signal("STOP");
    let refused = world.run_at_server(&["resume", "s-1", "--checkpoints", &url]);
    refused.assert_status(1);
    assert_eq!(refused.text(), "");
    let held = format!("stream s-1 is held by pid:{}, for ", first.id());
    assert!(refused.stderr.contains(&held), "{}", refused.stderr);
    assert!(refused.stderr.contains("--take-over"), "{}", refused.stderr);
    let flags = ["resume", "s-1", "--checkpoints", &url, "--take-over", "--from", "10"];
    let second = world.run_at_server(&flags);
    second.assert_status(0);
    assert_eq!([&shown, &*second.stdout].concat(), world.text().as_bytes());
    first.signal("CONT");
    let first = first.finish(shown);
    first.assert_status(1);
    assert!(first.stderr.contains("taken over by another process"), "{}", first.stderr);
    assert!(world.text().starts_with(first.text()));
    world.run(&["streams", "verify", "--checkpoints", &url]).assert_status(0);
}

#[test]
fn a_killed_process_loses_nothing_that_it_had_shown() {
    let (world, redis) = (World::slow(), RedisServer::start(&[]));
    let url = redis.url();
    let mut process =
        world.start_at_server(&["stream", "--id", "s-1", "--checkpoints", &url, PROMPT]);
    let shown = process.read(40);
    process.signal("KILL");
    let shown = process.finish(shown).stdout;
    let from = shown.len().to_string();
    let flags = ["resume", "s-1", "--checkpoints", &url, "--take-over", "--from", &from];
    let rest = world.run_at_server(&flags);
    rest.assert_status(0);
    assert_eq!([shown, rest.stdout].concat(), world.text().as_bytes());
}

#[test]
fn a_process_that_was_asked_to_stop_holds_nothing_any_more() {
    let (world, redis) = (World::slow(), RedisServer::start(&[]));
    let url = redis.url();
    let mut process =
        world.start_at_server(&["stream", "--id", "s-1", "--checkpoints", &url, PROMPT]);
    let shown = process.read(10);
    process.signal("INT");
    process.finish(shown).assert_status(75);
    let run = world.run_at_server(&["resume", "s-1", "--checkpoints", &url]);
    run.assert_status(0);
    assert_eq!(run.text(), world.text());
}

#[test]
fn streams_are_listed_exported_verified_and_removed() {
    let (world, redis) = (World::with_faults("ok,end@20"), RedisServer::start(&[]));
    let url = redis.url();
    let run = |flags: &[&str]| world.run(&[flags, &["--checkpoints", &url]].concat());
    for (id, status) in [("whole", 0), ("cut", 75)] {
        let flags = ["stream", "--id", id, "--max-attempts", "1", "--checkpoints", &url, PROMPT];
        world.run_at_server(&flags).assert_status(status);
    }
    assert!(run(&["streams"]).text().starts_with("cut\topen\t"));
    assert_eq!(run(&["streams", "show", "whole", "--text"]).text(), world.text());
    let verdicts = run(&["streams", "verify"]);
    verdicts.assert_status(0);
    let verdicts: Vec<&str> =
        verdicts.text().lines().filter_map(|l| l.split('\t').nth(1)).collect();
    assert_eq!(verdicts, ["open", "complete"]);
    let export = run(&["streams", "export", "whole"]);
    let last: Value = serde_json::from_str(export.text().lines().last().unwrap()).unwrap();
    assert_eq!(last["kind"], "close");
    assert_eq!(run(&["streams", "prune", "--complete"]).text(), "whole\n");
    assert_eq!(run(&["streams", "rm", "cut"]).text(), "cut\n");
    assert_eq!(run(&["streams"]).text(), "");
}

#[test]
fn the_demo_kills_its_workers_and_loses_nothing() {
    let (world, redis) = (World::with_faults(""), RedisServer::start(&[]));
    let storm = "rst@30,html,503,utf8@30,close,chunk@30,empty,json@30,end@30,529";
    let flags = ["demo", "--kill", "--pace", "2ms", "--tokens", "400", "--faults", storm];
    let run = world.run(&[&flags[..], &["--checkpoints", &redis.url()]].concat());
    run.assert_status(0);
    assert!(run.text().contains(" 0 lost, 0 repeated"), "{}", run.text());
    assert!(run.text().contains("killed 3 times"), "{}", run.text());
}

#[test]
fn a_batch_that_was_killed_goes_on_at_once() {
    let config = Config { faults: faults("stall@30"), ..Config::default() };
    let (world, redis) = (World::new(config), RedisServer::start(&[]));
    let (url, jobs, out) = (redis.url(), world.home().join("jobs"), world.home().join("out"));
    fs::write(&jobs, format!("{{\"id\":\"q\",\"prompt\":\"{PROMPT}\"}}\n")).unwrap();
    let (jobs, answer) = (jobs.to_str().unwrap(), out.join("q.txt"));
    let flags = ["batch", "--jobs", jobs, "--out", out.to_str().unwrap(), "--checkpoints", &url];
    let process = world.start_at_server(&flags);
    // The deadline of its job bounds the wait.
    while fs::read(&answer).map_or(0, |text| text.len()) < 50 {
        std::thread::yield_now();
    }
    process.signal("KILL");
    process.finish(Vec::new());
    world.run_at_server(&flags).assert_status(0);
    assert_eq!(fs::read_to_string(&answer).unwrap(), world.text());
}

#[test]
fn the_password_of_the_server_is_shown_nowhere() {
    let world = World::with_faults("end@20*9");
    let redis = RedisServer::start(&["--requirepass", "s3cret"]);
    let url = format!("{}?pass=s3cret", redis.url());
    for form in [&[][..], &["--json"], &["-vv"]] {
        let flags = ["stream", "--max-attempts", "1", "--checkpoints", &url, PROMPT];
        let run = world.run_at_server(&[&flags[..], form].concat());
        run.assert_status(75);
        assert!(run.stderr.contains("and the whole URL of the checkpoints"), "{}", run.stderr);
        assert!(!run.stderr.contains("s3cret") && !run.text().contains("s3cret"));
    }
    let wrong = format!("{}?pass=wr0ng", redis.url());
    let run = world.run(&["streams", "-vv", "--checkpoints", &wrong]);
    run.assert_status(1);
    assert!(run.stderr.contains("cannot open the checkpoints in redis+unix:///"), "{}", run.stderr);
    assert!(!run.stderr.contains("wr0ng"), "{}", run.stderr);
}

#[test]
fn a_server_that_is_gone_holds_no_streams_and_is_told() {
    let world = World::with_faults("");
    let url = RedisServer::start(&[]).url();
    for flags in [&["streams"][..], &["resume", "s-1"], &["streams", "verify"]] {
        let run = world.run(&[flags, &["--checkpoints", &url]].concat());
        run.assert_status(1);
        let told = format!("cannot open the checkpoints in {url}: ");
        assert!(run.stderr.contains(&told), "{}", run.stderr);
    }
    assert_eq!(world.ledger().totals.requests, 0);
}
