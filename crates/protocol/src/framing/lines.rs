//! One JSON document on each line.
//!
//! A line ends with LF; CR before it and white space around it are no part of the document, as is a
//! byte order mark at the start of the body. Lines without a document are skipped.

use super::FrameError;
use crate::json::Scanner;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The lines of one body.
#[derive(Debug)]
pub(super) struct Lines {
    /// The line that the chunk before left open.
    open: Vec<u8>,
    line_bytes_max: usize,
    /// No line was read yet.
    is_first: bool,
}

impl Lines {
    pub(super) const fn new(line_bytes_max: usize) -> Self {
        Self { open: Vec::new(), line_bytes_max, is_first: true }
    }

    /// Calls `each` with the document of every line that the chunk completes.
    ///
    /// # Errors
    ///
    /// [`FrameError::TooLong`] at a line over the limit, whole or not.
    pub(super) fn take(
        &mut self,
        chunk: &[u8],
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), FrameError> {
        let mut lines = chunk.split(|byte| *byte == b'\n');
        let open = lines.next_back().unwrap_or_default();
        for line in lines {
            if self.open.is_empty() {
                self.require_short(line.len())?;
                self.tell(line, &mut each);
            } else {
                self.extend(line)?;
                let line = std::mem::take(&mut self.open);
                self.tell(&line, &mut each);
            }
        }
        self.extend(open)
    }

    /// The last line without its line end, when it is a whole object: that ends by itself, so no
    /// byte of it can be missing. Anything less is left out.
    pub(super) fn take_last(&mut self) -> Option<Vec<u8>> {
        let line = std::mem::take(&mut self.open);
        let mut whole = None;
        self.tell(&line, &mut |json| whole = is_object(json).then(|| json.to_vec()));
        whole
    }

    pub(super) fn is_inside(&self) -> bool {
        !self.open.trim_ascii().is_empty()
    }

    fn tell(&mut self, line: &[u8], each: &mut impl FnMut(&[u8])) {
        let is_first = std::mem::replace(&mut self.is_first, false);
        let marked = line.strip_prefix(BYTE_ORDER_MARK).filter(|_| is_first);
        let json = marked.unwrap_or(line).trim_ascii();
        if !json.is_empty() {
            each(json);
        }
    }

    fn extend(&mut self, piece: &[u8]) -> Result<(), FrameError> {
        self.require_short(self.open.len() + piece.len())?;
        self.open.extend_from_slice(piece);
        Ok(())
    }

    const fn require_short(&self, bytes: usize) -> Result<(), FrameError> {
        if bytes > self.line_bytes_max { Err(FrameError::TooLong) } else { Ok(()) }
    }
}

fn is_object(json: &[u8]) -> bool {
    let whole = Scanner::new(json).and_then(|mut scan| {
        let object = scan.members(|scan, _| scan.value().map(drop))?;
        scan.finish()?;
        Ok(object.is_some())
    });
    whole.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(chunks: &[&str], line_bytes_max: usize) -> (Vec<String>, Result<(), FrameError>) {
        let (mut lines, mut told) = (Lines::new(line_bytes_max), Vec::new());
        let mut tell = |json: &[u8]| told.push(String::from_utf8(json.to_vec()).unwrap());
        let mut read = chunks.iter().map(|chunk| lines.take(chunk.as_bytes(), &mut tell));
        let read = read.find(Result::is_err).unwrap_or(Ok(()));
        if read.is_ok()
            && let Some(last) = lines.take_last()
        {
            tell(&last);
        }
        (told, read)
    }

    #[test]
    fn every_line_end_and_empty_lines_are_taken() {
        let (told, _) = read(&["\u{feff} {\"a\":1}\r\n\n \r\n[2]\n\u{feff}3\n"], 64);
        assert_eq!(told, ["{\"a\":1}", "[2]", "\u{feff}3"], "one mark, at the start");
    }

    #[test]
    fn a_last_line_without_its_end_counts_when_it_is_a_whole_object() {
        for (last, whole) in [
            ("{\"a\":{\"b\":\"}\"}}", true),
            ("{\"a\":1} ", true),
            ("{\"a\":{\"b\":1}", false),
            ("{\"a\":1}{", false),
            ("12", false),
            ("[1]", false),
            ("", false),
        ] {
            let (told, _) = read(&["{}\n", last], 64);
            assert_eq!(told.len(), 1 + usize::from(whole), "{last}");
        }
    }

    #[test]
    fn a_line_over_the_limit_is_the_end_wherever_it_is_cut() {
        let limit = "{\"a\":12}".len();
        for cut in 0..=limit {
            let (line, rest) = "{\"a\":12}".split_at(cut);
            assert_eq!(read(&["{}\n", line, rest, "\n"], limit).0.len(), 2);
            let (told, read) = read(&["{}\n", line, " ", rest, "\n{}\n"], limit);
            assert_eq!((told.len(), read), (1, Err(FrameError::TooLong)), "{cut}");
        }
        assert_eq!(read(&["123456789\n"], 8).1, Err(FrameError::TooLong));
    }
}
