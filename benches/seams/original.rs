//! The answers that are cut: what models write, and what is made to be mistaken for a repetition.

use std::fmt::Write as _;

use crate::dice::Dice;

/// A kind of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Genre {
    Prose,
    Code,
    Table,
    Json,
    Cjk,
    Emoji,
    Fenced,
    Verse,
    /// One short unit, over and over.
    Periodic,
    /// A long unit that comes again word for word, cut near the end of its first copy.
    Doubled,
}

impl Genre {
    pub(crate) const ALL: [Self; 10] = [
        Self::Prose,
        Self::Code,
        Self::Table,
        Self::Json,
        Self::Cjk,
        Self::Emoji,
        Self::Fenced,
        Self::Verse,
        Self::Periodic,
        Self::Doubled,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Prose => "prose",
            Self::Code => "code",
            Self::Table => "table",
            Self::Json => "json",
            Self::Cjk => "cjk",
            Self::Emoji => "emoji",
            Self::Fenced => "fenced",
            Self::Verse => "verse",
            Self::Periodic => "periodic",
            Self::Doubled => "doubled",
        }
    }
}

/// An answer and the byte at which it is cut.
#[derive(Clone, Debug)]
pub(crate) struct Original {
    pub(crate) text: String,
    pub(crate) cut: usize,
}

impl Original {
    /// An answer of that kind, cut between any two characters.
    pub(crate) fn write(genre: Genre, dice: &mut Dice) -> Self {
        if genre == Genre::Doubled {
            return doubled(dice);
        }
        let chars = dice.between(40, 900);
        let mut text = String::new();
        while text.chars().count() < chars {
            passage(genre, &mut text, dice);
        }
        let cut = dice.between(1, text.chars().count() - 1);
        let cut = byte_of(&text, cut);
        Self { text, cut }
    }
}

fn passage(genre: Genre, text: &mut String, dice: &mut Dice) {
    match genre {
        Genre::Prose | Genre::Doubled => prose(text, dice),
        Genre::Code => code(text, dice),
        Genre::Table => table(text, dice),
        Genre::Json => json(text, dice),
        Genre::Cjk => cjk(text, dice),
        Genre::Emoji => emoji(text, dice),
        Genre::Fenced => fenced(text, dice),
        Genre::Verse => verse(text, dice),
        Genre::Periodic => periodic(text, dice),
    }
}

const WORDS: [&str; 40] = [
    "the", "keeper", "lamp", "of", "and", "stairs", "a", "harbour", "letters", "that", "morning",
    "wind", "to", "rows", "in", "boats", "is", "it", "was", "light", "over", "water", "said",
    "old", "they", "would", "never", "read", "again", "because", "nobody", "had", "counted",
    "bells", "while", "rain", "came", "down", "from", "hills",
];

fn sentence(text: &mut String, dice: &mut Dice) {
    let quoted = dice.percent(12);
    if quoted {
        text.push('"');
    }
    for at in 0..dice.between(3, 14) {
        let word = dice.pick(&WORDS);
        if at > 0 {
            text.push_str(if dice.percent(8) { ", " } else { " " });
            text.push_str(word);
        } else {
            text.push_str(&word[..1].to_ascii_uppercase());
            text.push_str(&word[1..]);
        }
    }
    text.push(dice.pick(&['.', '.', '.', '!', '?', ':']));
    if quoted {
        text.push('"');
    }
}

fn prose(text: &mut String, dice: &mut Dice) {
    sentence(text, dice);
    text.push_str(dice.pick(&[" ", " ", " ", " ", "\n\n", "\r\n", "  "]));
    if dice.percent(3) {
        // What a speaker says twice.
        let said = dice.pick(&["ha ha ha ha ", "No, no, no. ", "very, very, very ", "— — — "]);
        text.push_str(said);
    }
}

fn code(text: &mut String, dice: &mut Dice) {
    let name = dice.pick(&WORDS);
    let depth = dice.between(1, 4);
    let _ = writeln!(text, "fn {name}_{}(x: u32) -> u32 {{", dice.below(30));
    for level in 1..=depth {
        let pad = "    ".repeat(level);
        let _ = writeln!(text, "{pad}if x > {} {{", dice.below(9));
        for _ in 0..dice.between(0, 2) {
            let _ = writeln!(text, "{pad}    let {} = x + 1;", dice.pick(&WORDS));
        }
    }
    for level in (1..=depth).rev() {
        let _ = writeln!(text, "{}}}", "    ".repeat(level));
    }
    text.push_str("    x\n}\n\n");
}

fn table(text: &mut String, dice: &mut Dice) {
    let cells = dice.between(2, 5);
    let row: String = (0..cells)
        .map(|_| {
            let cell = dice.pick(&["0", "Sure", "ok", "", "n/a", "not yet known in this region"]);
            format!("| {cell} ")
        })
        .collect();
    for number in 0..dice.between(1, 6) {
        if dice.percent(30) {
            let _ = write!(text, "| {number} ");
        }
        text.push_str(&row);
        text.push_str("|\n");
    }
    if dice.percent(30) {
        text.push_str(&"| --- ".repeat(cells));
        text.push_str("|\n");
    }
}

fn json(text: &mut String, dice: &mut Dice) {
    text.push_str("[\n");
    for number in 0..dice.between(1, 5) {
        let (key, word) = (dice.pick(&WORDS), dice.pick(&WORDS));
        let count = if dice.percent(40) { 0 } else { number };
        let _ = writeln!(
            text,
            "  {{\n    \"id\": {count},\n    \"{key}\": \"{word}\",\n    \"tags\": []\n  }},"
        );
    }
    for level in (0..dice.between(1, 6)).rev() {
        text.push_str(&"  ".repeat(level));
        text.push_str(dice.pick(&["}", "]"]));
        text.push('\n');
    }
}

fn cjk(text: &mut String, dice: &mut Dice) {
    const SIGNS: [char; 32] = [
        '灯', '塔', '的', '人', '每', '天', '晚', '上', '点', '亮', '海', '风', '一', '不', '是',
        '了', '在', '有', '我', '他', '这', '中', '大', '来', '国', '和', '地', '到', '以', '说',
        '时', '要',
    ];
    for _ in 0..dice.between(4, 24) {
        text.push(dice.pick(&SIGNS));
    }
    text.push_str(dice.pick(&["，", "。", "！", "。\n\n", "：", "、"]));
    if dice.percent(20) {
        for _ in 0..dice.between(2, 8) {
            text.push_str(dice.pick(&["등대", "지기가", " ", "편지를", "읽었다", "파도는"]));
        }
        for _ in 0..dice.below(4) {
            text.push_str(dice.pick(&["ประภาคาร", "สูง", " ", "ทุกคืน", "ทะเล"]));
        }
        text.push_str(". ");
    }
}

fn emoji(text: &mut String, dice: &mut Dice) {
    const FACES: [&str; 9] =
        ["😀", "👩\u{200D}💻", "🇰🇷", "🇯🇵", "👍🏽", "❤️", "👨\u{200D}👩\u{200D}👧", "e\u{301}", "🎉"];
    for _ in 0..dice.between(1, 4) {
        text.push_str(dice.pick(&WORDS));
        text.push(' ');
    }
    for _ in 0..dice.between(1, 5) {
        text.push_str(dice.pick(&FACES));
    }
    text.push_str(dice.pick(&[" ", "\n", "! ", ""]));
}

fn fenced(text: &mut String, dice: &mut Dice) {
    sentence(text, dice);
    let language = dice.pick(&["rust", "python", "", "json"]);
    let _ = writeln!(text, "\n\n```{language}");
    code(text, dice);
    text.push_str("```\n\n");
}

fn verse(text: &mut String, dice: &mut Dice) {
    let mut line = String::new();
    for at in 0..dice.between(3, 9) {
        line.push_str(if at > 0 { " " } else { "" });
        line.push_str(dice.pick(&WORDS));
    }
    for _ in 0..dice.pick(&[1, 1, 2, 3]) {
        text.push_str(&line);
        text.push_str(dice.pick(&["\n", "\n", ",\n", "\n\n"]));
    }
}

fn periodic(text: &mut String, dice: &mut Dice) {
    let unit = dice.pick(&[
        "ha ",
        "ha ha, ",
        "| --- ",
        "| --- | --- |\n",
        "}\n",
        "    }\n",
        "0123456789abcdef",
        "0, 0, 0, ",
        "哈哈",
        "😀",
        "a line that is as long as it takes to be more than forty characters\n",
        "=-",
        "Row, row, row your boat\n",
    ]);
    if text.is_empty() && dice.percent(50) {
        sentence(text, dice);
        text.push(' ');
    }
    text.push_str(&unit.repeat(dice.between(2, 40)));
}

/// Text, then one unit two to four times. The cut is at the end of the first copy or close to it,
/// where nothing before it gives the repetition away.
fn doubled(dice: &mut Dice) -> Original {
    let mut text = String::new();
    for _ in 0..dice.below(5) {
        prose(&mut text, dice);
    }
    if dice.percent(50) {
        text.truncate(text.trim_end().len());
        text.push_str(dice.pick(&["\n", "\n\n", " ", ": ", ""]));
    }
    let unit = unit(dice);
    // What is said twice ends a line, a sentence or a cell.
    let between: &[&str] = if unit.trim_end().ends_with(char::is_alphanumeric) {
        &["\n", "\n\n", ". ", ", ", " | ", "。"]
    } else {
        &["\n", "\n\n", " ", "", ", ", " | "]
    };
    let between = dice.pick(between);
    let begin = text.len();
    for _ in 0..dice.between(2, 4) {
        text.push_str(&unit);
        text.push_str(between);
    }
    sentence(&mut text, dice);
    let end = begin + unit.len();
    let chars_before = text[..end].chars().count();
    let near = if dice.percent(60) { 0 } else { dice.between(0, 12) };
    let cut =
        if dice.percent(30) { chars_before.saturating_sub(near) } else { chars_before + near };
    let cut = byte_of(&text, cut.clamp(1, text.chars().count() - 1));
    Original { text, cut }
}

/// A unit of a length at which fragments are likely to be taken.
fn unit(dice: &mut Dice) -> String {
    let genre = dice.pick(&[
        Genre::Prose,
        Genre::Prose,
        Genre::Verse,
        Genre::Table,
        Genre::Code,
        Genre::Cjk,
        Genre::Json,
    ]);
    let chars = match dice.below(4) {
        0 => dice.pick(&[40, 64, 96, 144, 240]),
        1 => dice.pick(&[39, 41, 63, 65, 95, 97, 143, 145]),
        _ => dice.between(16, 260),
    };
    let mut unit = String::new();
    while unit.chars().count() < chars {
        passage(genre, &mut unit, dice);
    }
    unit.truncate(byte_of(&unit, chars));
    if dice.percent(50) {
        unit.truncate(unit.trim_end().len());
    }
    if dice.percent(30) {
        unit = unit.replace('\n', " ");
    }
    unit
}

/// The byte at which a character begins.
fn byte_of(text: &str, chars: usize) -> usize {
    text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at)
}
