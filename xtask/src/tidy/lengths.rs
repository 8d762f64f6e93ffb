//! How long files and functions are: a report of the long ones, and hard caps.
//!
//! Counts lines of product code; tests are reported and not capped. A scan for braces is exact enough
//! for formatted code.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::File;
use super::mask::is_word;
use crate::finding::Finding;

/// Above these many lines, look for the seam.
const FILE_REPORTED: usize = 500;
const FUNCTION_REPORTED: usize = 60;

/// Above these many lines without tests, the check fails.
const FILE_MAX: usize = 600;
const FUNCTION_MAX: usize = 100;

/// A file, or a function of it, that may be longer than the caps.
pub(super) struct Allowed {
    path: &'static str,
    /// `None` for the file itself.
    function: Option<&'static str>,
    reason: &'static str,
}

pub(super) const ALLOWED: &[Allowed] = &[];

/// The length of one file and of its functions.
pub(super) struct Lengths {
    path: String,
    lines: usize,
    /// Lines outside of test modules; 0 for a file of tests or benches.
    product_lines: usize,
    functions: Vec<Function>,
}

#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    /// Where its `fn` is, counting from 1.
    line: usize,
    /// From its `fn` to its closing brace.
    lines: usize,
    is_product: bool,
}

pub(super) fn measure(files: &[File]) -> Vec<Lengths> {
    files.iter().map(measure_one).collect()
}

fn measure_one(file: &File) -> Lengths {
    let lines = file.code.lines().count();
    let tests = test_lines(&file.code);
    let mut functions = functions(&file.code);
    for function in &mut functions {
        function.is_product = file.is_source() && !tests.contains(&function.line);
    }
    let product_lines = if file.is_source() { lines - tests.len() } else { 0 };
    Lengths { path: file.path.clone(), lines, product_lines, functions }
}

/// The long files and functions, longest first, one line each.
pub(super) fn report(all: &[Lengths]) -> String {
    let mut rows = Vec::new();
    for Lengths { path, lines, product_lines, functions } in all {
        if *lines > FILE_REPORTED {
            let what = format!("{path}: {lines} lines, {product_lines} without tests");
            rows.push((*lines, what));
        }
        for Function { name, line, lines, .. } in functions {
            if *lines > FUNCTION_REPORTED {
                rows.push((*lines, format!("{path}:{line}: `{name}` has {lines} lines")));
            }
        }
    }
    rows.sort_by(|(a, _), (b, _)| b.cmp(a));
    let mut text = String::new();
    for (_, what) in rows {
        let _ = writeln!(text, "long: {what}");
    }
    text
}

/// What is longer than the caps, and what is allowed to be and is not.
pub(super) fn check(all: &[Lengths], allowed: &[Allowed]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut used = vec![false; allowed.len()];
    let mut cap = |path: &str, function: Option<&str>, line, lines, max: usize| {
        if lines <= max {
            return;
        }
        let exempt = |entry: &Allowed| entry.path == path && entry.function == function;
        if let Some(index) = allowed.iter().position(exempt) {
            used[index] = true;
            return;
        }
        let what = function.map_or_else(|| "the file".into(), |name| format!("`{name}`"));
        let message = format!("{what} has {lines} lines without tests; {max} is the cap");
        findings.push(Finding::new(path, line, message));
    };
    for Lengths { path, product_lines, functions, .. } in all {
        cap(path, None, 1, *product_lines, FILE_MAX);
        for Function { name, line, lines, .. } in functions.iter().filter(|f| f.is_product) {
            cap(path, Some(name), *line, *lines, FUNCTION_MAX);
        }
    }
    let stale = allowed.iter().zip(used).filter(|(_, used)| !used);
    findings.extend(stale.map(|(Allowed { path, function, reason }, _)| {
        let what = function.unwrap_or("the file");
        Finding::new(path, 1, format!("{what} is allowed to be long ({reason}) and is not"))
    }));
    findings
}

/// The numbers of the lines under `#[cfg(test)]`.
pub(super) fn test_lines(code: &str) -> BTreeSet<usize> {
    let mut lines = BTreeSet::new();
    for (start, attribute) in code.match_indices("#[cfg(test)]") {
        let end = item_end(code, start + attribute.len());
        lines.extend(line_number(code, start)..=line_number(code, end));
    }
    lines
}

/// Every function that has a body, in order, nested ones included.
fn functions(code: &str) -> Vec<Function> {
    let starts = code
        .match_indices("fn ")
        .filter(|(at, _)| !code[..*at].bytes().next_back().is_some_and(is_word));
    starts.filter_map(|(at, keyword)| function(code, at, at + keyword.len())).collect()
}

fn function(code: &str, start: usize, name_start: usize) -> Option<Function> {
    let rest = &code.as_bytes()[name_start..];
    let length = rest.iter().position(|byte| !is_word(*byte))?;
    let end = item_end(code, name_start + length);
    // A declaration in a trait ends with a semicolon; a function pointer type has no name.
    if length == 0 || code.as_bytes().get(end) != Some(&b'}') {
        return None;
    }
    let line = line_number(code, start);
    let name = code[name_start..name_start + length].to_owned();
    Some(Function { name, line, lines: line_number(code, end) - line + 1, is_product: true })
}

/// The position of the `;` or of the `}` that ends the item whose head goes on at `at`.
fn item_end(code: &str, at: usize) -> usize {
    let mut brackets = 0_usize;
    let mut braces = 0_usize;
    for (offset, byte) in code.as_bytes()[at..].iter().enumerate() {
        match byte {
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets = brackets.saturating_sub(1),
            b'{' => braces += 1,
            b'}' if braces <= 1 => return at + offset,
            b'}' => braces -= 1,
            b';' if braces == 0 && brackets == 0 => return at + offset,
            _ => {}
        }
    }
    code.len().saturating_sub(1)
}

fn line_number(code: &str, at: usize) -> usize {
    code.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::{
        Allowed, FILE_MAX, FUNCTION_MAX, File, Lengths, check, functions, measure, report,
    };

    fn function_of(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    step();\n".repeat(lines - 2))
    }

    fn lengths(path: &str, text: &str) -> Vec<Lengths> {
        measure(&[File::new(path, text.to_owned())])
    }

    #[track_caller]
    fn messages(path: &str, text: &str, allowed: &[Allowed]) -> Vec<String> {
        check(&lengths(path, text), allowed).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn bodies_are_measured_from_fn_to_the_closing_brace() {
        let code = "impl X {\n  fn a(&self, b: [u8; 2]) -> u8\n  where u8: Copy,\n  {\n    { 1 }\n  }\n}\n";
        let found = functions(code);
        assert_eq!((found.len(), found[0].line, found[0].lines), (1, 2, 5));
        assert_eq!(found[0].name, "a");
    }

    #[test]
    fn declarations_and_pointer_types_are_no_functions() {
        assert_eq!(
            functions("trait T { fn a(&self); }\ntype F = fn (u8) -> u8;\nlet often = 1;"),
            []
        );
    }

    #[test]
    fn a_function_above_the_cap_is_a_finding() {
        let text = function_of(FUNCTION_MAX + 1);
        let expected = ["a/src/b.rs:1: `long` has 101 lines without tests; 100 is the cap"];
        assert_eq!(messages("a/src/b.rs", &text, &[]), expected);
        assert!(messages("a/src/b.rs", &function_of(FUNCTION_MAX), &[]).is_empty());
    }

    #[test]
    fn a_file_above_the_cap_is_a_finding() {
        let text = "const A: u8 = 1;\n".repeat(FILE_MAX + 1);
        let expected = ["a/src/b.rs:1: the file has 601 lines without tests; 600 is the cap"];
        assert_eq!(messages("a/src/b.rs", &text, &[]), expected);
    }

    #[test]
    fn tests_are_not_capped() {
        let long = function_of(FILE_MAX + 1);
        let module = format!("#[cfg(test)]\nmod tests {{\n{long}}}\n");
        assert!(messages("a/src/b.rs", &module, &[]).is_empty());
        assert!(messages("a/tests/b.rs", &long, &[]).is_empty());
    }

    #[test]
    fn an_allowed_length_is_no_finding_and_a_stale_permit_is_one() {
        let permit = [Allowed { path: "a/src/b.rs", function: Some("long"), reason: "a table" }];
        assert!(messages("a/src/b.rs", &function_of(FUNCTION_MAX + 1), &permit).is_empty());
        let expected = ["a/src/b.rs:1: long is allowed to be long (a table) and is not"];
        assert_eq!(messages("a/src/b.rs", &function_of(9), &permit), expected);
    }

    #[test]
    fn the_report_lists_the_longest_first() {
        let text = format!("{}{}", function_of(61), function_of(70));
        let lines = report(&lengths("a/src/b.rs", &text));
        let expected = "long: a/src/b.rs:62: `long` has 70 lines\n\
            long: a/src/b.rs:1: `long` has 61 lines\n";
        assert_eq!(lines, expected);
    }
}
