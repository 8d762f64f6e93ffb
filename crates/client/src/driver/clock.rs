//! The only reader of the clock, and the only sleeper.

use checkpoint_store::{ErrorKind, StoreError};
use http::HeaderValue;
use retry_policy::Nanos;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

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

    fn instant(self, at: Nanos) -> Instant {
        self.0.checked_add(at.as_duration()).unwrap_or_else(|| self.0 + FAR_FUTURE)
    }
}

/// The time of day, as a server without a `Date` header should have said it.
pub(crate) fn http_date() -> HeaderValue {
    HeaderValue::from_str(&httpdate::fmt_http_date(SystemTime::now()))
        .expect("an HTTP date is printable ASCII")
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
                self.arm(due);
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

/// A limit to waiting for a store that neither answers nor fails.
pub(crate) struct Patience {
    limit: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(crate) const fn new(limit: Duration) -> Self {
        Self { limit, sleep: None }
    }

    /// Passes on what the store says, or an error when it has said nothing for too long.
    pub(crate) fn wait<T>(
        &mut self,
        cx: &mut Context<'_>,
        answer: Poll<T>,
    ) -> Poll<Result<T, StoreError>> {
        if let Poll::Ready(answer) = answer {
            self.sleep = None;
            return Poll::Ready(Ok(answer));
        }
        let limit = self.limit;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(sleep.as_mut().poll(cx));
        self.sleep = None;
        let late = io::Error::new(io::ErrorKind::TimedOut, "the store did not answer in time");
        Poll::Ready(Err(StoreError::with_source(ErrorKind::Io, late)))
    }
}

/// How late a deadline may be noticed and still count as noticed in time.
const LATE_MAX: Nanos = Nanos::from_millis(20);
/// How long the peer is listened to before a deadline that was noticed late counts.
const LISTEN_MIN: Nanos = Nanos::from_millis(100);
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

    #[tokio::test(start_paused = true)]
    async fn patience_ends_at_its_limit_and_begins_anew_with_each_answer() {
        let clock = Clock::start();
        let mut patience = Patience::new(Duration::from_secs(3));
        let pending = poll_fn(|cx| Poll::Ready(patience.wait(cx, Poll::<()>::Pending))).await;
        assert!(pending.is_pending());
        tokio::time::advance(Duration::from_secs(2)).await;
        let answer = poll_fn(|cx| patience.wait(cx, Poll::Ready(7))).await;
        assert_eq!(answer.unwrap(), 7);
        let late = poll_fn(|cx| patience.wait(cx, Poll::<()>::Pending)).await;
        assert!(matches!(late.unwrap_err().kind(), ErrorKind::Io));
        assert_eq!(clock.now().as_millis(), 5_000);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unbounded_deadline_never_fires() {
        let mut alarm = Alarm::new(Clock::start());
        let none = poll_fn(|cx| Poll::Ready(alarm.poll(cx, None))).await;
        let far = poll_fn(|cx| Poll::Ready(alarm.poll(cx, Some(Nanos::MAX)))).await;
        assert!(none.is_pending() && far.is_pending());
    }
}
