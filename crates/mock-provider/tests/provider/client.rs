//! A small HTTP and event stream client that reports exactly how a response ended.
//! It retries nothing and repairs nothing.

use std::io::ErrorKind;
use std::net::SocketAddr;

use mock_provider::{Config, Fault, Faults, Mock, Script, Wire};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How the bytes of a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The last chunk, or all bytes of the length.
    Whole,
    /// FIN before that.
    Closed,
    /// RST before that.
    Reset,
    /// A chunk size that is none.
    BadChunk,
}

/// A response as it was received.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    /// 0 without a head.
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) end: End,
}

/// One complete event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) data: String,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The complete events; what follows the last blank line is none.
    pub(crate) fn events(&self) -> Vec<Event> {
        let body = self.body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&self.body);
        let text = String::from_utf8_lossy(body).replace("\r\n", "\n");
        let complete = text.rfind("\n\n").map_or("", |end| &text[..end + 2]);
        let mut events = Vec::new();
        for block in complete.split("\n\n") {
            let field = |name: &str| {
                block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("").to_owned()
            };
            let event = Event { name: field("event: "), data: field("data: ") };
            if !event.data.is_empty() {
                events.push(event);
            }
        }
        events
    }

    /// The data of the events that are JSON.
    pub(crate) fn payloads(&self) -> Vec<Value> {
        let events = self.events();
        events.iter().filter_map(|event| serde_json::from_str(&event.data).ok()).collect()
    }

    /// The text of each token.
    pub(crate) fn tokens(&self) -> Vec<String> {
        let payloads = self.payloads();
        let texts = payloads.iter().filter_map(|payload| {
            let chat = &payload["choices"][0]["delta"]["content"];
            let delta = payload["delta"]["text"].as_str().or(payload["delta"].as_str());
            let part = gemini_text(payload);
            delta.or(chat.as_str()).or(part).filter(|text| !text.is_empty())
        });
        texts.map(str::to_owned).collect()
    }

    pub(crate) fn text(&self) -> String {
        self.tokens().concat()
    }

    /// `stop_reason`, `finish_reason`, `finishReason` or the status of the message.
    pub(crate) fn stop_reason(&self) -> Option<String> {
        self.payloads().iter().find_map(|payload| {
            let chat = &payload["choices"][0]["finish_reason"];
            let reason = payload["delta"]["stop_reason"].as_str().or(chat.as_str());
            let done = payload["type"] == "response.output_item.done";
            let status = payload["item"]["status"].as_str().filter(|_| done);
            let finish = payload["candidates"][0]["finishReason"].as_str();
            reason.or(status).or(finish).map(str::to_owned)
        })
    }

    /// Whether the last sentinel came; on the Gemini wire the reason is the last there is.
    pub(crate) fn has_sentinel(&self) -> bool {
        let is_sentinel = |event: &Event| {
            let names = ["message_stop", "response.completed", "response.incomplete"];
            names.contains(&event.name.as_str())
                || event.data == "[DONE]"
                || event.data.contains("\"finishReason\"")
        };
        self.events().iter().any(is_sentinel)
    }
}

/// A server that plays these faults in order.
pub(crate) async fn start(faults: Vec<Fault>, config: Config) -> Mock {
    let faults = Faults::InOrder(Script::new(faults));
    Mock::start(Config { faults, ..config }).await.expect("a free port on loopback")
}

pub(crate) fn path(wire: Wire) -> &'static str {
    match wire {
        Wire::AnthropicMessages => "/v1/messages",
        Wire::OpenAiChat => "/v1/chat/completions",
        Wire::OpenAiResponses => "/v1/responses",
        Wire::Gemini => "/v1beta/models/m:streamGenerateContent?alt=sse",
    }
}

/// A body that is valid on the Messages and the Chat wire; [`post`] turns it into one of the other wires.
pub(crate) fn body(model: &str, messages: Value) -> Value {
    let mut body = json!({"model": model, "max_tokens": 4096, "stream": true});
    body["messages"] = messages;
    body
}

pub(crate) fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

pub(crate) fn assistant(text: &str) -> Value {
    json!({"role": "assistant", "content": text})
}

/// Sends a body on a connection of its own.
pub(crate) async fn post(addr: SocketAddr, wire: Wire, body: &Value) -> Response {
    post_with(addr, wire, "", body).await
}

/// Sends a body with further header lines on a connection of its own.
pub(crate) async fn post_with(
    addr: SocketAddr,
    wire: Wire,
    headers: &str,
    body: &Value,
) -> Response {
    let mut stream = TcpStream::connect(addr).await.expect("the server listens");
    exchange(&mut stream, &request(wire, headers, &worded(wire, body).to_string())).await
}

/// The same request in the words of a wire.
pub(crate) fn worded(wire: Wire, body: &Value) -> Value {
    match wire {
        Wire::AnthropicMessages | Wire::OpenAiChat => body.clone(),
        Wire::OpenAiResponses => as_response(body),
        Wire::Gemini => as_contents(body),
    }
}

/// The same request in the words of the Gemini wire, whose path has the model.
fn as_contents(body: &Value) -> Value {
    let content = |message: &Value| {
        let role = if message["role"] == "assistant" { "model" } else { "user" };
        json!({"role": role, "parts": [{"text": message["content"]}]})
    };
    let contents: Vec<_> =
        body["messages"].as_array().expect("messages").iter().map(content).collect();
    json!({"contents": contents, "generationConfig": {"maxOutputTokens": body["max_tokens"]}})
}

/// The text of a chunk, without what was thought.
fn gemini_text(payload: &Value) -> Option<&str> {
    let part = &payload["candidates"][0]["content"]["parts"][0];
    part["text"].as_str().filter(|_| part["thought"] != true)
}

/// The same request in the words of the Responses wire.
fn as_response(body: &Value) -> Value {
    const NAMES: [(&str, &str); 3] =
        [("messages", "input"), ("max_tokens", "max_output_tokens"), ("system", "instructions")];
    let mut body = body.clone();
    if let Some(members) = body.as_object_mut() {
        for (from, to) in NAMES {
            if let Some(value) = members.remove(from) {
                members.insert(to.to_owned(), value);
            }
        }
    }
    body
}

/// The bytes of a request.
pub(crate) fn request(wire: Wire, headers: &str, body: &str) -> Vec<u8> {
    let path = path(wire);
    let length = body.len();
    let head = "Host: x\r\nanthropic-version: 2023-06-01\r\nContent-Type: application/json";
    format!("POST {path} HTTP/1.1\r\n{head}\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// Sends a request and reads one response.
pub(crate) async fn exchange(stream: &mut TcpStream, request: &[u8]) -> Response {
    stream.write_all(request).await.expect("the server reads requests");
    receive(stream).await
}

/// Reads one response to its end, whatever that is.
pub(crate) async fn receive(stream: &mut TcpStream) -> Response {
    let mut received = Vec::new();
    loop {
        let broken = match stream.read_buf(&mut received).await {
            Ok(0) => Some(End::Closed),
            Ok(_) => None,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Some(End::Reset),
            Err(error) => panic!("unexpected error: {error}"),
        };
        let mut response = parse(&received);
        if let (End::Closed, Some(end)) = (response.end, broken) {
            response.end = end;
            return response;
        }
        if response.end != End::Closed {
            return response;
        }
    }
}

/// What the bytes hold so far; the end is `Closed` while more is needed.
fn parse(received: &[u8]) -> Response {
    let mut response =
        Response { status: 0, headers: Vec::new(), body: Vec::new(), end: End::Closed };
    let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") else {
        return response;
    };
    let head = std::str::from_utf8(&received[..end]).expect("heads are ASCII");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    response.status = status.and_then(|status| status.parse().ok()).expect("a status");
    for line in lines {
        let (name, value) = line.split_once(": ").expect("a header");
        response.headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let body = &received[end + 4..];
    match response.header("content-length") {
        Some(length) => {
            let length: usize = length.parse().expect("a length");
            response.body = body[..body.len().min(length)].to_vec();
            if body.len() >= length {
                response.end = End::Whole;
            }
        }
        None => (response.body, response.end) = dechunk(body),
    }
    response
}

/// The payload, also of a chunk that is not whole.
fn dechunk(mut body: &[u8]) -> (Vec<u8>, End) {
    let mut payload = Vec::new();
    loop {
        let Some(line) = body.windows(2).position(|pair| pair == b"\r\n") else {
            return (payload, End::Closed);
        };
        let digits = String::from_utf8_lossy(&body[..line]);
        let Ok(size) = usize::from_str_radix(&digits, 16) else {
            return (payload, End::BadChunk);
        };
        let rest = &body[line + 2..];
        payload.extend_from_slice(&rest[..rest.len().min(size)]);
        if rest.len() < size + 2 {
            return (payload, End::Closed);
        }
        if size == 0 {
            return (payload, End::Whole);
        }
        body = &rest[size + 2..];
    }
}
