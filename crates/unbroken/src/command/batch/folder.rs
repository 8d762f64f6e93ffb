//! The directory of one batch: whose it is now, and where in it everything is.

use anyhow::{Context, bail};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::job_id::JobId;

/// A directory that this process alone writes to.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// The system lets go of it with the process, however that ends.
    _lock: File,
}

impl Folder {
    /// Makes the directory where there is none, and claims it.
    pub(super) fn claim(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        fs::create_dir_all(path).with_context(|| format!("cannot make {shown}"))?;
        let name = path.join(LOCK);
        let lock = File::options().write(true).create(true).truncate(false).open(&name);
        let lock = lock.with_context(|| format!("cannot open {}", name.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                bail!("another run writes to {shown}: let it end, or name another --out")
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", name.display()))
            }
        }
    }

    /// The text of a job.
    pub(super) fn text(&self, id: &JobId) -> PathBuf {
        self.path.join(format!("{id}.txt"))
    }

    /// The lines of finished jobs.
    pub(super) fn results(&self) -> PathBuf {
        self.path.join("results.jsonl")
    }

    /// The checkpoints, unless they are elsewhere.
    pub(super) fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// Makes the names of new files durable.
    pub(super) async fn sync(&self) -> io::Result<()> {
        if cfg!(unix) {
            tokio::fs::File::open(&self.path).await?.sync_all().await?;
        }
        Ok(())
    }
}

const LOCK: &str = "batch.lock";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_owner_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("new/out");
        let first = Folder::claim(&path).unwrap();
        let error = Folder::claim(&path).unwrap_err().to_string();
        assert!(error.contains("another run writes to"), "{error}");
        drop(first);
        Folder::claim(&path).unwrap();
    }

    #[test]
    fn no_job_takes_the_place_of_anything_else() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::claim(parent.path()).unwrap();
        for id in ["results", "results.jsonl", "checkpoints", "batch.lock", "batch"] {
            let text = folder.text(&JobId::new(id).unwrap());
            assert_ne!(text, folder.results());
            assert_ne!(text, folder.checkpoints());
            assert_ne!(text, parent.path().join(LOCK));
        }
    }
}
