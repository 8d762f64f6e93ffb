//! Mistakes that balancers and breakers are known to make, one test for each, named after the
//! symptom.

use endpoint_pool::{Config, EndpointId, Gate, Kind, Request, Route, Standing};
use retry_policy::{Class, Nanos};

use crate::rig::{Rig, SECOND};

fn at(endpoint: u16) -> Request {
    Request { route: Route::Only(EndpointId(endpoint)), ..Request::new(Kind::First) }
}

/// Attempts at an endpoint, a tenth of a second each.
fn attempts(rig: &mut Rig, endpoint: u16, count: u32, end: fn(&mut Rig, endpoint_pool::Ticket)) {
    for _ in 0..count {
        let ticket = rig.ask(at(endpoint));
        rig.granted();
        rig.pass(Nanos::from_millis(100));
        end(rig, ticket);
        rig.waits();
    }
}

#[test]
fn the_error_rate_of_an_endpoint_that_always_succeeds_is_zero() {
    let mut rig = Rig::new(2, Config::default());
    attempts(&mut rig, 0, 200, Rig::finish);
    let endpoint = rig.pool.snapshot(rig.now).endpoints[0];
    assert_eq!(endpoint.recent.failures, 0);
    assert!(endpoint.recent.successes >= 200);
    assert_eq!(endpoint.standing, Standing::InUse);
}

#[test]
fn an_endpoint_that_always_fails_is_worse_than_one_that_never_does() {
    let mut rig = Rig::new(2, Config::default());
    attempts(&mut rig, 0, 4, |rig, ticket| rig.fail(ticket, Class::Connect));
    attempts(&mut rig, 1, 4, Rig::finish);
    for _ in 0..20 {
        let ticket = rig.first();
        assert_eq!(rig.granted().endpoint, EndpointId(1));
        rig.finish(ticket);
    }
}

#[test]
fn statistics_move_with_every_request() {
    let mut rig = Rig::new(1, Config::default());
    let mut last = rig.pool.snapshot(rig.now);
    for _ in 0..20 {
        attempts(&mut rig, 0, 1, Rig::finish);
        let next = rig.pool.snapshot(rig.now);
        assert!(next.endpoints[0].picks > last.endpoints[0].picks);
        assert!(next.endpoints[0].recent.successes > last.endpoints[0].recent.successes);
        assert!(next.endpoints[0].first_token.is_some());
        last = next;
    }
    assert!(last.endpoints[0].latency.is_some_and(|it| it >= Nanos::from_millis(99)));
}

#[test]
fn a_fast_failure_is_no_fast_answer() {
    let mut rig = Rig::new(2, Config::default());
    attempts(&mut rig, 0, 1, |rig, ticket| rig.fail(ticket, Class::Connect));
    assert_eq!(rig.pool.snapshot(rig.now).endpoints[0].latency, None);
}

#[test]
fn a_million_successes_do_not_hide_an_outage() {
    let mut rig = Rig::new(1, Config::default());
    attempts(&mut rig, 0, 100_000, Rig::finish);
    attempts(&mut rig, 0, 5, |rig, ticket| rig.fail(ticket, Class::Connect));
    assert!(matches!(rig.pool.gate(), Gate::Open { .. }));
}

#[test]
fn when_all_endpoints_are_dead_the_first_one_is_not_hammered() {
    let mut rig = Rig::new(3, Config::default());
    for endpoint in 0..3 {
        rig.take_out(endpoint);
    }
    let mut picks = [0; 3];
    for _ in 0..12 {
        rig.first();
        let at = rig.waits().expect("a probe");
        rig.pass_until(at);
        let grant = rig.granted();
        picks[usize::from(grant.endpoint.0)] += 1;
        rig.fail(grant.ticket, Class::Connect);
    }
    assert_eq!(picks, [4, 4, 4]);
}

#[test]
fn a_permit_covers_the_body_not_only_the_head() {
    let mut rig = Rig::new(1, Config::default());
    let ticket = rig.first();
    rig.granted();
    rig.pool.head(ticket, rig.now);
    rig.answer(ticket);
    rig.pass(Nanos::from_secs(60));
    assert_eq!(rig.pool.snapshot(rig.now).active, 1);
    rig.finish(ticket);
    assert_eq!(rig.pool.snapshot(rig.now).active, 0);
}

#[test]
fn a_refused_request_is_no_failure_of_the_endpoint() {
    let mut rig = Rig::new(1, Config::default());
    attempts(&mut rig, 0, 50, |rig, ticket| rig.fail(ticket, Class::Invalid));
    attempts(&mut rig, 0, 50, |rig, ticket| rig.fail(ticket, Class::Auth));
    attempts(&mut rig, 0, 50, |rig, ticket| rig.pool.cancel(ticket, rig.now));
    assert_eq!(rig.pool.gate(), Gate::Closed);
    assert_eq!(rig.pool.snapshot(rig.now).endpoints[0].recent.failures, 0);
}

#[test]
fn processes_with_different_seeds_do_not_probe_in_lock_step() {
    let mut spans: Vec<_> = (0..200)
        .map(|seed| {
            let endpoint = [endpoint_pool::Endpoint::new(1)];
            let pool = endpoint_pool::Pool::new(Config::default(), &endpoint, seed).expect("sound");
            let mut rig = Rig { pool, now: SECOND };
            rig.take_out(0);
            rig.first();
            rig.waits().expect("a probe").saturating_sub(SECOND)
        })
        .collect();
    spans.sort_unstable();
    spans.dedup();
    assert_eq!(spans.len(), 200);
}
