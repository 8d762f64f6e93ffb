//! The text of one job in its file. The checkpoint is ahead of the file at every moment, so
//! what the file lacks after a crash comes from there.

use std::io::{self, SeekFrom};
use std::path::Path;
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

/// A file that holds exactly the text so far.
#[derive(Debug)]
pub(super) struct TextFile {
    file: File,
}

impl TextFile {
    /// Opens the file and makes it hold exactly `recovered`.
    ///
    /// A part of it that is there stays, so that nobody who follows the file sees it shrink.
    pub(super) async fn open(path: &Path, recovered: &str) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).await?;
        let mut there = Vec::new();
        (&mut file).take(recovered.len() as u64 + 1).read_to_end(&mut there).await?;
        let missing = match recovered.as_bytes().strip_prefix(there.as_slice()) {
            Some(missing) => missing,
            None => {
                file.set_len(0).await?;
                there.clear();
                recovered.as_bytes()
            }
        };
        file.seek(SeekFrom::Start(there.len() as u64)).await?;
        let mut text = Self { file };
        text.write(missing).await?;
        Ok(text)
    }

    /// Adds the next piece; others can read it when this returns.
    pub(super) async fn append(&mut self, text: &str) -> io::Result<()> {
        self.write(text.as_bytes()).await
    }

    /// Makes all of it durable.
    pub(super) async fn sync(&self) -> io::Result<()> {
        self.file.sync_all().await
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).await?;
        self.file.flush().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the file holds after it held `there`, `recovered` was opened and `!` was added.
    async fn after(there: Option<&str>, recovered: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.txt");
        if let Some(there) = there {
            std::fs::write(&path, there).unwrap();
        }
        let mut file = TextFile::open(&path, recovered).await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), recovered);
        file.append("!").await.unwrap();
        std::fs::read_to_string(&path).unwrap()
    }

    #[tokio::test]
    async fn whatever_was_there_the_file_holds_the_recovered_text_and_what_follows() {
        for recovered in ["", "한글 abc"] {
            for there in [None, Some(""), Some("한"), Some("한글 abc"), Some("한글 abcdef")] {
                assert_eq!(after(there, recovered).await, format!("{recovered}!"), "{there:?}");
            }
            assert_eq!(after(Some("something else"), recovered).await, format!("{recovered}!"));
        }
    }
}
