//! What a model may answer when it is asked to go on, and which of it is new.

use crate::dice::Dice;

/// A way to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Habit {
    /// With the next character.
    Direct,
    /// The same, white space put before it.
    SpaceAdded,
    /// The same, white space at its beginning gone.
    SpaceStripped,
    /// The fragment as asked for, then on.
    Fragment,
    /// The fragment with other quotation marks or white space, or wrapped in marks.
    Dressed,
    /// The fragment after words that announce it.
    Preamble,
    /// The fragment after a code fence that is opened again.
    Fence,
    /// The fragment and nothing else.
    FragmentAlone,
    /// From a word before the fragment.
    Longer,
    /// The last characters, however many.
    Last,
    /// All of the text, then on.
    Whole,
    /// The text from its beginning, at some point in other words.
    Drifting,
    /// Words that announce, and then on.
    PreambleAlone,
    /// A code fence that is opened again, and then on.
    FenceAlone,
    /// Another text.
    Divergent,
}

impl Habit {
    /// Habits of a model that is asked to repeat a fragment and go on.
    pub(crate) const INSTRUCTED: [Self; 15] = [
        Self::Direct,
        Self::SpaceAdded,
        Self::SpaceStripped,
        Self::Fragment,
        Self::Dressed,
        Self::Preamble,
        Self::Fence,
        Self::FragmentAlone,
        Self::Longer,
        Self::Last,
        Self::Whole,
        Self::Drifting,
        Self::PreambleAlone,
        Self::FenceAlone,
        Self::Divergent,
    ];

    /// Habits of a model that is given the beginning of its turn.
    pub(crate) const PREFILLED: [Self; 6] = [
        Self::Direct,
        Self::Direct,
        Self::SpaceAdded,
        Self::SpaceStripped,
        Self::Whole,
        Self::Divergent,
    ];

    /// Habits of a model that is asked the same again.
    pub(crate) const REPLAYED: [Self; 2] = [Self::Whole, Self::Drifting];

    /// Whether it says the fragment that was asked for.
    pub(crate) const fn says_fragment(self) -> bool {
        matches!(
            self,
            Self::Fragment | Self::Dressed | Self::Preamble | Self::Fence | Self::FragmentAlone
        )
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "goes on",
            Self::SpaceAdded => "white space added",
            Self::SpaceStripped => "white space stripped",
            Self::Fragment => "fragment as asked",
            Self::Dressed => "fragment, dressed",
            Self::Preamble => "preamble, fragment",
            Self::Fence => "fence, fragment",
            Self::FragmentAlone => "fragment, then nothing",
            Self::Longer => "longer than the fragment",
            Self::Last => "last k characters",
            Self::Whole => "whole text again",
            Self::Drifting => "whole text, drifting",
            Self::PreambleAlone => "preamble alone",
            Self::FenceAlone => "fence alone",
            Self::Divergent => "other text",
        }
    }
}

/// The answer of a model, of which the judge knows what is new.
#[derive(Clone, Debug)]
pub(crate) struct Continuation {
    pub(crate) habit: Habit,
    pub(crate) text: String,
    /// Bytes at its beginning that repeat shown text or are no part of any text.
    pub(crate) head: usize,
    /// Characters of shown text that it repeats.
    pub(crate) repeated: usize,
    /// Characters of marks between those and what is new.
    pub(crate) closing: usize,
}

/// What a model has before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before<'a> {
    /// The whole answer, had it not been cut.
    pub(crate) text: &'a str,
    /// Bytes of it that the model was given.
    pub(crate) sent: usize,
    /// The fragment that it was asked to repeat.
    pub(crate) fragment: Option<&'a str>,
}

impl<'a> Before<'a> {
    fn given(&self) -> &'a str {
        &self.text[..self.sent]
    }

    fn rest(&self) -> &'a str {
        &self.text[self.sent..]
    }

    /// Goes on like this. Without a fragment, habits that need one just go on.
    pub(crate) fn go_on(&self, habit: Habit, dice: &mut Dice) -> Continuation {
        let (given, rest) = (self.given(), self.rest());
        let fragment = self.fragment.unwrap_or_default();
        let continuation = |announced: &str, repeated: &str, new: &str| Continuation {
            habit,
            text: [announced, repeated, new].concat(),
            head: announced.len() + repeated.len(),
            repeated: repeated.chars().count(),
            closing: 0,
        };
        match habit {
            Habit::Direct => continuation("", "", rest),
            Habit::SpaceAdded => {
                let space = dice.pick(&[" ", "\n", "\n\n", "  "]);
                continuation("", "", &format!("{space}{rest}"))
            }
            Habit::SpaceStripped => continuation("", "", rest.trim_start()),
            Habit::Fragment => continuation("", fragment, rest),
            Habit::Dressed => self.dressed(fragment, dice),
            Habit::Preamble if self.fragment.is_some() => {
                continuation(dice.pick(&PREAMBLES), fragment, rest)
            }
            Habit::Preamble | Habit::PreambleAlone => {
                continuation("", "", &format!("{}{rest}", dice.pick(&PREAMBLES)))
            }
            Habit::Fence if self.fragment.is_some() && in_fence(given) => {
                continuation(dice.pick(&FENCES), fragment, rest)
            }
            Habit::Fence | Habit::FenceAlone => {
                continuation("", "", &format!("{}{rest}", dice.pick(&FENCES)))
            }
            Habit::FragmentAlone => continuation("", fragment, ""),
            Habit::Longer => {
                let more = dice.between(1, 160) + fragment.chars().count();
                continuation("", last(given, more), rest)
            }
            Habit::Last => continuation("", last(given, dice.between(1, 240)), rest),
            Habit::Whole => continuation("", given, rest),
            Habit::Drifting => self.drifting(dice),
            Habit::Divergent => continuation("", "", dice.pick(&OTHERS)),
        }
    }

    fn dressed(&self, fragment: &str, dice: &mut Dice) -> Continuation {
        let mut repeated = fragment.to_owned();
        if dice.percent(50) {
            repeated = repeated.replace('"', dice.pick(&["“", "”", "„"])).replace('\'', "’");
        }
        if dice.percent(50) {
            let words: Vec<_> = repeated.split_whitespace().collect();
            repeated = words.join(dice.pick(&[" ", "\n", "  "]));
        }
        let (open, close) = match self.fragment {
            Some(_) => dice.pick(&[
                ("", ""),
                ("", ""),
                (" ", ""),
                ("\n", ""),
                ("\n\n", ""),
                ("…", ""),
                ("«", "»"),
                ("“", "”"),
                ("\"", "\""),
                ("`", "`"),
            ]),
            None => ("", ""),
        };
        let head = format!("{open}{repeated}{close}");
        Continuation {
            habit: Habit::Dressed,
            head: head.len(),
            repeated: repeated.chars().count(),
            closing: close.chars().count(),
            text: head + self.rest(),
        }
    }

    /// From the beginning, and from some character on in other words.
    fn drifting(&self, dice: &mut Dice) -> Continuation {
        let given = self.given();
        let chars = dice.below(given.chars().count().max(1));
        let same = given.char_indices().nth(chars).map_or(0, |(at, _)| at);
        let other = dice.pick(&OTHERS);
        // What it says differently begins with a character of its own.
        let text = format!("{}\u{2021}{other}", &given[..same]);
        Continuation { habit: Habit::Drifting, text, head: 0, repeated: chars, closing: 0 }
    }
}

const PREAMBLES: [&str; 8] = [
    "Sure, continuing:\n\n",
    "Of course! Here is the rest:\n",
    "Continuing from where I left off:\n\n",
    "Okay, picking up: ",
    "Certainly. ",
    "Here's the continuation:\n\n",
    "Apologies for the interruption.\n\n",
    "I'll go on from there.\n\n",
];

const FENCES: [&str; 3] = ["```rust\n", "```\n", "```json\n"];

const OTHERS: [&str; 6] = [
    " and that was the end of it, since nobody came back before the winter.",
    "\n\nIn short, the answer depends on what was meant by the question.",
    "Once upon a time there was another story, and it was not this one at all.",
    "```\nlet nothing = 0;\n```\nThat is all.",
    "。那么就到这里为止。",
    "Sure thing. The rest is left to the reader, who knows it already.",
];

/// The last characters of a text.
fn last(text: &str, chars: usize) -> &str {
    let at = text.char_indices().rev().take(chars).last().map_or(text.len(), |(at, _)| at);
    &text[at..]
}

/// Whether the text stops inside a code block.
pub(crate) fn in_fence(text: &str) -> bool {
    text.lines().filter(|line| line.trim_start().starts_with("```")).count() % 2 == 1
}
