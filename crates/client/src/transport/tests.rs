//! The transport against real sockets: ALPN, cancellation and the meaning of each failure.

mod peer;
mod warm;

use bytes::Bytes;
use http_body_util::Full;
use resume::{Break, Connection};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use super::resolver::Resolver;
use super::{
    Arrival, Exchange, H2_HEAD_BYTES_MAX, HEAD_BYTES_MAX, HEADERS_MAX, Pings, Tcp, Transport,
};
use crate::proxy::{Proxy, Routes};
use peer::{Alpn, Ca, Frames, Peer};

const CONNECT: Duration = Duration::from_secs(5);

fn plain() -> Transport {
    Transport::new(Tcp::default(), None, CONNECT, Routes::default()).unwrap()
}

fn trusting(ca: &Ca) -> Transport {
    Transport::new(Tcp::default(), Some(ca.client_config()), CONNECT, Routes::default()).unwrap()
}

fn post(transport: &Transport, url: &str) -> Exchange {
    post_on(transport, url, Connection::Any)
}

fn post_on(transport: &Transport, url: &str, on: Connection) -> Exchange {
    let request = http::Request::post(url).body(Full::new(Bytes::from_static(b"{}"))).unwrap();
    transport.send(request, on)
}

async fn next(exchange: &mut Exchange) -> Arrival {
    poll_fn(|cx| exchange.poll(cx)).await
}

/// Everything up to the end, as one line.
async fn read(exchange: &mut Exchange) -> String {
    let mut seen = String::new();
    loop {
        match next(exchange).await {
            Arrival::Connected => seen.push_str("connected "),
            Arrival::Leaving => seen.push_str("leaving "),
            Arrival::Head { status, .. } => seen.push_str(&format!("{status} ")),
            Arrival::Chunk(chunk) => seen.push_str(&String::from_utf8_lossy(&chunk)),
            Arrival::End => return seen + "|",
            Arrival::Broke(cause) => return format!("{seen}!{cause:?}"),
        }
    }
}

#[track_caller]
fn broke(seen: &str, cause: Break) {
    assert!(seen.ends_with(&format!("!{cause:?}")), "{seen}");
}

#[tokio::test]
async fn alpn_chooses_http_2_or_http_1_1_over_tls() {
    let ca = Ca::new();
    for (alpn, version) in [(Alpn::Both, "HTTP/2.0"), (Alpn::Http1, "HTTP/1.1")] {
        let peer = Peer::echo_version(Some((&ca, alpn))).await;
        let mut exchange = post(&trusting(&ca), &peer.url("localhost"));
        assert_eq!(read(&mut exchange).await, format!("connected 200 {version}|"));
    }
}

#[tokio::test]
async fn a_second_connection_goes_on_from_the_tls_session_of_the_first() {
    let ca = Ca::new();
    for alpn in [Alpn::Both, Alpn::Http1] {
        let peer = Peer::echo_version(Some((&ca, alpn))).await;
        let transport = trusting(&ca);
        read(&mut post(&transport, &peer.url("localhost"))).await;
        assert_eq!((peer.connections(), peer.resumed()), (1, 0));
        // Those that are kept and those that are not share what they know.
        read(&mut post_on(&transport, &peer.url("localhost"), Connection::New)).await;
        assert_eq!((peer.connections(), peer.resumed()), (2, 1));
    }
}

#[tokio::test]
async fn a_client_shows_the_certificate_that_it_was_given() {
    let (ca, client, other) = (Ca::new(), Ca::new(), Ca::new());
    let peer = Peer::echo_version_to(&ca, &client).await;
    let transport =
        |config| Transport::new(Tcp::default(), Some(config), CONNECT, Routes::default());
    let known = transport(ca.client_config_of(&client)).unwrap();
    assert_eq!(read(&mut post(&known, &peer.url("localhost"))).await, "connected 200 HTTP/2.0|");
    for config in [ca.client_config(), ca.client_config_of(&other)] {
        let unknown = transport(config).unwrap();
        let seen = read(&mut post(&unknown, &peer.url("localhost"))).await;
        assert!(seen.contains('!'), "{seen}");
    }
}

#[tokio::test]
async fn every_address_of_a_name_is_tried() {
    // Nobody listens at the first, which has the port of the second.
    let two = Resolver::of(|name| {
        assert_eq!(name, "two.example");
        Ok(vec!["127.0.0.9:0".parse().unwrap(), "127.0.0.1:0".parse().unwrap()])
    });
    let peer = Peer::echo_version(None).await;
    let transport = Transport::new(Tcp::resolving(two), None, CONNECT, Routes::default()).unwrap();
    let seen = read(&mut post(&transport, &peer.url("two.example"))).await;
    assert_eq!(seen, "connected 200 HTTP/1.1|");
}

#[tokio::test]
async fn plain_http_is_http_1_1() {
    let peer = Peer::echo_version(None).await;
    assert_eq!(read(&mut post(&plain(), &peer.url("127.0.0.1"))).await, "connected 200 HTTP/1.1|");
}

#[tokio::test]
async fn dropping_an_exchange_reaches_the_server() {
    let ca = Ca::new();
    for alpn in [Alpn::Both, Alpn::Http1] {
        let mut peer = Peer::endless(&ca, alpn).await;
        let transport = trusting(&ca);
        let mut exchange = post(&transport, &peer.url("localhost"));
        while !matches!(next(&mut exchange).await, Arrival::Chunk(_)) {}
        drop(exchange);
        peer.body_dropped().await;
        // The next request needs a new connection after an HTTP/1.1 close, and none after a
        // stream reset.
        let mut exchange = post(&transport, &peer.url("localhost"));
        while !matches!(next(&mut exchange).await, Arrival::Chunk(_)) {}
        assert_eq!(peer.connections(), if alpn == Alpn::Both { 1 } else { 2 });
    }
}

#[tokio::test]
async fn an_untrusted_or_wrong_certificate_is_told_from_a_failed_handshake() {
    let (ca, other) = (Ca::new(), Ca::new());
    let peer = Peer::echo_version(Some((&ca, Alpn::Both))).await;
    broke(&read(&mut post(&trusting(&other), &peer.url("localhost"))).await, Break::Certificate);
    broke(&read(&mut post(&plain(), &peer.url("localhost"))).await, Break::Certificate);
    broke(&read(&mut post(&trusting(&ca), &peer.url("127.0.0.1"))).await, Break::Certificate);
    for answer in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b""] {
        let peer = Peer::raw(answer).await;
        let url = peer.url("localhost").replace("http:", "https:");
        broke(&read(&mut post(&plain(), &url)).await, Break::Handshake);
    }
}

#[tokio::test]
async fn a_closed_port_and_an_unknown_name_are_told_apart() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(read(&mut post(&plain(), &url)).await, "!Refused");
    // A label of 64 bytes is not a name, so no server is asked for it.
    let url = format!("http://{}.invalid/", "x".repeat(64));
    assert_eq!(read(&mut post(&plain(), &url)).await, "!UnknownName");
}

#[tokio::test]
async fn each_broken_http_1_1_response_has_its_cause() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let cases = [
        (String::new(), "connected !Reset"),
        ("HTTP/1.1 200".to_owned(), "connected !Reset"),
        ("SSH-2.0-x\r\n\r\n".to_owned(), "connected !Framing"),
        (format!("{chunked}3\r\nabc\r\n"), "connected 200 abc!Reset"),
        (format!("{chunked}5\r\nabc"), "connected 200 abc!Reset"),
        (format!("{chunked}3\r\nabc\r\nzz\r\n"), "connected 200 abc!Framing"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc".to_owned(), "connected 200 abc!Reset"),
        ("HTTP/1.1 200 OK\r\n\r\nabc".to_owned(), "connected 200 abc|"),
        (format!("{chunked}3\r\nabc\r\n0\r\n\r\n"), "connected 200 abc|"),
        (
            "HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n".to_owned(),
            "connected 302 |",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx".to_owned(),
            "connected !Framing",
        ),
    ];
    for (answer, expected) in cases {
        let peer = Peer::raw(answer.as_bytes()).await;
        assert_eq!(read(&mut post(&plain(), &peer.url("127.0.0.1"))).await, expected, "{answer:?}");
    }
}

#[tokio::test]
async fn the_head_of_a_response_has_an_end() {
    let head = |headers: &str| format!("HTTP/1.1 200 OK\r\n{headers}content-length: 0\r\n\r\n");
    let long = |bytes: usize| format!("a: {}\r\n", "x".repeat(bytes));
    let cases = [
        (head(&"a: b\r\n".repeat(HEADERS_MAX - 1)), "connected 200 |"),
        (head(&"a: b\r\n".repeat(HEADERS_MAX)), "connected !Framing"),
        (head(&long(HEAD_BYTES_MAX - 1000)), "connected 200 |"),
        // What was read at once is not cut.
        (head(&long(3 * HEAD_BYTES_MAX)), "connected !Framing"),
    ];
    for (answer, expected) in cases {
        let peer = Peer::raw(answer.as_bytes()).await;
        let seen = read(&mut post(&plain(), &peer.url("127.0.0.1"))).await;
        assert_eq!(seen, expected, "{} bytes", answer.len());
    }
    let ca = Ca::new();
    let fields = H2_HEAD_BYTES_MAX as usize / 60;
    for (fields, is_read) in [(fields - 1, true), (fields + 1, false)] {
        let peer = Peer::frames(&ca, Frames::new().headers_with(1, fields)).await;
        let seen = read(&mut post(&trusting(&ca), &peer.url("localhost"))).await;
        assert_eq!(seen.starts_with("connected 200 "), is_read, "{fields}: {seen}");
    }
}

#[tokio::test]
async fn a_reset_connection_is_a_reset() {
    let peer = Peer::resetting(b"HTTP/1.1 200 OK\r\n\r\nabc").await;
    broke(&read(&mut post(&plain(), &peer.url("127.0.0.1"))).await, Break::Reset);
}

#[tokio::test]
async fn each_http_2_refusal_has_its_cause() {
    const NO_ERROR: u32 = 0;
    const INTERNAL: u32 = 2;
    const REFUSED: u32 = 7;
    const CALM: u32 = 11;
    let ca = Ca::new();
    let cases = [
        (Frames::new().go_away(0, NO_ERROR), Break::NotSent),
        (Frames::new().go_away(0, CALM), Break::Calm),
        (Frames::new().reset(1, REFUSED), Break::NotSent),
        (Frames::new().reset(1, CALM), Break::Calm),
        (Frames::new().reset(1, INTERNAL), Break::Reset),
        (Frames::new().go_away(1, NO_ERROR), Break::Reset),
        (Frames::new().headers(1).reset(1, INTERNAL), Break::Reset),
        (Frames::new().headers(1).reset(1, CALM), Break::Calm),
        (Frames::new().headers(1).go_away(1, NO_ERROR), Break::Reset),
        (Frames::new().data_of_stream_0(), Break::Framing),
    ];
    for (frames, cause) in cases {
        let shown = format!("{frames:?}");
        let peer = Peer::frames(&ca, frames).await;
        let seen = read(&mut post(&trusting(&ca), &peer.url("localhost"))).await;
        assert!(seen.ends_with(&format!("!{cause:?}")), "{shown}: {seen}");
    }
}

#[tokio::test]
async fn a_connection_that_answers_no_ping_is_dead() {
    let ca = Ca::new();
    let peer = Peer::mute(&ca).await;
    let tenth = Duration::from_millis(100);
    let pings = Pings { after: tenth, timeout: tenth };
    let transport = Transport::pinging(
        Tcp::default(),
        Some(ca.client_config()),
        CONNECT,
        Routes::default(),
        pings,
    )
    .unwrap();
    let began = std::time::Instant::now();
    let mut exchange = post(&transport, &peer.url("localhost"));
    let seen = tokio::time::timeout(50 * tenth, read(&mut exchange)).await;
    assert_eq!(seen.expect("it is not waited for"), "connected 200 !Reset");
    assert!(began.elapsed() >= 2 * tenth);
}

#[tokio::test]
async fn no_log_of_the_libraries_shows_a_key_or_a_body() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(Arc::new(log.reopen().unwrap()))
        .finish();
    // For all threads: what other tests of this binary log has to be clean as well.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let ca = Ca::new();
    for alpn in [Alpn::Both, Alpn::Http1] {
        let peer = Peer::echo_version(Some((&ca, alpn))).await;
        let key = crate::Secret::new("s3cr3t-key").header("Bearer ").unwrap();
        let request = http::Request::post(peer.url("localhost"))
            .header("authorization", key)
            .body(Full::new(Bytes::from_static(b"pr0mpt")))
            .unwrap();
        read(&mut trusting(&ca).send(request, Connection::Any)).await;
    }
    let log = std::fs::read_to_string(log.path()).unwrap();
    assert!(log.contains("h2::"), "the libraries logged nothing");
    assert!(!log.contains("s3cr3t") && !log.contains("pr0mpt"));
}

#[tokio::test]
async fn a_handshake_and_a_tunnel_that_are_left_open_have_an_end_without_any_other_clock() {
    let peer = Peer::silent().await;
    let proxy = Proxy::new(&peer.url("127.0.0.1").replace("https:", "http:")).unwrap();
    for (routes, cause) in [
        (Routes::default(), Break::Unreachable),
        // The clock is of all that it takes, and does not know what took the time.
        (Routes::by(proxy), Break::Unreachable),
    ] {
        let transport =
            Transport::new(Tcp::default(), None, Duration::from_millis(50), routes).unwrap();
        let mut exchange = post(&transport, &peer.url("localhost"));
        let seen = tokio::time::timeout(CONNECT, read(&mut exchange)).await;
        broke(&seen.expect("it is not waited for"), cause);
    }
    assert_eq!(peer.connections(), 2);
}

#[tokio::test]
async fn a_reader_that_stops_stops_the_sender() {
    let (url, blocked) = Peer::flood();
    let transport = plain();
    let mut exchange = post(&transport, &url);
    while !matches!(next(&mut exchange).await, Arrival::Chunk(_)) {}
    // The runtime runs on, so hyper would read if it did not wait for its reader.
    let sent = blocked.await.unwrap();
    assert!(sent < peer::FLOOD_BYTES / 2, "{sent} bytes were taken unread");
}

#[tokio::test]
async fn a_stale_pooled_connection_is_replaced_without_notice() {
    let peer = Peer::closing_when_idle().await;
    let transport = plain();
    for _ in 0..3 {
        let mut exchange = post(&transport, &peer.url("127.0.0.1"));
        assert_eq!(read(&mut exchange).await, "connected 200 ok|");
        peer.closed();
        // Lets the runtime see the close: what it finds is a connection that is dead or about
        // to be, and never one that took the request.
        tokio::task::yield_now().await;
    }
    assert_eq!(peer.connections(), 3);
}
