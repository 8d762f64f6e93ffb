//! The demonstration on stdout: the text live, a mark at each break, the proof. Colours only
//! on a terminal that wants them.

use std::io::{self, Stdout, Write};

use super::proof::Proof;
use crate::diagnostics::colour;

/// Stdout with marks between lines of text.
#[derive(Debug)]
pub(super) struct Screen<W: Write = Stdout> {
    out: W,
    palette: Palette,
    ends_line: bool,
}

/// Whether marks are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Palette {
    Colour,
    Plain,
}

impl Palette {
    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::Plain => text.to_owned(),
        }
    }
}

const BOLD: &str = "1";
const RED: &str = "31;1";
const GREEN: &str = "32;1";
const YELLOW: &str = "33";

impl Screen {
    /// The screen of this process.
    pub(super) fn new() -> Self {
        let out = io::stdout();
        let palette = if colour(&out) { Palette::Colour } else { Palette::Plain };
        Self { out, palette, ends_line: true }
    }
}

impl<W: Write> Screen<W> {
    /// Writes the first line.
    pub(super) fn title(&mut self, title: &str) -> io::Result<()> {
        let title = self.palette.paint(BOLD, title);
        self.line(&title)?;
        self.line("")
    }

    /// Writes a piece of the text, at once.
    pub(super) fn text(&mut self, text: &str) -> io::Result<()> {
        self.ends_line = if text.is_empty() { self.ends_line } else { text.ends_with('\n') };
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Writes a mark on a line of its own.
    pub(super) fn mark(&mut self, mark: &str) -> io::Result<()> {
        let mark = self.palette.paint(YELLOW, &format!("  --- {mark}"));
        self.fresh_line()?;
        self.line(&mark)
    }

    /// Writes the proof and what it says.
    pub(super) fn proof(&mut self, proof: &Proof) -> io::Result<()> {
        self.fresh_line()?;
        self.line("")?;
        let title = self.palette.paint(BOLD, "Proof");
        self.line(&title)?;
        for (name, value) in proof.rows() {
            self.line(&format!("  {name:<9} {value}"))?;
        }
        let colour = if proof.holds() { GREEN } else { RED };
        let verdict = self.palette.paint(colour, &proof.verdict());
        self.line(&format!("  {verdict}"))
    }

    fn fresh_line(&mut self) -> io::Result<()> {
        if self.ends_line { Ok(()) } else { self.line("") }
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        self.ends_line = true;
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(palette: Palette) -> String {
        let mut screen = Screen { out: Vec::new(), palette, ends_line: true };
        screen.text("half a li").unwrap();
        screen.mark("break 2").unwrap();
        screen.text("ne\n").unwrap();
        screen.mark("break 3").unwrap();
        String::from_utf8(screen.out).unwrap()
    }

    #[test]
    fn marks_stand_between_lines_of_the_text() {
        let expected = "half a li\n  --- break 2\nne\n  --- break 3\n";
        assert_eq!(shown(Palette::Plain), expected);
    }

    #[test]
    fn only_a_terminal_sees_escape_codes() {
        assert!(!shown(Palette::Plain).contains('\x1b'));
        assert_eq!(shown(Palette::Colour).matches("\x1b[33m").count(), 2);
        assert_eq!(shown(Palette::Colour).matches("\x1b[0m").count(), 2);
    }
}
