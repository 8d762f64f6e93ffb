//! Connections that are opened beforehand, and those that are left, against real sockets.

use super::peer::{Alpn, Ca, Frames, Peer};
use super::{Arrival, Exchange, next, plain, post, post_on, read, trusting};
use crate::transport::Transport;
use resume::Connection;

/// Of the certificates, and of an address without a second one.
const HOST: &str = "localhost";

/// Opens a connection and waits until it stands.
async fn warmed(transport: &Transport, peer: &Peer) {
    transport.warm(&peer.url(HOST).parse().unwrap());
    while !transport.is_warm() {
        tokio::task::yield_now().await;
    }
}

/// Lets the runtime look at its sockets, which it does every 61 steps.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_request_goes_on_the_connection_that_stands() {
    let ca = Ca::new();
    for (tls, version) in [
        (Some((&ca, Alpn::Both)), "HTTP/2.0"),
        (Some((&ca, Alpn::Http1)), "HTTP/1.1"),
        (None, "HTTP/1.1"),
    ] {
        for on in [Connection::Any, Connection::New] {
            let peer = Peer::echo_version(tls).await;
            let transport = if tls.is_some() { trusting(&ca) } else { plain() };
            warmed(&transport, &peer).await;
            let mut exchange = post_on(&transport, &peer.url(HOST), on);
            assert_eq!(read(&mut exchange).await, format!("connected 200 {version}|"));
            assert_eq!(peer.connections(), 1, "{version} {on:?}");
        }
    }
}

#[tokio::test]
async fn one_that_its_server_closed_meanwhile_is_passed_over() {
    let peer = Peer::closing_the_first().await;
    let transport = plain();
    warmed(&transport, &peer).await;
    peer.closed();
    settle().await;
    let mut exchange = post(&transport, &peer.url(HOST));
    assert_eq!(read(&mut exchange).await, "connected 200 ok|");
    assert_eq!(peer.connections(), 2);
}

#[tokio::test]
async fn what_a_server_says_on_it_beforehand_is_not_lost() {
    let ca = Ca::new();
    // It begins with its settings, before anybody asks.
    let peer = Peer::frames(&ca, Frames::new().headers(1).data(1, b"all of it")).await;
    let transport = trusting(&ca);
    warmed(&transport, &peer).await;
    settle().await;
    let mut exchange = post(&transport, &peer.url(HOST));
    assert_eq!(read(&mut exchange).await, "connected 200 all of it|");
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn one_that_its_server_closes_when_the_request_comes_was_stale() {
    let peer = Peer::resetting(b"").await;
    let transport = plain();
    warmed(&transport, &peer).await;
    let mut exchange = post(&transport, &peer.url(HOST));
    assert_eq!(read(&mut exchange).await, "connected !Stale");
}

/// Reads the head.
async fn begun(exchange: &mut Exchange) {
    assert!(matches!(next(exchange).await, Arrival::Connected));
    assert!(matches!(next(exchange).await, Arrival::Head { status: 200, .. }));
}

#[tokio::test]
async fn no_further_request_goes_on_a_connection_that_is_suspected() {
    let ca = Ca::new();
    let peer = Peer::endless(&ca, Alpn::Http2).await;
    let transport = trusting(&ca);
    let url = peer.url("localhost");
    let mut first = post(&transport, &url);
    begun(&mut first).await;
    let mut second = post(&transport, &url);
    begun(&mut second).await;
    assert_eq!(peer.connections(), 1, "they share it");
    first.distrust();
    let mut third = post(&transport, &url);
    begun(&mut third).await;
    assert_eq!(peer.connections(), 2);
}

#[tokio::test]
async fn a_server_that_leaves_is_noticed_where_it_finishes_what_it_began() {
    let ca = Ca::new();
    let leaves = Frames::new().headers(1).go_away(1, 0).data(1, b"last words");
    let peer = Peer::frames(&ca, leaves).await;
    let mut exchange = post(&trusting(&ca), &peer.url("localhost"));
    assert_eq!(read(&mut exchange).await, "connected 200 leaving last words|");
}
