//! Raw hyper: a connection, the body's frames, a split into lines, a borrowed parse of their JSON.

use std::borrow::Cow;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;

use super::{Receive, Receiving};

/// The members that carry text and the end; plain `Cow`s, which borrow where they can.
#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    choices: Vec<Choice<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Delta<'a>,
    #[serde(borrow, default)]
    finish_reason: Option<&'a str>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    content: Cow<'a, str>,
}

struct Raw {
    authority: String,
}

/// The floor.
pub(super) fn borrowed(url: &str) -> Box<dyn Receive> {
    Box::new(Raw { authority: url.trim_start_matches("http://").to_owned() })
}

impl Receive for Raw {
    fn receive(&self, model: &str) -> Receiving {
        let (authority, model) = (self.authority.clone(), model.to_owned());
        Box::pin(
            async move { receive(&authority, &model).await.map_err(|error| error.to_string()) },
        )
    }
}

async fn receive(authority: &str, model: &str) -> Result<u64, Box<dyn std::error::Error>> {
    let socket = TcpStream::connect(authority).await?;
    socket.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    tokio::spawn(connection);
    let body = format!(
        r#"{{"model":"{model}","stream":true,"messages":[{{"role":"user","content":"Go"}}]}}"#
    );
    let request = Request::post("/v1/chat/completions")
        .header("host", authority)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))?;
    let mut body = sender.send_request(request).await?.into_body();
    let (mut text, mut finished) = (0, false);
    let mut rest: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let mut data = &data[..];
        while let Some(end) = memchr::memchr(b'\n', data) {
            let (line, more) = (&data[..end], &data[end + 1..]);
            if rest.is_empty() {
                read(line, &mut text, &mut finished)?;
            } else {
                rest.extend(line);
                read(&rest, &mut text, &mut finished)?;
                rest.clear();
            }
            data = more;
        }
        rest.extend(data);
    }
    if finished { Ok(text) } else { Err("the response is truncated".into()) }
}

fn read(line: &[u8], text: &mut u64, finished: &mut bool) -> Result<(), serde_json::Error> {
    let Some(data) = line.strip_prefix(b"data: ").filter(|data| *data != b"[DONE]") else {
        return Ok(());
    };
    let chunk: Chunk<'_> = serde_json::from_slice(data)?;
    for choice in &chunk.choices {
        *text += choice.delta.content.len() as u64;
        *finished |= choice.finish_reason.is_some();
    }
    Ok(())
}
