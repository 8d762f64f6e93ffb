//! The entries of a journal as JSON shows them.

use client::Entry;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::object::stop_name;

/// One entry of a journal, as JSON shows it.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Written {
    /// What was asked, and where. Headers that may be secret are not in a journal.
    Start {
        protocol: &'static str,
        profile: String,
        base_url: String,
        headers: Vec<(String, String)>,
        request: Box<RawValue>,
    },
    /// A server-sent event that the consumer was given.
    Event {
        event: String,
        data: String,
    },
    /// A connection attempt, and how many bytes of text there were when it began.
    Attempt {
        attempt: u32,
        rung: &'static str,
        offset: u64,
        base_url: Option<String>,
        /// What was asked there in the place of the request's model.
        #[serde(skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// 0 is the first upstream, any other the fallback of this number.
        #[serde(skip_serializing_if = "Option::is_none")]
        upstream: Option<u32>,
    },
    /// A copy of the last attempt's request, beside it. Where it won, an attempt of its number follows.
    Hedge {
        attempt: u32,
        rung: &'static str,
        base_url: String,
        /// What was asked there in the place of the request's model.
        #[serde(skip_serializing_if = "Option::is_none")]
        model: Option<String>,
    },
    /// An answer ended for this reason, and the response goes on behind it.
    GoOn {
        reason: &'static str,
        /// The content blocks of a turn that was paused.
        #[serde(skip_serializing_if = "Option::is_none")]
        turn: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        container: Option<String>,
    },
    /// The end of that answer, which is told where nothing follows.
    Unsaid {
        attempt: u32,
        events: Vec<Said>,
    },
    /// The end that follows is not the provider's.
    OwnEnd,
    /// A joint of the text.
    Seam {
        attempt: u32,
        rung: &'static str,
        label: &'static str,
        offset: u64,
        dropped: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// Who wrote before it and who goes on, where that is another model or a fallback.
        #[serde(skip_serializing_if = "Option::is_none")]
        moved: Option<String>,
    },
    /// What an attempt was billed, as far as the provider had reported it.
    Usage {
        attempt: u32,
        usage: Tokens,
    },
    /// The caller gave the stream up.
    Cancel,
    /// The provider finished.
    Close,
    Cursor {
        attempt: u32,
        response: String,
    },
}

/// An event that was kept back.
#[derive(Debug, Serialize)]
pub(super) struct Said {
    event: String,
    data: String,
}

/// Tokens, in buckets that do not overlap except where a name says `of`.
#[derive(Debug, Serialize)]
pub(super) struct Tokens {
    input: u64,
    cache_read: u64,
    cache_write: u64,
    output: u64,
    reasoning_of_output: u64,
}

impl Written {
    /// What a journal says; `None` for what this program does not know or JSON cannot hold.
    pub(super) fn of(entry: Entry<'_>) -> Option<Self> {
        Some(match entry {
            Entry::Start(start) => Self::Start {
                protocol: start.wire.name(),
                profile: start.profile,
                base_url: start.origin.endpoint,
                headers: start.origin.headers,
                request: on_one_line(start.request.bytes())?,
            },
            Entry::Emitted { name, data } => Self::Event { event: text(name)?, data: text(data)? },
            Entry::Attempt { attempt, rung, offset, endpoint, model, upstream } => Self::Attempt {
                attempt: attempt.0,
                rung: rung.name(),
                offset,
                base_url: endpoint.map(str::to_owned),
                model: model.map(str::to_owned),
                upstream,
            },
            Entry::Hedge { attempt, rung, endpoint, model } => Self::Hedge {
                attempt: attempt.0,
                rung: rung.name(),
                base_url: endpoint.to_owned(),
                model: model.map(str::to_owned),
            },
            Entry::GoOn { reason, turn, container } => Self::GoOn {
                reason: stop_name(reason),
                turn: turn.map(str::to_owned),
                container: container.map(str::to_owned),
            },
            Entry::Unsaid { attempt, events } => Self::Unsaid {
                attempt: attempt.0,
                events: events.into_iter().map(Said::of).collect::<Option<_>>()?,
            },
            Entry::OwnEnd => Self::OwnEnd,
            Entry::Seam(seam) => Self::Seam {
                attempt: seam.attempt.0,
                rung: seam.rung.name(),
                label: seam.label.name(),
                offset: seam.offset,
                dropped: seam.dropped,
                model: seam.model.as_deref().map(str::to_owned),
                moved: seam.moved.as_deref().map(ToString::to_string),
            },
            Entry::Usage { attempt, usage } => {
                Self::Usage { attempt: attempt.0, usage: Tokens::of(&usage) }
            }
            Entry::Cursor { attempt, response } => {
                Self::Cursor { attempt: attempt.0, response: response.to_owned() }
            }
            Entry::Cancel => Self::Cancel,
            Entry::Close => Self::Close,
            _ => return None,
        })
    }
}

impl Said {
    fn of((event, data): (&[u8], &[u8])) -> Option<Self> {
        Some(Self { event: text(event)?, data: text(data)? })
    }
}

impl Tokens {
    fn of(usage: &cost::Usage) -> Self {
        Self {
            input: usage.input,
            cache_read: usage.cache_read,
            cache_write: usage.cache_write_5m.saturating_add(usage.cache_write_1h),
            output: usage.output,
            reasoning_of_output: usage.output_reasoning,
        }
    }
}

/// The JSON as it was written, on one line: no line break in it is a part of a string.
fn on_one_line(json: &[u8]) -> Option<Box<RawValue>> {
    RawValue::from_string(text(json)?.replace(['\n', '\r'], " ")).ok()
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::Entries;

    fn json(record: &[u8]) -> Option<String> {
        let mut entries = Entries::default();
        let (_, entry) = entries.push(record).unwrap()?;
        Written::of(entry).map(|written| serde_json::to_string(&written).unwrap())
    }

    #[test]
    fn entries_are_objects_of_their_kind() {
        let event = r#"{"kind":"event","event":"n","data":"d"}"#;
        assert_eq!(json(b"\x02\0\x01nd").as_deref(), Some(event));
        assert_eq!(json(b"\x07\0").as_deref(), Some(r#"{"kind":"close"}"#));
        let counts = (1..=9_u64).flat_map(u64::to_be_bytes);
        let record: Vec<u8> = [5, 0, 0, 0, 0, 2].into_iter().chain(counts).collect();
        let usage = r#"{"kind":"usage","attempt":2,"usage":{"input":1,"cache_read":2,"cache_write":7,"output":6,"reasoning_of_output":7}}"#;
        assert_eq!(json(&record).as_deref(), Some(usage));
    }

    #[test]
    fn no_kind_of_entry_is_left_out() {
        let said = |written: &Written| serde_json::to_string(written).unwrap();
        let hedge = Entry::Hedge {
            attempt: client::AttemptId(2),
            rung: client::Rung::Retry,
            endpoint: "http://b/v1",
            model: None,
        };
        let go_on =
            Entry::GoOn { reason: client::StopReason::MaxTokens, turn: None, container: None };
        let unsaid = Entry::Unsaid { attempt: client::AttemptId(1), events: vec![(b"n", b"d")] };
        for (entry, json) in [
            (hedge, r#"{"kind":"hedge","attempt":2,"rung":"retry","base_url":"http://b/v1"}"#),
            (go_on, r#"{"kind":"go-on","reason":"max-tokens"}"#),
            (unsaid, r#"{"kind":"unsaid","attempt":1,"events":[{"event":"n","data":"d"}]}"#),
            (Entry::OwnEnd, r#"{"kind":"own-end"}"#),
            (Entry::Cancel, r#"{"kind":"cancel"}"#),
        ] {
            assert_eq!(said(&Written::of(entry).unwrap()), json);
        }
    }

    #[test]
    fn a_request_keeps_its_order_and_its_numbers() {
        let asked = "{\n \"z\":1.50,\r\n \"a\":1e2, \"n\":12345678901234567890123, \"t\":\"\\n\"}";
        let request = on_one_line(asked.as_bytes()).unwrap();
        let start = Written::Start {
            protocol: "p",
            profile: String::new(),
            base_url: String::new(),
            headers: Vec::new(),
            request,
        };
        let line = super::super::export::line(&start);
        let kept = r#""request":{  "z":1.50,   "a":1e2, "n":12345678901234567890123, "t":"\n"}"#;
        assert!(line.contains(kept) && !line.contains('\n'), "{line}");
        assert!(on_one_line(b"{\"a\":}").is_none());
    }

    #[test]
    fn what_is_no_text_is_not_shown_as_one() {
        assert_eq!(json(b"\x02\0\x01n\xff"), None);
    }
}
