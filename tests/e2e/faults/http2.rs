//! Faults that only HTTP/2 has: rows 42 to 45. Well-behaved connections are the `h2` crate's,
//! the others are literal frames.

use std::time::Duration;

use bytes::Bytes;
use client::retry_policy::{Backoff, Repeat};
use client::{Break, Cause, Limits, Nanos, Policy};
use h2::Reason;
use h2::server::{Connection, SendResponse};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::ask::{PROMPT, Seen, builder, check_healed, strict};
use super::cue::Cue;
use super::hints::waits;
use super::peer::drain;
use super::tls::{Tls, TlsPeer};
use super::wire::{BEGUN, MESSAGES, REST, whole_text};
use crate::rig::{Route, hasty};

const ROUTE: Route = MESSAGES;

type Link = Connection<TlsStream<TcpStream>, Bytes>;
type Reply = SendResponse<Bytes>;

/// Takes the next request of a connection.
async fn request(link: &mut Link) -> Option<Reply> {
    let (request, reply) = link.accept().await?.ok()?;
    // The body is small; its end is not waited for.
    drop(request);
    Some(reply)
}

/// Sends a head and these events; the stream is left open.
fn begin(reply: &mut Reply, events: &str) -> h2::SendStream<Bytes> {
    let head = http::Response::builder().header("content-type", "text/event-stream");
    let head = head.body(()).expect("a head");
    let mut body = reply.send_response(head, false).expect("the stream is open");
    body.send_data(Bytes::from(events.to_owned()), false).expect("the stream is open");
    body
}

/// Answers every further request with these events and a clean end.
async fn go_on(mut link: Link, events: String) {
    while let Some(mut reply) = request(&mut link).await {
        let mut body = begin(&mut reply, &events);
        let _ = body.send_data(Bytes::new(), true);
    }
}

async fn handshake(stream: TlsStream<TcpStream>) -> Link {
    h2::server::handshake(stream).await.expect("a handshake")
}

async fn ask(tls: &Tls, peer: &TlsPeer, cue: &Cue) -> Seen {
    Seen::giving(ROUTE, builder(ROUTE, &peer.url()).tls_config(tls.trusting()), cue).await
}

/// Shuts the connection down while an answer is on its way, and finishes that answer.
async fn retire(stream: TlsStream<TcpStream>, cue: &Cue) {
    let mut link = handshake(stream).await;
    let mut reply = request(&mut link).await.expect("a request");
    let mut body = begin(&mut reply, &ROUTE.half());
    link.graceful_shutdown();
    // Two frames: one that announces the end, and after a ping one that names the last stream.
    let rest = async {
        let events = ROUTE.text(REST) + &ROUTE.stop() + &ROUTE.sentinel();
        cue.until(BEGUN.len()).await;
        body.send_data(Bytes::from(events), true).expect("the stream goes on");
    };
    let (_, more) = tokio::join!(rest, request(&mut link));
    assert!(more.is_none(), "no request comes on a connection that was retired");
}

#[tokio::test]
async fn row_042_a_stream_goes_on_when_its_connection_is_retired_and_the_next_one_is_new() {
    let tls = Tls::new();
    let cue = Cue::default();
    let given = cue.clone();
    let peer = tls
        .serve_h2(move |stream, number| {
            let cue = given.clone();
            async move {
                match number {
                    1 => retire(stream, &cue).await,
                    _ => go_on(handshake(stream).await, ROUTE.answer(&whole_text())).await,
                }
            }
        })
        .await;
    let builder = builder(ROUTE, &peer.url()).tls_config(tls.trusting());
    let client = builder.build().expect("a valid client");
    for connections in [1, 2] {
        let stream = client.stream(ROUTE.request(PROMPT)).await.expect("a valid request");
        let seen = Seen::read(stream, &cue).await;
        assert_eq!(seen.text, whole_text(), "{:?}", seen.end);
        assert!(seen.causes().is_empty(), "{:?}", seen.causes());
        // Another one was opened when this one was retired, and is used if it stood in time.
        let opened = peer.connections();
        assert!((connections..=connections + 1).contains(&opened), "{opened}");
    }
}

/// Reads up to the first request and answers with literal frames; then nothing more.
async fn literal(mut stream: TlsStream<TcpStream>, frames: &[u8]) {
    const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    const HEADERS: u8 = 1;
    stream.write_all(SETTINGS).await.expect("the client is there");
    stream.read_exact(&mut [0; 24]).await.expect("a preface");
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.expect("a frame");
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        stream.read_exact(&mut vec![0; length]).await.expect("its payload");
        if head[3] == HEADERS {
            break;
        }
    }
    stream.write_all(frames).await.expect("the client is there");
    let _ = stream.shutdown().await;
    drain(&mut stream).await;
}

/// A `GOAWAY` that says that no stream was processed.
const GO_AWAY_BEFORE_ALL: &[u8] =
    &[0, 0, 8, 7, 0, 0, 0, 0, 0, /* last stream */ 0, 0, 0, 0, /* NO_ERROR */ 0, 0, 0, 0];

/// The request is known not to have been processed: it is sent again at once on a new connection,
/// also under a policy that allows no second attempt and none that may have had its effect.
async fn is_sent_again(tls: &Tls, peer: &TlsPeer) {
    let policy = Policy { repeat: Repeat::IfUnprocessed, ..strict() };
    let builder = builder(ROUTE, &peer.url()).tls_config(tls.trusting()).policy(policy);
    let seen = Seen::by(ROUTE, builder).await;
    assert_eq!(seen.text, whole_text(), "{:?}", seen.end);
    assert_eq!(seen.causes(), [&Cause::Broke(Break::NotSent)]);
    assert_eq!(waits(&seen.states), [Duration::ZERO]);
    assert_eq!(peer.connections(), 2);
}

#[tokio::test]
async fn row_043_a_stream_that_a_retired_connection_did_not_take_is_sent_again() {
    let tls = Tls::new();
    let peer = tls
        .serve_h2(|stream, number| async move {
            match number {
                1 => literal(stream, GO_AWAY_BEFORE_ALL).await,
                _ => go_on(handshake(stream).await, ROUTE.answer(&whole_text())).await,
            }
        })
        .await;
    is_sent_again(&tls, &peer).await;
}

/// Resets the first stream as told, once the consumer has the text of these events; later ones
/// bring `rest`.
async fn resetting(tls: &Tls, events: String, reason: Reason, rest: String, cue: &Cue) -> TlsPeer {
    let cue = cue.clone();
    tls.serve_h2(move |stream, number| {
        let (events, rest, cue) = (events.clone(), rest.clone(), cue.clone());
        async move {
            let mut link = handshake(stream).await;
            if number > 1 {
                return go_on(link, rest).await;
            }
            let mut reply = request(&mut link).await.expect("a request");
            if events.is_empty() {
                reply.send_reset(reason);
            } else {
                let mut body = begin(&mut reply, &events);
                // The frames go out as the connection is polled; then the stream is reset.
                tokio::select! {
                    () = cue.until(BEGUN.len()) => {}
                    _ = std::future::poll_fn(|cx| link.poll_closed(cx)) => return,
                }
                body.send_reset(reason);
            }
            go_on(link, rest).await;
        }
    })
    .await
}

#[tokio::test]
async fn row_044_a_refused_stream_is_sent_again() {
    let tls = Tls::new();
    let answer = ROUTE.answer(&whole_text());
    let peer =
        resetting(&tls, String::new(), Reason::REFUSED_STREAM, answer, &Cue::default()).await;
    is_sent_again(&tls, &peer).await;
}

#[tokio::test]
async fn row_044_a_server_that_refuses_every_stream_is_not_asked_for_ever() {
    let tls = Tls::new();
    let peer = tls
        .serve_h2(|stream, _| async move {
            let mut link = handshake(stream).await;
            while let Some(mut reply) = request(&mut link).await {
                reply.send_reset(Reason::REFUSED_STREAM);
            }
        })
        .await;
    let mut policy = hasty();
    policy.limits.total = 2;
    let builder = builder(ROUTE, &peer.url()).tls_config(tls.trusting()).policy(policy);
    let seen = Seen::by(ROUTE, builder).await;
    let free = Limits::default().unprocessed_attempts as usize;
    assert_eq!(seen.causes(), vec![&Cause::Broke(Break::NotSent); free + 2]);
    assert!(matches!(seen.cause(), Cause::GaveUp { .. }), "{:?}", seen.cause());
}

#[tokio::test]
async fn row_045_a_reset_stream_is_healed() {
    let tls = Tls::new();
    for reason in [Reason::INTERNAL_ERROR, Reason::CANCEL] {
        let cue = Cue::default();
        let peer = resetting(&tls, ROUTE.half(), reason, ROUTE.rest(), &cue).await;
        let seen = ask(&tls, &peer, &cue).await;
        check_healed(&seen);
        assert_eq!(seen.causes(), [&Cause::Broke(Break::Reset)], "{reason:?}");
        assert_eq!(peer.connections(), 1, "the connection goes on: {BEGUN}");
    }
}

#[tokio::test]
async fn row_045_a_server_that_asks_for_calm_gets_the_backoff_of_a_limit() {
    let tls = Tls::new();
    let span = Nanos::from_millis(77);
    let policy = Policy { throttle: Backoff::None { base: span, cap: span }, ..hasty() };
    let cue = Cue::default();
    let peer = resetting(&tls, ROUTE.half(), Reason::ENHANCE_YOUR_CALM, ROUTE.rest(), &cue).await;
    let builder = builder(ROUTE, &peer.url()).tls_config(tls.trusting()).policy(policy);
    let seen = Seen::giving(ROUTE, builder, &cue).await;
    check_healed(&seen);
    assert_eq!(seen.causes(), [&Cause::Broke(Break::Calm)]);
    assert_eq!(waits(&seen.states), [span.as_duration()]);
}
