//! Writes the events of one answer on any wire, with seeded escapes.
//! Events only: chunks, pauses and faults are made elsewhere.

use crate::fault::InBandError;
use crate::json::{Escapes, write_string};
use crate::random::Random;
use crate::reply::Reply;
use crate::wire::responses::Numbering;
use crate::wire::{Settings, Wire, anthropic, chat, gemini, responses};

/// Why an answer is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    End,
    Length,
    /// The Messages wire only: the turn goes on when it is sent back.
    Paused,
    /// The Responses wire only: the generation failed after the last token.
    Failed(InBandError),
}

/// Tokens of one response, counted by this server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) input: u64,
    pub(crate) output: u64,
}

/// What the events of one answer have in common.
#[derive(Clone, Debug)]
pub(crate) struct AnswerWriter {
    pub(crate) wire: Wire,
    pub(crate) id: String,
    pub(crate) created: u64,
    /// The model's name as a JSON string.
    pub(crate) model: String,
    pub(crate) input_tokens: u64,
    pub(crate) extras: crate::ask::Extras,
    pub(crate) line_end: &'static str,
    /// Decides escapes, obfuscation and heartbeats.
    pub(crate) random: Random,
    pub(crate) style: Escapes,
    /// The numbers of events on the Responses wire.
    pub(crate) numbering: Numbering,
    /// What a response object repeats of its request.
    pub(crate) settings: Settings,
    /// Tokens that were written, which every chunk of the Gemini wire says.
    pub(crate) generated: u64,
}

impl AnswerWriter {
    /// The events before the first token.
    pub(crate) fn opening(&mut self) -> Vec<u8> {
        match self.wire {
            Wire::AnthropicMessages => anthropic::opening(self),
            Wire::OpenAiChat => chat::opening(self),
            Wire::OpenAiResponses => responses::opening(self),
            Wire::Gemini => gemini::opening(self),
        }
    }

    /// One token as one event, now and then with a heartbeat before it.
    pub(crate) fn token(&mut self, text: &str) -> Vec<u8> {
        if self.wire == Wire::OpenAiResponses {
            // Whoever reads the response, and from where: the same number is the same bytes.
            self.random = self.numbering.random();
        }
        let escapes = if self.random.one_in(8) { self.other_style() } else { self.style };
        let mut bytes = if self.random.one_in(64) { self.beat() } else { Vec::new() };
        bytes.extend(self.token_with(text, escapes));
        bytes
    }

    /// One token as one event whose characters outside ASCII are UTF-8.
    pub(crate) fn token_with(&mut self, text: &str, escapes: Escapes) -> Vec<u8> {
        let text = json_string_with(text, escapes);
        match self.wire {
            Wire::AnthropicMessages => anthropic::token(self, &text),
            Wire::OpenAiChat => chat::token(self, &text),
            Wire::OpenAiResponses => responses::token(self, &text),
            Wire::Gemini => gemini::token(self, &text),
        }
    }

    /// A token whose JSON breaks off before its end, as a complete event.
    pub(crate) fn malformed(&mut self, text: &str) -> Vec<u8> {
        let event = self.token_with(text, Escapes::NonAscii);
        let end = event.len() - 2 * self.line_end.len();
        // The last two brackets are the least that is missing.
        let mut cut = event[..end - 2].to_vec();
        cut.extend_from_slice(self.line_end.repeat(2).as_bytes());
        cut
    }

    /// The events that say why the answer is over.
    pub(crate) fn stop(&mut self, reply: &Reply, output_tokens: u64) -> Vec<u8> {
        match self.wire {
            Wire::AnthropicMessages => anthropic::stop(self, reply.stop, output_tokens),
            Wire::OpenAiChat => chat::stop(self, reply.stop),
            Wire::OpenAiResponses => responses::stop(self, reply),
            Wire::Gemini => gemini::stop(self, reply.stop, output_tokens),
        }
    }

    /// The first of the events that [`stop`](Self::stop) or else [`sentinel`](Self::sentinel) gives,
    /// to be cut.
    pub(crate) fn first_of_stop(&mut self, reply: &Reply, output_tokens: u64) -> Vec<u8> {
        let mut events = self.stop(reply, output_tokens);
        if self.wire != Wire::OpenAiResponses {
            return events;
        }
        events.extend(self.sentinel(reply, output_tokens));
        let blank = self.line_end.repeat(2);
        let blank = blank.as_bytes();
        let first = events.windows(blank.len()).position(|window| window == blank);
        events.truncate(first.map_or(0, |at| at + blank.len()));
        if events.is_empty() { self.comment("at the end") } else { events }
    }

    /// What follows the stop reason: usage where it was asked for, and the last sentinel.
    pub(crate) fn sentinel(&mut self, reply: &Reply, output_tokens: u64) -> Vec<u8> {
        match self.wire {
            Wire::AnthropicMessages => anthropic::sentinel(self),
            Wire::OpenAiChat => {
                let usage = Usage { input: self.input_tokens, output: output_tokens };
                chat::sentinel(self, usage)
            }
            Wire::OpenAiResponses => responses::sentinel(self, reply),
            // It has no last event.
            Wire::Gemini => Vec::new(),
        }
    }

    /// A sign of life without content.
    pub(crate) fn heartbeat(&self) -> Vec<u8> {
        match self.wire {
            Wire::AnthropicMessages => anthropic::heartbeat(self),
            // The Gemini wire has none; a comment is what a proxy in between would send.
            Wire::OpenAiChat | Wire::Gemini => self.comment("keep-alive"),
            Wire::OpenAiResponses => responses::heartbeat(self),
        }
    }

    /// A sign of life between tokens; on the Responses wire it is an event of the response.
    fn beat(&mut self) -> Vec<u8> {
        match self.wire {
            Wire::AnthropicMessages | Wire::OpenAiChat => self.heartbeat(),
            Wire::OpenAiResponses => responses::keepalive(self),
            Wire::Gemini => Vec::new(),
        }
    }

    /// An error inside the stream.
    pub(crate) fn error(&mut self, error: InBandError) -> Vec<u8> {
        match self.wire {
            Wire::AnthropicMessages => anthropic::error(self, error),
            Wire::OpenAiChat => chat::error(self, error),
            Wire::OpenAiResponses => responses::error(self, error),
            Wire::Gemini => gemini::error(self, error),
        }
    }

    /// A comment block.
    pub(crate) fn comment(&self, text: &str) -> Vec<u8> {
        let end = self.line_end;
        format!(": {text}{end}{end}").into_bytes()
    }

    /// An event with a name and one line of data.
    pub(crate) fn event(&self, name: Option<&str>, data: &str) -> Vec<u8> {
        let end = self.line_end;
        let name = name.map(|name| format!("event: {name}{end}")).unwrap_or_default();
        format!("{name}data: {data}{end}{end}").into_bytes()
    }

    fn other_style(&mut self) -> Escapes {
        *self.random.pick(&[&Escapes::Needed, &Escapes::NonAscii, &Escapes::Wary])
    }
}

/// `text` as a JSON string.
fn json_string_with(text: &str, escapes: Escapes) -> String {
    let mut bytes = Vec::with_capacity(text.len() + 2);
    write_string(&mut bytes, text, escapes);
    String::from_utf8(bytes).expect("the writer copies whole characters")
}

/// `text` as a JSON string with no more escapes than needed.
pub(crate) fn json_text(text: &str) -> String {
    json_string_with(text, Escapes::Needed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::Extras;
    use crate::json::{Value, read};
    use crate::wire::Parts;

    const WIRES: [Wire; 4] =
        [Wire::AnthropicMessages, Wire::OpenAiChat, Wire::OpenAiResponses, Wire::Gemini];

    fn writer(wire: Wire) -> AnswerWriter {
        AnswerWriter {
            wire,
            id: "id_1".to_owned(),
            created: 7,
            model: "\"m\"".to_owned(),
            input_tokens: 5,
            extras: Extras { usage: true, ..Extras::default() },
            line_end: "\n",
            random: Random::new(1),
            style: Escapes::Needed,
            numbering: Numbering::new(1),
            settings: Settings::default(),
            generated: 0,
        }
    }

    fn reply(stop: Stop) -> Reply {
        Reply { tokens: Vec::new(), stop, head_bytes: 0, unknown_prefix: false }
    }

    fn lines(bytes: &[u8]) -> Vec<String> {
        String::from_utf8(bytes.to_vec()).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_messages_answer_is_written_as_documented() {
        let mut writer = writer(Wire::AnthropicMessages);
        let opening = lines(&writer.opening());
        assert_eq!(opening[0], "event: message_start");
        assert_eq!(
            opening[1],
            r#"data: {"type":"message_start","message":{"id":"id_1","type":"message","role":"assistant","content":[],"model":"m","stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":5,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1}}}"#
        );
        assert_eq!(
            lines(&writer.token_with("a\"", Escapes::Needed)),
            [
                "event: content_block_delta",
                r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\""}}"#,
                "",
            ]
        );
        let stop = lines(&writer.stop(&reply(Stop::Length), 9));
        assert_eq!(stop[0], "event: content_block_stop");
        assert_eq!(
            stop[4],
            r#"data: {"type":"message_delta","delta":{"stop_reason":"max_tokens","stop_sequence":null},"usage":{"output_tokens":9}}"#
        );
        assert_eq!(
            lines(&writer.sentinel(&reply(Stop::Length), 9))[1],
            r#"data: {"type":"message_stop"}"#
        );
    }

    #[test]
    fn a_chat_answer_is_written_as_documented() {
        let mut writer = writer(Wire::OpenAiChat);
        assert_eq!(
            lines(&writer.opening())[0],
            r#"data: {"id":"id_1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}"#
        );
        assert_eq!(
            lines(&writer.stop(&reply(Stop::End), 9))[0],
            r#"data: {"id":"id_1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}"#
        );
        let sentinel = lines(&writer.sentinel(&reply(Stop::End), 9));
        assert_eq!(
            sentinel[0],
            r#"data: {"id":"id_1","object":"chat.completion.chunk","created":7,"model":"m","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":9,"total_tokens":14}}"#
        );
        assert_eq!(sentinel[2], "data: [DONE]");
    }

    #[test]
    fn a_gemini_answer_is_written_as_documented() {
        let mut writer = writer(Wire::Gemini);
        assert_eq!(writer.opening(), b"");
        assert_eq!(
            lines(&writer.token_with("a\"", Escapes::Needed))[0],
            r#"data: {"candidates": [{"content": {"parts": [{"text": "a\""}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 5,"candidatesTokenCount": 1,"totalTokenCount": 6},"modelVersion": "m","responseId": "id_1"}"#
        );
        assert_eq!(
            lines(&writer.stop(&reply(Stop::Length), 1))[0],
            r#"data: {"candidates": [{"content": {"parts": [{"text": "","thoughtSignature": "RU5E"}],"role": "model"},"finishReason": "MAX_TOKENS","index": 0}],"usageMetadata": {"promptTokenCount": 5,"candidatesTokenCount": 1,"totalTokenCount": 6},"modelVersion": "m","responseId": "id_1"}"#
        );
        assert_eq!(writer.sentinel(&reply(Stop::Length), 1), b"");
    }

    #[test]
    fn a_gemini_answer_has_the_parts_that_were_asked_for() {
        let mut writer = writer(Wire::Gemini);
        writer.extras.parts = Parts { thoughts: true, call: true, blocked: false };
        let opening = lines(&writer.opening())[0].clone();
        assert!(opening.contains(r#""thought": true}"#), "{opening}");
        assert!(opening.contains(r#""thoughtsTokenCount": 11,"totalTokenCount": 16"#), "{opening}");
        let stop = lines(&writer.stop(&reply(Stop::End), 9));
        assert!(stop[0].contains(r#"{"functionCall": {"name": "f","args": {"a": 1}}"#));
        assert!(stop[2].contains(r#""finishReason": "STOP""#));
        writer.extras.parts.blocked = true;
        assert_eq!(writer.opening(), b"");
        let stop = lines(&writer.stop(&reply(Stop::End), 0));
        assert!(stop[0].starts_with(r#"data: {"promptFeedback": {"blockReason": "SAFETY""#));
        assert!(!stop[0].contains("candidates"), "{stop:?}");
    }

    #[test]
    fn a_chat_that_asked_for_no_usage_has_none() {
        let mut writer = writer(Wire::OpenAiChat);
        writer.extras.usage = false;
        assert_eq!(lines(&writer.sentinel(&reply(Stop::End), 9)), ["data: [DONE]", ""]);
        assert!(!String::from_utf8(writer.opening()).unwrap().contains("usage"));
    }

    #[test]
    fn malformed_events_are_whole_events_that_are_not_json() {
        for wire in WIRES {
            let event = String::from_utf8(writer(wire).malformed("x")).unwrap();
            assert!(event.ends_with("\n\n"));
            let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
            assert!(read(data.as_bytes()).is_err(), "{data}");
        }
    }

    #[test]
    fn every_event_is_json_whatever_the_escapes() {
        for wire in WIRES {
            let mut writer = writer(wire);
            writer.extras.obfuscation = true;
            let mut bytes = writer.opening();
            for error in [InBandError::Overloaded, InBandError::OpenRouter, InBandError::Timeout] {
                bytes.extend(writer.error(error));
            }
            for _ in 0..200 {
                bytes.extend(writer.token("한\u{1F600}\"\\\n\u{1}"));
            }
            for line in lines(&bytes) {
                if let Some(data) = line.strip_prefix("data: ") {
                    assert!(matches!(read(data.as_bytes()), Ok(Value::Object(_))), "{data}");
                }
            }
        }
    }
}
