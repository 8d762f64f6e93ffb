//! Which endpoint gets how much: dead and fast, slow, flapping, cold, healed, cached.

use std::collections::BTreeMap;

use endpoint_pool::{Config, Pool};
use retry_policy::{Class, Nanos};

use crate::world::{Conduct, Script, World, endpoints, fail, serve};

const SECOND: Nanos = Nanos::from_secs(1);
const SOUND: Script = |_, draw| serve(300 + draw / 5);

fn world(scripts: &[Script]) -> World {
    let count = u64::try_from(scripts.len()).expect("few");
    World::new(Pool::new(Config::default(), &endpoints(count), 5).expect("it is sound"), scripts)
}

fn secs(count: u64) -> Nanos {
    Nanos::from_secs(count)
}

#[test]
fn sound_endpoints_share_evenly() {
    let mut world = world(&[SOUND, SOUND, SOUND]);
    world.run(50, secs(60));
    for endpoint in 0..3 {
        let share = world.share(endpoint, Nanos::ZERO);
        assert!((300..370).contains(&share), "{share}");
    }
}

#[test]
fn a_dead_fast_endpoint_gets_a_hundredth_at_most() {
    for rate in [20, 50, 200] {
        let mut world = world(&[SOUND, SOUND, |_, _| fail(2)]);
        let begin = world.now;
        world.run(rate, secs(60));
        let share = world.share(2, begin.saturating_add(SECOND));
        assert!(share <= 10, "{share} of 1000 at {rate}/s");
        assert!(world.refusals.is_empty());
    }
}

#[test]
fn an_endpoint_that_only_hangs_is_left_too() {
    let hangs: Script = |_, _| Conduct::Fail { after: secs(10), class: Class::Timeout };
    let mut world = world(&[SOUND, SOUND, hangs]);
    let begin = world.now;
    world.run(50, secs(120));
    let share = world.share(2, begin.saturating_add(secs(11)));
    assert!(share <= 10, "{share}");
}

#[test]
fn an_endpoint_that_healed_has_its_share_within_thirty_seconds() {
    for rate in [2, 10, 50, 200] {
        let heals: Script =
            |now, draw| if now < secs(1060) { fail(2) } else { serve(300 + draw / 5) };
        let mut world = world(&[SOUND, SOUND, heals]);
        world.run(rate, secs(90));
        let from = world.now;
        world.run(rate, secs(60));
        let share = world.share(2, from);
        assert!((260..400).contains(&share), "{share} of 1000 at {rate}/s");
    }
}

#[test]
fn a_slow_endpoint_gets_less_and_does_not_starve() {
    let mut world = world(&[SOUND, SOUND, |_, draw| serve(3000 + 2 * draw)]);
    world.run(50, secs(30));
    let from = world.now;
    world.run(50, secs(120));
    let share = world.share(2, from);
    assert!((5..150).contains(&share), "{share}");
}

#[test]
fn a_slow_endpoint_that_recovers_is_noticed() {
    let recovers: Script =
        |now, draw| if now < secs(1060) { serve(5000) } else { serve(300 + draw / 5) };
    let mut world = world(&[SOUND, SOUND, recovers]);
    world.run(50, secs(120));
    let from = world.now;
    world.run(50, secs(60));
    let share = world.share(2, from);
    assert!(share >= 280, "{share}");
}

#[test]
fn a_flapping_endpoint_costs_few_failures() {
    let flaps: Script = |now, draw| {
        if now.as_secs() % 20 < 10 { fail(2) } else { serve(300 + draw / 5) }
    };
    let mut world = world(&[SOUND, SOUND, flaps]);
    world.run(50, secs(300));
    let counters = world.pool.snapshot(world.now).counters;
    assert!(counters.failed * 50 < counters.granted, "{counters:?}");
    let share = world.share(2, Nanos::ZERO);
    assert!((3..300).contains(&share), "{share}");
}

#[test]
fn an_endpoint_that_mostly_fails_is_left_although_it_answers_now_and_then() {
    let poor: Script = |_, draw| if draw < 700 { fail(200) } else { serve(200) };
    let mut world = world(&[SOUND, SOUND, poor]);
    world.run(50, secs(30));
    let from = world.now;
    world.run(50, secs(120));
    let share = world.share(2, from);
    assert!(share < 50, "{share}");
}

#[test]
fn an_endpoint_that_fails_a_fifth_gets_less_and_does_not_starve() {
    let weak: Script = |_, draw| if draw < 200 { fail(200) } else { serve(300 + draw / 5) };
    let mut world = world(&[SOUND, SOUND, weak]);
    world.run(50, secs(120));
    let share = world.share(2, Nanos::ZERO);
    assert!((20..250).contains(&share), "{share}");
}

#[test]
fn a_cold_endpoint_is_neither_flooded_nor_left_out() {
    let cold: Script =
        |now, draw| if now < secs(1005) { serve(4000) } else { serve(300 + draw / 5) };
    let mut world = world(&[SOUND, SOUND, cold]);
    world.run(50, SECOND);
    let share = world.share(2, Nanos::ZERO);
    assert!((100..500).contains(&share), "{share}");
    world.run(50, secs(60));
    let from = world.now;
    world.run(50, secs(60));
    let share = world.share(2, from);
    assert!((250..400).contains(&share), "{share}");
}

/// The keys with the endpoint that served most of their requests, and the share of requests
/// that went there, in thousandths.
fn homes(world: &World, from: Nanos, to: Nanos) -> (BTreeMap<u64, u16>, usize) {
    let mut counts = BTreeMap::<u64, [usize; 3]>::new();
    for pick in world.picks.iter().filter(|pick| pick.at >= from && pick.at < to) {
        let key = pick.key.expect("all have one");
        counts.entry(key).or_default()[usize::from(pick.endpoint.0)] += 1;
    }
    let all: usize = counts.values().flatten().sum();
    let home = |of: [usize; 3]| (0..3).zip(of).max_by_key(|(_, count)| *count).expect("three");
    let most: usize = counts.values().map(|&of| home(of).1).sum();
    (counts.into_iter().map(|(key, of)| (key, home(of).0)).collect(), most * 1000 / all)
}

#[test]
fn requests_with_the_same_cache_go_to_the_same_endpoint() {
    let mut world = world(&[SOUND, SOUND, SOUND]);
    world.affinity = |draw| Some(draw % 60);
    world.run(50, secs(60));
    let (homes, hits) = homes(&world, Nanos::ZERO, Nanos::MAX);
    assert_eq!(homes.len(), 60);
    assert!(hits > 750, "{hits}");
    for endpoint in 0..3 {
        let share = world.share(endpoint, Nanos::ZERO);
        assert!((240..420).contains(&share), "{share}");
    }
}

#[test]
fn one_hot_cache_does_not_overload_its_endpoint() {
    let mut world = world(&[SOUND, SOUND, SOUND]);
    world.affinity = |_| Some(7);
    world.run(100, secs(60));
    let shares: Vec<_> = (0..3).map(|endpoint| world.share(endpoint, Nanos::ZERO)).collect();
    assert!(shares.iter().all(|&share| share <= 430), "{shares:?}");
}

#[test]
fn a_cache_that_moved_in_an_outage_stays_for_its_life_and_then_goes_home() {
    let dies: Script = |now, draw| {
        if (secs(1030)..secs(1060)).contains(&now) { fail(2) } else { serve(300 + draw / 5) }
    };
    let mut world = world(&[SOUND, SOUND, dies]);
    world.affinity = |draw| Some(draw % 60);
    world.run(30, secs(500));
    let (before, _) = homes(&world, Nanos::ZERO, secs(1030));
    let (moved, _) = homes(&world, secs(1040), secs(1060));
    let (after, hits) = homes(&world, secs(1100), secs(1300));
    let (later, _) = homes(&world, secs(1400), secs(1500));
    let from_dead = || before.iter().filter(|(_, home)| **home == 2).map(|(key, _)| key);
    assert!(from_dead().count() >= 10);
    let stayed = from_dead().filter(|key| moved[key] == after[key]).count();
    assert!(stayed * 10 >= from_dead().count() * 7, "{stayed} of {}", from_dead().count());
    assert!(hits > 600, "{hits}");
    let home = from_dead().filter(|key| later[key] == 2).count();
    assert!(home * 10 >= from_dead().count() * 7, "{home} of {}", from_dead().count());
}
