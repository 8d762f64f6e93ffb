//! Cuts a payload into HTTP chunks and those into TCP writes, at seeded odd places.
//! Cuts fall anywhere: inside events, inside UTF-8 sequences, inside chunk sizes.

use crate::config::Split;
use crate::http::encode_chunk;
use crate::random::Random;

/// The writes that carry `payload` as one or more chunks.
pub(crate) fn frame(payload: &[u8], split: Split, random: &mut Random) -> Vec<Vec<u8>> {
    let mut encoded = Vec::with_capacity(payload.len() + 16);
    for chunk in pieces(payload, split, random) {
        encode_chunk(&mut encoded, chunk);
    }
    pieces(&encoded, split, random).into_iter().map(<[u8]>::to_vec).collect()
}

/// One piece, or now and then two or three.
fn pieces<'b>(bytes: &'b [u8], split: Split, random: &mut Random) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while split == Split::Odd && rest.len() > 1 && pieces.len() < 2 && random.one_in(4) {
        let (piece, after) = rest.split_at(random.between(1, rest.len() - 1));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(mut bytes: &[u8]) -> Vec<u8> {
        let mut payload = Vec::new();
        while !bytes.is_empty() {
            let line = bytes.windows(2).position(|pair| pair == b"\r\n").unwrap();
            let size = usize::from_str_radix(std::str::from_utf8(&bytes[..line]).unwrap(), 16);
            let end = line + 2 + size.unwrap();
            payload.extend_from_slice(&bytes[line + 2..end]);
            assert_eq!(&bytes[end..end + 2], b"\r\n");
            bytes = &bytes[end + 2..];
        }
        payload
    }

    #[test]
    fn every_way_to_cut_carries_the_payload() {
        let payload = "data: 한글 👩\u{200D}💻\n\n".as_bytes();
        let mut counts = [0; 4];
        for seed in 0..300 {
            let writes = frame(payload, Split::Odd, &mut Random::new(seed));
            counts[writes.len().min(3)] += 1;
            assert!(writes.iter().all(|write| !write.is_empty()));
            assert_eq!(decode(&writes.concat()), payload);
        }
        assert!(counts[1] > 0 && counts[2] > 0 && counts[3] > 0);
    }

    #[test]
    fn whole_is_one_chunk_in_one_write() {
        let writes = frame(b"abc", Split::Whole, &mut Random::new(0));
        assert_eq!(writes, [b"3\r\nabc\r\n"]);
    }
}
