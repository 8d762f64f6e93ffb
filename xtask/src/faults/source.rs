//! Whether a test is in the sources, without building anything. It follows modules from the root
//! of a binary as the compiler does, except that it knows no `#[path]` and no macro.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::matrix::Binary;

/// Whether the binary has a test of this path.
pub(super) fn has(root: &Path, binary: &Binary, path: &str) -> bool {
    let mut modules: Vec<&str> = path.split("::").collect();
    let Some(name) = modules.pop() else { return false };
    let file = root.join(&binary.root);
    let Some(folder) = file.parent().map(Path::to_path_buf) else { return false };
    source(&file, folder, &modules).is_some_and(|text| tests(&text).any(|test| test == name))
}

/// The text of the file that holds the innermost of these modules.
fn source(file: &Path, mut folder: PathBuf, modules: &[&str]) -> Option<String> {
    let mut text = fs::read_to_string(file).ok()?;
    for module in modules {
        let declared = |end: &str| text.lines().any(|line| is_module(line, module, end));
        folder.push(module);
        if declared(";") {
            let inner = fs::read_to_string(folder.with_extension("rs"));
            text = inner.or_else(|_| fs::read_to_string(folder.join("mod.rs"))).ok()?;
        } else if !declared(" {") {
            return None;
        }
    }
    Some(text)
}

/// Whether a line declares the module, with what stands behind its name.
fn is_module(line: &str, module: &str, end: &str) -> bool {
    let line = line.trim();
    let line = line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub ")).unwrap_or(line);
    line.strip_prefix("mod ").and_then(|line| line.strip_prefix(module)) == Some(end)
}

/// The names of the tests of a file.
fn tests(text: &str) -> impl Iterator<Item = &str> {
    let mut is_test = false;
    text.lines().filter_map(move |line| {
        let line = line.trim();
        let attribute = line.starts_with("#[");
        is_test |= attribute && (line.starts_with("#[test]") || line.starts_with("#[tokio::test"));
        let name = function(line).filter(|_| is_test);
        is_test &= attribute;
        name
    })
}

fn function(line: &str) -> Option<&str> {
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split('(').next()
}

/// The tests in a folder whose names begin with a row, `row_034_…`, with that row.
pub(super) fn tests_of_rows(folder: &Path) -> io::Result<Vec<(u32, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let text = fs::read_to_string(entry?.path())?;
        found.extend(tests(&text).filter_map(|name| Some((row(name)?, name.to_owned()))));
    }
    Ok(found)
}

fn row(name: &str) -> Option<u32> {
    name.strip_prefix("row_")?.split('_').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Binary, has, is_module, row, tests};
    use crate::cargo::root;

    #[test]
    fn a_function_counts_only_behind_an_attribute_that_makes_it_a_test() {
        let text = "#[test]\n#[should_panic]\nfn a() {}\nfn b() {}\n#[tokio::test(x)]\nasync fn c() {\n}\n\
            #[inline]\nfn d() {}\n// #[test]\nfn e() {}\n";
        assert!(tests(text).eq(["a", "c"]));
    }

    #[test]
    fn a_test_is_found_in_its_module_alone() {
        let binary = Binary { arguments: Vec::new(), root: "xtask/src/main.rs".into() };
        let name = "a_test_is_found_in_its_module_alone";
        let has = |path: &str| has(&root(), &binary, path);
        assert!(has(&format!("faults::source::tests::{name}")));
        assert!(!has(&format!("faults::source::{name}_too")));
        assert!(!has(&format!("faults::matrix::tests::{name}")));
        assert!(!has(&format!("faults::sauce::tests::{name}")));
    }

    #[test]
    fn modules_are_known_with_and_without_a_body() {
        assert!(is_module("mod tests {", "tests", " {"));
        assert!(is_module("pub(crate) mod tests;", "tests", ";"));
        assert!(!is_module("mod tests_of_more;", "tests", ";"));
    }

    #[test]
    fn a_row_is_the_number_behind_the_first_word() {
        assert_eq!(row("row_034_a_reset"), Some(34));
        assert_eq!(row("rows_are_numbers"), None);
    }
}
