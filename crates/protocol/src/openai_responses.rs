//! The OpenAI Responses wire.
//!
//! Named and numbered events about a list of output items, each with parts. What a part or an
//! item says in pieces is repeated whole by the events that end it, and everything by the last.

mod decode;
mod item;
mod socket;
mod stored;
mod usual;

pub(crate) use decode::decode;
pub use item::{ended_item, ended_part, items_of};
pub use socket::{
    SocketMessage, SocketRefusal, asks_background, previous_response, socket_request,
};
pub use stored::{RESPONSE_ID_BYTES_MAX, Stored, read_stored, stored_path};
