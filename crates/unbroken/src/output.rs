//! What goes to stdout: the text and nothing else, or one JSON object a line.

use client::{Seam, State, StreamId, Summary};
use std::io;
use tokio::io::{AsyncWriteExt, Stdout};

use crate::object::{Account, End, Failure, Joint, Object, Start, Text};

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The bytes of the answer.
    Text,
    /// The objects of [`Object`].
    Json,
}

impl Form {
    /// The form that the presence of `--json` asks for.
    pub(crate) const fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

/// Stdout, flushed after every event.
///
/// Every method may be dropped at any time; what was written of the last event is then unknown.
pub(crate) struct Output {
    stdout: Stdout,
    form: Form,
    window: Window,
    ends_line: bool,
}

impl Output {
    /// An output that leaves out the first `from` bytes of the text.
    pub(crate) fn new(form: Form, from: u64) -> Self {
        let window = Window { from, at: 0 };
        Self { stdout: tokio::io::stdout(), form, window, ends_line: true }
    }

    /// Says which stream this is.
    pub(crate) async fn start(&mut self, start: Start<'_>) -> io::Result<()> {
        self.object(Object::Start(start)).await
    }

    /// Writes the next piece of the text, as far as it is wanted.
    pub(crate) async fn text(&mut self, text: &str) -> io::Result<()> {
        match self.form {
            Form::Text => {
                let bytes = self.window.bytes(text);
                self.ends_line = bytes.last().map_or(self.ends_line, |last| *last == b'\n');
                write(&mut self.stdout, bytes).await
            }
            Form::Json => match self.window.chars(text) {
                (_, "") => Ok(()),
                (offset, text) => self.object(Object::Text(Text { offset, text })).await,
            },
        }
    }

    /// Writes a change of the connection, in JSON only.
    pub(crate) async fn state(&mut self, state: &State) -> io::Result<()> {
        self.object(Object::State(state.into())).await
    }

    /// Writes a joint of the text, in JSON only.
    pub(crate) async fn seam(&mut self, seam: &Seam) -> io::Result<()> {
        self.object(Object::Seam(Joint::from(seam))).await
    }

    /// Writes the account of a whole response, in JSON only.
    pub(crate) async fn end(&mut self, id: &StreamId, summary: &Summary) -> io::Result<()> {
        let account = Account::from(summary);
        self.object(Object::End(End { id: id.as_str(), account })).await
    }

    /// Writes why there is no whole response, in JSON only.
    pub(crate) async fn failure(&mut self, failure: Failure<'_>) -> io::Result<()> {
        self.object(Object::Error(failure)).await
    }

    /// Bytes of text so far, left out or written.
    pub(crate) const fn text_bytes(&self) -> u64 {
        self.window.at
    }

    /// Whether the text written so far ends with a line break.
    pub(crate) const fn ends_line(&self) -> bool {
        self.ends_line
    }

    async fn object(&mut self, object: Object<'_>) -> io::Result<()> {
        if self.form == Form::Text {
            return Ok(());
        }
        let mut line = serde_json::to_vec(&object)?;
        line.push(b'\n');
        write(&mut self.stdout, &line).await
    }
}

async fn write(stdout: &mut Stdout, bytes: &[u8]) -> io::Result<()> {
    stdout.write_all(bytes).await?;
    stdout.flush().await
}

/// The part of the text from one byte on.
#[derive(Debug)]
struct Window {
    from: u64,
    at: u64,
}

impl Window {
    /// The wanted bytes of the next piece.
    fn bytes<'t>(&mut self, text: &'t str) -> &'t [u8] {
        &text.as_bytes()[self.skip(text)..]
    }

    /// The wanted part of the next piece and where it begins. A character that `from` cuts is
    /// whole: a JSON string has no halves.
    fn chars<'t>(&mut self, text: &'t str) -> (u64, &'t str) {
        let at = self.at;
        let mut skip = self.skip(text);
        while !text.is_char_boundary(skip) {
            skip -= 1;
        }
        (at + skip as u64, &text[skip..])
    }

    fn skip(&mut self, text: &str) -> usize {
        let unwanted = self.from.saturating_sub(self.at);
        self.at += text.len() as u64;
        usize::try_from(unwanted).map_or(text.len(), |unwanted| unwanted.min(text.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(from: u64, pieces: &[&str]) -> Vec<u8> {
        let mut window = Window { from, at: 0 };
        pieces.iter().flat_map(|piece| window.bytes(piece).to_vec()).collect()
    }

    #[test]
    fn every_cut_of_the_text_gives_exactly_the_rest() {
        let pieces = ["ab", "", "한글", "🙂x"];
        let whole = pieces.concat().into_bytes();
        for from in 0..whole.len() + 3 {
            let expected = whole.get(from..).unwrap_or_default();
            assert_eq!(bytes(from as u64, &pieces), expected, "from {from}");
        }
    }

    #[test]
    fn json_keeps_a_cut_character_whole_and_says_where_it_begins() {
        let mut window = Window { from: 3, at: 0 };
        assert_eq!(window.chars("a"), (1, ""));
        assert_eq!(window.chars("한글"), (1, "한글"));
        assert_eq!(window.chars("x"), (7, "x"));
    }
}
