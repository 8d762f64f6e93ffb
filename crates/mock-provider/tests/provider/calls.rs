//! Calls about a response: how tests make one, read it again and cancel it.

use std::time::Duration;

use mock_provider::{Config, Fault, Mock, Pace, RequestRecord, Wire};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::client::{Response, exchange, post, start};

pub(crate) const WIRE: Wire = Wire::OpenAiResponses;

pub(crate) fn asks(prompt: &str) -> Value {
    json!({"model": "gpt-5", "input": prompt, "stream": true, "background": true})
}

/// A server whose tokens take their time.
pub(crate) fn slow(tokens: u32, millis: u64) -> Config {
    let pace = Pace { delay_per_token: Duration::from_millis(millis), ..Pace::default() };
    Config { tokens, pace, ..Config::default() }
}

pub(crate) async fn call(mock: &Mock, method: &str, target: &str) -> Response {
    let mut stream = TcpStream::connect(mock.addr()).await.expect("the server listens");
    let request = format!("{method} /v1/responses/{target} HTTP/1.1\r\nHost: x\r\n\r\n");
    exchange(&mut stream, request.as_bytes()).await
}

pub(crate) async fn follow(mock: &Mock, id: &str, starting_after: u64) -> Response {
    call(mock, "GET", &format!("{id}?stream=true&starting_after={starting_after}")).await
}

pub(crate) fn json(response: &Response) -> Value {
    serde_json::from_slice(&response.body).expect("a JSON body")
}

pub(crate) fn id(response: &Response) -> String {
    let created = &response.payloads()[0];
    created["response"]["id"].as_str().expect("the first event has the id").to_owned()
}

/// A response, made and cut by this fault.
pub(crate) async fn made(fault: &str, more: &[&str], config: Config) -> (Mock, Response, String) {
    let faults = std::iter::once(fault).chain(more.iter().copied());
    let faults = faults.map(|fault| fault.parse().expect("a fault")).collect::<Vec<Fault>>();
    let mock = start(faults, config).await;
    let response = post(mock.addr(), WIRE, &asks("kept")).await;
    let id = id(&response);
    (mock, response, id)
}

pub(crate) fn last(mock: &Mock) -> RequestRecord {
    mock.ledger().requests.pop().expect("a request was made")
}
