//! A request that is slow to begin, and a copy of it at a second server.

use serde_json::Value;

use crate::world::{PROMPT, World};

#[test]
fn a_copy_goes_to_the_other_server_and_every_attempt_is_in_the_account() {
    // Each is silent once: the first request and its copy come to nothing, the next does not.
    let worlds = [World::with_faults("silent"), World::with_faults("silent")];
    let [first, second] = &worlds;
    let run = first.run_at_server(&[
        "stream",
        "--json",
        "--hedge",
        "--hedge-after",
        "50ms",
        "--first-token-timeout",
        "500ms",
        "--base-url",
        first.url(),
        "--base-url",
        second.url(),
        PROMPT,
    ]);
    run.assert_status(0);
    let lines: Vec<Value> =
        run.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let hedging = lines.iter().filter(|line| line["state"] == "hedging");
    assert_eq!(hedging.count(), 1, "{}", run.text());
    let end = lines.last().expect("an end");
    assert_eq!(end["type"], "end");
    assert!(end["attempts"].as_array().is_some_and(|attempts| attempts.len() == 3), "{end}");
    let served: u64 = worlds.iter().map(|world| world.ledger().totals.requests).sum();
    assert_eq!(served, 3);
    let asked_both = worlds.iter().all(|world| world.ledger().totals.requests >= 1);
    assert!(asked_both, "the copy went elsewhere");
}
