//! The event by which each wire says that a stream ends in an error.

use crate::wire::Wire;

/// The name and the data of the event that ends a stream of this wire with an error. A reader of the wire
/// takes it for one, and never for an end of the response.
///
/// `number` is that of the event in its stream, from 0; only the Responses wire says it.
///
/// ```
/// use protocol::{Wire, decode, error_event};
///
/// for wire in Wire::all() {
///     let (name, data) = error_event(*wire, "the stream broke", 7);
///     let event = decode(*wire, name.as_bytes(), data.as_bytes())?;
///     assert_eq!(event.error.unwrap().message, "the stream broke");
///     assert_eq!(event.stop, None);
/// }
/// # Ok::<(), protocol::Malformed>(())
/// ```
#[must_use]
pub fn error_event(wire: Wire, message: &str, number: u64) -> (&'static str, String) {
    let message = serde_json::Value::from(message);
    match wire {
        Wire::AnthropicMessages => (
            "error",
            format!(r#"{{"type":"error","error":{{"type":"api_error","message":{message}}}}}"#),
        ),
        Wire::OpenAiChat => (
            "",
            format!(
                r#"{{"error":{{"message":{message},"type":"server_error","param":null,"code":null}}}}"#
            ),
        ),
        Wire::OpenAiResponses => (
            "error",
            format!(
                r#"{{"type":"error","code":"server_error","message":{message},"param":null,"sequence_number":{number}}}"#
            ),
        ),
        Wire::Gemini => (
            "",
            format!(r#"{{"error":{{"code":503,"message":{message},"status":"UNAVAILABLE"}}}}"#),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_may_have_any_character() {
        let message = "\"quoted\" \\ back\nline\u{1}\u{2028}é😀";
        for wire in Wire::all() {
            let (_, data) = error_event(*wire, message, 0);
            assert!(!data.contains('\n'), "one line");
            let value: serde_json::Value = serde_json::from_str(&data).unwrap();
            let error = value.get("error").filter(|it| it.is_object()).unwrap_or(&value);
            assert_eq!(error["message"], message, "{wire:?}");
        }
    }
}
