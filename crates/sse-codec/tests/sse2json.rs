//! The example `sse2json` as a process: its lines, its exit status, and how it fails.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::{Value, json};

/// The example, which cargo builds beside the tests.
fn program() -> PathBuf {
    let test = env::current_exe().expect("a path");
    let build = test.parent().and_then(|deps| deps.parent()).expect("target/PROFILE/deps");
    let program = build.join("examples").join(format!("sse2json{}", env::consts::EXE_SUFFIX));
    assert!(
        program.exists(),
        "{} is missing: `cargo test` builds it, `cargo test --test` does not",
        program.display()
    );
    program
}

fn start(args: &[&str]) -> Child {
    Command::new(program())
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts")
}

/// What a run left behind.
struct Ended {
    lines: Vec<Value>,
    errors: String,
    status: Option<i32>,
}

/// Runs it to the end of `stream`.
fn run(args: &[&str], stream: &[u8]) -> Ended {
    let mut child = start(args);
    let mut input = child.stdin.take().expect("a pipe");
    let stream = stream.to_vec();
    // Beside the reader, for a stream may be larger than a pipe.
    let writer = thread::spawn(move || {
        let _ = input.write_all(&stream);
    });
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("the writer ends");
    let lines = output.stdout.split_inclusive(|&byte| byte == b'\n');
    Ended {
        lines: lines.map(|line| serde_json::from_slice(line).expect("a line of JSON")).collect(),
        errors: String::from_utf8(output.stderr).expect("text"),
        status: output.status.code(),
    }
}

#[track_caller]
fn check(stream: &[u8], expected: &[Value]) {
    for args in [&[][..], &["--chunk", "1"], &["--chunk", "7"]] {
        let ended = run(args, stream);
        assert_eq!(ended.lines, expected, "{args:?}");
        assert_eq!((&*ended.errors, ended.status), ("", Some(0)), "{args:?}");
    }
}

fn end(last_event_id: &str, retry: Option<u64>, cut: bool) -> Value {
    json!({ "end": { "last_event_id": last_event_id, "retry": retry, "cut": cut } })
}

#[test]
fn every_event_is_a_line_and_the_end_is_one() {
    check(
        b"event: e\nid: 7\nretry: 10\ndata: a\ndata: \"b\"\n\n: ping\ndata\n\nretry: 20\n\n",
        &[
            json!({ "event": "e", "data": "a\n\"b\"", "id": "7", "retry": 10, "offset": 0 }),
            json!({ "event": "message", "data": "", "id": "7", "offset": 44 }),
            end("7", Some(20), false),
        ],
    );
    check(b"", &[end("", None, false)]);
}

#[test]
fn a_cut_is_said_at_the_end() {
    check(
        b"data: a\n\nid: 9\ndata: b\n",
        &[json!({ "event": "message", "data": "a", "id": "", "offset": 0 }), end("", None, true)],
    );
}

#[test]
fn what_is_not_text_is_replaced() {
    check(
        b"event: \xff\nid: \xe2\x82\ndata: \xf0\x9f\x98x\0\n\n",
        &[
            json!({ "event": "\u{fffd}", "data": "\u{fffd}x\0", "id": "\u{fffd}", "offset": 0 }),
            end("\u{fffd}", None, false),
        ],
    );
}

#[test]
fn a_large_number_of_milliseconds_is_a_number() {
    check(
        b"retry: 99999999999999999999\ndata: a\n\n",
        &[
            json!({ "event": "message", "data": "a", "id": "", "retry": u64::MAX, "offset": 0 }),
            end("", Some(u64::MAX), false),
        ],
    );
}

#[test]
fn the_keys_are_in_the_order_of_the_documentation() {
    let mut child = start(&[]);
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(b"retry: 1\ndata: a\n\n").expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let expected = "{\"event\":\"message\",\"data\":\"a\",\"id\":\"\",\"retry\":1,\"offset\":0}\n\
        {\"end\":{\"last_event_id\":\"\",\"retry\":1,\"cut\":false}}\n";
    assert_eq!(String::from_utf8(output.stdout).expect("text"), expected);
}

#[test]
fn an_event_is_written_before_more_is_waited_for() {
    let mut child = start(&[]);
    let mut input = child.stdin.take().expect("a pipe");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    for data in ["a", "b"] {
        write!(input, "data: {data}\n\n").expect("it reads");
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        assert!(line.contains(&format!("\"data\":\"{data}\"")), "{line}");
    }
    drop(input);
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn an_event_over_the_limit_is_reported_and_the_others_are_written() {
    let mut stream = b"data: a\n\ndata: ".to_vec();
    stream.resize(stream.len() + (16 << 20) + 1, b'x');
    stream.extend_from_slice(b"\n\ndata: b\n\n");
    let ended = run(&[], &stream);
    let data: Vec<_> = ended.lines.iter().filter_map(|line| line["data"].as_str()).collect();
    assert_eq!(data, ["a", "b"]);
    assert_eq!(ended.lines.last(), Some(&end("", None, false)));
    assert_eq!(
        (&*ended.errors, ended.status),
        ("sse2json: event at byte 9 exceeds event_bytes_max (16777216 bytes)\n", Some(1))
    );
}

#[track_caller]
fn check_usage(args: &[&str], message: &str) {
    let ended = run(args, b"data: a\n\n");
    assert!(ended.lines.is_empty());
    assert_eq!(ended.status, Some(2));
    assert!(ended.errors.contains(message), "{}", ended.errors);
    assert!(ended.errors.contains("Usage: sse2json"), "{}", ended.errors);
}

#[test]
fn a_wrong_call_is_refused() {
    check_usage(&["--chunk"], "`--chunk` needs a number of bytes");
    check_usage(&["--chunk", "0"], "`--chunk 0` is no number");
    check_usage(&["--chunk", "-1"], "`--chunk -1` is no number");
    check_usage(&["--chunk", "x"], "`--chunk x` is no number");
    check_usage(&["--chunk", "99999999999999"], "is no number from 1 to");
    check_usage(&["--frobnicate"], "unknown argument `--frobnicate`");
    check_usage(&["file"], "unknown argument `file`");
}

#[test]
fn an_output_that_nobody_reads_ends_it_quietly() {
    let mut child = start(&["--chunk", "1024"]);
    drop(child.stdout.take());
    let mut input = child.stdin.take().expect("a pipe");
    // Ends when the program is gone, since its input is then a broken pipe.
    while input.write_all(b"data: a\n\n").is_ok() {}
    let mut errors = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut errors).expect("text");
    assert_eq!((&*errors, child.wait().expect("it ends").code()), ("", Some(0)));
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_is_full_is_an_error_and_no_panic() {
    for args in [&[][..], &["--help"]] {
        let full = std::fs::File::create("/dev/full").expect("a device");
        let output = Command::new(program()).args(args).stdin(Stdio::null()).stdout(full).output();
        let output = output.expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let errors = String::from_utf8(output.stderr).expect("text");
        assert!(errors.starts_with("sse2json: cannot write the output: "), "{errors}");
    }
}

#[cfg(unix)]
#[test]
fn an_input_that_cannot_be_read_is_an_error() {
    let folder = std::fs::File::open(env::temp_dir()).expect("a folder");
    let output = Command::new(program()).stdin(folder).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty(), "no end was read");
    let errors = String::from_utf8(output.stderr).expect("text");
    assert!(errors.starts_with("sse2json: cannot read the input: "), "{errors}");
}
