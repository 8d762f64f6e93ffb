//! A profile of one's own out of a file that a flag names.

use client::{CustomProfile, PROFILE_FILE_BYTES_MAX};
use std::fs::File;
use std::io::Read;

/// A profile and the file that it is from.
#[derive(Clone, Debug)]
pub(crate) struct ProfileFile {
    pub(crate) path: String,
    pub(crate) custom: CustomProfile,
}

impl ProfileFile {
    /// Reads a file; what is wrong with it is for people.
    pub(crate) fn read(path: &str) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| format!("cannot read it: {error}"))?;
        let mut bytes = Vec::new();
        // One byte more says that it is too long.
        file.take(PROFILE_FILE_BYTES_MAX as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("cannot read it: {error}"))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            format!("it is not UTF-8 at byte {}", error.utf8_error().valid_up_to())
        })?;
        let custom = CustomProfile::parse(path, &text).map_err(|error| error.to_string())?;
        Ok(Self { path: path.to_owned(), custom })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_is_read_and_what_is_wrong_is_told_with_its_place() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lab.toml");
        let path = path.to_str().unwrap();
        let read = |bytes: &[u8]| {
            fs::write(path, bytes).unwrap();
            ProfileFile::read(path).map(|file| file.custom.profile.name.to_string())
        };
        assert_eq!(read(b"name='lab'\nbase='vllm'"), Ok("lab".to_owned()));
        let wrong = read(b"name='lab'\nbase='vlm'").unwrap_err();
        assert!(wrong.starts_with(&format!("{path}:2: base: unknown value")), "{wrong}");
        assert_eq!(read(b"# \xff"), Err("it is not UTF-8 at byte 2".to_owned()));
        let long = read(&vec![b'#'; PROFILE_FILE_BYTES_MAX + 9]).unwrap_err();
        assert!(long.contains("longer than 65536 bytes"), "{long}");
        assert!(ProfileFile::read("/no/such/file").unwrap_err().starts_with("cannot read it"));
    }
}
