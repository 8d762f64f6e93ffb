//! The literal events of the Chat Completions wire: data only, one choice with index 0.
//! Every function returns whole events.

use crate::fault::InBandError;
use crate::wire::{AnswerWriter, Stop, Usage};

pub(crate) fn opening(writer: &mut AnswerWriter) -> Vec<u8> {
    chunk(writer, r#"{"role":"assistant","content":"","refusal":null}"#, "null")
}

/// `text` is a JSON string.
pub(crate) fn token(writer: &mut AnswerWriter, text: &str) -> Vec<u8> {
    chunk(writer, &format!(r#"{{"content":{text}}}"#), "null")
}

pub(crate) fn stop(writer: &mut AnswerWriter, stop: Stop) -> Vec<u8> {
    let reason = match stop {
        Stop::End | Stop::Paused | Stop::Failed(_) => r#""stop""#,
        Stop::Length => r#""length""#,
    };
    chunk(writer, "{}", reason)
}

pub(crate) fn sentinel(writer: &AnswerWriter, usage: Usage) -> Vec<u8> {
    let mut bytes = Vec::new();
    if writer.extras.usage {
        let Usage { input, output } = usage;
        let total = input + output;
        let data = format!(
            r#"{}"choices":[],"usage":{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{total}}}}}"#,
            preface(writer)
        );
        bytes = writer.event(None, &data);
    }
    bytes.extend(writer.event(None, "[DONE]"));
    bytes
}

pub(crate) fn error(writer: &AnswerWriter, error: InBandError) -> Vec<u8> {
    let (kind, code, message) = match error {
        InBandError::OpenRouter => return openrouter_error(writer),
        InBandError::Overloaded => ("server_error", "null", "The server is overloaded"),
        InBandError::Api => ("server_error", "null", "The server had an error"),
        InBandError::RateLimit => {
            ("requests", r#""rate_limit_exceeded""#, "Rate limit reached for requests")
        }
        InBandError::Timeout => ("timeout", "null", "Request timed out"),
        InBandError::InvalidRequest => ("invalid_request_error", "null", "Invalid request"),
    };
    let data = format!(
        r#"{{"error":{{"message":"{message}","type":"{kind}","param":null,"code":{code}}}}}"#
    );
    writer.event(None, &data)
}

fn openrouter_error(writer: &AnswerWriter) -> Vec<u8> {
    let data = format!(
        r#"{}"error":{{"code":502,"message":"Provider returned error"}},"choices":[{{"index":0,"delta":{{"content":""}},"finish_reason":"error"}}]}}"#,
        preface(writer)
    );
    writer.event(None, &data)
}

fn chunk(writer: &mut AnswerWriter, delta: &str, finish_reason: &str) -> Vec<u8> {
    let usage = if writer.extras.usage { r#","usage":null"# } else { "" };
    let obfuscation = obfuscation(writer);
    let data = format!(
        r#"{}"choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish_reason}}}]{usage}{obfuscation}}}"#,
        preface(writer)
    );
    writer.event(None, &data)
}

/// The members that every chunk starts with.
fn preface(writer: &AnswerWriter) -> String {
    let AnswerWriter { id, created, model, .. } = writer;
    format!(
        r#"{{"id":"{id}","object":"chat.completion.chunk","created":{created},"model":{model},"#
    )
}

/// A member that hides the length of a token, never part of the text.
fn obfuscation(writer: &mut AnswerWriter) -> String {
    if !writer.extras.obfuscation {
        return String::new();
    }
    let length = writer.random.between(0, 8);
    let letters: String =
        (0..length).map(|_| char::from(b'a' + writer.random.below(26) as u8)).collect();
    format!(r#","obfuscation":"{letters}""#)
}
