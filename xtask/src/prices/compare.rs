//! `Comparison`: where a file says something else than the catalog.
//!
//! Which models are the same, what is only in one of them, and how all of it is shown.

use std::collections::BTreeSet;
use std::fmt;

use cost::{Catalog, Model, Rate, Timestamp};

use super::bucket::Bucket;
use super::file::File;
use super::offer::Offer;
use super::pair::Pair;
use super::table;

/// What differs between the catalog and a file.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    differences: Vec<Difference>,
    /// Prices of ours, of models that the file has, and those of them that it states.
    pub(super) ours: BTreeSet<(String, String, Bucket)>,
    pub(super) stated: BTreeSet<(String, String, Bucket)>,
    /// Models of providers that we carry, with the provider and the prices of input and output.
    unknown: Vec<[String; 4]>,
    retired: usize,
    /// Models of ours that the file does not have, with their provider.
    missing: Vec<[String; 2]>,
    odd: Vec<String>,
}

/// A price that is another one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) model: String,
    /// The names under which the file says it.
    pub(super) names: Vec<String>,
    /// Service, size of the prompt and hour, where they matter.
    pub(super) terms: String,
    pub(super) bucket: &'static str,
    pub(super) ours: String,
    pub(super) theirs: String,
}

impl Comparison {
    pub(super) fn new(catalog: &Catalog, file: &File, now: Timestamp) -> Self {
        let mut comparison = Self::default();
        let carried: BTreeSet<&str> =
            catalog.models().iter().map(|model| model.provider.as_str()).collect();
        let offers = file.offers.iter().filter(|offer| carried.contains(offer.provider.as_str()));
        let (pairs, alone, missing) = matched(catalog, &offers.collect::<Vec<_>>());
        for (model, offer) in pairs {
            Pair { model, offer, has_hours: file.format.has_hours() }.compare(now, &mut comparison);
        }
        for offer in alone {
            comparison.note_unknown(offer, now);
        }
        let missing = missing.iter().map(|model| [model.id.clone(), model.provider.clone()]);
        comparison.missing = missing.collect();
        let odd = file.odd.iter().filter(|odd| carried.contains(odd.provider.as_str()));
        comparison.odd = odd.map(ToString::to_string).collect();
        comparison
    }

    /// How many prices differ or cannot be compared.
    pub(super) fn differences(&self) -> usize {
        self.differences.len() + self.odd.len()
    }

    fn note_unknown(&mut self, offer: &Offer, now: Timestamp) {
        let Some(price) = offer.price_at(now) else { return };
        let (input, output) = (price.standard.rates.input, price.standard.rates.output);
        // Some files have a price of 0 where they know none.
        if output.is_none() || [input, output].iter().all(|rate| *rate == Some(Rate::FREE)) {
            return;
        }
        if offer.retired {
            self.retired += 1;
            return;
        }
        // Some have a model once for each way to reach it.
        let name = offer.name.rsplit('/').next().unwrap_or(&offer.name);
        let row = [name, &offer.provider, &Bucket::Input.show(input), &Bucket::Output.show(output)]
            .map(str::to_owned);
        if !self.unknown.contains(&row) {
            self.unknown.push(row);
        }
    }

    /// Aliases say the same, so a difference is said once with all their names.
    pub(super) fn note(&mut self, mut found: Difference) {
        let known = self.differences.iter_mut().find(|known| {
            (&known.model, &known.terms, known.bucket, &known.ours, &known.theirs)
                == (&found.model, &found.terms, found.bucket, &found.ours, &found.theirs)
        });
        match known {
            Some(known) => known.names.append(&mut found.names),
            None => self.differences.push(found),
        }
    }
}

type Pairs<'a> = (Vec<(&'a Model, &'a Offer)>, Vec<&'a Offer>, Vec<&'a Model>);

/// Offers with the models of ours that they are of, offers that are of none, and models without an
/// offer. A rule of names is only asked where no name is ours.
fn matched<'a>(catalog: &'a Catalog, offers: &[&'a Offer]) -> Pairs<'a> {
    let (mut pairs, mut alone): (Vec<(&Model, &Offer)>, Vec<&Offer>) = (Vec::new(), Vec::new());
    for offer in offers {
        let before = pairs.len();
        for name in offer.names() {
            if let Ok(model) = catalog.resolve_at(&offer.provider, name)
                && !pairs[before..].iter().any(|(known, _)| known.id == model.id)
            {
                pairs.push((model, offer));
            }
        }
        if pairs.len() == before {
            alone.push(offer);
        }
    }
    let mut missing = Vec::new();
    let providers: BTreeSet<&str> = offers.iter().map(|offer| offer.provider.as_str()).collect();
    for model in catalog.models().iter().filter(|model| providers.contains(&*model.provider)) {
        if pairs.iter().any(|(known, _)| std::ptr::eq(*known, model)) {
            continue;
        }
        let rules = |offer: &&&Offer| {
            offer.provider == model.provider
                && offer.rule.as_ref().is_some_and(|rule| rule.matches(&model.id))
        };
        match offers.iter().find(rules) {
            Some(offer) => {
                alone.retain(|other| !std::ptr::eq(*other, *offer));
                pairs.push((model, offer));
            }
            None => missing.push(model),
        }
    }
    (pairs, alone, missing)
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<_> = self.differences.iter().map(Difference::row).collect();
        let head = ["model", "their name", "terms", "bucket", "ours", "theirs"];
        section(f, rows.len(), "prices differ", head, &rows)?;
        let unstated = self.ours.difference(&self.stated).count();
        writeln!(f, "{unstated} prices of ours are not stated there.")?;
        let head = ["model", "provider", "input", "output"];
        let what = format!("models are only theirs ({} retired ones left out)", self.retired);
        section(f, self.unknown.len(), &what, head, &self.unknown)?;
        section(
            f,
            self.missing.len(),
            "models are only ours",
            ["model", "provider"],
            &self.missing,
        )?;
        let odd: Vec<_> = self.odd.iter().map(|odd| [odd.clone()]).collect();
        match odd.len() {
            0 => Ok(()),
            count => section(f, count, "prices cannot be kept", ["price"], &odd),
        }
    }
}

impl Difference {
    fn row(&self) -> [String; 6] {
        let others = self.names.len().saturating_sub(1);
        let name = self.names.first().cloned().unwrap_or_default();
        let names = if others > 0 { format!("{name} +{others}") } else { name };
        let bucket = self.bucket.to_owned();
        let (ours, theirs) = (self.ours.clone(), self.theirs.clone());
        [self.model.clone(), names, self.terms.clone(), bucket, ours, theirs]
    }
}

fn section<const N: usize>(
    f: &mut fmt::Formatter<'_>,
    count: usize,
    what: &str,
    head: [&str; N],
    rows: &[[String; N]],
) -> fmt::Result {
    match count {
        0 => writeln!(f, "0 {what}."),
        count => write!(f, "{count} {what}:\n{}", table::render(head, rows)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prices::file;

    const SHEET: &str = r#"
        provider = "acme"
        prefixes = ["acme/"]
        [[model]]
        id = "pro"
        aliases = ["pro-1"]
        [[model.price]]
        rates = { input = "5", cache_read = "0.5", cache_write_5m = "6", cache_write_1h = "10", output = "25" }
        over = [{ input = 200000, rates = { input = "10" } }]
        source = "list"
        checked = "2026-11-01"
        [[model.price.service]]
        service = "batch"
        rates = { input = "2.5", output = "12.5" }
        over = [{ input = 200000, rates = { input = "5" } }]
        [[model]]
        id = "peak"
        [[model.price]]
        rates = { input = "1" }
        source = "list"
        checked = "2026-11-01"
        [[model.price.window]]
        multiplier = "2"
        from = "01:00"
        to = "04:00"
        weekdays = ["monday"]
    "#;

    /// A Wednesday: the windows open five days later.
    const NOW: &str = "2026-11-25T12:00:00Z";

    fn compare(text: &str) -> Comparison {
        let now = NOW.parse().unwrap();
        let catalog = Catalog::default().with_toml("acme.toml", SHEET).unwrap();
        Comparison::new(&catalog, &file::read("x.json", text, now).unwrap(), now)
    }

    #[track_caller]
    fn check(text: &str, expected: &[[&str; 6]]) -> Comparison {
        let comparison = compare(text);
        let rows: Vec<_> = comparison.differences.iter().map(Difference::row).collect();
        assert_eq!(rows, expected.iter().map(|row| row.map(str::to_owned)).collect::<Vec<_>>());
        assert_eq!(comparison.differences(), expected.len());
        comparison
    }

    fn litellm(models: &[(&str, &str)]) -> String {
        let model = |(name, rest): &(&str, &str)| {
            format!(r#""{name}":{{"litellm_provider":"acme","mode":"chat",{rest}}}"#)
        };
        format!("{{{}}}", models.iter().map(model).collect::<Vec<_>>().join(","))
    }

    fn genai(models: &str) -> String {
        format!(r#"[{{"id":"acme","models":[{models}]}}]"#)
    }

    #[test]
    fn equal_prices_are_no_differences_and_unstated_ones_are_counted() {
        let same = litellm(&[(
            "acme/pro",
            r#""input_cost_per_token":5e-06,"output_cost_per_token":0.000025,
                "input_cost_per_token_above_200k_tokens":1e-05"#,
        )]);
        let comparison = check(&same, &[]);
        // Three cached ones and those of a batch.
        assert_eq!(comparison.ours.difference(&comparison.stated).count(), 5);
        assert_eq!(comparison.missing, [["peak", "acme"]]);
    }

    #[test]
    fn a_difference_is_said_once_with_all_names() {
        let price = r#""input_cost_per_token":4e-06,"output_cost_per_token":2.5e-05"#;
        check(
            &litellm(&[("acme/pro", price), ("pro-1", price)]),
            &[
                ["pro", "acme/pro +1", "", "input", "5", "4"],
                ["pro", "acme/pro +1", "over 200000", "input", "10", "4"],
            ],
        );
    }

    #[test]
    fn a_tier_of_one_side_is_a_difference() {
        let comparison = check(
            &genai(
                r#"{"id":"pro","prices":{"input_mtok":{"base":5,"tiers":[{"start":100000,"price":10}]},
                    "output_mtok":{"base":25,"tiers":[{"start":200000,"price":30}]}}}"#,
            ),
            &[
                ["pro", "pro", "over 100000", "input", "5", "10"],
                ["pro", "pro", "over 200000", "output", "25", "30"],
            ],
        );
        assert!(comparison.to_string().contains("2 prices differ:\n  model  their name"));
    }

    #[test]
    fn one_price_of_cache_writes_is_that_of_five_minutes() {
        let model = |written| {
            genai(&format!(
                r#"{{"id":"pro","prices":{{"input_mtok":{{"base":5,"tiers":[{{"start":200000,"price":10}}]}},"cache_write_mtok":{written}}}}}"#
            ))
        };
        check(&model("6.0"), &[]);
        check(&model("7"), &[["pro", "pro", "", "cache_write_5m", "6", "7"]]);
    }

    #[test]
    fn services_are_compared_where_they_are_stated() {
        let standard = r#""input_cost_per_token":5e-06,"output_cost_per_token":2.5e-05,
            "input_cost_per_token_above_200k_tokens":1e-05"#;
        let batch = r#""input_cost_per_token_batches":2e-06,"output_cost_per_token_batches":1.25e-05,
            "input_cost_per_token_above_200k_tokens_batches":5e-06"#;
        let flex = r#""input_cost_per_token_flex":2e-06"#;
        check(
            &litellm(&[("pro", &format!("{standard},{batch},{flex}"))]),
            &[
                ["pro", "pro", "batch", "input", "2.5", "2"],
                ["pro", "pro", "flex", "input", "-", "2"],
            ],
        );
    }

    #[test]
    fn a_price_of_nothing_where_we_have_none_says_nothing() {
        let price = |audio| {
            let file = r#""input_cost_per_token":1e-06,"input_cost_per_audio_token":"#;
            litellm(&[("peak", &format!("{file}{audio}"))])
        };
        check(&price("0.0"), &[]);
        check(&price("3e-06"), &[["peak", "peak", "", "input_audio", "-", "3"]]);
    }

    #[test]
    fn a_file_without_hours_may_have_the_price_of_any() {
        let price = |input| litellm(&[("peak", &format!(r#""input_cost_per_token":{input}"#))]);
        check(&price("1e-06"), &[]);
        check(&price("2e-06"), &[]);
        check(&price("3e-06"), &[["peak", "peak", "", "input", "1", "3"]]);
    }

    #[test]
    fn hours_are_compared_on_a_day_that_has_them() {
        let price = |peak: &str| {
            genai(&format!(r#"{{"id":"peak","prices":[{{"prices":{{"input_mtok":1}}}}{peak}]}}"#))
        };
        let hours = |input| {
            format!(
                r#",{{"constraint":{{"start_time":"01:00:00Z","end_time":"04:00:00Z"}},"prices":{{"input_mtok":{input}}}}}"#
            )
        };
        check(&price(&hours(2)), &[]);
        check(&price(&hours(3)), &[["peak", "peak", "at 01:00", "input", "2", "3"]]);
        check(&price(""), &[["peak", "peak", "at 01:00", "input", "2", "1"]]);
    }

    #[test]
    fn models_of_one_side_are_listed() {
        let model = |id: &str, output: &str, rest: &str| {
            format!(r#"{{"id":"{id}","prices":{{"input_mtok":1,"output_mtok":{output}}}{rest}}}"#)
        };
        let models = [
            model("acme/new", "2", ""),
            model("old", "2", r#","deprecated":true"#),
            r#"{"id":"free","prices":{"input_mtok":0,"output_mtok":0}}"#.into(),
            r#"{"id":"embedding","prices":{"input_mtok":1}}"#.into(),
        ];
        let other = r#",{"id":"other","models":[{"id":"pro","prices":{"input_mtok":0.0000001}}]}]"#;
        let text = genai(&models.join(",")).trim_end_matches(']').to_owned() + other;
        let comparison = check(&text, &[]);
        assert_eq!(comparison.unknown, [["new", "acme", "1", "2"].map(str::to_owned)]);
        assert_eq!((comparison.retired, comparison.missing.len()), (1, 2));
    }

    #[test]
    fn a_rule_of_names_finds_a_model_that_no_name_does() {
        let model = r#"{"id":"professional","match":{"starts_with":"pro"},"prices":{"output_mtok":9,"input_mtok":10}}"#;
        let comparison = compare(&genai(model));
        assert_eq!(comparison.differences.len(), 2);
        assert!(comparison.unknown.is_empty());
        assert_eq!(comparison.missing, [["peak", "acme"]]);
    }

    #[test]
    fn prices_that_cannot_be_kept_count_for_providers_that_we_carry() {
        let text = litellm(&[("pro", r#""input_cost_per_token":1.0000000000000001e-07"#)]);
        let comparison = compare(&text);
        assert_eq!((comparison.differences.len(), comparison.differences()), (0, 1));
        assert!(comparison.to_string().contains("pro input_cost_per_token 1.0000000000000001e-07"));
        assert_eq!(compare(&text.replace("acme", "other")).differences(), 0);
    }
}
