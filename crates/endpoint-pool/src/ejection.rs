//! The settings by which an endpoint is taken out of use and tried again. The rules that read them
//! are in `health`.

use retry_policy::Nanos;

/// When an endpoint is taken out of use and tried again, while others are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ejection {
    /// Failures in a row that take it out. Default 5.
    pub failures: u32,
    /// The first time out; it doubles with each time that follows. Default 1 s.
    pub base: Nanos,
    /// The longest time out. Default 15 s.
    pub max: Nanos,
    /// After the time out a probe waits for this many picks of other endpoints, so that probes
    /// are a small share of the traffic. Default 100.
    pub probe_picks: u32,
    /// The longest that a probe waits for them. Default 20 s after the endpoint went out or the
    /// last probe failed.
    pub probe_within: Nanos,
    /// How long a probe may stay without an answer before another one is sent. Default 10 s.
    pub probe_patience: Nanos,
    /// In use without a failure for this long, one time out is forgotten. Default 10 s.
    pub forgive: Nanos,
    /// The failure rate that the recent past must exceed with 95 % confidence for the endpoint to
    /// be taken out although it answers now and then. Unit: thousandths. Default 500.
    pub rate: u32,
    /// Results that must be known for that. Default 20.
    pub rate_samples: u32,
    /// The panic threshold: no more than this share of the endpoints is out because of its rate,
    /// and those are used all the same when no other is left. Unit: percent. Default 50.
    pub rate_share_max: u32,
}

impl Default for Ejection {
    fn default() -> Self {
        Self {
            failures: 5,
            base: Nanos::from_secs(1),
            max: Nanos::from_secs(15),
            probe_picks: 100,
            probe_within: Nanos::from_secs(20),
            probe_patience: Nanos::from_secs(10),
            forgive: Nanos::from_secs(10),
            rate: 500,
            rate_samples: 20,
            rate_share_max: 50,
        }
    }
}
