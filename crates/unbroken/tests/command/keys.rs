//! Where the key comes from, and that its value is nowhere in what the command writes.

use mock_provider::{ApiKey, Authorization, Config};

use crate::world::{Finished, PROMPT, Started, World, faults};

const KEY: &str = "k3y-value-0123456789";

fn world(script: &str, expected: &str) -> World {
    let api_key = Some(ApiKey::from(expected));
    World::new(Config { faults: faults(script), api_key, ..Config::default() })
}

fn run(world: &World, variable: &str, arguments: &[&str]) -> Finished {
    let flags = ["--base-url", world.url(), "--deadline", "30s", "-vv"];
    let arguments = [arguments, &flags[..]].concat();
    let child = world.command(&arguments).env(variable, KEY).spawn().expect("the command starts");
    Started::from(child).finish(Vec::new())
}

#[track_caller]
fn assert_silent(run: &Finished) {
    assert!(!run.stderr.contains(KEY), "{}", run.stderr);
    assert!(!run.text().contains(KEY), "{}", run.text());
}

#[test]
fn a_bad_key_fails_at_once_and_is_shown_nowhere() {
    for (wire, variable) in [("anthropic", "ANTHROPIC_API_KEY"), ("openai-chat", "OPENAI_API_KEY")]
    {
        for form in [&["--json"][..], &[]] {
            let world = world("", "another key");
            let arguments = [&["stream", "--protocol", wire, PROMPT], form].concat();
            let run = run(&world, variable, &arguments);
            run.assert_status(1);
            assert_silent(&run);
            let ledger = world.ledger();
            assert_eq!(ledger.totals.requests, 1);
            assert_eq!(ledger.requests[0].authorization, Authorization::Rejected);
        }
    }
}

#[test]
fn a_good_key_reaches_every_attempt_and_is_shown_nowhere() {
    for (wire, variable) in [("anthropic", "ANTHROPIC_API_KEY"), ("openai-chat", "OPENAI_API_KEY")]
    {
        let world = world("rst@90,503", KEY);
        let run = run(&world, variable, &["stream", "--protocol", wire, PROMPT]);
        run.assert_status(0);
        assert_eq!(run.text(), world.text());
        assert_silent(&run);
        let ledger = world.ledger();
        assert_eq!(ledger.totals.requests, 3);
        let accepted =
            |record: &mock_provider::RequestRecord| record.authorization == Authorization::Accepted;
        assert!(ledger.requests.iter().all(accepted));
    }
}

#[test]
fn api_key_env_names_the_variable() {
    let world = world("", KEY);
    let run = run(&world, "MY_KEY", &["stream", "--api-key-env", "MY_KEY", PROMPT]);
    run.assert_status(0);
    assert_silent(&run);
}

#[test]
fn a_checkpoint_holds_no_key() {
    let world = world("end@20", KEY);
    let arguments = ["stream", "--max-attempts", "1", PROMPT];
    let cut = run(&world, "ANTHROPIC_API_KEY", &arguments);
    cut.assert_status(75);
    assert_silent(&cut);
    for entry in std::fs::read_dir(world.checkpoints()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
    let without = world.run_at_server(&["resume", &cut.id(), "--max-attempts", "1"]);
    without.assert_status(75);
    let with = run(&world, "ANTHROPIC_API_KEY", &["resume", &cut.id()]);
    with.assert_status(0);
    assert_eq!(with.text(), world.text());
}

#[test]
fn the_providers_own_host_is_not_asked_without_a_key() {
    let world = World::with_faults("");
    for (wire, variable) in [("anthropic", "ANTHROPIC_API_KEY"), ("openai-chat", "OPENAI_API_KEY")]
    {
        let run = world.run(&["stream", "--protocol", wire, PROMPT]);
        run.assert_status(2);
        assert!(run.stderr.contains(variable), "{}", run.stderr);
    }
}

#[test]
fn a_key_that_no_header_can_carry_is_a_mistake_of_the_caller() {
    let world = World::with_faults("");
    let arguments = ["stream", "--base-url", world.url(), PROMPT];
    let child = world.command(&arguments).env("ANTHROPIC_API_KEY", "s3cret\nkey").spawn();
    let run = Started::from(child.expect("the command starts")).finish(Vec::new());
    run.assert_status(2);
    assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
    assert_eq!(world.ledger().totals.requests, 0);
}

/// No name server is asked for it: a label has 63 bytes at most.
fn url_without_name() -> String {
    format!("http://{}.invalid", "x".repeat(64))
}

#[test]
fn a_proxy_of_the_environment_or_of_a_flag_is_used_and_its_password_shown_nowhere() {
    let world = world("", KEY);
    let proxy = world.url().replace("http://", &format!("http://kim:{KEY}@"));
    let target = url_without_name();
    let arguments =
        ["stream", "--base-url", &target, "--deadline", "30s", "-vv", PROMPT].map(str::to_owned);
    let run = |variables: &[(&str, &str)], flags: &[&str]| {
        let mut all: Vec<_> = arguments.iter().map(String::as_str).collect();
        all.extend(flags);
        let mut command = world.command(&all);
        command.env("ANTHROPIC_API_KEY", KEY).envs(variables.iter().copied());
        let run = Started::from(command.spawn().expect("the command starts")).finish(Vec::new());
        assert_silent(&run);
        run
    };
    for (variables, flags) in [
        (&[("http_proxy", proxy.as_str())][..], &[][..]),
        (&[("ALL_PROXY", proxy.as_str()), ("NO_PROXY", "other.invalid")], &[]),
        (&[("http_proxy", "http://127.0.0.1:1")], &["--proxy", proxy.as_str()]),
    ] {
        let run = run(variables, flags);
        run.assert_status(0);
        assert_eq!(run.text(), world.text());
    }
    for (variables, flags) in [
        (&[("HTTP_PROXY", proxy.as_str())][..], &[][..]),
        (&[("http_proxy", proxy.as_str()), ("no_proxy", "invalid")], &[]),
        (&[("http_proxy", proxy.as_str())], &["--no-proxy"]),
    ] {
        let run = run(variables, flags);
        run.assert_status(1);
        assert!(run.stderr.contains("no such name"), "{}", run.stderr);
    }
    assert_eq!(world.ledger().totals.requests, 3);
}
