//! A tunnel through a proxy: `CONNECT` (RFC 9110, 9.3.6) and its answer. `hyper-util` has one that
//! does not say what the proxy answered, which decides whether trying again can help.

use hyper::rt;
use hyper_util::rt::TokioIo;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::proxy::{Proxy, ProxyFailure, Trouble};

/// Asks the proxy at the other end of `stream` for a way to `authority`, a host and a port.
///
/// # Cancel safety
///
/// Dropping it closes the connection.
pub(crate) async fn tunnel<S>(stream: S, authority: &str, proxy: &Proxy) -> Result<S, ProxyFailure>
where
    S: rt::Read + rt::Write + Unpin,
{
    let failed = |trouble| {
        let failure = ProxyFailure::new(proxy, trouble);
        tracing::debug!(error = &failure as &dyn std::error::Error, "no tunnel");
        failure
    };
    let mut stream = TokioIo::new(stream);
    let request = request(authority, proxy);
    stream.write_all(&request).await.map_err(Trouble::Io).map_err(failed)?;
    stream.flush().await.map_err(Trouble::Io).map_err(failed)?;
    let status = read_status(&mut stream).await.map_err(failed)?;
    match status {
        200..300 => Ok(stream.into_inner()),
        _ => Err(failed(Trouble::Status(status))),
    }
}

fn request(authority: &str, proxy: &Proxy) -> Vec<u8> {
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n").into_bytes();
    if let Some(authorization) = proxy.authorization() {
        request.extend_from_slice(b"proxy-authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request
}

/// Reads the head of the answer, which is all of it where the tunnel stands.
async fn read_status<S>(stream: &mut TokioIo<S>) -> Result<u16, Trouble>
where
    S: rt::Read + rt::Write + Unpin,
{
    let mut head = Vec::with_capacity(512);
    loop {
        let room = (HEAD_BYTES_MAX - head.len()) as u64;
        let mut limited = (&mut *stream).take(room);
        if limited.read_buf(&mut head).await.map_err(Trouble::Io)? == 0 {
            return Err(match room {
                0 => Trouble::LongHead,
                _ => Trouble::Io(io::ErrorKind::UnexpectedEof.into()),
            });
        }
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(&head) {
            Ok(httparse::Status::Partial) => {}
            Ok(httparse::Status::Complete(length)) => {
                let status = response.code.unwrap_or(0);
                // Neither TLS nor HTTP lets a server speak first.
                let is_whole = length == head.len() || !(200..300).contains(&status);
                return if is_whole { Ok(status) } else { Err(Trouble::Talkative) };
            }
            Err(httparse::Error::TooManyHeaders) => return Err(Trouble::LongHead),
            Err(_) => return Err(Trouble::NotHttp),
        }
    }
}

/// Bytes of a proxy's answer to `CONNECT`.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Headers of a proxy's answer to `CONNECT`.
const HEADERS_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::duplex;

    /// What becomes of a tunnel whose proxy answers so, and what it was asked.
    async fn ask(proxy: &str, answer: &str) -> (Result<(), String>, String) {
        let (here, mut there) = duplex(64 << 10);
        let proxy = Proxy::new(proxy).unwrap();
        there.write_all(answer.as_bytes()).await.unwrap();
        let tunnel = tunnel(TokioIo::new(here), "api.example:443", &proxy);
        let result = match tunnel.await {
            Ok(stream) => {
                drop(stream);
                Ok(())
            }
            Err(failure) => Err(failure.to_string()),
        };
        let mut asked = String::new();
        there.read_to_string(&mut asked).await.unwrap();
        (result, asked)
    }

    #[tokio::test]
    async fn a_tunnel_is_asked_for_by_host_and_port_and_by_whom() {
        let ok = "HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\n";
        let (result, asked) = ask("http://p:1", ok).await;
        assert_eq!(result, Ok(()));
        assert_eq!(asked, "CONNECT api.example:443 HTTP/1.1\r\nhost: api.example:443\r\n\r\n");
        let (result, asked) =
            ask("http://Aladdin:open%20sesame@p:1", "HTTP/1.0 201 x\r\n\r\n").await;
        assert_eq!(result, Ok(()));
        let line = "\r\nproxy-authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
        assert!(asked.ends_with(line), "{asked}");
    }

    #[tokio::test]
    async fn each_other_answer_says_what_it_is_and_whose() {
        let cases = [
            ("HTTP/1.1 407 Who\r\n\r\nbody", "wants other credentials (407)"),
            ("HTTP/1.1 502 Bad\r\n\r\n", "answered 502"),
            ("HTTP/1.1 100 Go on\r\n\r\n", "answered 100"),
            ("SSH-2.0-x\r\n\r\n", "does not speak HTTP"),
            ("HTTP/1.1 200 OK\r\n\r\n!", "spoke before it was asked"),
        ];
        for (answer, words) in cases {
            let (result, _) = ask("http://u:s3cret@p:1", answer).await;
            assert_eq!(result, Err(format!("proxy http://p:1 {words}")));
        }
    }

    #[tokio::test]
    async fn the_head_has_an_end() {
        let fits = "x".repeat(HEAD_BYTES_MAX - "HTTP/1.1 200 OK\r\na: \r\n\r\n".len());
        for (more, is_ok) in [("", true), ("x", false)] {
            let answer = format!("HTTP/1.1 200 OK\r\na: {fits}{more}\r\n\r\n");
            let (result, _) = ask("p", &answer).await;
            assert_eq!(result.is_ok(), is_ok, "{result:?}");
            assert!(is_ok || result.unwrap_err().ends_with("more than 16 KiB"));
        }
        let many = "a: b\r\n".repeat(HEADERS_MAX + 1);
        let (result, _) = ask("p", &format!("HTTP/1.1 200 OK\r\n{many}\r\n")).await;
        assert!(result.is_err());
    }

    #[tokio::test]
    async fn a_proxy_that_hangs_up_is_not_reached() {
        let (here, there) = duplex(1024);
        drop(there);
        let proxy = Proxy::new("p").unwrap();
        let failure = tunnel(TokioIo::new(here), "a:1", &proxy).await.map(drop).unwrap_err();
        assert_eq!(failure.to_string(), "proxy http://p is not to be reached");
    }
}
