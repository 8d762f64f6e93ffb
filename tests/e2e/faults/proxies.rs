//! A proxy in between: row 6.

use std::error::Error as _;

use client::{Break, Builder, Cause, ErrorKind, Nanos, Proxy, ProxyFailure, Timeouts};
use tokio::net::TcpListener;

use super::ask::{PATIENT, Seen, builder};
use super::peer::{Answer, Peer};
use super::proxy::{ProxyServer, Reply};
use super::tls::Tls;
use super::wire::{MESSAGES, PREFILLED, whole_text};
use crate::rig::{KEY, Route};

const USER_INFO: &str = "kim:pr0xy-s3cret";
/// `printf 'kim:pr0xy-s3cret' | base64`
const ENCODED: &str = "a2ltOnByMHh5LXMzY3JldA==";

fn through(route: Route, url: &str, proxy: &str) -> Builder {
    builder(route, url).proxy(Proxy::new(proxy).expect("a URL of a proxy"))
}

/// The proxy that an error names; who asked is nowhere.
#[track_caller]
fn blamed(seen: &Seen) -> ProxyFailure {
    let error = seen.error();
    let failure = error.source().and_then(|source| source.downcast_ref::<ProxyFailure>());
    let failure = failure.expect("the error names the proxy");
    let said = format!("{error} {error:?} {failure} {failure:?} {seen:?}");
    for secret in ["pr0xy-s3cret", ENCODED] {
        assert!(!said.contains(secret), "{said}");
    }
    failure.clone()
}

#[tokio::test]
async fn row_006_a_tunnel_that_is_refused_is_final_and_names_the_proxy() {
    let tls = Tls::new();
    for (answer, status) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n", 407),
        ("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno", 403),
    ] {
        let peer = tls.serve("").await;
        let proxy = ProxyServer::start(&[Reply::Say(answer)], peer.address()).await;
        let builder = through(MESSAGES, &peer.url(), &proxy.url(USER_INFO));
        let seen = Seen::by(MESSAGES, builder.tls_config(tls.trusting())).await;
        assert_eq!(seen.cause(), &Cause::Broke(Break::ProxyRefused));
        assert_eq!(seen.error().kind(), ErrorKind::Refused);
        assert!(!seen.error().is_retryable());
        let failure = blamed(&seen);
        assert_eq!((failure.proxy(), failure.status()), (proxy.name().as_str(), Some(status)));
        assert_eq!((proxy.heads().len(), peer.connections()), (1, 0));
    }
}

#[tokio::test]
async fn row_006_a_proxy_that_fails_is_tried_again_and_the_tunnel_carries_tls() {
    let failures = [
        Reply::Say("HTTP/1.1 502 Bad Gateway\r\n\r\n"),
        Reply::Say("HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nlate"),
        Reply::Say("not HTTP at all\r\n\r\n"),
        Reply::HangUp,
    ];
    let tls = Tls::new();
    for route in PREFILLED {
        let peer = tls.serve(&route.answer(&whole_text())).await;
        let proxy = ProxyServer::start(&failures, peer.address()).await;
        let builder = through(route, &peer.url(), &proxy.url(USER_INFO));
        let seen = Seen::by(route, builder.tls_config(tls.trusting())).await;
        assert_eq!(seen.text, whole_text(), "{:?}", seen.end);
        assert_eq!(seen.causes(), [&Cause::Broke(Break::ProxyFailed); 4]);
        assert_eq!((peer.connections(), peer.requests()), (1, 1));
        let target = peer.url().replace("https://", "");
        for head in proxy.heads() {
            assert!(head.starts_with(&format!("CONNECT {target} HTTP/1.1\r\n")), "{head}");
            assert!(
                head.contains(&format!("\r\nproxy-authorization: Basic {ENCODED}\r\n")),
                "{head}"
            );
            assert!(!head.contains(KEY), "what is for the endpoint is inside the tunnel");
        }
    }
}

#[tokio::test]
async fn row_006_a_proxy_that_never_answers_is_given_up_under_the_connect_clock() {
    let tls = Tls::new();
    let peer = tls.serve(&MESSAGES.answer(&whole_text())).await;
    let proxy = ProxyServer::start(&[Reply::Silence], peer.address()).await;
    let timeouts = Timeouts { connect: Nanos::from_millis(500), ..PATIENT };
    let builder = through(MESSAGES, &peer.url(), &proxy.url(USER_INFO)).timeouts(timeouts);
    let seen = Seen::by(MESSAGES, builder.tls_config(tls.trusting())).await;
    assert_eq!(seen.text, whole_text(), "{:?}", seen.end);
    assert!(seen.causes().contains(&&Cause::ConnectTimeout), "{:?}", seen.causes());
    assert_eq!(peer.requests(), 1);
}

#[tokio::test]
async fn row_006_a_proxy_that_is_not_there_is_named_when_there_is_no_more_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let nobody = listener.local_addr().expect("an address");
    drop(listener);
    let url = format!("http://{USER_INFO}@{nobody}");
    for target in ["https://provider.invalid", "http://provider.invalid"] {
        let client = through(MESSAGES, target, &url).build().expect("a valid client");
        let request = MESSAGES.request("x").deadline(std::time::Duration::from_millis(300));
        let seen = Seen::of(client.stream(request).await.expect("a valid request")).await;
        assert_eq!(seen.causes()[0], &Cause::Broke(Break::ProxyFailed));
        assert!(seen.error().is_retryable());
        let failure = blamed(&seen);
        assert_eq!((failure.proxy(), failure.status()), (&*format!("http://{nobody}"), None));
    }
}

#[tokio::test]
async fn row_006_a_plain_request_is_given_to_the_proxy_whole() {
    for route in PREFILLED {
        let peer = Peer::start([Answer::whole(route.answer(&whole_text()))]).await;
        let busy = Reply::Say("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
        let proxy = ProxyServer::start(&[busy], peer.address()).await;
        let url = "http://provider.invalid:8080/v1";
        let seen = Seen::by(route, through(route, url, &proxy.url(USER_INFO))).await;
        assert_eq!(seen.text, whole_text(), "{:?}", seen.end);
        assert_eq!(seen.causes().len(), 1, "the 502 was the proxy's, and passed");
        assert_eq!(proxy.heads().len(), 2);
        for head in proxy.heads() {
            assert!(head.starts_with(&format!("POST {url}/")), "{head}");
            assert!(
                head.contains(&format!("\r\nproxy-authorization: Basic {ENCODED}\r\n")),
                "{head}"
            );
        }
    }
}

#[tokio::test]
async fn row_006_a_plain_request_that_the_proxy_refuses_is_final() {
    let peer = Peer::start([]).await;
    let refusal = Reply::Say("HTTP/1.1 407 Who\r\ncontent-length: 0\r\n\r\n");
    let proxy = ProxyServer::start(&[refusal], peer.address()).await;
    let builder = through(MESSAGES, "http://provider.invalid", &proxy.url(USER_INFO));
    let seen = Seen::by(MESSAGES, builder).await;
    assert_eq!(seen.error().kind(), ErrorKind::Refused);
    assert_eq!(seen.cause(), &Cause::Broke(Break::ProxyRefused), "the endpoint never heard of it");
    let failure = blamed(&seen);
    assert_eq!((failure.proxy(), failure.status()), (proxy.name().as_str(), Some(407)));
    assert!(failure.to_string().contains("407"), "{failure}");
    assert_eq!((proxy.heads().len(), peer.asked().len()), (1, 0));
}

#[tokio::test]
async fn row_006_a_407_of_the_endpoint_itself_is_not_of_a_proxy() {
    let peer = Peer::start([Answer::status("407 Who", "", "{}")]).await;
    let seen = Seen::by(MESSAGES, builder(MESSAGES, &peer.url())).await;
    assert_eq!(seen.error().kind(), ErrorKind::Refused);
    assert!(matches!(seen.cause(), Cause::Provider(_)), "{:?}", seen.cause());
}

#[tokio::test]
async fn row_006_a_target_on_the_list_is_reached_without_the_proxy() {
    let peer = Peer::start([Answer::whole(MESSAGES.answer(&whole_text()))]).await;
    let proxy = ProxyServer::start(&[], peer.address()).await;
    let listed = Proxy::new(&proxy.url(USER_INFO)).and_then(|proxy| proxy.except("127.0.0.0/8"));
    let builder = builder(MESSAGES, &peer.url()).proxy(listed.expect("a proxy"));
    let seen = Seen::by(MESSAGES, builder).await;
    assert_eq!(seen.text, whole_text());
    assert_eq!(proxy.heads().len(), 0);
    assert!(peer.asked()[0].header("proxy-authorization").is_none());
}
