//! Server-sent events decoded without copying, and encoded.
//!
//! [`Decoder`] takes the bytes of a stream in chunks of any size and lends events that borrow
//! from the chunk wherever they lie inside it. [`Encoder`] writes events that a decoder reads
//! back as they were. The rules are those of the
//! [HTML standard, section 9.2](https://html.spec.whatwg.org/multipage/server-sent-events.html).
//!
//! No clock, no I/O, no `std`; without the feature `alloc` no allocation either.
//!
//! ```
//! use sse_codec::Decoder;
//!
//! let mut decoder = Decoder::new();
//! let mut text = Vec::new();
//! for chunk in [&b"event: delta\ndata: Hel"[..], b"lo\n\ndata: [DONE]\n\n"] {
//!     let mut events = decoder.feed(chunk);
//!     while let Some(event) = events.next() {
//!         let event = event?;
//!         text.push((event.name().to_vec(), event.data.to_vec()));
//!     }
//! }
//! assert_eq!(text[0], (b"delta".to_vec(), b"Hello".to_vec()));
//! assert_eq!(text[1], (b"message".to_vec(), b"[DONE]".to_vec()));
//! assert!(decoder.finish().is_none(), "the stream ended between two events");
//! # Ok::<(), sse_codec::DecodeError>(())
//! ```

#![no_std]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(test, feature = "codec"))]
extern crate std;

#[cfg(all(doctest, feature = "alloc"))]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(feature = "bytes")]
mod bytes_sink;
mod carry;
mod decoder;
mod encoder;
mod error;
mod event;
#[cfg(feature = "alloc")]
mod event_buf;
#[cfg(feature = "bytes")]
mod event_bytes;
#[cfg(feature = "codec")]
mod event_codec;
#[cfg(feature = "stream")]
mod event_stream;
mod events;
mod limits;
mod line_end;
#[cfg(feature = "alloc")]
mod text;
mod token;
mod tokens;

pub use carry::{Carry, Fixed, Full, RETAINED_BYTES_MAX, Sink};
pub use decoder::Decoder;
pub use encoder::{Encoder, Frame};
pub use error::{Cut, DecodeError, EncodeError};
pub use event::{Event, Span};
#[cfg(feature = "alloc")]
pub use event_buf::EventBuf;
#[cfg(feature = "bytes")]
pub use event_bytes::EventBytes;
#[cfg(feature = "codec")]
pub use event_codec::{CodecError, EventCodec};
#[cfg(feature = "stream")]
pub use event_stream::{EventStream, StreamError};
pub use events::Events;
pub use limits::Limits;
#[cfg(feature = "alloc")]
pub use text::{TextDecoder, TextEvent, TextEvents};
pub use token::{Field, Token};
pub use tokens::Tokens;
