//! Written transcripts of both wires, read event by event.

#[path = "transcripts/anthropic.rs"]
mod anthropic;
#[path = "transcripts/openai_chat.rs"]
mod openai_chat;
#[path = "transcripts/reader.rs"]
mod reader;
