//! A provider that breaks on purpose: seeded faults over real sockets, and a ledger.
//!
//! It serves the Anthropic Messages, the OpenAI Chat Completions, the OpenAI Responses and the Gemini wire on
//! loopback, answers every prompt with a text that is known beforehand, breaks as a script says, goes on where a client asks it
//! to, and keeps a ledger of what really happened. It writes literal bytes with its own JSON and its
//! own HTTP, so that it cannot share a mistake with what it judges. What it does not do: TLS, HTTP/2,
//! tools but for one call on the Gemini wire; and answers that are not streamed on the first two wires.
//!
//! ```
//! use mock_provider::{Config, Faults, Mock};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let faults = Faults::InOrder("rst@40,429:2,ok".parse()?);
//! let mock = Mock::start(Config { faults, ..Config::default() }).await?;
//! // A client that is pointed at `mock.url()` must end with this text:
//! let expected = mock.text_for("a prompt");
//! assert!(!expected.is_empty());
//! assert_eq!(mock.ledger().totals.requests, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Routes
//!
//! `POST` to any path that ends in `/messages`, `/chat/completions` or `/responses`; below the last, `GET
//! /responses/{id}`, `GET /responses/{id}?stream=true&starting_after=N` and `POST /responses/{id}/cancel`.
//! `POST …/model/{id}/invoke-with-response-stream` is the Messages wire in Bedrock's form, with its binary
//! messages. `POST …/models/{model}:streamGenerateContent?alt=sse` and `…:generateContent` are the Gemini wire,
//! whose key may be `x-goog-api-key` or `?key=`. Any stream is one JSON document on each line where `Accept` begins with `application/x-ndjson`.
//! For tests that are another process: `GET /mock/ledger` is the ledger as JSON, `GET /mock/text?prompt=…` (percent-encoded) is the
//! text that a prompt is answered with.
//!
//! # Prompts
//!
//! The first user message decides the text. Words in it that are set apart by white space win over the
//! configuration: `mock:multilingual`, `mock:ha`, `mock:rows`, `mock:braces`, the last three also as
//! `mock:intro+ha` with a unique introduction, and `mock:tokens=500`. `mock:blocked` is not answered at all; on
//! the Gemini wire the prompt is blocked. `mock:call` ends an answer there with a call, where tools are declared.
//!
//! # Fault scripts
//!
//! Faults separated by commas, one for each request that passes validation, retrievals included and
//! cancellations not, then none. `fault*3` is the
//! fault three times. `K` counts the tokens of that response.
//!
//! | fault | what happens |
//! |---|---|
//! | `ok` `bom` `crlf` | a whole answer; with a byte order mark; with CR LF |
//! | `refused` `refused:300ms` | nothing listens, from before the end of the previous response |
//! | `close` `rst` | closed or reset before the head |
//! | `429` `503:2` `529:date=2` `500:ms=250` `429:raw=soon` `429:absurd` | a status, with `Retry-After` in seconds, as a date, `retry-after-ms`, any text, 317 years |
//! | `quota` | 429 that waiting does not help; on the Gemini wire the quota of a day, beside a time to wait |
//! | `silent` `empty` | a head and silence; a head and a clean end |
//! | `html` `json200` | no event stream, status 200 |
//! | `stall@K` `pings@K` | silence; heartbeats only |
//! | `rst@K` `fin@K` | RST inside an event; FIN inside a chunk |
//! | `end@K` `utf8@K` | a clean end without a terminal event; inside a UTF-8 sequence |
//! | `torn@K` | a clean end inside an event |
//! | `crc@K` `exception@K` | a frame with a wrong checksum in place of a token; an exception of an unknown name; elsewhere than at Bedrock `json@K` and `error@K:api` |
//! | `chunk@K` `json@K` | a bad chunk size; an event that is not JSON in place of a token |
//! | `error@K` `error@K:KIND` | an error in the stream: `overloaded`, `api`, `rate-limit`, `timeout`, `invalid`, `openrouter` |
//! | `expire` | a retrieval finds no response, now and later; what is made with it is whole and is not kept |
//! | `late` | a whole answer, and one more piece of text after its end |
//! | `ws@K:CODE` | on a WebSocket: a close frame with this code; over HTTP as `end@K` |
//! | `limit` `previous` | on a WebSocket: the connection is too old; it does not know the response that was named. Over HTTP a whole answer |
//! | `end@stop` | no sentinel after the stop reason; this is a whole answer |
//!
//! On the Gemini wire the hints of a status stand in the body, as Google's `RetryInfo`, but for the date; heartbeats
//! are comments, as a proxy in between would send them; and the reason is the last that there is.
//!
//! [`Faults::Hazard`] has no script: responses break by chance, in proportion to their time.
//!
//! # WebSockets
//!
//! A `GET` of a path that ends in `/responses` with the headers of RFC 6455 opens a WebSocket. Each message
//! `response.create` on it is a request, and the events of its answer are messages; statuses are `error`
//! messages. Faults that break the framing of a body break that of a message; `pings@K` sends pings, and a
//! clean end without a terminal event is a close frame with code 1000. It holds no earlier responses:
//! `previous_response_id` is not found.
//!
//! # Background responses
//!
//! A response that is made with `background` is generated by the clock, whoever is connected. One that is
//! made with `stream` too can be read again: the events after `starting_after` are the same bytes, and
//! what is not generated yet follows live. The record of the request that made it has all its tokens,
//! as they are generated; those that read it have the text that they got and no tokens.
//! [`RequestRecord::response`] says what was called and which events were sent.
//!
//! - It begins with its first event: a fault before that makes no response.
//! - `error@K` fails the generation where it makes the response, and its event is replayed; where it
//!   reads one it ends that reading alone, with an `error` event.
//! - What is no event of the response, that `error` and the heartbeats of `pings@K`, repeats the number of
//!   the event before it. Heartbeats elsewhere have a number of their own and are replayed.
//! - Streams of a cancelled response end without a terminal event; the wire has none for it.
//! - [`Limits::response_kept_for`] and [`Limits::response_streamed_for`] say when it is gone. Responses
//!   that were not made in the background are kept when they are whole, unless `store` is false.
//!
//! # Continuations
//!
//! A request whose messages go on after those of the prompt's first request is a continuation. After a
//! final assistant message the answer goes on as [`PrefillSeam`] says, when the model takes that; on
//! the chat wire the message must say so with `prefix`, `partial`, or the request with
//! `continue_final_message` or a chat template without thinking; on the Responses and the Gemini wire there is no such
//! thing, and another answer begins. After an assistant message and a user
//! message it goes on as [`Seam`] says. White space that the client trimmed comes again. A partial answer
//! that was never sent is flagged and gets another text.

mod ask;
mod breakdown;
mod call;
mod chain;
mod config;
mod connection;
mod control;
mod delivery;
mod error;
mod fault;
mod framing;
mod gate;
mod hazard;
mod http;
mod json;
mod ledger;
mod model;
mod quote;
mod random;
mod refusal;
mod reply;
mod responder;
mod retrieval;
mod script;
mod server;
mod shelf;
mod socket;
mod state;
mod text;
mod websocket;
mod wire;

pub use breakdown::Breakdown;
pub use config::{ApiKey, Config, Limits, Pace, Prefill, PrefillSeam, Seam, SlowStarts, Split};
pub use error::{Error, ErrorKind, ParseError};
pub use fault::{Fault, FaultParseError, InBandError, RetryHint};
pub use hazard::Hazard;
pub use ledger::{
    Authorization, CallKind, Continuation, Ending, Flags, Ledger, Outage, RequestRecord,
    ResponseRecord, Totals,
};
pub use script::{Faults, Script, ScriptError, ScriptErrorKind};
pub use server::Mock;
pub use text::{TextKind, TokenText, Unit, text_for};
pub use wire::Wire;
