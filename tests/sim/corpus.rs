//! The answers that the provider gives: every kind of text in which a seam can go wrong.
//! Deterministic in the dice; cut into token-like pieces at character boundaries.

use crate::dice::Dice;

/// A text and where its tokens end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) text: String,
    ends: Vec<usize>,
}

impl Answer {
    /// Writes a text of about `chars` characters.
    pub(crate) fn write(kind: Kind, chars: usize, dice: &mut Dice) -> Self {
        let text: String = compose(kind, chars, dice).chars().take(chars).collect();
        let mut ends = Vec::new();
        let mut boundaries = text.char_indices().map(|(at, _)| at).skip(1);
        while ends.last().copied().unwrap_or(0) < text.len() {
            let len = dice.between(1, 7);
            ends.push(boundaries.nth(len - 1).unwrap_or(text.len()));
        }
        Self { text, ends }
    }

    /// Its tokens from one to before another.
    pub(crate) fn part(&self, from: usize, to: usize) -> Self {
        let start = from.checked_sub(1).map_or(0, |before| self.ends[before]);
        let ends: Vec<_> = self.ends[from..to].iter().map(|end| end - start).collect();
        let text = self.text[start..start + ends.last().copied().unwrap_or(0)].to_owned();
        Self { text, ends }
    }

    pub(crate) fn tokens(&self) -> usize {
        self.ends.len()
    }

    /// What follows the first `bytes`, token by token; the first may be the rest of a token.
    pub(crate) fn tokens_from(&self, bytes: usize) -> Vec<&str> {
        let first = self.ends.partition_point(|end| *end <= bytes);
        let mut start = bytes;
        let mut tokens = Vec::new();
        for end in &self.ends[first..] {
            tokens.push(&self.text[start..*end]);
            start = *end;
        }
        tokens
    }

    /// The nearest character boundary at or below this byte.
    pub(crate) fn floor(&self, bytes: usize) -> usize {
        let mut at = bytes.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

/// What a text is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Words of several scripts, emoji sequences, quotation marks.
    Prose,
    /// The same with long runs of white space, at the ends too.
    Spaces,
    /// One short unit from the first byte to the last.
    Periodic,
    /// A sentence, then one short unit again and again.
    Introduced,
    /// Table rows that differ a little or not at all.
    Rows,
    /// Code, then a staircase of closing braces.
    Braces,
    /// JSON with escapes, backslashes and control characters.
    Json,
    /// Verses with a refrain that comes back word for word.
    Refrain,
    /// One line twice or more, side by side, then others.
    Doubled,
    /// Quoted speech with the marks that an instruction uses.
    Marks,
    /// Lines that end in CR LF, empty ones among them.
    Crlf,
}

/// The kinds in which a seam can be found. [`Kind::Doubled`] is not one of them.
pub(crate) const KINDS: [(usize, Kind); 10] = [
    (30, Kind::Prose),
    (12, Kind::Spaces),
    (8, Kind::Periodic),
    (10, Kind::Introduced),
    (10, Kind::Rows),
    (8, Kind::Braces),
    (8, Kind::Json),
    (8, Kind::Refrain),
    (6, Kind::Marks),
    (6, Kind::Crlf),
];

const WORDS: [&str; 48] = [
    "the",
    "lighthouse",
    "keeper",
    "climbed",
    "every",
    "evening",
    "and",
    "lit",
    "a",
    "lamp",
    "바다",
    "위로",
    "달빛이",
    "천천히",
    "번져",
    "갔다",
    "그리고",
    "море",
    "светит",
    "ночью",
    "灯台",
    "の",
    "光",
    "が",
    "静かに",
    "回る",
    "naïve",
    "coöperate",
    "Zürich",
    "e\u{301}tude",
    "👩\u{200D}💻",
    "🇰🇷",
    "🇯🇵🇩🇪",
    "👍🏽",
    "👨\u{200D}👩\u{200D}👧\u{200D}👦",
    "🫱🏻\u{200D}🫲🏿",
    "١٢٣",
    "שלום",
    "नमस्ते",
    "กรุงเทพ",
    "sure",
    "here",
    "ok",
    "let",
    "me",
    "continuing",
    "3.14",
    "x_1",
];
const UNITS: [&str; 8] =
    ["ha ", "}\n", "| --- | --- |\n", "0", "안녕 ", "👩\u{200D}💻", "\n", "-=+ "];
const STOPS: [&str; 8] = [". ", ", ", "! ", "? ", "; ", ".\n", ".\n\n", " — "];
const BLANKS: [&str; 7] = ["    ", "\n\n\n", " \t ", "\r\n", "\u{3000}", " \u{A0}", "\n        "];

fn compose(kind: Kind, chars: usize, dice: &mut Dice) -> String {
    let mut out = String::new();
    match kind {
        Kind::Prose => fill(&mut out, chars, |out| sentence(out, dice)),
        Kind::Spaces => {
            if dice.percent(40) {
                out.push_str(dice.pick(&BLANKS));
            }
            fill(&mut out, chars, |out| {
                sentence(out, dice);
                out.push_str(dice.pick(&BLANKS));
            });
        }
        Kind::Periodic => {
            let unit = dice.pick(&UNITS);
            fill(&mut out, chars, |out| out.push_str(unit));
        }
        Kind::Introduced => {
            sentence(&mut out, dice);
            let unit = dice.pick(&UNITS);
            fill(&mut out, chars, |out| out.push_str(unit));
        }
        Kind::Rows => rows(&mut out, chars, dice),
        Kind::Braces => braces(&mut out, chars, dice),
        Kind::Json => json(&mut out, chars, dice),
        Kind::Refrain => {
            let mut refrain = String::from("\n");
            sentence(&mut refrain, dice);
            sentence(&mut refrain, dice);
            fill(&mut out, chars, |out| {
                sentence(out, dice);
                out.push_str(&refrain);
            });
        }
        Kind::Doubled => fill(&mut out, chars, |out| {
            let mut line = String::new();
            fill(&mut line, dice.between(16, 30), |line| {
                line.push_str(dice.pick(&WORDS));
                line.push_str(dice.pick(&[" ", ", ", "-", ""]));
            });
            line.push_str(dice.pick(&["\n", "", " "]));
            for _ in 0..dice.between(2, 4) {
                out.push_str(&line);
            }
        }),
        Kind::Marks => fill(&mut out, chars, |out| {
            out.push_str(dice.pick(&["«", "» ", "“", "” ", "\"", "\" ", "'", "…", "`"]));
            sentence(out, dice);
        }),
        Kind::Crlf => fill(&mut out, chars, |out| {
            sentence(out, dice);
            out.push_str(dice.pick(&["\r\n", "\r\n\r\n", "\r\n\r\n\r\n", "\r", "\n\r\n"]));
        }),
    }
    out
}

/// Adds until there are enough characters; every addition adds at least one.
fn fill(out: &mut String, chars: usize, mut add: impl FnMut(&mut String)) {
    // Four bytes are one character or more, so that this many bytes are enough.
    while out.len() < 4 * chars {
        add(out);
    }
}

fn sentence(out: &mut String, dice: &mut Dice) {
    for word in 0..dice.between(3, 9) {
        if word > 0 && !dice.percent(4) {
            out.push(' ');
        }
        out.push_str(dice.pick(&WORDS));
    }
    out.push_str(dice.pick(&STOPS));
}

fn rows(out: &mut String, chars: usize, dice: &mut Dice) {
    let differ = dice.percent(60);
    let same = dice.pick(&WORDS);
    let mut number = 0;
    fill(out, chars, |out| {
        number += usize::from(differ);
        let word = if differ { dice.pick(&WORDS) } else { same };
        out.push_str(&format!("| {number} | {word} | ok |\n"));
    });
}

fn braces(out: &mut String, chars: usize, dice: &mut Dice) {
    let mut depth = 0;
    fill(out, chars / 2, |out| {
        out.push_str(&format!("{}if {} {{\n", "    ".repeat(depth), dice.pick(&WORDS)));
        depth = (depth + 1) % 12;
    });
    *out = out.chars().take(chars / 2).collect();
    let flat = dice.percent(50);
    fill(out, chars, |out| {
        depth = depth.saturating_sub(1);
        let indent = if flat { String::new() } else { "    ".repeat(depth) };
        out.push_str(&format!("{indent}}}\n"));
    });
}

fn json(out: &mut String, chars: usize, dice: &mut Dice) {
    fill(out, chars, |out| {
        out.push_str("{\"k\\n\": \"");
        out.push_str(dice.pick(&[
            "\\\"",
            "\\\\",
            "\u{1}",
            "\u{8}\u{c}",
            "/",
            "\\u0041",
            "\u{2028}",
        ]));
        out.push_str(dice.pick(&WORDS));
        out.push_str(dice.pick(&["\", \"v\": null},\n", "\"}\r\n", "\"}"]));
    });
}
