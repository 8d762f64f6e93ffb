//! Decodes one stream a number of times and does nothing else, to be run under a counting machine.
//!
//! `sse-instructions CORPUS CHUNK FORM REPETITIONS`. What two numbers of repetitions differ by is the
//! decoding alone. Prints how many events one repetition has.

use std::hint::black_box;
use std::process::ExitCode;

use peers::corpus::{CHUNKS, Corpus};
use peers::ours::{Form, decode_bytes, decode_owned, decode_text};
use peers::sink::Totals;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Some(events) => {
            println!("{events}");
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("usage: sse-instructions CORPUS CHUNK bytes|text|owned REPETITIONS");
            ExitCode::from(2)
        }
    }
}

fn run(args: &[String]) -> Option<usize> {
    let [corpus, chunk, form, repetitions] = args else { return None };
    let corpus = Corpus::named(corpus)?;
    let (_, chunk_bytes) = CHUNKS.into_iter().find(|(name, _)| name == chunk)?;
    let (_, form) = Form::ALL.into_iter().find(|(name, _)| name == form)?;
    let events = corpus.event_count();
    let bytes = corpus.prefix(events);
    for _ in 0..repetitions.parse::<u32>().ok()? {
        let totals = decode(black_box(bytes), chunk_bytes, form);
        assert_eq!(totals.events, events, "every event comes out");
    }
    Some(events)
}

#[inline(never)]
fn decode(bytes: &[u8], chunk_bytes: usize, form: Form) -> Totals {
    let chunks = bytes.chunks(chunk_bytes.min(bytes.len()));
    let mut totals = Totals::default();
    let decoded = match form {
        Form::Bytes => decode_bytes(chunks, &mut totals),
        Form::Text => decode_text(chunks, &mut totals),
        Form::Owned => decode_owned(chunks, &mut totals),
    };
    decoded.expect("a stream within all limits");
    totals
}
