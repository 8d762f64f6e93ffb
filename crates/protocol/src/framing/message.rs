//! One message of Amazon's event stream encoding, and what it says of an answer.
//!
//! Bedrock's `chunk` events hold one event of the model's own wire. Events of other types are left
//! out; exceptions become errors under the name that Amazon gives them, which `classify` knows or not.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::FrameError;
use super::event::Writer;
use crate::json::Scanner;

/// A message whose checksums match.
pub(super) struct Message<'a> {
    kind: Kind<'a>,
    payload: &'a [u8],
}

/// What a message is, by its headers.
enum Kind<'a> {
    /// The value of `:event-type`.
    Event(&'a [u8]),
    /// The value of `:exception-type`.
    Exception(&'a [u8]),
    /// The values of `:error-code` and `:error-message`.
    Error(&'a [u8], &'a [u8]),
}

/// The texts of the headers that count.
#[derive(Default)]
struct Headers<'a> {
    message_type: Option<&'a [u8]>,
    event_type: Option<&'a [u8]>,
    exception_type: Option<&'a [u8]>,
    error_code: Option<&'a [u8]>,
    error_message: Option<&'a [u8]>,
}

impl<'a> Message<'a> {
    /// Reads what the message is.
    ///
    /// # Errors
    ///
    /// [`FrameError::Headers`] when the headers end too early or do not say it. What a message of an
    /// unknown kind says could be part of the answer, so it is not left out.
    pub(super) fn read(headers: &'a [u8], payload: &'a [u8]) -> Result<Self, FrameError> {
        let headers = Headers::read(headers).ok_or(FrameError::Headers)?;
        let kind = match headers.message_type {
            Some(b"event") => headers.event_type.map(Kind::Event),
            Some(b"exception") => headers.exception_type.map(Kind::Exception),
            Some(b"error") => headers
                .error_code
                .map(|code| Kind::Error(code, headers.error_message.unwrap_or_default())),
            _ => None,
        };
        Ok(Self { kind: kind.ok_or(FrameError::Headers)?, payload })
    }

    /// Appends the event that it stands for, if any.
    ///
    /// # Errors
    ///
    /// [`FrameError::Payload`] for a chunk without an event in it.
    pub(super) fn tell(&self, writer: Writer, events: &mut Vec<u8>) -> Result<(), FrameError> {
        match self.kind {
            Kind::Event(b"chunk") => {
                let text = member(self.payload, b"bytes").ok_or(FrameError::Payload)?;
                let json = STANDARD.decode(text).map_err(|_| FrameError::Payload)?;
                writer.write(&json, events);
            }
            Kind::Event(_) => {}
            Kind::Exception(name) => {
                let message = member(self.payload, b"message").unwrap_or_default();
                writer.write_error(&text(name), &text(&message), events);
            }
            Kind::Error(code, message) => writer.write_error(&text(code), &text(message), events),
        }
        Ok(())
    }
}

impl<'a> Headers<'a> {
    /// `None` when they end too early or have a value of an unknown type, whose end nobody knows.
    fn read(mut bytes: &'a [u8]) -> Option<Self> {
        let mut headers = Self::default();
        while let Some((name_bytes, rest)) = bytes.split_first() {
            let (name, rest) = rest.split_at_checked(usize::from(*name_bytes))?;
            let (kind, rest) = rest.split_first()?;
            let (value, rest) = read_value(*kind, rest)?;
            if let (Some(slot), STRING) = (headers.slot(name), *kind) {
                *slot = Some(value);
            }
            bytes = rest;
        }
        Some(headers)
    }

    const fn slot(&mut self, name: &[u8]) -> Option<&mut Option<&'a [u8]>> {
        Some(match name {
            b":message-type" => &mut self.message_type,
            b":event-type" => &mut self.event_type,
            b":exception-type" => &mut self.exception_type,
            b":error-code" => &mut self.error_code,
            b":error-message" => &mut self.error_message,
            _ => return None,
        })
    }
}

/// The type of a header that is text.
const STRING: u8 = 7;

/// The value of a header of this type, and what follows it.
fn read_value(kind: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, bytes) = match kind {
        // True and false have no bytes.
        0 | 1 => (0, bytes),
        2 => (1, bytes),
        3 => (2, bytes),
        4 => (4, bytes),
        // A number of 64 bits, a time.
        5 | 8 => (8, bytes),
        // Bytes, text.
        6 | STRING => {
            let (length, rest) = bytes.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        // A UUID.
        9 => (16, bytes),
        _ => return None,
    };
    bytes.split_at_checked(length)
}

/// The text of a member of a JSON object.
fn member<'a>(json: &'a [u8], wanted: &[u8]) -> Option<Cow<'a, [u8]>> {
    let mut found = None;
    let mut scan = Scanner::new(json).ok()?;
    let walked = scan.members(|scan, name| {
        let value = scan.value()?;
        if name == wanted {
            found = value.text(json);
        }
        Ok(())
    });
    walked.and_then(|_| scan.finish()).ok().and(found)
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
