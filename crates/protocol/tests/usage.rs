//! What payloads of all providers say that a request used.

#[path = "usage/known_bugs.rs"]
mod known_bugs;
#[path = "usage/odd.rs"]
mod odd;
#[path = "usage/payloads.rs"]
mod payloads;
#[path = "usage/recordings.rs"]
mod recordings;
