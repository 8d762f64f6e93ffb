//! Everything that a server can be told before it starts.
//! Plain values with defaults; nothing here does I/O.

mod limits;
mod seam;

use std::fmt;
use std::time::Duration;

pub use limits::Limits;
pub use seam::{PrefillSeam, Seam};

use crate::script::Faults;
use crate::text::{TextKind, TokenText, Wish};

/// How a server behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// TCP port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Decides the texts, the escapes and where writes are cut.
    pub seed: u64,
    /// The kind of text, unless the prompt asks for another.
    pub text: TextKind,
    /// Tokens of an answer, unless the prompt asks for another number.
    pub tokens: u32,
    /// How fast and in what pieces answers are sent.
    pub pace: Pace,
    /// What goes wrong.
    pub faults: Faults,
    /// Which models go on after a final assistant message.
    pub prefill: Prefill,
    /// How an answer goes on after a final assistant message.
    pub prefill_seam: PrefillSeam,
    /// How an answer goes on after an instruction to continue.
    pub seam: Seam,
    /// The key that requests must carry; any key or none is taken when this is `None`.
    pub api_key: Option<ApiKey>,
    /// How far the server's clock, as told in `Date` headers, is ahead of the real one.
    pub clock_skew_seconds: i64,
    /// Bounds of memory and time.
    pub limits: Limits,
}

impl Config {
    /// The whole answer to a prompt: what a client must have at the end.
    pub fn text_for(&self, prompt: &str) -> String {
        self.answer_for(prompt).text().to_owned()
    }

    /// The whole answer to a prompt with its tokens.
    pub fn answer_for(&self, prompt: &str) -> TokenText {
        let tokens = Wish::read(prompt).tokens_or(self.tokens);
        TokenText::new(self.kind_for(prompt), self.seed, prompt, tokens)
    }

    /// The kind of text that a prompt is answered with.
    pub(crate) fn kind_for(&self, prompt: &str) -> TextKind {
        Wish::read(prompt).kind.unwrap_or(self.text)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 0,
            seed: 0,
            text: TextKind::default(),
            tokens: 300,
            pace: Pace::default(),
            faults: Faults::default(),
            prefill: Prefill::default(),
            prefill_seam: PrefillSeam::default(),
            seam: Seam::default(),
            api_key: None,
            clock_skew_seconds: 0,
            limits: Limits::default(),
        }
    }
}

/// How fast and in what pieces answers are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Time before each token.
    pub delay_per_token: Duration,
    /// Time before the first token of each response, in addition; background responses have none.
    pub delay_before_first: Duration,
    /// Responses whose first token takes longer still.
    pub slow_starts: SlowStarts,
    /// Tokens that are written together; at least 1.
    pub tokens_per_write: usize,
    /// Time between heartbeats where nothing else is sent.
    pub heartbeat_every: Duration,
    /// Where chunks and writes are cut.
    pub split: Split,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            delay_per_token: Duration::ZERO,
            delay_before_first: Duration::ZERO,
            slow_starts: SlowStarts::default(),
            tokens_per_write: 1,
            heartbeat_every: Duration::from_millis(100),
            split: Split::default(),
        }
    }
}

/// Some responses, by chance, begin late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlowStarts {
    /// Of a million responses so many do. Default 0.
    pub per_million: u32,
    /// How much later their first token comes.
    pub by: Duration,
}

/// Where HTTP chunks and TCP writes are cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// One chunk and one write for what is sent together.
    Whole,
    /// Now and then at a seeded place: inside events, UTF-8 sequences and chunk sizes.
    #[default]
    Odd,
}

/// Which models go on after a final assistant message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prefill {
    /// The table of known models; an unknown model refuses.
    #[default]
    ByModel,
    /// Every model.
    Accept,
    /// No model.
    Refuse,
}

/// A key that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    pub(crate) fn is(&self, given: &str) -> bool {
        self.0 == given
    }
}

impl From<&str> for ApiKey {
    fn from(key: &str) -> Self {
        Self(key.to_owned())
    }
}

impl From<String> for ApiKey {
    fn from(key: String) -> Self {
        Self(key)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_printed() {
        let config = Config { api_key: Some("secret".into()), ..Config::default() };
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn the_prompt_overrides_kind_and_length() {
        let config = Config { tokens: 9, ..Config::default() };
        assert_eq!(config.answer_for("plain").tokens(), 9);
        assert_eq!(config.answer_for("mock:tokens=4").tokens(), 4);
        assert!(config.text_for("mock:rows").starts_with("| --- "));
    }
}
