//! Prices and budgets of a client. What a response costs is the engine's matter; here it learns which
//! price is the request's, and what streams share is charged.

use cost::{Budget, Money, Period, Timestamp};
use resume::{Input, Session};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// A budget that streams share, also those of several clients. Cloning shares it.
///
/// It is charged while the streams run, by estimates until a provider says what it bills. When it is
/// spent, a stream that would begin is refused, and those that run end with
/// [`Cause::OverBudget`](crate::Cause::OverBudget) and their checkpoints.
///
/// ```
/// use client::{SharedBudget, cost::{Budget, Period}};
///
/// let budget = SharedBudget::new(Budget::per(Period::Day, "20".parse()?));
/// assert_eq!(budget.remaining().to_string(), "20");
/// # Ok::<(), client::cost::DecimalError>(())
/// ```
#[derive(Clone)]
pub struct SharedBudget(Arc<Mutex<Budget>>);

impl SharedBudget {
    /// Shares a budget.
    #[must_use]
    pub fn new(budget: Budget) -> Self {
        Self(Arc::new(Mutex::new(budget)))
    }

    /// What was spent in the present period.
    #[must_use]
    pub fn spent(&self) -> Money {
        self.lock().spent(now())
    }

    /// What is left in the present period; never below 0.
    #[must_use]
    pub fn remaining(&self) -> Money {
        self.lock().remaining(now())
    }

    /// How long the limit holds before it holds anew.
    #[must_use]
    pub fn period(&self) -> Period {
        self.lock().period()
    }

    fn lock(&self) -> MutexGuard<'_, Budget> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SharedBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lock().fmt(f)
    }
}

/// What one stream has charged to a shared budget.
pub(crate) struct Tab {
    budget: SharedBudget,
    charged: Money,
    /// The session knows that nothing is left.
    is_told: bool,
}

impl Tab {
    /// What earlier processes spent on the response is not charged again.
    pub(crate) fn open(budget: &SharedBudget, session: &Session) -> Self {
        let charged = session.spent().unwrap_or(Money::ZERO);
        Self { budget: budget.clone(), charged, is_told: false }
    }

    /// Charges what was spent since, and says so, once, when nothing is left.
    pub(crate) fn charge(&mut self, session: &Session) -> Option<Input> {
        let now = now();
        let spent = session.spent().unwrap_or(self.charged);
        let mut budget = self.budget.lock();
        if let Ok(more) = spent.checked_sub(self.charged) {
            budget.charge(more, now);
        }
        self.charged = spent;
        let is_news = budget.is_spent(now) && !self.is_told;
        self.is_told |= is_news;
        is_news.then_some(Input::OverBudget)
    }
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix(since.as_secs())
}

#[cfg(feature = "prices")]
pub(crate) use priced::pricing;

#[cfg(feature = "prices")]
mod priced {
    use cost::Catalog;
    use protocol::{RequestBody, service_of};
    use resume::Pricing;
    use std::sync::Arc;

    /// The price of a request to this model, if it is known.
    pub(crate) fn pricing(
        catalog: &Catalog,
        model: &str,
        request: &RequestBody,
    ) -> Option<Pricing> {
        let began = super::now();
        let model = catalog.resolve(model).ok()?;
        let tier = request.service_tier().filter(|tier| tier != "auto");
        let region = request.inference_geo().filter(|region| region != "global");
        Some(Pricing {
            price: Arc::new(model.price_at(began).ok()?.clone()),
            // A provider that falls back to another tier bills less or more than this says; so
            // does one that was left the choice.
            service: service_of(tier.as_deref(), request.speed().as_deref()).ok()?,
            region: region.map(Arc::from),
            began,
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use cost::Service;
        use protocol::Wire;

        fn priced(members: &str) -> Option<Pricing> {
            let body = format!(r#"{{{members},"messages":[{{"role":"user","content":"hi"}}]}}"#);
            let request = RequestBody::parse(Wire::OpenAiChat, body.into()).unwrap();
            pricing(Catalog::builtin(), request.model()?, &request)
        }

        #[test]
        fn the_request_says_on_which_terms_it_is_billed() {
            let plain = priced(r#""model":"gpt-5.5""#).unwrap();
            assert_eq!((plain.service, plain.region), (Service::Standard, None));
            let flex = priced(r#""model":"gpt-5.5","service_tier":"flex""#).unwrap();
            assert_eq!(flex.service, Service::Flex);
            let us = priced(r#""model":"claude-haiku-5-5","inference_geo":"us""#).unwrap();
            assert_eq!(us.region.as_deref(), Some("us"));
            let global = priced(r#""model":"claude-opus-4-1","inference_geo":"global""#).unwrap();
            assert_eq!(global.region, None);
        }

        #[test]
        fn what_is_not_known_has_no_price() {
            assert!(priced(r#""model":"gpt-17""#).is_none());
            assert!(priced(r#""model":"gpt-5.5","service_tier":"scale""#).is_none());
            assert!(priced(r#""model":"claude-opus-4-5","speed":"fast""#).is_none());
            assert!(priced(r#""temperature":1"#).is_none());
        }
    }
}
