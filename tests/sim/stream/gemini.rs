//! The bytes of Gemini's `streamGenerateContent?alt=sse`: unnamed chunks and no last event, after
//! <https://ai.google.dev/api/generate-content>.

use super::{Event, PLACE, Piece, Script, TOOL_PIECES, fill};

impl Script {
    pub(super) fn gemini(&self, pieces: &[Piece]) -> Vec<Event> {
        let mut events = Vec::new();
        if self.shape.thinks {
            events.push(self.candidate(r#"{"text": "Hm, let me see.","thought": true}"#, "", 0));
        }
        let reason = format!(r#","finishReason": "{}""#, self.shape.stop);
        let (last, rest) = match pieces.split_last() {
            // A call comes after the text and before the stop.
            Some((last, rest)) if self.style.eager && !self.shape.calls => (Some(last), rest),
            _ => (None, pieces),
        };
        for (at, piece) in rest.iter().enumerate() {
            events.push(fill(self.candidate(&self.said(at), "", at + 1), piece));
        }
        if self.shape.calls {
            let call =
                format!(r#"{{"functionCall": {{"name": "f","args": {}}}}}"#, TOOL_PIECES.concat());
            events.push(self.candidate(&call, "", pieces.len()));
        }
        let end = match last {
            Some(last) => fill(self.candidate(&self.said(rest.len()), &reason, pieces.len()), last),
            None => self.candidate(r#"{"text": ""}"#, &reason, pieces.len()),
        };
        events.push(Event { stops: true, ..end });
        events
    }

    pub(super) fn gemini_error(&self, fatal: bool) -> Event {
        let (code, status) = if fatal { (400, "INVALID_ARGUMENT") } else { (503, "UNAVAILABLE") };
        let error = format!(
            r#"{{"error": {{"code": {code},"message": "Something went wrong","status": "{status}"}}}}"#
        );
        self.event("", &error)
    }

    /// A part with a place for text, and with an empty one beside it now and then.
    fn said(&self, at: usize) -> String {
        let beside =
            if self.shape.blocks && at.is_multiple_of(3) { r#"{"text": ""},"# } else { "" };
        format!(r#"{beside}{{"text": {PLACE}}}"#)
    }

    fn candidate(&self, parts: &str, more: &str, tokens: usize) -> Event {
        let data = format!(
            r#"{{"candidates": [{{"content": {{"parts": [{parts}],"role": "model"}}{more},"index": 0}}],"usageMetadata": {{"promptTokenCount": 9,"candidatesTokenCount": {tokens},"totalTokenCount": {}}},"modelVersion": "m","responseId": "{}"}}"#,
            tokens + 9,
            self.id
        );
        self.event("", &data)
    }
}
