//! Every limit just where it is, and the end of a server.

use std::io::ErrorKind;
use std::time::Duration;

use mock_provider::{Config, ErrorKind as StartError, Limits, Mock, Wire};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::client::{End, body, exchange, post, request, start, user};

const WIRE: Wire = Wire::OpenAiChat;

async fn limited(limits: Limits) -> Mock {
    start(Vec::new(), Config { tokens: 3, limits, ..Config::default() }).await
}

#[tokio::test]
async fn heads_and_bodies_are_limited() {
    let mock =
        limited(Limits { head_bytes_max: 300, body_bytes_max: 200, ..Limits::default() }).await;
    let asked = body("m", json!([user("q")])).to_string();
    let long = format!("x: {}\r\n", "x".repeat(300));
    let mut stream = TcpStream::connect(mock.addr()).await.unwrap();
    assert_eq!(exchange(&mut stream, &request(WIRE, &long, &asked)).await.status, 431);
    let padded = asked.clone() + &" ".repeat(200 - asked.len());
    let mut stream = TcpStream::connect(mock.addr()).await.unwrap();
    assert_eq!(exchange(&mut stream, &request(WIRE, "", &padded)).await.status, 200);
    let mut stream = TcpStream::connect(mock.addr()).await.unwrap();
    assert_eq!(exchange(&mut stream, &request(WIRE, "", &(padded + " "))).await.status, 413);
}

#[tokio::test]
async fn one_connection_too_many_is_closed_at_once() {
    let mock = limited(Limits { connections_max: 1, ..Limits::default() }).await;
    let bytes = request(WIRE, "", &body("m", json!([user("q")])).to_string());
    let mut first = TcpStream::connect(mock.addr()).await.unwrap();
    assert_eq!(exchange(&mut first, &bytes).await.status, 200);
    let mut second = TcpStream::connect(mock.addr()).await.unwrap();
    assert!(matches!(second.read(&mut [0; 8]).await, Ok(0) | Err(_)));
    assert_eq!(mock.ledger().totals.connections_turned_away, 1);
    assert_eq!(exchange(&mut first, &bytes).await.status, 200);
}

#[tokio::test]
async fn the_ledger_keeps_the_newest_requests() {
    let mock = limited(Limits { ledger_requests_max: 2, ..Limits::default() }).await;
    for prompt in ["a", "b", "c"] {
        post(mock.addr(), WIRE, &body("m", json!([user(prompt)]))).await;
    }
    let ledger = mock.ledger();
    let prompts: Vec<_> = ledger.requests.iter().map(|record| record.prompt.as_str()).collect();
    assert_eq!(prompts, ["b", "c"]);
    assert_eq!((ledger.needed("a"), ledger.needed("b")), (0, 3));
    assert_eq!((ledger.totals.requests, ledger.totals.records_dropped), (3, 1));
}

#[tokio::test]
async fn half_a_request_is_not_waited_for_longer_than_the_limit() {
    let mock = limited(Limits { hold_max: Duration::from_millis(50), ..Limits::default() }).await;
    let mut stream = TcpStream::connect(mock.addr()).await.unwrap();
    let response = exchange(&mut stream, b"POST /v1/messages HTTP/1.1\r\n").await;
    assert_eq!((response.status, response.end), (0, End::Closed));
}

#[tokio::test]
async fn a_limit_of_zero_is_an_error() {
    let limits = Limits { connections_max: 0, ..Limits::default() };
    let error = Mock::start(Config { limits, ..Config::default() }).await.unwrap_err();
    assert_eq!(error.kind(), StartError::Limit);
}

#[tokio::test]
async fn a_taken_port_is_an_error() {
    let mock = limited(Limits::default()).await;
    let config = Config { port: mock.addr().port(), ..Config::default() };
    let error = Mock::start(config).await.unwrap_err();
    assert_eq!(error.kind(), StartError::Bind);
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn closing_ends_connections_and_frees_the_port() {
    let mock = limited(Limits::default()).await;
    let addr = mock.addr();
    let mut idle = TcpStream::connect(addr).await.unwrap();
    mock.close().await;
    assert!(matches!(idle.read(&mut [0; 8]).await, Ok(0) | Err(_)));
    assert_eq!(TcpStream::connect(addr).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn dropping_ends_connections_and_frees_the_port() {
    let mock = limited(Limits::default()).await;
    let addr = mock.addr();
    let mut idle = TcpStream::connect(addr).await.unwrap();
    drop(mock);
    assert!(matches!(idle.read(&mut [0; 8]).await, Ok(0) | Err(_)));
    while TcpStream::connect(addr).await.is_ok() {
        tokio::task::yield_now().await;
    }
}
