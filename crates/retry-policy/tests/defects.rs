//! Mistakes that retry code is known to make, one test for each, named after the symptom.
//! General properties are in `properties.rs`.

use std::cell::Cell;

use retry_policy::{
    AwsQuota, Backoff, Budget, Call, Class, Decision, GiveUp, IdempotencyKey, Limits, Nanos,
    Policy, Reason, Repeat, Sent, ServerHint, Unlimited, Verdict,
};

const SECOND: Nanos = Nanos::from_secs(1);
const NOW: Nanos = Nanos::from_secs(1_000_000);
const TRANSIENT: Verdict = Verdict::new(Class::Transient, Sent::MaybeProcessed);

/// A budget that counts what it is asked.
#[derive(Default)]
struct Ledger {
    asked: Cell<u32>,
    deny: bool,
}

impl Budget for Ledger {
    fn withdraw(&self, _: Nanos, _: Class) -> bool {
        self.asked.set(self.asked.get() + 1);
        !self.deny
    }

    fn deposit(&self, _: Nanos, _: Option<Class>) {}
}

fn fail(call: &mut Call, policy: &Policy, verdict: Verdict) -> Decision {
    call.on_attempt();
    call.on_failure(policy, &verdict, &Unlimited, NOW)
}

fn told(after: Nanos) -> ServerHint {
    ServerHint { after: Some(after), retry: None }
}

fn delays(backoff: Backoff, seed: u64) -> Vec<Nanos> {
    Policy { backoff, ..Policy::DEFAULT }.schedule(Class::Transient, seed).collect()
}

#[test]
fn requests_of_one_process_are_not_in_lock_step() {
    let backoff = Backoff::Full { base: SECOND, cap: Nanos::from_secs(20) };
    let mut schedules: Vec<_> = (0..1000).map(|seed| delays(backoff, seed)).collect();
    schedules.sort();
    schedules.dedup();
    assert_eq!(schedules.len(), 1000);
}

#[test]
fn jitter_is_not_truncated_to_whole_seconds() {
    let backoff = Backoff::Full { base: SECOND, cap: Nanos::from_secs(20) };
    let first: Vec<_> = (0..1000).map(|seed| delays(backoff, seed)[0]).collect();
    let below_half = first.iter().filter(|delay| delay.as_millis() < 500).count();
    assert!(first.iter().all(|&delay| delay <= SECOND));
    assert!((440..560).contains(&below_half), "{below_half}");
}

#[test]
fn jitter_does_not_break_the_cap() {
    let (base, cap) = (SECOND, Nanos::from_secs(10));
    for seed in 0..200 {
        for backoff in [
            Backoff::Full { base, cap },
            Backoff::Equal { base, cap },
            Backoff::Quarter { base, cap },
            Backoff::DecorrelatedFolded { base, cap },
            Backoff::None { base, cap },
        ] {
            assert!(delays(backoff, seed).iter().all(|&delay| delay <= cap));
        }
    }
}

#[test]
fn decorrelated_jitter_does_not_pile_up_at_the_cap() {
    let backoff = Backoff::DecorrelatedFolded { base: SECOND, cap: Nanos::from_secs(10) };
    let last: Vec<_> = (0..1000).map(|seed| delays(backoff, seed)[8]).collect();
    assert!(last.iter().filter(|delay| delay.as_millis() > 9900).count() < 60);
    assert!(last.iter().filter(|delay| delay.as_millis() > 9000).count() > 20);
}

#[test]
fn delays_double_and_are_not_powers_of_the_base() {
    let backoff = Backoff::None { base: SECOND, cap: Nanos::from_secs(20) };
    let expected = [1, 2, 4, 8, 16, 20, 20, 20, 20].map(Nanos::from_secs);
    assert_eq!(delays(backoff, 1), expected);
}

#[test]
fn a_base_below_a_second_or_beyond_reason_does_not_panic() {
    let half = Nanos::from_millis(500);
    for (base, cap) in [
        (half, Nanos::MAX),
        (Nanos(1), half),
        (Nanos::ZERO, Nanos::ZERO),
        (Nanos::MAX, Nanos::ZERO),
    ] {
        assert_eq!(delays(Backoff::Full { base, cap }, 1).len(), 9);
        assert_eq!(delays(Backoff::DecorrelatedFolded { base, cap }, 1).len(), 9);
    }
    // An instant beyond the range of time is none.
    assert_eq!(delays(Backoff::None { base: Nanos::MAX, cap: Nanos::MAX }, 1), []);
    assert_eq!(delays(Backoff::None { base: half, cap: Nanos::MAX }, 1)[0], half);
}

#[test]
fn the_last_failure_gives_up_without_a_wait() {
    let policy = Policy { limits: Limits { total: 5, ..Limits::DEFAULT }, ..Policy::DEFAULT };
    let mut call = Call::new(1, NOW);
    for _ in 0..4 {
        assert!(fail(&mut call, &policy, TRANSIENT).at().is_some());
    }
    let last = fail(&mut call, &policy, TRANSIENT);
    assert_eq!(last, Decision::GiveUp(GiveUp::AttemptsExhausted));
}

#[test]
fn throttled_attempts_count_and_end() {
    let throttled = Verdict::new(Class::Throttle, Sent::NotSent).with_hint(told(SECOND));
    let mut call = Call::new(1, NOW);
    let waits =
        (0..1000).take_while(|_| fail(&mut call, &Policy::DEFAULT, throttled).at().is_some());
    assert_eq!(waits.count(), 9);
    assert_eq!(call.attempts(), 10);
}

#[test]
fn progress_does_not_lift_the_limit_on_attempts() {
    let mut call = Call::new(1, NOW);
    let waits = (0..1000).take_while(|_| {
        call.on_progress(1000);
        fail(&mut call, &Policy::DEFAULT, TRANSIENT).at().is_some()
    });
    assert_eq!(waits.count(), 127);
}

#[test]
fn unavailable_and_overloaded_are_retried() {
    for class in [Class::Transient, Class::Overload, Class::Timeout, Class::Protocol] {
        let verdict = Verdict::new(class, Sent::MaybeProcessed);
        let decision = fail(&mut Call::new(1, NOW), &Policy::DEFAULT, verdict);
        assert_eq!(decision.reason(), Some(Reason::Backoff(class)));
        assert!(matches!(decision, Decision::RetryAt { .. }));
    }
}

#[test]
fn a_used_up_quota_is_not_a_rate_limit() {
    let hint = ServerHint { after: Some(SECOND), retry: Some(true) };
    for class in [Class::Quota, Class::Auth, Class::Invalid] {
        let verdict = Verdict::new(class, Sent::NotSent).with_hint(hint);
        let decision = fail(&mut Call::new(1, NOW), &Policy::DEFAULT, verdict);
        assert_eq!(decision, Decision::GiveUp(GiveUp::Terminal(class)));
    }
}

#[test]
fn a_response_that_began_is_resumed_and_never_repeated() {
    let mut call = Call::new(1, NOW);
    let cut = Verdict::new(Class::Connect, Sent::Streaming { delivered: 1 });
    assert!(matches!(fail(&mut call, &Policy::DEFAULT, cut), Decision::Resume { .. }));
    // The continuation was refused before it began: the call has delivered all the same.
    let refused = Verdict::new(Class::Overload, Sent::NotSent);
    assert!(matches!(fail(&mut call, &Policy::DEFAULT, refused), Decision::Resume { .. }));
}

#[test]
fn a_response_that_delivered_nothing_starts_again() {
    let mut call = Call::new(1, NOW);
    let cut = Verdict::new(Class::Connect, Sent::Streaming { delivered: 0 });
    assert!(matches!(fail(&mut call, &Policy::DEFAULT, cut), Decision::RetryAt { .. }));
}

#[test]
fn the_next_request_does_not_inherit_the_failures_of_the_last() {
    let backoff = Backoff::None { base: SECOND, cap: Nanos::from_secs(20) };
    let policy = Policy { backoff, ..Policy::DEFAULT };
    for _ in 0..20 {
        let at = fail(&mut Call::new(1, NOW), &policy, TRANSIENT).at();
        assert_eq!(at, Some(NOW.saturating_add(SECOND)));
    }
}

#[test]
fn a_told_minute_is_waited_for_and_costs_one_attempt() {
    let verdict = TRANSIENT.with_hint(told(Nanos::from_secs(60)));
    let mut call = Call::new(1, NOW);
    let decision = fail(&mut call, &Policy::DEFAULT, verdict);
    let wait = decision.at().expect("a minute is allowed").saturating_sub(NOW);
    assert!(wait >= Nanos::from_secs(60) && wait <= Nanos::from_secs(65), "{wait}");
    assert_eq!(decision.reason(), Some(Reason::ServerHint(Class::Transient)));
    assert_eq!(call.attempts(), 1);
}

#[test]
fn a_short_told_time_stays_short_at_every_exponent() {
    let verdict = TRANSIENT.with_hint(told(Nanos::from_secs(2)));
    let mut longest = Nanos::ZERO;
    for seed in 0..100 {
        let mut call = Call::new(seed, NOW);
        for _ in 0..9 {
            let at = fail(&mut call, &Policy::DEFAULT, verdict).at().expect("within the limits");
            let wait = at.saturating_sub(NOW);
            assert!(wait >= Nanos::from_secs(2) && wait <= Nanos::from_millis(2500), "{wait}");
            longest = longest.max(wait);
        }
    }
    assert!(longest > Nanos::from_millis(2400), "{longest}");
}

#[test]
fn a_told_time_of_zero_is_none() {
    let verdict = TRANSIENT.with_hint(told(Nanos::ZERO));
    let decision = fail(&mut Call::new(1, NOW), &Policy::DEFAULT, verdict);
    assert_eq!(decision, fail(&mut Call::new(1, NOW), &Policy::DEFAULT, TRANSIENT));

    let limits = Limits { deadline: Some(Nanos::ZERO), ..Limits::DEFAULT };
    let policy = Policy { limits, ..Policy::DEFAULT };
    let decision = fail(&mut Call::new(1, NOW), &policy, verdict);
    assert_eq!(decision, Decision::GiveUp(GiveUp::DeadlineExceeded));
}

#[test]
fn callers_told_the_same_time_do_not_come_back_together() {
    let verdict = TRANSIENT.with_hint(told(Nanos::from_secs(30)));
    let mut waits: Vec<_> = (0..1000)
        .map(|seed| fail(&mut Call::new(seed, NOW), &Policy::DEFAULT, verdict).at())
        .map(|at| at.expect("within the limits").saturating_sub(NOW).as_millis() / 100)
        .collect();
    waits.sort_unstable();
    let fullest = waits.chunk_by(|a, b| a == b).map(<[u64]>::len).max();
    // Three seconds of spread in slots of 100 ms: 33 in each on average.
    assert!(fullest < Some(60), "{fullest:?}");
}

#[test]
fn a_told_time_that_cannot_be_waited_for_fails_at_once() {
    let hour = Nanos::from_secs(3600);
    let decision = fail(&mut Call::new(1, NOW), &Policy::DEFAULT, TRANSIENT.with_hint(told(hour)));
    assert_eq!(decision, Decision::GiveUp(GiveUp::HintTooLong { after: hour }));

    let unlimited = Limits { hint_max: Nanos(u64::MAX - 1), ..Limits::DEFAULT };
    let policy =
        Policy { limits: Limits { attempt_min: Nanos::ZERO, ..unlimited }, ..Policy::DEFAULT };
    let forever = TRANSIENT.with_hint(told(Nanos::MAX));
    let mut call = Call::new(1, Nanos::ZERO);
    call.on_attempt();
    let decision = call.on_failure(&policy, &forever, &Unlimited, Nanos::ZERO);
    assert_eq!(decision, Decision::GiveUp(GiveUp::HintTooLong { after: Nanos::MAX }));

    let within = |deadline| {
        let limits = Limits { deadline: Some(deadline), ..Limits::DEFAULT };
        let policy = Policy { limits, ..Policy::DEFAULT };
        fail(&mut Call::new(1, NOW), &policy, TRANSIENT.with_hint(told(hour)))
    };
    let short = within(hour);
    assert_eq!(short, Decision::GiveUp(GiveUp::HintTooLong { after: hour }));
    // Just enough: the jitter gives way, the told time does not.
    let enough = hour.saturating_add(Limits::DEFAULT.attempt_min);
    assert_eq!(within(enough).at(), Some(NOW.saturating_add(hour)));
}

#[test]
fn the_deadline_is_elapsed_time_and_not_the_sum_of_the_waits() {
    let limits = Limits { deadline: Some(Nanos::from_secs(60)), ..Limits::DEFAULT };
    let policy = Policy { limits, ..Policy::DEFAULT };
    let mut call = Call::new(1, NOW);
    let mut decide = |elapsed| {
        call.on_attempt();
        let now = NOW.saturating_add(Nanos::from_secs(elapsed));
        call.on_failure(&policy, &TRANSIENT, &Unlimited, now)
    };
    assert!(decide(15).at().is_some());
    assert!(decide(50).at().is_some());
    assert_eq!(decide(60), Decision::GiveUp(GiveUp::DeadlineExceeded));
}

#[test]
fn a_forbidden_retry_is_not_made() {
    let hint = ServerHint { after: None, retry: Some(false) };
    let decision = fail(&mut Call::new(1, NOW), &Policy::DEFAULT, TRANSIENT.with_hint(hint));
    assert_eq!(decision, Decision::GiveUp(GiveUp::ServerForbids));
    // It is about the request that was refused, not about a response that broke.
    let cut = Verdict::new(Class::Connect, Sent::Streaming { delivered: 9 }).with_hint(hint);
    let decision = fail(&mut Call::new(1, NOW), &Policy::DEFAULT, cut);
    assert!(matches!(decision, Decision::Resume { .. }));
}

#[test]
fn a_retry_that_does_not_follow_spends_nothing() {
    let limits = Limits { deadline: Some(SECOND), total: 2, ..Limits::DEFAULT };
    let policy = Policy { limits, ..Policy::DEFAULT };
    let ledger = Ledger::default();
    let forbids = ServerHint { after: None, retry: Some(false) };
    for (verdict, elapsed, attempts) in [
        (Verdict::new(Class::Auth, Sent::NotSent), Nanos::ZERO, 1),
        (TRANSIENT.with_hint(forbids), Nanos::ZERO, 1),
        (TRANSIENT, Nanos::ZERO, 2),
        (TRANSIENT, SECOND, 1),
        (TRANSIENT.with_hint(told(SECOND)), Nanos::ZERO, 1),
    ] {
        let mut call = Call::new(1, NOW);
        (0..attempts).for_each(|_| call.on_attempt());
        let now = NOW.saturating_add(elapsed);
        let decision = call.on_failure(&policy, &verdict, &ledger, now);
        assert!(matches!(decision, Decision::GiveUp(_)), "{decision:?}");
    }
    assert_eq!(ledger.asked.get(), 0);
}

#[test]
fn a_denied_retry_gives_up() {
    let ledger = Ledger { deny: true, ..Ledger::default() };
    let mut call = Call::new(1, NOW);
    call.on_attempt();
    let decision = call.on_failure(&Policy::DEFAULT, &TRANSIENT, &ledger, NOW);
    assert_eq!(decision, Decision::GiveUp(GiveUp::BudgetDenied));
    assert_eq!(ledger.asked.get(), 1);
}

#[test]
fn a_million_successes_do_not_outweigh_an_outage() {
    let quota = AwsQuota::v2_1();
    for seed in 0..1_000_000 {
        let mut call = Call::new(seed, NOW);
        call.on_attempt();
        call.on_success(&quota, NOW);
    }
    let retries = (0..1000)
        .filter(|&seed| {
            let mut call = Call::new(seed, NOW);
            call.on_attempt();
            call.on_failure(&Policy::aws_2_1(), &TRANSIENT, &quota, NOW).at().is_some()
        })
        .count();
    assert_eq!(retries, 35);
}

#[test]
fn a_budget_grants_exactly_what_its_price_says() {
    let quota = AwsQuota::v2_1();
    let granted =
        |class, tries: usize| (0..tries).filter(|_| quota.withdraw(NOW, class)).count() as u32;
    // 500 tokens, 14 for a retry and 5 for one after throttling.
    assert_eq!(granted(Class::Throttle, 3), 3);
    assert_eq!(granted(Class::Timeout, 100), (500 - 3 * 5) / 14);
    assert_eq!(granted(Class::Overload, 100), 1);
    assert_eq!(quota.available(), 4);
}

#[test]
fn threads_that_share_a_quota_do_not_retry_more_than_it_holds() {
    let quota = AwsQuota::v2_1();
    let retries = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4_u64)
            .map(|seed| {
                let quota = &quota;
                scope.spawn(move || {
                    let script = std::iter::repeat_n((SECOND, TRANSIENT), 2);
                    let calls = (0..100).map(|n| {
                        let seed = seed * 100 + n;
                        Policy::aws_2_1().simulate(seed, script.clone(), quota)
                    });
                    calls.flatten().filter(|decision| decision.at().is_some()).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum::<usize>()
    });
    assert_eq!((retries, quota.available()), (35, 10));
}

#[test]
fn a_request_that_may_have_had_its_effect_is_not_repeated_unasked() {
    let policy = Policy { repeat: Repeat::IfUnprocessed, ..Policy::DEFAULT };
    let first = |verdict| fail(&mut Call::new(1, NOW), &policy, verdict);
    let begun = Verdict::new(Class::Connect, Sent::Streaming { delivered: 0 });
    for verdict in [TRANSIENT, begun, Verdict::new(Class::Timeout, Sent::MaybeProcessed)] {
        assert_eq!(first(verdict), Decision::GiveUp(GiveUp::MaybeProcessed));
        assert!(fail(&mut Call::new(1, NOW), &Policy::DEFAULT, verdict).at().is_some());
    }
    // Never sent, turned away, or to be continued by a request of its own.
    for verdict in [
        Verdict::new(Class::Connect, Sent::NotSent),
        Verdict::new(Class::Throttle, Sent::MaybeProcessed),
        Verdict::new(Class::Overload, Sent::MaybeProcessed),
        Verdict::new(Class::Connect, Sent::Streaming { delivered: 1 }),
    ] {
        assert!(first(verdict).at().is_some(), "{verdict:?}");
    }
}

#[test]
fn a_success_repays_exactly_what_its_last_retry_cost() {
    let quota = AwsQuota::v2_1();
    let mut call = Call::new(1, NOW);
    call.on_attempt();
    assert!(call.on_failure(&Policy::DEFAULT, &TRANSIENT, &quota, NOW).at().is_some());
    assert_eq!(quota.available(), 486);
    call.on_attempt();
    call.on_success(&quota, NOW);
    assert_eq!(quota.available(), 500);
}

#[test]
fn a_key_belongs_to_the_request_and_not_to_the_attempt() {
    let key = IdempotencyKey::from_bytes([7; 16]);
    let (first, second) = (key.derive(100), key.derive(200));
    assert_eq!(first, key.derive(100));
    assert!(first != key && second != key && first != second);
    assert_eq!(key.to_string().as_bytes(), key.encode());
    let text = key.to_string();
    assert!(text.starts_with('"') && text.ends_with('"') && text.len() == 38);
}
