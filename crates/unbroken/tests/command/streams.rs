//! `unbroken streams`: list, show, prune and remove, on a pipe.

use serde_json::Value;

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
fn rm_removes_what_is_named() {
    let world = two();
    world.run(&["streams", "rm", "cut"]).assert_status(0);
    assert_eq!(ids(&world), ["whole"]);
    world.run(&["streams", "rm", "cut"]).assert_status(1);
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
