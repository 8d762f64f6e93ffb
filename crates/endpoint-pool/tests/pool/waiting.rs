//! Who waits, in which order, and who is refused: slots, the gate, deadlines, limits.

use endpoint_pool::{
    Action, Config, EndpointId, EndpointSet, Gate, Kind, Purpose, Queueing, Quota, RateLimits,
    Refusal, Request, Route, Sign, Slots, Standing, Tokens,
};
use retry_policy::{Class, Nanos};

use crate::rig::{Rig, SECOND};

fn one_slot() -> Config {
    Config { slots: Slots { initial: 1, min: 1, max: 1 }, ..Config::default() }
}

fn within(rig: &Rig, span: Nanos) -> Request {
    Request { deadline: Some(rig.now.saturating_add(span)), ..Request::new(Kind::First) }
}

#[test]
fn requests_wait_for_a_slot_in_their_order() {
    let mut rig = Rig::new(1, one_slot());
    let tickets: Vec<_> = (0..3).map(|_| rig.first()).collect();
    for ticket in tickets {
        assert_eq!(rig.granted().ticket, ticket);
        assert_eq!(rig.pool.snapshot(rig.now).active, 1);
        rig.waits();
        rig.finish(ticket);
    }
    rig.waits();
    assert_eq!(rig.pool.snapshot(rig.now).active, 0);
}

#[test]
fn who_comes_back_stands_before_who_came_later() {
    let mut rig = Rig::new(1, one_slot());
    let first = rig.first();
    rig.granted();
    let later = rig.first();
    rig.fail(first, Class::Throttle);
    let again = rig.ask(Request { follows: Some(first), ..Request::new(Kind::Retry) });
    assert_eq!(rig.granted().ticket, again);
    rig.finish(again);
    assert_eq!(rig.granted().ticket, later);
}

#[test]
fn the_queue_is_bounded() {
    let queue = Queueing { waiting_max: 2, ..Queueing::default() };
    let mut rig = Rig::new(1, Config { queue, ..one_slot() });
    rig.first();
    rig.granted();
    let delayed = Request { not_before: Nanos::MAX, ..Request::new(Kind::Retry) };
    rig.ask(delayed);
    rig.first();
    let surplus = rig.first();
    assert_eq!(rig.refused(), (surplus, Refusal::QueueFull));
    assert_eq!(rig.pool.snapshot(rig.now).counters.refused(Refusal::QueueFull), 1);
}

#[test]
fn waiting_is_bounded() {
    let mut rig = Rig::new(1, one_slot());
    rig.first();
    rig.granted();
    let ticket = rig.first();
    let at = rig.waits().expect("it does not wait for ever");
    assert_eq!(at, rig.now.saturating_add(Nanos::from_secs(600)));
    rig.pass_until(at);
    assert_eq!(rig.refused(), (ticket, Refusal::Timeout));
}

#[test]
fn a_deadline_ends_the_wait_while_an_attempt_is_still_useful() {
    let mut rig = Rig::new(1, one_slot());
    rig.first();
    rig.granted();
    let request = within(&rig, SECOND);
    let ticket = rig.ask(request);
    let at = rig.waits().expect("it does not wait for ever");
    assert_eq!(at, rig.now.saturating_add(Nanos::from_millis(900)));
    rig.pass_until(at);
    assert_eq!(rig.refused(), (ticket, Refusal::DeadlineTooNear));
    let hopeless = within(&rig, Nanos::from_millis(50));
    let ticket = rig.ask(hopeless);
    assert_eq!(rig.refused(), (ticket, Refusal::DeadlineTooNear));
}

#[test]
fn who_waits_gives_up_when_less_is_left_than_an_answer_takes() {
    let mut rig = Rig::new(1, one_slot());
    let ticket = rig.first();
    rig.granted();
    rig.pass(Nanos::from_secs(2));
    rig.finish(ticket);
    rig.first();
    rig.granted();
    let request = within(&rig, Nanos::from_secs(10));
    rig.ask(request);
    let at = rig.waits().expect("it does not wait for ever").saturating_sub(rig.now);
    assert!(at <= Nanos::from_secs(8) && at >= Nanos::from_millis(7800), "{at}");
}

#[test]
fn the_callers_own_backoff_is_kept() {
    let mut rig = Rig::new(1, Config::default());
    let not_before = rig.now.saturating_add(SECOND);
    let ticket = rig.ask(Request { not_before, ..Request::new(Kind::Retry) });
    assert_eq!(rig.waits(), Some(not_before));
    assert_eq!(rig.pool.snapshot(rig.now).delayed, 1);
    rig.pass_until(not_before);
    assert_eq!(rig.granted().ticket, ticket);
}

#[test]
fn an_open_gate_lets_one_probe_through_and_then_the_queue() {
    let mut rig = Rig::new(1, Config::default());
    rig.take_out(0);
    assert!(matches!(rig.pool.gate(), Gate::Open { .. }));
    let tickets: Vec<_> = (0..50).map(|_| rig.first()).collect();
    let at = rig.waits().expect("a probe");
    assert!(at <= rig.now.saturating_add(Nanos::from_millis(250)));
    rig.pass_until(at);
    let probe = rig.granted();
    assert_eq!((probe.ticket, probe.purpose), (tickets[0], Purpose::Probe));
    rig.waits();
    rig.answer(probe.ticket);
    assert_eq!(rig.pool.gate(), Gate::Closed);
    assert_eq!([rig.granted().ticket, rig.granted().ticket], [tickets[1], tickets[2]]);
    rig.waits();
    rig.finish(tickets[1]);
    assert_eq!([rig.granted().ticket, rig.granted().ticket], [tickets[3], tickets[4]]);
}

#[test]
fn a_failed_probe_leaves_the_rest_parked_and_the_next_one_later() {
    let mut rig = Rig::new(1, Config::default());
    rig.take_out(0);
    let tickets: Vec<_> = (0..100).map(|_| rig.first()).collect();
    let mut spans = Vec::new();
    for &ticket in &tickets[..10] {
        let at = rig.waits().expect("a probe");
        spans.push(at.saturating_sub(rig.now));
        rig.pass_until(at);
        assert_eq!(rig.granted().ticket, ticket);
        rig.fail(ticket, Class::Connect);
    }
    assert!(spans.iter().all(|&span| span <= Nanos::from_millis(1200)), "{spans:?}");
    assert!(spans[9] >= Nanos::from_millis(600), "{spans:?}");
    assert_eq!(rig.pool.snapshot(rig.now).counters.probes, 10);
    assert_eq!(rig.pool.snapshot(rig.now).waiting, 90);
}

#[test]
fn an_open_gate_takes_the_place_of_backoff() {
    let mut rig = Rig::new(1, Config::default());
    let not_before = rig.now.saturating_add(Nanos::from_secs(20));
    let early = rig.ask(Request { not_before, ..Request::new(Kind::Retry) });
    rig.take_out(0);
    rig.ask(Request { not_before, ..Request::new(Kind::Retry) });
    assert_eq!(rig.pool.snapshot(rig.now).delayed, 0);
    assert_eq!(rig.pool.snapshot(rig.now).waiting, 2);
    let at = rig.waits().expect("a probe");
    assert!(at < rig.now.saturating_add(SECOND));
    rig.pass_until(at);
    assert_eq!(rig.granted().ticket, early);
}

#[test]
fn short_deadlines_fail_fast_in_an_outage() {
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
        rig.fail(probe, Class::Connect);
    }
    rig.waits();
    let short = within(&rig, Nanos::from_secs(5));
    let short = rig.ask(short);
    assert_eq!(rig.refused(), (short, Refusal::UpstreamDown));
    let long = within(&rig, Nanos::from_secs(60));
    rig.ask(long);
    assert!(rig.waits().is_some());
}

#[test]
fn nobody_waits_for_a_probe_that_comes_too_late() {
    let mut rig = Rig::new(1, Config::default());
    rig.take_out(0);
    rig.pass(SECOND);
    let probe = rig.first();
    assert_eq!(rig.granted().ticket, probe);
    let short = within(&rig, Nanos::from_secs(5));
    let short = rig.ask(short);
    assert_eq!(rig.refused(), (short, Refusal::DeadlineTooNear));
}

#[test]
fn an_outage_that_nobody_watched_is_found_to_be_over() {
    let mut rig = Rig::new(1, Config::default());
    rig.take_out(0);
    rig.pass(Nanos::from_secs(40_000));
    let short = within(&rig, Nanos::from_secs(5));
    let ticket = rig.ask(short);
    assert_eq!(rig.granted().ticket, ticket);
    rig.finish(ticket);
    assert_eq!(rig.pool.gate(), Gate::Closed);
}

#[test]
fn a_probe_that_its_caller_drops_is_followed_by_another() {
    let mut rig = Rig::new(1, Config::default());
    rig.take_out(0);
    let tickets = [rig.first(), rig.first()];
    let at = rig.waits().expect("a probe");
    rig.pass_until(at);
    assert_eq!(rig.granted().ticket, tickets[0]);
    rig.waits();
    rig.pool.cancel(tickets[0], rig.now);
    assert_eq!(rig.granted().ticket, tickets[1]);
}

#[test]
fn streams_from_before_an_outage_do_not_take_the_slots_after_it() {
    let mut rig = Rig::new(1, Config::default());
    let stuck: Vec<_> = (0..10).map(|_| rig.first()).collect();
    for _ in &stuck {
        rig.granted();
    }
    rig.take_out(0);
    let tickets: Vec<_> = (0..4).map(|_| rig.first()).collect();
    let at = rig.waits().expect("a probe");
    rig.pass_until(at);
    rig.granted();
    rig.answer(tickets[0]);
    assert_eq!(rig.granted().ticket, tickets[1]);
    for ticket in stuck {
        rig.fail(ticket, Class::Timeout);
    }
    assert_eq!(rig.pool.gate(), Gate::Closed);
    assert_eq!(rig.granted().ticket, tickets[2]);
}

#[test]
fn one_dead_endpoint_of_three_opens_no_gate() {
    let mut rig = Rig::new(3, Config::default());
    rig.take_out(1);
    assert_eq!(rig.pool.gate(), Gate::Closed);
    for _ in 0..10 {
        rig.first();
        assert_ne!(rig.granted().endpoint, EndpointId(1));
    }
    rig.take_out(0);
    assert_eq!(rig.pool.gate(), Gate::Closed);
    rig.take_out(2);
    assert!(matches!(rig.pool.gate(), Gate::Open { .. }));
}

#[test]
fn what_the_server_asked_for_holds_the_endpoint_not_only_the_request() {
    let mut rig = Rig::new(1, Config::default());
    let ticket = rig.first();
    rig.granted();
    rig.fail_with_hint(ticket, Class::Throttle, Nanos::from_secs(7));
    let other = rig.first();
    let at = rig.waits().expect("the hold ends");
    let told = rig.now.saturating_add(Nanos::from_secs(7));
    assert!(at >= told && at <= told.saturating_add(Nanos::from_millis(700)), "{at}");
    let hopeless = within(&rig, Nanos::from_secs(5));
    let hopeless = rig.ask(hopeless);
    assert_eq!(rig.refused(), (hopeless, Refusal::DeadlineTooNear));
    rig.pass_until(at);
    assert_eq!(rig.granted().ticket, other);
}

#[test]
fn an_absurd_hint_is_cut() {
    let mut rig = Rig::new(1, Config::default());
    let ticket = rig.first();
    rig.granted();
    rig.fail_with_hint(ticket, Class::Throttle, Nanos::MAX);
    rig.first();
    let at = rig.waits().expect("the hold ends");
    assert!(at <= rig.now.saturating_add(Nanos::from_secs(305)));
}

#[test]
fn a_held_endpoint_leaves_the_others_to_work() {
    let mut rig = Rig::new(2, Config::default());
    let held = Request { route: Route::Only(EndpointId(0)), ..Request::new(Kind::First) };
    let ticket = rig.ask(held);
    rig.granted();
    rig.fail_with_hint(ticket, Class::Throttle, Nanos::from_secs(30));
    let pinned = rig.ask(held);
    let free = rig.first();
    assert_eq!(rig.granted().ticket, free);
    rig.waits();
    rig.pool.cancel(pinned, rig.now);
}

#[test]
fn a_retry_goes_elsewhere_while_there_is_an_elsewhere() {
    let mut rig = Rig::new(2, Config::default());
    let avoid = Request { route: Route::Avoid(EndpointId(0)), ..Request::new(Kind::Retry) };
    for _ in 0..8 {
        rig.ask(avoid);
        assert_eq!(rig.granted().endpoint, EndpointId(1));
    }
    rig.take_out(1);
    rig.ask(avoid);
    assert_eq!(rig.granted().endpoint, EndpointId(0));
}

#[test]
fn a_second_copy_never_waits_and_never_joins_the_first() {
    let mut rig = Rig::new(2, one_slot());
    let first = rig.first();
    let endpoint = rig.granted().endpoint;
    let copy =
        Request { route: Route::Except(EndpointSet::of(endpoint)), ..Request::new(Kind::Hedge) };
    rig.ask(copy);
    let hedge = rig.granted();
    assert_ne!(hedge.endpoint, endpoint);
    let third = rig.ask(copy);
    assert_eq!(rig.refused(), (third, Refusal::NoSpare));
    rig.pool.cancel(hedge.ticket, rig.now);
    rig.ask(copy);
    rig.granted();
    rig.finish(first);
}

#[test]
fn no_second_copy_while_the_gate_is_open_or_quota_is_short() {
    let mut rig = Rig::new(1, Config::default());
    let ticket = rig.first();
    rig.granted();
    let quota = Quota { limit: 100, remaining: 20, reset: Nanos::from_secs(48) };
    let limits = RateLimits { requests: Some(quota), ..RateLimits::default() };
    rig.pool.rate_limits(ticket, &limits, rig.now);
    let hedge = rig.ask(Request::new(Kind::Hedge));
    assert_eq!(rig.refused(), (hedge, Refusal::NoSpare));
    rig.take_out(0);
    let hedge = rig.ask(Request::new(Kind::Hedge));
    assert_eq!(rig.refused(), (hedge, Refusal::NoSpare));
}

#[test]
fn requests_wait_for_quota_and_small_ones_do_not_pass_a_large_one() {
    let mut rig = Rig::new(1, Config::default());
    let ticket = rig.first();
    rig.granted();
    let quota = Quota { limit: 6000, remaining: 1000, reset: Nanos::from_secs(50) };
    let limits = RateLimits { input: Some(quota), ..RateLimits::default() };
    rig.pool.head(ticket, rig.now);
    rig.pool.rate_limits(ticket, &limits, rig.now);
    let with = |input| Request { tokens: Tokens { input, output: 0 }, ..Request::new(Kind::First) };
    let large = rig.ask(with(3000));
    let small = rig.ask(with(10));
    let at = rig.waits().expect("quota comes back");
    assert_eq!(at, rig.now.saturating_add(Nanos::from_secs(20)));
    rig.pass_until(at);
    assert_eq!(rig.granted().ticket, large);
    rig.waits();
    rig.pass(SECOND);
    assert_eq!(rig.granted().ticket, small);
}

#[test]
fn what_the_server_never_saw_costs_no_quota() {
    let mut rig = Rig::new(1, Config::default());
    let ticket = rig.first();
    rig.granted();
    let quota = Quota { limit: 60, remaining: 1, reset: Nanos::from_secs(59) };
    let limits = RateLimits { requests: Some(quota), ..RateLimits::default() };
    rig.pool.head(ticket, rig.now);
    rig.pool.rate_limits(ticket, &limits, rig.now);
    let unseen = rig.first();
    rig.granted();
    rig.fail(unseen, Class::Connect);
    let next = rig.first();
    assert_eq!(rig.granted().ticket, next);
}

#[test]
fn a_ticket_that_is_over_is_ignored() {
    let mut rig = Rig::new(1, Config::default());
    let ticket = rig.first();
    rig.granted();
    rig.finish(ticket);
    let before = rig.pool.snapshot(rig.now);
    rig.finish(ticket);
    rig.fail(ticket, Class::Connect);
    rig.pool.cancel(ticket, rig.now);
    rig.pool.settle(ticket, Tokens::default());
    assert_eq!(rig.pool.snapshot(rig.now), before);
    assert_eq!(rig.poll(), Action::Wait(None));
}

#[test]
fn a_request_that_no_endpoint_may_take_is_refused() {
    let mut rig = Rig::new(1, Config::default());
    let nowhere = Request {
        route: Route::Except(EndpointSet::of(EndpointId(0))),
        ..Request::new(Kind::Retry)
    };
    let ticket = rig.ask(nowhere);
    assert_eq!(rig.refused(), (ticket, Refusal::NoSpare));
}

#[test]
fn who_was_outrun_at_once_is_not_known_to_be_quick() {
    for answers in [0, 16] {
        let mut rig = Rig::new(1, Config::default());
        for _ in 0..answers {
            let ticket = rig.first();
            rig.granted();
            rig.now = rig.now.saturating_add(Nanos::from_millis(400));
            rig.finish(ticket);
        }
        let before = rig.pool.snapshot(rig.now).endpoints[0].latency;
        for _ in 0..8 {
            let ticket = rig.first();
            rig.granted();
            rig.now = rig.now.saturating_add(Nanos::from_millis(1));
            rig.pool.outraced(ticket, rig.now);
        }
        assert_eq!(rig.pool.snapshot(rig.now).endpoints[0].latency, before, "{answers}");
    }
}

#[test]
fn who_was_outrun_is_known_to_be_slow_and_not_to_be_broken() {
    let mut rig = Rig::new(2, Config::default());
    for _ in 0..16 {
        let quick = rig.first();
        rig.granted();
        rig.now = rig.now.saturating_add(Nanos::from_millis(100));
        rig.pool.heard(quick, Sign::Content, rig.now);
        rig.finish(quick);
    }
    let slow = rig.first();
    let endpoint = rig.granted().endpoint;
    rig.now = rig.now.saturating_add(Nanos::from_secs(60));
    rig.pool.outraced(slow, rig.now);
    let snapshot = rig.pool.snapshot(rig.now);
    let of = &snapshot.endpoints[usize::from(endpoint.0)];
    assert!(of.latency > Some(Nanos::from_secs(1)), "{:?}", of.latency);
    assert_eq!((snapshot.counters.failed, snapshot.counters.cancelled), (0, 1));
    assert_eq!((snapshot.active, of.standing), (0, Standing::InUse));
    for _ in 0..8 {
        let ticket = rig.first();
        assert_ne!(rig.granted().endpoint, endpoint, "the other one looks quicker");
        rig.pool.cancel(ticket, rig.now);
    }
}
