//! The response object of the Responses wire, as literal JSON.
//! Its members are those of the API reference, "The response object"; most of them only repeat a default.

use crate::fault::InBandError;
use crate::reply::Reply;
use crate::wire::responses::{cause, item, part};
use crate::wire::{AnswerWriter, json_text};

/// Where a response is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Queued,
    InProgress,
    Completed,
    Incomplete,
    Failed(InBandError),
    Cancelled,
}

/// What a response object repeats of its request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) background: bool,
    pub(crate) store: bool,
    pub(crate) max_output_tokens: Option<u64>,
    /// JSON; `None` is `null`.
    pub(crate) instructions: Option<String>,
}

impl Status {
    /// Whether nothing follows.
    pub(crate) fn is_over(self) -> bool {
        !matches!(self, Self::Queued | Self::InProgress)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete => "incomplete",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The object; output and usage are there once the answer is whole or at its bound.
pub(crate) fn object(writer: &AnswerWriter, status: Status, reply: Option<&Reply>) -> String {
    let AnswerWriter { id, created, model, settings, .. } = writer;
    let name = status.name();
    let background = settings.background;
    let error = error(status);
    let details = match status {
        Status::Incomplete => r#"{"reason":"max_output_tokens"}"#,
        _ => "null",
    };
    let instructions = settings.instructions.as_deref().unwrap_or("null");
    let most = settings.max_output_tokens.map_or("null".to_owned(), |most| most.to_string());
    let output = reply.map(|reply| output(writer, status, reply)).unwrap_or_default();
    let store = settings.store;
    let usage = reply.map_or("null".to_owned(), |reply| usage(writer, reply));
    format!(
        r#"{{"id":"{id}","object":"response","created_at":{created},"status":"{name}","background":{background},"error":{error},"incomplete_details":{details},"instructions":{instructions},"max_output_tokens":{most},"model":{model},"output":[{output}],"parallel_tool_calls":true,"previous_response_id":null,"reasoning":{{"effort":null,"summary":null}},"service_tier":"default","store":{store},"temperature":1.0,"text":{{"format":{{"type":"text"}}}},"tool_choice":"auto","tools":[],"top_p":1.0,"truncation":"disabled","usage":{usage},"user":null,"metadata":{{}}}}"#
    )
}

fn error(status: Status) -> String {
    let Status::Failed(error) = status else { return "null".to_owned() };
    let (code, message) = cause(error);
    format!(r#"{{"code":"{code}","message":"{message}"}}"#)
}

fn output(writer: &AnswerWriter, status: Status, reply: &Reply) -> String {
    item(writer, status.name(), &part(&json_text(&reply.text())))
}

fn usage(writer: &AnswerWriter, reply: &Reply) -> String {
    let (input, output) = (writer.input_tokens, reply.tokens.len() as u64);
    let total = input + output;
    format!(
        r#"{{"input_tokens":{input},"input_tokens_details":{{"cached_tokens":0}},"output_tokens":{output},"output_tokens_details":{{"reasoning_tokens":0}},"total_tokens":{total}}}"#
    )
}
