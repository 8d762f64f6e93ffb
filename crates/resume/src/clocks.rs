//! Every deadline of a session, as instants on the caller's clock.

use retry_policy::Nanos;

use crate::config::{Pace, Timeouts};
use crate::outcome::Cause;

/// What is running out, and when. `None` is a clock that does not run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clocks {
    connect: Option<Nanos>,
    first_token: Option<Nanos>,
    idle: Option<Nanos>,
    bytes: Option<Nanos>,
    /// Until when the content that came will do, and at which rhythm it came.
    pace: Option<(Nanos, Rhythm)>,
    event: Option<Nanos>,
    sentinel: Option<Nanos>,
    /// From when on the connection is suspected, for want of bytes and for want of content.
    silent: Option<Nanos>,
    barren: Option<Nanos>,
    /// When a copy of the request is made, unless content comes.
    pub(crate) hedge: Option<Nanos>,
    /// When the next attempt begins.
    pub(crate) retry: Option<Nanos>,
    /// When the whole response must be there.
    total: Option<Nanos>,
}

/// A clock that ran out.
#[derive(Debug, PartialEq)]
pub(crate) enum Due {
    /// The live attempt is to end for this reason.
    Attempt(Cause),
    /// The response is whole; its last event did not come.
    Sentinel,
    /// The live attempt is slow to begin.
    Hedge,
    /// The live attempt may be dying.
    Suspect,
    /// The session is to end.
    Total,
}

impl Clocks {
    /// Nothing runs but the deadline of the whole response.
    pub(crate) const fn until(total: Option<Nanos>) -> Self {
        Self {
            connect: None,
            first_token: None,
            idle: None,
            bytes: None,
            pace: None,
            event: None,
            sentinel: None,
            silent: None,
            barren: None,
            hedge: None,
            retry: None,
            total,
        }
    }

    /// The next instant at which something is due.
    pub(crate) fn next(&self) -> Option<Nanos> {
        [
            self.connect,
            self.first_token,
            self.idle,
            self.bytes,
            self.paid_until(),
            self.event,
            self.sentinel,
            self.silent,
            self.barren,
            self.hedge,
            self.retry,
            self.total,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// What is due, the session's end first.
    pub(crate) fn due(&self, now: Nanos) -> Option<Due> {
        let is_due = |clock: Option<Nanos>| clock.is_some_and(|at| at <= now);
        if is_due(self.total) {
            return Some(Due::Total);
        }
        if is_due(self.sentinel) {
            return Some(Due::Sentinel);
        }
        let attempt = self.due_attempt(now).map(Due::Attempt);
        let hedge = || is_due(self.hedge).then_some(Due::Hedge);
        let suspect = || (is_due(self.silent) || is_due(self.barren)).then_some(Due::Suspect);
        attempt.or_else(hedge).or_else(suspect)
    }

    /// Why the attempt is to end.
    pub(crate) fn due_attempt(&self, now: Nanos) -> Option<Cause> {
        let is_due = |clock: Option<Nanos>| clock.is_some_and(|at| at <= now);
        [
            (self.connect, Cause::ConnectTimeout),
            (self.first_token, Cause::FirstTokenTimeout),
            (self.idle, Cause::IdleTimeout),
            (self.bytes, Cause::ByteTimeout),
            (self.paid_until(), Cause::PaceTimeout),
            (self.event, Cause::EventTimeout),
        ]
        .into_iter()
        .find_map(|(clock, cause)| is_due(clock).then_some(cause))
    }

    pub(crate) fn connecting(&mut self, now: Nanos, timeouts: &Timeouts) {
        self.stop();
        self.connect = Some(now.saturating_add(timeouts.connect));
    }

    pub(crate) fn connected(&mut self, now: Nanos, timeouts: &Timeouts) {
        self.connect = None;
        self.first_token.get_or_insert(now.saturating_add(timeouts.first_token));
    }

    /// Whether the request waits for its connection.
    pub(crate) const fn is_connecting(&self) -> bool {
        self.connect.is_some()
    }

    pub(crate) fn bytes(&mut self, now: Nanos, timeouts: &Timeouts) {
        self.bytes = Some(now.saturating_add(timeouts.bytes));
    }

    /// Without a byte until then the connection is suspected.
    pub(crate) const fn trust_until(&mut self, at: Nanos) {
        self.silent = Some(at);
    }

    /// The suspicion that is due was told.
    pub(crate) fn suspected(&mut self, now: Nanos) {
        let later = |clock: Option<Nanos>| clock.filter(|at| *at > now);
        (self.silent, self.barren) = (later(self.silent), later(self.barren));
    }

    /// The machine slept: a live connection is to show that it lives.
    pub(crate) fn woken(&mut self, now: Nanos) {
        let soon = now.saturating_add(AWAKE_MAX);
        self.bytes = Some(self.bytes.map_or(soon, |bytes| bytes.min(soon)));
    }

    pub(crate) fn content(&mut self, now: Nanos, timeouts: &Timeouts, rhythm: Rhythm) {
        (self.first_token, self.hedge) = (None, None);
        let idle = rhythm.stretch(timeouts.idle);
        self.idle = Some(now.saturating_add(idle));
        self.barren = Some(now.saturating_add(suspicion(idle)));
    }

    /// So many bytes of content buy time at the rate of the pace, up to its window.
    ///
    /// The first ones, and those of another rhythm, find a whole window. So do those that are
    /// read when their time was over: that was not noticed because nobody read.
    pub(crate) fn paced(&mut self, now: Nanos, pace: &Pace, rhythm: Rhythm, bytes: u64) {
        if pace.bytes_per_second == 0 {
            return;
        }
        let whole = now.saturating_add(rhythm.stretch(pace.window));
        let until = match self.pace {
            Some((until, before)) if before == rhythm && until >= now => {
                until.saturating_add(span(bytes, pace.bytes_per_second)).min(whole)
            }
            _ => whole,
        };
        self.pace = Some((until, rhythm));
    }

    /// What was read ended inside an event.
    pub(crate) fn inside_event(&mut self, now: Nanos, pace: &Pace) {
        self.event.get_or_insert(now.saturating_add(pace.event));
    }

    /// An event came to its end.
    pub(crate) const fn whole_event(&mut self) {
        self.event = None;
    }

    fn paid_until(&self) -> Option<Nanos> {
        self.pace.map(|(until, _)| until)
    }

    /// The model stopped; only the wire's last event is missing.
    pub(crate) fn stopped(&mut self, now: Nanos, timeouts: &Timeouts) {
        self.stop();
        self.sentinel = Some(now.saturating_add(timeouts.sentinel));
    }

    /// The attempt of these clocks is the live one from now on.
    pub(crate) const fn take_over(&mut self, other: &Self) {
        *self = Self { total: self.total, ..*other };
    }

    /// No attempt is live.
    pub(crate) fn stop(&mut self) {
        *self = Self::until(self.total);
    }
}

/// How long a connection may be silent after the machine slept.
const AWAKE_MAX: Nanos = Nanos::from_secs(5);

/// Whether the open block streams evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rhythm {
    /// Text.
    Steady,
    /// Thinking and tool calls, where providers pause for a reason.
    Halting,
}

impl Rhythm {
    const fn stretch(self, span: Nanos) -> Nanos {
        match self {
            Self::Steady => span,
            Self::Halting => span.saturating_mul(2),
        }
    }
}

/// The span after which a silence of this limit is suspected: half of it, and no longer before its end
/// than a connection stands that nobody uses.
pub(crate) fn suspicion(limit: Nanos) -> Nanos {
    Nanos(limit.0 / 2).max(limit.saturating_sub(SUSPECTED_MAX))
}

/// How long before a limit it is suspected to be reached. Servers close what nobody uses after a minute.
const SUSPECTED_MAX: Nanos = Nanos::from_secs(45);

/// How long so many bytes take at this rate.
fn span(bytes: u64, per_second: u32) -> Nanos {
    Nanos(bytes.saturating_mul(Nanos::from_secs(1).0) / u64::from(per_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = Nanos::from_secs(1);

    #[test]
    fn each_timeout_ends_the_attempt_in_its_own_name() {
        let timeouts = Timeouts {
            connect: SECOND,
            first_token: SECOND,
            idle: SECOND,
            bytes: SECOND,
            sentinel: SECOND,
        };
        type Begin = fn(&mut Clocks, &Timeouts);
        let start: [(Begin, Due); 5] = [
            (|c, t| c.connecting(Nanos::ZERO, t), Due::Attempt(Cause::ConnectTimeout)),
            (|c, t| c.connected(Nanos::ZERO, t), Due::Attempt(Cause::FirstTokenTimeout)),
            (|c, t| c.content(Nanos::ZERO, t, Rhythm::Steady), Due::Attempt(Cause::IdleTimeout)),
            (|c, t| c.bytes(Nanos::ZERO, t), Due::Attempt(Cause::ByteTimeout)),
            (|c, t| c.stopped(Nanos::ZERO, t), Due::Sentinel),
        ];
        for (begin, due) in start {
            let mut clocks = Clocks::default();
            begin(&mut clocks, &timeouts);
            clocks.suspected(Nanos(SECOND.0 / 2));
            assert_eq!(clocks.next(), Some(SECOND));
            assert_eq!(clocks.due(Nanos(SECOND.0 - 1)), None);
            assert_eq!(clocks.due(SECOND), Some(due));
        }
    }

    #[test]
    fn thinking_may_pause_twice_as_long() {
        let mut clocks = Clocks::default();
        clocks.content(
            Nanos::ZERO,
            &Timeouts { idle: SECOND, ..Timeouts::default() },
            Rhythm::Halting,
        );
        assert_eq!(clocks.due(SECOND), Some(Due::Suspect), "half of the time is over");
        clocks.suspected(SECOND);
        assert_eq!(clocks.next(), Some(Nanos::from_secs(2)));
    }

    #[test]
    fn half_of_a_limit_is_suspicious_and_of_a_long_one_its_end() {
        let seconds = Nanos::from_secs;
        for (limit, after) in [(0, 0), (10, 5), (60, 30), (90, 45), (180, 135)] {
            assert_eq!(suspicion(seconds(limit)), seconds(after));
        }
        assert_eq!(suspicion(Nanos::MAX), Nanos::MAX.saturating_sub(SUSPECTED_MAX));
    }

    #[test]
    fn a_silence_is_suspected_once_and_the_next_one_again() {
        let timeouts = Timeouts { bytes: Nanos::from_secs(4), ..Timeouts::default() };
        let mut clocks = Clocks::default();
        clocks.bytes(Nanos::ZERO, &timeouts);
        clocks.trust_until(SECOND);
        assert_eq!(clocks.due(SECOND), Some(Due::Suspect));
        clocks.suspected(SECOND);
        assert_eq!(clocks.next(), Some(Nanos::from_secs(4)), "only the end of it is left");
        clocks.bytes(Nanos::from_secs(3), &timeouts);
        clocks.trust_until(Nanos::from_secs(4));
        assert_eq!(clocks.next(), Some(Nanos::from_secs(4)));
        assert_eq!(clocks.due(Nanos::from_secs(4)), Some(Due::Suspect));
        clocks.suspected(Nanos::from_secs(4));
        assert_eq!(clocks.due(Nanos::from_secs(7)), Some(Due::Attempt(Cause::ByteTimeout)));
    }

    /// Four bytes a second over half a minute.
    const PACE: Pace =
        Pace { bytes_per_second: 4, window: Nanos::from_secs(30), event: Nanos::from_secs(120) };

    /// Plays content of so many bytes at each second, and says when its pace is too slow.
    fn too_slow(rhythm: Rhythm, bytes_at: impl Fn(u64) -> u64) -> Option<u64> {
        let mut clocks = Clocks::default();
        for second in 0..1000 {
            let now = Nanos::from_secs(second);
            if clocks.due(now) == Some(Due::Attempt(Cause::PaceTimeout)) {
                return Some(second);
            }
            if bytes_at(second) > 0 {
                clocks.paced(now, &PACE, rhythm, bytes_at(second));
            }
        }
        None
    }

    #[test]
    fn what_drips_is_too_slow_and_what_keeps_the_pace_is_not() {
        assert_eq!(too_slow(Rhythm::Steady, |_| 4), None);
        assert_eq!(too_slow(Rhythm::Steady, |second| if second % 10 == 0 { 40 } else { 0 }), None);
        // A quarter of each second is paid for, so 30 s last for 40.
        assert_eq!(too_slow(Rhythm::Steady, |_| 1), Some(40));
        assert_eq!(too_slow(Rhythm::Halting, |_| 1), Some(80));
    }

    #[test]
    fn much_content_buys_a_window_and_no_more() {
        let then_silence = |second| if second < 20 { 1_000_000 } else { 0 };
        assert_eq!(too_slow(Rhythm::Steady, then_silence), Some(49));
    }

    #[test]
    fn a_tool_call_after_text_has_its_own_whole_window() {
        let mut clocks = Clocks::default();
        clocks.paced(Nanos::ZERO, &PACE, Rhythm::Steady, 1);
        clocks.paced(Nanos::from_secs(29), &PACE, Rhythm::Halting, 1);
        assert_eq!(clocks.next(), Some(Nanos::from_secs(89)));
    }

    #[test]
    fn content_that_was_read_late_is_not_late() {
        let mut clocks = Clocks::default();
        clocks.paced(Nanos::ZERO, &PACE, Rhythm::Steady, 1);
        clocks.paced(Nanos::from_secs(500), &PACE, Rhythm::Steady, 1);
        assert_eq!(clocks.next(), Some(Nanos::from_secs(530)));
    }

    #[test]
    fn without_a_rate_there_is_no_pace() {
        let mut clocks = Clocks::default();
        clocks.paced(Nanos::ZERO, &Pace::default(), Rhythm::Steady, 1);
        assert_eq!(clocks.next(), None);
    }

    #[test]
    fn the_time_of_an_event_begins_with_it_and_ends_with_it() {
        let mut clocks = Clocks::default();
        clocks.inside_event(Nanos::ZERO, &PACE);
        clocks.inside_event(Nanos::from_secs(100), &PACE);
        assert_eq!(clocks.due(Nanos::from_secs(119)), None);
        let late = Some(Due::Attempt(Cause::EventTimeout));
        assert_eq!(clocks.due(Nanos::from_secs(120)), late);
        clocks.whole_event();
        assert_eq!(clocks.next(), None);
    }

    #[test]
    fn the_deadline_outlives_every_attempt() {
        let mut clocks = Clocks::until(Some(SECOND));
        clocks.bytes(Nanos::ZERO, &Timeouts::default());
        clocks.stop();
        assert_eq!(clocks.next(), Some(SECOND));
        assert_eq!(clocks.due(SECOND), Some(Due::Total));
    }
}
