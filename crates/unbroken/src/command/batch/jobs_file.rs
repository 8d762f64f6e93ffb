//! The jobs file: JSON lines, all read before anything is asked. A file with one bad line is
//! refused whole.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::job::Job;
use crate::status::usage_error;

/// Reads every job; an empty line is none.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Job>> {
    let shown = path.display();
    let cannot = |error: io::Error| usage_error(format_args!("cannot read {shown}: {error}"));
    let mut lines = Lines::new(BufReader::new(File::open(path).map_err(cannot)?));
    let mut reading = Reading::new(JOBS_MAX, JOBS_BYTES_MAX);
    while let Some(line) = lines.next().map_err(cannot)? {
        reading.take(&line).map_err(|limit| usage_error(format_args!("{shown}: {limit}")))?;
    }
    reading.finish(&shown.to_string())
}

/// Jobs of one file.
const JOBS_MAX: usize = 100_000;

/// Bytes of one file; it is held in memory.
const JOBS_BYTES_MAX: usize = 256 << 20;

/// Bytes of one line: the longest prompt, and what its escapes may add.
const LINE_BYTES_MAX: usize = 32 << 20;

/// Bad lines that are told of.
const MISTAKES_SHOWN: usize = 10;

/// Lines without their ends; what is beyond the limit of one is not kept.
struct Lines<R> {
    input: R,
    limit: usize,
}

impl<R: BufRead> Lines<R> {
    const fn new(input: R) -> Self {
        Self { input, limit: LINE_BYTES_MAX }
    }

    fn next(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        let limit = self.limit as u64 + 1;
        if self.input.by_ref().take(limit).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        if bytes.len() > self.limit && bytes.last() != Some(&b'\n') {
            self.input.skip_until(b'\n')?;
            return Ok(Some(Line::TooLong));
        }
        Ok(Some(Line::Whole(bytes)))
    }
}

enum Line {
    Whole(Vec<u8>),
    TooLong,
}

/// What was read so far.
struct Reading {
    jobs_max: usize,
    bytes_max: usize,
    number: usize,
    bytes: usize,
    jobs: Vec<Job>,
    /// The line of each id, by what it is where case makes no difference.
    lines: BTreeMap<String, usize>,
    mistakes: Vec<String>,
}

impl Reading {
    const fn new(jobs_max: usize, bytes_max: usize) -> Self {
        Self {
            jobs_max,
            bytes_max,
            number: 0,
            bytes: 0,
            jobs: Vec::new(),
            lines: BTreeMap::new(),
            mistakes: Vec::new(),
        }
    }

    /// Takes the next line; the error is a limit of the file.
    fn take(&mut self, line: &Line) -> Result<(), String> {
        self.number += 1;
        if let Err(mistake) = self.read(line) {
            self.mistakes.push(format!("line {}: {mistake}", self.number));
        }
        match (self.jobs_max, self.bytes_max) {
            (max, _) if self.jobs.len() + self.mistakes.len() > max => {
                Err(format!("more than {max} jobs"))
            }
            (_, max) if self.bytes > max => Err(format!("longer than {max} bytes")),
            _ => Ok(()),
        }
    }

    fn read(&mut self, line: &Line) -> Result<(), String> {
        let Line::Whole(bytes) = line else {
            return Err(format!("longer than {LINE_BYTES_MAX} bytes"));
        };
        self.bytes += bytes.len();
        let bytes = match self.number {
            1 => bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes),
            _ => bytes,
        };
        if bytes.trim_ascii().is_empty() {
            return Ok(());
        }
        let job = Job::parse(bytes)?;
        if let Some(line) = self.lines.insert(job.id.folded(), self.number) {
            return Err(format!("`id` {} is that of line {line}, or differs only in case", job.id));
        }
        self.jobs.push(job);
        Ok(())
    }

    fn finish(self, file: &str) -> anyhow::Result<Vec<Job>> {
        if self.mistakes.is_empty() {
            return Ok(self.jobs);
        }
        let shown = self.mistakes.iter().take(MISTAKES_SHOWN).map(|m| format!("\n  {m}"));
        let shown: String = shown.collect();
        let more = match self.mistakes.len().saturating_sub(MISTAKES_SHOWN) {
            0 => String::new(),
            more => format!("\n  and {more} more"),
        };
        Err(usage_error(format_args!("{file}: nothing was asked{shown}{more}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> anyhow::Result<Vec<Job>> {
        let mut reading = Reading::new(JOBS_MAX, JOBS_BYTES_MAX);
        let mut lines = Lines::new(text.as_bytes());
        while let Some(line) = lines.next().unwrap() {
            reading.take(&line).unwrap();
        }
        reading.finish("jobs")
    }

    #[test]
    fn a_file_is_its_jobs_in_order() {
        let text =
            "\u{feff}{\"id\":\"b\",\"prompt\":\"p\"}\r\n\n  \n{\"id\":\"a\",\"prompt\":\"q\"}";
        let jobs = parse(text).unwrap();
        assert_eq!(jobs.iter().map(|job| job.id.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn every_mistake_is_told_with_its_line_up_to_a_limit() {
        let error = parse("{\"id\":\"a\",\"prompt\":\"p\"}\n{\n7\n").unwrap_err().to_string();
        let expected =
            "jobs: nothing was asked\n  line 2: not JSON, at byte 0\n  line 3: not a JSON object";
        assert_eq!(error, expected);
        let error = parse(&"7\n".repeat(MISTAKES_SHOWN + 3)).unwrap_err().to_string();
        assert!(error.ends_with("line 10: not a JSON object\n  and 3 more"), "{error}");
    }

    #[test]
    fn two_jobs_are_never_one_file() {
        let text = "{\"id\":\"a\",\"prompt\":\"p\"}\n{\"id\":\"A\",\"prompt\":\"p\"}\n";
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains("line 2: `id` A is that of line 1"), "{error}");
    }

    #[test]
    fn a_file_beyond_its_limits_is_refused() {
        let take = |jobs_max, bytes_max| {
            let mut reading = Reading::new(jobs_max, bytes_max);
            let mut lines = ["{\"id\":\"a\",\"prompt\":\"p\"}", "7"].into_iter();
            lines.try_for_each(|line| reading.take(&Line::Whole(line.into())))
        };
        assert_eq!(take(2, 24), Ok(()));
        assert_eq!(take(1, 24), Err("more than 1 jobs".to_owned()));
        assert_eq!(take(2, 23), Err("longer than 23 bytes".to_owned()));
    }

    #[test]
    fn a_line_beyond_the_limit_is_one_mistake() {
        let mut lines = Lines { input: &b"12345\n123456\n123\n"[..], limit: 5 };
        let mut kinds = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            kinds.push(match line {
                Line::Whole(bytes) => bytes.trim_ascii().len(),
                Line::TooLong => 0,
            });
        }
        assert_eq!(kinds, [5, 0, 3]);
    }
}
