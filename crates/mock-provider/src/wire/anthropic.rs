//! The literal events of the Messages wire: named events, one text block with index 0.
//! Every function returns whole events.

use crate::fault::InBandError;
use crate::wire::{AnswerWriter, Stop};

pub(crate) fn opening(writer: &AnswerWriter) -> Vec<u8> {
    let AnswerWriter { id, model, input_tokens, .. } = writer;
    let start = format!(
        r#"{{"type":"message_start","message":{{"id":"{id}","type":"message","role":"assistant","content":[],"model":{model},"stop_reason":null,"stop_sequence":null,"usage":{{"input_tokens":{input_tokens},"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1}}}}}}"#
    );
    let block =
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
    let mut bytes = writer.event(Some("message_start"), &start);
    bytes.extend(writer.event(Some("content_block_start"), block));
    bytes.extend(heartbeat(writer));
    bytes
}

/// `text` is a JSON string.
pub(crate) fn token(writer: &AnswerWriter, text: &str) -> Vec<u8> {
    let data = format!(
        r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":{text}}}}}"#
    );
    writer.event(Some("content_block_delta"), &data)
}

/// What is said of the container that the tools of a paused turn run in.
const CONTAINER: &str =
    r#","container":{"id":"container_mock","expires_at":"2030-01-01T00:00:00Z"}"#;

pub(crate) fn stop(writer: &AnswerWriter, stop: Stop, output_tokens: u64) -> Vec<u8> {
    let (reason, more) = match stop {
        Stop::End | Stop::Failed(_) => ("end_turn", ""),
        Stop::Length => ("max_tokens", ""),
        Stop::Paused => ("pause_turn", CONTAINER),
    };
    let delta = format!(
        r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}","stop_sequence":null{more}}},"usage":{{"output_tokens":{output_tokens}}}}}"#
    );
    let block = r#"{"type":"content_block_stop","index":0}"#;
    let mut bytes = writer.event(Some("content_block_stop"), block);
    bytes.extend(writer.event(Some("message_delta"), &delta));
    bytes
}

pub(crate) fn sentinel(writer: &AnswerWriter) -> Vec<u8> {
    writer.event(Some("message_stop"), r#"{"type":"message_stop"}"#)
}

pub(crate) fn heartbeat(writer: &AnswerWriter) -> Vec<u8> {
    writer.event(Some("ping"), r#"{"type": "ping"}"#)
}

pub(crate) fn error(writer: &AnswerWriter, error: InBandError) -> Vec<u8> {
    let (kind, message) = match error {
        InBandError::Overloaded | InBandError::OpenRouter => ("overloaded_error", "Overloaded"),
        InBandError::Api => ("api_error", "Internal server error"),
        InBandError::RateLimit => ("rate_limit_error", "Rate limited"),
        InBandError::Timeout => ("timeout_error", "Request timed out"),
        InBandError::InvalidRequest => ("invalid_request_error", "Invalid request"),
    };
    let data = format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}}}}"#);
    writer.event(Some("error"), &data)
}
