//! The literal events of both wires, written by hand: what a provider sends when all is well.

use client::Wire;

use crate::rig::{ROUTES, Route};

/// The text of an answer in two halves; most faults strike between them.
pub(crate) const BEGUN: &str = "The sea was calm that night, and nobody on the pier";
pub(crate) const REST: &str = " spoke a word until the lamps of the harbour went out.";

/// Both halves.
pub(crate) fn whole_text() -> String {
    [BEGUN, REST].concat()
}

/// One route of each wire whose model goes on after a prefill, so that a peer without a mind of its
/// own can play the provider.
pub(crate) const PREFILLED: [Route; 2] = [ROUTES[0], ROUTES[2]];
/// The Messages wire.
pub(crate) const MESSAGES: Route = ROUTES[0];
/// The Chat Completions wire.
pub(crate) const CHAT: Route = ROUTES[2];

impl Route {
    fn is_messages(self) -> bool {
        self.profile.wire == Wire::AnthropicMessages
    }

    /// What comes before the first text.
    pub(crate) fn open(self) -> String {
        if self.is_messages() {
            message_start("msg_1") + &block_start(0, r#"{"type":"text","text":""}"#)
        } else {
            chunk(r#"{"role":"assistant","content":""}"#, "null")
        }
    }

    /// A piece of text that needs no escapes in JSON.
    pub(crate) fn text(self, text: &str) -> String {
        if self.is_messages() {
            text_delta(0, text)
        } else {
            chunk(&format!(r#"{{"content":"{text}"}}"#), "null")
        }
    }

    /// The stop reason, without the wire's last event.
    pub(crate) fn stop(self) -> String {
        if self.is_messages() {
            block_stop(0) + &message_delta("end_turn")
        } else {
            chunk("{}", r#""stop""#)
        }
    }

    /// The wire's last event.
    pub(crate) fn sentinel(self) -> String {
        if self.is_messages() { message_stop() } else { "data: [DONE]\n\n".to_owned() }
    }

    /// A whole answer with this text.
    pub(crate) fn answer(self, text: &str) -> String {
        [self.open(), self.text(text), self.stop(), self.sentinel()].concat()
    }

    /// An answer up to the middle of its text.
    pub(crate) fn half(self) -> String {
        self.open() + &self.text(BEGUN)
    }

    /// The answer to a request that holds [`BEGUN`] already.
    pub(crate) fn rest(self) -> String {
        self.answer(REST)
    }
}

/// An event with a name, as on the Messages wire.
pub(crate) fn named(name: &str, data: &str) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

pub(crate) fn message_start(id: &str) -> String {
    let message = format!(
        r#"{{"id":"{id}","type":"message","role":"assistant","content":[],"model":"claude","stop_reason":null,"stop_sequence":null,"usage":{{"input_tokens":9,"output_tokens":1}}}}"#
    );
    named("message_start", &format!(r#"{{"type":"message_start","message":{message}}}"#))
}

pub(crate) fn block_start(index: usize, block: &str) -> String {
    let data =
        format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#);
    named("content_block_start", &data)
}

pub(crate) fn block_delta(index: usize, delta: &str) -> String {
    let data = format!(r#"{{"type":"content_block_delta","index":{index},"delta":{delta}}}"#);
    named("content_block_delta", &data)
}

pub(crate) fn text_delta(index: usize, text: &str) -> String {
    block_delta(index, &format!(r#"{{"type":"text_delta","text":"{text}"}}"#))
}

pub(crate) fn block_stop(index: usize) -> String {
    named("content_block_stop", &format!(r#"{{"type":"content_block_stop","index":{index}}}"#))
}

pub(crate) fn message_delta(reason: &str) -> String {
    let delta = format!(r#"{{"stop_reason":"{reason}","stop_sequence":null}}"#);
    let data =
        format!(r#"{{"type":"message_delta","delta":{delta},"usage":{{"output_tokens":12}}}}"#);
    named("message_delta", &data)
}

pub(crate) fn message_stop() -> String {
    named("message_stop", r#"{"type":"message_stop"}"#)
}

/// One chunk of the Chat Completions wire; `reason` is JSON.
pub(crate) fn chunk(delta: &str, reason: &str) -> String {
    format!(
        "data: {{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\
         \"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{reason}}}]}}\n\n"
    )
}
