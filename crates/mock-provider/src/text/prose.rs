//! Sections of mixed text, chosen to be hard for whoever cuts, escapes or compares text:
//! scripts, joined emoji, code, JSON, tables, white space, CRLF, quotes, control characters.

use crate::random::Random;

/// One section, from a few characters to a few lines.
pub(crate) fn section(random: &mut Random) -> String {
    match random.below(16) {
        0..=3 => korean(random),
        4..=6 => english(random),
        7 => other_scripts(random),
        8 => emoji(random),
        9 => code(random),
        10 => json(random),
        11 => table(random),
        12 => white_space(random),
        13 => crlf_lines(random),
        14 => escapes(random),
        _ => list(random),
    }
}

const KOREAN: [&str; 12] = [
    "가장",
    "오래된",
    "나무는",
    "강가에",
    "서서",
    "바람의",
    "이야기를",
    "조용히",
    "듣는다",
    "그러나",
    "흐르는 물은",
    "값을 묻지 않고",
];

const ENGLISH: [&str; 14] = [
    "the", "river", "keeps", "its", "own", "count", "of", "stones", "while", "we", "measure",
    "time", "by", "light",
];

const OTHERS: [&str; 8] = [
    "東京の朝は早い。",
    "Привет, мир! ",
    "مرحبا بالعالم ",
    "नमस्ते दुनिया ",
    "สวัสดีชาวโลก ",
    "Ça n’a pas coûté cher\u{a0}! ",
    "e\u{301}tude a\u{308}hnlich ",
    "한글 \u{1112}\u{1161}\u{11ab} ",
];

const EMOJI: [&str; 10] = [
    "👩\u{200D}💻",
    "👨\u{200D}👩\u{200D}👧\u{200D}👦",
    "🏳\u{FE0F}\u{200D}🌈",
    "🇰🇷",
    "🇺🇳🇫🇷",
    "👍🏽",
    "🧑🏿\u{200D}🚀",
    "❤\u{FE0F}\u{200D}🔥",
    "1\u{FE0F}\u{20E3}",
    "😀",
];

fn words(random: &mut Random, from: &[&'static str], low: usize, high: usize) -> String {
    let count = random.between(low, high);
    let words: Vec<_> = (0..count).map(|_| random.pick(from)).collect();
    words.join(" ")
}

fn korean(random: &mut Random) -> String {
    words(random, &KOREAN, 4, 14) + random.pick(&[". ", "! ", "? ", "…\n", ".\n\n", ", 그리고 "])
}

fn english(random: &mut Random) -> String {
    words(random, &ENGLISH, 4, 14) + random.pick(&[". ", "; ", " — ", ".\n", ".\n\n", "? "])
}

fn other_scripts(random: &mut Random) -> String {
    random.pick(&OTHERS).to_owned()
}

fn emoji(random: &mut Random) -> String {
    let count = random.between(1, 4);
    let run: String = (0..count).map(|_| random.pick(&EMOJI)).collect();
    run + " "
}

fn code(random: &mut Random) -> String {
    let number = random.below(1000);
    let name = random.pick(&ENGLISH);
    match random.below(3) {
        0 => format!(
            "```rust\nfn {name}() -> &'static str {{\n    // {number}\n    \"\\u{{1F600}}\\n\"\n}}\n```\n"
        ),
        1 => format!(
            "```python\ndef {name}(x):\n\tif x > {number}:\n\t\treturn '한글'\n\treturn x\n```\n\n"
        ),
        _ => format!("`{name}[{number}]` "),
    }
}

fn json(random: &mut Random) -> String {
    let name = random.pick(&ENGLISH);
    let number = random.below(10_000);
    format!(
        "{{\"{name}\": {number}, \"text\": \"\\\"인용\\\" \\\\ /\", \"list\": [null, true, -1.5e3]}}\n"
    )
}

fn table(random: &mut Random) -> String {
    let rows = random.between(1, 4);
    let mut table = String::from("| 이름 | value |\n| --- | ---: |\n");
    for _ in 0..rows {
        let number = random.below(100);
        table.push_str(&format!("| {} | {number} |\n", random.pick(&KOREAN)));
    }
    table.push('\n');
    table
}

fn white_space(random: &mut Random) -> String {
    let unit = random.pick(&[" ", "\n", "\t", "  \n", " \t", "\u{a0}", "\u{3000}"]);
    unit.repeat(random.between(3, 12))
}

fn crlf_lines(random: &mut Random) -> String {
    let lines = random.between(1, 3);
    (0..lines).map(|_| words(random, &ENGLISH, 1, 4) + "\r\n").collect()
}

fn escapes(random: &mut Random) -> String {
    random
        .pick(&[
            "\"quoted\" and \\back\\slashed\\ ",
            "C:\\temp\\new\\u0041 ",
            "\u{1}\u{8}\u{c}\u{1f}\u{7f} ",
            "\u{2028}\u{2029}\u{feff}",
            "data: [DONE]\n\ndata: {\"x\":1}\n\n",
            "event: message_stop\n",
            "</script><!-- & --> ",
            "«인용» “quote” 'single' ",
        ])
        .to_owned()
}

fn list(random: &mut Random) -> String {
    let items = random.between(2, 4);
    (1..=items).map(|item| format!("{item}. {}\n", words(random, &KOREAN, 2, 5))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_never_empty_and_depend_on_the_seed_alone() {
        let sections = |seed| {
            let mut random = Random::new(seed);
            (0..400).map(|_| section(&mut random)).collect::<Vec<_>>()
        };
        assert!(sections(1).iter().all(|section| !section.is_empty()));
        assert_eq!(sections(1), sections(1));
        assert_ne!(sections(1), sections(2));
    }
}
