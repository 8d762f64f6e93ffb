//! Asks the program beside this one for allocations: a request is a line, its answer another.
//!
//! Counting happens in a process of its own because it slows down every allocation.

use std::io::{self, Error, Write};
use std::process::{Command, Stdio};

use crate::cell::Input;
use crate::corpus::{CHUNKS, Corpus};
use crate::entry::{ENTRIES, Entry};

/// What one pass of an entry allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allocations {
    /// How often.
    pub count: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// Which pass is meant, by indices of the tables and the number of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Index of [`NAMES`](crate::corpus::NAMES).
    pub corpus: usize,
    /// Index of [`CHUNKS`].
    pub chunk: usize,
    /// Index of [`ENTRIES`].
    pub entry: usize,
    /// The first so many events of the stream.
    pub events: usize,
}

impl Request {
    /// Reads the line of a request.
    pub fn parse(line: &str) -> Option<Self> {
        let numbers: Vec<usize> = line.split(' ').map_while(|word| word.parse().ok()).collect();
        let &[corpus, chunk, entry, events] = &numbers[..] else { return None };
        Some(Self { corpus, chunk, entry, events })
    }

    /// The entry and its input; `None` when the tables have no such pass.
    pub fn resolve(&self, corpora: &[Corpus]) -> Option<(&'static Entry, Input)> {
        let (_, chunk_bytes) = *CHUNKS.get(self.chunk)?;
        let input = Input::new(corpora.get(self.corpus)?, self.events, chunk_bytes);
        Some((ENTRIES.get(self.entry)?, input))
    }

    fn line(&self) -> String {
        let Self { corpus, chunk, entry, events } = self;
        format!("{corpus} {chunk} {entry} {events}\n")
    }
}

impl Allocations {
    /// Reads the line of an answer.
    fn parse(line: &str) -> Option<Self> {
        let (count, bytes) = line.split_once(' ')?;
        Some(Self { count: count.parse().ok()?, bytes: bytes.parse().ok()? })
    }

    /// The line of an answer.
    pub fn line(&self) -> String {
        format!("{} {}\n", self.count, self.bytes)
    }
}

/// Has the passes counted, in order.
///
/// # Errors
///
/// When the program is not beside this one, or does not answer every request.
pub fn ask(requests: &[Request]) -> io::Result<Vec<Allocations>> {
    let name = format!("sse-allocations{}", std::env::consts::EXE_SUFFIX);
    let program = std::env::current_exe()?.with_file_name(name);
    let mut child =
        Command::new(&program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(
            |error| Error::other(format!("cannot start {}: {error}", program.display())),
        )?;
    // The program reads all requests before it answers, so neither side can block the other.
    let mut stdin = child.stdin.take().ok_or_else(|| Error::other("no pipe"))?;
    stdin.write_all(requests.iter().map(Request::line).collect::<String>().as_bytes())?;
    drop(stdin);
    let output = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let answers: Vec<_> = text.lines().map_while(Allocations::parse).collect();
    if output.status.success() && answers.len() == requests.len() {
        Ok(answers)
    } else {
        Err(Error::other(format!("{}: {}", program.display(), output.status)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Allocations, Corpus, Request};

    #[test]
    fn lines_are_read_as_they_were_written() {
        let request = Request { corpus: 1, chunk: 2, entry: 3, events: 40 };
        assert_eq!(Request::parse(request.line().trim_end()), Some(request));
        assert_eq!(Request::parse("1 2 3"), None);
        assert_eq!(Request::parse("1 2 x 4"), None);
        let answer = Allocations { count: 5, bytes: 60 };
        assert_eq!(Allocations::parse(answer.line().trim_end()), Some(answer));
    }

    #[test]
    fn an_index_outside_the_tables_is_no_pass() {
        let corpora = [Corpus::named("tiny").unwrap()];
        let request = Request { corpus: 0, chunk: 1, entry: 0, events: 7 };
        assert_eq!(request.resolve(&corpora).unwrap().1.events(), 7);
        assert!(Request { entry: 99, ..request }.resolve(&corpora).is_none());
        assert!(Request { corpus: 1, ..request }.resolve(&corpora).is_none());
    }
}
