//! The specification's algorithm, word for word and slow: the whole stream is decoded as UTF-8,
//! split into lines and interpreted line by line. It shares no code with the crate.

use crate::run::{Run, Seen};

/// Decodes a whole stream.
pub(crate) fn decode(stream: &[u8]) -> Run {
    let text = String::from_utf8_lossy(stream);
    let (text, skipped) = match text.strip_prefix('\u{feff}') {
        Some(rest) => (rest, 3),
        None => (&*text, 0),
    };
    let (lines, open) = split_lines(text);
    let mut state = State::default();
    for (offset, line) in lines {
        state.line(line, (offset + skipped) as u64);
    }
    if !open.1.is_empty() && !is_part_of_mark(stream) {
        state.note(open.1, (open.0 + skipped) as u64);
    }
    state.run.cut = state.has_fields.then_some(state.offset.unwrap_or_default());
    state.run
}

fn is_part_of_mark(stream: &[u8]) -> bool {
    stream == b"\xef" || stream == b"\xef\xbb"
}

type Line<'a> = (usize, &'a str);

/// Lines ended by CRLF, LF or CR, and what follows the last line end.
fn split_lines(text: &str) -> (Vec<Line<'_>>, Line<'_>) {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        if char == '\r' || char == '\n' {
            lines.push((start, &text[start..at]));
            start = at + 1;
            if char == '\r' && chars.next_if(|&(_, next)| next == '\n').is_some() {
                start += 1;
            }
        }
    }
    (lines, (start, &text[start..]))
}

#[derive(Default)]
struct State {
    run: Run,
    data: String,
    event_type: String,
    id_buffer: String,
    block_id: Option<String>,
    block_retry: Option<u128>,
    offset: Option<u64>,
    has_fields: bool,
}

impl State {
    fn line(&mut self, line: &str, offset: u64) {
        if line.is_empty() {
            return self.dispatch();
        }
        self.note(line, offset);
        if line.starts_with(':') {
            return;
        }
        match line.split_once(':') {
            Some((field, value)) => self.field(field, value.strip_prefix(' ').unwrap_or(value)),
            None => self.field(line, ""),
        }
    }

    fn note(&mut self, line: &str, offset: u64) {
        self.offset.get_or_insert(offset);
        if line.starts_with(':') {
            self.run.comments += 1;
        } else {
            self.has_fields = true;
        }
    }

    fn field(&mut self, field: &str, value: &str) {
        match field {
            "event" => self.event_type = value.to_owned(),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => {
                self.id_buffer = value.to_owned();
                self.block_id = Some(value.to_owned());
            }
            "retry" if !value.is_empty() && value.chars().all(|c| c.is_ascii_digit()) => {
                let millis = value.parse().unwrap_or(u64::MAX);
                self.run.retry_millis = Some(millis.into());
                self.block_retry = Some(millis.into());
            }
            _ => {}
        }
    }

    fn dispatch(&mut self) {
        self.run.last_event_id.clone_from(&self.id_buffer);
        let name = std::mem::take(&mut self.event_type);
        let mut data = std::mem::take(&mut self.data);
        let seen = Seen {
            name: if name.is_empty() { "message".to_owned() } else { name },
            id: self.block_id.take(),
            last_event_id: self.id_buffer.clone(),
            retry_millis: self.block_retry.take(),
            offset: self.offset.take().unwrap_or_default(),
            data: String::new(),
        };
        self.has_fields = false;
        if data.pop().is_some() {
            self.run.events.push(Seen { data, ..seen });
        }
    }
}
