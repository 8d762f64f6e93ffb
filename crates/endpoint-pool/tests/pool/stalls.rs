//! Verdicts on silence over made-up streams: gaps of 25 ms with a long tail, and a few pauses of
//! seconds; with heartbeats in the pauses and without.

use endpoint_pool::{Config, EndpointId, Heartbeats, Kind, Learned, Request, Sign};
use retry_policy::Nanos;

use crate::rig::Rig;

const STREAMS: u32 = 2500;
const GAPS: u32 = 400;
const HEARTBEAT: f64 = 10.0;

/// A generator of normal draws.
struct Normal(u64);

impl Normal {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn draw(&mut self) -> f64 {
        let (radius, angle) = (self.uniform(), self.uniform());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    /// A gap between two tokens, in seconds.
    fn gap(&mut self) -> f64 {
        if self.uniform() < 0.003 {
            4.0 * (0.9 * self.draw()).exp()
        } else {
            0.025 * self.draw().exp()
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pings {
    Sent,
    NotSent,
}

/// The silences of a gap: cut by heartbeats where they are sent.
fn silences(gap: f64, pings: Pings) -> Vec<(f64, Sign)> {
    let mut rest = gap;
    let mut silences = Vec::new();
    while pings == Pings::Sent && rest > HEARTBEAT {
        silences.push((HEARTBEAT, Sign::Ping));
        rest -= HEARTBEAT;
    }
    silences.push((rest, Sign::Content));
    silences
}

struct Outcome {
    /// Live streams that were given up, in hundred-thousandths.
    given_up: u32,
    last: Learned,
}

/// Runs streams through a pool; what was learned when a stream began decides about it.
fn run(pings: Pings) -> Outcome {
    let mut rig = Rig::new(1, Config::default());
    let mut normal = Normal(88_172_645_463_325_252);
    let mut given_up = 0;
    for _ in 0..STREAMS {
        let ticket = rig.ask(Request::new(Kind::First));
        rig.granted();
        let learned = rig.pool.learned(EndpointId(0));
        rig.pass(Nanos::from_millis(800));
        rig.answer(ticket);
        'stream: for _ in 0..GAPS {
            for (secs, sign) in silences(normal.gap(), pings) {
                let gap = Nanos((secs * 1e9) as u64);
                if gap > learned.dead_after {
                    given_up += 1;
                    break 'stream;
                }
                rig.pass(gap);
                rig.pool.heard(ticket, sign, rig.now);
            }
        }
        rig.pool.finished(ticket, rig.now);
        rig.waits();
    }
    Outcome { given_up: given_up * 100_000 / STREAMS, last: rig.pool.learned(EndpointId(0)) }
}

#[test]
fn with_heartbeats_no_live_stream_is_given_up_and_silence_is_suspect_early() {
    let Outcome { given_up, last } = run(Pings::Sent);
    assert_eq!(given_up, 0);
    assert_eq!(last.heartbeats, Heartbeats::Learned);
    assert!(last.suspect_after <= Nanos::from_secs(15), "{last:?}");
    assert!(last.suspect_after > Nanos::from_secs(10), "{last:?}");
    assert!(last.dead_after <= Nanos::from_secs(30), "{last:?}");
}

#[test]
fn without_heartbeats_few_live_streams_are_given_up() {
    let Outcome { given_up, last } = run(Pings::NotSent);
    assert!(given_up <= 100, "{given_up} of 100,000");
    assert_eq!(last.heartbeats, Heartbeats::Unknown);
    // These streams pause longer than 60 s once in 640; that long is dead only until it is learned.
    assert!(last.dead_after <= Nanos::from_secs(90), "{last:?}");
    assert!(last.dead_after >= Nanos::from_secs(30), "{last:?}");
}
