//! What the provider refuses, how long the client waits, and what it never shows.

use std::error::Error as _;
use std::time::{Duration, Instant};

use client::{ErrorKind, Policy};
use mock_provider::{Config, Ending};

use crate::rig::{KEY, ROUTES, Route, Told, in_order};

async fn tell(route: Route, config: Config) -> (Told, mock_provider::Ledger) {
    let mock = route.mock(Config { tokens: 20, ..config }).await;
    let told = Told::of(&route.client(&mock), route.request("Tell")).await;
    mock.settled().await;
    (told, mock.ledger())
}

#[tokio::test]
async fn a_retry_after_of_two_seconds_is_waited_for_and_not_much_longer() {
    let mut tasks = tokio::task::JoinSet::new();
    for route in ROUTES {
        for fault in ["429:2", "503:date=2", "529:ms=2000"] {
            tasks.spawn(async move {
                let config = Config { faults: in_order(fault), tokens: 20, ..Config::default() };
                let mock = route.mock(config).await;
                let policy = Policy::DEFAULT;
                let client = route.builder(&mock).policy(policy).build().expect("a valid client");
                let told = Told::of(&client, route.request("Tell")).await;
                assert!(told.is_complete(), "{} {fault}: {:?}", route.model, told.end);
                let ledger = mock.ledger();
                let waited = ledger.requests[1].at - ledger.requests[0].at;
                let fits = Duration::from_secs(2)..Duration::from_secs(4);
                assert!(fits.contains(&waited), "{} {fault}: {waited:?}", route.model);
                assert_eq!(ledger.requests.len(), 2, "{} {fault}", route.model);
            });
        }
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("the wait is as told");
    }
}

#[tokio::test]
async fn a_hint_of_a_month_fails_at_once_and_says_when() {
    for route in ROUTES {
        let began = Instant::now();
        let faults = in_order("429:absurd*9");
        let (told, ledger) = tell(route, Config { faults, ..Config::default() }).await;
        assert!(!told.is_complete());
        assert_eq!(ledger.requests.len(), 1, "{}", route.model);
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn an_exhausted_quota_fails_at_once() {
    for route in ROUTES {
        let faults = in_order("quota*9");
        let (told, ledger) = tell(route, Config { faults, ..Config::default() }).await;
        assert_eq!(told.kind(), ErrorKind::Refused, "{}", route.model);
        assert_eq!(ledger.requests.len(), 1, "{}", route.model);
        assert_eq!(told.text, "");
    }
}

#[tokio::test]
async fn a_bad_request_fails_at_once() {
    for route in ROUTES {
        for fault in ["400*9", "error@0:invalid*9"] {
            let faults = in_order(fault);
            let (told, ledger) = tell(route, Config { faults, ..Config::default() }).await;
            assert_eq!(told.kind(), ErrorKind::Refused, "{} {fault}", route.model);
            assert_eq!(ledger.requests.len(), 1, "{} {fault}", route.model);
        }
    }
}

#[tokio::test]
async fn a_bad_key_fails_at_once_and_is_shown_nowhere() {
    for route in ROUTES {
        let config = Config { api_key: Some("another".into()), ..Config::default() };
        let (told, ledger) = tell(route, config).await;
        assert_eq!(told.kind(), ErrorKind::Refused, "{}", route.model);
        assert_eq!(ledger.requests.len(), 1, "{}", route.model);
        assert_eq!(ledger.requests[0].ending, Ending::Rejected);
        let error = told.error();
        let mut shown = format!("{told:?} {error} {error:?} {error:#?}");
        let mut source = error.source();
        while let Some(inner) = source {
            shown.push_str(&format!("{inner} {inner:?}"));
            source = inner.source();
        }
        assert!(!shown.contains(KEY), "{}: the key is shown", route.model);
        assert!(!shown.contains("wholly-secret"), "{}: a part of the key is shown", route.model);
    }
}

#[tokio::test]
async fn a_client_and_its_parts_never_show_the_key() {
    let route = ROUTES[0];
    let mock = route.mock(Config { tokens: 5, ..Config::default() }).await;
    let client = route.client(&mock);
    let stream = client.stream(route.request("Tell")).await.expect("a valid request");
    let shown = format!("{:?} {client:?} {stream:?}", route.endpoint(&mock));
    assert!(!shown.contains("secret"), "{shown}");
}
