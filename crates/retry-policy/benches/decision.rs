//! What does one retry decision cost, and what a request that never fails?
//! Every input passes through `black_box`; every benchmark asserts its result.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use retry_policy::{
    AwsQuota, Backoff, Budget, Call, Class, Decision, Limits, Nanos, Policy, Sent, ServerHint,
    Verdict, hint,
};

const POLICY: Policy = Policy {
    limits: Limits {
        total: u32::MAX,
        in_a_row: u32::MAX,
        deadline: Some(Nanos::from_secs(600)),
        ..Limits::DEFAULT
    },
    ..Policy::DEFAULT
};

/// A failure and the repayment that keeps the quota full.
fn decide(call: &mut Call, quota: &AwsQuota, verdict: Verdict, now: Nanos) -> Decision {
    call.on_attempt();
    let decision = call.on_failure(&POLICY, &verdict, quota, now);
    quota.deposit(now, Some(verdict.class));
    decision
}

fn decision(c: &mut Criterion) {
    let now = Nanos::from_secs(1);
    let own = Verdict::new(Class::Transient, Sent::MaybeProcessed);
    let after = Some(Nanos::from_secs(30));
    let told = own.with_hint(ServerHint { after, retry: None });
    for (name, verdict) in [("own", own), ("told", told)] {
        let (mut call, quota) = (Call::new(1, Nanos::ZERO), AwsQuota::v2_1());
        c.bench_function(&format!("retry-policy/decision/full-aws/{name}"), |b| {
            b.iter(|| {
                let decision = decide(&mut call, &quota, black_box(verdict), black_box(now));
                assert!(matches!(decision, Decision::RetryAt { .. }));
                decision
            });
        });
    }
}

fn delay(c: &mut Criterion) {
    let backoff = Backoff::Full { base: Nanos::from_millis(500), cap: Nanos::from_secs(20) };
    let mut draw = 1_u64;
    c.bench_function("retry-policy/delay/full/draw-given", |b| {
        b.iter(|| {
            draw = draw.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let delay = black_box(backoff).delay(black_box(4), Nanos::ZERO, draw);
            assert!(delay <= Nanos::from_secs(8));
            delay
        });
    });
}

fn success(c: &mut Criterion) {
    let quota = AwsQuota::v2_1();
    c.bench_function("retry-policy/success/first-attempt/aws", |b| {
        b.iter(|| {
            let mut call = black_box(Call::new(1, Nanos::ZERO));
            call.on_attempt();
            call.on_success(&quota, black_box(Nanos::ZERO));
            assert_eq!(quota.available(), 500);
            call
        });
    });
}

fn headers(c: &mut Criterion) {
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let later = "Sun, 06 Nov 1994 08:50:07 GMT";
    for (name, text) in [("seconds", "30"), ("date", later)] {
        c.bench_function(&format!("retry-policy/retry-after/{name}/one"), |b| {
            b.iter(|| {
                let told = hint::retry_after(black_box(text), black_box(Some(date)), None);
                assert_eq!(told, Some(Nanos::from_secs(30)));
                told
            });
        });
    }
    for (name, text) in [("go", "30s"), ("rfc3339", "1994-11-06T08:50:07Z")] {
        c.bench_function(&format!("retry-policy/rate-limit-reset/{name}/one"), |b| {
            b.iter(|| {
                let reset = hint::rate_limit_reset(black_box(text), black_box(Some(date)), None);
                assert_eq!(reset, Some(Nanos::from_secs(30)));
                reset
            });
        });
    }
}

criterion_group!(benches, decision, delay, success, headers);
criterion_main!(benches);
