//! How many attempts of an endpoint may wait for their answer: it grows with answers and shrinks
//! with refusals for load (additive increase, multiplicative decrease). How many may live is a
//! constant: responses go on for minutes, and a limit that counted them would not grow meanwhile.

/// Limits on the attempts at one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// That wait for their answer, at the start. Unit: attempts. Default 16.
    pub initial: u32,
    /// The least, whatever is refused. Unit: attempts. Default 1.
    pub min: u32,
    /// The most, whatever is answered; also of those that live, answered or not. Unit: attempts.
    /// Default 1024.
    pub max: u32,
}

impl Default for Slots {
    fn default() -> Self {
        Self { initial: 16, min: 1, max: 1024 }
    }
}

/// The limit of one endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    slots: Slots,
    limit: u32,
    /// Below it the limit grows with answers, from it on with each full window of answers.
    threshold: u32,
    answers: u32,
    round: u32,
}

/// While the limit grows with each answer, one of this many does not count: what follows an
/// outage then stays below twice what the endpoint answers.
const PAUSE: u32 = 4;
/// The limit after an outage.
const REOPENED: u32 = 2;

impl Window {
    pub(crate) const fn new(slots: Slots) -> Self {
        Self { slots, limit: slots.initial, threshold: slots.max, answers: 0, round: 0 }
    }

    pub(crate) const fn limit(&self) -> u32 {
        self.limit
    }

    /// Counts losses. An attempt remembers the round that it began in.
    pub(crate) const fn round(&self) -> u32 {
        self.round
    }

    pub(crate) const fn is_at_floor(&self) -> bool {
        self.limit <= self.slots.min
    }

    /// Grows for an answer, if the window was in use.
    pub(crate) fn on_answer(&mut self, active: u32) {
        if active.saturating_mul(2) < self.limit || self.limit >= self.slots.max {
            return;
        }
        self.answers += 1;
        if self.limit >= self.threshold {
            if self.answers < self.limit {
                return;
            }
            self.answers = 0;
        } else if self.answers.is_multiple_of(PAUSE) {
            return;
        }
        self.limit += 1;
    }

    /// Shrinks for a refusal, once for all attempts that were on their way at the same time.
    pub(crate) fn on_refusal(&mut self, round: u32, active: u32) {
        if round != self.round {
            return;
        }
        self.round = self.round.wrapping_add(1);
        let kept = u64::from(self.limit.min(active)) * 7 / 10;
        self.limit = u32::try_from(kept).unwrap_or(self.slots.max).max(self.slots.min);
        self.threshold = self.limit;
        self.answers = 0;
    }

    /// Begins small after an outage.
    pub(crate) fn reopen(&mut self) {
        self.round = self.round.wrapping_add(1);
        self.limit = REOPENED.clamp(self.slots.min, self.slots.max);
        self.answers = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(window: &mut Window, times: u32) {
        for _ in 0..times {
            window.on_answer(window.limit());
        }
    }

    #[test]
    fn it_grows_with_answers_until_the_first_loss_then_with_each_window() {
        let mut window = Window::new(Slots { initial: 10, ..Slots::default() });
        answer(&mut window, 120);
        assert_eq!(window.limit(), 100);
        window.on_refusal(window.round(), 100);
        assert_eq!(window.limit(), 70);
        answer(&mut window, 69);
        assert_eq!(window.limit(), 70);
        answer(&mut window, 1);
        assert_eq!(window.limit(), 71);
    }

    #[test]
    fn a_burst_of_refusals_is_one_loss() {
        let mut window = Window::new(Slots { initial: 100, ..Slots::default() });
        let round = window.round();
        for _ in 0..50 {
            window.on_refusal(round, 100);
        }
        assert_eq!(window.limit(), 70);
    }

    #[test]
    fn a_loss_counts_from_what_was_in_use() {
        let mut window = Window::new(Slots { initial: 1000, ..Slots::default() });
        window.on_refusal(window.round(), 10);
        assert_eq!(window.limit(), 7);
    }

    #[test]
    fn it_stays_between_its_limits_and_does_not_grow_unused() {
        let slots = Slots { initial: 4, min: 2, max: 6 };
        let mut window = Window::new(slots);
        answer(&mut window, 100);
        assert_eq!(window.limit(), 6);
        for _ in 0..10 {
            window.on_refusal(window.round(), 6);
        }
        assert_eq!(window.limit(), 2);
        assert!(window.is_at_floor());
        let mut idle = Window::new(slots);
        for _ in 0..100 {
            idle.on_answer(1);
        }
        assert_eq!(idle.limit(), 4);
    }

    #[test]
    fn an_outage_makes_it_begin_small() {
        let mut window = Window::new(Slots { initial: 50, ..Slots::default() });
        window.reopen();
        assert_eq!(window.limit(), 2);
        answer(&mut window, 64);
        assert_eq!(window.limit(), 50);
    }
}
