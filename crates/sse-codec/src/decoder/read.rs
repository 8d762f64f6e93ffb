//! From one event to the next: which of the loops reads what comes.
//!
//! Usual events go one way, other lines inside the chunk another, and what straddles two chunks
//! or may not fit a third. It looks at no line itself.

use super::Decoder;
use super::block::{Lent, Progress};
use super::usual::Unusual;
use crate::carry::Carry;
use crate::error::DecodeError;
use crate::event::Span;

impl<B: Carry> Decoder<B> {
    /// Takes a chunk of one byte, unless an event or an error may come of it; says whether it did.
    #[inline(always)]
    pub(crate) fn takes_byte(&mut self, input: &[u8]) -> bool {
        let &[byte] = input else { return false };
        let takes = self.byte(byte);
        self.consumed += u64::from(takes);
        takes
    }

    /// Reads up to the end of the next event, from the start of `input`; `at` is then behind it.
    #[inline(always)]
    pub(crate) fn read(
        &mut self,
        input: &[u8],
        at: &mut usize,
    ) -> Option<Result<Span, DecodeError>> {
        if self.block.progress == Progress::Spent {
            self.release();
        }
        let found = if self.is_fresh(input) {
            match self.usual(input, 0) {
                Ok(usual) => {
                    *at = usual.behind;
                    Some(Ok(usual.span(self.consumed)))
                }
                Err(mut unusual) => self.read_unusual(input, &mut unusual, at),
            }
        } else {
            self.read_on(input, at)
        };
        self.consumed += *at as u64;
        found
    }

    /// Goes on where [`usual`](Decoder::usual) found something else.
    #[inline(never)]
    fn read_unusual(
        &mut self,
        input: &[u8],
        unusual: &mut Unusual,
        at: &mut usize,
    ) -> Option<Result<Span, DecodeError>> {
        *at = unusual.at;
        if unusual.is_open {
            return self.end_of_chunk(&unusual.lent, input, at, unusual.begin);
        }
        let found = self.lines(input, at, &mut unusual.lent, unusual.begin);
        if found.is_some() || *at == input.len() {
            return found;
        }
        self.read_on(input, at)
    }

    /// Goes on with an open event, and reads events that may not fit.
    #[inline(never)]
    fn read_on(&mut self, input: &[u8], at: &mut usize) -> Option<Result<Span, DecodeError>> {
        let held = self.block.held_bytes();
        let fits = input.len() <= self.room_bytes.saturating_sub(held)
            && self.block.progress != Progress::Dropped;
        if fits && self.block.is_open && self.tokens.is_in_data() {
            match self.resume_data(input, at) {
                Ok(true) => return self.close(&Lent::default(), input),
                Ok(false) => {}
                Err(error) => return Some(Err(error)),
            }
        }
        if self.tokens.is_unsettled() {
            self.settle(input, at);
        }
        while *at < input.len() {
            let found = if !(fits && self.tokens.at_line_start()) {
                self.piece(input, at)
            } else if self.block.progress == Progress::Empty {
                match self.usual(input, *at) {
                    Ok(usual) => {
                        *at = usual.behind;
                        return Some(Ok(usual.span(self.consumed)));
                    }
                    Err(mut unusual) => return self.read_unusual(input, &mut unusual, at),
                }
            } else {
                self.lines(input, at, &mut Lent::default(), *at)
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;
    use crate::line_end::scanned;
    use std::{vec, vec::Vec};

    /// How many bytes were searched for line ends while `stream` was read in chunks of `size`.
    fn bytes_searched(stream: &[u8], size: usize) -> usize {
        let mut decoder = Decoder::new();
        scanned::take();
        for chunk in stream.chunks(size) {
            let mut events = decoder.feed(chunk);
            while events.next().is_some() {}
        }
        scanned::take()
    }

    #[test]
    fn no_byte_is_searched_twice_however_the_stream_is_cut() {
        let line = [b"data: ", &vec![b'x'; 5_000][..], b"\n\n"].concat();
        let blocks =
            [&b"id: 1\nevent: e\ndata: a\ndata: b\n\n"[..], b": c\n\n", b"data: d\r\n\r\n"];
        let comments =
            [&b": a long comment\r\n\r\n"[..], b": before\ndata: a\n\n"].concat().repeat(50);
        let mixed: Vec<u8> = [blocks.concat().repeat(50), b"x: y\n".repeat(50)].concat();
        for stream in [line, mixed, comments] {
            for size in [1, 2, 3, 7, 64, 1460, 16 * 1024] {
                let searched = bytes_searched(&stream, size);
                // A line whose CR ends the chunk is the one thing that two loops look at.
                let most = stream.len() + stream.len() / 10;
                assert!(searched <= most, "{searched} of {} in {size}", stream.len());
            }
        }
    }
}
