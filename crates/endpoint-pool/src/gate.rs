//! The gate: while no endpoint is in use, requests wait here and one probe at a time tests the
//! water. It says when; which request and which endpoint is decided by the admission.

use retry_policy::Nanos;

use crate::rng::{Rng, half_to_full};

/// How probes are spaced while no endpoint is in use.
///
/// The interval is between half and all of the least of three: the age of the outage times
/// [`growth`](Self::growth), but at least [`first`](Self::first); [`share`](Self::share) divided by
/// the requests that wait, but at least [`floor`](Self::floor); and [`max`](Self::max).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probing {
    /// The first interval. Default 250 ms.
    pub first: Nanos,
    /// The growth of the interval with the age of the outage. Unit: percent. Default 250.
    pub growth: u32,
    /// The time in which each waiting request may cost one probe. Default 60 s.
    pub share: Nanos,
    /// The least of [`share`](Self::share) per waiting request. Default 1.2 s.
    pub floor: Nanos,
    /// The longest interval. Default 30 s.
    pub max: Nanos,
    /// How much longer an outage is taken to last, by its age. A request that arrives with less
    /// time than that is refused at once. Unit: percent of the age; 0 never refuses. Default 100.
    pub outlook: u32,
}

impl Default for Probing {
    fn default() -> Self {
        Self {
            first: Nanos::from_millis(250),
            growth: 250,
            share: Nanos::from_secs(60),
            floor: Nanos::from_millis(1200),
            max: Nanos::from_secs(30),
            outlook: 100,
        }
    }
}

/// Whether a pool admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// At least one endpoint is in use.
    Closed,
    /// None is: requests wait.
    Open {
        /// When the failures began that opened it.
        since: Nanos,
    },
}

/// The spacing of probes in one outage.
#[derive(Clone, Debug)]
pub(crate) struct Prober {
    /// When the outage began.
    since: Nanos,
    /// Since when nothing at all has been answered.
    silent_since: Nanos,
    /// When it opened, or the last probe ended.
    base: Nanos,
    draw: u64,
    /// Until when a probe that is on its way is waited for.
    patience: Option<Nanos>,
    /// Those that were refused since the last probe: they would wait if they could.
    refused: usize,
}

impl Prober {
    pub(crate) const fn open(since: Nanos, silent_since: Nanos, now: Nanos, rng: &mut Rng) -> Self {
        Self { since, silent_since, base: now, draw: rng.draw(), patience: None, refused: 0 }
    }

    pub(crate) const fn since(&self) -> Nanos {
        self.since
    }

    /// When the next probe may go, if `waiting` requests wait.
    pub(crate) fn next(&self, waiting: usize, probing: &Probing) -> Nanos {
        if let Some(patience) = self.patience {
            return patience;
        }
        let age = self.base.saturating_sub(self.since);
        let grown = Nanos(age.0 / 100).saturating_mul(u64::from(probing.growth)).max(probing.first);
        let waiting = u64::try_from(waiting + self.refused).unwrap_or(u64::MAX).max(1);
        let shared = Nanos(probing.share.0 / waiting).max(probing.floor);
        let interval = grown.min(shared).min(probing.max);
        self.base.saturating_add(half_to_full(self.draw, interval))
    }

    pub(crate) const fn on_probe_sent(&mut self, until: Nanos) {
        self.patience = Some(until);
    }

    /// A request was refused because of the outage.
    pub(crate) const fn on_refused(&mut self) {
        self.refused = self.refused.saturating_add(1);
    }

    /// A probe failed.
    pub(crate) const fn on_probe_failed(&mut self, now: Nanos, rng: &mut Rng) {
        (self.base, self.draw, self.patience) = (now, rng.draw(), None);
        self.refused = 0;
    }

    /// The upstream answered, if only to refuse for load.
    pub(crate) const fn on_reply(&mut self, now: Nanos) {
        self.silent_since = now;
    }

    /// A probe was given up by its caller, which says nothing.
    pub(crate) const fn on_probe_cancelled(&mut self) {
        self.patience = None;
    }

    /// Whether a request with this much time is refused when it arrives.
    pub(crate) fn is_hopeless(&self, now: Nanos, left: Nanos, probing: &Probing) -> bool {
        let age = now.saturating_sub(self.silent_since);
        probing.outlook > 0 && Nanos(age.0 / 100).saturating_mul(u64::from(probing.outlook)) >= left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = Nanos::from_secs(1);

    fn interval(waiting: usize, age: Nanos) -> Nanos {
        let mut rng = Rng::new(3);
        let prober = Prober::open(Nanos::ZERO, Nanos::ZERO, age, &mut rng);
        prober.next(waiting, &Probing::default()).saturating_sub(age)
    }

    #[track_caller]
    fn check(waiting: usize, age: Nanos, longest: Nanos) {
        let span = interval(waiting, age);
        assert!(span <= longest && span.0 >= longest.0 / 2, "{span} of {longest}");
    }

    #[test]
    fn the_interval_grows_with_the_outage_to_the_share_of_the_waiting() {
        check(100, Nanos::ZERO, Nanos::from_millis(250));
        check(100, Nanos::from_millis(400), SECOND);
        check(100, Nanos::from_secs(20), Nanos::from_millis(1200));
        check(10, Nanos::from_secs(20), Nanos::from_secs(6));
        check(1, Nanos::from_secs(8), Nanos::from_secs(20));
        check(1, Nanos::from_secs(600), Nanos::from_secs(30));
        check(0, Nanos::from_secs(8), Nanos::from_secs(20));
    }

    #[test]
    fn a_probe_is_waited_for_unless_it_was_given_up() {
        let mut rng = Rng::new(3);
        let mut prober = Prober::open(Nanos::ZERO, Nanos::ZERO, SECOND, &mut rng);
        let next = prober.next(100, &Probing::default());
        prober.on_probe_sent(Nanos::from_secs(11));
        assert_eq!(prober.next(100, &Probing::default()), Nanos::from_secs(11));
        prober.on_probe_cancelled();
        assert_eq!(prober.next(100, &Probing::default()), next);
        prober.on_probe_failed(Nanos::from_secs(2), &mut rng);
        assert!(prober.next(100, &Probing::default()) > Nanos::from_secs(2));
        assert_eq!(prober.since(), Nanos::ZERO);
    }

    #[test]
    fn a_request_with_less_time_than_the_outage_is_old_has_no_hope() {
        let prober = Prober::open(Nanos::ZERO, Nanos::ZERO, SECOND, &mut Rng::new(3));
        let hopeless = |left, outlook| {
            let probing = Probing { outlook, ..Probing::default() };
            prober.is_hopeless(Nanos::from_secs(6), Nanos::from_secs(left), &probing)
        };
        assert!(hopeless(5, 100));
        assert!(!hopeless(7, 100));
        assert!(hopeless(7, 200));
        assert!(!hopeless(0, 0));
    }
}
