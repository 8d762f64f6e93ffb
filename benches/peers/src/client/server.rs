//! The far end: a server that writes chat completions, an event in each HTTP chunk. It knows as much
//! HTTP as its clients here need, so that it costs little beside them.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::load::{Load, Pace};

/// The text of each event.
pub const DELTA: &str = " token";

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// Bytes of events that are written at once where nobody asks for a pace.
const BURST_BYTES: usize = 64 << 10;

/// Milliseconds between the beginnings of paced answers, within their period.
const SPREAD: u64 = 13;

/// Bytes of the longest request.
const REQUEST_BYTES_MAX: usize = 64 << 10;

/// Serves until the process ends.
///
/// # Errors
///
/// When the listener fails.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    for number in 0.. {
        let (socket, _) = listener.accept().await?;
        tokio::spawn(async move {
            // A client that goes away is its own business.
            let _ = converse(socket, number).await;
        });
    }
    Ok(())
}

async fn converse(mut socket: TcpStream, number: u32) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some(load) = read_request(&mut socket, &mut buffer).await? {
        answer(&mut socket, load, number).await?;
    }
    Ok(())
}

/// `number` is that of the connection: paced answers are spread over their period by it, because tokens of
/// different streams do not come at the same instants, and events that do cost their client less.
async fn answer(socket: &mut TcpStream, load: Load, number: u32) -> io::Result<()> {
    let delta = chunk(&event(&format!(r#"{{"content":"{DELTA}"}}"#), "null"));
    let mut out = HEAD.as_bytes().to_vec();
    out.extend(chunk(&event(r#"{"role":"assistant","content":""}"#, "null")));
    match load.pace {
        Pace::Every(millis) => {
            let millis = u64::from(millis);
            let offset = Duration::from_millis(u64::from(number) * SPREAD % millis.max(1));
            let mut ticks = interval_at(Instant::now() + offset, Duration::from_millis(millis));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            for _ in 0..load.events {
                ticks.tick().await;
                out.extend(&delta);
                socket.write_all(&out).await?;
                out.clear();
            }
        }
        Pace::Firehose | Pace::Held => {
            for _ in 0..load.events {
                out.extend(&delta);
                if out.len() >= BURST_BYTES {
                    socket.write_all(&out).await?;
                    out.clear();
                }
            }
        }
    }
    if load.pace == Pace::Held {
        socket.write_all(&out).await?;
        // Until the client goes away.
        socket.read_u8().await?;
    }
    out.extend(chunk(&event("{}", "\"stop\"")));
    out.extend(chunk("data: [DONE]\n\n"));
    out.extend(b"0\r\n\r\n");
    socket.write_all(&out).await
}

/// A whole chunk of the API, with all that the API writes into one.
fn event(delta: &str, finish: &str) -> String {
    format!(
        r#"data: {{"id":"chatcmpl-BsUrLqcnlOYrZxUHyq0wQJzWTCnHf","object":"chat.completion.chunk","created":1752300000,"model":"gpt-4.1-2025-04-14","service_tier":"default","system_fingerprint":"fp_51e1070cf2","choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}]}}"#
    ) + "\n\n"
}

fn chunk(data: &str) -> Vec<u8> {
    format!("{:x}\r\n{data}\r\n", data.len()).into_bytes()
}

/// The load of the next request; `None` where the client is done.
async fn read_request(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Load>> {
    loop {
        if let Some((head, body)) = split(buffer) {
            let wrong = || io::Error::other("no request of this bench");
            let end = head + body;
            if end > REQUEST_BYTES_MAX {
                return Err(wrong());
            }
            if buffer.len() >= end {
                let load = load(&buffer[head..end]).ok_or_else(wrong)?;
                buffer.drain(..end);
                return Ok(Some(load));
            }
        }
        if buffer.len() > REQUEST_BYTES_MAX || socket.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// Bytes of the head and of the body behind it.
fn split(request: &[u8]) -> Option<(usize, usize)> {
    let head = request.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&request[..head]).ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    Some((head, length.unwrap_or(0)))
}

fn load(body: &[u8]) -> Option<Load> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    Load::of_model(body["model"].as_str()?)
}
