//! The command that goes on with a stream, ready to be pasted into a shell. It never holds a
//! key or a header.

use client::StreamId;

/// How to go on with the streams of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Advice {
    flags: String,
    notes: Vec<&'static str>,
    kept: Kept,
}

/// Whether another process can go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kept {
    /// The checkpoint outlives the process.
    #[default]
    OnDisk,
    /// It ends with the process.
    InMemory,
}

impl Advice {
    /// Adds a flag and its value.
    pub(crate) fn flag(&mut self, name: &str, value: &str) {
        self.flags.push(' ');
        self.flags.push_str(name);
        self.flags.push(' ');
        self.flags.push_str(&quote(value));
    }

    /// Adds a flag without a value.
    pub(crate) fn switch(&mut self, name: &str) {
        self.flags.push(' ');
        self.flags.push_str(name);
    }

    /// Adds what the command cannot say.
    pub(crate) fn note(&mut self, note: &'static str) {
        self.notes.push(note);
    }

    /// The checkpoint ends with this process.
    pub(crate) fn forget(&mut self) {
        self.kept = Kept::InMemory;
    }

    /// The command, when another process can go on.
    pub(crate) fn command(&self, id: &StreamId) -> Option<String> {
        match self.kept {
            Kept::OnDisk => Some(format!("unbroken resume {id}{}", self.flags)),
            Kept::InMemory => None,
        }
    }

    /// One sentence for people.
    pub(crate) fn sentence(&self, id: &StreamId) -> String {
        let Some(command) = self.command(id) else {
            return "its checkpoint was in memory and is gone; ask again, \
                    with --checkpoints DIR to keep it"
                .to_owned();
        };
        match self.notes.as_slice() {
            [] => format!("go on with: {command}"),
            notes => format!("go on with ({}): {command}", notes.join(", ")),
        }
    }
}

/// Quotes a word for a POSIX shell where it needs it.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    match word {
        "" => "''".to_owned(),
        word if word.chars().all(plain) => word.to_owned(),
        word => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> StreamId {
        StreamId::new("s-1").unwrap()
    }

    #[test]
    fn the_command_can_be_pasted() {
        let mut advice = Advice::default();
        advice.flag("--base-url", "http://127.0.0.1:80/v1");
        advice.flag("--checkpoints", "/tmp/it's here");
        let expected = r"unbroken resume s-1 --base-url http://127.0.0.1:80/v1 --checkpoints '/tmp/it'\''s here'";
        assert_eq!(advice.command(&id()).as_deref(), Some(expected));
        advice.note("and the same --header flags");
        assert!(advice.sentence(&id()).starts_with("go on with (and the same --header flags): "));
    }

    #[test]
    fn what_was_in_memory_is_gone() {
        let mut advice = Advice::default();
        advice.forget();
        assert_eq!(advice.command(&id()), None);
        assert!(advice.sentence(&id()).contains("is gone"));
    }

    #[test]
    fn words_are_quoted_only_where_they_need_it() {
        assert_eq!(quote("a-b_c./:9"), "a-b_c./:9");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("$HOME"), "'$HOME'");
        assert_eq!(quote("a b"), "'a b'");
    }
}
