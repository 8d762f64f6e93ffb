//! The literal chunks of the Gemini wire: data only, one candidate with index 0, no last event.
//! Every function returns whole events, or the whole document of an answer that is not streamed.
//!
//! Members are those of the API reference, "GenerateContentResponse". Every chunk says the id of the
//! response and the counts so far; spaces stand where Google's own server writes them.

use crate::fault::InBandError;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::wire::{AnswerWriter, Stop, json_text};

/// What a Gemini answer has beside its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    /// A summary of what was thought comes first.
    pub(crate) thoughts: bool,
    /// A call of a function comes last.
    pub(crate) call: bool,
    /// There is no answer: the prompt is blocked.
    pub(crate) blocked: bool,
}

/// The model of a path, as it stands there, and whether its answer is streamed.
pub(crate) fn call(path: &str) -> Option<(&str, bool)> {
    let (model, method) = path.rsplit_once('/')?.1.split_once(':')?;
    let streams = match method {
        "streamGenerateContent" => true,
        "generateContent" => false,
        _ => return None,
    };
    (!model.is_empty()).then_some((model, streams))
}

/// What was thought, where that is asked for.
pub(crate) fn opening(writer: &AnswerWriter) -> Vec<u8> {
    let Parts { thoughts, blocked, .. } = writer.extras.parts;
    if thoughts && !blocked { chunk(writer, THOUGHT, "", 0) } else { Vec::new() }
}

/// `text` is a JSON string.
pub(crate) fn token(writer: &mut AnswerWriter, text: &str) -> Vec<u8> {
    writer.generated += 1;
    chunk(writer, &format!(r#"{{"text": {text}}}"#), "", writer.generated)
}

/// The chunk with the reason; what a block of the prompt says in its place.
pub(crate) fn stop(writer: &AnswerWriter, stop: Stop, output_tokens: u64) -> Vec<u8> {
    if writer.extras.parts.blocked {
        return writer.event(None, &blocked(writer));
    }
    let call =
        if writer.extras.parts.call { chunk(writer, CALL, "", output_tokens) } else { vec![] };
    let last = chunk(writer, SIGNED, &finish(stop), output_tokens);
    [call, last].concat()
}

pub(crate) fn error(writer: &AnswerWriter, error: InBandError) -> Vec<u8> {
    let refusal = refusal(error);
    let data = String::from_utf8(refusal.body(writer.wire, "")).expect("bodies are text");
    writer.event(None, &data)
}

/// What a failed generation is where nothing is sent yet.
pub(crate) fn refusal(error: InBandError) -> Refusal {
    let status = match error {
        InBandError::Overloaded | InBandError::OpenRouter => 503,
        InBandError::Api => 500,
        InBandError::RateLimit => 429,
        InBandError::Timeout => 504,
        InBandError::InvalidRequest => 400,
    };
    Refusal::of_status(status)
}

/// The whole answer as one document.
pub(crate) fn document(writer: &AnswerWriter, reply: &Reply) -> String {
    let Parts { thoughts, call, blocked } = writer.extras.parts;
    if blocked {
        return self::blocked(writer);
    }
    let text = format!(r#"{{"text": {}}}"#, json_text(&reply.text()));
    let parts = [thoughts.then_some(THOUGHT), Some(text.as_str()), call.then_some(CALL)];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    content(writer, &parts.join(","), &finish(reply.stop), reply.tokens.len() as u64)
}

const THOUGHT: &str =
    r#"{"text": "**Weighing the words**\n\nThe first one matters.","thought": true}"#;
const CALL: &str =
    r#"{"functionCall": {"name": "f","args": {"a": 1}},"thoughtSignature": "Q0FMTA=="}"#;
/// Thinking models sign the end of an answer with an empty text.
const SIGNED: &str = r#"{"text": "","thoughtSignature": "RU5E"}"#;
/// Tokens of what was thought.
const THOUGHT_TOKENS: u64 = 11;

fn finish(stop: Stop) -> String {
    let reason = match stop {
        Stop::End | Stop::Paused | Stop::Failed(_) => "STOP",
        Stop::Length => "MAX_TOKENS",
    };
    format!(r#""finishReason": "{reason}","#)
}

fn chunk(writer: &AnswerWriter, parts: &str, finish: &str, output_tokens: u64) -> Vec<u8> {
    writer.event(None, &content(writer, parts, finish, output_tokens))
}

fn content(writer: &AnswerWriter, parts: &str, finish: &str, output_tokens: u64) -> String {
    format!(
        r#"{{"candidates": [{{"content": {{"parts": [{parts}],"role": "model"}},{finish}"index": 0}}],{}}}"#,
        tail(writer, Some(output_tokens))
    )
}

fn blocked(writer: &AnswerWriter) -> String {
    let ratings = r#"[{"category": "HARM_CATEGORY_DANGEROUS_CONTENT","probability": "HIGH"}]"#;
    let tail = tail(writer, None);
    format!(
        r#"{{"promptFeedback": {{"blockReason": "SAFETY","safetyRatings": {ratings}}},{tail}}}"#
    )
}

/// The members that every chunk ends with; an answer that was never begun has no count of its own.
fn tail(writer: &AnswerWriter, output_tokens: Option<u64>) -> String {
    let AnswerWriter { id, model, input_tokens, .. } = writer;
    let thoughts = if writer.extras.parts.thoughts { THOUGHT_TOKENS } else { 0 };
    let (mut counts, mut total) = (String::new(), *input_tokens);
    if let Some(output) = output_tokens {
        counts += &format!(r#""candidatesTokenCount": {output},"#);
        total += output;
        if thoughts > 0 {
            counts += &format!(r#""thoughtsTokenCount": {thoughts},"#);
            total += thoughts;
        }
    }
    format!(
        r#""usageMetadata": {{"promptTokenCount": {input_tokens},{counts}"totalTokenCount": {total}}},"modelVersion": {model},"responseId": "{id}""#
    )
}

#[cfg(test)]
mod tests {
    use super::call;

    #[test]
    fn the_path_says_the_model_and_whether_to_stream() {
        let path = "/v1beta/models/gemini-2.5-pro:streamGenerateContent";
        assert_eq!(call(path), Some(("gemini-2.5-pro", true)));
        assert_eq!(call("/models/m:generateContent"), Some(("m", false)));
        assert_eq!(call("/tunedModels/t:generateContent"), Some(("t", false)));
        for other in ["/models/m:countTokens", "/models/:generateContent", "/models/m", "m"] {
            assert_eq!(call(other), None, "{other}");
        }
    }
}
