//! Requests that another pool can take: they do not wait for one that is down, but somebody finds
//! out that it is back.

use endpoint_pool::{
    Config, Gate, Kind, Purpose, Quota, RateLimits, Refusal, Request, Route, Slots,
};
use retry_policy::{Class, Nanos};

use crate::rig::{Rig, SECOND};

const SPARE: Request = Request { spare: Some(Nanos::from_secs(10)), ..Request::new(Kind::First) };

#[test]
fn what_another_pool_can_take_waits_for_no_endpoint_that_is_out() {
    let mut rig = Rig::new(1, Config::default());
    rig.take_out(0);
    let spare = rig.ask(SPARE);
    assert_eq!(rig.refused(), (spare, Refusal::UpstreamDown));
    rig.first();
    assert!(rig.waits().is_some(), "the other one waits");
}

#[test]
fn the_next_probe_goes_out_although_another_pool_could_take_it() {
    let mut rig = Rig::new(1, Config::default());
    rig.take_out(0);
    rig.pass(SECOND);
    let probe = rig.ask(SPARE);
    let grant = rig.granted();
    assert_eq!((grant.ticket, grant.purpose), (probe, Purpose::Probe));
    let next = rig.ask(SPARE);
    assert_eq!(rig.refused(), (next, Refusal::UpstreamDown));
    rig.finish(probe);
    let after = rig.ask(SPARE);
    assert_eq!(rig.granted().ticket, after);
    assert_eq!(rig.pool.gate(), Gate::Closed);
}

#[test]
fn those_that_wait_are_let_go_when_the_last_endpoint_goes_out() {
    let mut rig = Rig::new(1, Config::default());
    let failing: Vec<_> = (0..5).map(|_| rig.first()).collect();
    for _ in &failing {
        rig.granted();
    }
    let not_before = rig.now.saturating_add(SECOND);
    let delayed = rig.ask(Request { not_before, ..SPARE });
    let other = rig.ask(Request { not_before, ..Request::new(Kind::First) });
    rig.waits();
    for ticket in failing {
        rig.fail(ticket, Class::Connect);
    }
    assert_eq!(rig.refused(), (delayed, Refusal::UpstreamDown));
    rig.waits();
    assert_eq!(rig.pool.snapshot(rig.now).waiting, 1, "{other:?} waits for a probe");
}

#[test]
fn a_long_time_that_the_server_named_is_not_waited_for() {
    for (after, is_waited_for) in [(5, true), (100, false)] {
        let mut rig = Rig::new(1, Config::default());
        let first = rig.first();
        rig.granted();
        rig.fail_with_hint(first, Class::Throttle, Nanos::from_secs(after));
        let spare = rig.ask(SPARE);
        if is_waited_for {
            assert!(rig.waits().is_some());
        } else {
            assert_eq!(rig.refused(), (spare, Refusal::UpstreamDown));
        }
    }
}

#[test]
fn of_two_endpoints_the_one_that_may_be_asked_is() {
    let mut rig = Rig::new(2, Config::default());
    let first = rig.ask(Request { route: Route::Any, ..SPARE });
    let at = rig.granted().endpoint;
    rig.fail_with_hint(first, Class::Throttle, Nanos::from_secs(100));
    rig.ask(SPARE);
    assert_ne!(rig.granted().endpoint, at);
}

#[test]
fn nobody_waits_for_a_slot_for_longer_than_another_pool_is_worth() {
    let slots = Slots { initial: 1, min: 1, max: 1 };
    let mut rig = Rig::new(1, Config { slots, ..Config::default() });
    rig.first();
    rig.granted();
    let not_before = rig.now.saturating_add(Nanos::from_secs(3));
    let spare = rig.ask(SPARE);
    let delayed = rig.ask(Request { not_before, ..SPARE });
    let patient = rig.first();
    let over = rig.now.saturating_add(Nanos::from_secs(10));
    while rig.waits().is_some_and(|at| at < over) {
        rig.pass(SECOND);
    }
    rig.pass_until(over);
    assert_eq!(rig.refused(), (spare, Refusal::Timeout));
    assert!(rig.waits().is_some_and(|at| at <= not_before.saturating_add(Nanos::from_secs(10))));
    rig.pass(Nanos::from_secs(3));
    assert_eq!(rig.refused(), (delayed, Refusal::Timeout), "behind its own delay");
    rig.waits();
    assert_eq!(rig.pool.snapshot(rig.now).waiting, 1, "{patient:?} has nowhere else to go");
}

#[test]
fn nobody_waits_for_a_quota_that_is_full_again_too_late() {
    for (reset, is_waited_for) in [(5, true), (60, false)] {
        let mut rig = Rig::new(1, Config::default());
        let first = rig.first();
        rig.granted();
        let quota = Quota { limit: 1, remaining: 0, reset: Nanos::from_secs(reset) };
        let limits = RateLimits { requests: Some(quota), ..RateLimits::default() };
        rig.pool.rate_limits(first, &limits, rig.now);
        rig.finish(first);
        let spare = rig.ask(SPARE);
        if is_waited_for {
            assert!(rig.waits().is_some());
        } else {
            assert_eq!(rig.refused(), (spare, Refusal::UpstreamDown));
        }
    }
}
