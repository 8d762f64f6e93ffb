//! The tokenizer: chunks of bytes in, pieces of lines out.
//!
//! It knows where lines, fields and values begin and end, and holds no byte of them. What a
//! field does to an event is the [`Decoder`](crate::Decoder)'s.

use crate::line_end::{LineEnd, is_line_end};
use crate::token::{Field, Token};

use line::{Kind, Line};

mod line;

/// Splits one stream into fields, comments and blank lines, without a buffer.
///
/// A value comes in as many fragments as there are chunks that hold a part of it, so its size
/// has no limit and costs no memory. Take this layer to pass large values on as they come, or
/// where there is no room for one; take [`Decoder`](crate::Decoder) for events.
///
/// ```
/// use sse_codec::{Field, Token, Tokens};
///
/// let mut tokens = Tokens::new();
/// let mut image: Vec<u8> = Vec::new();
/// for mut chunk in [&b": large\ndata: iVBO"[..], b"Rw0KG", b"go=\n\n"] {
///     while let Some(token) = tokens.next(&mut chunk) {
///         match token {
///             Token::Field { field: Field::Data, fragment, .. } => image.extend(fragment),
///             Token::Field { .. } | Token::Comment { .. } => {}
///             Token::Dispatch => assert_eq!(image, b"iVBORw0KGgo="),
///         }
///     }
/// }
/// assert!(!image.is_empty());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Tokens {
    line: Line,
    /// In a name, the one it may become.
    kind: Kind,
    /// How many bytes of the name, or of the byte order mark, have come.
    seen: u8,
}

/// What a single byte is.
pub(crate) enum Step {
    /// Part of a value; nothing changed.
    Value(Field),
    /// Part of a name, a comment or an unknown field.
    Passed,
    /// The colon behind a name; not taken.
    Colon(Option<Field>),
    /// The end of a line of data, a comment or an unknown field.
    EndOfLine,
    /// Something else; not taken.
    Refused,
}

/// The byte order mark that may open a stream.
const MARK: [u8; 3] = *b"\xef\xbb\xbf";

impl Tokens {
    /// A tokenizer at the start of a stream.
    pub const fn new() -> Self {
        Self { line: Line::Mark, kind: Kind::Unknown, seen: 0 }
    }

    /// Takes the next token off the front of `input`; `None` when all of `input` is taken.
    ///
    /// The chunks of a stream may be cut anywhere. A token is there as soon as its last byte
    /// is; the value of an unfinished line is handed out as far as it has come.
    #[inline]
    pub fn next<'c>(&mut self, input: &mut &'c [u8]) -> Option<Token<'c>> {
        self.read(input, LineEnd::find::<2>)
    }

    /// Whether a byte order mark or a LF may have to be passed over before the next line.
    #[inline(always)]
    pub(crate) const fn is_unsettled(&self) -> bool {
        matches!(self.line, Line::Mark | Line::AfterCr)
    }

    /// Whether the next byte is the first of a line.
    #[inline(always)]
    pub(crate) const fn at_line_start(&self) -> bool {
        matches!(self.line, Line::Start)
    }

    /// Says what a byte is that is not the first of a line, and takes it where no more than that
    /// has to be known of it.
    #[inline(always)]
    pub(crate) fn step(&mut self, byte: u8) -> Step {
        match self.line {
            Line::Value if byte == b'\n' => match self.kind {
                Kind::Event | Kind::Id | Kind::Retry => return Step::Refused,
                Kind::Data | Kind::Comment | Kind::Unknown => {
                    self.line = Line::Start;
                    return Step::EndOfLine;
                }
            },
            Line::Value if byte != b'\r' => {
                return self.kind.field().map_or(Step::Passed, Step::Value);
            }
            Line::Name if self.kind.name().get(usize::from(self.seen)) == Some(&byte) => {
                self.seen += 1;
            }
            Line::Name if byte == b':' && usize::from(self.seen) == self.kind.name().len() => {
                return Step::Colon(self.kind.field());
            }
            Line::Colon if byte == b' ' => self.line = Line::Value,
            _ => return Step::Refused,
        }
        Step::Passed
    }

    /// Takes a colon: that of a field, which [`step`](Tokens::step) has found, or of a comment.
    #[inline(always)]
    pub(crate) fn pass_colon(&mut self, field: Option<Field>) {
        self.line = Line::Colon;
        if field.is_none() {
            self.kind = Kind::Comment;
        }
    }

    /// As [`next`](Tokens::next), for bytes that hold no line end.
    pub(crate) fn next_open<'c>(&mut self, input: &mut &'c [u8]) -> Option<Token<'c>> {
        self.read(input, |_| None)
    }

    /// Whether the next byte belongs to a line of data, behind its colon and space.
    #[inline(always)]
    pub(crate) fn is_in_data(&self) -> bool {
        self.line == Line::Value && self.kind == Kind::Data
    }

    /// Notes that the line has ended, and that what follows begins another.
    #[inline(always)]
    pub(crate) const fn end(&mut self) {
        self.line = Line::Start;
    }

    /// As [`next`](Tokens::next), for the start of a line of data that does not end in `input`.
    #[inline(always)]
    pub(crate) fn next_data<'c>(&mut self, input: &mut &'c [u8]) -> Option<&'c [u8]> {
        let value = input.strip_prefix(b"data:")?;
        let (&first, behind_space) = value.split_first()?;
        *input = &[];
        (self.line, self.kind) = (Line::Value, Kind::Data);
        Some(if first == b' ' { behind_space } else { value })
    }

    /// Notes that the line has ended with a CR, the last byte of its chunk.
    #[inline(always)]
    pub(crate) const fn end_with_cr(&mut self) {
        self.line = Line::AfterCr;
    }

    /// Passes over what may come before the first byte of a line: a byte order mark at the start
    /// of the stream, the LF of a line end whose CR was a chunk's last byte.
    ///
    /// Part of a mark, when it is none, opens a line; the answer says so.
    pub(crate) fn settle(&mut self, input: &mut &[u8]) -> bool {
        match self.line {
            Line::Mark => self.pass_mark(input),
            Line::AfterCr => {
                if let Some(&first) = input.first() {
                    *input = &input[usize::from(first == b'\n')..];
                    self.line = Line::Start;
                }
                false
            }
            _ => false,
        }
    }

    fn pass_mark(&mut self, input: &mut &[u8]) -> bool {
        while let Some((&byte, rest)) = input.split_first() {
            let seen = usize::from(self.seen);
            if MARK.get(seen) != Some(&byte) {
                // Nothing, or all of it: a line begins. Else a name that no known field has.
                let half = seen > 0 && seen < MARK.len();
                self.kind = Kind::Unknown;
                self.line = if half { Line::Value } else { Line::Start };
                return half;
            }
            *input = rest;
            self.seen += 1;
        }
        false
    }

    #[inline(always)]
    fn read<'c>(
        &mut self,
        input: &mut &'c [u8],
        find: impl Fn(&[u8]) -> Option<LineEnd>,
    ) -> Option<Token<'c>> {
        loop {
            let (&first, rest) = input.split_first()?;
            let token = match self.line {
                Line::Value => self.value(input, &find),
                Line::Colon => {
                    if first == b' ' {
                        *input = rest;
                    }
                    self.line = Line::Value;
                    None
                }
                Line::Name => self.name(first, input),
                Line::Start if is_line_end(first) => {
                    self.end_line(input, LineEnd::at(input, 0));
                    Some(Token::Dispatch)
                }
                Line::Start => self.start(first, input),
                Line::Mark | Line::AfterCr => {
                    self.settle(input);
                    None
                }
            };
            if token.is_some() {
                return token;
            }
        }
    }

    /// Reads the first byte of a line, or all of the name that most lines have.
    #[inline(always)]
    fn start<'c>(&mut self, first: u8, input: &mut &'c [u8]) -> Option<Token<'c>> {
        if let Some(value) = input.strip_prefix(b"data:") {
            *input = value;
            return self.colon(Kind::Data, input);
        }
        *input = &input[1..];
        if first == b':' {
            return self.colon(Kind::Comment, input);
        }
        self.begin_name(first);
        None
    }

    /// Begins a line with a byte that is neither a line end nor a colon.
    #[inline(always)]
    pub(crate) fn begin_name(&mut self, first: u8) {
        (self.line, self.seen) = (Line::Name, 1);
        self.kind = match first {
            b'd' => Kind::Data,
            b'e' => Kind::Event,
            b'i' => Kind::Id,
            b'r' => Kind::Retry,
            _ => {
                self.line = Line::Value;
                Kind::Unknown
            }
        };
    }

    /// Reads the next byte of a name.
    #[inline(always)]
    fn name<'c>(&mut self, byte: u8, input: &mut &'c [u8]) -> Option<Token<'c>> {
        let name = self.kind.name();
        let seen = usize::from(self.seen);
        if name.get(seen) == Some(&byte) {
            *input = &input[1..];
            self.seen += 1;
            return None;
        }
        let is_whole = seen == name.len();
        if is_line_end(byte) {
            self.end_line(input, LineEnd::at(input, 0));
            return if is_whole { self.kind.token(b"", false) } else { None };
        }
        if is_whole && byte == b':' {
            *input = &input[1..];
            return self.colon(self.kind, input);
        }
        (self.line, self.kind) = (Line::Value, Kind::Unknown);
        None
    }

    /// Begins a value, behind the space that may be first. When nothing of it is here, an empty
    /// fragment says that it has begun.
    #[inline(always)]
    fn colon<'c>(&mut self, kind: Kind, input: &mut &'c [u8]) -> Option<Token<'c>> {
        (self.line, self.kind) = (Line::Colon, kind);
        if let Some((&first, rest)) = input.split_first() {
            if first == b' ' {
                *input = rest;
            }
            self.line = Line::Value;
        }
        if input.is_empty() { kind.token(b"", true) } else { None }
    }

    /// Reads a value up to its end, or to that of the chunk.
    #[inline(always)]
    fn value<'c>(
        &mut self,
        input: &mut &'c [u8],
        find: impl Fn(&[u8]) -> Option<LineEnd>,
    ) -> Option<Token<'c>> {
        let Some(end) = find(input) else {
            let fragment = core::mem::take(input);
            return self.kind.token(fragment, true);
        };
        let fragment = &input[..end.at];
        self.end_line(input, end);
        self.kind.token(fragment, false)
    }

    #[inline(always)]
    fn end_line(&mut self, input: &mut &[u8], end: LineEnd) {
        self.line = if end.behind.is_some() { Line::Start } else { Line::AfterCr };
        *input = &input[end.behind.unwrap_or(input.len())..];
    }
}

impl Default for Tokens {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// The tokens of a stream in chunks of `size` bytes, fragments of a value joined.
    fn tokens(stream: &[u8], size: usize) -> Vec<(Option<Field>, Vec<u8>)> {
        let mut tokens = Tokens::new();
        let mut found = Vec::new();
        let mut open = Vec::new();
        for mut chunk in stream.chunks(size) {
            while let Some(token) = tokens.next(&mut chunk) {
                match token {
                    Token::Field { fragment, more: true, .. } => open.extend(fragment),
                    Token::Field { field, fragment, more: false } => {
                        open.extend(fragment);
                        found.push((Some(field), core::mem::take(&mut open)));
                    }
                    Token::Comment { .. } => {}
                    Token::Dispatch => found.push((None, Vec::new())),
                }
            }
            assert!(chunk.is_empty());
        }
        found
    }

    #[test]
    fn the_tokens_are_the_same_however_the_stream_is_cut() {
        let stream =
            b"\xef\xbb\xbfid:7\nevent: e\r\ndata:  x\rdata\ndat: y\ndatas\n: c\nretry: 1\n\n\r";
        let expected = [
            (Some(Field::Id), b"7".to_vec()),
            (Some(Field::Event), b"e".to_vec()),
            (Some(Field::Data), b" x".to_vec()),
            (Some(Field::Data), b"".to_vec()),
            (Some(Field::Retry), b"1".to_vec()),
            (None, Vec::new()),
            (None, Vec::new()),
        ];
        for size in 1..=stream.len() {
            assert_eq!(tokens(stream, size), expected, "in chunks of {size}");
        }
    }

    #[test]
    fn a_value_is_there_as_far_as_it_has_come() {
        let mut tokens = Tokens::new();
        let data = |fragment, more| Some(Token::Field { field: Field::Data, fragment, more });
        for (mut chunk, expected) in [
            (&b"data:"[..], data(b"", true)),
            (b" a", data(b"a", true)),
            (b"b\r", data(b"b", false)),
            (b"\n\r", Some(Token::Dispatch)),
            (b":", Some(Token::Comment { fragment: b"", more: true })),
        ] {
            assert_eq!(tokens.next(&mut chunk), expected);
            assert_eq!(tokens.next(&mut chunk), None);
        }
    }
}
