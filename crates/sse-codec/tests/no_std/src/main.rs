//! Decodes and encodes without `std` and without an allocator, and exits with status 0 if it did so.
//!
//! It has a panic handler of its own: where anything links `std`, there are two, and the build
//! fails. Nor is there an allocator, so that linking `alloc` fails as well.
#![no_std]
#![no_main]

use core::ffi::{c_char, c_int};
use core::panic::PanicInfo;

use sse_codec::{
    Carry, DecodeError, Decoder, Encoder, Field, Fixed, Frame, Limits, Sink, Token, Tokens,
};

#[cfg(feature = "std")]
extern crate std;

// The C library: it calls `main`, and copies memory for `core`.
#[link(name = "c")]
unsafe extern "C" {
    safe fn abort() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    abort()
}

// `core` is built to unwind and names this symbol; with panics that abort it is never called.
// SAFETY: nothing else in the program has the name.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

// SAFETY: the name and the signature are those that the C library calls.
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    splits_into_tokens();
    decodes();
    drops_what_does_not_fit();
    encodes();
    0
}

fn decoder<const BYTES: usize>() -> Decoder<Fixed<[u8; BYTES]>> {
    Decoder::with_carry(Fixed::new([0; BYTES]), Fixed::new([0; BYTES]), Limits::default())
}

fn splits_into_tokens() {
    let mut tokens = Tokens::new();
    let (mut data_bytes, mut events) = (0, 0);
    for mut chunk in b": hi\ndata: any size\n\n".chunks(3) {
        while let Some(token) = tokens.next(&mut chunk) {
            match token {
                Token::Field { field, fragment, .. } => {
                    assert!(field == Field::Data);
                    data_bytes += fragment.len();
                }
                Token::Comment { .. } => {}
                Token::Dispatch => events += 1,
            }
        }
    }
    assert_eq!((data_bytes, events), (8, 1));
}

fn decodes() {
    let mut decoder = decoder::<64>();
    let mut data = Fixed::new([0; 64]);
    for chunk in b"id: 7\ndata: no alloc\ndata: ation\r\n\r\n: hi\ndata: half".chunks(3) {
        let mut events = decoder.feed(chunk);
        while let Some(Ok(event)) = events.next() {
            assert_eq!(event.data_str(), Ok("no alloc\nation"));
            assert!(data.push(event.data).is_ok());
        }
    }
    assert_eq!(data.bytes().len(), 14);
    assert_eq!((decoder.last_event_id(), decoder.comments()), (&b"7"[..], 1));
    assert!(decoder.finish().is_some());
}

fn drops_what_does_not_fit() {
    let mut decoder = decoder::<4>();
    let mut events = decoder.feed(b"data: 12345\n\ndata: 1\n\n");
    let dropped = events.next().and_then(Result::err);
    assert_eq!(dropped, Some(DecodeError::CarryBytesMax { offset: 0, limit: 4 }));
    assert!(events.next().is_some_and(|event| event.is_ok_and(|event| event.data == b"1")));
}

fn encodes() {
    let mut out = Fixed::new([0; 32]);
    let frame = Frame { event: b"e", ..Frame::message(b"a\nb") };
    assert!(Encoder::new(&mut out).event(&frame).is_ok());
    assert_eq!(out.bytes(), b"event: e\ndata: a\ndata: b\n\n");
}
