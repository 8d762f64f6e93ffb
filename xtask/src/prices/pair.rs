//! `Pair`: a model of ours beside what a file says of it.
//!
//! Compares what each would bill now: by service, by the size of the prompt, by the hour. Prices that a
//! file does not state, or that its format cannot, are no differences.

use std::collections::{BTreeSet, HashSet};

use cost::{Date, Model, Price, Rate, Rates, Service, Terms, Timestamp};

use super::bucket::Bucket;
use super::compare::{Comparison, Difference};
use super::offer::Offer;

/// Days to look ahead for one on which hours count that are not of every day.
const DAYS_AHEAD: u64 = 14;

const DAY_SECONDS: u64 = 86_400;

const SERVICES: [Service; 4] =
    [Service::Standard, Service::Batch, Service::Flex, Service::Priority];

/// A model of ours and what a file says of it.
pub(super) struct Pair<'a> {
    pub(super) model: &'a Model,
    pub(super) offer: &'a Offer,
    /// Whether the file can say that a price depends on the hour.
    pub(super) has_hours: bool,
}

/// Differences of one model that were noted: what holds for a longer prompt or at another hour too
/// is said once.
type Seen = HashSet<(Service, &'static str, String, String)>;

impl Pair<'_> {
    pub(super) fn compare(&self, now: Timestamp, found: &mut Comparison) {
        let mut seen = Seen::new();
        let moments = self.moments(now);
        if self.has_hours {
            for at in moments {
                self.compare_at(at, &[at], &mut seen, found);
            }
        } else {
            // The file has one price: that of any hour is right.
            self.compare_at(now, &moments, &mut seen, found);
        }
    }

    /// Compares what the file says at a moment with ours at any of several, the first of which is
    /// shown.
    fn compare_at(
        &self,
        at: Timestamp,
        ours_at: &[Timestamp],
        seen: &mut Seen,
        found: &mut Comparison,
    ) {
        let Some(theirs) = self.offer.price_at(at) else { return };
        let unpriced = Price::default();
        let ours = self.model.price_at(at).unwrap_or(&unpriced);
        for service in SERVICES {
            let terms = Terms { at, service, region: None };
            let said = said(theirs, service);
            let key = |bucket| (self.model.id.clone(), service.to_string(), bucket);
            found.ours.extend(self::said(ours, service).into_iter().map(key));
            found.stated.extend(said.iter().copied().map(key));
            for input in sizes(ours, theirs) {
                let mine = ours_at.iter().map(|at| ours.rates(input, &Terms { at: *at, ..terms }));
                let mine: Vec<Rates> = mine.map(Result::unwrap_or_default).collect();
                let other = theirs.rates(input, &terms).unwrap_or_default();
                for bucket in &said {
                    let Some((ours, theirs)) = differ(*bucket, &mine, other) else { continue };
                    if seen.insert((service, bucket.name(), ours.clone(), theirs.clone())) {
                        found.note(Difference {
                            model: self.model.id.clone(),
                            names: vec![self.offer.name.clone()],
                            terms: self.show_terms(&terms, input),
                            bucket: bucket.name(),
                            ours,
                            theirs,
                        });
                    }
                }
            }
        }
    }

    /// Midnight, and the beginnings and ends of hours that matter, on a day on which they do.
    fn moments(&self, now: Timestamp) -> Vec<Timestamp> {
        let day = self.day(now);
        let windows = |price: &Price| -> Vec<u32> {
            price.windows.iter().flat_map(|w| [w.to_minute, w.from_minute]).collect()
        };
        let mut minutes = vec![0];
        minutes.extend(self.model.price_at(day.start()).map(windows).unwrap_or_default());
        for dated in &self.offer.prices {
            minutes
                .extend(dated.hours.iter().flat_map(|hours| [hours.to_minute, hours.from_minute]));
            minutes.extend(windows(&dated.price));
        }
        minutes.retain(|minute| *minute < 1440);
        minutes.into_iter().map(|minute| moment(day, minute)).collect()
    }

    /// Today, or the next day on which hours of ours or theirs count.
    fn day(&self, now: Timestamp) -> Date {
        let ahead = |days: u64| {
            Timestamp::from_unix(now.seconds().unsigned_abs() + days * DAY_SECONDS).date()
        };
        let counts = |day: &Date| {
            let applies = |price: &Price| {
                let mut windows = price.windows.iter();
                windows.any(|window| window.contains(moment(*day, window.from_minute)))
            };
            self.model.price_at(day.start()).is_ok_and(applies)
                || self.offer.price_at(day.start()).is_some_and(applies)
        };
        (0..DAYS_AHEAD).map(ahead).find(counts).unwrap_or_else(|| now.date())
    }

    fn show_terms(&self, terms: &Terms<'_>, input: u64) -> String {
        let mut parts = Vec::new();
        if terms.service != Service::Standard {
            parts.push(terms.service.to_string());
        }
        if input > 0 {
            parts.push(format!("over {}", input - 1));
        }
        let minute = terms.at.minute_of_day();
        if self.has_hours && minute > 0 {
            parts.push(format!("at {:02}:{:02}", minute / 60, minute % 60));
        }
        parts.join(", ")
    }
}

/// A minute of a day in UTC.
fn moment(day: Date, minute: u32) -> Timestamp {
    Timestamp::from_unix(day.start().seconds().unsigned_abs() + u64::from(minute) * 60)
}

/// The first price of ours and theirs, where theirs is none of ours. One of 0 stands in some files
/// for none.
fn differ(bucket: Bucket, ours: &[Rates], theirs: Rates) -> Option<(String, String)> {
    let theirs = bucket.billed(theirs);
    let mut ours = ours.iter().map(|rates| bucket.billed(*rates));
    let first = ours.next()?;
    let is_none = first.is_none() && theirs == Some(Rate::FREE);
    let is_same = first == theirs || ours.any(|ours| ours == theirs);
    (!is_same && !is_none).then(|| (bucket.show(first), bucket.show(theirs)))
}

/// The buckets that a price states for a service.
fn said(price: &Price, service: Service) -> Vec<Bucket> {
    let mut cards: Vec<_> = price.services.iter().filter(|p| p.service == service).collect();
    let last = cards.pop().map(|priced| &priced.card);
    let card = if service == Service::Standard { Some(&price.standard) } else { last };
    let Some(card) = card else { return Vec::new() };
    let is_said = |bucket: &Bucket| {
        bucket.is_in(card.rates) || card.over.iter().any(|(_, rates)| bucket.is_in(*rates))
    };
    Bucket::ALL.into_iter().filter(is_said).collect()
}

/// A prompt of each size that has prices of its own.
fn sizes(ours: &Price, theirs: &Price) -> BTreeSet<u64> {
    let cards = [ours, theirs].into_iter().flat_map(|price| {
        price.services.iter().map(|priced| &priced.card).chain([&price.standard])
    });
    let over = cards.flat_map(|card| card.over.iter().map(|(over, _)| over.saturating_add(1)));
    over.chain([0]).collect()
}
