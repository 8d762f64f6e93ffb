//! The text that a prompt is answered with, cut into token-like pieces: the oracle of every test.
//! Deterministic in (kind, seed, prompt); a longer answer starts with the shorter one.

mod kind;
mod periodic;
mod prose;

pub use kind::{TextKind, Unit};

use crate::random::{Random, hash};

/// A text and where its tokens end.
///
/// ```
/// use mock_provider::{TextKind, TokenText};
///
/// let short = TokenText::new(TextKind::Multilingual, 7, "hello", 10);
/// let long = TokenText::new(TextKind::Multilingual, 7, "hello", 20);
/// assert_eq!(short.iter().collect::<String>(), short.text());
/// assert!(long.text().starts_with(short.text()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenText {
    text: String,
    /// Byte offsets where tokens end, ascending; the last one is the length of the text.
    ends: Vec<usize>,
}

impl TokenText {
    /// Generates the answer to `prompt` with exactly `tokens` tokens.
    pub fn new(kind: TextKind, seed: u64, prompt: &str, tokens: u32) -> Self {
        let seed = hash(seed, prompt.as_bytes());
        let mut cuts = Random::new(seed ^ CUTS);
        let lengths: Vec<_> = (0..tokens).map(|_| token_chars(&mut cuts)).collect();
        let text = characters(kind, seed, lengths.iter().sum());
        Self::cut(text, &lengths)
    }

    /// Cuts a given text into tokens of seeded lengths.
    pub(crate) fn cut_by_seed(text: &str, seed: u64) -> Self {
        let mut cuts = Random::new(seed ^ CUTS);
        let mut left = text.chars().count();
        let mut lengths = Vec::new();
        while left > 0 {
            let length = token_chars(&mut cuts).min(left);
            lengths.push(length);
            left -= length;
        }
        Self::cut(text.to_owned(), &lengths)
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many tokens the text has.
    pub fn tokens(&self) -> usize {
        self.ends.len()
    }

    /// The token with this index, from 0; empty beyond the end.
    pub fn token(&self, index: usize) -> &str {
        let Some(end) = self.ends.get(index) else { return "" };
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..*end]
    }

    /// The tokens in order; joined they are the text.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.iter_from(0)
    }

    /// What follows the first `bytes`, token by token; the first may be the rest of a token.
    ///
    /// # Panics
    /// When `bytes` is not a character boundary of the text.
    pub(crate) fn iter_from(&self, bytes: usize) -> impl Iterator<Item = &str> {
        let first = self.tokens_within(bytes);
        self.ends[first..].iter().scan(bytes, |start, end| {
            let token = &self.text[*start..*end];
            *start = *end;
            Some(token)
        })
    }

    /// How many whole tokens the first `bytes` hold.
    pub(crate) fn tokens_within(&self, bytes: usize) -> usize {
        self.ends.partition_point(|end| *end <= bytes)
    }

    /// This text with more tokens after it.
    pub(crate) fn extended<'t>(mut self, tokens: impl IntoIterator<Item = &'t str>) -> Self {
        for token in tokens.into_iter().filter(|token| !token.is_empty()) {
            self.text.push_str(token);
            self.ends.push(self.text.len());
        }
        self
    }

    /// The first `bytes` of this text, with a last token that may be cut.
    pub(crate) fn truncated(&self, bytes: usize) -> Self {
        let mut ends = self.ends[..self.tokens_within(bytes)].to_vec();
        if ends.last().copied().unwrap_or(0) < bytes {
            ends.push(bytes);
        }
        Self { text: self.text[..bytes].to_owned(), ends }
    }

    fn cut(mut text: String, lengths: &[usize]) -> Self {
        let mut ends = Vec::with_capacity(lengths.len());
        let mut boundaries = text.char_indices().map(|(at, _)| at).skip(1);
        for length in lengths {
            // The last boundary of a text is its length, which `char_indices` does not list.
            ends.push(boundaries.nth(length - 1).unwrap_or(text.len()));
        }
        text.truncate(ends.last().copied().unwrap_or(0));
        Self { text, ends }
    }
}

/// The answer of a server with seed 0 to `prompt`; magic words in the prompt are obeyed.
///
/// ```
/// assert!(mock_provider::text_for("mock:ha please", 3).starts_with("ha"));
/// ```
pub fn text_for(prompt: &str, tokens: u32) -> String {
    let wish = Wish::read(prompt);
    let kind = wish.kind.unwrap_or_default();
    TokenText::new(kind, 0, prompt, wish.tokens_or(tokens)).text
}

/// What a prompt asks of the server with words such as `mock:ha` and `mock:tokens=500`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) kind: Option<TextKind>,
    pub(crate) tokens: Option<u32>,
    /// There is no answer.
    pub(crate) blocked: bool,
}

impl Wish {
    /// The most tokens that a prompt may ask for.
    pub(crate) const TOKENS_MAX: u32 = 1_000_000;

    /// How long the answer is, where nobody asks for another length.
    pub(crate) fn tokens_or(self, tokens: u32) -> u32 {
        if self.blocked { 0 } else { self.tokens.unwrap_or(tokens) }
    }

    pub(crate) fn read(prompt: &str) -> Self {
        let mut wish = Self::default();
        for word in prompt.split_whitespace().filter_map(|word| word.strip_prefix("mock:")) {
            if word == "blocked" {
                wish.blocked = true;
                continue;
            }
            match word.strip_prefix("tokens=") {
                Some(count) => {
                    wish.tokens = count.parse().ok().map(|count: u32| count.min(Self::TOKENS_MAX));
                }
                None => wish.kind = word.parse().ok().or(wish.kind),
            }
        }
        wish
    }
}

const CUTS: u64 = 0x70C0;

/// 1 to 8 characters, now and then more.
fn token_chars(cuts: &mut Random) -> usize {
    if cuts.one_in(40) { cuts.between(9, 40) } else { cuts.between(1, 8) }
}

/// At least `chars` characters of the kind.
fn characters(kind: TextKind, seed: u64, chars: usize) -> String {
    let mut text = String::new();
    let mut count = 0;
    let mut random = Random::new(seed);
    if matches!(kind, TextKind::Introduced(_)) {
        text = periodic::introduction(&mut random);
        count = text.chars().count();
    }
    while count < chars {
        let section = match kind {
            TextKind::Multilingual => prose::section(&mut random),
            TextKind::Periodic(unit) | TextKind::Introduced(unit) => periodic::run(unit),
        };
        count += section.chars().count();
        text.push_str(&section);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [&str; 7] =
        ["multilingual", "ha", "rows", "braces", "intro+ha", "intro+rows", "intro+braces"];

    #[test]
    fn every_kind_has_exactly_the_tokens_asked_for_and_is_repeatable() {
        for kind in KINDS {
            let kind: TextKind = kind.parse().unwrap();
            for tokens in [0, 1, 2, 300] {
                let text = TokenText::new(kind, 3, "prompt", tokens);
                assert_eq!(text.tokens(), tokens as usize);
                assert_eq!(text, TokenText::new(kind, 3, "prompt", tokens));
                assert_eq!(text.iter().collect::<String>(), text.text());
                assert!(text.iter().all(|token| !token.is_empty()));
            }
        }
    }

    #[test]
    fn prompts_and_seeds_give_different_texts() {
        let text = |seed, prompt| TokenText::new(TextKind::Multilingual, seed, prompt, 50);
        assert_ne!(text(0, "a"), text(0, "b"));
        assert_ne!(text(0, "a"), text(1, "a"));
    }

    #[test]
    fn the_mix_holds_every_difficulty() {
        let text = TokenText::new(TextKind::Multilingual, 0, "everything", 3000);
        for needle in ["가", "\u{200D}", "🇰🇷", "🏽", "```", "{\"", "| ", "   ", "\r\n", "\\", "\""]
        {
            assert!(text.text().contains(needle), "{needle:?} is missing");
        }
        assert!(text.text().chars().any(|c| c < ' ' && !"\r\n\t".contains(c)));
    }

    #[test]
    fn tokens_are_cut_inside_grapheme_clusters_and_some_are_long() {
        let text = TokenText::new(TextKind::Multilingual, 0, "everything", 3000);
        assert!(text.iter().any(|token| token.starts_with('\u{200D}')));
        let lengths: Vec<_> = text.iter().map(|token| token.chars().count()).collect();
        assert!(lengths.iter().any(|length| *length > 8));
        let short = lengths.iter().filter(|length| **length <= 8).count();
        assert!(short * 10 > lengths.len() * 9);
    }

    #[test]
    fn what_follows_a_cut_joins_with_what_was_before_it() {
        let text = TokenText::new(TextKind::Multilingual, 0, "joined", 60);
        for (at, _) in text.text().char_indices() {
            let rest: String = text.iter_from(at).collect();
            assert_eq!(text.text()[..at].to_owned() + &rest, text.text());
            let rejoined = text.truncated(at).extended(text.iter_from(at));
            assert_eq!(rejoined.text(), text.text());
            assert_eq!(rejoined.iter().collect::<String>(), text.text());
        }
        assert_eq!(text.iter_from(text.text().len()).count(), 0);
    }

    #[test]
    fn periodic_texts_repeat_from_the_first_byte_or_after_the_introduction() {
        let text = TokenText::new("ha".parse().unwrap(), 0, "p", 30);
        assert!(text.text().starts_with("ha ha ha "));
        let text = TokenText::new("intro+ha".parse().unwrap(), 0, "p", 200);
        assert!(!text.text().starts_with("ha"));
        assert!(text.text().contains("ha ha ha ha ha "));
    }

    #[test]
    fn magic_words_choose_kind_and_length() {
        let wish = Wish::read("please mock:intro+rows mock:tokens=12 mock:nonsense");
        assert_eq!(wish.kind, Some(TextKind::Introduced(Unit::TableRow)));
        assert_eq!(wish.tokens, Some(12));
        assert_eq!(Wish::read("mock tokens=12"), Wish::default());
        assert_eq!(Wish::read("mock:tokens=4000000000").tokens, Some(Wish::TOKENS_MAX));
    }

    #[test]
    fn a_given_text_is_cut_without_loss() {
        let text = TokenText::cut_by_seed("Sure, 계속합니다 👩‍💻", 5);
        assert_eq!(text.iter().collect::<String>(), "Sure, 계속합니다 👩‍💻");
        assert_eq!(TokenText::cut_by_seed("", 5).tokens(), 0);
    }
}
