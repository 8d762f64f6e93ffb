//! What the shipped code promises in an outage, among bad endpoints and in a stall, as tests; and
//! figures of simple policies that pin the models, so that no promise is kept by changing those.

use crate::outage::{Outcome, Policy, Scenario};
use crate::{balance, outage, stall};

fn shipped(scenario: &Scenario) -> Outcome {
    outage::run(&Policy::Shipped, scenario).0
}

fn classic(name: &str, scenario: &Scenario) -> Outcome {
    let policy = Policy::all().find(|policy| policy.name() == name);
    outage::run(&policy.expect("a policy of this name"), scenario).0
}

#[track_caller]
fn at_most(what: &str, value: f64, limit: f64) {
    assert!(value <= limit, "{what} is {value}, more than {limit}");
}

#[track_caller]
fn at_least(what: &str, value: f64, limit: f64) {
    assert!(value >= limit, "{what} is {value}, less than {limit}");
}

#[track_caller]
fn near(what: &str, value: f64, expected: f64, tolerance: f64) {
    assert!((value - expected).abs() <= tolerance, "{what} is {value}, not about {expected}");
}

mod outages {
    use super::*;

    #[test]
    fn a_herd_is_let_out_in_order() {
        let outcome = shipped(&Scenario::H1);
        at_most("attempts", outcome.attempts, 2.4);
        at_most("drain", outcome.drain, 10.5);
        at_most("peak", outcome.peak_1s, 2.0);
        at_least("success", outcome.success, 1.0);
    }

    #[test]
    fn responses_that_go_on_hold_up_nobody() {
        let outcome = shipped(&Scenario::H1_LONG);
        at_most("drain", outcome.drain, 10.5);
        at_least("success", outcome.success, 1.0);
    }

    #[test]
    fn a_herd_survives_silence_and_a_longer_outage() {
        for scenario in [Scenario::H3, Scenario::H4] {
            let outcome = shipped(&scenario);
            at_least(scenario.name, outcome.success, 1.0);
            at_most(scenario.name, outcome.attempts, 2.7);
        }
    }

    #[test]
    fn a_stream_of_requests_survives_a_refusing_server() {
        let outcome = shipped(&Scenario::S1);
        at_least("success", outcome.success, 0.999);
        at_most("waste", outcome.waste, 0.10);
        at_least("later", outcome.later, 1.0);
    }

    #[test]
    fn a_stream_of_requests_survives_a_silent_server() {
        let outcome = shipped(&Scenario::S2);
        at_least("success", outcome.success, 0.999);
        at_most("waste", outcome.waste, 0.12);
        at_least("later", outcome.later, 1.0);
    }

    #[test]
    fn a_brown_out_costs_time_and_no_request() {
        let outcome = shipped(&Scenario::B1);
        at_least("success", outcome.success, 0.999);
        at_most("p99", outcome.p99, 37.0);
        at_least("success with hints", shipped(&Scenario::B2).success, 0.999);
    }

    #[test]
    fn without_anything_to_share_it_is_no_worse_than_full_jitter() {
        let full = classic("full jitter", &Scenario::H1_P1000);
        let outcome = shipped(&Scenario::H1_P1000);
        at_most("attempts", outcome.attempts, 1.05 * full.attempts);
        at_most("drain", outcome.drain, full.drain);
        at_least("success", outcome.success, 1.0);
    }

    #[test]
    fn lone_processes_under_load_recover() {
        let outcome = shipped(&Scenario::S1_P1000);
        at_least("success", outcome.success, 0.99);
        at_least("later", outcome.later, 0.99);
    }

    #[test]
    fn a_short_deadline_fails_fast_and_the_server_is_found_again() {
        let herd = shipped(&Scenario::H1_HASTY);
        at_most("attempts", herd.attempts, 1.2);
        at_most("the last failure", herd.failed_max, 5.0);
        let stream = shipped(&Scenario::S1_HASTY);
        at_most("the median failure", stream.failed_p50, 0.1);
        at_most("the last failure", stream.failed_max, 5.0);
        at_least("later", stream.later, 0.95);
    }
}

mod models {
    use super::*;

    #[test]
    fn a_herd_does_what_arithmetic_says() {
        // Five rounds of 200 and a few, 30 s apart, after four attempts that failed.
        let naive = classic("naive", &Scenario::H1);
        near("attempts", naive.attempts, 7.0, 0.1);
        near("drain", naive.drain, 122.0, 1.0);
        near("peak", naive.peak_100ms, 100.0, 0.0);
        // Two rounds of 200 before the deadline.
        near("success", classic("exponential, no jitter", &Scenario::H1).success, 0.4, 0.02);
        // 35 and 4 retries for 100 requests.
        near("attempts", classic("AWS 2.1", &Scenario::H1).attempts, 1.35, 0.001);
        near("attempts", classic("gRPC throttle", &Scenario::H1).attempts, 1.04, 0.001);
        let full = classic("full jitter", &Scenario::H1);
        near("attempts", full.attempts, 7.52, 0.1);
        near("drain", full.drain, 59.0, 2.0);
    }

    #[test]
    fn jitter_alone_does_not_recover_under_load() {
        let full = classic("full jitter", &Scenario::S1);
        near("attempts", full.attempts, 8.2, 0.2);
        near("success", full.success, 0.55, 0.05);
        near("later", full.later, 0.83, 0.05);
        let brown = classic("full jitter", &Scenario::B1);
        near("success", brown.success, 0.34, 0.07);
        near("later", brown.later, 0.48, 0.08);
    }

    #[test]
    fn a_brown_out_outlasts_itself_by_the_queue_that_it_left() {
        let aws = classic("AWS 2.1", &Scenario::B1);
        near("success", aws.success, 0.34, 0.02);
        near("later", aws.later, 0.92, 0.01);
    }
}

mod balancing {
    use super::balance::{Policy, Scenario, run};
    use super::{at_least, at_most};

    #[test]
    fn a_dead_endpoint_that_fails_fast_attracts_nothing() {
        for scenario in [Scenario::DEAD, Scenario::CACHED_DEAD] {
            let outcome = run(Policy::Shipped, &scenario).0;
            at_most("its part after a second", outcome.odd, 0.01);
            at_least("success", outcome.success, 1.0);
        }
    }

    #[test]
    fn an_endpoint_that_heals_has_its_share_within_30_s() {
        for scenario in [Scenario::DEAD, Scenario::FLAPPING, Scenario::SLOW, Scenario::CACHED_DEAD]
        {
            // The share is that of the five seconds that follow.
            at_most(scenario.name, run(Policy::Shipped, &scenario).0.back + 5.0, 30.0);
        }
    }

    #[test]
    fn no_healthy_endpoint_starves() {
        for scenario in Scenario::ALL {
            at_least(scenario.name, run(Policy::Shipped, scenario).0.least, 0.5);
        }
        at_least("the third", run(Policy::Shipped, &Scenario::HEALTHY).0.odd, 0.9 / 3.0);
    }

    #[test]
    fn an_endpoint_that_is_slow_or_cold_gets_less() {
        at_most("slow", run(Policy::Shipped, &Scenario::SLOW).0.odd, 0.1);
        at_most("cold", run(Policy::Shipped, &Scenario::COLD).0.odd, 0.2);
    }

    #[test]
    fn affinity_pays() {
        let least_loaded = Policy::all().find(|policy| policy.name() == "P2C least loaded");
        let spread = run(least_loaded.expect("it is one of them"), &Scenario::CACHED).0;
        let outcome = run(Policy::Shipped, &Scenario::CACHED).0;
        at_most("cost", outcome.cost, 0.7 * spread.cost);
        at_most("median time to the first token", outcome.p50, spread.p50);
    }
}

mod stalls {
    use super::stall::{Heartbeats, Policy, run};
    use super::{at_least, at_most};

    #[test]
    fn a_live_stream_is_hardly_ever_called_dead() {
        at_most("silent", run(Policy::Dead, Heartbeats::None, 4).wrong, 0.0015);
        at_most("with heartbeats", run(Policy::Dead, Heartbeats::Sent, 2).wrong, 0.0);
    }

    #[test]
    fn a_dead_stream_is_noticed() {
        let suspect = run(Policy::Suspect, Heartbeats::Sent, 2);
        at_most("suspect with heartbeats", suspect.p50, 15.0);
        at_most("dead with heartbeats", run(Policy::Dead, Heartbeats::Sent, 2).max, 60.0);
    }

    #[test]
    fn the_streams_are_as_described() {
        let name = |name| Policy::all().find(|policy| policy.name() == name);
        let fixed = name("fixed 15 s (naive)").expect("it is one of them");
        // 1.2 pauses per stream, of which 7 % are longer.
        let wrong = run(fixed, Heartbeats::None, 1).wrong;
        at_least("fixed", wrong, 0.07);
        at_most("fixed", wrong, 0.10);
        at_most("fixed, heartbeats", run(fixed, Heartbeats::Sent, 1).wrong, 0.001);
    }
}
