//! How many instructions does one operation take? `instructions CASE REPETITIONS` runs it in blocks
//! and prints how many operations a block has: what two numbers of repetitions differ by is the
//! operations, each with the loop around it.
//!
//! Without a known case it runs one block of each.

use std::hint::black_box;

use retry_policy::{AwsQuota, Call, Class, Limits, Nanos, Policy, Sent, ServerHint, Verdict};

const POLICY: Policy = Policy {
    limits: Limits {
        total: u32::MAX,
        in_a_row: u32::MAX,
        deadline: Some(Nanos::from_secs(600)),
        ..Limits::DEFAULT
    },
    ..Policy::DEFAULT
};

const NOW: Nanos = Nanos::from_secs(1);

const OWN: Verdict = Verdict::new(Class::Transient, Sent::MaybeProcessed);

const TOLD: Verdict = OWN.with_hint(ServerHint { after: Some(Nanos::from_secs(30)), retry: None });

/// The operations of one repetition.
const BLOCK: u32 = 1000;

/// An operation, so many times.
type Loop = fn(u32);

const CASES: [(&str, Loop); 4] = [
    ("decision-own", |count| decide(&OWN, count)),
    ("decision-told", |count| decide(&TOLD, count)),
    ("delay", delay),
    ("success", success),
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let chosen = CASES.iter().find(|(name, _)| args.first().is_some_and(|arg| arg == name));
    match (chosen, args.get(1).and_then(|repetitions| repetitions.parse::<u32>().ok())) {
        (Some((_, run)), Some(repetitions)) => {
            println!("{BLOCK}");
            run(BLOCK * repetitions);
        }
        _ => CASES.iter().for_each(|(_, run)| run(BLOCK)),
    }
}

/// With a full quota each time, so that none is denied.
fn decide(verdict: &Verdict, count: u32) {
    let (policy, now) = (black_box(&POLICY), black_box(NOW));
    let mut call = Call::new(1, Nanos::ZERO);
    for _ in 0..count {
        let quota = black_box(AwsQuota::v2_1());
        black_box(&call.on_failure(policy, black_box(verdict), &quota, now));
    }
    assert_eq!(call.failures_in_a_row(), count);
}

fn delay(count: u32) {
    let backoff = black_box(POLICY.backoff);
    for draw in 0..count {
        let draw = u64::from(draw) << 32;
        let delay = black_box(&backoff).delay(black_box(4), Nanos::ZERO, draw);
        assert!(black_box(delay) <= Nanos::from_secs(8));
    }
}

fn success(count: u32) {
    let quota = AwsQuota::v2_1();
    let mut call = Call::new(1, Nanos::ZERO);
    for _ in 0..count {
        call.on_attempt();
        black_box(&mut call).on_success(black_box(&quota), NOW);
    }
    assert_eq!((call.attempts(), quota.available()), (count, 500));
}
