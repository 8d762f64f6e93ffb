//! Every example is a program that works, through what breaks.

use mock_provider::Mock;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::rig::{answer, mock, mock_with, serve};

const ASKED: &str = "Tell me about lighthouses.";

/// The program that cargo has built beside this one.
fn program(name: &str) -> Command {
    let tests = std::env::current_exe().expect("this program has a path");
    let target = tests.ancestors().nth(2).expect("target/PROFILE/deps");
    let path: PathBuf = target.join("examples").join(name);
    assert!(
        path.exists(),
        "{} is not built: `cargo build -p client --examples` builds it",
        path.display()
    );
    let mut command = Command::new(path);
    let keys = ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "API_KEY"];
    command.envs(keys.map(|name| (name, "sk-example-0123456789")));
    command
}

/// Runs it to its end with these lines to read, while the mock goes on.
async fn run(mut command: Command, lines: &'static str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().expect("it starts");
        child.stdin.take().expect("a pipe").write_all(lines.as_bytes()).expect("it reads");
        child.wait_with_output().expect("it ends")
    });
    ended.await.expect("no panic")
}

#[track_caller]
fn printed(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout.clone()).expect("it prints text")
}

/// Runs it against a mock that breaks so.
async fn run_against(name: &str, script: &str) -> (Mock, Output) {
    let mock = mock(script).await;
    let mut command = program(name);
    command.arg(mock.url());
    let output = run(command, "").await;
    (mock, output)
}

#[tokio::test]
async fn chat() {
    let mock = mock("rst@20,fin@30").await;
    let mut command = program("chat");
    command.args([&mock.url(), "claude-haiku-4-5"]);
    let output = run(command, "And at sea?\n").await;
    assert_eq!(printed(&output), mock.text_for("And at sea?") + "\n");
    assert_eq!(mock.ledger().requests.len(), 3);
}

#[tokio::test]
async fn tools() {
    let event = |name: &str, data: &str| format!("event: {name}\ndata: {data}\n\n");
    let begun = event(
        "message_start",
        r#"{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[],"model":"m","usage":{"input_tokens":1,"output_tokens":1}}}"#,
    );
    let block = |block: &str, delta: &str| {
        event(
            "content_block_start",
            &format!(r#"{{"type":"content_block_start","index":0,"content_block":{block}}}"#),
        ) + &event(
            "content_block_delta",
            &format!(r#"{{"type":"content_block_delta","index":0,"delta":{delta}}}"#),
        ) + &event("content_block_stop", r#"{"type":"content_block_stop","index":0}"#)
    };
    let call = block(
        r#"{"type":"tool_use","id":"t","name":"add","input":{}}"#,
        r#"{"type":"input_json_delta","partial_json":"{\"a\":17,\"b\":25}"}"#,
    );
    let text = block(r#"{"type":"text","text":""}"#, r#"{"type":"text_delta","text":"It is 42."}"#);
    let end = |reason: &str| {
        let delta = format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}"}},"usage":{{"output_tokens":5}}}}"#
        );
        event("message_delta", &delta) + &event("message_stop", r#"{"type":"message_stop"}"#)
    };
    let streams = [
        // Cut behind the whole call, before the model says that it stopped.
        format!("{begun}{call}"),
        format!("{begun}{call}{}", end("tool_use")),
        format!("{begun}{text}{}", end("end_turn")),
    ];
    let mut requests = 0;
    let url = serve(move |_| {
        requests += 1;
        answer("200 OK", "text/event-stream", &streams[requests.min(3) - 1])
    });
    let mut command = program("tools");
    command.arg(url);
    let printed = printed(&run(command, "").await);
    assert_eq!(printed, "\n[add {\"a\":17,\"b\":25}: 42]\nIt is 42.\n");
}

#[tokio::test]
async fn resume_after_kill() {
    let dir = tempfile::tempdir().expect("a directory");
    let mock = mock("").await;
    let program = || {
        let mut command = program("resume_after_kill");
        command.arg(dir.path()).arg(mock.url());
        command
    };
    let whole = mock.text_for(ASKED);
    let mut shown = String::new();
    for kill_after in [whole.len() / 3, whole.len() * 2 / 3] {
        let mut command = program();
        command.env("KILL_AFTER", kill_after.to_string());
        let output = run(command, "").await;
        assert!(!output.status.success(), "it was killed");
        shown += &String::from_utf8(output.stdout).expect("it prints text");
        assert!(shown.len() >= kill_after && whole.starts_with(&shown), "{shown}");
    }
    shown += &printed(&run(program(), "").await);
    assert_eq!(shown, whole);
}

#[tokio::test]
async fn many_endpoints() {
    let (down, up) = (mock_with(mock_provider::Config::default()).await, mock("").await);
    let gone = down.url();
    drop(down);
    let mut command = program("many_endpoints");
    command.args([&gone, &up.url()]);
    let output = run(command, "").await;
    assert_eq!(printed(&output), up.text_for(ASKED) + "\n");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!([gone, up.url()].iter().all(|url| said.contains(&format!("{url}/v1: "))));
}

#[tokio::test]
async fn custom_store() {
    let (mock, output) = run_against("custom_store", "rst@20").await;
    assert_eq!(printed(&output), mock.text_for(ASKED) + "\n");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("[store: lighthouses opened]\n[store: 1 records from 1]"), "{said}");
}

#[cfg(feature = "profile-files")]
#[tokio::test]
async fn custom_profile() {
    let (mock, output) = run_against("custom_profile", "rst@20").await;
    assert_eq!(printed(&output), mock.text_for(ASKED) + "\n");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("by prefill: exact"), "{said}");
}
