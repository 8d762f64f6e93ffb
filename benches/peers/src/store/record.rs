//! What is appended: the event of a token, 100 bytes, another one for each place of each stream.

/// One record.
pub(super) type Record = [u8; 100];

const EVENT: Record = *br#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":".............."}}"#;

/// Where the text of the event begins.
const TEXT: usize = 83;

/// The record at a position, which starts at 1.
pub(super) fn record(stream: u32, seq: u64) -> Record {
    let mut record = EVENT;
    // 4 digits for the stream, 10 for the position.
    let mut number = u64::from(stream) << 40 | seq;
    for digit in record[TEXT..TEXT + 14].iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
    record
}

#[cfg(test)]
mod tests {
    use super::record;

    #[test]
    fn a_record_says_where_it_belongs() {
        let record = record(0x3ff, 0x12_3456);
        let text = str::from_utf8(&record).unwrap();
        assert!(text.ends_with("\"text\":\"03ff0000123456\"}}"), "{text}");
    }
}
