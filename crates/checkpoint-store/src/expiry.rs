//! `Expiry`: until when a stream is kept. It only ever moves away; nothing here reads a clock but
//! the `Clock` that a backend is given.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long the name of a deleted or expired stream is remembered: 7 days.
///
/// As long as it is, the next stream of that name starts above the epochs of the last one.
pub const TOMBSTONE_TTL: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A moment: milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment this many milliseconds after the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// The moment `time` later.
    #[must_use]
    pub fn plus(self, time: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The time from this moment to a later one; zero when it is not later.
    pub fn until(self, later: Self) -> Duration {
        Duration::from_millis(later.0.saturating_sub(self.0))
    }
}

/// Where a backend takes the time from.
///
/// ```
/// use checkpoint_store::{Clock, Timestamp};
///
/// let clock = Clock::new(|| Timestamp::from_millis(7));
/// assert_eq!(clock.now().millis(), 7);
/// assert!(Clock::system().now() > clock.now());
/// ```
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Timestamp(0).plus(since)
        })
    }

    /// A clock that shows what `now` says.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The moment it shows.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

/// How long a stream is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// This long after its creation, its last commit and its last recovery.
    Sliding(Duration),
    /// Until this moment.
    Until(Timestamp),
}

/// Until when a stream is kept. Data and head expire together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// When it expires; `None` is never.
    pub at: Option<Timestamp>,
    /// How far each change moves that away.
    pub slide: Option<Duration>,
}

impl Expiry {
    /// A stream that is kept until it is deleted.
    pub const NEVER: Self = Self { at: None, slide: None };

    /// The expiry of a stream that is created `now`.
    pub fn new(ttl: Option<Ttl>, now: Timestamp) -> Self {
        match ttl {
            None => Self::NEVER,
            Some(Ttl::Until(at)) => Self { at: Some(at), slide: None },
            Some(Ttl::Sliding(slide)) => Self { at: Some(now.plus(slide)), slide: Some(slide) },
        }
    }

    /// The stream was changed: what slides moves on.
    #[must_use]
    pub fn touched(self, now: Timestamp) -> Self {
        match (self.at, self.slide) {
            (Some(at), Some(slide)) => Self { at: Some(at.max(now.plus(slide))), ..self },
            _ => self,
        }
    }

    /// Keeps the stream at least as long as `ttl` says, and never shorter than before.
    #[must_use]
    pub fn extended(self, ttl: Ttl, now: Timestamp) -> Self {
        let asked = Self::new(Some(ttl), now);
        match self.at {
            None => self,
            Some(at) => {
                Self { at: asked.at.map(|new| new.max(at)), slide: self.slide.max(asked.slide) }
            }
        }
    }

    /// Whether the stream is gone.
    pub fn is_past(self, now: Timestamp) -> bool {
        self.at.is_some_and(|at| at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_sliding_expiry_moves_with_each_change_and_only_away() {
        let expiry = Expiry::new(Some(Ttl::Sliding(HOUR)), at(1000));
        assert_eq!(expiry.at, Some(at(3_601_000)));
        assert_eq!(expiry.touched(at(5000)).at, Some(at(3_605_000)));
        assert_eq!(expiry.touched(at(0)), expiry);
        assert!(!expiry.is_past(at(3_600_999)));
        assert!(expiry.is_past(at(3_601_000)));
    }

    #[test]
    fn a_fixed_expiry_does_not_move_and_never_stays_never() {
        let expiry = Expiry::new(Some(Ttl::Until(at(50))), at(0));
        assert_eq!(expiry.touched(at(49)), expiry);
        assert_eq!(Expiry::NEVER.touched(at(9)), Expiry::NEVER);
        assert_eq!(Expiry::NEVER.extended(Ttl::Until(at(1)), at(0)), Expiry::NEVER);
        assert!(!Expiry::NEVER.is_past(at(u64::MAX)));
    }

    #[test]
    fn an_extension_never_shortens() {
        let long = Expiry::new(Some(Ttl::Sliding(HOUR * 2)), at(0));
        assert_eq!(long.extended(Ttl::Sliding(HOUR), at(0)), long);
        assert_eq!(long.extended(Ttl::Until(at(1)), at(0)), long);
        let short = Expiry::new(Some(Ttl::Until(at(10))), at(0));
        let longer = short.extended(Ttl::Sliding(HOUR), at(5));
        assert_eq!(longer, Expiry { at: Some(at(3_600_005)), slide: Some(HOUR) });
    }

    #[test]
    fn the_end_of_time_is_not_passed() {
        assert_eq!(at(u64::MAX).plus(HOUR), at(u64::MAX));
        assert_eq!(at(5).until(at(3)), Duration::ZERO);
    }
}
