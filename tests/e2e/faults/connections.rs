//! Before the request has reached anybody: rows 1 to 8.

use std::time::Duration;

use client::retry_policy::Repeat;
use client::{Break, Cause, ErrorKind, Nanos, Policy, Request, Timeouts};
use mock_provider::Config;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::ask::{PATIENT, PROMPT, Seen, builder, starts_again, strict};
use super::hints::waits;
use super::peer::{Answer, Peer};
use super::tls::Tls;
use super::wire::{CHAT, MESSAGES, PREFILLED, whole_text};
use crate::rig::{ROUTES, Route, Told, hasty, in_order};

#[tokio::test]
async fn row_001_a_refused_connection_is_tried_again() {
    for route in ROUTES {
        let faults = in_order("refused:20ms");
        let mock = route.mock(Config { faults, tokens: 20, ..Config::default() }).await;
        let told = Told::of(&route.client(&mock), route.request(PROMPT)).await;
        assert_eq!(told.text, mock.text_for(PROMPT), "{}", route.model);
        let attempts = &told.end.as_ref().expect("the response is whole").attempts;
        let (last, before) = attempts.split_last().expect("there were attempts");
        assert!(!before.is_empty() && last.cause.is_none());
        for attempt in before {
            assert_eq!(attempt.cause, Some(Cause::Broke(Break::Refused)));
        }
    }
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn row_002_a_name_that_does_not_exist_is_final_after_two_more_attempts() {
    // A label of 64 bytes is not a name, so no server is asked for it.
    let url = format!("http://{}.invalid", "x".repeat(64));
    for route in PREFILLED {
        let client = builder(route, &url).build().expect("a valid client");
        // Under a deadline other failed connections use up nothing but time.
        let request = route.request(PROMPT).deadline(Duration::from_secs(60));
        let seen = Seen::of(client.stream(request).await.expect("a valid request")).await;
        assert_eq!(seen.causes(), [&Cause::Broke(Break::UnknownName); 3]);
        assert_eq!(seen.cause(), &Cause::Broke(Break::UnknownName));
        assert_eq!(seen.error().kind(), ErrorKind::Refused);
        assert!(!seen.error().is_retryable());
    }
}

#[tokio::test]
async fn row_003_an_invalid_certificate_is_fatal() {
    let tls = Tls::new();
    let stranger = Tls::new();
    let peer = tls.serve("").await;
    let builder = builder(MESSAGES, &peer.url()).tls_config(stranger.trusting());
    let seen = Seen::by(MESSAGES, builder).await;
    assert_eq!(seen.cause(), &Cause::Broke(Break::Certificate));
    assert!(!seen.error().is_retryable());
    assert_eq!((peer.connections(), peer.requests()), (1, 0), "one handshake, no request");
}

#[tokio::test]
async fn row_004_a_failed_handshake_is_tried_again() {
    let tls = Tls::new();
    let peer = tls.serve_after_hanging_up(2, &MESSAGES.answer(&whole_text())).await;
    let seen = Seen::by(MESSAGES, builder(MESSAGES, &peer.url()).tls_config(tls.trusting())).await;
    assert_eq!(seen.text, whole_text());
    assert_eq!(seen.causes(), [&Cause::Broke(Break::Handshake); 2]);
    assert_eq!((peer.connections(), peer.requests()), (3, 1));
}

#[tokio::test]
async fn row_004_a_handshake_that_never_ends_is_given_up_and_tried_again() {
    let tls = Tls::new();
    let peer = tls.serve_after_silence(1, &MESSAGES.answer(&whole_text())).await;
    let timeouts = Timeouts { connect: Nanos::from_millis(500), ..PATIENT };
    let builder = builder(MESSAGES, &peer.url()).tls_config(tls.trusting()).timeouts(timeouts);
    let seen = Seen::by(MESSAGES, builder).await;
    assert_eq!(seen.text, whole_text());
    assert!(seen.causes().contains(&&Cause::ConnectTimeout), "{:?}", seen.causes());
    assert_eq!(peer.requests(), 1);
}

/// A listener whose line of waiting connections is full, and those that fill it.
async fn full_listener() -> (tokio::net::TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let listener = socket.listen(1).expect("it listens");
    let address = listener.local_addr().expect("an address");
    let mut waiting = Vec::new();
    while let Ok(stream) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        waiting.push(stream.expect("a place in the line"));
    }
    (listener, waiting)
}

#[tokio::test]
async fn row_005_a_connection_that_does_not_come_about_is_given_up_and_tried_again() {
    let (listener, waiting) = full_listener().await;
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let timeouts = Timeouts { connect: Nanos::from_millis(100), ..PATIENT };
    let client = builder(MESSAGES, &url).timeouts(timeouts).build().expect("a valid client");
    let mut stream = client.stream(MESSAGES.request(PROMPT)).await.expect("a valid request");
    loop {
        let event = stream.next().await.expect("there is more").expect("it is tried again");
        if let client::Event::State(client::State::Disconnected { cause, .. }) = event {
            assert_eq!(cause, Cause::ConnectTimeout);
            break;
        }
    }
    // Those that waited leave, and somebody answers.
    drop(waiting);
    let peer = Peer::at(listener, [Answer::whole(MESSAGES.answer(&whole_text()))]);
    let seen = Seen::of(stream).await;
    assert!(seen.end.is_ok(), "{:?}", seen.end);
    assert_eq!(seen.text, whole_text());
    assert_eq!(peer.asked().len(), 1);
}

/// A whole answer on a connection that may be used again.
fn kept_alive(body: &str) -> Answer {
    let length = body.len();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
    Answer::raw(format!("{head}content-length: {length}\r\n\r\n{body}"))
}

/// Asks twice under this policy. The first answer leaves its connection for the second request,
/// which gets these one after the other.
async fn on_a_kept_connection(
    route: Route,
    policy: Policy,
    answers: impl IntoIterator<Item = Answer>,
) -> (Seen, Vec<usize>) {
    let first = kept_alive(&route.answer(&whole_text()));
    let peer = Peer::start([first].into_iter().chain(answers)).await;
    let client = builder(route, &peer.url()).policy(policy).build().expect("a valid client");
    let ask = || async { client.stream(route.request(PROMPT)).await.expect("a valid request") };
    assert_eq!(Seen::of(ask().await).await.text, whole_text());
    let seen = Seen::of(ask().await).await;
    (seen, peer.asked().iter().map(|asked| asked.connection).collect())
}

#[tokio::test]
async fn row_007_a_request_that_dies_with_a_kept_connection_is_sent_again_on_a_new_one() {
    for route in PREFILLED {
        for dying in [Answer::none().close(), Answer::none().reset()] {
            let rest = Answer::whole(route.answer(&whole_text()));
            let (seen, connections) = on_a_kept_connection(route, strict(), [dying, rest]).await;
            assert!(seen.end.is_ok(), "{:?}", seen.end);
            assert_eq!(seen.text, whole_text());
            assert_eq!(connections, [1, 1, 2], "one connection was used again and died");
            assert_eq!(seen.causes(), [&Cause::Broke(Break::Stale)]);
            assert_eq!(waits(&seen.states), [Duration::ZERO]);
        }
    }
}

#[tokio::test]
async fn row_007_a_new_connection_that_dies_too_is_a_failure_that_counts() {
    let dying = || Answer::none().close();
    let (seen, connections) = on_a_kept_connection(CHAT, strict(), [dying(), dying()]).await;
    assert_eq!(connections, [1, 1, 2]);
    let causes = [Break::Stale, Break::Reset].map(Cause::Broke);
    assert_eq!(seen.causes(), causes.iter().collect::<Vec<_>>());
    assert!(matches!(seen.cause(), Cause::GaveUp { .. }), "{:?}", seen.cause());
}

#[tokio::test]
async fn row_007_what_must_not_be_done_twice_is_not_sent_again() {
    let policy = Policy { repeat: Repeat::IfUnprocessed, ..hasty() };
    let (seen, connections) = on_a_kept_connection(CHAT, policy, [Answer::none().close()]).await;
    assert_eq!(connections, [1, 1]);
    assert_eq!(seen.causes(), [&Cause::Broke(Break::Stale)]);
}

#[tokio::test]
async fn row_007_an_answer_that_is_cut_in_its_head_is_no_stale_connection() {
    let cut = Answer::raw("HTTP/1.1 200").close();
    let (seen, connections) = on_a_kept_connection(CHAT, strict(), [cut]).await;
    assert_eq!(connections, [1, 1]);
    assert_eq!(seen.causes(), [&Cause::Broke(Break::Reset)]);
}

#[tokio::test]
async fn row_008_a_request_that_is_cut_while_it_is_sent_is_sent_again_whole() {
    let content = "word ".repeat(2 << 20);
    for route in PREFILLED {
        let first = Answer::after(1000).reset();
        let peer = Peer::start([first, Answer::whole(route.answer(&whole_text()))]).await;
        let client = builder(route, &peer.url()).build().expect("a valid client");
        let body = format!(
            r#"{{"model":"{}","max_tokens":99,"stream":true,"messages":[{{"role":"user","content":"{content}"}}]}}"#,
            route.model
        );
        let stream = client.stream(Request::new(body)).await.expect("a valid request");
        let seen = Seen::of(stream).await;
        assert_eq!(seen.text, whole_text());
        let asked = peer.asked();
        assert_eq!((asked.len(), seen.causes().len()), (2, 1), "{:?}", seen.states);
        assert!(asked[0].body.len() < asked[1].body.len(), "the first one was cut");
        assert_eq!(asked[1].json()["messages"][0]["content"], content.as_str());
    }
}

#[tokio::test]
async fn row_008_a_reset_before_the_answer_is_followed_by_the_same_request() {
    let (seen, _) = starts_again(CHAT, Answer::none().reset()).await;
    assert_eq!(seen.causes(), [&Cause::Broke(Break::Reset)]);
}
