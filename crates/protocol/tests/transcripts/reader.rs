//! Reads a written transcript and tells what its events say, one line each.
//!
//! Splits at blank lines only; the rules of server-sent events are another crate's.

use protocol::{Decoded, Wire, decode};

/// The name and data of every event of a transcript.
fn events(transcript: &str) -> Vec<(&str, &str)> {
    let blocks = transcript.trim().split("\n\n");
    blocks
        .map(|block| {
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
            (field("event: ").unwrap_or(""), field("data: ").unwrap_or(""))
        })
        .collect()
}

/// One line for each event of the transcript.
pub(crate) fn tell(wire: Wire, transcript: &str) -> Vec<String> {
    events(transcript)
        .into_iter()
        .map(|(name, data)| {
            let event = decode(wire, name.as_bytes(), data.as_bytes()).expect("a written event");
            line(&event)
        })
        .collect()
}

fn line(event: &Decoded<'_>) -> String {
    let mut words = Vec::new();
    let mut say = |word: String| words.push(word);
    if let Some(number) = event.sequence {
        say(format!("#{number}"));
    }
    if event.underway {
        say("underway".to_owned());
    }
    if let Some(node) = event.node {
        let part = node.part.map_or(String::new(), |part| format!(".{part}"));
        say(format!("at {}{part} {:?}", node.item, node.act));
    }
    if event.ping {
        say("ping".to_owned());
    }
    if let Some(begin) = &event.begin {
        say(format!("begin {} {}", begin.id, begin.model));
    }
    if let Some(open) = event.open {
        say(format!("open {} {:?}", open.index, open.block));
    }
    if let Some(delta) = &event.delta {
        let text = delta.text.escape_ascii();
        say(format!("delta {} {:?} \"{text}\"", delta.index, delta.part));
    }
    if let Some(also) = event.also {
        say(format!("also {also:?}"));
    }
    if let Some(index) = event.close {
        say(format!("close {index}"));
    }
    if let Some(whole) = &event.whole {
        say(format!("whole \"{}\"", whole.escape_ascii()));
    }
    if let Some(stop) = event.stop {
        say(format!("stop {stop:?}"));
    }
    if let Some(usage) = event.usage {
        let only = if event.usage_only { " only" } else { "" };
        let cache = usage.cache_read + usage.cache_write_5m + usage.cache_write_1h;
        say(format!("usage{only} {}+{cache}/{}", usage.input, usage.output));
    }
    if let Some(error) = &event.error {
        say(format!("error {error}"));
    }
    if event.end {
        say("end".to_owned());
    }
    words.join(", ")
}
