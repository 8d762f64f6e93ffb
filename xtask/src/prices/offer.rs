//! `Offer`: what a file says that a model costs, in our own terms of a price.

use std::collections::BTreeMap;

use cost::{Card, Date, Price, Rate, Rates, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::bucket::Bucket;

/// A model of a file.
#[derive(Debug)]
pub(super) struct Offer {
    /// Its provider, by our name.
    pub(super) provider: String,
    /// The name under which the file has it.
    pub(super) name: String,
    /// Other names that the file gives it.
    pub(super) names: Vec<String>,
    /// A rule for further names.
    pub(super) rule: Option<Rule>,
    /// It is retired or about to be.
    pub(super) retired: bool,
    /// The last one that holds at a moment counts, and the first when none does.
    pub(super) prices: Vec<Dated>,
}

/// A price with the times at which it holds.
#[derive(Debug)]
pub(super) struct Dated {
    pub(super) from: Option<Date>,
    pub(super) hours: Option<Hours>,
    pub(super) price: Price,
}

/// Minutes of the day in UTC; over midnight when they end before they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hours {
    pub(super) from_minute: u32,
    /// The first one that is not in it.
    pub(super) to_minute: u32,
}

/// Which names are those of a model.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Rule {
    Equals(String),
    StartsWith(String),
    EndsWith(String),
    Contains(String),
    /// Matches nothing here: in practice these are dated ids, whose plain name has a rule too.
    Regex(IgnoredAny),
    Or(Vec<Self>),
    And(Vec<Self>),
}

/// A card that is being read.
#[derive(Debug, Default)]
pub(super) struct Draft {
    tiers: BTreeMap<u64, Rates>,
}

impl Offer {
    /// What it costs at a moment.
    pub(super) fn price_at(&self, at: Timestamp) -> Option<&Price> {
        let holds = self.prices.iter().rev().find(|dated| dated.holds(at));
        holds.or_else(|| self.prices.first()).map(|dated| &dated.price)
    }

    /// The name and all others that are spelt out.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        [&self.name].into_iter().chain(&self.names).map(String::as_str)
    }
}

impl Dated {
    /// A price without conditions.
    pub(super) const fn always(price: Price) -> Self {
        Self { from: None, hours: None, price }
    }

    fn holds(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from.start() <= at)
            && self.hours.is_none_or(|hours| hours.contains(at.minute_of_day()))
    }
}

impl Hours {
    const fn contains(self, minute: u32) -> bool {
        let (begun, over) = (minute >= self.from_minute, minute >= self.to_minute);
        match self.from_minute <= self.to_minute {
            true => begun && !over,
            false => begun || !over,
        }
    }
}

impl Rule {
    pub(super) fn matches(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        match self {
            Self::Equals(text) => name == text.to_ascii_lowercase(),
            Self::StartsWith(text) => name.starts_with(&text.to_ascii_lowercase()),
            Self::EndsWith(text) => name.ends_with(&text.to_ascii_lowercase()),
            Self::Contains(text) => name.contains(&text.to_ascii_lowercase()),
            Self::Regex(_) => false,
            Self::Or(rules) => rules.iter().any(|rule| rule.matches(&name)),
            Self::And(rules) => rules.iter().all(|rule| rule.matches(&name)),
        }
    }

    /// The names that it spells out.
    pub(super) fn spelt(&self) -> Vec<String> {
        match self {
            Self::Equals(name) => vec![name.clone()],
            Self::Or(rules) => rules.iter().flat_map(Self::spelt).collect(),
            _ => Vec::new(),
        }
    }
}

impl Draft {
    /// Sets a rate for prompts over so many tokens.
    pub(super) fn set(&mut self, over: u64, bucket: Bucket, rate: Rate) {
        *bucket.slot(self.tiers.entry(over).or_default()) = Some(rate);
    }

    /// Takes over what it does not have.
    pub(super) fn fill(&mut self, other: &Self) {
        for bucket in Bucket::ALL {
            if self.tiers.values().any(|rates| bucket.is_in(*rates)) {
                continue;
            }
            for (over, rates) in &other.tiers {
                if let Some(rate) = *bucket.slot(&mut { *rates }) {
                    self.set(*over, bucket, rate);
                }
            }
        }
    }

    pub(super) fn card(mut self) -> Card {
        let rates = self.tiers.remove(&0).unwrap_or_default();
        Card { rates, over: self.tiers.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(json: &str) -> Rule {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn rules_match_names_in_any_case() {
        let either = rule(r#"{"or":[{"equals":"Pro-1"},{"starts_with":"pro-1-2"}]}"#);
        assert!(either.matches("pro-1") && either.matches("PRO-1-2026") && !either.matches("pro"));
        assert_eq!(either.spelt(), ["Pro-1"]);
        let both = rule(r#"{"and":[{"contains":"mini"},{"ends_with":"-1"}]}"#);
        assert!(both.matches("a-mini-1") && !both.matches("a-mini-2"));
        assert!(!rule(r#"{"regex":"^a$"}"#).matches("a"));
    }

    #[test]
    fn the_last_price_that_holds_counts() {
        let priced = |from: Option<&str>, hours: Option<(u32, u32)>, source: &str| Dated {
            from: from.map(|from| from.parse().unwrap()),
            hours: hours.map(|(from_minute, to_minute)| Hours { from_minute, to_minute }),
            price: Price { source: source.into(), ..Price::default() },
        };
        let offer = Offer {
            provider: String::new(),
            name: String::new(),
            names: Vec::new(),
            rule: None,
            retired: false,
            prices: vec![
                priced(None, None, "old"),
                priced(Some("2026-05-01"), None, "new"),
                priced(None, Some((60, 240)), "peak"),
                priced(None, Some((1380, 30)), "night"),
            ],
        };
        for (at, source) in [
            ("2026-04-30T05:00:00Z", "old"),
            ("2026-05-01T05:00:00Z", "new"),
            ("2026-05-01T01:00:00Z", "peak"),
            ("2026-05-01T04:00:00Z", "new"),
            ("2026-05-01T23:00:00Z", "night"),
            ("2026-05-01T00:29:00Z", "night"),
            ("2026-05-01T00:30:00Z", "new"),
        ] {
            assert_eq!(offer.price_at(at.parse().unwrap()).unwrap().source, source, "{at}");
        }
    }

    #[test]
    fn a_draft_takes_over_whole_buckets_only() {
        let rate = |text: &str| text.parse::<Rate>().unwrap();
        let mut draft = Draft::default();
        draft.set(0, Bucket::Input, rate("1"));
        let mut other = Draft::default();
        other.set(0, Bucket::Input, rate("2"));
        other.set(200, Bucket::Input, rate("3"));
        other.set(200, Bucket::Output, rate("4"));
        draft.fill(&other);
        let card = draft.card();
        assert_eq!(card.rates, Rates { input: Some(rate("1")), ..Rates::default() });
        assert_eq!(card.over, [(200, Rates { output: Some(rate("4")), ..Rates::default() })]);
    }
}
