//! What is said in answer to one request: tokens, which of them were asked for as an echo, and the end.
//! Decides words only; pace and faults are decided where they are sent.

use crate::chain::{Chain, Reading};
use crate::config::{Config, PrefillSeam, Seam};
use crate::ledger::Continuation;
use crate::random::hash;
use crate::text::TokenText;
use crate::wire::Stop;

/// The sentence of a model that announces its continuation.
const PREAMBLE: &str = "Sure, continuing from where I left off:\n\n";

/// One token to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) origin: Origin,
}

/// Whether a token is an echo that the instruction asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    New,
    AskedEcho,
}

/// The words of one response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) tokens: Vec<Token>,
    pub(crate) stop: Stop,
    /// Bytes at the start that repeat or announce.
    pub(crate) head_bytes: usize,
    /// Whether the partial answer is not the beginning of anything known.
    pub(crate) unknown_prefix: bool,
}

impl Reply {
    /// The words for a request; `number` makes another sample differ from every other.
    pub(crate) fn to(reading: &Reading, chain: &Chain, config: &Config, voice: &Voice<'_>) -> Self {
        let source = chain.text_beginning(&reading.partial);
        let head = head(reading, config);
        let head_bytes = head.iter().map(|(text, _)| text.len()).sum();
        let mut tokens = Vec::new();
        for (text, origin) in head {
            let cut = TokenText::cut_by_seed(&text, voice.seed);
            tokens.extend(cut.iter().map(|text| Token { text: text.to_owned(), origin }));
        }
        let rest = rest(reading, source, chain, config, voice);
        tokens.extend(rest.into_iter().map(|text| Token { text, origin: Origin::New }));
        strip_head(&mut tokens, reading, config);
        let whole = tokens.len();
        let most = voice.max_tokens.map_or(whole, |most| usize::try_from(most).unwrap_or(whole));
        tokens.truncate(most);
        let stop = if whole > most { Stop::Length } else { Stop::End };
        Self { tokens, stop, head_bytes, unknown_prefix: source.is_none() }
    }

    /// Its tokens, joined.
    pub(crate) fn text(&self) -> String {
        self.tokens.iter().map(|token| token.text.as_str()).collect()
    }

    /// The text as a client has it that keeps everything, to be recognised later.
    pub(crate) fn joined(&self, reading: &Reading, chain: &Chain) -> TokenText {
        let partial = match chain.text_beginning(&reading.partial) {
            Some(source) => source.truncated(reading.partial.len()),
            None => TokenText::cut_by_seed(&reading.partial, 0),
        };
        partial.extended(self.tokens.iter().map(|token| token.text.as_str()))
    }
}

/// What one response depends on beside the conversation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Voice<'a> {
    pub(crate) prompt: &'a str,
    /// Seed of this response alone.
    pub(crate) seed: u64,
    pub(crate) max_tokens: Option<u64>,
}

/// What comes before the continuation.
fn head(reading: &Reading, config: &Config) -> Vec<(String, Origin)> {
    let partial = reading.partial.as_str();
    let echo = partial[partial.len() - reading.quoted_bytes..].to_owned();
    let asked = (echo, Origin::AskedEcho);
    match reading.continuation {
        Continuation::Fresh => Vec::new(),
        Continuation::Prefill if config.prefill_seam == PrefillSeam::Echo => {
            vec![(partial.to_owned(), Origin::New)]
        }
        Continuation::Prefill => Vec::new(),
        Continuation::Instructed => match config.seam {
            Seam::Echo | Seam::DivergentEcho => vec![asked],
            Seam::SpaceAdded => vec![("\n".to_owned(), Origin::New), asked],
            Seam::Preamble => vec![(PREAMBLE.to_owned(), Origin::New), asked],
            Seam::Last(chars) => repeated(partial, chars, reading.quoted_bytes),
            Seam::Exact | Seam::SpaceStripped | Seam::Restart | Seam::Divergent => Vec::new(),
        },
    }
}

/// The last characters again; those that were quoted count as asked for.
fn repeated(partial: &str, chars: u32, quoted_bytes: usize) -> Vec<(String, Origin)> {
    let sizes = partial.chars().rev().take(chars as usize).map(char::len_utf8);
    let start = partial.len() - sizes.sum::<usize>();
    let asked = start.max(partial.len() - quoted_bytes);
    vec![
        (partial[start..asked].to_owned(), Origin::New),
        (partial[asked..].to_owned(), Origin::AskedEcho),
    ]
}

/// The tokens of the answer itself.
fn rest(
    reading: &Reading,
    source: Option<&TokenText>,
    chain: &Chain,
    config: &Config,
    voice: &Voice<'_>,
) -> Vec<String> {
    let restarts = reading.continuation == Continuation::Instructed && config.seam == Seam::Restart;
    let diverges = match reading.continuation {
        Continuation::Fresh => reading.ignored_prefill,
        Continuation::Prefill => config.prefill_seam == PrefillSeam::Divergent,
        Continuation::Instructed => {
            matches!(config.seam, Seam::Divergent | Seam::DivergentEcho)
        }
    };
    match source {
        _ if restarts => chain.canonical.iter().map(str::to_owned).collect(),
        Some(source) if !diverges => {
            source.iter_from(reading.partial.len()).map(str::to_owned).collect()
        }
        _ => another_sample(reading, source, chain, config, voice),
    }
}

/// A text of another seed that is as long as what is missing, at least one token.
fn another_sample(
    reading: &Reading,
    source: Option<&TokenText>,
    chain: &Chain,
    config: &Config,
    voice: &Voice<'_>,
) -> Vec<String> {
    /// About the mean length of a token, for texts whose tokens are not known.
    const CHARS_PER_TOKEN: usize = 5;
    let (total, before) = match source {
        Some(source) => (source.tokens(), source.tokens_within(reading.partial.len())),
        None => {
            (chain.canonical.tokens(), reading.partial.chars().count().div_ceil(CHARS_PER_TOKEN))
        }
    };
    let missing = u32::try_from(total.saturating_sub(before).max(1)).unwrap_or(u32::MAX);
    let kind = config.kind_for(voice.prompt);
    let seed = hash(voice.seed, b"another sample");
    TokenText::new(kind, seed, voice.prompt, missing).iter().map(str::to_owned).collect()
}

/// Leaves out white space at the head, where the seam says so.
fn strip_head(tokens: &mut Vec<Token>, reading: &Reading, config: &Config) {
    let strips = match reading.continuation {
        Continuation::Fresh => false,
        Continuation::Prefill => config.prefill_seam == PrefillSeam::SpaceStripped,
        Continuation::Instructed => config.seam == Seam::SpaceStripped,
    };
    if !strips {
        return;
    }
    let blank = tokens.iter().take_while(|token| token.text.trim_start().is_empty()).count();
    tokens.drain(..blank);
    if let Some(first) = tokens.first_mut() {
        first.text = first.text.trim_start().to_owned();
    }
}
