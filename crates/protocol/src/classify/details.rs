//! The details of an error at Google: a list of messages, each named by its `@type`.
//!
//! Read are `RetryInfo`, `QuotaFailure` and `ErrorInfo` of `google.rpc`; the others say nothing that
//! decides anything.

use crate::Malformed;
use crate::json::{Kind, Scanner, Value};
use retry_policy::{Nanos, hint};
use std::borrow::Cow;

/// What the details of an error say.
#[derive(Default)]
pub(super) struct Details<'a> {
    /// When to come back.
    pub(super) delay: Option<Nanos>,
    /// A quota of a day is among those that are used up.
    pub(super) of_day: bool,
    /// The reason in one word.
    pub(super) reason: Option<Cow<'a, str>>,
}

impl<'a> Details<'a> {
    /// Reads the next value as a list of details, as far as it is there.
    pub(super) fn read(&mut self, scan: &mut Scanner<'_>, data: &'a [u8]) -> Result<(), Malformed> {
        if scan.array()? {
            while scan.item()? {
                let detail = scan.value()?;
                self.detail(detail, data);
            }
        }
        Ok(())
    }

    fn detail(&mut self, detail: Value, data: &'a [u8]) {
        let member = |name| detail.member(data, name);
        let Some(kind) = member("@type").and_then(|kind| kind.str(data)) else { return };
        match kind.rsplit(['/', '.']).next() {
            Some("RetryInfo") => {
                let delay = member("retryDelay").and_then(|delay| delay.str(data));
                let delay = delay.and_then(|delay| hint::retry_delay(&delay));
                // Of several the longest is kept to.
                self.delay = self.delay.max(delay);
            }
            Some("QuotaFailure") => {
                let Some(violations) = member("violations") else { return };
                if violations.kind == Kind::Array {
                    violations.each_item(data, |one| self.of_day |= is_of_day(one, data));
                }
            }
            Some("ErrorInfo") => {
                let reason = member("reason").and_then(|reason| reason.str(data));
                self.reason = reason.or(self.reason.take());
            }
            _ => {}
        }
    }
}

/// Whether a quota that is used up is filled again with the next day: its id says so, and that of
/// older replies its metric. A time to wait beside it is that of another quota.
fn is_of_day(violation: Value, data: &[u8]) -> bool {
    let says = |name, word| {
        let value = violation.member(data, name).and_then(|value| value.str(data));
        value.is_some_and(|value| value.contains(word))
    };
    says("quotaId", "PerDay") || says("quotaMetric", "_per_day")
}
