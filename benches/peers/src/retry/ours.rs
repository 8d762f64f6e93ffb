//! The operations of `retry-policy`.

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

const OWN: Verdict = Verdict::new(Class::Transient, Sent::MaybeProcessed);
const TOLD: Verdict = OWN.with_hint(ServerHint { after: Some(Nanos::from_secs(30)), retry: None });

pub(super) fn decision(count: u32) {
    decide(&OWN, count);
}

pub(super) fn decision_told(count: u32) {
    decide(&TOLD, count);
}

/// With a full quota each time, so that none is denied.
fn decide(verdict: &Verdict, count: u32) {
    let (policy, now) = (black_box(&POLICY), black_box(Nanos::from_secs(1)));
    let mut call = Call::new(1, Nanos::ZERO);
    for _ in 0..count {
        let quota = black_box(AwsQuota::v2_1());
        black_box(&call.on_failure(policy, black_box(verdict), &quota, now));
    }
    assert_eq!(call.failures_in_a_row(), count);
}

pub(super) fn delay(count: u32) {
    let backoff = black_box(POLICY.backoff);
    let mut sum = 0_u128;
    for draw in 0..count {
        let draw = u64::from(draw) << 32;
        sum += u128::from(black_box(&backoff).delay(black_box(4), Nanos::ZERO, draw).0);
    }
    assert!(sum <= u128::from(count) * 8_000_000_000);
}

pub(super) fn success(count: u32) {
    let quota = AwsQuota::v2_1();
    let mut call = Call::new(1, Nanos::ZERO);
    for _ in 0..count {
        call.on_attempt();
        black_box(&mut call).on_success(black_box(&quota), Nanos::ZERO);
    }
    assert_eq!((call.attempts(), quota.available()), (count, 500));
}
