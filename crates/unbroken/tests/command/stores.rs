//! Several stores in one directory: in use, damaged, or not there. None takes another along.

use std::fs;
use std::path::Path;

use crate::world::{PROMPT, Started, World};

/// A process that receives `held` in the first store, and a stream `other` in the second.
fn two_stores() -> (World, Started, Vec<u8>) {
    let world = World::slow();
    let mut process = world.start_at_server(&["stream", "--id", "held", PROMPT]);
    let shown = process.read(10);
    world.run_at_server(&["stream", "--id", "other", PROMPT]).assert_status(0);
    (world, process, shown)
}

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).expect("a directory");
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("UTF-8");
    let mut names: Vec<String> = entries.map(|entry| name(entry.expect("an entry"))).collect();
    names.sort();
    names
}

/// Makes a store unreadable for sled.
fn damage(store: &Path) {
    fs::write(store.join("snap.7FFFFFFFFFFFFFFF"), b"damaged").expect("a store");
}

#[test]
fn a_store_in_use_is_told_and_has_a_status_of_its_own() {
    let (world, process, shown) = two_stores();
    for flags in [&["list"][..], &["export", "--all"], &["list", "--json"], &["prune", "--all"]] {
        let run = world.run(&[&["streams"], flags].concat());
        run.assert_status(3);
        let told = format!(
            "another process has the checkpoints in {} open",
            world.checkpoints().display()
        );
        assert!(run.stderr.contains(&told), "{flags:?}: {}", run.stderr);
        assert!(run.text().contains("other"), "{flags:?}: {}", run.text());
    }
    process.signal("INT");
    process.finish(shown).assert_status(75);
    let run = world.run(&["streams"]);
    run.assert_status(0);
    assert!(run.text().starts_with("held\topen\t"), "{}", run.text());
}

#[test]
fn a_stream_that_is_found_says_nothing_of_other_stores() {
    let (world, process, shown) = two_stores();
    for flags in [&["resume", "other"][..], &["streams", "show", "other"]] {
        let run = world.run(flags);
        run.assert_status(0);
        assert_eq!(run.stderr, "");
    }
    process.signal("KILL");
    process.finish(shown);
}

#[test]
fn a_damaged_store_moves_aside_alone_and_the_others_are_served() {
    let (world, process, shown) = two_stores();
    process.signal("KILL");
    process.finish(shown);
    damage(&world.checkpoints());
    let run = world.run(&["streams"]);
    run.assert_status(3);
    assert!(run.stderr.contains("the stored bytes are damaged"), "{}", run.stderr);
    assert!(run.stderr.contains("were moved to"), "{}", run.stderr);
    assert!(run.text().starts_with("other\tcomplete\t"), "{}", run.text());
    let gone = world.run(&["resume", "held"]);
    gone.assert_status(1);
    assert!(gone.stderr.contains("what was damaged is in "), "{}", gone.stderr);
    let left = names(&world.checkpoints());
    assert_eq!((left.len(), left[0].as_str()), (2, "2"), "{left:?}");
    assert!(left[1].starts_with("quarantine-"), "{left:?}");
    assert_eq!(names(world.checkpoints().parent().unwrap()), ["unbroken"]);
    let run = world.run(&["resume", "other"]);
    run.assert_status(0);
    assert_eq!(run.text(), world.text());
    world.run_at_server(&["stream", "--id", "new", PROMPT]).assert_status(0);
    assert_eq!(world.run(&["streams"]).text().lines().count(), 2);
}

#[test]
fn a_process_goes_on_in_its_store_when_the_first_one_is_damaged() {
    let (world, process, shown) = two_stores();
    let mut second = world.start_at_server(&["stream", "--id", "lives", PROMPT]);
    let seen = second.read(10);
    process.signal("KILL");
    process.finish(shown);
    damage(&world.checkpoints());
    world.run(&["streams"]).assert_status(3);
    second.signal("INT");
    let stopped = second.finish(seen);
    stopped.assert_status(75);
    let from = stopped.stdout.len().to_string();
    let rest = world.run_at_server(&["resume", "lives", "--from", &from]);
    rest.assert_status(0);
    assert_eq!([stopped.stdout, rest.stdout].concat(), world.text().as_bytes());
}

#[test]
fn a_system_without_file_descriptors_makes_no_store_damaged() {
    let world = World::with_faults("");
    world.run_at_server(&["stream", "--id", "s-1", PROMPT]).assert_status(0);
    let mut failed = 0;
    for descriptors in 3..40 {
        let run = world.run_with_few_files(descriptors, &["streams"]);
        failed += usize::from(run.stderr.contains("cannot open the checkpoints"));
        assert!(!run.stderr.contains("damaged"), "{descriptors}: {}", run.stderr);
    }
    assert!(failed > 0, "some open the store as the first thing that they cannot");
    let left = names(&world.checkpoints());
    assert!(!left.iter().any(|name| name.starts_with("quarantine-")), "{left:?}");
    let run = world.run(&["streams"]);
    run.assert_status(0);
    assert!(run.text().starts_with("s-1\tcomplete\t"), "{}", run.text());
}

#[test]
fn looking_makes_no_store() {
    let world = World::with_faults("");
    let below = world.checkpoints().join("2");
    fs::create_dir_all(&below).unwrap();
    for flags in [&["streams"][..], &["streams", "verify"], &["streams", "prune", "--all"]] {
        world.run(flags).assert_status(0);
    }
    world.run(&["resume", "s-1"]).assert_status(1);
    assert_eq!(names(&world.checkpoints()), ["2"]);
    assert!(names(&below).is_empty());
}

#[test]
fn a_name_is_taken_by_a_stream_of_any_store() {
    let (world, process, shown) = two_stores();
    process.signal("KILL");
    process.finish(shown);
    let before = world.ledger().totals.requests;
    for id in ["held", "other"] {
        let run = world.run_at_server(&["stream", "--id", id, PROMPT]);
        run.assert_status(1);
        assert!(run.stderr.contains(&format!("there is a stream {id} already")), "{}", run.stderr);
    }
    assert_eq!(world.ledger().totals.requests, before);
}
