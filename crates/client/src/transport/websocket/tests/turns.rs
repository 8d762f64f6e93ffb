//! Responses one after the other: which socket carries which, and what becomes of it.

use resume::Connection::{Any, New};
use tokio::join;
use tokio::time::Instant;

use super::server::{Peer, Server, URL, ask, read, transport};
use super::{Duration, FAILURES_MAX, SocketLimits, Uri};
use crate::proxy::{Proxy, Routes};
use crate::transport::Transport;

const BODY: &str = r#"{"model":"m"}"#;
const WHOLE: &str = "200..|";

fn start() -> (Transport, Server) {
    transport(Routes::default(), SocketLimits::default())
}

/// A transport with one socket that carried a whole response and waits.
async fn with_a_kept_socket() -> (Transport, Server, Peer) {
    let (transport, mut server) = start();
    let peer = open(&transport, &mut server, "resp_1").await;
    (transport, server, peer)
}

/// Opens one more socket for a whole response.
async fn open(transport: &Transport, server: &mut Server, id: &str) -> Peer {
    let mut traffic = ask(transport, URL, "kim", BODY, New);
    let (seen, peer) = join!(read(&mut traffic), async {
        let mut peer = server.open().await;
        peer.answer(id).await;
        peer
    });
    assert_eq!(seen, WHOLE);
    peer
}

#[tokio::test(start_paused = true)]
async fn a_kept_socket_carries_the_next_response_of_the_same_caller_alone() {
    let (transport, mut server, mut peer) = with_a_kept_socket().await;
    let mut traffic = ask(&transport, URL, "kim", BODY, Any);
    assert_eq!(join!(read(&mut traffic), peer.answer("resp_2")).0, WHOLE);
    for (key, on) in [("another", Any), ("kim", New)] {
        let mut traffic = ask(&transport, URL, key, BODY, on);
        let answer = async { server.open().await.answer("resp_3").await };
        assert_eq!(join!(read(&mut traffic), answer).0, WHOLE);
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_goes_on_on_the_socket_that_has_the_one_before() {
    let (transport, mut server, mut first) = with_a_kept_socket().await;
    let _second = open(&transport, &mut server, "resp_2").await;
    let body = r#"{"previous_response_id":"resp_1"}"#;
    let mut traffic = ask(&transport, URL, "kim", body, Any);
    assert_eq!(join!(read(&mut traffic), first.answer("resp_3")).0, WHOLE);
}

#[tokio::test(start_paused = true)]
async fn a_socket_on_which_something_waits_is_not_asked() {
    let (transport, mut server, mut peer) = with_a_kept_socket().await;
    peer.say(r#"{"type":"response.output_text.delta"}"#).await;
    let mut traffic = ask(&transport, URL, "kim", BODY, Any);
    let answer = async { server.open().await.answer("resp_2").await };
    assert_eq!(join!(read(&mut traffic), answer).0, WHOLE);
    peer.closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_may_carry_no_more_is_closed_at_once() {
    let limits = SocketLimits { responses: 1, ..SocketLimits::default() };
    let (transport, mut server) = transport(Routes::default(), limits);
    let began = Instant::now();
    open(&transport, &mut server, "resp_1").await.closed().await;
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_kept_socket_that_dies_before_its_answer_is_stale_and_says_nothing_of_the_server() {
    let long = format!(r#"{{"input":"{}"}}"#, "x".repeat(2 * super::server::PIPE_BYTES));
    for (body, is_read) in [(BODY, true), (&*long, false)] {
        let (transport, _server, mut peer) = with_a_kept_socket().await;
        let uri = Uri::from_static(URL);
        for _ in 1..FAILURES_MAX {
            transport.sockets.failed(&uri);
        }
        let mut traffic = ask(&transport, URL, "kim", body, Any);
        let leave = async {
            if is_read {
                peer.asked().await;
            } else {
                tokio::task::yield_now().await;
            }
            drop(peer);
        };
        assert_eq!(join!(read(&mut traffic), leave).0, "!Stale");
        assert!(transport.has_sockets(&uri));
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_socket_that_dies_before_its_answer_is_a_loss() {
    let (transport, mut server) = start();
    let mut traffic = ask(&transport, URL, "kim", BODY, Any);
    let leave = async { server.open().await.asked().await };
    assert_eq!(join!(read(&mut traffic), leave).0, "!Reset");
}

#[tokio::test(start_paused = true)]
async fn a_second_socket_that_is_too_old_is_not_replaced() {
    let (transport, mut server) = start();
    let mut traffic = ask(&transport, URL, "kim", BODY, Any);
    let refuse = async {
        for _ in 0..2 {
            let mut peer = server.open().await;
            peer.asked().await;
            peer.say(r#"{"type":"error","code":"websocket_connection_limit_reached"}"#).await;
        }
    };
    assert_eq!(join!(read(&mut traffic), refuse).0, "!NotSent");
    assert!(server.is_quiet());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_when_to_come_back_and_leaves_its_socket() {
    let (transport, mut server) = start();
    let mut traffic = ask(&transport, URL, "kim", BODY, Any);
    let (seen, mut peer) = join!(read(&mut traffic), async {
        let mut peer = server.open().await;
        peer.asked().await;
        peer.say(r#"{"type":"error","status":429,"headers":{"retry-after":"7"},"error":{}}"#).await;
        peer
    });
    assert_eq!(seen, "429 after 7.|");
    let mut traffic = ask(&transport, URL, "kim", BODY, Any);
    assert_eq!(join!(read(&mut traffic), peer.answer("resp_1")).0, WHOLE);
}

#[tokio::test(start_paused = true)]
async fn a_socket_whose_response_ended_in_an_error_is_left() {
    let (transport, mut server) = start();
    let mut traffic = ask(&transport, URL, "kim", BODY, Any);
    let (seen, peer) = join!(read(&mut traffic), async {
        let mut peer = server.open().await;
        peer.asked().await;
        peer.say(r#"{"type":"response.created"}"#).await;
        peer.say(r#"{"type":"error","code":"server_error"}"#).await;
        peer
    });
    assert_eq!(seen, "200..|");
    let began = Instant::now();
    drop(traffic);
    peer.closed().await;
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_not_text_breaks_the_rules() {
    let (transport, mut server) = start();
    let mut traffic = ask(&transport, URL, "kim", BODY, Any);
    let (seen, _peer) = join!(read(&mut traffic), async {
        let mut peer = server.open().await;
        peer.asked().await;
        peer.raw(&[0x82, 1, b'x']).await;
        peer
    });
    assert_eq!(seen, "!Framing");
}

#[tokio::test(start_paused = true)]
async fn a_proxy_takes_whole_what_it_gives_no_tunnel_for_unless_that_is_for_tls() {
    let routes = || Routes::by(Proxy::new("http://kim:pr0xy@proxy.example").unwrap());
    let (transport, mut server) = transport(routes(), SocketLimits::default());
    let mut traffic = ask(&transport, URL, "kim", BODY, Any);
    let (seen, ()) = join!(read(&mut traffic), async {
        let mut peer = server.accept().await;
        assert!(peer.head().await.starts_with("CONNECT a.example:80 "));
        peer.raw(b"HTTP/1.1 403 No\r\n\r\n").await;
        let mut peer = server.accept().await;
        let head = peer.head().await;
        assert!(head.starts_with(&format!("POST {URL} ")), "{head}");
        assert!(head.contains("\r\nproxy-authorization: Basic "), "{head}");
        peer.raw(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx").await;
    });
    assert_eq!(seen, "200.|");
    let (transport, mut server) = super::server::transport(routes(), SocketLimits::default());
    let cases = [("https", "403 No", "!ProxyRefused"), ("http", "502 Bad", "!ProxyFailed")];
    for (scheme, answer, expected) in cases {
        let url = URL.replace("http", scheme);
        let mut traffic = ask(&transport, &url, "kim", BODY, Any);
        let refuse = async {
            let mut peer = server.accept().await;
            peer.head().await;
            peer.raw(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()).await;
        };
        assert_eq!(join!(read(&mut traffic), refuse).0, expected);
        assert!(traffic.proxy_failure().is_some() && server.is_quiet(), "{url}");
    }
}
