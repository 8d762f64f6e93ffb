//! `tidy`: the rules of the house that no compiler checks.
//!
//! Each rule is a function of text or of facts from cargo, in a file of its own; this one gathers the
//! facts and prints the findings, one line each.

mod edges;
mod lengths;
mod links;
mod manifest;
mod mask;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cargo::{metadata, no_arguments, root};
use crate::finding::conclude;

/// Folders of the root that hold Rust code.
const CODE: &[&str] = &["crates", "xtask", "benches", "tests"];

pub(crate) fn run(args: &[String]) -> Result<()> {
    no_arguments("tidy", args)?;
    let metadata = metadata(&[])?;
    let files = rust_files(&root())?;

    let mut findings = edges::check(&metadata);
    findings.extend(links::check(&metadata)?);
    findings.extend(manifest::check(&metadata)?);
    for file in &files {
        findings.extend(source::check(file));
    }
    let lengths = lengths::measure(&files);
    print!("{}", lengths::report(&lengths));
    findings.extend(lengths::check(&lengths, lengths::ALLOWED));

    let (files, crates) = (files.len(), metadata.workspace_members.len());
    conclude("tidy", findings)?;
    println!("tidy: {files} files of {crates} packages, nothing to say");
    Ok(())
}

/// A source file.
struct File {
    /// Relative to the root, with `/`.
    path: String,
    text: String,
    /// `text` with comments and literals blanked.
    code: String,
}

impl File {
    fn new(path: &str, text: String) -> Self {
        let code = mask::mask(&text);
        Self { path: path.to_owned(), text, code }
    }

    /// Whether it is part of a package's product, as opposed to its tests, benches and examples.
    fn is_source(&self) -> bool {
        self.path.split('/').any(|folder| folder == "src") && !self.path.ends_with("/tests.rs")
    }
}

/// Every Rust file of the workspace in order of its path, build folders excepted.
fn rust_files(root: &Path) -> Result<Vec<File>> {
    let mut folders: Vec<PathBuf> = CODE.iter().map(|folder| root.join(folder)).collect();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(read(root, &path)?);
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn read(root: &Path, path: &Path) -> Result<File> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(File::new(&relative(root, path), text))
}

/// `path` as findings print it.
fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::{File, rust_files};
    use crate::cargo::root;

    #[test]
    fn the_files_of_this_program_are_found() {
        let files = rust_files(&root()).unwrap();
        for path in ["xtask/src/main.rs", "xtask/src/tidy/mask.rs", "crates/cost/src/lib.rs"] {
            assert!(files.iter().any(|file| file.path == path), "{path}");
        }
        assert!(files.iter().all(|file| !file.path.contains("/target/")));
    }

    #[test]
    fn test_files_are_not_source() {
        assert!(File::new("crates/a/src/b.rs", String::new()).is_source());
        assert!(!File::new("crates/a/tests/b.rs", String::new()).is_source());
        assert!(!File::new("crates/a/src/b/tests.rs", String::new()).is_source());
    }
}
