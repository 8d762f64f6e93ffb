//! Golden files: stored bytes as hexadecimal digits. A file never changes; a new layout gets a new
//! file.

/// The bytes of a golden file.
pub(super) fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap() as u8;
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// Compares and, when they differ, shows what was written in the form of the file.
#[track_caller]
pub(super) fn check(written: &[u8], text: &str) {
    let shown: String = written.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(written, bytes(text), "written: {shown}");
}
