//! `unbroken mock`: a provider as a process of its own.

use serde_json::Value;

use crate::world::{PROMPT, Started, World};

#[test]
fn a_stream_through_the_mock_and_its_totals() {
    let world = World::with_faults("");
    let flags = ["mock", "--seed", "5", "--tokens", "120", "--faults", "rst@40,503"];
    let mut mock = Started::from(world.command(&flags).spawn().unwrap());
    let line = mock.read_line();
    let url = line.trim_end().strip_prefix("listening on ").expect("the first line has the URL");
    let run = world.run_at_server(&["stream", "--base-url", url, PROMPT]);
    run.assert_status(0);
    let config = mock_provider::Config { seed: 5, tokens: 120, ..Default::default() };
    assert_eq!(run.text(), config.text_for(PROMPT));
    mock.signal("TERM");
    let ended = mock.finish(Vec::new());
    ended.assert_status(0);
    let totals: Value = serde_json::from_str(ended.text()).unwrap();
    assert_eq!(totals["requests"], 3);
    assert_eq!(totals["needed_tokens"], 120);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 3, "{}", ended.stderr);
    assert!(lines[0].contains("#1 ") && lines[0].contains("rst@40"), "{}", lines[0]);
    assert!(lines[1].contains("status 503"), "{}", lines[1]);
    assert!(lines[2].contains("prefills"), "{}", lines[2]);
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let world = World::with_faults("");
    let port = world.url().rsplit(':').next().unwrap();
    let run = world.run(&["mock", "--port", port]);
    run.assert_status(1);
    assert_eq!(run.text(), "");
}
