//! A response that was fetched whole, less what the consumer was told of it.
//!
//! Its text is compared byte for byte: it is the same generation, so what differs is damage.

use bytes::Bytes;
use protocol::{Act, Decoded, Node, PartKind, Rewrite, Span};
use std::borrow::Cow;

use crate::attempt::Flow;
use crate::items::{Item, Stage};
use crate::outcome::Cause;
use crate::seam::Rung;
use crate::session::Session;
use crate::text;
use crate::transcript::Transcript;

/// What of a fetched response was told before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CatchUp {
    /// The number of the next event downstream.
    next: u64,
    /// Bytes of text that the consumer had.
    shown: usize,
    /// Bytes of text that turned out to be those.
    repeated: usize,
    /// The consumer was told that the same generation goes on.
    joined: bool,
}

impl CatchUp {
    /// `None` where the consumer was told nothing.
    pub(crate) fn behind(transcript: &Transcript) -> Option<Self> {
        let next = transcript.items.next_sequence().unwrap_or(0);
        let shown = transcript.text.len();
        transcript.begun.then_some(Self { next, shown, repeated: 0, joined: false })
    }
}

/// What of an event is news to the consumer.
enum News {
    None,
    All,
    /// The event with less text.
    Rest(Vec<u8>),
}

impl Session {
    /// The event as far as it is news; `None` when it is none.
    ///
    /// # Errors
    ///
    /// [`Cause::Contradicted`] when the consumer was told something else.
    pub(crate) fn catch_up(
        &mut self,
        flow: &mut Flow,
        decoded: &Decoded<'_>,
        data: &Bytes,
    ) -> Result<Option<Bytes>, Cause> {
        let Some(catch_up) = &mut flow.catch_up else { return Ok(Some(data.clone())) };
        let (news, repeated) = self.transcript.news(decoded, data, catch_up.repeated)?;
        catch_up.repeated += repeated;
        if decoded.stop.is_some() && catch_up.repeated < catch_up.shown {
            return Err(Cause::Contradicted);
        }
        let data = match news {
            News::None => return Ok(None),
            News::All => data.clone(),
            News::Rest(rest) => rest.into(),
        };
        let number = catch_up.next;
        catch_up.next += 1;
        if !std::mem::replace(&mut catch_up.joined, true) {
            let repeated = catch_up.repeated;
            self.rejoin(flow.attempt, Rung::Fetch, repeated as u64);
        }
        // The text may be shorter, so that values lie elsewhere.
        let wire = self.request.wire();
        let again = protocol::decode(wire, b"", &data).map_err(|_| Cause::Malformed)?;
        let edits = Rewrite { sequence: Some(number), ..Rewrite::default() };
        Ok(Some(protocol::rewrite(&data, &again.spans, &edits).into()))
    }
}

impl Transcript {
    /// What of an event was not told, and how many bytes of its text were. So many bytes of the
    /// whole text were repeated before.
    fn news(
        &self,
        decoded: &Decoded<'_>,
        data: &[u8],
        repeated: usize,
    ) -> Result<(News, usize), Cause> {
        let news = |is_news| if is_news { News::All } else { News::None };
        let Some(Node { item, part, act }) = decoded.node else {
            return Ok((news(!decoded.underway), 0));
        };
        let told = self.items.get(item);
        let index = part.unwrap_or(0);
        let stage = |kind| told.and_then(|item| item.stage(kind, index));
        let is_news = match act {
            Act::Says(PartKind::Text) if told.is_some_and(Item::is_ended) => {
                let text = text_of(decoded);
                let rest = self.text.get(repeated..).unwrap_or_default();
                let repeats = rest.starts_with(&*text);
                return repeats.then_some((News::None, text.len())).ok_or(Cause::Contradicted);
            }
            Act::OpensItem(_) => told.is_none(),
            _ if told.is_some_and(Item::is_ended) => false,
            Act::EndsItem(_) | Act::Other => true,
            Act::OpensPart(kind) => stage(kind).is_none(),
            Act::EndsText(kind) => stage(kind).is_none_or(|stage| stage == Stage::Open),
            Act::EndsPart(kind) => stage(kind) != Some(Stage::Ended),
            Act::Says(PartKind::Text) => {
                let shown = told.and_then(|item| item.text(index, &self.text)).unwrap_or_default();
                return rest_of_text(decoded, data, shown);
            }
            Act::Says(kind) => {
                let thought = told.and_then(|item| item.thought(kind, index)).unwrap_or_default();
                return Ok((rest_of_thought(decoded, data, thought), 0));
            }
        };
        Ok((news(is_news), 0))
    }
}

/// The text of a part that comes in one piece.
fn text_of<'a>(decoded: &'a Decoded<'_>) -> Cow<'a, str> {
    text::whole(decoded.delta.as_ref().map(|delta| &*delta.text).unwrap_or_default())
}

fn rest_of_text(decoded: &Decoded<'_>, data: &[u8], shown: &str) -> Result<(News, usize), Cause> {
    let text = text_of(decoded);
    let rest = text.strip_prefix(shown).ok_or(Cause::Contradicted)?;
    let news = match (shown, rest) {
        (_, "") => News::None,
        ("", _) => News::All,
        (_, rest) => {
            let edits = Rewrite { text: Some(rest), ..Rewrite::default() };
            News::Rest(protocol::rewrite(data, &decoded.spans, &edits))
        }
    };
    Ok((news, shown.len()))
}

/// Thinking is kept as it stands between the quotes of JSON strings. What is written otherwise the
/// second time is left to the event that repeats it whole.
fn rest_of_thought(decoded: &Decoded<'_>, data: &[u8], told: &[u8]) -> News {
    let inner = |span: Span| span.range().start + 1..span.range().end - 1;
    let span = decoded.spans.text.map(inner);
    let inside = span.clone().and_then(|span| data.get(span)).unwrap_or_default();
    if told.is_empty() {
        return if inside.is_empty() { News::None } else { News::All };
    }
    match (inside.strip_prefix(told), span) {
        (Some(rest), Some(span)) if !rest.is_empty() => {
            News::Rest([&data[..span.start], rest, &data[span.end..]].concat())
        }
        _ => News::None,
    }
}
