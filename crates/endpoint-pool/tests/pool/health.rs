//! What keeps an endpoint in use, takes it out and brings it back, seen from outside.

use endpoint_pool::{Config, EndpointId, Gate, Kind, Purpose, Request, Route, Slots, Standing};
use retry_policy::{Class, Nanos};

use crate::rig::{Rig, SECOND};

fn only(endpoint: u16) -> Request {
    Request { route: Route::Only(EndpointId(endpoint)), ..Request::new(Kind::First) }
}

/// An answer and four failures, or fewer if that takes the endpoint out.
fn serve_poorly(rig: &mut Rig, endpoint: u16) {
    for index in 0..5 {
        if standing(rig, endpoint) == Standing::Out {
            return;
        }
        let ticket = rig.ask(only(endpoint));
        rig.granted();
        if index == 0 {
            rig.finish(ticket);
        } else {
            rig.fail(ticket, Class::Transient);
        }
        rig.waits();
    }
}

fn standing(rig: &Rig, endpoint: u16) -> Standing {
    rig.pool.snapshot(rig.now).endpoints[usize::from(endpoint)].standing
}

#[test]
fn an_endpoint_that_answers_too_little_is_used_when_it_is_the_last() {
    let mut rig = Rig::new(2, Config::default());
    while standing(&rig, 0) == Standing::InUse {
        serve_poorly(&mut rig, 0);
    }
    rig.take_out(1);
    assert_eq!(rig.pool.gate(), Gate::Closed);
    let tickets: Vec<_> = (0..5).map(|_| rig.first()).collect();
    for _ in 0..5 {
        assert_eq!(rig.granted().endpoint, EndpointId(0));
    }
    for ticket in tickets {
        rig.fail(ticket, Class::Connect);
    }
    assert!(matches!(rig.pool.gate(), Gate::Open { .. }));
}

#[test]
fn half_of_the_endpoints_stay_whatever_their_rates_are() {
    let mut rig = Rig::new(3, Config::default());
    for _ in 0..30 {
        for endpoint in 0..3 {
            serve_poorly(&mut rig, endpoint);
        }
    }
    let out = (0..3).filter(|&endpoint| standing(&rig, endpoint) == Standing::Out).count();
    assert_eq!(out, 1);
}

#[test]
fn an_endpoint_that_refuses_even_one_at_a_time_is_as_good_as_down() {
    let mut rig = Rig::new(1, Config::default());
    let refused = (1..20).find(|_| {
        let ticket = rig.first();
        rig.granted();
        rig.fail(ticket, Class::Throttle);
        rig.waits();
        rig.pool.gate() != Gate::Closed
    });
    assert_eq!(refused, Some(6));
}

#[test]
fn a_refusal_for_load_is_a_sign_of_life() {
    let mut rig = Rig::new(1, Config::default());
    rig.take_out(0);
    let begin = rig.now;
    for _ in 0..100 {
        rig.first();
    }
    while rig.now < begin.saturating_add(Nanos::from_secs(6)) {
        let at = rig.waits().expect("a probe");
        rig.pass_until(at);
        let probe = rig.granted().ticket;
        rig.fail(probe, Class::Overload);
    }
    rig.waits();
    let deadline = Some(rig.now.saturating_add(Nanos::from_secs(5)));
    rig.ask(Request { deadline, ..Request::new(Kind::First) });
    assert!(rig.waits().is_some());
}

#[test]
fn refused_credentials_are_told_to_the_callers_and_not_waited_out() {
    let mut rig = Rig::new(2, Config::default());
    rig.take_out(0);
    rig.take_out(1);
    rig.first();
    let at = rig.waits().expect("a probe");
    rig.pass_until(at);
    let probe = rig.granted();
    rig.fail(probe.ticket, Class::Auth);
    assert_eq!(rig.pool.gate(), Gate::Closed);
    rig.first();
    assert_eq!(rig.granted().endpoint, probe.endpoint);
}

#[test]
fn a_request_that_failed_is_no_probe_while_others_serve() {
    let mut rig = Rig::new(2, Config::default());
    rig.take_out(1);
    rig.pass(Nanos::from_secs(30));
    for kind in [Kind::Retry, Kind::Continuation] {
        rig.ask(Request::new(kind));
        assert_eq!(rig.granted().endpoint, EndpointId(0));
    }
    rig.first();
    let probe = rig.granted();
    assert_eq!((probe.endpoint, probe.purpose), (EndpointId(1), Purpose::Probe));
    rig.first();
    assert_eq!(rig.granted().endpoint, EndpointId(0));
}

#[test]
fn a_request_for_an_endpoint_that_is_out_becomes_its_probe() {
    let mut rig = Rig::new(2, Config::default());
    rig.take_out(1);
    let pinned = rig.ask(Request { kind: Kind::Continuation, ..only(1) });
    let at = rig.waits().expect("a probe");
    assert!(at <= rig.now.saturating_add(Nanos::from_secs(20)));
    rig.pass_until(at);
    let grant = rig.granted();
    assert_eq!((grant.ticket, grant.purpose), (pinned, Purpose::Probe));
}

#[test]
fn attempts_left_from_before_an_outage_count_towards_the_most() {
    let slots = Slots { initial: 6, min: 1, max: 6 };
    let mut rig = Rig::new(1, Config { slots, ..Config::default() });
    for _ in 0..4 {
        rig.first();
        rig.granted();
    }
    rig.take_out(0);
    for _ in 0..4 {
        rig.first();
    }
    let at = rig.waits().expect("a probe");
    rig.pass_until(at);
    let probe = rig.granted().ticket;
    rig.answer(probe);
    rig.granted();
    rig.waits();
    assert_eq!(rig.pool.snapshot(rig.now).active, 6);
}

#[test]
fn a_cache_that_overflows_once_keeps_its_new_home() {
    let mut rig = Rig::new(3, Config::default());
    let request = Request { affinity: Some(5), ..Request::new(Kind::First) };
    let place = |rig: &mut Rig| {
        let ticket = rig.ask(request);
        let endpoint = rig.granted().endpoint;
        rig.finish(ticket);
        rig.waits();
        endpoint
    };
    let own = place(&mut rig);
    rig.take_out(own.0);
    let home = place(&mut rig);
    assert_ne!(home, own);
    let load: Vec<_> = (0..4).map(|_| rig.ask(only(home.0))).collect();
    load.iter().for_each(|_| assert_eq!(rig.granted().endpoint, home));
    let overflow = place(&mut rig);
    assert!(overflow != own && overflow != home);
    load.into_iter().for_each(|ticket| rig.finish(ticket));
    rig.waits();
    assert_eq!(place(&mut rig), home);
}

#[test]
fn a_cache_is_not_worth_a_much_slower_endpoint() {
    let mut rig = Rig::new(2, Config::default());
    let request = Request { affinity: Some(5), ..Request::new(Kind::First) };
    rig.ask(request);
    let own = rig.granted().endpoint.0;
    for (endpoint, time) in [(own, SECOND), (1 - own, Nanos::from_millis(100))] {
        for _ in 0..10 {
            let ticket = rig.ask(only(endpoint));
            rig.granted();
            rig.pass(time);
            rig.finish(ticket);
            rig.waits();
        }
    }
    for _ in 0..10 {
        let ticket = rig.ask(request);
        assert_eq!(rig.granted().endpoint.0, 1 - own);
        rig.pool.cancel(ticket, rig.now);
        rig.waits();
    }
}
