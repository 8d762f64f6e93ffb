//! What does it cost to admit a request and to hear of it? Without waiting, at the end of a long
//! queue, per event of a body, and while an outage lasts. Every benchmark asserts its result.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use endpoint_pool::{
    Action, Config, Endpoint, Kind, Pool, Purpose, Queueing, Request, Sign, Ticket,
};
use retry_policy::{Class, Nanos, Sent, Verdict};

const STEP: Nanos = Nanos::from_millis(1);
const BROKEN: Verdict = Verdict::new(Class::Connect, Sent::NotSent);

fn pool(endpoints: u64) -> Pool {
    let endpoints: Vec<_> = (0..endpoints).map(Endpoint::new).collect();
    Pool::new(Config::default(), &endpoints, 1).expect("the defaults are sound")
}

fn granted(pool: &mut Pool, now: Nanos) -> Ticket {
    match pool.poll(now) {
        Action::Grant(grant) => grant.ticket,
        other => panic!("{other:?}"),
    }
}

/// Asking, a grant, an answer, the end.
fn request(c: &mut Criterion) {
    for (name, endpoints, affinity) in [
        ("one-endpoint", 1, None),
        ("five-endpoints", 5, None),
        ("five-endpoints-cache", 5, Some(7)),
    ] {
        let (mut pool, mut now) = (pool(endpoints), Nanos::from_secs(1));
        c.bench_function(&format!("endpoint-pool/request/1/{name}"), |b| {
            b.iter(|| {
                now = now.saturating_add(STEP);
                let deadline = Some(now.saturating_add(Nanos::from_secs(120)));
                let request = Request { affinity, deadline, ..Request::new(Kind::First) };
                let ticket = pool.acquire(black_box(request), now);
                assert_eq!(granted(&mut pool, now), ticket);
                pool.heard(ticket, Sign::Content, now);
                pool.finished(ticket, now);
                assert!(matches!(pool.poll(now), Action::Wait(_)));
            });
        });
    }
}

/// One event of a body.
fn event(c: &mut Criterion) {
    let (mut pool, mut now) = (pool(3), Nanos::from_secs(1));
    let ticket = pool.acquire(Request::new(Kind::First), now);
    assert_eq!(granted(&mut pool, now), ticket);
    c.bench_function("endpoint-pool/event/1/content", |b| {
        b.iter(|| {
            now = now.saturating_add(STEP);
            pool.heard(black_box(ticket), Sign::Content, now);
        });
    });
    pool.finished(ticket, now);
    assert_eq!(pool.snapshot(now).counters.succeeded, 1);
}

/// A request ends and the first of a thousand that wait takes its place.
fn queue(c: &mut Criterion) {
    let (mut pool, mut now) = (pool(1), Nanos::from_secs(1));
    let mut live = std::collections::VecDeque::new();
    for _ in 0..1000 {
        pool.acquire(Request::new(Kind::First), now);
        while let Action::Grant(grant) = pool.poll(now) {
            live.push_back(grant.ticket);
        }
    }
    c.bench_function("endpoint-pool/request/1/behind-a-thousand", |b| {
        b.iter(|| {
            now = now.saturating_add(Nanos::from_micros(1));
            let ticket = live.pop_front().expect("some are live");
            pool.cancel(ticket, now);
            live.push_back(granted(&mut pool, now));
            pool.acquire(Request::new(Kind::First), now);
            assert!(matches!(pool.poll(now), Action::Wait(_)));
        });
    });
    assert!(pool.snapshot(now).waiting > 900);
}

/// A probe of a long outage fails and its caller comes back.
fn outage(c: &mut Criterion) {
    // The bench lasts longer, in its own time, than any wait.
    let queue = Queueing { wait_max: Nanos::MAX, ..Queueing::default() };
    let config = Config { queue, ..Config::default() };
    let mut pool = Pool::new(config, &[Endpoint::new(1)], 1).expect("they are sound");
    let mut now = Nanos::from_secs(1);
    for _ in 0..500 {
        pool.acquire(Request::new(Kind::First), now);
    }
    while let Action::Grant(grant) = pool.poll(now) {
        pool.failed(grant.ticket, &BROKEN, now);
    }
    c.bench_function("endpoint-pool/probe/1/five-hundred-wait", |b| {
        b.iter(|| {
            let Action::Wait(Some(at)) = pool.poll(now) else { panic!("a probe is to come") };
            now = at;
            let Action::Grant(grant) = pool.poll(now) else { panic!("the probe is due") };
            assert_eq!(grant.purpose, Purpose::Probe);
            pool.failed(grant.ticket, &BROKEN, now);
            let follows = Some(grant.ticket);
            pool.acquire(Request { follows, ..Request::new(Kind::Retry) }, now);
        });
    });
}

criterion_group!(benches, request, event, queue, outage);
criterion_main!(benches);
