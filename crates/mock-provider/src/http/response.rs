//! Writes response heads and chunks as bytes.
//! Whether and when they are sent is not decided here.

/// What a response says about itself before its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    /// Bytes of the body; `None` sends it chunked.
    pub(crate) length: Option<usize>,
    /// Further headers in order.
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// The status line and the headers, with the empty line.
pub(crate) fn encode_head(head: &Head) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {} {}\r\n", head.status, reason(head.status));
    text += &format!("Content-Type: {}\r\n", head.content_type);
    for (name, value) in &head.headers {
        text += &format!("{name}: {value}\r\n");
    }
    match head.length {
        Some(length) => text += &format!("Content-Length: {length}\r\n\r\n"),
        None => text += "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n",
    }
    text.into_bytes()
}

/// One chunk; an empty one would end the body and is never written here.
pub(crate) fn encode_chunk(out: &mut Vec<u8>, payload: &[u8]) {
    if !payload.is_empty() {
        out.extend_from_slice(format!("{:x}\r\n", payload.len()).as_bytes());
        out.extend_from_slice(payload);
        out.extend_from_slice(b"\r\n");
    }
}

/// The words of a status.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        529 => "Site is overloaded",
        _ => "Status",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_with_a_length_is_not_chunked() {
        let head = Head {
            status: 429,
            content_type: "application/json",
            length: Some(2),
            headers: vec![("Retry-After", "2".to_owned())],
        };
        let expected = "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n\
                        Retry-After: 2\r\nContent-Length: 2\r\n\r\n";
        assert_eq!(encode_head(&head), expected.as_bytes());
    }

    #[test]
    fn an_empty_chunk_is_never_written() {
        let mut out = Vec::new();
        encode_chunk(&mut out, b"");
        encode_chunk(&mut out, b"0123456789abcdef");
        assert_eq!(out, b"10\r\n0123456789abcdef\r\n");
    }
}
