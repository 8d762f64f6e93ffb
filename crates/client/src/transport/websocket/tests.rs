//! Sockets that wait, in memory and in virtual time.

mod server;
mod turns;

use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use resume::Break;
use retry_policy::Nanos;
use std::future::poll_fn;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::socket::News;
use super::*;

#[test]
fn a_server_whose_sockets_fail_rests_and_one_that_works_does_not() {
    let sockets = Sockets::new(SocketLimits::default());
    let (bad, good) = (Uri::from_static("http://a/v1/responses"), Uri::from_static("http://b/"));
    for _ in 1..FAILURES_MAX {
        sockets.failed(&bad);
        sockets.failed(&good);
    }
    assert!(sockets.serve(&bad) && sockets.serve(&good));
    sockets.succeeded(&good);
    sockets.failed(&bad);
    sockets.failed(&good);
    assert!(!sockets.serve(&bad) && sockets.serve(&good));
    sockets.rule_out(&good);
    assert!(!sockets.serve(&good));
}

const HEAD: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n";

/// A socket and the other end of its pipe, which has `room` bytes.
async fn open(limits: &SocketLimits, room: usize) -> (Socket, DuplexStream) {
    let (here, mut there) = duplex(room);
    let (mut sender, connection) = http1::handshake(TokioIo::new(here)).await.unwrap();
    tokio::spawn(connection.with_upgrades());
    let request = http::Request::get("/").header("host", "x").body(Empty::<&[u8]>::new()).unwrap();
    let (response, ()) = tokio::join!(sender.send_request(request), async {
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            asked.push(there.read_u8().await.unwrap());
        }
        there.write_all(HEAD).await.unwrap();
    });
    let upgraded = hyper::upgrade::on(response.unwrap()).await.unwrap();
    (Socket::new(upgraded, limits), there)
}

fn place() -> Place {
    Place { uri: Uri::from_static("http://a/v1/responses"), headers: HeaderMap::new() }
}

async fn closed(mut there: DuplexStream) -> Instant {
    let mut rest = Vec::new();
    there.read_to_end(&mut rest).await.unwrap();
    Instant::now()
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_waits_is_closed_when_its_time_is_over_and_not_at_the_next_look() {
    let limits = SocketLimits::default();
    let sockets = Arc::new(Sockets::new(limits));
    let begin = Instant::now();
    let (first, first_there) = open(&limits, 1024).await;
    sockets.put(place(), first);
    tokio::time::advance(Duration::from_secs(15)).await;
    let (second, second_there) = open(&limits, 1024).await;
    sockets.put(place(), second);
    let (first, second) = tokio::join!(closed(first_there), closed(second_there));
    // Timers are of whole milliseconds.
    assert_eq!((first - begin).as_secs(), 20);
    assert_eq!((second - begin).as_secs(), 35);
}

#[tokio::test(start_paused = true)]
async fn a_socket_is_renewed_before_its_hour_is_over() {
    let limits = SocketLimits { idle: Nanos::from_secs(7200), ..SocketLimits::default() };
    let sockets = Arc::new(Sockets::new(limits));
    let (socket, _there) = open(&limits, 1024).await;
    sockets.put(place(), socket);
    tokio::time::advance(Duration::from_secs(55 * 60 - 1)).await;
    let socket = sockets.take(&place(), None).expect("it is young enough");
    sockets.put(place(), socket);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(sockets.take(&place(), None).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_waits_is_closed_at_its_age_too() {
    let limits = SocketLimits { idle: Nanos::from_secs(7200), ..SocketLimits::default() };
    let sockets = Arc::new(Sockets::new(limits));
    let begin = Instant::now();
    let (socket, there) = open(&limits, 1024).await;
    sockets.put(place(), socket);
    assert_eq!((closed(there).await - begin).as_secs(), 55 * 60);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_rested_is_asked_over_sockets_again() {
    let sockets = Sockets::new(SocketLimits::default());
    sockets.rule_out(&place().uri);
    tokio::time::advance(REST - Duration::from_secs(1)).await;
    assert!(!sockets.serve(&place().uri));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(sockets.serve(&place().uri));
}

#[tokio::test]
async fn pings_are_answered_however_many_come_at_once() {
    const PINGS: usize = 1000;
    let limits = SocketLimits::default();
    let (mut socket, mut there) = open(&limits, 64 << 10).await;
    there.write_all(&[0x89, 1, b'?'].repeat(PINGS)).await.unwrap();
    for ping in 0..PINGS {
        let news = poll_fn(|cx| socket.poll_news(cx)).await;
        assert!(matches!(news, News::Ping), "{ping}: {news:?}");
    }
    let silence = poll_fn(|cx| socket.poll_news(cx));
    let mut pongs = vec![0; 7 * PINGS];
    tokio::select! {
        read = there.read_exact(&mut pongs) => assert_eq!(read.unwrap(), 7 * PINGS),
        news = silence => panic!("nobody said {news:?}"),
    }
    assert!(pongs.chunks(7).all(|pong| pong[..2] == [0x8a, 0x81]));
}

#[tokio::test]
async fn pings_whose_answers_are_not_read_have_an_end() {
    let limits = SocketLimits::default();
    // Room for a few answers.
    let (mut socket, mut there) = open(&limits, 512).await;
    let mut pings = 0;
    loop {
        there.write_all(&[0x89, 1, b'?']).await.unwrap();
        pings += 1;
        match poll_fn(|cx| socket.poll_news(cx)).await {
            News::Ping => assert!(pings < 1000, "there is no end"),
            News::Lost(cause) => break assert_eq!(cause, Break::Framing),
            News::Text(text) => panic!("nobody said {text:?}"),
        }
    }
}

#[tokio::test]
async fn answers_that_are_read_late_are_not_counted_again() {
    let limits = SocketLimits::default();
    let (mut socket, mut there) = open(&limits, 1024).await;
    let (mut pings, mut pongs) = (0, 0);
    for _ in 0..4 {
        // More than there is room for, and less than the limit beyond it.
        for _ in 0..180 {
            there.write_all(&[0x89, 1, b'?']).await.unwrap();
            pings += 1;
            let news = tokio::task::unconstrained(poll_fn(|cx| socket.poll_news(cx))).await;
            assert!(matches!(news, News::Ping), "{pings}: {news:?}");
        }
        while pongs < pings {
            let mut pong = [0; 7];
            tokio::select! {
                biased;
                read = there.read_exact(&mut pong) => assert_eq!(read.unwrap(), 7),
                news = poll_fn(|cx| socket.poll_news(cx)) => panic!("nobody said {news:?}"),
            }
            pongs += 1;
        }
    }
}
