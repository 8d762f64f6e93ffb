//! The stored encoding, byte for byte. A file here never changes: a new format gets a new file,
//! and every old one stays readable.

use checkpoint_store::{Chunk, Ending, Epoch, Frames, Seq, StreamNo};

const VERSION_1: &str = include_str!("golden/chunk-v1.hex");

fn chunk() -> Chunk {
    let records: [&[u8]; 4] = [b"data: Hello", b"", &[0xff, 0x00], &[0x61; 130]];
    let first = Seq::new(0x0102_0304).expect("not 0");
    Chunk::new(StreamNo::new(0x1122_3344_5566_7788), Epoch::new(9), first, &records, Ending::Close)
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let digit = |byte: u8| (byte as char).to_digit(16).expect("a hex digit") as u8;
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

#[test]
fn version_1_is_written_as_it_always_was() {
    assert_eq!(chunk().bytes(), from_hex(VERSION_1));
}

#[test]
fn version_1_is_read_as_it_always_was() {
    let bytes = from_hex(VERSION_1);
    let (frames, len) = Frames::decode(&bytes).unwrap();
    assert_eq!(len, bytes.len());
    assert_eq!(frames, chunk().frames());
    let lens: Vec<usize> = frames.records().map(|record| record.bytes.len()).collect();
    assert_eq!(lens, [11, 0, 2, 130]);
}
