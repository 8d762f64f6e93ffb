//! The events that nearly all are: at most a line with the type, one line of data, a blank line.
//!
//! Reads them, and comments between them, in a straight line; leaves everything else where it
//! begins to the loop over lines.

use super::Decoder;
use super::block::{Lent, Progress};
use crate::carry::Carry;
use crate::error::DecodeError;
use crate::event::{Part, Place, Span};
use crate::line_end::LineEnd;
use crate::token::Field;

/// An event whose values lie in the chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usual {
    pub(super) event: Place,
    pub(super) data: Place,
    /// Where its first line begins.
    pub(super) begin: usize,
    /// Where what follows it begins.
    pub(super) behind: usize,
}

impl Usual {
    #[inline(always)]
    pub(super) fn span(self, consumed: u64) -> Span {
        Span {
            data: Part::Chunk(self.data),
            event: Part::Chunk(self.event),
            sets_id: false,
            retry_millis: None,
            offset: consumed + self.begin as u64,
        }
    }
}

/// A line of an event that is not a usual one, or not yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unusual {
    /// What the lines before it have set.
    pub(super) lent: Lent,
    /// Where the first line of the event begins.
    pub(super) begin: usize,
    /// Where the line begins.
    pub(super) at: usize,
    /// The chunk is known to hold no end of it.
    pub(super) is_open: bool,
}

impl<B: Carry> Decoder<B> {
    /// Whether `input` begins a line between two events, and no limit can be met in it.
    #[inline(always)]
    pub(super) fn is_fresh(&self, input: &[u8]) -> bool {
        self.block.progress == Progress::Empty
            && self.tokens.at_line_start()
            && input.len() <= self.room_bytes
    }

    /// Reads a usual event from `at` on.
    #[inline(always)]
    pub(super) fn usual(&mut self, input: &[u8], mut at: usize) -> Result<Usual, Unusual> {
        let mut begin = at;
        let mut lent = Lent::default();
        let mut head = Head::of(&input[at..]);
        while !head.is(b"data: ") {
            let line = if head.is(b":") && lent.is_empty() {
                self.comment(input, &mut at)
            } else if head.is(b"event: ") && lent.event.is_none() {
                let line = Line::find::<3>(input, at + 7);
                lent.event = line.value();
                line
            } else if head.is(b"id: ") && lent.id.is_none() {
                let line = Line::find::<1>(input, at + 4);
                lent.id = line.value();
                line
            } else {
                Line::Other
            };
            let Line::Whole { behind, .. } = line else {
                return Err(Unusual { lent, begin, at, is_open: line.is_open() });
            };
            at = behind;
            if lent.is_empty() {
                begin = at;
            }
            head = Head::of(&input[at..]);
        }
        let line = Line::find::<1>(input, at + 6);
        let Line::Whole { value: data, behind } = line else {
            return Err(Unusual { lent, begin, at, is_open: line.is_open() });
        };
        if input.get(behind) == Some(&b'\n') && lent.id.is_none() {
            let event = lent.event.unwrap_or_default();
            return Ok(Usual { event, data, begin, behind: behind + 1 });
        }
        lent.data = Some(data);
        Err(Unusual { lent, begin, at: behind, is_open: false })
    }

    /// Goes on with a line of data; whether the end of its event follows.
    #[inline(always)]
    pub(super) fn resume_data(
        &mut self,
        input: &[u8],
        at: &mut usize,
    ) -> Result<bool, DecodeError> {
        match Line::find::<2>(input, 0) {
            Line::Whole { value, behind } => {
                self.add(Field::Data, value.bytes(input))?;
                self.block.is_open = false;
                self.tokens.end();
                let ends = input.get(behind) == Some(&b'\n');
                *at = behind + usize::from(ends);
                Ok(ends)
            }
            Line::Open => {
                *at = input.len();
                self.add(Field::Data, input).map(|_| false)
            }
            Line::Other => Ok(false),
        }
    }

    /// Reads a comment and its blank line; where none follows, `at` is then behind the comment.
    #[inline(always)]
    fn comment(&mut self, input: &[u8], at: &mut usize) -> Line {
        let line = Line::find::<2>(input, *at + 1);
        let Line::Whole { value, behind } = line else { return line };
        self.comments += 1;
        if input.get(behind) == Some(&b'\n') {
            return Line::Whole { value, behind: behind + 1 };
        }
        *at = behind;
        Line::Other
    }
}

/// What the chunk holds of a line.
#[derive(Clone, Copy)]
enum Line {
    Whole {
        value: Place,
        /// Where the next line begins.
        behind: usize,
    },
    /// Something that the loop over lines has to see.
    Other,
    /// Not its end.
    Open,
}

impl Line {
    /// The line whose value begins at `start`.
    #[inline(always)]
    fn find<const WORDS: usize>(input: &[u8], start: usize) -> Self {
        match LineEnd::find::<WORDS>(&input[start..]) {
            Some(LineEnd { at, behind: Some(behind) }) => {
                Self::Whole { value: Place { start, end: start + at }, behind: start + behind }
            }
            Some(LineEnd { behind: None, .. }) => Self::Other,
            None => Self::Open,
        }
    }

    #[inline(always)]
    const fn value(self) -> Option<Place> {
        match self {
            Self::Whole { value, .. } => Some(value),
            Self::Other | Self::Open => None,
        }
    }

    const fn is_open(self) -> bool {
        matches!(self, Self::Open)
    }
}

/// The first bytes of a line, zeros behind its end.
#[derive(Clone, Copy)]
pub(super) struct Head(u64);

impl Head {
    #[inline(always)]
    pub(super) fn of(bytes: &[u8]) -> Self {
        if let Some(&head) = bytes.first_chunk() {
            return Self(u64::from_le_bytes(head));
        }
        Self::of_short(bytes)
    }

    #[cold]
    fn of_short(bytes: &[u8]) -> Self {
        let mut head = [0; 8];
        head[..bytes.len()].copy_from_slice(bytes);
        Self(u64::from_le_bytes(head))
    }

    #[inline(always)]
    pub(super) const fn first(self) -> u8 {
        self.0 as u8
    }

    /// Whether the line begins with `prefix`, which holds no zero.
    #[inline(always)]
    pub(super) const fn is<const N: usize>(self, prefix: &[u8; N]) -> bool {
        let mut bytes = [0; 8];
        let mut at = 0;
        while at < N {
            bytes[at] = prefix[at];
            at += 1;
        }
        self.0 & (u64::MAX >> (64 - 8 * N)) == u64::from_le_bytes(bytes)
    }
}
