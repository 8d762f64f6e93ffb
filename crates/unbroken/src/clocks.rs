//! The flags that say how long to wait and how often to try. The engine keeps the clocks.

use clap::Args;
use client::retry_policy::Limits;
use client::{Builder, Nanos, Pace, Policy, Timeouts};
use std::time::Duration;

use crate::duration::parse_clock;

/// Clocks and limits of one run.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Clocks")]
pub(crate) struct Clocks {
    /// From the request to connect until the connection stands [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = parse_clock)]
    connect_timeout: Option<Duration>,

    /// From the connection until the first content; pings do not count [default: 120s, or learned]
    #[arg(long, value_name = "TIME", value_parser = parse_clock)]
    first_token_timeout: Option<Duration>,

    /// Without content after the first [default: 180s]
    #[arg(long, value_name = "TIME", value_parser = parse_clock)]
    idle_timeout: Option<Duration>,

    /// Without any byte, pings included [default: 60s, or learned]
    #[arg(long, value_name = "TIME", value_parser = parse_clock)]
    byte_timeout: Option<Duration>,

    /// Bytes of content a second, over half a minute, that a response must come with [default: any]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..))]
    min_pace: Option<u32>,

    /// From the first bytes of an event to its end [default: 120s]
    #[arg(long, value_name = "TIME", value_parser = parse_clock)]
    event_timeout: Option<Duration>,

    /// For the whole run, waits and retries included [default: none]
    #[arg(long, value_name = "TIME", value_parser = parse_clock)]
    deadline: Option<Duration>,

    /// Connection attempts in all [default: 128]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_attempts: Option<u32>,
}

impl Clocks {
    /// Sets up a client: without a flag for a clock, those of an endpoint are learned.
    pub(crate) fn set(&self, builder: Builder) -> Builder {
        let builder = builder.policy(self.policy()).pace(self.pace());
        match self.timeouts() {
            Some(timeouts) => builder.timeouts(timeouts),
            None => builder,
        }
    }

    /// The clocks of each attempt, if one is given; a flag that was not given leaves the default.
    fn timeouts(&self) -> Option<Timeouts> {
        let given =
            [self.connect_timeout, self.first_token_timeout, self.idle_timeout, self.byte_timeout];
        let default = Timeouts::default();
        let or = |given: Option<Duration>, default| given.map_or(default, Nanos::from);
        given.iter().any(Option::is_some).then(|| Timeouts {
            connect: or(self.connect_timeout, default.connect),
            first_token: or(self.first_token_timeout, default.first_token),
            idle: or(self.idle_timeout, default.idle),
            bytes: or(self.byte_timeout, default.bytes),
            ..default
        })
    }

    /// How fast a response must come.
    fn pace(&self) -> Pace {
        let default = Pace::default();
        Pace {
            bytes_per_second: self.min_pace.unwrap_or(default.bytes_per_second),
            event: self.event_timeout.map_or(default.event, Nanos::from),
            ..default
        }
    }

    /// When to try again, and how often.
    fn policy(&self) -> Policy {
        let total = self.max_attempts.unwrap_or(Limits::DEFAULT.total);
        Policy { limits: Limits { total, ..Limits::DEFAULT }, ..Policy::DEFAULT }
    }

    /// How long the whole run may take.
    pub(crate) const fn deadline(&self) -> Option<Duration> {
        self.deadline
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        clocks: Clocks,
    }

    fn clocks(line: &str) -> Clocks {
        Line::try_parse_from(line.split_whitespace()).unwrap().clocks
    }

    #[test]
    fn each_flag_sets_its_own_clock() {
        let line = "x --connect-timeout 1s --first-token-timeout 2s --idle-timeout 3s \
                    --byte-timeout 4s --deadline 5s --max-attempts 6 --min-pace 7 \
                    --event-timeout 8s";
        let clocks = clocks(line);
        let timeouts = clocks.timeouts().unwrap();
        assert_eq!(timeouts.connect, Nanos::from_secs(1));
        assert_eq!(timeouts.first_token, Nanos::from_secs(2));
        assert_eq!(timeouts.idle, Nanos::from_secs(3));
        assert_eq!(timeouts.bytes, Nanos::from_secs(4));
        assert_eq!(timeouts.sentinel, Timeouts::default().sentinel);
        assert_eq!(clocks.deadline(), Some(Duration::from_secs(5)));
        assert_eq!(clocks.policy().limits.total, 6);
        let window = Pace::default().window;
        let event = Nanos::from_secs(8);
        assert_eq!(clocks.pace(), Pace { bytes_per_second: 7, window, event });
    }

    #[test]
    fn no_flag_leaves_the_defaults() {
        let clocks = clocks("x");
        assert_eq!(clocks.timeouts(), None, "what was learned counts");
        assert_eq!(clocks.policy(), Policy::DEFAULT);
        assert_eq!(clocks.pace(), Pace::default());
        assert_eq!(clocks.deadline(), None);
    }

    #[test]
    fn a_clock_or_a_limit_of_zero_is_refused() {
        for line in ["x --idle-timeout 0s", "x --max-attempts 0", "x --min-pace 0"] {
            assert!(Line::try_parse_from(line.split_whitespace()).is_err(), "{line}");
        }
    }
}
