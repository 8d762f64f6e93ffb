//! Steady work takes no memory from the allocator.

use endpoint_pool::{Action, Config, Kind, Quota, RateLimits, Request, Sign};
use retry_policy::{Class, Nanos};

use crate::rig::Rig;

/// One request from the asking to the end.
fn cycle(rig: &mut Rig, turn: u64) {
    rig.pass(Nanos::from_millis(7));
    let deadline = Some(rig.now.saturating_add(Nanos::from_secs(120)));
    let affinity = (turn.is_multiple_of(2)).then_some(turn % 97);
    rig.ask(Request { deadline, affinity, ..Request::new(Kind::First) });
    let Action::Grant(grant) = rig.poll() else { panic!("there is room") };
    let quota = Quota { limit: 10_000, remaining: 9_000, reset: Nanos::from_secs(6) };
    let limits = RateLimits { requests: Some(quota), date: Some(turn), ..RateLimits::default() };
    rig.pool.rate_limits(grant.ticket, &limits, rig.now);
    rig.pool.head(grant.ticket, rig.now);
    for _ in 0..5 {
        rig.pool.heard(grant.ticket, Sign::Content, rig.now);
    }
    if turn.is_multiple_of(11) {
        rig.fail(grant.ticket, Class::Transient);
    } else {
        rig.finish(grant.ticket);
    }
    rig.waits();
    let _ = rig.pool.learned(grant.endpoint);
}

#[test]
fn a_request_in_steady_state_allocates_nothing() {
    let mut rig = Rig::new(3, Config::default());
    (0..2000).for_each(|turn| cycle(&mut rig, turn));
    let counted = allocation_counter::measure(|| {
        (0..2000).for_each(|turn| cycle(&mut rig, turn));
    });
    assert_eq!(counted.count_total, 0);
}
