//! Written transcripts of every wire, read event by event.

#[path = "transcripts/anthropic.rs"]
mod anthropic;
#[path = "transcripts/gemini.rs"]
mod gemini;
#[path = "transcripts/openai_chat.rs"]
mod openai_chat;
#[path = "transcripts/openai_responses.rs"]
mod openai_responses;
#[path = "transcripts/reader.rs"]
mod reader;
