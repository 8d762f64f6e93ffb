//! Responses over WebSockets that say what the mock does not: errors in every place, and pings without
//! end.

use client::{Break, Cause, Client, ErrorKind};
use protocol::FailureKind;

use super::ask::{PATIENT, PROMPT};
use super::socket_peer::{Say, SocketPeer, begun, response};
use super::sockets::{ROUTE, at};
use super::wire::{BEGUN, REST, whole_text};
use crate::rig::Told;

fn whole() -> Say {
    Say::Messages(response(&whole_text()))
}

fn error(members: &str) -> String {
    format!(r#"{{"type":"error",{members}}}"#)
}

fn refusal(members: &str) -> Say {
    Say::Messages(vec![error(members)])
}

/// Asks one peer several times, one after the other.
async fn told_of(peer: &SocketPeer, times: usize) -> Vec<Told> {
    let client: Client = at(&peer.url()).build().expect("a valid client");
    let mut all = Vec::new();
    for _ in 0..times {
        all.push(Told::of(&client, ROUTE.request(PROMPT)).await);
    }
    all
}

fn kind(cause: &Cause) -> FailureKind {
    match cause {
        Cause::Provider(failure) => failure.kind,
        other => panic!("the provider said why: {other}"),
    }
}

#[tokio::test]
async fn row_097_a_socket_that_reaches_its_limit_inside_a_response_is_no_fault_of_the_request() {
    let limit = r#""status":400,"error":{"type":"invalid_request_error","code":"websocket_connection_limit_reached","message":"60 minutes"}"#;
    let first = [begun(BEGUN), vec![error(limit)]].concat();
    let rest = Say::Messages(response(REST));
    let peer = SocketPeer::start([Say::Messages(first), rest]);
    let told = told_of(&peer, 1).await.remove(0);
    assert_eq!(told.text, whole_text(), "{:?}", told.end);
    let attempts = told.end.expect("it is whole").attempts;
    assert_eq!(kind(attempts[0].cause.as_ref().expect("it broke")), FailureKind::Server);
    assert_eq!(peer.asked(), [Some(1), None]);
}

#[tokio::test]
async fn row_096_an_error_without_a_status_is_met_as_its_words_say() {
    for (members, expected) in [
        (r#""code":"server_error","message":"m","sequence_number":0"#, FailureKind::Server),
        (r#""error":{"code":"rate_limit_exceeded","message":"m"}"#, FailureKind::RateLimited),
        (r#""status":null,"error":{"message":"nobody knows"}"#, FailureKind::Other),
    ] {
        let peer = SocketPeer::start([refusal(members), whole()]);
        let told = told_of(&peer, 1).await.remove(0);
        assert_eq!(told.text, whole_text(), "{members}: {:?}", told.end);
        let attempts = told.end.expect("it is whole").attempts;
        assert_eq!(kind(attempts[0].cause.as_ref().expect("it broke")), expected);
    }
    let peer = SocketPeer::start([refusal(r#""code":"invalid_prompt","message":"m""#), whole()]);
    let told = told_of(&peer, 1).await.remove(0);
    assert_eq!(told.kind(), ErrorKind::Refused, "a word that is final stays so");
    assert_eq!(peer.asked(), [Some(1)]);
}

#[tokio::test]
async fn a_late_error_of_one_response_refuses_no_other() {
    for late in [
        r#""status":400,"error":{"type":"invalid_request_error","message":"late"}"#,
        r#""status":429,"error":{"code":"insufficient_quota","message":"late"}"#,
        r#""code":"invalid_prompt","message":"late","sequence_number":9"#,
    ] {
        let peer = SocketPeer::start([whole(), refusal(late), whole()]);
        for told in told_of(&peer, 2).await {
            assert_eq!(told.text, whole_text(), "{late}: {:?}", told.end);
        }
        let asked = peer.asked();
        assert_eq!(asked[..2], [Some(1), Some(1)], "the socket was kept");
        assert_ne!(asked[2], Some(1), "only another can tell");
    }
}

#[tokio::test]
async fn a_request_that_is_refused_on_a_kept_socket_is_refused_on_another_too() {
    let wrong = r#""status":400,"error":{"type":"invalid_request_error","message":"wrong"}"#;
    let peer = SocketPeer::start([whole(), refusal(wrong), refusal(wrong)]);
    let told = told_of(&peer, 2).await.remove(1);
    assert_eq!(told.kind(), ErrorKind::Refused);
    assert_eq!(peer.asked().len(), 3, "asked again once");
}

#[tokio::test]
async fn pings_that_nobody_can_answer_end_the_socket() {
    let peer = SocketPeer::start([Say::Pings, whole()]);
    let builder = at(&peer.url()).timeouts(PATIENT);
    let told = Told::of(&builder.build().expect("a valid client"), ROUTE.request(PROMPT)).await;
    assert_eq!(told.text, whole_text(), "{:?}", told.end);
    let attempts = told.end.expect("it is whole").attempts;
    assert_eq!(attempts[0].cause, Some(Cause::Broke(Break::Framing)));
    assert_eq!(peer.asked(), [Some(1), None]);
}
