//! The sections of the command, as text and plots.

mod balance;
mod outage;
mod stall;

use std::path::Path;
use std::{fs, io};

use crate::plot::Page;

/// One part of what can be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Outage,
    Balance,
    Stall,
}

/// What a section has to say.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) text: String,
    /// Names of files without their ending, and what is in them.
    pub(crate) plots: Vec<(String, Page)>,
}

impl Section {
    pub(crate) const ALL: [Self; 3] = [Self::Outage, Self::Balance, Self::Stall];

    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "outage" => Some(Self::Outage),
            "balance" => Some(Self::Balance),
            "stall" => Some(Self::Stall),
            _ => None,
        }
    }

    pub(crate) fn run(self) -> Report {
        match self {
            Self::Outage => outage::run(),
            Self::Balance => balance::run(),
            Self::Stall => stall::run(),
        }
    }
}

impl Report {
    pub(crate) fn save_plots(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        for (name, page) in &self.plots {
            fs::write(folder.join(name).with_extension("svg"), page.svg())?;
        }
        Ok(())
    }

    fn heading(&mut self, title: &str) {
        self.text += &format!("\n## {title}\n\n");
    }
}

/// A name as part of a file's name.
fn file_name(section: &str, name: &str) -> String {
    let plain =
        name.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    format!("{section}-{}", plain.collect::<String>().replace("--", "-"))
}

#[cfg(test)]
mod tests {
    use super::{Section, file_name};

    #[test]
    fn names_become_file_names() {
        assert_eq!(file_name("outage", "H1/5s"), "outage-h1-5s");
        assert_eq!(file_name("balance", "cached, dead"), "balance-cached-dead");
    }

    #[test]
    fn a_section_is_found_by_its_name() {
        assert_eq!(Section::named("stall"), Some(Section::Stall));
        assert_eq!(Section::named("Stall"), None);
    }
}
