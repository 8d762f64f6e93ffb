//! `unbroken batch`: every text byte by byte, and nothing asked twice.

mod crash;
mod refusal;

use mock_provider::{Config, Faults, RequestRecord};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

use crate::world::{Finished, Started, World, faults};

/// A world, and a directory with jobs in it.
struct Batch {
    world: World,
    config: Config,
    jobs: PathBuf,
}

impl Batch {
    /// So many jobs, named `j0` on, against a provider with this configuration.
    fn new(count: usize, config: Config) -> Self {
        let lines = (0..count).map(|n| json!({ "id": id(n), "prompt": prompt(n) }).to_string());
        let lines: Vec<String> = lines.collect();
        Self::of(&lines.join("\n"), config)
    }

    fn of(lines: &str, config: Config) -> Self {
        let world = World::new(config.clone());
        let jobs = world.home().join("jobs.jsonl");
        fs::write(&jobs, lines).expect("a file");
        Self { world, config, jobs }
    }

    fn out(&self) -> PathBuf {
        self.world.home().join("out")
    }

    fn arguments<'a>(&'a self, out: &'a str, flags: &[&'a str]) -> Vec<&'a str> {
        let jobs = self.jobs.to_str().expect("UTF-8");
        let fixed = ["batch", "--jobs", jobs, "--out", out];
        let clocks = ["--base-url", self.world.url(), "--deadline", "60s"];
        [&fixed[..], &clocks[..], flags].concat()
    }

    fn run(&self, flags: &[&str]) -> Finished {
        let out = self.out();
        self.world.run(&self.arguments(out.to_str().expect("UTF-8"), flags))
    }

    fn start(&self, flags: &[&str]) -> Started {
        let out = self.out();
        let arguments = self.arguments(out.to_str().expect("UTF-8"), flags);
        self.world.command(&arguments).spawn().expect("the command starts").into()
    }

    fn text(&self, n: usize) -> String {
        fs::read_to_string(self.out().join(format!("{}.txt", id(n)))).expect("UTF-8")
    }

    #[track_caller]
    fn assert_text(&self, n: usize) {
        assert_eq!(self.text(n), self.config.text_for(&prompt(n)), "job {n}");
    }

    #[track_caller]
    fn assert_texts(&self, count: usize) {
        (0..count).for_each(|n| self.assert_text(n));
    }

    fn results(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.out().join("results.jsonl")).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Which jobs the lines name, in order of their names.
    fn finished(&self) -> Vec<String> {
        let ok = |line: &Value| line["ok"] == true;
        let lines = self.results().into_iter().filter(ok);
        let mut ids: Vec<_> = lines.map(|l| l["id"].as_str().expect("an id").to_owned()).collect();
        ids.sort();
        ids
    }

    /// How often a job was asked.
    fn requests(&self, n: usize) -> usize {
        self.world.ledger().for_prompt(&prompt(n)).count()
    }
}

fn id(n: usize) -> String {
    format!("j{n:02}")
}

fn prompt(n: usize) -> String {
    format!("tell me about number {n}")
}

fn ids(count: usize) -> Vec<String> {
    (0..count).map(id).collect()
}

/// Every prompt meets this script from its start.
fn per_prompt(script: &str) -> Config {
    let faults = Faults::PerPrompt(script.parse().expect("a script"));
    Config { faults, tokens: 120, ..Config::default() }
}

/// The requests in order of their arrival meet this script.
fn in_order(script: &str) -> Config {
    Config { faults: faults(script), tokens: 120, ..Config::default() }
}

/// The most requests that were being answered at the same time.
fn peak(requests: &[RequestRecord]) -> usize {
    let at = |record: &RequestRecord| {
        let answered = |other: &&RequestRecord| {
            other.at <= record.at && other.ended_at.is_none_or(|end| end > record.at)
        };
        requests.iter().filter(answered).count()
    };
    requests.iter().map(at).max().unwrap_or(0)
}

#[test]
fn twenty_jobs_four_at_a_time_are_twenty_whole_texts() {
    let batch = Batch::new(20, Config { pace: brief(), ..per_prompt("") });
    let run = batch.run(&["--concurrency", "4"]);
    run.assert_status(0);
    batch.assert_texts(20);
    assert_eq!(batch.finished(), ids(20));
    assert!(run.text().starts_with("20 jobs: 20 done (0 resumed), 0 skipped, 0 failed"));
    assert!(run.text().contains(" 2400 out, "), "{}", run.text());
    assert_eq!(run.stderr, "");
    let ledger = batch.world.ledger();
    assert_eq!(ledger.totals.requests, 20);
    assert_eq!(peak(&ledger.requests), 4);
    for line in batch.results() {
        assert_eq!((&line["error"], &line["attempts"]), (&Value::Null, &json!(1)), "{line}");
        assert_eq!((&line["usage"]["output"], &line["stop"]), (&json!(120), &json!("end-turn")));
        let (ttft, secs) = (line["ttft"].as_f64(), line["secs"].as_f64());
        assert!(ttft.is_some() && ttft <= secs, "{line}");
    }
}

/// Long enough that all who may run do.
fn brief() -> mock_provider::Pace {
    let delay_per_token = std::time::Duration::from_millis(1);
    mock_provider::Pace { delay_per_token, ..Default::default() }
}

#[test]
fn faults_in_every_stream_cost_no_byte_on_either_wire() {
    for wire in ["anthropic", "openai-chat"] {
        let batch = Batch::new(8, Config { tokens: 300, ..per_prompt("rst@60,utf8@60,end@60") });
        let run = batch.run(&["--concurrency", "4", "--protocol", wire]);
        run.assert_status(0);
        batch.assert_texts(8);
        for line in batch.results() {
            assert_eq!(line["attempts"], 4, "{line}");
            assert_eq!(line["seams"].as_array().map(Vec::len), Some(3), "{line}");
        }
    }
}

#[test]
fn a_job_that_fails_leaves_the_others_alone_and_is_asked_again_next_time() {
    let batch = Batch::new(3, in_order("ok,400,ok"));
    let run = batch.run(&["--concurrency", "1"]);
    run.assert_status(1);
    assert!(run.stderr.contains("job j01: request refused"), "{}", run.stderr);
    assert!(run.text().starts_with("3 jobs: 2 done (0 resumed), 0 skipped, 1 failed, 0 cut"));
    assert_eq!(batch.finished(), [id(0), id(2)]);
    let line = &batch.results()[1];
    assert_eq!((&line["ok"], &line["error"]["kind"]), (&json!(false), &json!("refused")));
    assert_eq!(line["error"]["resumable"], false);
    let run = batch.run(&["--concurrency", "1"]);
    run.assert_status(0);
    batch.assert_texts(3);
    assert_eq!((0..3).map(|n| batch.requests(n)).collect::<Vec<_>>(), [1, 2, 1]);
    let keys: Vec<_> = batch.world.ledger().for_prompt(&prompt(1)).map(key).collect();
    assert_ne!(keys[0], keys[1], "a provider may answer a key again with its refusal");
}

fn key(record: &RequestRecord) -> Option<String> {
    record.idempotency_key.clone()
}

#[test]
fn a_job_that_is_cut_is_gone_on_with_next_time() {
    let batch = Batch::new(2, in_order("end@60"));
    let run = batch.run(&["--concurrency", "1", "--max-attempts", "1"]);
    run.assert_status(75);
    let line = &batch.results()[0];
    assert_eq!((&line["ok"], &line["error"]["resumable"]), (&json!(false), &json!(true)));
    assert_eq!(line["text_bytes"], batch.text(0).len());
    assert!(batch.config.text_for(&prompt(0)).starts_with(&batch.text(0)));
    let run = batch.run(&[]);
    run.assert_status(0);
    batch.assert_texts(2);
    let line = batch.results().pop().expect("a line");
    assert_eq!(
        (&line["id"], &line["attempts"], &line["resumed"]),
        (&json!("j00"), &json!(2), &json!(true))
    );
}

#[test]
fn after_so_many_failures_in_a_row_no_job_is_begun() {
    let batch = Batch::new(9, in_order("401*9"));
    let run = batch.run(&["--concurrency", "1", "--max-failures", "3"]);
    run.assert_status(1);
    assert!(run.stderr.contains("see --max-failures"), "{}", run.stderr);
    assert!(run.text().contains(" 3 failed, 0 cut, 6 left"), "{}", run.text());
    assert_eq!(batch.world.ledger().totals.requests, 3);
}

#[test]
fn a_job_says_what_it_is_asked_with_and_the_flags_say_the_rest() {
    let lines = "{\"id\":\"a\",\"prompt\":\"one\",\"model\":\"claude-opus-4-5\",\"max_tokens\":900,\
                 \"system\":\"be brief\",\"temperature\":0.5}\n{\"id\":\"b\",\"prompt\":\"two\"}\n";
    let batch = Batch::of(lines, per_prompt(""));
    batch.run(&["--model", "claude-sonnet-4-5", "--max-tokens", "800"]).assert_status(0);
    let ledger = batch.world.ledger();
    let asked = |prompt: &str| {
        let record = ledger.for_prompt(prompt).next().expect("a request");
        (record.model.clone(), record.max_tokens, record.body_bytes)
    };
    let (model, max_tokens, with) = asked("one");
    assert_eq!((model.as_str(), max_tokens), ("claude-opus-4-5", Some(900)));
    let (model, max_tokens, without) = asked("two");
    assert_eq!((model.as_str(), max_tokens), ("claude-sonnet-4-5", Some(800)));
    let more = ",\"system\":\"be brief\",\"temperature\":0.5".len();
    assert_eq!(with + "claude-sonnet-4-5".len(), without + "claude-opus-4-5".len() + more);
}

#[test]
fn a_finished_job_whose_text_is_gone_is_asked_again() {
    let batch = Batch::new(2, per_prompt(""));
    batch.run(&[]).assert_status(0);
    fs::remove_file(batch.out().join("j01.txt")).expect("a file");
    batch.run(&[]).assert_status(0);
    batch.assert_texts(2);
    assert_eq!((batch.requests(0), batch.requests(1)), (1, 2));
}

#[test]
fn checkpoints_can_be_elsewhere_or_nowhere() {
    let batch = Batch::new(2, per_prompt("rst@40"));
    batch.run(&["--checkpoints", "memory"]).assert_status(0);
    batch.assert_texts(2);
    assert!(!batch.out().join("checkpoints").exists());
    let batch = Batch::new(2, per_prompt("end@40"));
    let elsewhere = batch.world.home().join("elsewhere");
    let flags = ["--checkpoints", elsewhere.to_str().expect("UTF-8")];
    batch.run(&[&flags[..], &["--max-attempts", "1"]].concat()).assert_status(75);
    assert!(!batch.out().join("checkpoints").exists());
    batch.run(&flags).assert_status(0);
    batch.assert_texts(2);
    assert_eq!(batch.world.ledger().totals.requests, 4);
}

#[test]
fn what_was_cut_at_a_server_that_is_gone_is_finished_at_the_next() {
    let mut batch = Batch::new(4, per_prompt("end@60"));
    batch.run(&["--max-attempts", "1"]).assert_status(75);
    let other = World::new(per_prompt(""));
    batch.world.close_server();
    let run = batch.run(&["--base-url", other.url()]);
    run.assert_status(0);
    batch.assert_texts(4);
    assert_eq!(other.ledger().totals.requests, 4);
}

#[test]
fn a_finished_job_leaves_no_checkpoint() {
    let batch = Batch::new(3, per_prompt("rst@40"));
    batch.run(&[]).assert_status(0);
    let checkpoints = batch.out().join("checkpoints");
    let flags = ["streams", "--checkpoints", checkpoints.to_str().expect("UTF-8")];
    let run = batch.world.run(&flags);
    run.assert_status(0);
    assert_eq!(run.text(), "");
}
