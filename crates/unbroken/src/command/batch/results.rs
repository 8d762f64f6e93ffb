//! `results.jsonl`: one line for each job that ended. What it says decides what a later run
//! skips, so a line is durable before anything relies on it.

use anyhow::{Context, anyhow, bail};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::job::Job;
use super::job_id::JobId;
use crate::object::{Joint, Usage};

/// The file, open at its end.
#[derive(Debug)]
pub(super) struct Results {
    file: File,
    /// Bytes of whole lines.
    end: u64,
}

/// What earlier runs say of each job.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The last line of each id.
    last: HashMap<String, Entry>,
    /// How often each id and fingerprint failed such that it had to be asked anew.
    spoilt: HashMap<(String, Option<String>), u32>,
}

/// What earlier runs say of one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Past {
    /// It is not finished.
    Open {
        /// How often it ended such that going on would not help: so many of its streams are
        /// left behind.
        spoilt: u32,
    },
    /// It is finished.
    Finished,
    /// It is finished, but what was asked then was something else.
    OtherFinished,
}

/// One line.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) id: JobId,
    pub(super) ok: bool,
    pub(super) error: Option<Failure>,
    /// Seconds from the start of the job in this run to its first new text.
    pub(super) ttft: Option<f64>,
    /// Seconds that the job took in this run.
    pub(super) secs: f64,
    /// Connections so far, those of earlier runs included.
    pub(super) attempts: u32,
    pub(super) seams: Vec<Joint>,
    /// Tokens of this run.
    pub(super) usage: Usage,
    /// Dollars of all runs, exact; `null` is not known.
    pub(super) usd: Option<String>,
    pub(super) text_bytes: u64,
    pub(super) stop: Option<&'static str>,
    pub(super) model: Option<String>,
    /// Whether an earlier run had begun it.
    pub(super) resumed: bool,
    /// Tells what was asked from what another job of this name asks.
    pub(super) job: String,
}

/// Why a job is not finished.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Failure {
    pub(super) kind: &'static str,
    pub(super) message: String,
    /// Whether the next run goes on where this one ended; else it asks anew.
    pub(super) resumable: bool,
}

impl Results {
    /// Opens the file, takes a torn last line off it, and reads the rest.
    pub(super) fn open(path: &Path) -> anyhow::Result<(Self, History)> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let shown = path.display();
        let mut bytes = Vec::new();
        let opened = options.open(path).and_then(|mut file| {
            let len = file.metadata()?.len();
            if len <= RESULTS_BYTES_MAX {
                file.read_to_end(&mut bytes)?;
            }
            Ok((file, len))
        });
        let (file, len) = opened.with_context(|| format!("cannot read {shown}"))?;
        if len > RESULTS_BYTES_MAX {
            bail!("{shown} is longer than {RESULTS_BYTES_MAX} bytes");
        }
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let mut results = Self { file, end: whole as u64 };
        let mut history = History::default();
        for (at, line) in bytes[..whole].split(|byte| *byte == b'\n').enumerate() {
            history.take(line).with_context(|| format!("{shown}, line {}", at + 1))?;
        }
        results
            .mend(&bytes[whole..], &mut history)
            .with_context(|| format!("cannot mend {shown}"))?;
        Ok((results, history))
    }

    /// Adds a line; it is durable when this returns. After an error nothing of it is there.
    pub(super) fn append(&mut self, line: &Line) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.write(&bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = self.file.write_all(bytes).and_then(|()| self.file.sync_all());
        match written {
            Ok(()) => self.end += bytes.len() as u64,
            // The next line, if there is room for one, must not join what there is of this one.
            Err(_) => self.rewind()?,
        }
        written
    }

    /// Keeps a last line of which only the line break is missing, and drops any other.
    fn mend(&mut self, torn: &[u8], history: &mut History) -> io::Result<()> {
        if torn.trim_ascii().is_empty() || history.take(torn).is_err() {
            return self.rewind();
        }
        self.end += torn.len() as u64;
        self.rewind()?;
        self.write(b"\n")
    }

    fn rewind(&mut self) -> io::Result<()> {
        self.file.set_len(self.end)?;
        self.file.seek(SeekFrom::Start(self.end))?;
        Ok(())
    }
}

impl History {
    /// What is known of a job.
    pub(super) fn of(&self, job: &Job) -> Past {
        let asked = Some(job.fingerprint());
        match self.last.get(job.id.as_str()) {
            Some(Entry { ok: true, job: None, .. }) => Past::Finished,
            Some(Entry { ok: true, job, .. }) if *job == asked => Past::Finished,
            Some(Entry { ok: true, .. }) => Past::OtherFinished,
            _ => {
                let spoilt = self.spoilt.get(&(job.id.as_str().to_owned(), asked));
                Past::Open { spoilt: spoilt.copied().unwrap_or(0) }
            }
        }
    }

    fn take(&mut self, line: &[u8]) -> anyhow::Result<()> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        // serde's own words may quote the line.
        let entry: Entry =
            serde_json::from_slice(line).map_err(|_| anyhow!("not a line of this command"))?;
        if entry.error.as_ref().is_some_and(|error| !error.resumable) {
            let spoilt = self.spoilt.entry((entry.id.clone(), entry.job.clone())).or_default();
            *spoilt = spoilt.saturating_add(1);
        }
        self.last.insert(entry.id.clone(), entry);
        Ok(())
    }
}

/// What a later run needs of a line. A line written by hand may lack `job`.
#[derive(Debug, Deserialize)]
struct Entry {
    id: String,
    ok: bool,
    #[serde(default)]
    error: Option<Ended>,
    #[serde(default)]
    job: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Ended {
    resumable: bool,
}

/// Bytes of the file that are read: some 400 for each of a million lines.
const RESULTS_BYTES_MAX: u64 = 512 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const OPEN: Past = Past::Open { spoilt: 0 };

    fn job(id: &str) -> Job {
        Job::parse(format!(r#"{{"id":"{id}","prompt":"p"}}"#).as_bytes()).unwrap()
    }

    fn line(job: &Job, error: Option<bool>) -> String {
        let error =
            error.map(|resumable| Failure { kind: "refused", message: "no".to_owned(), resumable });
        let line = Line {
            id: job.id.clone(),
            ok: error.is_none(),
            error,
            ttft: None,
            secs: 0.25,
            attempts: 1,
            seams: Vec::new(),
            usage: Usage::new(&cost::Usage::default(), false),
            usd: None,
            text_bytes: 0,
            stop: None,
            model: None,
            resumed: false,
            job: job.fingerprint(),
        };
        serde_json::to_string(&line).unwrap()
    }

    fn open(text: &[u8]) -> (anyhow::Result<History>, String) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("results.jsonl");
        fs::write(&path, text).unwrap();
        let history = Results::open(&path).map(|(_, history)| history);
        (history, String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned())
    }

    #[test]
    fn the_last_line_of_a_job_counts() {
        let (a, b, c) = (job("a"), job("b"), job("c"));
        let no = |job| line(job, Some(false));
        let lines = [no(&a), line(&a, None), no(&b), line(&c, Some(true)), no(&b)];
        let text = lines.join("\n") + "\n";
        let (history, after) = open(text.as_bytes());
        let history = history.unwrap();
        assert_eq!(history.of(&a), Past::Finished);
        assert_eq!(history.of(&b), Past::Open { spoilt: 2 });
        assert_eq!(history.of(&c), OPEN);
        assert_eq!(history.of(&job("d")), OPEN);
        assert_eq!(after, text);
    }

    #[test]
    fn a_job_that_asks_something_else_is_not_taken_for_the_finished_one() {
        let other = Job::parse(br#"{"id":"a","prompt":"q"}"#).unwrap();
        let history = open((line(&job("a"), None) + "\n").as_bytes()).0.unwrap();
        assert_eq!(history.of(&other), Past::OtherFinished);
        let history = open((line(&job("a"), Some(false)) + "\n").as_bytes()).0.unwrap();
        assert_eq!(history.of(&other), OPEN);
        let history = open(b"{\"id\":\"a\",\"ok\":true}\n").0.unwrap();
        assert_eq!(history.of(&other), Past::Finished);
    }

    #[test]
    fn every_torn_end_is_mended() {
        let (a, b) = (job("a"), job("b"));
        let first = line(&a, None) + "\n";
        let second = line(&b, None);
        for cut in 0..second.len() {
            let (history, after) = open(format!("{first}{}", &second[..cut]).as_bytes());
            let history = history.unwrap();
            assert_eq!((history.of(&a), history.of(&b)), (Past::Finished, OPEN), "{cut}");
            assert_eq!(after, first, "{cut}");
        }
        let (history, after) = open(format!("{first}{second}").as_bytes());
        assert_eq!(history.unwrap().of(&b), Past::Finished);
        assert_eq!(after, format!("{first}{second}\n"));
        assert_eq!(open(&[first.as_bytes(), &[0; 70]].concat()).1, first);
        assert_eq!(open(b"\xff\xfe").1, "");
    }

    #[test]
    fn a_line_in_the_middle_that_is_none_is_refused_without_a_quotation() {
        let error = open(b"{\"id\":\"a\",\"ok\":true}\n{\"s3cret\":1}\n").0.unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains("line 2: not a line of this command"), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }

    #[test]
    fn a_file_beyond_its_limit_is_refused_unread() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("results.jsonl");
        File::create(&path).unwrap().set_len(RESULTS_BYTES_MAX + 1).unwrap();
        let error = Results::open(&path).unwrap_err().to_string();
        assert!(error.contains("is longer than 536870912 bytes"), "{error}");
    }

    #[test]
    fn lines_are_added_behind_what_was_mended() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("results.jsonl");
        let first = line(&job("a"), None) + "\n";
        fs::write(&path, format!("{first}{{\"id\":")).unwrap();
        let (mut results, _) = Results::open(&path).unwrap();
        results.write(b"{\"id\":\"b\",\"ok\":true}\n").unwrap();
        let after = fs::read_to_string(&path).unwrap();
        assert_eq!(after, format!("{first}{{\"id\":\"b\",\"ok\":true}}\n"));
    }
}
