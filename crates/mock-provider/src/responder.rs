//! Sends heads and short bodies of one request, and keeps its record.
//! Streams are built on it by `delivery`.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::connection::After;
use crate::http::{Head, encode_head, http_date};
use crate::ledger::{Ending, Progress};
use crate::random::hash;
use crate::refusal::Refusal;
use crate::server::Shared;
use crate::socket::{Gone, Socket};
use crate::websocket;
use crate::wire::{Wire, json_text};

/// Sends heads and short bodies of one request.
#[derive(Debug)]
pub(crate) struct Responder<'c> {
    pub(crate) socket: &'c mut Socket,
    pub(crate) shared: &'c Arc<Shared>,
    /// Of the record; 0 has none.
    pub(crate) number: u64,
    pub(crate) wire: Wire,
}

impl Responder<'_> {
    /// An error response in the form of the wire.
    pub(crate) async fn refusal(
        &mut self,
        refusal: &Refusal,
        headers: Vec<(&'static str, String)>,
    ) -> After {
        let body = refusal.body(self.wire, &self.request_id());
        self.page(refusal.status(), "application/json", &body, headers).await
    }

    /// A response with a length.
    pub(crate) async fn page(
        &mut self,
        status: u16,
        content_type: &'static str,
        body: &[u8],
        headers: Vec<(&'static str, String)>,
    ) -> After {
        self.shared.state().book.status(self.number, status);
        if self.socket.is_websocket {
            return self.message(status, body, &headers).await;
        }
        let mut bytes = self.encode_head(status, content_type, Some(body.len()), headers);
        bytes.extend_from_slice(body);
        match self.socket.write(&bytes).await {
            Ok(()) => After::Keep,
            Err(Gone) => After::Close,
        }
    }

    /// What a page is on a WebSocket: an error is an event with its status, all else is sent as it is.
    async fn message(
        &mut self,
        status: u16,
        body: &[u8],
        headers: &[(&'static str, String)],
    ) -> After {
        let mut message = Vec::new();
        match body.strip_prefix(b"{") {
            Some(rest) if status >= 400 => {
                let head = format!(r#"{{"type":"error","status":{status},"#);
                message.extend_from_slice(head.as_bytes());
                message.extend_from_slice(&members(headers));
                message.extend_from_slice(rest);
            }
            _ => message.extend_from_slice(body),
        }
        match self.socket.write(&websocket::text(&message, None)).await {
            Ok(()) => After::Keep,
            Err(Gone) => After::Close,
        }
    }

    /// The head of a body in chunks.
    pub(crate) async fn chunked_head(&mut self, content_type: &'static str) -> Result<(), Gone> {
        self.shared.state().book.status(self.number, 200);
        if self.socket.is_websocket {
            return Ok(());
        }
        let bytes = self.encode_head(200, content_type, None, Vec::new());
        self.socket.write(&bytes).await
    }

    /// Notes how the response ends; called before its last byte is sent, so that no client knows more
    /// than the ledger.
    pub(crate) fn end(&self, ending: Ending) {
        let now = self.shared.now();
        self.shared.state().book.end(self.number, ending, now);
    }

    /// Counts what is about to be written.
    pub(crate) fn add(&self, progress: &Progress) {
        self.shared.state().book.add(self.number, progress);
    }

    /// Takes back what could not be written.
    pub(crate) fn take_back(&self, progress: &Progress) {
        self.shared.state().book.take_back(self.number, progress);
    }

    /// The server's clock in seconds since 1970, with its skew.
    pub(crate) fn clock(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        seconds.saturating_add(self.shared.config.clock_skew_seconds)
    }

    /// A number of this request alone.
    pub(crate) fn fingerprint(&self) -> u64 {
        hash(self.shared.config.seed, &self.number.to_le_bytes())
    }

    fn request_id(&self) -> String {
        format!("req_{:016x}", self.fingerprint())
    }

    fn encode_head(
        &self,
        status: u16,
        content_type: &'static str,
        length: Option<usize>,
        mut headers: Vec<(&'static str, String)>,
    ) -> Vec<u8> {
        if !headers.iter().any(|(name, _)| *name == "Date") {
            headers.insert(0, ("Date", http_date(self.clock())));
        }
        headers.extend(self.wire.request_id_header().map(|name| (name, self.request_id())));
        encode_head(&Head { status, content_type, length, headers })
    }
}

/// Headers as a member of a message; nothing where there are none.
fn members(headers: &[(&'static str, String)]) -> Vec<u8> {
    if headers.is_empty() {
        return Vec::new();
    }
    let pair = |(name, value): &(&str, String)| {
        format!("{}:{}", json_text(&name.to_ascii_lowercase()), json_text(value))
    };
    let pairs: Vec<_> = headers.iter().map(pair).collect();
    format!(r#""headers":{{{}}},"#, pairs.join(",")).into_bytes()
}
