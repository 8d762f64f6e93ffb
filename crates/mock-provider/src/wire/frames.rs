//! The same events in other frames: one document on each line, or Amazon's binary messages.
//! The wires write server-sent events; this turns whole ones into what a client asked for.

use crate::http::Request;
use crate::json::{Value, read};
use crate::wire::json_text;

/// How the events of an answer lie in its body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Frames {
    /// Server-sent events.
    #[default]
    Events,
    /// `Accept: application/x-ndjson`: the data of each event on its line, a comment as an empty one.
    Lines,
    /// `POST …/model/{id}/invoke-with-response-stream`: Bedrock's messages.
    Messages,
}

impl Frames {
    /// What a request asks for.
    pub(crate) fn of(request: &Request) -> Self {
        let accept = request.header("accept").unwrap_or_default();
        if bedrock_model(request.path()).is_some() {
            Self::Messages
        } else if accept.starts_with("application/x-ndjson") {
            Self::Lines
        } else {
            Self::Events
        }
    }

    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Events => "text/event-stream; charset=utf-8",
            Self::Lines => "application/x-ndjson; charset=utf-8",
            Self::Messages => "application/vnd.amazon.eventstream",
        }
    }

    /// Whole events in these frames.
    pub(crate) fn encode(self, events: &[u8]) -> Vec<u8> {
        if self == Self::Events {
            return events.to_vec();
        }
        let text = std::str::from_utf8(events).expect("events are text");
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let mut bytes = Vec::new();
        for event in text.split(&end.repeat(2)).filter(|event| !event.is_empty()) {
            let field = |name| event.lines().find_map(|line| line.strip_prefix(name));
            match (self, field("data: ")) {
                // It is no JSON, and no line.
                (Self::Lines, Some("[DONE]")) => {}
                (Self::Lines, data) => {
                    bytes.extend_from_slice(data.unwrap_or_default().as_bytes());
                    bytes.extend_from_slice(end.as_bytes());
                }
                (_, None) => bytes.extend(other_event()),
                (_, Some(data)) if field("event: ") == Some("error") => {
                    bytes.extend(exception_of(data));
                }
                (_, Some(data)) => bytes.extend(chunk(data)),
            }
        }
        bytes
    }

    /// A whole event whose frame is damaged; `None` where frames have no checksum.
    pub(crate) fn damaged(self, event: &[u8]) -> Option<Vec<u8>> {
        let mut message = (self == Self::Messages).then(|| self.encode(event))?;
        *message.last_mut()? ^= 1;
        Some(message)
    }

    /// An exception of a name that nobody knows; `None` where there are none.
    pub(crate) fn unknown_exception(self) -> Option<Vec<u8>> {
        (self == Self::Messages).then(|| exception("exceptionOfTomorrow", "It is not known yet"))
    }
}

/// The model of a path of Bedrock's, as it stands there.
pub(crate) fn bedrock_model(path: &str) -> Option<&str> {
    let (_, model) = path.strip_suffix("/invoke-with-response-stream")?.rsplit_once("/model/")?;
    (!model.is_empty() && !model.contains('/')).then_some(model)
}

fn chunk(json: &str) -> Vec<u8> {
    let payload = format!(r#"{{"bytes":"{}","p":"abcdefghij"}}"#, base64(json.as_bytes()));
    let headers = [
        (":event-type", "chunk"),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ];
    message(&headers, &payload)
}

/// A sign of life that says nothing of the answer.
fn other_event() -> Vec<u8> {
    message(&[(":event-type", "keepAlive"), (":message-type", "event")], "{}")
}

/// The exception for an error of the Messages wire.
fn exception_of(data: &str) -> Vec<u8> {
    let body = read(data.as_bytes()).unwrap_or(Value::Null);
    let error = body.member("error");
    let text = |name| error.and_then(|error| error.member(name)).and_then(Value::as_str);
    let name = match text("type").unwrap_or_default() {
        "rate_limit_error" => "throttlingException",
        "overloaded_error" => "serviceUnavailableException",
        "timeout_error" => "modelTimeoutException",
        "invalid_request_error" => "validationException",
        _ => "internalServerException",
    };
    exception(name, text("message").unwrap_or_default())
}

fn exception(name: &str, message_text: &str) -> Vec<u8> {
    let headers = [
        (":exception-type", name),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    ];
    message(&headers, &format!(r#"{{"message":{}}}"#, json_text(message_text)))
}

/// A message with text headers.
fn message(headers: &[(&str, &str)], payload: &str) -> Vec<u8> {
    const TEXT: u8 = 7;
    let mut encoded = Vec::new();
    for (name, value) in headers {
        encoded.push(u8::try_from(name.len()).expect("names are short"));
        encoded.extend_from_slice(name.as_bytes());
        encoded.push(TEXT);
        let length = u16::try_from(value.len()).expect("values are short");
        encoded.extend_from_slice(&length.to_be_bytes());
        encoded.extend_from_slice(value.as_bytes());
    }
    let length = |bytes: usize| u32::try_from(bytes).expect("events are short").to_be_bytes();
    let mut message = length(16 + encoded.len() + payload.len()).to_vec();
    message.extend_from_slice(&length(encoded.len()));
    message.extend_from_slice(&crc32(&message).to_be_bytes());
    message.extend_from_slice(&encoded);
    message.extend_from_slice(payload.as_bytes());
    message.extend_from_slice(&crc32(&message).to_be_bytes());
    message
}

/// The CRC-32 of gzip, from a table of its 256 bytes.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let (mut crc, mut bit) = (byte as u32, 0);
            while bit < 8 {
                crc = if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ 0xEDB8_8320 };
                bit += 1;
            }
            table[byte] = crc;
            byte += 1;
        }
        table
    };
    let mut crc = u32::MAX;
    for byte in bytes {
        crc = (crc >> 8) ^ TABLE[((crc ^ u32::from(*byte)) & 0xFF) as usize];
    }
    !crc
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let digit = |shift: u32| {
            let bits = three.iter().fold(0u32, |bits, byte| (bits << 8) | u32::from(*byte));
            let bits = bits << (8 * (3 - three.len()));
            char::from(DIGITS[((bits >> shift) & 63) as usize])
        };
        text.extend([digit(18), digit(12)]);
        text.push(if three.len() > 1 { digit(6) } else { '=' });
        text.push(if three.len() > 2 { digit(0) } else { '=' });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_and_base64_are_the_known_ones() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("é", "w6k=")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn lines_hold_the_data_alone() {
        let events = "event: ping\r\ndata: {\"a\":1}\r\n\r\n: alive\r\n\r\ndata: [DONE]\r\n\r\n";
        assert_eq!(Frames::Lines.encode(events.as_bytes()), b"{\"a\":1}\r\n\r\n");
        assert_eq!(Frames::Events.encode(events.as_bytes()), events.as_bytes());
        assert_eq!(Frames::Lines.damaged(events.as_bytes()), None);
    }

    #[test]
    fn a_message_is_written_as_specified() {
        let bytes = message(&[(":message-type", "event")], "{}");
        assert_eq!(bytes[..8], [0, 0, 0, 40, 0, 0, 0, 22]);
        assert_eq!(bytes[8..12], crc32(&bytes[..8]).to_be_bytes());
        assert_eq!(&bytes[12..36], b"\x0d:message-type\x07\x00\x05event{}");
        assert_eq!(bytes[36..], crc32(&bytes[..36]).to_be_bytes());
    }

    #[test]
    fn errors_are_exceptions_of_their_names() {
        let find = |bytes: &[u8], what: &str| {
            bytes.windows(what.len()).any(|window| window == what.as_bytes())
        };
        for (kind, name) in [
            ("overloaded_error", "serviceUnavailableException"),
            ("api_error", "internalServerException"),
            ("rate_limit_error", "throttlingException"),
            ("timeout_error", "modelTimeoutException"),
            ("invalid_request_error", "validationException"),
        ] {
            let event = format!(
                "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\",\"message\":\"m\"}}}}\n\n"
            );
            let bytes = Frames::Messages.encode(event.as_bytes());
            assert!(find(&bytes, name) && find(&bytes, "{\"message\":\"m\"}"), "{kind}");
        }
    }

    #[test]
    fn a_model_stands_in_the_path() {
        let path = "/v1/model/us.anthropic.claude-v1%3A0/invoke-with-response-stream";
        assert_eq!(bedrock_model(path), Some("us.anthropic.claude-v1%3A0"));
        for none in
            ["/model//invoke-with-response-stream", "/model/a/b/invoke-with-response-stream"]
        {
            assert_eq!(bedrock_model(none), None);
        }
    }
}
