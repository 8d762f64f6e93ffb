//! `unbroken streams`: list, show, export, verify, prune and remove, on a pipe.

use client::{Store, StreamId};
use serde_json::Value;
use std::fs::File;

use crate::world::{PROMPT, World};

/// A world with one complete and one open stream.
fn two() -> World {
    let world = World::with_faults("ok,end@20");
    world.run_at_server(&["stream", "--id", "whole", PROMPT]).assert_status(0);
    let flags = ["stream", "--id", "cut", "--max-attempts", "1", PROMPT];
    world.run_at_server(&flags).assert_status(75);
    world
}

fn ids(world: &World) -> Vec<String> {
    let run = world.run(&["streams"]);
    run.assert_status(0);
    let first = |line: &str| line.split('\t').next().map(str::to_owned);
    run.text().lines().filter_map(first).collect()
}

#[test]
fn a_list_on_a_pipe_is_tab_separated() {
    let world = two();
    let run = world.run(&["streams", "list"]);
    run.assert_status(0);
    let rows: Vec<Vec<&str>> = run.text().lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0][..2], ["cut", "open"]);
    assert_eq!(rows[1][..2], ["whole", "complete"]);
    assert!(rows.iter().all(|row| row[2].parse::<u64>().unwrap() > 0), "{rows:?}");
    let json = world.run(&["streams", "--json"]);
    let first: Value = serde_json::from_str(json.text().lines().next().unwrap()).unwrap();
    assert_eq!((&first["id"], &first["state"]), (&"cut".into(), &"open".into()));
}

#[test]
fn show_tells_all_but_the_text_or_only_the_text() {
    let world = two();
    let card = world.run(&["streams", "show", "cut", "--json"]);
    card.assert_status(0);
    let card: Value = serde_json::from_str(card.text()).unwrap();
    assert_eq!(card["state"], "open");
    assert_eq!(card["model"], "claude-haiku-4-5");
    assert_eq!(card["base_url"], format!("{}/v1", world.url()));
    assert_eq!(card["attempts"], 1);
    let text = world.run(&["streams", "show", "cut", "--text"]);
    assert!(world.text().starts_with(text.text()));
    assert_eq!(card["text_bytes"], text.stdout.len());
    world.run(&["streams", "show", "cut", "--text", "--json"]).assert_status(2);
    let plain = world.run(&["streams", "show", "whole"]);
    plain.assert_status(0);
    assert!(plain.text().contains("state          complete"), "{}", plain.text());
    assert_eq!(world.run(&["streams", "show", "whole", "--text"]).text(), world.text());
}

#[test]
fn prune_removes_what_is_complete_or_all() {
    let world = two();
    world.run(&["streams", "prune"]).assert_status(2);
    let pruned = world.run(&["streams", "prune", "--complete"]);
    pruned.assert_status(0);
    assert_eq!(pruned.text(), "whole\n");
    assert_eq!(ids(&world), ["cut"]);
    assert_eq!(world.run(&["streams", "prune", "--all"]).text(), "cut\n");
    assert!(ids(&world).is_empty());
}

#[test]
fn prune_of_the_expired_leaves_the_others() {
    let world = two();
    let pruned = world.run(&["streams", "prune", "--expired"]);
    pruned.assert_status(0);
    assert_eq!((pruned.text(), pruned.stderr.as_str()), ("", ""));
    assert_eq!(ids(&world), ["cut", "whole"]);
}

/// The objects of an export, by stream.
fn exported(world: &World, flags: &[&str]) -> Vec<Value> {
    let run = world.run(&[&["streams", "export"], flags].concat());
    run.assert_status(0);
    run.text().lines().map(|line| serde_json::from_str(line).expect("an object")).collect()
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

#[test]
fn an_export_says_what_was_asked_and_what_came() {
    let world = World::with_faults("end@60");
    world.run_at_server(&["stream", "--id", "s-1", "--system", "Be brief", PROMPT]);
    let objects = exported(&world, &["s-1"]);
    assert_eq!(objects[0]["type"], "stream");
    assert_eq!(objects[0]["state"], "complete");
    let records = objects[0]["records"].as_u64().unwrap();
    let seqs: Vec<u64> = objects[1..].iter().map(|o| o["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=records).collect::<Vec<_>>());
    assert!(objects[1..].iter().all(|o| o["type"] == "record" && o["id"] == "s-1"));
    let start = &objects[1];
    assert_eq!(
        (&start["kind"], &start["request"]["system"]),
        (&"start".into(), &"Be brief".into())
    );
    assert_eq!(start["base_url"], format!("{}/v1", world.url()));
    let attempts = of_kind(&objects, "attempt");
    assert_eq!(attempts[0]["rung"], "retry");
    assert_eq!((&attempts[1]["attempt"], &attempts[1]["rung"]), (&2.into(), &"prefill".into()));
    let seams = of_kind(&objects, "seam");
    assert_eq!((seams.len(), &seams[0]["label"]), (1, &"exact".into()));
    assert_eq!(seams[0]["offset"], attempts[1]["offset"]);
    assert!(of_kind(&objects, "usage")[0]["usage"]["output"].as_u64() > Some(0));
    let events = of_kind(&objects, "event").into_iter().filter_map(|event| event["data"].as_str());
    let data: Vec<Value> = events.map(|data| serde_json::from_str(data).unwrap()).collect();
    let text: String = data.iter().filter_map(|data| data["delta"]["text"].as_str()).collect();
    assert_eq!(text, world.text());
    assert_eq!(objects.last().unwrap()["kind"], "close");
}

#[test]
fn an_export_is_of_what_is_named_or_of_all() {
    let world = two();
    let of = |flags: &[&str]| -> Vec<String> {
        let objects = exported(&world, flags);
        let streams = objects.iter().filter(|object| object["type"] == "stream");
        streams.map(|object| object["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(of(&["--all"]), ["cut", "whole"]);
    assert_eq!(of(&["whole", "cut"]), ["whole", "cut"]);
    world.run(&["streams", "export"]).assert_status(2);
    world.run(&["streams", "export", "--all", "cut"]).assert_status(2);
    world.run(&["streams", "export", "nobody"]).assert_status(1);
}

/// Writes a stream of these records beside the others.
fn write_by_hand(world: &World, id: &str, records: &[&[u8]]) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let store = Store::sled(world.checkpoints()).expect("nobody has it open");
        let id = StreamId::new(id).expect("an id");
        let mut writer = store.create(&id).await.expect("a new name");
        for record in records {
            writer.append(&[record]).expect("there is room");
        }
        writer.flush().await.expect("a disk");
    });
    // The store gives its lock back in the background.
    let released = || world.run(&["streams"]).stderr.is_empty();
    assert!((0..50).any(|_| released()), "the store is still open");
}

#[test]
fn verify_reads_every_stream_and_fails_for_one_that_is_damaged() {
    let world = two();
    write_by_hand(&world, "unasked", &[]);
    let run = world.run(&["streams", "verify"]);
    run.assert_status(0);
    let lines: Vec<Vec<&str>> = run.text().lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines[0][..2], ["cut", "open"]);
    assert_eq!(lines[1], ["unasked", "unasked", "0"]);
    assert_eq!(lines[2][..2], ["whole", "complete"]);
    write_by_hand(&world, "spoilt", &[b"\x09junk"]);
    let run = world.run(&["streams", "verify"]);
    run.assert_status(1);
    assert!(run.text().contains("spoilt\tdamaged\t1\tcheckpoint record 1 is malformed\n"));
    assert_eq!(run.text().lines().count(), 4, "the others are read all the same");
    world.run(&["streams", "verify", "whole", "cut"]).assert_status(0);
    world.run(&["streams", "verify", "nobody"]).assert_status(1);
    let json = world.run(&["streams", "verify", "--json", "spoilt"]);
    json.assert_status(1);
    let verdict: Value = serde_json::from_str(json.text()).unwrap();
    assert_eq!((&verdict["verdict"], &verdict["records"]), (&"damaged".into(), &1.into()));
    let export = world.run(&["streams", "export", "--all"]);
    export.assert_status(1);
    let told = &export.stderr;
    assert!(told.contains("stream spoilt in") && told.contains("record 1 is malformed"), "{told}");
    assert!(export.text().contains(r#""id":"whole""#));
}

#[test]
fn verify_does_not_vouch_for_a_store_that_it_cannot_open() {
    let world = World::slow();
    let mut process = world.start_at_server(&["stream", "--id", "s-1", PROMPT]);
    let shown = process.read(10);
    let run = world.run(&["streams", "verify"]);
    run.assert_status(1);
    assert!(run.stderr.contains("another process has"), "{}", run.stderr);
    process.signal("KILL");
    process.finish(shown);
    let run = world.run(&["streams", "verify"]);
    run.assert_status(0);
    assert!(run.text().starts_with("s-1\topen\t"), "{}", run.text());
}

#[test]
fn rm_removes_what_is_named() {
    let world = two();
    world.run(&["streams", "rm", "cut"]).assert_status(0);
    assert_eq!(ids(&world), ["whole"]);
    world.run(&["streams", "rm", "cut"]).assert_status(1);
}

#[test]
fn rm_removes_what_is_there_and_each_once() {
    let world = two();
    let run = world.run(&["streams", "rm", "cut", "cut"]);
    run.assert_status(0);
    assert_eq!((run.text(), run.stderr.as_str()), ("cut\n", ""));
    let run = world.run(&["streams", "rm", "nobody", "whole"]);
    run.assert_status(1);
    assert_eq!(run.text(), "whole\n");
    assert!(run.stderr.contains("no such stream: nobody"), "{}", run.stderr);
}

#[test]
fn no_directory_holds_no_streams() {
    let world = World::with_faults("");
    let run = world.run(&["streams"]);
    run.assert_status(0);
    assert_eq!(run.text(), "");
    world.run(&["streams", "show", "s-1"]).assert_status(1);
    world.run(&["streams", "--checkpoints", "memory"]).assert_status(2);
    assert!(!world.checkpoints().exists());
}

/// Overwrites what the store keeps of a stream itself.
fn spoil(world: &World, id: &str) -> sled::Result<()> {
    // The store gives its lock back in the background.
    let db = loop {
        match sled::open(world.checkpoints()) {
            Ok(db) => break db,
            Err(sled::Error::Io(_)) => std::thread::yield_now(),
            Err(error) => return Err(error),
        }
    };
    let number = db.open_tree("meta")?.get(format!("id/{id}"))?.expect("it is there");
    let chunks = db.open_tree("chunks")?;
    let head = [&[0; 8], &*number].concat();
    assert!(chunks.insert(head, b"junk")?.is_some());
    db.flush()?;
    drop((db, chunks));
    let file = File::open(world.checkpoints().join("db"))?;
    while file.try_lock().is_err() {
        std::thread::yield_now();
    }
    Ok(())
}

#[test]
fn a_damaged_stream_is_listed_as_that_and_removed_only_by_name_or_with_all() {
    let world = two();
    spoil(&world, "cut").unwrap();
    let list = world.run(&["streams"]);
    list.assert_status(3);
    assert!(list.text().starts_with("cut\tdamaged\t0\t0\nwhole\tcomplete\t"), "{}", list.text());
    assert!(list.stderr.contains("stream cut in "), "{}", list.stderr);
    let json = world.run(&["streams", "--json"]);
    json.assert_status(3);
    let row: Value = serde_json::from_str(json.text().lines().next().unwrap()).unwrap();
    assert_eq!((&row["id"], &row["state"]), (&"cut".into(), &"damaged".into()));
    assert!(row["damage"].as_str().unwrap().contains("damaged"), "{row}");
    let verify = world.run(&["streams", "verify"]);
    verify.assert_status(1);
    assert!(verify.text().starts_with("cut\tdamaged\t0\t"), "{}", verify.text());
    let pruned = world.run(&["streams", "prune", "--complete"]);
    pruned.assert_status(3);
    assert_eq!(pruned.text(), "whole\n");
    assert!(pruned.stderr.contains("stream cut in "), "{}", pruned.stderr);
    let pruned = world.run(&["streams", "prune", "--all"]);
    pruned.assert_status(0);
    assert_eq!(pruned.text(), "cut\n");
    assert!(ids(&world).is_empty());
}

#[test]
fn help_offers_only_checkpoints_that_another_process_can_have_kept() {
    let world = World::with_faults("");
    for command in [&["resume"][..], &["streams"], &["streams", "list"]] {
        let help = world.run(&[command, &["--help"]].concat());
        let offered = help.text().split("--checkpoints <").nth(1).expect("the flag");
        assert!(offered.starts_with("DIR|URL>"), "{offered}");
        assert!(!offered.split("--").next().unwrap().contains("memory"), "{offered}");
        let refused = world.run(&[command, &["s-1", "--checkpoints", "memory"]].concat());
        refused.assert_status(2);
    }
    assert!(world.run(&["stream", "--help"]).text().contains("--checkpoints <DIR|URL|memory>"));
}
