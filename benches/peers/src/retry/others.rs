//! `tower`, `retry-policies` and `backon`: what each has of a decision.

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder, ExponentialBuilder};
use retry_policies::policies::ExponentialBackoff;
use retry_policies::{Jitter, RetryDecision, RetryPolicy};
use tower::retry::backoff::{Backoff, ExponentialBackoffMaker, MakeBackoff};
use tower::retry::budget::{Budget, TpsBudget};
use tower::util::rng::HasherRng;

const BASE: Duration = Duration::from_millis(500);
const CAP: Duration = Duration::from_secs(20);

/// A withdrawal and the deposit that keeps the budget from running out, and the timer of the wait.
pub(super) fn tower(count: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime needs no resources but memory");
    let _entered = runtime.enter();
    let budget = TpsBudget::new(Duration::from_secs(10), 1_000_000, 1.0);
    let maker = ExponentialBackoffMaker::new(BASE, CAP, 1.0, HasherRng::new());
    let mut backoff = maker.expect("valid bounds").make_backoff();
    for _ in 0..count {
        black_box(&budget).deposit();
        assert!(black_box(black_box(&budget).withdraw()));
        drop(black_box(black_box(&mut backoff).next_backoff()));
    }
}

pub(super) fn retry_policies(count: u32) {
    let policy = ExponentialBackoff::builder()
        .retry_bounds(BASE, CAP)
        .jitter(Jitter::Full)
        .build_with_total_retry_duration(Duration::from_secs(600));
    let start = SystemTime::now();
    for _ in 0..count {
        let decision = black_box(&policy).should_retry(black_box(start), black_box(4));
        assert!(matches!(black_box(decision), RetryDecision::Retry { .. }));
    }
}

pub(super) fn backon(count: u32) {
    let builder = ExponentialBuilder::new().with_min_delay(BASE).with_max_delay(CAP);
    let mut delays = builder.with_jitter().without_max_times().build();
    for _ in 0..count {
        assert!(black_box(black_box(&mut delays).next()).is_some());
    }
}
