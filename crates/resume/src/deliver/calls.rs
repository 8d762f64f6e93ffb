//! An end of our own, where the caller wants one: the stream broke behind tool calls that are whole.

use bytes::Bytes;
use protocol::{Wire, decode};

use crate::journal;
use crate::outcome::Cause;
use crate::session::{Closed, Session};
use crate::transcript::{Note, Transcript};

/// What becomes of a response that broke behind whole tool calls which were shown.
///
/// Only [`Tools::Streamed`](crate::Tools::Streamed) shows calls before the model stopped, and only the
/// Messages wire says of a call that it is whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BrokenCalls {
    /// It is incomplete: calls or text may be missing.
    #[default]
    Incomplete,
    /// The turn ends with the stop reason `tool_use`, as if the model had wanted no more than these
    /// calls. Calls that it would have made beside them are missing, the output count is an estimate,
    /// and [`Summary::own_end`](crate::Summary::own_end) says that the end is not the provider's.
    EndTurn,
}

impl Session {
    /// Ends the turn behind whole calls, where the caller wants that; whether it did.
    pub(crate) fn end_with_calls(&mut self, cause: &Cause) -> bool {
        let is_break =
            matches!(cause, Cause::NotContinuable | Cause::NoProgress | Cause::GaveUp { .. });
        let is_wanted = self.config.broken_calls == BrokenCalls::EndTurn;
        let is_possible = self.request.wire() == Wire::AnthropicMessages
            && self.transcript.ends_with_whole_calls();
        if !(is_break && is_wanted && is_possible) {
            return false;
        }
        self.record(journal::own_end());
        self.summary.own_end = true;
        let last = self.summary.attempts.last().map_or(0, |last| last.usage.output);
        let output = self.earlier_output.max(last);
        let stop = format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"tool_use","stop_sequence":null}},"usage":{{"output_tokens":{output}}}}}"#
        );
        self.say(b"message_delta", stop.into());
        self.say_own_stop();
        self.complete(Closed::No);
        true
    }

    /// The last event of an end of our own.
    pub(crate) fn say_own_stop(&mut self) {
        self.say(b"message_stop", Bytes::from_static(br#"{"type":"message_stop"}"#));
    }

    fn say(&mut self, name: &'static [u8], data: Bytes) {
        let decoded = decode(Wire::AnthropicMessages, name, &data).expect("it is valid");
        self.transcript.apply(&Note::of(&decoded));
        let end = self.transcript.text.len();
        self.emit(Bytes::from_static(name), data, end..end);
    }
}

impl Transcript {
    /// Whether calls were shown, and behind the last one nothing that is not whole.
    fn ends_with_whole_calls(&self) -> bool {
        let is_cut = self.open.is_some() || self.stop.is_some();
        self.final_content && !self.other_content && !is_cut
    }
}
