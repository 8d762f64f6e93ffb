//! An encoder of Amazon's event stream encoding, written from its specification for tests.

/// A text header.
pub(crate) fn text(name: &str, value: &str) -> Vec<u8> {
    let mut header = vec![u8::try_from(name.len()).expect("it is short")];
    header.extend_from_slice(name.as_bytes());
    header.push(7);
    header.extend_from_slice(&u16::try_from(value.len()).expect("it is short").to_be_bytes());
    header.extend_from_slice(value.as_bytes());
    header
}

/// A whole message.
pub(crate) fn message(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let whole = u32::try_from(16 + headers.len() + payload.len()).expect("it is short");
    let mut message = whole.to_be_bytes().to_vec();
    message.extend_from_slice(&u32::try_from(headers.len()).expect("it is short").to_be_bytes());
    message.extend_from_slice(&checksum(&message).to_be_bytes());
    message.extend_from_slice(headers);
    message.extend_from_slice(payload);
    message.extend_from_slice(&checksum(&message).to_be_bytes());
    message
}

/// A chunk of an answer with this event.
pub(crate) fn chunk(json: &str) -> Vec<u8> {
    let headers =
        [text(":event-type", "chunk"), text(":content-type", "application/json"), event()].concat();
    message(&headers, format!(r#"{{"bytes":"{}","p":"abcdef"}}"#, base64(json)).as_bytes())
}

/// The header of every event.
pub(crate) fn event() -> Vec<u8> {
    text(":message-type", "event")
}

/// An exception of this name.
pub(crate) fn exception(name: &str, payload: &str) -> Vec<u8> {
    let headers = [text(":message-type", "exception"), text(":exception-type", name)].concat();
    message(&headers, payload.as_bytes())
}

pub(crate) fn base64(text: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in text.as_bytes().chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(*group.get(at).unwrap_or(&0)));
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= group.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

/// CRC-32 as of gzip, a bit at a time.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc: u32, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
        })
    })
}
