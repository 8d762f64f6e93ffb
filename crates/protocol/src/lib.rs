//! Provider wires for streamed answers of language models.
//!
//! Bytes and numbers in, values out: this crate reads events, classifies failures and writes the
//! bodies of requests and of their continuations. It opens no socket, reads no clock and keeps no
//! state between events; splitting a stream into events and judging their order is for others.
//!
//! - [`decode`] reads one server-sent event of a [`Wire`], borrowed, without building a tree.
//! - [`Reader`] finds the events of a body, whatever its [`Framing`] is.
//! - [`rewrite()`] changes single values of an event and leaves every other byte alone.
//! - [`RequestBody`] holds a body as the caller wrote it and splices continuations into it.
//! - [`classify_status`], [`classify_in_band`] and [`classify_document`] turn what a server
//!   answered into a [`Failure`] with a verdict for `retry-policy`.
//! - [`read_usage`] reads what a recorded payload of any provider says that a request used.
//! - [`Profile`] says how one server differs from the next.
//!
//! A stream that broke after `Paris is`, continued where the model takes a prefill:
//!
//! ```
//! use protocol::{Profile, RequestBody, StopReason, Wire, decode};
//!
//! let wire = Wire::AnthropicMessages;
//! let body = r#"{"model":"claude-haiku-4-5","max_tokens":50,"stream":true,
//!   "messages":[{"role":"user","content":"Say something about Paris."}]}"#;
//! let body = RequestBody::parse(wire, body.into())?;
//! let profile = Profile::ANTHROPIC;
//! assert!(body.continuable().is_ok() && body.takes_prefill(&profile));
//!
//! let again = body.prefill(&profile, "Paris is", 2);
//! assert!(again.starts_with(br#"{"model":"claude-haiku-4-5","max_tokens":48,"stream":true,"#));
//!
//! let last = br#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}"#;
//! let event = decode(wire, b"message_delta", last)?;
//! assert_eq!(event.stop, Some(StopReason::EndTurn));
//! assert_eq!(event.usage.map(|usage| usage.output), Some(9));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod anthropic;
mod classify;
mod decode;
mod error_event;
mod event;
mod failure;
mod framing;
mod gemini;
mod json;
mod models;
mod openai_chat;
mod openai_responses;
mod output_limit;
mod profile;
mod reader;
mod request;
mod rewrite;
mod splice;
mod usage;
mod wire;

pub use anthropic::{TurnContent, container_of};
pub use classify::{
    CODE_BYTES_MAX, MESSAGE_BYTES_MAX, classify_document, classify_in_band, classify_status,
};
pub use decode::{Malformed, decode};
pub use error_event::error_event;
pub use event::{
    Act, Begin, Block, Choices, Decoded, Delta, Node, Open, Part, PartKind, Span, Spans, StopReason,
};
pub use failure::{Failure, FailureKind};
pub use framing::{FrameError, Framing};
pub use models::claude_takes_prefill;
pub use openai_responses::{
    RESPONSE_ID_BYTES_MAX, SocketMessage, SocketRefusal, Stored, asks_background, ended_item,
    ended_part, items_of, previous_response, read_stored, socket_request, stored_path,
};
pub use output_limit::output_tokens_max;
pub use profile::{
    Cursor, Heartbeat, KeyHeader, Label, Prefill, Profile, RequestForm, Terminal, TokenLimit,
    UsageRequest,
};
#[cfg(feature = "profile-files")]
pub use profile::{CustomProfile, PROFILE_FILE_BYTES_MAX, ProfileFileError};
pub use reader::Reader;
pub use request::{BODY_BYTES_MAX, BodyError, MAX_TOKENS_FLOOR, NotContinuable, RequestBody};
pub use rewrite::{Rewrite, rewrite};
pub use splice::json_string;
pub use sse_codec::{DecodeError, Event as SseEvent, Span as SseSpan};
pub use usage::{
    CountProblem, ModelUsage, Reported, UnknownService, UnknownUsageFormat, UsageError,
    UsageFormat, read_usage, service_of,
};
pub use wire::{UnknownWire, Wire};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
