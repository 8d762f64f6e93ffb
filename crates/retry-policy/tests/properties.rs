//! What holds for every policy, verdict and seed, and what a jitter's distribution must be.

use proptest::prelude::{Just, ProptestConfig, Strategy, TestCaseError, any, prop_oneof, proptest};
use proptest::{prop_assert, prop_assert_eq};
use retry_policy::{
    AwsQuota, Backoff, Call, Class, Decision, Endpoints, Limits, Nanos, Policy, RateLimits, Repeat,
    Sent, ServerHint, Unlimited, Verdict, hint,
};

fn nanos(max: u64) -> impl Strategy<Value = Nanos> {
    (0..=max).prop_map(Nanos)
}

/// Years, and yet a whole schedule of them fits into the range of an instant.
const LONG: u64 = u64::MAX / 32;

fn backoffs() -> impl Strategy<Value = Backoff> {
    let ends =
        prop_oneof![(nanos(5_000_000_000), nanos(30_000_000_000)), (nanos(LONG), nanos(LONG)),];
    (ends, 0..5).prop_map(|((base, cap), shape)| match shape {
        0 => Backoff::Full { base, cap },
        1 => Backoff::Equal { base, cap },
        2 => Backoff::Quarter { base, cap },
        3 => Backoff::DecorrelatedFolded { base, cap },
        _ => Backoff::None { base, cap },
    })
}

fn classes() -> impl Strategy<Value = Class> {
    prop_oneof![
        Just(Class::Connect),
        Just(Class::Transient),
        Just(Class::Timeout),
        Just(Class::Throttle),
        Just(Class::Overload),
        Just(Class::Protocol),
    ]
}

fn policies() -> impl Strategy<Value = Policy> {
    let deadline = prop_oneof![Just(None), nanos(120_000_000_000).prop_map(Some)];
    let endpoints = prop_oneof![Just(Endpoints::One), Just(Endpoints::Several)];
    let repeat = prop_oneof![3 => Just(Repeat::Always), 1 => Just(Repeat::IfUnprocessed)];
    let limits = (deadline, 0..20_u32, 0..20_u32);
    ([backoffs(), backoffs(), backoffs()], limits, endpoints, repeat).prop_map(
        |([backoff, throttle, overload], (deadline, total, in_a_row), endpoints, repeat)| Policy {
            backoff,
            throttle,
            overload,
            limits: Limits { total, in_a_row, deadline, ..Limits::DEFAULT },
            endpoints,
            repeat,
        },
    )
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    let sent = prop_oneof![
        Just(Sent::NotSent),
        Just(Sent::MaybeProcessed),
        (0..2000_u64).prop_map(|delivered| Sent::Streaming { delivered }),
    ];
    let after = prop_oneof![Just(None), nanos(200_000_000_000).prop_map(Some)];
    (classes(), sent, after).prop_map(|(class, sent, after)| {
        Verdict::new(class, sent).with_hint(ServerHint { after, retry: None })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_delay_lies_within_its_bounds_and_the_cap(
        backoff in backoffs(),
        draw in any::<u64>(),
        previous in any::<u64>(),
        retry in any::<u32>(),
    ) {
        let delay = backoff.delay(retry, Nanos(previous), draw);
        prop_assert!(delay <= backoff.cap());
        let first = backoff.delay(retry, Nanos::ZERO, draw);
        let bounds = backoff.bounds(retry);
        prop_assert!(bounds.min <= first && first <= bounds.max);
    }

    #[test]
    fn a_schedule_replays_and_stays_in_its_envelope(
        policy in policies(),
        class in classes(),
        seed in any::<u64>(),
    ) {
        let delays: Vec<_> = policy.schedule(class, seed).collect();
        prop_assert!(delays.iter().copied().eq(policy.schedule(class, seed)));
        let envelope: Vec<_> = policy.envelope(class).collect();
        prop_assert!(delays.len() <= envelope.len());
        for (&delay, bounds) in delays.iter().zip(&envelope) {
            prop_assert!(bounds.min <= delay && delay <= bounds.max);
        }
        if policy.limits.deadline.is_none() {
            prop_assert_eq!(delays.len(), envelope.len());
        }
        let sum = delays.iter().fold(Nanos::ZERO, |sum, &delay| sum.saturating_add(delay));
        prop_assert!(sum <= policy.limits.deadline.unwrap_or(Nanos::MAX));
    }

    #[test]
    fn a_call_ends_within_its_limits_and_never_repeats_what_it_delivered(
        policy in policies(),
        seed in any::<u64>(),
        failures in proptest::collection::vec((verdicts(), nanos(20_000_000_000)), 0..40),
    ) {
        let start = Nanos::from_secs(5);
        let (mut call, mut now, mut delivered) = (Call::new(seed, start), start, 0);
        for (verdict, took) in failures {
            call.on_attempt();
            now = now.saturating_add(took);
            if let Sent::Streaming { delivered: bytes } = verdict.sent {
                call.on_progress(bytes);
                delivered += bytes;
            }
            let decision = call.on_failure(&policy, &verdict, &Unlimited, now);
            if policy.repeat == Repeat::IfUnprocessed && delivered == 0 {
                let begun = matches!(verdict.sent, Sent::Streaming { .. });
                prop_assert!(!begun || decision.at().is_none());
            }
            let Some(at) = decision.at() else { break };
            prop_assert!(at >= now);
            prop_assert!(call.attempts() < policy.limits.total);
            prop_assert!(call.failures_in_a_row() < policy.limits.in_a_row);
            if let Some(deadline) = call.deadline(&policy) {
                prop_assert!(at.saturating_add(policy.limits.attempt_min) <= deadline);
            }
            match decision {
                Decision::Resume { .. } => prop_assert!(delivered > 0),
                Decision::RetryAt { .. } => {
                    prop_assert_eq!((delivered, policy.endpoints), (0, Endpoints::One));
                }
                _ => prop_assert_eq!((delivered, policy.endpoints), (0, Endpoints::Several)),
            }
            now = at;
        }
    }

    #[test]
    fn a_longer_told_time_is_a_longer_wait(
        seed in any::<u64>(),
        told in (1..=120_000_000_000_u64, 1..=120_000_000_000_u64),
    ) {
        let wait = |after: u64| {
            let hint = ServerHint { after: Some(Nanos(after)), retry: None };
            let verdict = Verdict::new(Class::Throttle, Sent::NotSent).with_hint(hint);
            let mut call = Call::new(seed, Nanos::ZERO);
            call.on_failure(&Policy::DEFAULT, &verdict, &Unlimited, Nanos::ZERO).at()
        };
        let (short, long) = (told.0.min(told.1), told.0.max(told.1));
        prop_assert!(wait(short) <= wait(long));
        let waited = wait(short).expect("two minutes are allowed");
        prop_assert!(waited >= Nanos(short));
        prop_assert!(waited <= Nanos(short + (short / 10).clamp(500_000_000, 5_000_000_000)));
    }

    #[test]
    fn a_quota_never_grants_more_than_it_holds(outcomes in proptest::collection::vec(
        (classes(), any::<bool>()), 0..400,
    )) {
        let quota = AwsQuota::v2_1();
        let (mut spent, mut repaid) = (0_u64, 0_u64);
        for (class, succeeds) in outcomes {
            let mut call = Call::new(1, Nanos::ZERO);
            call.on_attempt();
            let verdict = Verdict::new(class, Sent::NotSent);
            let before = quota.available();
            if call.on_failure(&Policy::DEFAULT, &verdict, &quota, Nanos::ZERO).at().is_none() {
                prop_assert_eq!(quota.available(), before);
            }
            spent += u64::from(before - quota.available());
            if succeeds {
                let before = quota.available();
                call.on_success(&quota, Nanos::ZERO);
                repaid += u64::from(quota.available() - before);
            }
            prop_assert_eq!(u64::from(quota.available()), 500 + repaid - spent);
        }
    }

    #[test]
    fn header_readers_take_any_text(text in "\\PC{0,40}", other in "\\PC{0,40}") {
        check_readers(&text, &other)?;
    }

    #[test]
    fn header_readers_take_almost_right_text(
        text in "[0-9TZ:.+-]{0,30}|-?[0-9]{1,25}(\\.[0-9]{0,20})?|([0-9.]{1,9}[nµumsh]{1,2}){1,5}",
        other in "[A-Z][a-z]{2},? [0-9]{1,2}[ -][A-Z][a-z]{2}[ -][0-9]{2,4} [0-9:]{8} GMT",
    ) {
        check_readers(&text, &other)?;
        check_readers(&other, &text)?;
    }

    #[test]
    fn every_date_is_read_as_the_reference_writes_it(unix in 0..253_402_300_800_u64) {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(unix);
        prop_assert_eq!(hint::http_date(&httpdate::fmt_http_date(time)), Some(unix));
    }

    #[test]
    fn almost_a_date_is_read_as_the_reference_reads_it(
        day in 0..33_u32,
        month in 0..12_usize,
        year in 1960..2110_u32,
        time in (0..26_u32, 0..62_u32, 0..60_u32),
    ) {
        let time = format!("{:02}:{:02}:{:02}", time.0, time.1, time.2);
        let (month, short) = (MONTHS[month], year % 100);
        check_date(&format!("{day:02} {month} {year} {time} GMT"), ", ", day)?;
        check_date(&format!("{day:02}-{month}-{short:02} {time} GMT"), ", ", day)?;
        check_date(&format!("{month} {day:2} {time} {year}"), " ", day)?;
    }
}

/// Every header has one of two texts; what comes out is within its limits.
fn check_readers(text: &str, other: &str) -> Result<(), TestCaseError> {
    let _ = (hint::http_date(text), hint::rfc3339(text), hint::go_duration(text));
    let header = |name: &str| Some(if name == "date" { other } else { text });
    let told = ServerHint::read(header, Some(1_795_392_000));
    prop_assert!(told.after != Some(Nanos::ZERO));
    let limits = RateLimits::read(header, Some(1_795_392_000));
    for limit in [limits.requests, limits.tokens, limits.input_tokens, limits.output_tokens] {
        prop_assert!(limit.limit != Some(0));
        prop_assert!(limit.remaining <= limit.limit.or(limit.remaining));
        prop_assert!(limit.full_after <= Some(hint::RESET_MAX));
    }
    Ok(())
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [(&str, &str); 7] = [
    ("Mon", "Monday"),
    ("Tue", "Tuesday"),
    ("Wed", "Wednesday"),
    ("Thu", "Thursday"),
    ("Fri", "Friday"),
    ("Sat", "Saturday"),
    ("Sun", "Sunday"),
];

/// Compares with the reference under the one weekday that it takes, if any.
fn check_date(rest: &str, separator: &str, day: u32) -> Result<(), TestCaseError> {
    let texts = WEEKDAYS.iter().flat_map(|(short, long)| {
        [short, long].map(|weekday| format!("{weekday}{separator}{rest}"))
    });
    for text in texts {
        let ours = hint::http_date(&text);
        let Ok(time) = httpdate::parse_http_date(&text) else { continue };
        let theirs = time.duration_since(std::time::UNIX_EPOCH).ok().map(|since| since.as_secs());
        // The reference takes a 31st in every month.
        prop_assert!(ours == theirs || (ours.is_none() && day > 28), "{}", text);
        return Ok(());
    }
    let ours = hint::http_date(&format!("Mon{separator}{rest}"));
    prop_assert_eq!(ours, None, "{}", rest);
    Ok(())
}

const SLOTS: usize = 8;

/// The statistic of independence of pairs that are uniform on slots.
fn chi_square(pairs: &[(usize, usize)]) -> f64 {
    let mut counts = [0_u32; SLOTS * SLOTS];
    for &(a, b) in pairs {
        counts[a * SLOTS + b] += 1;
    }
    let expected = pairs.len() as f64 / counts.len() as f64;
    counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum()
}

fn slots(seed: u64) -> Vec<usize> {
    let base = Nanos::from_secs(20);
    let policy = Policy { backoff: Backoff::Full { base, cap: base }, ..Policy::DEFAULT };
    policy
        .schedule(Class::Transient, seed)
        .map(|delay| (delay.0 * SLOTS as u64 / (base.0 + 1)) as usize)
        .collect()
}

#[test]
fn delays_of_neighbouring_seeds_and_of_one_call_are_independent() {
    // 63 degrees of freedom; five standard deviations above their mean.
    const BOUND: f64 = 120.0;
    let all: Vec<_> = (0..6400).map(slots).collect();
    let across = |retry: usize, lag: usize| -> Vec<_> {
        all.windows(2).map(|calls| (calls[0][retry], calls[1][retry + lag])).collect()
    };
    for retry in 0..8 {
        for lag in 0..2 {
            let statistic = chi_square(&across(retry, lag));
            assert!(statistic < BOUND, "neighbours, retry {retry}, lag {lag}: {statistic}");
        }
        let within: Vec<_> = all.iter().map(|call| (call[retry], call[retry + 1])).collect();
        let statistic = chi_square(&within);
        assert!(statistic < BOUND, "one call, retry {retry}: {statistic}");
    }
    // The measure finds what it looks for.
    let same: Vec<_> = all.iter().map(|call| (call[0], call[0])).collect();
    assert!(chi_square(&same) > 1000.0);
}

#[test]
fn a_seed_gives_the_same_delays_on_every_platform() {
    let delays: Vec<_> =
        Policy::DEFAULT.schedule(Class::Transient, 7).map(|d| d.0).take(4).collect();
    assert_eq!(delays, [218_675_853, 413_397_901, 1_952_505_764, 3_787_790_651]);
}
