//! `Script`: the steps that must be one on the server. Appends do without, as long as nothing is
//! odd about them.

use redis::Cmd;

use super::keys::Keys;
use crate::StreamId;

const PRELUDE: &str = include_str!("lua/prelude.lua");

/// One of the scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    Create,
    Recover,
    Append,
    Extend,
    Compact,
    Delete,
    Renew,
    Release,
    Snapshot,
    Stat,
    Sweep,
}

impl Script {
    const ALL: [Self; 11] = [
        Self::Create,
        Self::Recover,
        Self::Append,
        Self::Extend,
        Self::Compact,
        Self::Delete,
        Self::Renew,
        Self::Release,
        Self::Snapshot,
        Self::Stat,
        Self::Sweep,
    ];

    fn body(self) -> &'static str {
        match self {
            Self::Create => include_str!("lua/create.lua"),
            Self::Recover => include_str!("lua/recover.lua"),
            Self::Append => include_str!("lua/append.lua"),
            Self::Extend => include_str!("lua/extend.lua"),
            Self::Compact => include_str!("lua/compact.lua"),
            Self::Delete => include_str!("lua/delete.lua"),
            Self::Renew => include_str!("lua/renew.lua"),
            Self::Release => include_str!("lua/release.lua"),
            Self::Snapshot => include_str!("lua/snapshot.lua"),
            Self::Stat => include_str!("lua/stat.lua"),
            Self::Sweep => include_str!("lua/sweep.lua"),
        }
    }
}

/// The scripts as the server knows them.
#[derive(Debug, Default)]
pub(super) struct Scripts {
    hashes: Vec<String>,
}

impl Scripts {
    /// One command per script that gives it to the server.
    pub(super) fn load() -> impl Iterator<Item = Cmd> {
        Script::ALL.iter().map(|script| {
            let mut load = redis::cmd("SCRIPT");
            load.arg("LOAD").arg([PRELUDE, script.body()].concat());
            load
        })
    }

    /// The scripts, from the answers to [`load`](Self::load).
    pub(super) fn loaded(hashes: Vec<String>) -> Option<Self> {
        (hashes.len() == Script::ALL.len()).then_some(Self { hashes })
    }

    /// A call of a script for a stream; its further arguments are to be added.
    pub(super) fn call(&self, script: Script, keys: &Keys, id: &StreamId) -> Cmd {
        self.call_named(script, keys, id.as_str())
    }

    /// A call of the script that is for no stream.
    pub(super) fn call_sweep(&self, keys: &Keys) -> Cmd {
        self.call_named(Script::Sweep, keys, "")
    }

    fn call_named(&self, script: Script, keys: &Keys, name: &str) -> Cmd {
        let mut call = redis::cmd("EVALSHA");
        call.arg(&self.hashes[script as usize]).arg(1).arg(keys.base()).arg(name);
        call
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_called_by_the_hash_of_its_own_source() {
        let hashes = (0..Script::ALL.len()).map(|number| number.to_string()).collect();
        let scripts = Scripts::loaded(hashes).expect("one for each");
        let keys = Keys::new("p");
        for (number, script) in Script::ALL.into_iter().enumerate() {
            let call = scripts.call_named(script, &keys, "s").get_packed_command();
            let call = String::from_utf8(call).expect("text");
            assert!(
                call.contains(&format!("\r\n{number}\r\n$1\r\n1\r\n$3\r\n{{p}}\r\n")),
                "{call}"
            );
        }
        assert!(Scripts::loaded(Vec::new()).is_none());
    }
}
