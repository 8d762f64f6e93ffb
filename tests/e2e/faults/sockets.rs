//! Responses over WebSockets: rows 96 and 97, and what else a socket has of its own.

use client::{
    Break, Builder, Carrier, Cause, Client, ErrorKind, Event, Nanos, Profile, Proxy, ProxyFailure,
    Request, Rung, Secret, SocketLimits, Timeouts,
};
use mock_provider::{ApiKey, Config, Ending, Faults, Mock, Pace, RequestRecord};

use super::ask::{PATIENT, PROMPT, Seen};
use super::peer::{Answer, Peer};
use super::proxy::{ProxyServer, Reply};
use super::socket_peer::{event, response};
use super::tls::Tls;
use super::wire::whole_text;
use crate::rig::{ROUTES, Route, Told, impatient, in_order};

pub(crate) const ROUTE: Route = ROUTES[4];

async fn mock(faults: Faults) -> Mock {
    ROUTE.mock(Config { faults, tokens: 60, ..Config::default() }).await
}

pub(crate) fn at(url: &str) -> Builder {
    let endpoint = client::Endpoint::new(url, ROUTE.profile).expect("a URL");
    let endpoint = endpoint.key(Secret::new(crate::rig::KEY)).carried_by(Carrier::WebSocket);
    Client::builder()
        .endpoint(endpoint.expect("the wire has sockets"))
        .pool(crate::rig::hasty_pool())
        .policy(crate::rig::hasty())
        .timeouts(PATIENT)
}

async fn told(builder: Builder) -> Told {
    Told::of(&builder.build().expect("a valid client"), ROUTE.request(PROMPT)).await
}

/// Which socket each request came on; none for those over HTTP.
fn sockets(mock: &Mock) -> Vec<Option<u64>> {
    mock.ledger().requests.iter().map(|request| request.websocket).collect()
}

/// Each fault strikes the first attempt, on a socket; the second brings the rest over HTTP.
async fn goes_on_over_http(faults: &[(&str, Break)]) {
    for (fault, cause) in faults {
        let mock = mock(in_order(fault)).await;
        let told = told(at(&mock.url())).await;
        let summary = told.end.as_ref().expect("the response is whole");
        assert_eq!(told.text, mock.text_for(PROMPT), "{fault}");
        assert_eq!(sockets(&mock), [Some(1), None], "{fault}");
        let causes: Vec<_> = summary.attempts.iter().map(|attempt| attempt.cause.clone()).collect();
        assert_eq!(causes, [Some(Cause::Broke(*cause)), None], "{fault}");
        assert!(mock.ledger().requests.iter().all(RequestRecord::caller_fields_kept));
    }
}

#[tokio::test]
async fn row_096_a_response_that_a_close_code_cut_goes_on_over_http() {
    goes_on_over_http(&[
        ("ws@20:1000", Break::Reset),
        ("ws@20:1001", Break::Reset),
        ("ws@20:1006", Break::Reset),
        ("ws@20:1008", Break::Reset),
        ("ws@20:1011", Break::Reset),
        ("ws@20:1012", Break::Reset),
        ("ws@20:1013", Break::Calm),
        // Codes that no frame may have, and one that names a defect of the bytes.
        ("ws@20:1005", Break::Framing),
        ("ws@20:1015", Break::Framing),
        ("ws@20:1009", Break::Framing),
        ("ws@20:4000", Break::Reset),
        ("ws@20:4999", Break::Reset),
    ])
    .await;
}

#[tokio::test]
async fn row_096_a_socket_that_ends_without_a_code_or_breaks_its_framing_is_a_loss() {
    goes_on_over_http(&[
        ("rst@20", Break::Reset),
        ("fin@20", Break::Reset),
        ("end@20", Break::Reset),
        ("chunk@20", Break::Framing),
        ("empty", Break::Reset),
        ("close", Break::Reset),
        ("rst", Break::Reset),
    ])
    .await;
}

#[tokio::test]
async fn row_096_a_socket_that_falls_silent_is_left_and_pings_are_no_content() {
    for (fault, cause) in [("stall@20", Cause::ByteTimeout), ("pings@20", Cause::IdleTimeout)] {
        let heartbeat_every = std::time::Duration::from_millis(50);
        let pace = Pace { heartbeat_every, ..Pace::default() };
        let faults = in_order(fault);
        let mock = ROUTE.mock(Config { faults, tokens: 60, pace, ..Config::default() }).await;
        let told = told(at(&mock.url()).timeouts(impatient())).await;
        assert_eq!(told.text, mock.text_for(PROMPT), "{fault}: {:?}", told.end);
        assert_eq!(told.end.expect("it is whole").attempts[0].cause, Some(cause));
        assert_eq!(sockets(&mock), [Some(1), None]);
    }
}

#[tokio::test]
async fn row_096_an_error_in_a_response_is_the_errors_own() {
    for fault in ["error@20", "error@20:timeout", "json@20"] {
        let mock = mock(in_order(fault)).await;
        let told = told(at(&mock.url())).await;
        assert_eq!(told.text, mock.text_for(PROMPT), "{fault}: {:?}", told.end);
        assert_eq!(told.end.expect("it is whole").attempts.len(), 2);
    }
}

#[tokio::test]
async fn row_096_a_loss_over_http_goes_on_on_a_socket_where_nothing_is_kept() {
    let mock = mock(in_order("ws@20:1011,rst@10")).await;
    let told = told(at(&mock.url())).await;
    assert_eq!(told.text, mock.text_for(PROMPT), "{:?}", told.end);
    assert_eq!(sockets(&mock), [Some(1), None, Some(2)]);
}

#[tokio::test]
async fn row_096_a_loss_over_http_is_read_on_there_where_the_response_is_kept() {
    let mock = mock(in_order("ws@20:1011,rst@10")).await;
    let told = told(at(&mock.url()).background(true)).await;
    assert_eq!(told.text, mock.text_for(PROMPT), "{:?}", told.end);
    let rungs: Vec<_> = told.seams.iter().map(|seam| seam.rung).collect();
    assert_eq!(rungs, [Rung::Instruct, Rung::Cursor]);
    assert_eq!(sockets(&mock), [Some(1), None, None]);
}

#[tokio::test]
async fn row_097_a_socket_that_is_too_old_is_replaced_and_asked_the_same() {
    let mock = mock(in_order("ok,limit")).await;
    let client = at(&mock.url()).build().expect("a valid client");
    for _ in 0..2 {
        let told = Told::of(&client, ROUTE.request(PROMPT)).await;
        assert_eq!(told.text, mock.text_for(PROMPT));
        assert_eq!(told.end.expect("it is whole").attempts.len(), 1, "it is no failure");
        assert!(told.seams.is_empty());
    }
    let ledger = mock.ledger();
    assert_eq!(sockets(&mock), [Some(1), Some(1), Some(2)]);
    assert_eq!(ledger.requests[1].body_bytes, ledger.requests[2].body_bytes, "all of the input");
}

#[tokio::test]
async fn row_097_a_limit_on_every_socket_has_an_end() {
    let mock = mock(in_order("limit*40")).await;
    let request = ROUTE.request(PROMPT).deadline(std::time::Duration::from_secs(2));
    let client = at(&mock.url()).build().expect("a valid client");
    let told = Told::of(&client, request).await;
    assert!(told.end.is_ok() || told.kind() == ErrorKind::Incomplete, "{:?}", told.end);
    assert!(sockets(&mock).len() <= 41);
}

#[tokio::test]
async fn row_097_a_response_that_no_socket_knows_is_asked_for_over_http() {
    let mock = mock(in_order("previous")).await;
    let told = told(at(&mock.url())).await;
    assert_eq!(told.text, mock.text_for(PROMPT));
    assert_eq!(told.end.expect("it is whole").attempts.len(), 1, "it is no failure");
    assert_eq!(sockets(&mock), [Some(1), None]);
}

#[tokio::test]
async fn row_097_a_socket_is_renewed_at_its_age_its_idle_time_and_its_number_of_responses() {
    let limits = SocketLimits::default();
    for (limits, expected) in [
        (limits, [Some(1), Some(1), Some(1)]),
        (SocketLimits { age: Nanos::ZERO, ..limits }, [Some(1), Some(2), Some(3)]),
        (SocketLimits { idle: Nanos::ZERO, ..limits }, [Some(1), Some(2), Some(3)]),
        (SocketLimits { waiting: 0, ..limits }, [Some(1), Some(2), Some(3)]),
        (SocketLimits { responses: 2, ..limits }, [Some(1), Some(1), Some(2)]),
    ] {
        let mock = mock(Faults::default()).await;
        let client = at(&mock.url()).socket_limits(limits).build().expect("a valid client");
        for _ in 0..3 {
            let told = Told::of(&client, ROUTE.request(PROMPT)).await;
            assert_eq!(told.text, mock.text_for(PROMPT));
        }
        assert_eq!(sockets(&mock), expected, "{limits:?}");
    }
}

#[tokio::test]
async fn a_late_event_of_one_response_is_in_no_other() {
    let mock = mock(in_order("late*3")).await;
    let client = at(&mock.url()).build().expect("a valid client");
    for _ in 0..4 {
        let told = Told::of(&client, ROUTE.request(PROMPT)).await;
        assert_eq!(told.text, mock.text_for(PROMPT), "{:?}", told.end);
        assert!(told.seams.is_empty());
    }
    assert!(mock.ledger().totals.websockets > 1, "what is not quiet is not used again");
}

#[tokio::test]
async fn a_body_that_asks_for_the_background_is_sent_over_http() {
    let mock = mock(Faults::default()).await;
    let body = format!(r#"{{"model":"gpt-5","input":"{PROMPT}","background":true}}"#);
    let client = at(&mock.url()).build().expect("a valid client");
    let told = Told::of(&client, Request::new(body)).await;
    assert_eq!(told.text, mock.text_for(PROMPT), "{:?}", told.end);
    assert_eq!(sockets(&mock), [None]);
}

#[tokio::test]
async fn a_socket_that_waited_for_too_long_is_closed() {
    let mock = mock(Faults::default()).await;
    let idle = Nanos::from_millis(50);
    let limits = SocketLimits { idle, ..SocketLimits::default() };
    let (tls, relay) = (Tls::new(), mock.addr());
    let peer = tls.relay(relay).await;
    let builder = at(&peer.url()).tls_config(tls.trusting()).socket_limits(limits);
    let client = builder.build().expect("a valid client");
    let told = Told::of(&client, ROUTE.request(PROMPT)).await;
    assert_eq!(told.text, mock.text_for(PROMPT), "{:?}", told.end);
    peer.closed().await;
    drop(client);
}

#[tokio::test]
async fn a_message_that_is_too_long_is_not_kept_in_memory() {
    let mock = mock(Faults::default()).await;
    let limits = SocketLimits { message_bytes: 64, ..SocketLimits::default() };
    let told = told(at(&mock.url()).socket_limits(limits)).await;
    assert_eq!(told.text, mock.text_for(PROMPT));
    let first = &told.end.expect("it is whole").attempts[0];
    assert_eq!(first.cause, Some(Cause::Broke(Break::Framing)));
    assert_eq!(sockets(&mock), [Some(1), None]);
}

#[tokio::test]
async fn a_status_on_a_socket_is_that_of_http_and_costs_no_socket() {
    let mock = mock(in_order("429:ms=5,503,ok")).await;
    let told = told(at(&mock.url())).await;
    assert_eq!(told.text, mock.text_for(PROMPT), "{:?}", told.end);
    let ledger = mock.ledger();
    assert_eq!(ledger.requests[0].websocket, Some(1));
    assert_eq!(ledger.requests[1].websocket, Some(1), "a refusal says nothing of the socket");
    assert_eq!(ledger.totals.websockets, 1);
}

#[tokio::test]
async fn a_key_that_is_refused_at_the_opening_is_refused() {
    let api_key = Some(ApiKey::from("another"));
    let mock = ROUTE.mock(Config { api_key, ..Config::default() }).await;
    let told = told(at(&mock.url())).await;
    assert_eq!(told.kind(), ErrorKind::Refused);
    assert_eq!(mock.ledger().totals.websockets, 0);
}

#[tokio::test]
async fn a_stream_that_is_dropped_closes_its_socket() {
    let mock = mock(in_order("stall@20")).await;
    let client = at(&mock.url()).build().expect("a valid client");
    let mut stream = client.stream(ROUTE.request(PROMPT)).await.expect("a valid request");
    while !matches!(stream.next().await, Some(Ok(Event::Text(_)))) {}
    drop(stream);
    // The mock holds a stall for minutes, so it settles because the socket closed.
    mock.settled().await;
    assert_ne!(mock.ledger().requests[0].ending, Ending::Complete);
    let told = Told::of(&client, ROUTE.request(PROMPT)).await;
    assert_eq!(told.text, mock.text_for(PROMPT));
    assert_eq!(sockets(&mock), [Some(1), Some(2)], "nobody reads the rest of another's response");
}

#[tokio::test]
async fn sockets_go_through_tls_and_tunnels() {
    let tls = Tls::new();
    let mock = mock(Faults::default()).await;
    let peer = tls.relay(mock.addr()).await;
    let proxy = ProxyServer::start(&[], peer.address()).await;
    let through = Proxy::new(&proxy.url("kim:pr0xy-s3cret")).expect("a proxy");
    let told = told(at(&peer.url()).tls_config(tls.trusting()).proxy(through)).await;
    assert_eq!(told.text, mock.text_for(PROMPT), "{:?}", told.end);
    assert_eq!(sockets(&mock), [Some(1)]);
    assert!(proxy.heads()[0].starts_with("CONNECT "));
}

#[tokio::test]
async fn a_plain_socket_goes_through_a_tunnel_too() {
    let mock = mock(Faults::default()).await;
    let proxy = ProxyServer::start(&[], mock.addr()).await;
    let through = Proxy::new(&proxy.url("kim:pr0xy-s3cret")).expect("a proxy");
    let told = told(at("http://provider.invalid").proxy(through)).await;
    assert_eq!(told.text, mock.text_for(PROMPT), "{:?}", told.end);
    assert_eq!(sockets(&mock), [Some(1)]);
    assert!(proxy.heads()[0].starts_with("CONNECT provider.invalid:80 "));
}

#[tokio::test]
async fn a_proxy_that_gives_no_tunnel_to_a_plain_server_takes_the_request_whole() {
    let mock = mock(Faults::default()).await;
    let refusal = Reply::Say("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    let proxy = ProxyServer::start(&[refusal], mock.addr()).await;
    let through = Proxy::new(&proxy.url("kim:pr0xy-s3cret")).expect("a proxy");
    let client = at("http://provider.invalid").proxy(through).build().expect("a valid client");
    for _ in 0..2 {
        let told = Told::of(&client, ROUTE.request(PROMPT)).await;
        assert_eq!(told.text, mock.text_for(PROMPT), "{:?}", told.end);
        assert_eq!(told.end.expect("it is whole").attempts.len(), 1, "it is no failure");
    }
    assert_eq!(sockets(&mock), [None, None]);
    let heads = proxy.heads();
    assert!(heads[0].starts_with("CONNECT provider.invalid:80 "), "{heads:?}");
    assert!(heads[1].starts_with("POST http://provider.invalid/"), "{heads:?}");
}

#[tokio::test]
async fn a_proxy_that_wants_other_credentials_is_named_over_sockets_too() {
    let mock = mock(Faults::default()).await;
    let refusal = Reply::Say("HTTP/1.1 407 Who\r\ncontent-length: 0\r\n\r\n");
    let proxy = ProxyServer::start(&[refusal; 2], mock.addr()).await;
    let through = Proxy::new(&proxy.url("kim:pr0xy-s3cret")).expect("a proxy");
    let told = told(at("http://provider.invalid").proxy(through)).await;
    let error = told.end.expect_err("nobody lets it through");
    assert_eq!(error.cause(), Some(&Cause::Broke(Break::ProxyRefused)));
    let failure = std::error::Error::source(&error).and_then(|one| one.downcast_ref());
    assert_eq!(failure.map(ProxyFailure::proxy), Some(&*proxy.name()));
}

/// A whole answer of the Responses wire.
fn answer() -> String {
    response(&whole_text()).iter().map(|message| event(message)).collect()
}

#[tokio::test]
async fn a_server_without_sockets_is_asked_over_http_at_once_and_for_a_while() {
    for status in [
        "404 Not Found",
        "426 Upgrade Required",
        "400 Bad Request",
        "200 OK",
        "403 Forbidden",
        "409 Conflict",
        "451 Unavailable For Legal Reasons",
    ] {
        let (no, yes) = (Answer::status(status, "", "{}"), Answer::whole(answer()));
        let peer = Peer::start([no, yes.clone(), yes]).await;
        let client = at(&peer.url()).build().expect("a valid client");
        for _ in 0..2 {
            let request = ROUTE.request(PROMPT);
            let seen = Seen::of(client.stream(request).await.expect("a valid request")).await;
            assert_eq!(seen.text, whole_text(), "{status}: {:?}", seen.end);
            assert!(seen.causes().is_empty(), "it is no failure");
        }
        let methods: Vec<_> = peer.asked().iter().map(|asked| asked.head[..4].to_owned()).collect();
        assert_eq!(methods, ["GET ", "POST", "POST"], "{status}");
    }
}

#[tokio::test]
async fn an_opening_that_is_refused_for_haste_is_tried_again() {
    let (no, yes) = (Answer::status("404 Not Found", "", "{}"), Answer::whole(answer()));
    for (status, then) in [
        ("429 Too Many Requests", vec![no, yes.clone()]),
        // A loss, after which the other carrier has its turn.
        ("408 Request Timeout", vec![yes]),
    ] {
        let busy = Answer::status(status, "retry-after-ms: 5\r\n", "{}");
        let peer = Peer::start([vec![busy], then].concat()).await;
        let seen = Seen::by(ROUTE, at(&peer.url())).await;
        assert_eq!(seen.text, whole_text(), "{status}: {:?}", seen.end);
        assert_eq!(seen.causes().len(), 1, "{status}");
        assert!(peer.asked()[0].head.starts_with("GET "));
        assert_eq!(peer.asked()[0].body, b"", "{status}: nothing was asked");
    }
}

#[tokio::test]
async fn an_answer_to_another_handshake_is_no_socket() {
    let accept = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                  sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let peer = Peer::start([Answer::raw(accept).hold(), Answer::whole(answer())]).await;
    let seen = Seen::by(ROUTE, at(&peer.url())).await;
    assert_eq!(seen.text, whole_text(), "{:?}", seen.end);
    assert_eq!(seen.causes(), [&Cause::Broke(Break::Handshake)]);
}

#[tokio::test]
async fn a_socket_that_never_opens_is_given_up_under_the_connect_clock() {
    let peer = Peer::start([Answer::none().hold(), Answer::whole(answer())]).await;
    let first_token = Nanos::from_millis(500);
    let builder = at(&peer.url()).timeouts(Timeouts { first_token, ..PATIENT });
    let seen = Seen::by(ROUTE, builder).await;
    assert_eq!(seen.text, whole_text(), "{:?}", seen.end);
    assert_eq!(seen.causes(), [&Cause::FirstTokenTimeout]);
}

#[test]
fn only_the_responses_wire_has_sockets() {
    for profile in [Profile::ANTHROPIC, Profile::OPENAI, Profile::GEMINI] {
        let endpoint = client::Endpoint::new("http://127.0.0.1:1", profile).expect("a URL");
        let error = endpoint.carried_by(Carrier::WebSocket).expect_err("no such thing");
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    }
}
