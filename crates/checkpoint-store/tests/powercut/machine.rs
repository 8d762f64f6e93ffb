//! `Machine`: a directory on a disk that forgets. A process that runs on it has its syncs watched
//! by the shim; a cut puts every file back to what was synced, and perhaps a little of the rest.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use checkpoint_store::conformance::Dice;
use checkpoint_store::conformance::crash::Directory;

/// What a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

/// What is left of bytes that no sync covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsynced {
    /// Nothing: each file is as it was at its last sync.
    Lost,
    /// Any of the sectors, in any order: each of them is the old or the new one. A length that was
    /// set is there or not.
    Torn,
}

/// A directory on a disk that forgets.
pub(crate) struct Machine {
    directory: Directory,
    shim: PathBuf,
}

impl Machine {
    /// A new one, with the shim that was compiled for it.
    pub(crate) fn new() -> Self {
        let directory = Directory::new();
        for name in ["files", "synced"] {
            fs::create_dir(directory.path().join(name)).expect("a directory");
        }
        let shim = directory.path().join("shim.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/powercut/shim.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"]);
        let built = compiler.arg(&shim).arg(source).arg("-lpthread").status();
        assert!(built.expect("the power cut tests need a C compiler, `cc`").success());
        Self { directory, shim }
    }

    /// Where a ledger is safe.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The directory whose files are at stake.
    pub(crate) fn files(&self) -> PathBuf {
        self.path().join("files")
    }

    /// Takes what is there for synced, before the next process starts.
    pub(crate) fn power_on(&self) {
        let synced = self.path().join("synced");
        fs::remove_dir_all(&synced).expect("removed");
        fs::create_dir(&synced).expect("a directory");
        for file in files_under(&self.files()) {
            fs::copy(&file, synced.join(name_of_copy(&file))).expect("copied");
        }
    }

    /// Makes a process run on this machine.
    pub(crate) fn arm(&self, command: &mut Command) {
        let files = fs::canonicalize(self.files()).expect("it is there");
        command.env("LD_PRELOAD", &self.shim).env("POWERCUT_FILES", files);
        command.env("POWERCUT_SYNCED", self.path().join("synced"));
    }

    /// The power goes. Every process on the machine must be dead by now. Says how many bytes
    /// differ from what the processes had written.
    pub(crate) fn cut(&self, unsynced: Unsynced, dice: &mut Dice) -> usize {
        let mut lost = 0;
        for file in files_under(&self.files()) {
            let written = fs::read(&file).expect("it reads");
            let copy = self.path().join("synced").join(name_of_copy(&file));
            let lengths = lengths_beside(&copy);
            // A file that was never synced has a name and no bytes.
            let synced = fs::read(copy).unwrap_or_default();
            let left = match unsynced {
                Unsynced::Lost => synced,
                Unsynced::Torn => {
                    let len = torn_len(synced.len(), written.len(), &lengths, dice);
                    tear(&synced, &written, len, dice)
                }
            };
            lost += differences(&written, &left);
            // In place: the file keeps its identity.
            fs::write(&file, left).expect("written");
        }
        lost
    }
}

/// The length of a torn file: the synced or the written one, one that was set in between, or, for
/// a file that only grew by writes, any number of sectors.
fn torn_len(synced: usize, written: usize, set: &[usize], dice: &mut Dice) -> usize {
    let (shortest, longest) = (synced.min(written), synced.max(written));
    if set.is_empty() {
        let sectors = (longest - shortest).div_ceil(SECTOR_BYTES) + 1;
        return (shortest + dice.below(sectors) * SECTOR_BYTES).min(longest);
    }
    let lens = [&[synced, written], set].concat();
    lens[dice.below(lens.len())]
}

/// A file of this length of which each sector is the synced or the written one.
fn tear(synced: &[u8], written: &[u8], len: usize, dice: &mut Dice) -> Vec<u8> {
    let mut left = vec![0; len];
    // How much of it got to the disk differs from cut to cut.
    let percent = dice.below(101);
    for start in (0..len).step_by(SECTOR_BYTES) {
        let source = if dice.percent(percent) { written } else { synced };
        let end = (start + SECTOR_BYTES).min(len).min(source.len());
        if start < end {
            left[start..end].copy_from_slice(&source[start..end]);
        }
    }
    left
}

fn differences(written: &[u8], left: &[u8]) -> usize {
    let changed = written.iter().zip(left).filter(|(before, after)| before != after).count();
    changed + written.len().abs_diff(left.len())
}

fn files_under(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(files_under(&path));
        } else if path.is_file() {
            files.push(path);
        }
    }
    files
}

/// The lengths that were set since the copy was made.
fn lengths_beside(copy: &Path) -> Vec<usize> {
    let noted = fs::read(copy.with_added_extension("lengths")).unwrap_or_default();
    let (lengths, _) = noted.as_chunks::<8>();
    let in_memory = |length: &[u8; 8]| usize::try_from(u64::from_ne_bytes(*length)).expect("read");
    lengths.iter().map(in_memory).collect()
}

/// As the shim has it.
fn name_of_copy(file: &Path) -> String {
    let metadata = fs::metadata(file).expect("it is there");
    let born = metadata.created().expect("the file system knows when a file was made");
    let since = born.duration_since(UNIX_EPOCH).expect("after 1970");
    format!("{}-{}.{:09}", metadata.ino(), since.as_secs(), since.subsec_nanos())
}

#[test]
fn a_torn_file_is_made_of_old_and_new_sectors() {
    let (old, new) = (vec![1; 2000], vec![2; 5000]);
    let mut dice = Dice::new(3);
    let mut lens = Vec::new();
    for _ in 0..200 {
        let len = torn_len(old.len(), new.len(), &[], &mut dice);
        for sector in tear(&old, &new, len, &mut dice).chunks(SECTOR_BYTES) {
            assert!(sector.iter().all(|byte| *byte == 2) || !sector.contains(&2));
        }
        lens.push(len);
    }
    assert!(lens.contains(&2000) && lens.contains(&2512) && lens.contains(&5000));
    assert_eq!(tear(&old, &old, 2000, &mut dice), old);
}

#[test]
fn a_length_that_was_set_is_there_or_not() {
    let mut dice = Dice::new(3);
    let mut lens: Vec<_> = (0..200).map(|_| torn_len(100, 9000, &[4096], &mut dice)).collect();
    lens.sort_unstable();
    lens.dedup();
    assert_eq!(lens, [100, 4096, 9000]);
}
