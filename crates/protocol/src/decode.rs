//! Reading one event of any wire.
//!
//! Chooses the wire's decoder and treats what all share: sentinels, data that is not JSON.
//! It keeps no state: order and completeness of events are judged by the engine.

use crate::classify::classify_in_band;
use crate::event::Decoded;
use crate::{Wire, anthropic, gemini, openai_chat, openai_responses};

/// Reads one server-sent event.
///
/// `name` is the event's name, empty when it had none. The `type` inside the data wins over it.
/// Events of unknown kinds decode to [`Decoded::default`], but for their number and their place
/// on the Responses wire. Reading a piece of text costs one
/// pass over the data, and no allocation unless the text or an id has escapes or the text
/// comes in several parts.
///
/// # Errors
///
/// [`Malformed`] when the data is not a JSON object although the wire says it is one.
///
/// ```
/// use protocol::{Part, Wire, decode};
///
/// let data = br#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#;
/// let event = decode(Wire::AnthropicMessages, b"content_block_delta", data)?;
/// let delta = event.delta.unwrap();
/// assert_eq!((delta.part, &*delta.text), (Part::Text, &b"Hi"[..]));
/// # Ok::<(), protocol::Malformed>(())
/// ```
pub fn decode<'a>(wire: Wire, name: &[u8], data: &'a [u8]) -> Result<Decoded<'a>, Malformed> {
    let read = match wire {
        Wire::AnthropicMessages => anthropic::decode(name, data),
        Wire::OpenAiChat => openai_chat::decode(name, data),
        Wire::OpenAiResponses => openai_responses::decode(name, data),
        Wire::Gemini => gemini::decode(name, data),
    };
    read.or_else(|malformed| without_json(wire, name, data).ok_or(malformed))
}

/// The meaning of data that is not a JSON object, where it has one.
fn without_json<'a>(wire: Wire, name: &[u8], data: &'a [u8]) -> Option<Decoded<'a>> {
    let known = match wire {
        Wire::AnthropicMessages => anthropic::EVENT_NAMES.contains(&name),
        Wire::OpenAiChat | Wire::Gemini => name == b"message",
        Wire::OpenAiResponses => name == b"message" || name.starts_with(b"response."),
    };
    match (data.trim_ascii(), name) {
        // Gateways append it to the other wires too, after their own last event.
        (b"[DONE]", _) => Some(Decoded { end: wire == Wire::OpenAiChat, ..Decoded::default() }),
        (_, b"error") => {
            let error = Some(Box::new(classify_in_band(data)));
            Some(Decoded { error, ..Decoded::default() })
        }
        (b"", b"ping") => Some(Decoded { ping: true, ..Decoded::default() }),
        (_, b"") => None,
        _ if known => None,
        _ => Some(Decoded::default()),
    }
}

/// The data of an event is not what its wire requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed JSON at byte {offset} of the event")]
pub struct Malformed {
    /// Where in the data reading failed, in bytes.
    pub offset: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: &[Wire] = Wire::all();

    #[test]
    fn data_that_is_no_object_is_malformed_where_an_object_is_due() {
        for (wire, name) in [
            (ALL[0], &b"message_delta"[..]),
            (ALL[0], b""),
            (ALL[1], b""),
            (ALL[2], b""),
            (ALL[2], b"response.output_text.delta"),
            (ALL[2], b"response.of_tomorrow"),
            (ALL[3], b""),
        ] {
            for data in [&b"{\"a\":"[..], b"[1]", b"7", b"", b"<html>"] {
                assert!(decode(wire, name, data).is_err(), "{wire} {}", data.escape_ascii());
            }
        }
        assert_eq!(decode(ALL[1], b"", b"{\"id\":x}"), Err(Malformed { offset: 6 }));
    }

    #[test]
    fn events_of_unknown_names_need_no_json() {
        for wire in ALL.iter().copied() {
            assert_eq!(decode(wire, b"heartbeat", b"tick"), Ok(Decoded::default()));
        }
    }

    #[track_caller]
    fn check_named(wire: Wire, name: &str, data: &str, misnamed: bool) {
        assert_eq!(decode(wire, name.as_bytes(), data.as_bytes()).unwrap().misnamed, misnamed);
    }

    #[test]
    fn a_name_unlike_the_type_is_told_where_the_wire_has_both() {
        let text =
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#;
        let spaced = text.replace(':', ": ");
        for data in [text, &spaced] {
            check_named(ALL[0], "content_block_delta", data, false);
            check_named(ALL[0], "", data, false);
            check_named(ALL[0], "message", data, false);
            check_named(ALL[0], "ping", data, true);
        }
        check_named(ALL[0], "message_stop", r#"{"type":"ping"}"#, true);
        check_named(ALL[0], "message_stop", "{}", false);
        check_named(ALL[1], "ping", r#"{"choices":[]}"#, false);
        let text = r#"{"type":"response.output_text.delta","output_index":0,"delta":"a"}"#;
        let spaced = text.replace(':', ": ");
        for data in [text, &spaced] {
            check_named(ALL[2], "response.output_text.delta", data, false);
            check_named(ALL[2], "", data, false);
            check_named(ALL[2], "response.output_text.done", data, true);
        }
    }

    #[test]
    fn the_sentinel_ends_only_the_wire_that_has_it() {
        assert!(decode(ALL[1], b"", b"[DONE]").unwrap().end);
        assert!(decode(ALL[1], b"", b" [DONE]").unwrap().end);
        for wire in [ALL[0], ALL[2], ALL[3]] {
            assert_eq!(decode(wire, b"", b"[DONE]"), Ok(Decoded::default()));
        }
    }

    #[test]
    fn an_error_event_without_json_is_an_error() {
        let error = decode(ALL[0], b"error", b"upstream went away").unwrap().error.unwrap();
        assert_eq!(error.message, "upstream went away");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            data in prop::collection::vec(any::<u8>(), 0..80),
            name in prop::sample::select(vec!["", "error", "message_delta", "ping", "x", "response.x"]),
        ) {
            for wire in ALL.iter().copied() {
                let _ = decode(wire, name.as_bytes(), &data);
            }
        }
    }
}
