//! `Names`: which model goes by a name. A name belongs to a provider, so two of them may have one of
//! the same name.

use std::borrow::ToOwned;
use std::collections::HashMap;
use std::string::String;
use std::vec::Vec;

use super::Model;
use crate::civil::Date;

/// Names of models, each by its place in the catalog.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// The models of each name, at most one of a provider; that of the sheet on top comes last.
    known: HashMap<String, Vec<usize>>,
    /// The prefix of the sheet on top comes last.
    prefixes: Vec<Prefix>,
}

/// What may stand before a name, and whose models it then is: `anthropic/`, `anthropic.`, `models/`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Prefix {
    text: String,
    provider: String,
}

impl Names {
    /// Adds a prefix, on top of those that are known.
    pub(super) fn add_prefix(&mut self, text: &str, provider: &str) {
        let prefix = Prefix { text: text.to_owned(), provider: provider.to_owned() };
        self.prefixes.retain(|known| *known != prefix);
        self.prefixes.push(prefix);
    }

    /// Gives a name to a model, and takes it from another of its provider.
    pub(super) fn add(&mut self, name: &str, model: usize, models: &[Model]) {
        let named = self.known.entry(name.to_owned()).or_default();
        named.retain(|known| models[*known].provider != models[model].provider);
        named.push(model);
    }

    /// The model of a name, at a provider if one is named. A name that is not listed and ends with a
    /// day is that of the model before the day.
    pub(super) fn find(
        &self,
        provider: Option<&str>,
        name: &str,
        models: &[Model],
    ) -> Option<usize> {
        let listed = |name| self.listed(provider, name, models);
        listed(name).or_else(|| listed(undated(name)?))
    }

    /// The provider whose prefix a name has, and the name after it.
    pub(super) fn split<'a>(&self, name: &'a str) -> Option<(&str, &'a str)> {
        self.prefixed(name).next()
    }

    /// Names of models, of a provider if one is named.
    pub(super) fn of<'a>(
        &'a self,
        provider: Option<&'a str>,
        models: &'a [Model],
    ) -> impl Iterator<Item = &'a str> {
        let is_of = move |model: &usize| provider.is_none_or(|it| models[*model].provider == it);
        let named = self.known.iter().filter(move |(_, named)| named.iter().any(is_of));
        named.map(|(name, _)| name.as_str())
    }

    fn listed(&self, provider: Option<&str>, name: &str, models: &[Model]) -> Option<usize> {
        self.exact(provider, name, models).or_else(|| {
            self.prefixed(name)
                .filter(|(whose, _)| provider.is_none_or(|provider| provider == *whose))
                .find_map(|(whose, rest)| self.exact(Some(whose), rest, models))
        })
    }

    fn exact(&self, provider: Option<&str>, name: &str, models: &[Model]) -> Option<usize> {
        let named = self.known.get(name)?;
        let is_at = |model: &&usize| provider.is_none_or(|it| models[**model].provider == it);
        named.iter().rev().find(is_at).copied()
    }

    /// Each prefix that a name has: its provider and the rest, that of the sheet on top first.
    fn prefixed<'a>(&self, name: &'a str) -> impl Iterator<Item = (&str, &'a str)> {
        let prefixes = self.prefixes.iter().rev();
        prefixes.filter_map(move |prefix| {
            Some((prefix.provider.as_str(), name.strip_prefix(prefix.text.as_str())?))
        })
    }
}

/// A name without the day at its end: `-20250929`, `-2025-09-29` or `@20250929`.
fn undated(name: &str) -> Option<&str> {
    let ends = [(11, &b"-"[..]), (9, b"-@")];
    ends.into_iter().find_map(|(length, marks)| {
        let (rest, end) = name.split_at_checked(name.len().checked_sub(length)?)?;
        let (mark, day) = end.as_bytes().split_first()?;
        (!rest.is_empty() && marks.contains(mark) && is_day(day)).then_some(rest)
    })
}

/// Whether it is a day of the calendar, `YYYY-MM-DD` or `YYYYMMDD`.
fn is_day(text: &[u8]) -> bool {
    let whole = match *text {
        [y1, y2, y3, y4, m1, m2, d1, d2] => [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2],
        _ => match text.try_into() {
            Ok(whole) => whole,
            Err(_) => return false,
        },
    };
    core::str::from_utf8(&whole).is_ok_and(|day| day.parse::<Date>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_day_at_the_end_is_taken_off() {
        for dated in ["model-20250929", "model-2025-09-29", "model@20250929"] {
            assert_eq!(undated(dated), Some("model"), "{dated}");
        }
        let whole = [
            "model",
            "model-20250230",
            "model-2025-13-01",
            "model@2025-09-29",
            "model20250929",
            "model-2025-0929",
            "model-0929",
            "-20250929",
            "20250929",
            "möd-２０250929",
            "",
        ];
        for name in whole {
            assert_eq!(undated(name), None, "{name}");
        }
    }
}
