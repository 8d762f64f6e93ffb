//! Events put together from tokens are those of the specification's algorithm, at any cut.
#![no_main]

#[path = "../../../../crates/sse-codec/tests/reference/model.rs"]
mod model;
#[path = "../../../../crates/sse-codec/tests/reference/run.rs"]
#[expect(dead_code, reason = "the reference needs its types; tokens are read here")]
mod run;

use std::mem;

use fuzz::Case;
use libfuzzer_sys::fuzz_target;
use run::Seen;
use sse_codec::{Field, Token, Tokens};

fuzz_target!(|input: &[u8]| {
    let Some(case) = Case::read(input) else { return };
    let mut tokens = Tokens::new();
    let mut reader = Reader::default();
    for mut chunk in case.chunks() {
        while let Some(token) = tokens.next(&mut chunk) {
            reader.take(token);
        }
        assert!(chunk.is_empty(), "every byte of a chunk is taken");
    }

    let mut expected = model::decode(case.stream).events;
    expected.iter_mut().for_each(|seen| seen.offset = 0);
    assert_eq!(reader.events, expected);
});

/// What the specification does with fields, in the plainest form.
#[derive(Default)]
struct Reader {
    events: Vec<Seen>,
    /// The fragments of the value so far.
    value: Vec<u8>,
    event: Vec<u8>,
    data: Option<Vec<u8>>,
    id: Option<Vec<u8>>,
    last_event_id: Vec<u8>,
    retry_millis: Option<u128>,
}

impl Reader {
    fn take(&mut self, token: Token<'_>) {
        match token {
            Token::Field { field, fragment, more } => {
                self.value.extend_from_slice(fragment);
                if !more {
                    let value = mem::take(&mut self.value);
                    self.take_field(field, value);
                }
            }
            Token::Comment { .. } => assert!(self.value.is_empty(), "a value is whole"),
            Token::Dispatch => self.dispatch(),
        }
    }

    fn take_field(&mut self, field: Field, value: Vec<u8>) {
        match field {
            Field::Event => self.event = value,
            Field::Data => match &mut self.data {
                None => self.data = Some(value),
                Some(data) => {
                    data.push(b'\n');
                    data.extend(value);
                }
            },
            Field::Id if !value.contains(&0) => self.id = Some(value),
            Field::Retry if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                let millis = text(&value).parse().unwrap_or(u64::MAX);
                self.retry_millis = Some(millis.into());
            }
            Field::Id | Field::Retry => {}
        }
    }

    fn dispatch(&mut self) {
        let (event, id) = (mem::take(&mut self.event), self.id.take());
        let retry_millis = self.retry_millis.take();
        if let Some(id) = &id {
            self.last_event_id.clone_from(id);
        }
        let Some(data) = self.data.take() else { return };
        self.events.push(Seen {
            name: if event.is_empty() { "message".to_owned() } else { text(&event) },
            data: text(&data),
            id: id.map(|id| text(&id)),
            last_event_id: text(&self.last_event_id),
            retry_millis,
            offset: 0,
        });
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
