//! As much of HTTP/1.1 as a provider speaks: requests with a body, plain and chunked responses.
//! Literal bytes on both sides; no pipelining, no trailers, no compression.

mod date;
mod request;
mod response;

pub(crate) use date::http_date;
pub(crate) use request::{Request, RequestError, RequestParser};
pub(crate) use response::{Head, encode_chunk, encode_head};
