//! Where a connection had better stand before it is needed, and who takes it.

use endpoint_pool::{Config, EndpointId, Kind, Request, Route};

use crate::rig::{Rig, SECOND};

const A: EndpointId = EndpointId(0);
const B: EndpointId = EndpointId(1);
const C: EndpointId = EndpointId(2);

/// A pool of three in which the first is loaded.
fn loaded() -> Rig {
    let mut rig = Rig::new(3, Config::default());
    for _ in 0..3 {
        rig.ask(Request { route: Route::Only(A), ..Request::new(Kind::First) });
        rig.granted();
    }
    rig.waits();
    rig
}

#[test]
fn the_least_loaded_of_the_others_is_likely() {
    let mut rig = loaded();
    rig.ask(Request { route: Route::Only(B), ..Request::new(Kind::First) });
    rig.granted();
    assert_eq!(rig.pool.likely(Route::Avoid(A), rig.now), Some(C));
    assert_eq!(rig.pool.likely(Route::Avoid(C), rig.now), Some(B));
    assert_eq!(rig.pool.likely(Route::Only(A), rig.now), Some(A));
}

#[test]
fn where_no_other_is_in_use_the_same_one_is_likely_and_in_an_outage_none() {
    let mut rig = Rig::new(2, Config::default());
    rig.take_out(1);
    assert_eq!(rig.pool.likely(Route::Avoid(A), rig.now), Some(A));
    rig.take_out(0);
    assert_eq!(rig.pool.likely(Route::Avoid(A), rig.now), None);
}

#[test]
fn a_connection_that_stands_is_taken_every_time() {
    for prefers in [B, C] {
        let mut rig = loaded();
        for _ in 0..10 {
            let route = Route::Avoid(A);
            let prefers = Some(prefers);
            let ticket = rig.ask(Request { route, prefers, ..Request::new(Kind::Continuation) });
            assert_eq!(Some(rig.granted().endpoint), prefers);
            rig.finish(ticket);
            rig.waits();
            rig.pass(SECOND);
        }
    }
}

#[test]
fn no_connection_is_worth_an_endpoint_that_is_out_or_loaded() {
    let mut rig = Rig::new(3, Config::default());
    rig.take_out(1);
    rig.ask(Request { prefers: Some(B), ..Request::new(Kind::Continuation) });
    assert_ne!(rig.granted().endpoint, B);
    let mut rig = loaded();
    rig.ask(Request { prefers: Some(A), ..Request::new(Kind::Continuation) });
    assert_ne!(rig.granted().endpoint, A, "all the load of the three is there");
}
