//! `--profile-file`: a server with ways of its own, before and after a cut.

use crate::world::{PROMPT, World};
use std::fs;

const LAB: &str = "name = \"lab\"\nbase = \"deepseek-beta\"\n[headers]\nx-team = \"search\"\n";

#[test]
fn a_stream_goes_on_with_the_file_that_it_began_with() {
    let world = World::with_faults("end@60");
    let file = world.home().join("lab.toml");
    fs::write(&file, LAB).unwrap();
    let file = file.to_str().unwrap();
    let flags = ["--profile-file", file, "--model", "deepseek-chat", "--max-attempts", "1", PROMPT];
    let cut = world.run_at_server(&[&["stream"], &flags[..]].concat());
    cut.assert_status(75);
    assert!(cut.stderr.contains(&format!("--profile-file {file}")), "{}", cut.stderr);

    let id = cut.id();
    let without = world.run_at_server(&["resume", &id]);
    without.assert_status(2);
    let words = "was made with the profile lab, which is not one of this program: give its file";
    assert!(without.stderr.contains(words), "{}", without.stderr);

    let whole = world.run_at_server(&["resume", &id, "--profile-file", file]);
    whole.assert_status(0);
    assert_eq!(whole.text(), world.text());
    assert!(whole.text().starts_with(cut.text()) && !cut.text().is_empty());
}

#[test]
fn a_file_that_is_wrong_is_told_with_its_line_and_nothing_is_asked() {
    let world = World::with_faults("");
    let file = world.home().join("lab.toml");
    let path = file.to_str().unwrap().to_owned();
    for (text, words) in [
        ("name = 'lab'\nbase = 'vlm'\n", ":2: base: unknown value \"vlm\"; write one of"),
        (
            "name = 'lab'\nbase = 'vllm'\nheaders = { x-api-key = 's3cret' }",
            ":3: headers.x-api-key",
        ),
        ("name = 'lab'\nbase = 'vllm'\nheaders = { host = 'x' }", "headers.host: "),
    ] {
        fs::write(&file, text).unwrap();
        let flags = ["stream", "--profile-file", &path, "--model", "m", PROMPT];
        let run = world.run_at_server(&flags);
        run.assert_status(2);
        assert!(run.stderr.contains(words) && !run.stderr.contains("s3cret"), "{}", run.stderr);
    }
    fs::write(&file, LAB).unwrap();
    let no_model = world.run_at_server(&["stream", "--profile-file", &path, PROMPT]);
    no_model.assert_status(2);
    assert!(no_model.stderr.contains("profile lab needs --model"), "{}", no_model.stderr);
    let both = ["stream", "--profile-file", &path, "--profile", "vllm", PROMPT];
    world.run_at_server(&both).assert_status(2);
    world.run(&["stream", "--profile-file", "/no/such/file", PROMPT]).assert_status(2);
    let no_url = world.run(&["stream", "--profile-file", &path, "--model", "m", PROMPT]);
    no_url.assert_status(2);
    assert!(no_url.stderr.contains("OPENAI_API_KEY"), "{}", no_url.stderr);
    assert_eq!(world.ledger().totals.requests, 0);
}
