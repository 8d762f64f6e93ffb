//! When the server says to come back: rows 18 to 23. What the client decided is in the state of
//! the stream, so no test waits for it.

use std::time::{Duration, Instant};

use client::retry_policy::{Backoff, GiveUp};
use client::{Builder, Cause, ErrorKind, Event, Nanos, Policy, State};
use mock_provider::Config;

use super::ask::{PROMPT, Seen, builder, starts_again};
use super::peer::{Answer, Peer};
use super::wire::{MESSAGES, PREFILLED};
use crate::rig::{ROUTES, Route, hasty, in_order};

/// How long the client decided to wait before each further attempt.
pub(crate) fn waits(states: &[State]) -> Vec<Duration> {
    let wait = |state: &State| match state {
        State::Reconnecting { wait, .. } => Some(wait.as_duration()),
        _ => None,
    };
    states.iter().filter_map(wait).collect()
}

/// The wait that follows one answer; the stream is dropped instead of waiting.
async fn wait_after(
    route: Route,
    answer: Answer,
    made: impl FnOnce(Builder) -> Builder,
) -> Duration {
    let peer = Peer::start([answer]).await;
    let client = made(builder(route, &peer.url())).build().expect("a valid client");
    let mut stream = client.stream(route.request(PROMPT)).await.expect("a valid request");
    loop {
        let event = stream.next().await.expect("there is more").expect("it is tried again");
        if let Event::State(State::Reconnecting { wait, .. }) = event {
            assert_eq!(peer.asked().len(), 1);
            return wait.as_duration();
        }
    }
}

fn limited(headers: &str) -> Answer {
    Answer::status("429 Too Many Requests", headers, "")
}

/// Our own backoff is exactly this in the tests of one hint against it.
const OWN: Duration = Duration::from_millis(40);

fn own_backoff(builder: Builder) -> Builder {
    let span = Nanos::from_duration(OWN);
    let backoff = Backoff::None { base: span, cap: span };
    builder.policy(Policy { backoff, throttle: backoff, overload: backoff, ..Policy::DEFAULT })
}

/// A hint of this many seconds is kept, with a jitter on top that stays small.
#[track_caller]
fn check_kept(wait: Duration, seconds: u64) {
    let told = Duration::from_secs(seconds);
    assert!(wait >= told && wait <= told + Duration::from_secs(5), "{wait:?}");
}

#[tokio::test]
async fn row_018_seconds_to_wait_are_kept_and_jitter_comes_on_top() {
    for route in PREFILLED {
        let mut all = Vec::new();
        for _ in 0..8 {
            let wait = wait_after(route, limited("retry-after: 7\r\n"), own_backoff).await;
            check_kept(wait, 7);
            all.push(wait);
        }
        all.dedup();
        assert!(all.len() > 1, "no two clients come back together: {all:?}");
    }
}

#[tokio::test]
async fn row_018_a_wait_beyond_the_deadline_fails_at_once_and_says_when() {
    for route in PREFILLED {
        let peer = Peer::start([limited("retry-after: 60\r\n")]).await;
        let client = builder(route, &peer.url()).build().expect("a valid client");
        let began = Instant::now();
        let request = route.request(PROMPT).deadline(Duration::from_secs(30));
        let seen = Seen::of(client.stream(request).await.expect("a valid request")).await;
        assert!(began.elapsed() < Duration::from_secs(20), "it did not wait for the deadline");
        check_too_long(seen.cause(), 60);
        assert_eq!(seen.error().kind(), ErrorKind::Incomplete);
        assert_eq!(peer.asked().len(), 1);
    }
}

/// The client gave up and says when to come back.
#[track_caller]
fn check_too_long(cause: &Cause, seconds_min: u64) {
    let Cause::GaveUp { reason: reason @ GiveUp::HintTooLong { .. }, last } = cause else {
        panic!("{cause:?}")
    };
    assert!(reason.earliest() >= Some(Nanos::from_secs(seconds_min)), "{reason:?}");
    assert_eq!(last.failure().and_then(|failure| failure.status), Some(429));
}

#[tokio::test]
async fn row_019_a_date_is_measured_against_the_servers_own_clock() {
    for route in PREFILLED {
        for now in ["Sun, 06 Nov 1994 08:49:37 GMT", "Wed, 06 Nov 2080 08:49:37 GMT"] {
            let then = now.replace(":37 ", ":46 ");
            let headers = format!("date: {now}\r\nretry-after: {then}\r\n");
            check_kept(wait_after(route, limited(&headers), own_backoff).await, 9);
        }
    }
}

#[tokio::test]
async fn row_019_a_date_that_has_passed_is_no_wait() {
    let headers =
        "date: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-after: Sun, 06 Nov 1994 08:49:30 GMT\r\n";
    for route in PREFILLED {
        assert_eq!(wait_after(route, limited(headers), own_backoff).await, OWN);
    }
}

#[tokio::test]
async fn row_020_milliseconds_win_over_seconds() {
    for route in PREFILLED {
        for headers in [
            "retry-after: 90\r\nretry-after-ms: 3000\r\n",
            "retry-after-ms: 3000\r\nretry-after: 90\r\n",
        ] {
            check_kept(wait_after(route, limited(headers), own_backoff).await, 3);
        }
    }
}

#[tokio::test]
async fn row_021_without_a_hint_our_own_backoff_counts() {
    for route in PREFILLED {
        assert_eq!(wait_after(route, limited(""), own_backoff).await, OWN);
        starts_again(route, limited("")).await;
    }
}

#[tokio::test]
async fn row_021_a_used_up_quota_is_final() {
    for route in PREFILLED {
        for error in [
            r#"{"type":"insufficient_quota","code":"insufficient_quota","message":"no more"}"#,
            r#"{"type":"rate_limit_error","message":"no","details":{"error_code":"enforced_spend_limit_reached"}}"#,
        ] {
            let body = format!(r#"{{"error":{error}}}"#);
            let peer = Peer::start([Answer::status("429 Too Many Requests", "", &body)]).await;
            let seen = Seen::by(route, builder(route, &peer.url())).await;
            assert_eq!(seen.error().kind(), ErrorKind::Refused, "{error}: {:?}", seen.end);
            assert!(!seen.error().is_retryable());
            assert_eq!(peer.asked().len(), 1, "{error}");
        }
    }
}

#[tokio::test]
async fn row_022_a_hint_that_is_no_time_leaves_our_own_backoff() {
    for route in PREFILLED {
        for value in ["0", "-3", "soon", "NaN", "inf", "", "1e", "0x10"] {
            let headers = format!("retry-after: {value}\r\n");
            let wait = wait_after(route, limited(&headers), own_backoff).await;
            assert_eq!(wait, OWN, "{value:?}");
        }
    }
}

#[tokio::test]
async fn row_022_a_hint_of_years_fails_at_once_and_says_when() {
    let year = 365 * 86_400;
    for route in PREFILLED {
        for value in ["99999999999", "Fri, 31 Dec 2100 23:59:59 GMT"] {
            let peer = Peer::start([limited(&format!("retry-after: {value}\r\n"))]).await;
            let seen = Seen::by(route, builder(route, &peer.url())).await;
            check_too_long(seen.cause(), year);
            assert_eq!(peer.asked().len(), 1, "{value}");
        }
    }
}

#[tokio::test]
async fn row_023_a_server_that_forbids_a_retry_is_obeyed() {
    for route in PREFILLED {
        for status in ["429 Too Many Requests", "500 Oops", "503 Busy", "529 Overloaded"] {
            let answer = Answer::status(status, "x-should-retry: false\r\n", "");
            let peer = Peer::start([answer]).await;
            let seen = Seen::by(route, builder(route, &peer.url())).await;
            let reason = match seen.cause() {
                Cause::GaveUp { reason, .. } => *reason,
                other => panic!("{status}: {other:?}"),
            };
            assert_eq!(reason, GiveUp::ServerForbids, "{status}");
            assert_eq!(peer.asked().len(), 1, "{status}");
        }
    }
}

#[tokio::test]
async fn row_023_a_server_that_asks_for_a_retry_gets_none_of_a_bad_key_and_one_of_a_conflict() {
    let asks = "x-should-retry: true\r\n";
    for route in PREFILLED {
        starts_again(route, Answer::status("409 Conflict", asks, "")).await;
        let peer = Peer::start([Answer::status("401 Unauthorized", asks, "")]).await;
        let seen = Seen::by(route, builder(route, &peer.url())).await;
        assert_eq!(seen.error().kind(), ErrorKind::Refused);
        assert_eq!(peer.asked().len(), 1);
    }
}

#[tokio::test]
async fn row_018_the_time_that_was_told_is_really_waited_for() {
    let mut tasks = tokio::task::JoinSet::new();
    for route in ROUTES {
        tasks.spawn(async move {
            let faults = in_order("429:1");
            let mock = route.mock(Config { faults, tokens: 20, ..Config::default() }).await;
            let told = crate::rig::Told::of(&route.client(&mock), route.request(PROMPT)).await;
            assert_eq!(told.text, mock.text_for(PROMPT));
            let requests = mock.ledger().requests;
            assert_eq!(requests.len(), 2);
            assert!(requests[1].at - requests[0].at >= Duration::from_secs(1));
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("the wait is as told");
    }
}

#[tokio::test]
async fn row_021_limits_and_overloads_have_slower_backoffs_of_their_own() {
    let span = |millis| {
        let span = Nanos::from_millis(millis);
        Backoff::None { base: span, cap: span }
    };
    let policy = Policy { backoff: span(11), throttle: span(22), overload: span(33), ..hasty() };
    for (status, wait) in [("500 Oops", 11), ("429 Slow Down", 22), ("529 Overloaded", 33)] {
        let answer = Answer::status(status, "", "");
        let wait_for = wait_after(MESSAGES, answer, |builder| builder.policy(policy)).await;
        assert_eq!(wait_for, Duration::from_millis(wait), "{status}");
    }
}
