//! The desk and its timer: every ticket is answered once, and nobody waits without a timer.

use std::future::poll_fn;
use std::time::Duration;

use endpoint_pool::{Config, Kind, Slots};
use protocol::Profile;
use retry_policy::{Class, Sent, Verdict};

use super::*;
use endpoint_pool::Tokens;
use std::task::Poll;

fn endpoint(url: &str) -> Endpoint {
    Endpoint::new(url, Profile::ANTHROPIC).unwrap()
}

/// One endpoint with one slot.
fn narrow() -> Arc<Upstream> {
    let slots = Slots { initial: 1, min: 1, max: 1 };
    let config = Config { slots, ..Config::default() };
    Arc::new(Upstream::new(vec![endpoint("http://127.0.0.1:1")], config).unwrap())
}

fn first() -> Request {
    Request::new(Kind::First)
}

async fn granted(permit: &mut Permit) -> EndpointId {
    poll_fn(|cx| permit.poll_answer(cx)).await.unwrap().endpoint
}

fn refused() -> Verdict {
    Verdict::new(Class::Connect, Sent::NotSent)
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_is_dropped_lets_the_next_one_in() {
    let upstream = narrow();
    let mut one = upstream.acquire(first());
    granted(&mut one).await;
    let mut two = upstream.acquire(first());
    let pending = poll_fn(|cx| Poll::Ready(two.poll_answer(cx))).await;
    assert!(pending.is_pending());
    let waits = tokio::spawn(async move { granted(&mut two).await });
    tokio::task::yield_now().await;
    assert_eq!(upstream.snapshot().waiting, 1);
    drop(one);
    waits.await.unwrap();
    assert_eq!(upstream.snapshot().active, 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_gives_the_permit_back() {
    let upstream = narrow();
    let mut permit = upstream.acquire(first());
    granted(&mut permit).await;
    let fallen = tokio::spawn(async move {
        let _held = permit;
        panic!("a consumer");
    });
    fallen.await.unwrap_err();
    assert_eq!(upstream.snapshot().active, 0);
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_nobody_fetches_is_given_back() {
    let upstream = narrow();
    drop(upstream.acquire(first()));
    assert_eq!(upstream.snapshot().active, 0);
    granted(&mut upstream.acquire(first())).await;
}

#[tokio::test(start_paused = true)]
async fn the_timer_rings_without_anybody_polling() {
    let upstream = narrow();
    let delay = Duration::from_secs(3);
    let not_before = upstream.time(Instant::now() + delay);
    let began = Instant::now();
    let mut permit = upstream.acquire(Request { not_before, ..first() });
    assert_eq!(upstream.snapshot().delayed, 1);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(upstream.snapshot().active, 1, "granted while nobody looked");
    granted(&mut permit).await;
    assert_eq!(began.elapsed(), Duration::from_secs(4));
}

#[test]
fn a_timer_that_ends_with_its_runtime_is_started_again_elsewhere() {
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let elsewhere = runtime().unwrap();
    let upstream = narrow();
    let not_before = upstream.time(Instant::now() + Duration::from_millis(50));
    let mut permit =
        elsewhere.block_on(async { upstream.acquire(Request { not_before, ..first() }) });
    drop(elsewhere);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(granted(&mut permit));
}

#[tokio::test(start_paused = true)]
async fn an_outage_keeps_requests_waiting_until_a_probe_is_answered() {
    let upstream = narrow();
    for _ in 0..5 {
        let mut permit = upstream.acquire(first());
        granted(&mut permit).await;
        permit.fail(&refused(), Tokens::default());
    }
    let mut waiting: Vec<_> = (0..20).map(|_| upstream.acquire(first())).collect();
    assert_eq!(upstream.snapshot().waiting, 20);
    let mut probe = waiting.remove(0);
    granted(&mut probe).await;
    probe.finish(Tokens::default());
    for mut permit in waiting {
        granted(&mut permit).await;
        permit.finish(Tokens::default());
    }
    assert_eq!(upstream.snapshot().counters.succeeded, 20);
}

/// Whatever the threads do at the same time, nobody is forgotten in the line.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_wake_up_is_lost_between_threads() {
    const TASKS: usize = 32;
    const ROUNDS: usize = 50;
    let slots = Slots { initial: 2, min: 2, max: 2 };
    let config = Config { slots, ..Config::default() };
    let upstream = Upstream::new(vec![endpoint("http://127.0.0.1:1")], config).unwrap();
    let upstream = Arc::new(upstream);
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let upstream = Arc::clone(&upstream);
        tasks.spawn(async move {
            for round in 0..ROUNDS {
                let mut permit = upstream.acquire(first());
                match (task + round) % 4 {
                    0 => drop(permit),
                    1 => {
                        granted(&mut permit).await;
                    }
                    _ => {
                        granted(&mut permit).await;
                        tokio::task::yield_now().await;
                        permit.finish(Tokens::default());
                    }
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let snapshot = upstream.snapshot();
    assert_eq!((snapshot.active, snapshot.waiting, snapshot.delayed), (0, 0, 0));
    assert_eq!(snapshot.counters.asked, (TASKS * ROUNDS) as u64);
    assert_eq!(snapshot.counters.succeeded, (TASKS * ROUNDS / 2) as u64);
}

#[test]
fn twins_have_identities_of_their_own_that_are_the_same_everywhere() {
    let urls = ["http://a", "http://b", "http://a"].map(endpoint);
    let ids: Vec<_> = identities(&urls).iter().map(|it| it.identity).collect();
    assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2]);
    assert_eq!(ids, identities(&urls).iter().map(|it| it.identity).collect::<Vec<_>>());
    assert_eq!(hash(b"a"), 0xaf63_dc4c_8601_ec8c);
}

#[test]
fn bodies_that_begin_alike_have_one_affinity() {
    let long = |end: &str| [vec![b'x'; AFFINITY_BYTES], end.into()].concat();
    assert_eq!(affinity(&long("1")), affinity(&long("2")));
    assert_eq!(affinity(b"short"), None);
    let mut other = long("1");
    other[7] = b'y';
    assert_ne!(affinity(&other), affinity(&long("1")));
}

#[test]
fn endpoints_of_different_wires_are_refused() {
    let other = Endpoint::new("http://b", Profile::OPENAI).unwrap();
    let error = Upstream::new(vec![endpoint("http://a"), other], Config::default()).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::InvalidConfig);
}
