//! Reads requests from received bytes; the bytes come from elsewhere.
//! A body has a length or is chunked, as RFC 9112 has it; both kinds are limited.

use crate::config::Limits;

/// One whole request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path with its query.
    pub(crate) target: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    old_version: bool,
}

impl Request {
    /// The value of the first header with this lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The target without its query.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or("")
    }

    /// Whether the connection may be used again.
    pub(crate) fn keeps_alive(&self) -> bool {
        let connection = self.header("connection").unwrap_or("");
        !self.old_version && !connection.eq_ignore_ascii_case("close")
    }
}

/// Why bytes are not a request that is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestError {
    HeadTooLarge,
    BodyTooLarge,
    Malformed,
}

/// Collects bytes until they are a request.
#[derive(Debug)]
pub(crate) struct RequestParser {
    head_bytes_max: usize,
    body_bytes_max: usize,
    received: Vec<u8>,
    /// The head, once it is whole, and how its body is framed.
    begun: Option<(Request, Framing)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
}

impl RequestParser {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            head_bytes_max: limits.head_bytes_max,
            body_bytes_max: limits.body_bytes_max,
            received: Vec::new(),
            begun: None,
        }
    }

    /// Where received bytes are appended.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.received
    }

    /// Whether nothing of a request has been received.
    pub(crate) fn is_idle(&self) -> bool {
        self.received.is_empty() && self.begun.is_none()
    }

    /// Whether the head asks for `100 Continue` and the body is still to come; true once.
    pub(crate) fn take_expectation(&mut self) -> bool {
        let Some((request, _)) = &mut self.begun else { return false };
        let before = request.headers.len();
        request.headers.retain(|(name, _)| name != "expect");
        request.headers.len() < before
    }

    /// The next request, when all its bytes are there.
    pub(crate) fn next(&mut self) -> Result<Option<Request>, RequestError> {
        if self.begun.is_none() && !self.read_head()? {
            return Ok(None);
        }
        let Some((request, framing)) = &mut self.begun else { return Ok(None) };
        let taken = match framing {
            Framing::Length(length) => take_length(&self.received, *length),
            Framing::Chunked => take_chunks(&self.received, self.body_bytes_max)?,
        };
        let Some((body, used)) = taken else { return Ok(None) };
        let mut request = std::mem::take(request);
        request.body = body;
        self.begun = None;
        self.received.drain(..used);
        Ok(Some(request))
    }

    fn read_head(&mut self) -> Result<bool, RequestError> {
        let searched = &self.received[..self.received.len().min(self.head_bytes_max)];
        let Some(end) = find(searched, b"\r\n\r\n") else {
            let full = self.received.len() >= self.head_bytes_max;
            return if full { Err(RequestError::HeadTooLarge) } else { Ok(false) };
        };
        let request = parse_head(&self.received[..end]).ok_or(RequestError::Malformed)?;
        let framing = framing(&request)?;
        if matches!(framing, Framing::Length(length) if length > self.body_bytes_max) {
            return Err(RequestError::BodyTooLarge);
        }
        self.received.drain(..end + 4);
        self.begun = Some((request, framing));
        Ok(true)
    }
}

fn parse_head(head: &[u8]) -> Option<Request> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || !version.starts_with("HTTP/1.") {
        return None;
    }
    let target = origin_form(target)?;
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Some(Request {
        method: method.to_owned(),
        target: target.to_owned(),
        headers,
        body: Vec::new(),
        old_version: version == "HTTP/1.0",
    })
}

/// The path of a target, which to a proxy is the whole URL (RFC 9112, 3.2.2).
fn origin_form(target: &str) -> Option<&str> {
    if target.starts_with('/') {
        return Some(target);
    }
    let place = target.strip_prefix("http://")?;
    Some(place.find('/').map_or("/", |path| &place[path..]))
}

fn framing(request: &Request) -> Result<Framing, RequestError> {
    if let Some(coding) = request.header("transfer-encoding") {
        let chunked = coding.eq_ignore_ascii_case("chunked");
        return if chunked { Ok(Framing::Chunked) } else { Err(RequestError::Malformed) };
    }
    let length = request.header("content-length").unwrap_or("0");
    length.parse().map(Framing::Length).map_err(|_| RequestError::Malformed)
}

fn take_length(received: &[u8], length: usize) -> Option<(Vec<u8>, usize)> {
    received.get(..length).map(|body| (body.to_vec(), length))
}

/// The body and the bytes that it took, once the last chunk is there.
fn take_chunks(
    received: &[u8],
    bytes_max: usize,
) -> Result<Option<(Vec<u8>, usize)>, RequestError> {
    /// Longest size line that is read, extensions included.
    const LINE_BYTES_MAX: usize = 1024;
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let Some(line) = find(&received[at..], b"\r\n") else {
            let long = received.len() - at > LINE_BYTES_MAX;
            return if long { Err(RequestError::Malformed) } else { Ok(None) };
        };
        let size = chunk_size(&received[at..at + line]).ok_or(RequestError::Malformed)?;
        if size > bytes_max - body.len() {
            return Err(RequestError::BodyTooLarge);
        }
        at += line + 2;
        let Some(chunk) = received.get(at..at + size + 2) else { return Ok(None) };
        if !chunk.ends_with(b"\r\n") {
            return Err(RequestError::Malformed);
        }
        body.extend_from_slice(&chunk[..size]);
        at += size + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

fn chunk_size(line: &[u8]) -> Option<usize> {
    let line = std::str::from_utf8(line).ok()?;
    let digits = line.split(';').next().unwrap_or("").trim();
    let hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hex { usize::from_str_radix(digits, 16).ok() } else { None }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parser() -> RequestParser {
        let limits = Limits { head_bytes_max: 128, body_bytes_max: 10, ..Limits::default() };
        RequestParser::new(&limits)
    }

    fn parse(bytes: &[u8]) -> Result<Option<Request>, RequestError> {
        let mut parser = parser();
        parser.buffer().extend_from_slice(bytes);
        parser.next()
    }

    #[test]
    fn a_request_is_the_same_at_every_cut() {
        for body in [
            "Content-Length: 5\r\n\r\nhello",
            "Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        ] {
            let bytes = format!("POST /v1/messages?a HTTP/1.1\r\nX-Key:  v \r\n{body}");
            let mut parser = parser();
            for (index, byte) in bytes.bytes().enumerate() {
                assert_eq!(parser.next(), Ok(None), "{index}");
                parser.buffer().push(byte);
            }
            let request = parser.next().unwrap().unwrap();
            assert_eq!(request.body, b"hello");
            assert_eq!(request.path(), "/v1/messages");
            assert_eq!(request.header("x-key"), Some("v"));
            assert!(request.keeps_alive() && parser.is_idle());
        }
    }

    #[test]
    fn a_whole_url_is_its_path() {
        let target = |line: &str| {
            let request = parse(format!("GET {line} HTTP/1.1\r\n\r\n").as_bytes());
            request.map(|request| request.unwrap().target)
        };
        assert_eq!(target("http://a.example:1/v1/x?y"), Ok("/v1/x?y".to_owned()));
        assert_eq!(target("http://a.example"), Ok("/".to_owned()));
        assert_eq!(target("ftp://a.example/"), Err(RequestError::Malformed));
        assert_eq!(target("*"), Err(RequestError::Malformed));
    }

    #[test]
    fn two_requests_in_a_row_are_two() {
        let mut parser = parser();
        parser.buffer().extend_from_slice(b"GET / HTTP/1.1\r\n\r\nGET /b HTTP/1.0\r\n\r\n");
        assert_eq!(parser.next().unwrap().unwrap().target, "/");
        let second = parser.next().unwrap().unwrap();
        assert_eq!((second.target.as_str(), second.keeps_alive()), ("/b", false));
    }

    #[test]
    fn limits_hold_just_where_they_are() {
        let head = |filler: usize| format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "x".repeat(filler));
        let fits = 128 - head(0).len();
        assert!(parse(head(fits).as_bytes()).unwrap().is_some());
        assert_eq!(parse(head(fits + 1).as_bytes()), Err(RequestError::HeadTooLarge));
        let length = |length: usize| {
            format!("POST / HTTP/1.1\r\ncontent-length: {length}\r\n\r\n{}", "x".repeat(length))
        };
        assert!(parse(length(10).as_bytes()).unwrap().is_some());
        assert_eq!(parse(length(11).as_bytes()), Err(RequestError::BodyTooLarge));
        let chunked = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n8\r\nxxxxxxxx\r\n3\r\n";
        assert_eq!(parse(chunked.as_bytes()), Err(RequestError::BodyTooLarge));
    }

    #[test]
    fn what_is_not_http_is_malformed() {
        for bytes in [
            "x\r\n\r\n",
            "GET / SPDY/1\r\n\r\n",
            "GET x HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nno colon\r\n\r\n",
            "GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
            "GET / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n",
            "GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n+1\r\nx\r\n",
            "GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nxyz",
        ] {
            assert_eq!(parse(bytes.as_bytes()), Err(RequestError::Malformed), "{bytes}");
        }
    }

    #[test]
    fn an_expectation_is_taken_once() {
        let mut parser = parser();
        let head = b"POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n";
        parser.buffer().extend_from_slice(head);
        assert_eq!(parser.next(), Ok(None));
        assert!(parser.take_expectation());
        assert!(!parser.take_expectation());
    }
}
