//! The scenario report in the forms that people and programs read: `Report::render`.
//!
//! Every form has the same facts. Names are escaped by each form for itself, so that none can
//! break a table, run as a formula or reach a terminal as a command.

mod bars;
mod columns;
mod csv;
mod curves;
mod escape;
mod facts;
mod html;
mod json;
mod markdown;
mod number;
mod scale;
mod text;

use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

use crate::scenario::Report;

/// A form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Tables of plain text, for a terminal.
    Text,
    /// One object; amounts are exact, as strings.
    Json,
    /// One record for each scenario and way of reckoning; amounts are exact.
    Csv,
    /// Tables of GitHub's Markdown.
    Markdown,
    /// One page with charts, without a script and without another file.
    Html,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Text, Self::Json, Self::Csv, Self::Markdown, Self::Html];

    const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Markdown => "markdown",
            Self::Html => "html",
        }
    }
}

impl Report {
    /// The whole report in one form, with a newline at its end.
    ///
    /// For people, amounts are rounded: to the cent, or to a ten-thousandth of the base when that is
    /// finer. For programs they are exact.
    ///
    /// ```
    /// use cost::{Assumptions, Format, Rates, Report, Scenario, Share, Workload};
    ///
    /// let rates = Rates { input: Some("15".parse()?), output: Some("75".parse()?), ..Rates::default() };
    /// let workload = Workload { requests: 10_000, input: 2_000, output: 1_500 };
    /// let basic =
    ///     Scenario { name: "basic".into(), cache_hits: Share::NONE, breaks: "0.03".parse()? };
    /// let report =
    ///     Report::new("m".into(), rates, workload, vec![basic], Assumptions::default()).unwrap();
    /// assert!(report.render(Format::Text).contains("1425.00 USD"));
    /// assert!(report.render("csv".parse()?).contains("\"basic\",0,0.03,formula,1429.5,-4.5,-0.32,"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Text => text::Text(self).to_string(),
            Format::Json => json::Json(self).to_string(),
            Format::Csv => csv::Csv(self).to_string(),
            Format::Markdown => markdown::Markdown(self).to_string(),
            Format::Html => html::Html(self).to_string(),
        }
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    /// Reads the name, or `md` for Markdown.
    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        let known = Self::ALL.into_iter().find(|format| format.name() == text);
        known.or((text == "md").then_some(Self::Markdown)).ok_or(UnknownFormat)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// This is no name of a [`Format`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownFormat;

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not one of")?;
        for (at, format) in Format::ALL.into_iter().enumerate() {
            write!(f, "{} {format}", if at == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownFormat {}
