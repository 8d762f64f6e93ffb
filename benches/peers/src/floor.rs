//! What no decoder can do without: looking at every byte for line ends, and moving every byte.

use std::hint::black_box;

use memchr::memchr2_iter;

use crate::cell::Input;
use crate::entry::Codec;
use crate::sink::Sink;

/// Finds every line end.
#[derive(Debug)]
pub struct LineScan;

impl Codec for LineScan {
    #[inline(always)]
    fn run(input: &Input, _: &mut impl Sink) -> Result<(), String> {
        for chunk in input.slices() {
            for at in memchr2_iter(b'\n', b'\r', chunk) {
                black_box(at);
            }
        }
        Ok(())
    }
}

/// Copies every byte, 16 KiB at a time at most, to the same place.
#[derive(Debug)]
pub struct Copy;

impl Codec for Copy {
    #[inline(always)]
    fn run(input: &Input, _: &mut impl Sink) -> Result<(), String> {
        let mut place = [0_u8; 16 * 1024];
        for chunk in input.slices() {
            for piece in chunk.chunks(place.len()) {
                place[..piece.len()].copy_from_slice(piece);
                black_box(place.as_ptr());
            }
        }
        Ok(())
    }
}
