//! Rules about one source file: its name, its first line, and words that stay out of code.
//!
//! Words are looked for in code only; comments and literals may say anything.

use super::File;
use crate::finding::Finding;

/// Names that say nothing about what a file holds.
const BANNED_NAMES: &[&str] = &["utils", "common", "helpers", "types", "misc", "prelude"];

/// Words that stay out of code, and what to do instead.
const BANNED_WORDS: &[(&str, &str)] = &[
    ("#[ignore", "a test that does not run proves nothing"),
    ("todo!(", "write it, or leave it out"),
    ("unimplemented!(", "write it, or leave it out"),
    ("dbg!(", "use tracing, or remove it"),
    ("#[allow(", "use #[expect(lint, reason = \"…\")]"),
    ("#![allow(", "use #![expect(lint, reason = \"…\")]"),
];

/// Crates that take time and randomness as arguments.
const SANS_IO: &[&str] =
    &["sse-codec", "retry-policy", "cost", "protocol", "resume", "endpoint-pool", "monitor"];

/// Words that stay out of the product code of those crates.
const IMPURE_WORDS: &[&str] = &[
    "Instant::now(",
    "SystemTime::now(",
    "thread::sleep(",
    "thread::spawn(",
    "std::net::Tcp",
    "std::fs::",
];

pub(super) fn check(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let name = file.path.rsplit('/').next().unwrap_or_default();
    let stem = name.trim_end_matches(".rs");
    if BANNED_NAMES.contains(&stem) {
        let message = format!("`{name}` says nothing: name the file after what it holds");
        findings.push(Finding::new(&file.path, 1, message));
    }
    if name == "mod.rs" {
        findings.push(Finding::new(&file.path, 1, "use `foo.rs` beside `foo/`, not `mod.rs`"));
    }
    if !file.text.starts_with("//!") {
        findings.push(Finding::new(&file.path, 1, "the file does not start with `//!`"));
    }
    for (index, line) in file.code.lines().enumerate() {
        for (word, instead) in BANNED_WORDS.iter().filter(|(word, _)| has_word(line, word)) {
            findings.push(Finding::new(&file.path, index + 1, format!("`{word}`: {instead}")));
        }
    }
    findings.extend(impure(file));
    findings
}

/// Clocks, threads and devices in a crate that promises none; its tests may use them.
fn impure(file: &File) -> Vec<Finding> {
    let sans_io = SANS_IO.iter().any(|name| file.path.starts_with(&format!("crates/{name}/src/")));
    if !sans_io {
        return Vec::new();
    }
    let tests = super::lengths::test_lines(&file.code);
    let product = file.code.lines().enumerate().filter(|(index, _)| !tests.contains(&(index + 1)));
    product
        .flat_map(|(index, line)| {
            let words = IMPURE_WORDS.iter().filter(move |word| has_word(line, word));
            words.map(move |word| {
                let message = format!("`{word}`: this crate takes time and bytes as arguments");
                Finding::new(&file.path, index + 1, message)
            })
        })
        .collect()
}

/// Whether the line has `word`, and not as the end of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].bytes().next_back();
        !before.is_some_and(super::mask::is_word) || !word.starts_with(char::is_alphabetic)
    })
}

#[cfg(test)]
mod tests {
    use super::{BANNED_NAMES, BANNED_WORDS, File, check};

    #[track_caller]
    fn messages(path: &str, text: &str) -> Vec<(usize, String)> {
        let findings = check(&File::new(path, text.to_owned()));
        assert!(findings.iter().all(|finding| finding.path == path));
        findings.into_iter().map(|finding| (finding.line, finding.message)).collect()
    }

    #[test]
    fn a_file_that_keeps_the_rules_has_no_finding() {
        let text = "//! Says `dbg!(x)`.\nfn f() { g(\"todo!()\") } // #[allow(x)]\n";
        assert_eq!(messages("crates/cost/src/money.rs", text), []);
    }

    #[test]
    fn a_name_that_says_nothing_is_a_finding() {
        for name in BANNED_NAMES {
            let found = messages(&format!("crates/cost/src/{name}.rs"), "//! Docs.\n");
            assert!(found[0].1.contains("says nothing"), "{name}");
        }
    }

    #[test]
    fn mod_rs_is_a_finding() {
        let found = messages("crates/cost/src/money/mod.rs", "//! Docs.\n");
        assert_eq!(found, [(1, "use `foo.rs` beside `foo/`, not `mod.rs`".to_owned())]);
    }

    #[test]
    fn a_file_without_docs_is_a_finding() {
        let found = messages("crates/cost/src/money.rs", "// Docs.\n");
        assert_eq!(found, [(1, "the file does not start with `//!`".to_owned())]);
    }

    #[test]
    fn each_banned_word_is_a_finding_at_its_line() {
        for (word, _) in BANNED_WORDS {
            let found = messages("tests/tests/a.rs", &format!("//! Docs.\n\n{word}x)]\n"));
            assert_eq!(found.len(), 1, "{word}");
            assert_eq!(found[0].0, 3, "{word}");
        }
    }

    #[test]
    fn the_end_of_a_longer_word_is_no_finding() {
        assert_eq!(messages("crates/client/src/a.rs", "//! Docs.\nmy_dbg!(x);\n"), []);
    }

    #[test]
    fn a_clock_in_a_crate_without_io_is_a_finding_outside_its_tests() {
        let clock = "fn f() { Instant::now(); }\n";
        let text = format!("//! Docs.\n{clock}#[cfg(test)]\nmod tests {{\n{clock}}}\n");
        let found = messages("crates/resume/src/a.rs", &text);
        assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2]);
        assert_eq!(messages("crates/client/src/a.rs", &text), []);
    }
}
