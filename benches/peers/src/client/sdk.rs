//! The official SDKs, by an interpreter: a script asks for one response and says what it took.

use std::path::{Path, PathBuf};

/// An interpreter and what it runs.
#[derive(Clone, Copy, Debug)]
pub struct Sdk {
    /// The interpreter, inside the folder of installed SDKs or on the path.
    pub program: &'static str,
    /// The script's name and text.
    pub script: (&'static str, &'static str),
}

/// `openai` of npm.
pub(super) const NODE: Sdk =
    Sdk { program: "node", script: ("openai.mjs", include_str!("../../sdk/openai.mjs")) };

/// `openai` of PyPI.
pub(super) const PYTHON: Sdk = Sdk {
    program: "python/bin/python",
    script: ("openai_stream.py", include_str!("../../sdk/openai_stream.py")),
};

impl Sdk {
    /// The interpreter, where the SDKs are installed in `folder`.
    pub(super) fn interpreter(&self, folder: &Path) -> PathBuf {
        let own = folder.join(self.program);
        if own.exists() { own } else { self.program.into() }
    }
}
