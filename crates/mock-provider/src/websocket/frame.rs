//! Frames of RFC 6455: those that a server sends, and those that it reads from a client.

use crate::random::Random;

/// One message of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Text(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Close,
}

/// Why bytes are no message, by the code that the connection is closed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadFrame(pub(crate) u16);

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const FINAL: u8 = 0x80;

/// A message in one frame, or in two where a seed says so.
pub(crate) fn text(payload: &[u8], random: Option<&mut Random>) -> Vec<u8> {
    let mut frames = Vec::with_capacity(payload.len() + 12);
    let cut = random
        .filter(|_| payload.len() > 1)
        .and_then(|random| random.one_in(4).then(|| random.between(1, payload.len() - 1)));
    match cut {
        Some(cut) => {
            encode(&mut frames, TEXT, &payload[..cut]);
            encode(&mut frames, FINAL, &payload[cut..]);
        }
        None => encode(&mut frames, FINAL | TEXT, payload),
    }
    frames
}

/// The beginning of a message whose frame promises more than comes.
pub(crate) fn torn(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    let promised = [payload, b"..."].concat();
    encode(&mut frame, FINAL | TEXT, &promised);
    frame.truncate(frame.len() - 3);
    frame
}

pub(crate) fn ping() -> Vec<u8> {
    let mut frame = Vec::new();
    encode(&mut frame, FINAL | PING, b"alive");
    frame
}

pub(crate) fn pong(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    encode(&mut frame, FINAL | PONG, payload);
    frame
}

pub(crate) fn close(code: u16) -> Vec<u8> {
    let mut frame = Vec::new();
    encode(&mut frame, FINAL | CLOSE, &code.to_be_bytes());
    frame
}

fn encode(out: &mut Vec<u8>, first: u8, payload: &[u8]) {
    out.push(first);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ 0..=125), _) => out.push(length),
        (_, Ok(length)) => {
            out.push(126);
            out.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}

/// Takes the next message out of what was received, if it is whole; `partial` holds its first frames.
pub(crate) fn take(
    received: &mut Vec<u8>,
    partial: &mut Vec<u8>,
    bytes_max: usize,
) -> Result<Option<Message>, BadFrame> {
    while let Some((first, payload)) = take_frame(received, bytes_max)? {
        match first {
            0x80 | 0x81 | 0x00 | 0x01 => {
                partial.extend_from_slice(&payload);
                if partial.len() > bytes_max {
                    return Err(BadFrame(1009));
                }
                if first & FINAL != 0 {
                    return Ok(Some(Message::Text(std::mem::take(partial))));
                }
            }
            0x88 => return Ok(Some(Message::Close)),
            0x89 => return Ok(Some(Message::Ping(payload))),
            0x8a => return Ok(Some(Message::Pong)),
            _ => return Err(BadFrame(1002)),
        }
    }
    Ok(None)
}

/// The first byte and the unmasked payload of the next whole frame.
fn take_frame(received: &mut Vec<u8>, bytes_max: usize) -> Result<Option<(u8, Vec<u8>)>, BadFrame> {
    let [first, second, rest @ ..] = received.as_slice() else { return Ok(None) };
    if second & 0x80 == 0 {
        return Err(BadFrame(1002));
    }
    let more = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let Some(long) = rest.get(..more) else { return Ok(None) };
    let length = match more {
        0 => u64::from(second & 0x7f),
        _ => long.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
    };
    let length = usize::try_from(length).ok().filter(|length| *length <= bytes_max);
    let Some(length) = length else { return Err(BadFrame(1009)) };
    let (Some(mask), Some(masked)) =
        (rest.get(more..more + 4), rest.get(more + 4..more + 4 + length))
    else {
        return Ok(None);
    };
    let payload = masked.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    let frame = (*first, payload);
    received.drain(..2 + more + 4 + length);
    Ok(Some(frame))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame as a client sends it.
    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        encode(&mut frame, first, payload);
        let head = frame.len() - payload.len();
        frame[1] |= 0x80;
        let mask = [1, 2, 3, 250];
        let masked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        [&frame[..head], &mask, &masked.collect::<Vec<_>>()].concat()
    }

    #[test]
    fn messages_are_read_at_every_cut_and_of_every_length() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let whole =
                [masked(TEXT, &payload), masked(FINAL, b"end"), masked(0x89, b"p")].concat();
            let expected = [payload, b"end".to_vec()].concat();
            for cut in [0, 1, 2, 3, 5, 9, whole.len() / 2, whole.len() - 1] {
                let (mut received, mut partial) = (whole[..cut].to_vec(), Vec::new());
                let mut first = take(&mut received, &mut partial, 1 << 20).unwrap();
                received.extend_from_slice(&whole[cut..]);
                if first.is_none() {
                    first = take(&mut received, &mut partial, 1 << 20).unwrap();
                }
                assert_eq!(first, Some(Message::Text(expected.clone())), "{length} {cut}");
                let ping = take(&mut received, &mut partial, 1 << 20).unwrap();
                assert_eq!(ping, Some(Message::Ping(b"p".to_vec())));
                assert!(received.is_empty());
            }
        }
    }

    #[test]
    fn what_no_client_may_send_has_its_code() {
        let take = |bytes: Vec<u8>| take(&mut bytes.clone(), &mut Vec::new(), 8).unwrap_err().0;
        assert_eq!(take(vec![0x81, 1, b'x']), 1002, "without a mask");
        assert_eq!(take(masked(0x82, b"x")), 1002, "binary");
        assert_eq!(take(masked(0xc1, b"x")), 1002, "an extension");
        assert_eq!(take(masked(0x81, b"123456789")), 1009);
        assert_eq!(take([masked(1, b"12345678"), masked(0x80, b"9")].concat()), 1009);
    }

    #[test]
    fn a_torn_frame_promises_more_than_it_has() {
        assert_eq!(torn(b"ab"), [0x81, 5, b'a', b'b']);
    }
}
