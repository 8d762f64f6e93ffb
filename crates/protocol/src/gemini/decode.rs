//! One chunk of the Gemini wire.
//!
//! One pass notes where the values of interest lie; of several candidates the first is told.

use super::parts::Parts;
use crate::Malformed;
use crate::classify::classify_in_band;
use crate::event::{Begin, Choices, Decoded, StopReason};
use crate::json::{Scanner, Value};
use crate::usage::{Counts, read_gemini};

pub(crate) fn decode<'a>(name: &[u8], data: &'a [u8]) -> Result<Decoded<'a>, Malformed> {
    let seen = Chunk::read(data)?;
    let mut event = Decoded::default();
    if seen.error || name == b"error" {
        event.error = Some(Box::new(classify_in_band(data)));
    }
    event.id = seen.id.and_then(|id| id.str(data));
    event.spans.id = seen.id.filter(Value::is_text).and_then(Value::span);
    event.spans.model = seen.model.filter(Value::is_text).and_then(Value::span);
    if seen.candidate.is_some() || seen.blocked {
        let model = seen.model.and_then(|model| model.str(data)).unwrap_or_default();
        event.begin = Some(Begin { id: event.id.clone().unwrap_or_default(), model });
    }
    if let Some(candidate) = &seen.candidate {
        candidate.tell(data, &mut event);
    }
    event.finished = seen.finished;
    if seen.blocked {
        event.stop = Some(StopReason::Refusal);
        event.finished = Choices::ALL;
    }
    if let Some(counts) = seen.counts {
        event.usage = Some(counts.usage);
        event.spans.output_tokens = counts.output_tokens;
        event.spans.total_tokens = counts.total_tokens;
    }
    Ok(event)
}

/// Where a chunk's values lie.
#[derive(Default)]
struct Chunk {
    id: Option<Value>,
    model: Option<Value>,
    /// The first candidate.
    candidate: Option<Candidate>,
    /// The candidates that end.
    finished: Choices,
    /// The prompt is not answered.
    blocked: bool,
    counts: Option<Counts>,
    error: bool,
}

impl Chunk {
    fn read(data: &[u8]) -> Result<Self, Malformed> {
        let mut chunk = Self::default();
        let mut scan = Scanner::new(data)?;
        let whole = scan.members(|scan, name| chunk.member(scan, name, data))?;
        scan.finish()?;
        whole.map(|_| chunk).ok_or(Malformed { offset: 0 })
    }

    fn member(
        &mut self,
        scan: &mut Scanner<'_>,
        name: &[u8],
        data: &[u8],
    ) -> Result<(), Malformed> {
        match name {
            b"responseId" => self.id = Some(scan.value()?),
            b"modelVersion" => self.model = Some(scan.value()?),
            b"candidates" => self.candidates(scan, data)?,
            b"promptFeedback" => {
                let reason = scan.value()?.member(data, "blockReason");
                let reason = reason.and_then(|reason| reason.text(data));
                self.blocked = reason.is_some_and(|reason| !is_unsaid(&reason));
            }
            b"usageMetadata" => self.counts = read_gemini(scan, data)?.or(self.counts.take()),
            b"error" => self.error = !scan.value()?.is_null(),
            _ => {
                scan.value()?;
            }
        }
        Ok(())
    }

    fn candidates(&mut self, scan: &mut Scanner<'_>, data: &[u8]) -> Result<(), Malformed> {
        if !scan.array()? {
            return Ok(());
        }
        while scan.item()? {
            let candidate = Candidate::read(scan, data)?;
            if candidate.stop(data).is_some() {
                self.finished.insert(candidate.number(data));
            }
            self.candidate.get_or_insert(candidate);
        }
        Ok(())
    }
}

#[derive(Default)]
struct Candidate {
    index: Option<Value>,
    finish: Option<Value>,
    parts: Parts,
}

impl Candidate {
    fn read(scan: &mut Scanner<'_>, data: &[u8]) -> Result<Self, Malformed> {
        let mut candidate = Self::default();
        scan.members(|scan, name| {
            match name {
                b"index" => candidate.index = Some(scan.value()?),
                b"finishReason" => candidate.finish = Some(scan.value()?),
                b"content" => {
                    scan.members(|scan, name| match name {
                        b"parts" => candidate.parts.read(scan, data),
                        _ => scan.value().map(drop),
                    })?;
                }
                _ => {
                    scan.value()?;
                }
            }
            Ok(())
        })?;
        Ok(candidate)
    }

    /// Its index, which is left out where it is 0.
    fn number(&self, data: &[u8]) -> u32 {
        self.index.and_then(|index| index.index(data)).unwrap_or(0)
    }

    fn stop(&self, data: &[u8]) -> Option<StopReason> {
        stop(&self.finish?.text(data)?)
    }

    fn tell<'a>(&self, data: &'a [u8], event: &mut Decoded<'a>) {
        let index = self.number(data);
        event.choice = Some(index);
        event.stop = self.stop(data);
        event.spans.stop = event.stop.and(self.finish).and_then(Value::span);
        event.spans.index = self.index.filter(|i| i.index(data).is_some()).and_then(Value::span);
        self.parts.tell(index, data, event);
    }
}

/// Whether an enum's word is the one for no value.
fn is_unsaid(word: &[u8]) -> bool {
    word.is_empty() || word.ends_with(b"_UNSPECIFIED")
}

/// What a `finishReason` means. A call of a tool ends with `STOP` like a text.
fn stop(reason: &[u8]) -> Option<StopReason> {
    Some(match reason {
        unsaid if is_unsaid(unsaid) => return None,
        b"STOP" => StopReason::EndTurn,
        b"MAX_TOKENS" => StopReason::MaxTokens,
        b"SAFETY"
        | b"RECITATION"
        | b"LANGUAGE"
        | b"BLOCKLIST"
        | b"PROHIBITED_CONTENT"
        | b"SPII"
        | b"IMAGE_SAFETY"
        | b"IMAGE_PROHIBITED_CONTENT"
        | b"IMAGE_RECITATION" => StopReason::Refusal,
        _ => StopReason::Other,
    })
}
