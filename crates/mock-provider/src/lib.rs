//! A provider that breaks on purpose: seeded faults over real sockets, and a ledger.
//!
//! It serves the Anthropic Messages and the OpenAI Chat Completions wire on loopback, answers every
//! prompt with a text that is known beforehand, breaks as a script says, goes on where a client asks it
//! to, and keeps a ledger of what really happened. It writes literal bytes with its own JSON and its
//! own HTTP, so that it cannot share a mistake with what it judges. What it does not do: TLS, HTTP/2,
//! tools, answers that are not streamed.
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
//! `POST` to any path that ends in `/messages` or `/chat/completions`. For tests that are another
//! process: `GET /mock/ledger` is the ledger as JSON, `GET /mock/text?prompt=…` (percent-encoded) is the
//! text that a prompt is answered with.
//!
//! # Prompts
//!
//! The first user message decides the text. Words in it that are set apart by white space win over the
//! configuration: `mock:multilingual`, `mock:ha`, `mock:rows`, `mock:braces`, the last three also as
//! `mock:intro+ha` with a unique introduction, and `mock:tokens=500`.
//!
//! # Fault scripts
//!
//! Faults separated by commas, one for each request that passes validation, then none. `fault*3` is the
//! fault three times. `K` counts the tokens of that response.
//!
//! | fault | what happens |
//! |---|---|
//! | `ok` `bom` `crlf` | a whole answer; with a byte order mark; with CR LF |
//! | `refused` `refused:300ms` | nothing listens, from before the end of the previous response |
//! | `close` `rst` | closed or reset before the head |
//! | `429` `503:2` `529:date=2` `500:ms=250` `429:raw=soon` `429:absurd` | a status, with `Retry-After` in seconds, as a date, `retry-after-ms`, any text, 317 years |
//! | `quota` | 429 that waiting does not help |
//! | `silent` `empty` | a head and silence; a head and a clean end |
//! | `html` `json200` | no event stream, status 200 |
//! | `stall@K` `pings@K` | silence; heartbeats only |
//! | `rst@K` `fin@K` | RST inside an event; FIN inside a chunk |
//! | `end@K` `utf8@K` | a clean end without a terminal event; inside a UTF-8 sequence |
//! | `chunk@K` `json@K` | a bad chunk size; an event that is not JSON in place of a token |
//! | `error@K` `error@K:KIND` | an error in the stream: `overloaded`, `api`, `rate-limit`, `timeout`, `invalid`, `openrouter` |
//! | `end@stop` | no sentinel after the stop reason; this is a whole answer |
//!
//! # Continuations
//!
//! A request whose messages go on after those of the prompt's first request is a continuation. After a
//! final assistant message the answer goes on as [`PrefillSeam`] says, when the model takes that; on
//! the chat wire the message must say so with `prefix`, `partial`, or the request with
//! `continue_final_message` or a chat template without thinking. After an assistant message and a user
//! message it goes on as [`Seam`] says. White space that the client trimmed comes again. A partial answer
//! that was never sent is flagged and gets another text.

mod ask;
mod breakdown;
mod chain;
mod config;
mod connection;
mod control;
mod delivery;
mod error;
mod fault;
mod framing;
mod gate;
mod http;
mod json;
mod ledger;
mod model;
mod quote;
mod random;
mod refusal;
mod reply;
mod responder;
mod script;
mod server;
mod socket;
mod state;
mod text;
mod wire;

pub use breakdown::Breakdown;
pub use config::{ApiKey, Config, Limits, Pace, Prefill, PrefillSeam, Seam, Split};
pub use error::{Error, ErrorKind, ParseError};
pub use fault::{Fault, FaultParseError, InBandError, RetryHint};
pub use ledger::{
    Authorization, Continuation, Ending, Flags, Ledger, Outage, RequestRecord, Totals,
};
pub use script::{Faults, Script, ScriptError, ScriptErrorKind};
pub use server::Mock;
pub use text::{TextKind, TokenText, Unit, text_for};
pub use wire::Wire;
