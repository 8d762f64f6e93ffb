//! The only reader of the clocks, and the timer of a stream's deadlines. How long a store may
//! take is `patience`'s.

use http::HeaderValue;
use retry_policy::Nanos;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, Sleep, sleep_until};

/// Time since a stream began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> Nanos {
        Nanos::from_duration(self.0.elapsed())
    }

    pub(crate) fn instant(self, at: Nanos) -> Instant {
        self.0.checked_add(at.as_duration()).unwrap_or_else(|| self.0 + FAR_FUTURE)
    }
}

/// The time of day, as a server without a `Date` header should have said it.
pub(crate) fn http_date() -> HeaderValue {
    HeaderValue::from_str(&httpdate::fmt_http_date(SystemTime::now()))
        .expect("an HTTP date is printable ASCII")
}

/// Notices that the machine slept: the time of day went on while the clock of the streams stood
/// still. Where that clock goes on in sleep, its deadlines notice.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Watch {
    seen: Option<(Nanos, SystemTime)>,
}

impl Watch {
    /// Whether it slept since this was last asked. It looks at most once in [`LOOK_EVERY`].
    pub(crate) fn has_slept(&mut self, now: Nanos) -> bool {
        if self.seen.is_some_and(|(seen, _)| now.saturating_sub(seen) < LOOK_EVERY) {
            return false;
        }
        self.compare(now, SystemTime::now())
    }

    /// A clock that was set back, or forth by a little, is no sleep.
    fn compare(&mut self, now: Nanos, day: SystemTime) -> bool {
        let Some((seen, seen_day)) = self.seen.replace((now, day)) else { return false };
        let awake = now.saturating_sub(seen);
        let passed = day.duration_since(seen_day).unwrap_or(Duration::ZERO);
        passed.saturating_sub(awake.as_duration()) >= SLEEP_MIN
    }
}

/// One timer for all deadlines of a stream.
///
/// A deadline that moves later, as it does with every token, does not touch the timer: it
/// fires at the old time and is set anew then.
pub(crate) struct Alarm {
    clock: Clock,
    sleep: Option<Pin<Box<Sleep>>>,
    armed: Option<Nanos>,
    /// Set when a deadline was found to have passed long ago.
    listen_until: Option<Nanos>,
}

impl Alarm {
    pub(crate) const fn new(clock: Clock) -> Self {
        Self { clock, sleep: None, armed: None, listen_until: None }
    }

    /// Something happened: a deadline that is late again is listened for again.
    pub(crate) const fn on_input(&mut self) {
        self.listen_until = None;
    }

    /// Ready when `deadline` has passed.
    ///
    /// A deadline that passed while nobody polled (a slow consumer, a suspended machine) is
    /// given [`LISTEN_MIN`] more: what the peer sent meanwhile lies in the socket and is read
    /// only by polling.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Option<Nanos>) -> Poll<()> {
        let Some(deadline) = deadline else { return Poll::Pending };
        loop {
            let due = self.listen_until.unwrap_or(deadline).max(deadline);
            if self.armed.is_none_or(|armed| due < armed) {
                // Whoever waits for long is woken in between to look whether the machine slept.
                self.arm(due.min(self.clock.now().saturating_add(LOOK_EVERY)));
            }
            let Some(sleep) = &mut self.sleep else { return Poll::Pending };
            ready!(sleep.as_mut().poll(cx));
            self.armed = None;
            let now = self.clock.now();
            if now < due {
                continue;
            }
            if self.listen_until.is_some() || now.saturating_sub(deadline) <= LATE_MAX {
                self.listen_until = None;
                return Poll::Ready(());
            }
            self.listen_until = Some(now.saturating_add(LISTEN_MIN));
        }
    }

    fn arm(&mut self, at: Nanos) {
        let instant = self.clock.instant(at);
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(instant),
            None => self.sleep = Some(Box::pin(sleep_until(instant))),
        }
        self.armed = Some(at);
    }
}

/// How late a deadline may be noticed and still count as noticed in time.
const LATE_MAX: Nanos = Nanos::from_millis(20);
/// How long the peer is listened to before a deadline that was noticed late counts.
const LISTEN_MIN: Nanos = Nanos::from_millis(100);
/// How often the time of day is looked at.
const LOOK_EVERY: Nanos = Nanos::from_secs(2);
/// A shorter sleep is not noticed; connections outlive it.
const SLEEP_MIN: Duration = Duration::from_secs(10);
/// Stands for deadlines that the clock cannot express.
const FAR_FUTURE: Duration = Duration::from_secs(30 * 365 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    fn seconds(seconds: u64) -> Option<Nanos> {
        Some(Nanos::from_secs(seconds))
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_is_exact() {
        let clock = Clock::start();
        let mut alarm = Alarm::new(clock);
        poll_fn(|cx| alarm.poll(cx, seconds(5))).await;
        assert_eq!(clock.now().as_millis(), 5_000);
        poll_fn(|cx| alarm.poll(cx, seconds(7))).await;
        assert_eq!(clock.now().as_millis(), 7_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_moves_is_met_in_both_directions() {
        let clock = Clock::start();
        let mut alarm = Alarm::new(clock);
        for deadline in [5, 9, 7] {
            let first = poll_fn(|cx| Poll::Ready(alarm.poll(cx, seconds(deadline)))).await;
            assert!(first.is_pending());
        }
        poll_fn(|cx| alarm.poll(cx, seconds(7))).await;
        assert_eq!(clock.now().as_millis(), 7_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_passed_unnoticed_listens_first() {
        let clock = Clock::start();
        let mut alarm = Alarm::new(clock);
        tokio::time::advance(Duration::from_secs(60)).await;
        poll_fn(|cx| alarm.poll(cx, seconds(5))).await;
        assert_eq!(clock.now().as_millis(), 60_100);
    }

    #[test]
    fn a_machine_that_slept_is_told_from_one_that_was_busy_and_a_clock_that_was_set() {
        let mut watch = Watch::default();
        let morning = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let at = |seconds| morning + Duration::from_secs(seconds);
        assert!(!watch.compare(Nanos::ZERO, morning), "the first look");
        assert!(!watch.compare(Nanos::from_secs(100), at(100)), "busy for long");
        assert!(!watch.compare(Nanos::from_secs(102), at(109)), "set a little forth");
        assert!(watch.compare(Nanos::from_secs(104), at(3600)), "an hour in two seconds");
        assert!(!watch.compare(Nanos::from_secs(106), at(3602)), "told once");
        assert!(!watch.compare(Nanos::from_secs(108), at(50)), "set back");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_long_is_woken_in_between() {
        let mut alarm = Alarm::new(Clock::start());
        let mut polls = 0;
        poll_fn(|cx| {
            polls += 1;
            alarm.poll(cx, seconds(60))
        })
        .await;
        assert!(polls >= 30, "{polls}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_unbounded_deadline_never_fires() {
        let mut alarm = Alarm::new(Clock::start());
        let none = poll_fn(|cx| Poll::Ready(alarm.poll(cx, None))).await;
        let far = poll_fn(|cx| Poll::Ready(alarm.poll(cx, Some(Nanos::MAX)))).await;
        assert!(none.is_pending() && far.is_pending());
    }
}
