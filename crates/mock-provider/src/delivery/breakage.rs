//! The faults in the middle of a stream: where bytes stop making sense, and how the connection ends.
//! The tokens before the fault are sent already.

use std::time::Duration;

use tokio::time::Instant;

use crate::connection::After;
use crate::delivery::{Delivery, Ended, Halt};
use crate::fault::{Fault, InBandError};
use crate::http::encode_chunk;
use crate::json::Escapes;
use crate::ledger::{Ending, Progress};
use crate::reply::{Reply, Token};
use crate::socket::Gone;
use crate::websocket;
use crate::wire::{Frames, Stop, Wire, reading_error};

/// How long the peer has to read what was sent before a reset.
pub(super) const RESET_PAUSE: Duration = Duration::from_millis(30);

/// How long a malformed event is followed by nothing: the time that a client has to leave.
const MALFORMED_PAUSE: Duration = Duration::from_secs(1);

impl Delivery<'_> {
    /// Plays a fault that has a position; `rest` are the tokens that were not sent.
    pub(crate) async fn break_off(
        &mut self,
        reply: &Reply,
        rest: &[Token],
        fault: &Fault,
    ) -> Result<After, Halt> {
        match fault {
            Fault::Heartbeats { .. } => Ok(self.heartbeats().await),
            Fault::ResetInEvent { .. } => self.reset_in_event(reply, rest).await,
            Fault::CloseInChunk { .. } => self.close_in_chunk(reply, rest).await,
            Fault::Close { code, .. } if self.responder.socket.is_websocket => {
                self.close_with(*code).await
            }
            Fault::EndWithoutTerminal { .. } | Fault::Close { .. } => self.end_with(b"").await,
            Fault::EndInEvent { .. } => self.end_in_event(reply, rest).await,
            Fault::WrongChecksum { .. } => self.wrong_checksum(reply, rest, fault).await,
            Fault::UnknownException { .. } => self.unknown_exception().await,
            Fault::EndInUtf8 { .. } => self.end_in_utf8(rest).await,
            Fault::BadChunkSize { .. } => self.bad_chunk_size().await,
            Fault::MalformedJson { .. } => self.malformed_json(reply, rest, fault).await,
            Fault::InBandError { error, .. } => {
                let event = if self.is_reader {
                    reading_error(&self.writer, *error)
                } else {
                    self.writer.error(*error)
                };
                self.end_with_events(&event).await
            }
            Fault::Paused { .. } if self.writer.wire == Wire::AnthropicMessages => {
                let paused = Reply { stop: Stop::Paused, ..reply.clone() };
                self.finish(&paused, fault).await
            }
            Fault::Paused { .. } => {
                self.tokens(rest).await?;
                self.finish(reply, fault).await
            }
            // The remaining fault with a position is the stall.
            _ => Ok(self.hold().await),
        }
    }

    async fn heartbeats(&mut self) -> After {
        self.responder.end(Ending::Cut);
        let deadline = Instant::now() + self.responder.socket.hold_max();
        let every = self.responder.shared.config.pace.heartbeat_every.max(Duration::from_millis(1));
        while Instant::now() < deadline {
            let left = self.responder.socket.wait(every).await.is_err();
            if left || self.heartbeat().await.is_err() {
                break;
            }
        }
        After::Reset
    }

    async fn heartbeat(&mut self) -> Result<(), Gone> {
        if self.responder.socket.is_websocket {
            return self.responder.socket.write(&websocket::ping()).await;
        }
        let heartbeat = self.frames.encode(&self.writer.heartbeat());
        self.send(&heartbeat).await
    }

    async fn reset_in_event(&mut self, reply: &Reply, rest: &[Token]) -> Result<After, Halt> {
        let event = self.torn_event(reply, rest);
        let half = self.part_of(&event);
        self.ending(Ending::Cut).await;
        self.send(&event[..half]).await?;
        // A reset throws away what the peer has not read yet, which would be billed and lost.
        self.responder.socket.wait(RESET_PAUSE).await?;
        Ok(After::Reset)
    }

    async fn close_in_chunk(&mut self, reply: &Reply, rest: &[Token]) -> Result<After, Halt> {
        let event = self.torn_event(reply, rest);
        let half = self.part_of(&event);
        if self.responder.socket.is_websocket {
            self.ending(Ending::Cut).await;
            self.send(&event[..half]).await?;
            return Ok(After::Close);
        }
        let mut chunk = Vec::new();
        encode_chunk(&mut chunk, &event);
        // The size line promises the whole event.
        let cut = chunk.len() - b"\r\n".len() - (event.len() - half);
        self.ending(Ending::Cut).await;
        self.responder.socket.write(&chunk[..cut]).await?;
        Ok(After::Close)
    }

    /// At least two bytes are missing, so that also a line lacks more than its end.
    async fn end_in_event(&mut self, reply: &Reply, rest: &[Token]) -> Result<After, Halt> {
        let event = self.torn_event(reply, rest);
        let most = event.len().saturating_sub(2).max(1);
        let half = self.random.between(1, most);
        self.end_with(&event[..half]).await
    }

    /// The token is generated, and its frame is damaged on the way; frames without a checksum hold
    /// what is not JSON instead.
    async fn wrong_checksum(
        &mut self,
        reply: &Reply,
        rest: &[Token],
        fault: &Fault,
    ) -> Result<After, Halt> {
        let text = rest.first().map_or("…", |token| token.text.as_str());
        let event = self.writer.token_with(text, Escapes::Needed);
        let Some(message) = self.frames.damaged(&event) else {
            return self.malformed_json(reply, rest, fault).await;
        };
        if let Some(token) = rest.first() {
            self.responder.add(&self.torn(token));
            self.sent += 1;
        }
        self.responder.end(Ending::Cut);
        self.send(&message).await?;
        if self.responder.socket.wait(MALFORMED_PAUSE).await.is_err() {
            return Ok(After::Close);
        }
        self.tokens(rest.get(1..).unwrap_or(&[])).await?;
        self.finish(reply, fault).await
    }

    /// An exception that no table has; an ordinary error where there are no exceptions.
    async fn unknown_exception(&mut self) -> Result<After, Halt> {
        match self.frames.unknown_exception() {
            Some(message) => self.end_with(&message).await,
            None => {
                let event = self.writer.error(InBandError::Api);
                self.end_with_events(&event).await
            }
        }
    }

    pub(super) async fn bad_chunk_size(&mut self) -> Result<After, Halt> {
        self.ending(Ending::Cut).await;
        self.responder.socket.write(b"zz\r\n").await?;
        Ok(After::Close)
    }

    async fn end_in_utf8(&mut self, rest: &[Token]) -> Result<After, Halt> {
        let wide = rest.iter().position(|token| !token.text.is_ascii());
        let (before, token) = match wide {
            Some(at) => (&rest[..at], Some(&rest[at])),
            None => (rest, None),
        };
        self.tokens(before).await?;
        let event = match token {
            Some(token) => {
                self.responder.add(&self.torn(token));
                self.writer.token_with(&token.text, Escapes::Needed)
            }
            None => self.writer.comment("é"),
        };
        // A message is cut somewhere else than in a character: it has none of more than a byte.
        let event = match self.frames {
            Frames::Lines if token.is_none() => "é".as_bytes().to_vec(),
            frames => frames.encode(&event),
        };
        let first = event.iter().position(|byte| !byte.is_ascii()).unwrap_or(0);
        self.end_with(&event[..=first]).await
    }

    async fn malformed_json(
        &mut self,
        reply: &Reply,
        rest: &[Token],
        fault: &Fault,
    ) -> Result<After, Halt> {
        let text = rest.first().map_or("…", |token| token.text.as_str());
        if !rest.is_empty() && self.following.is_some() {
            self.wait_for(1).await?;
        }
        let event = self.writer.malformed(text);
        if let Some(token) = rest.first() {
            self.responder.add(&self.torn(token));
            self.sent += 1;
        }
        self.responder.end(Ending::Cut);
        self.send_events(&event).await?;
        if self.responder.socket.wait(MALFORMED_PAUSE).await.is_err() {
            return Ok(After::Close);
        }
        self.tokens(rest.get(1..).unwrap_or(&[])).await?;
        self.finish(reply, fault).await
    }

    /// Some last bytes, then a clean end of the body.
    pub(super) async fn end_with(&mut self, bytes: &[u8]) -> Result<After, Halt> {
        let after = self.ending(Ending::Cut).await;
        self.send(bytes).await?;
        Ok(self.end_body(Ended::Early).await?.unwrap_or(after))
    }

    /// Some last events, then a clean end of the body.
    async fn end_with_events(&mut self, events: &[u8]) -> Result<After, Halt> {
        let after = self.ending(Ending::Cut).await;
        self.send_events(events).await?;
        Ok(self.end_body(Ended::Whole).await?.unwrap_or(after))
    }

    /// Bytes of an event that do not complete it: its last line end does, and of CRLF the CR already.
    fn part_of(&mut self, event: &[u8]) -> usize {
        self.random.between(1, event.len() - self.writer.line_end.len())
    }

    /// The event that is cut: the next token, which counts as billed, or the first terminal event.
    fn torn_event(&mut self, reply: &Reply, rest: &[Token]) -> Vec<u8> {
        match rest.first() {
            Some(token) => {
                self.responder.add(&self.torn(token));
                let event = self.writer.token_with(&token.text, Escapes::Needed);
                self.frames.encode(&event)
            }
            None => {
                let event = self.writer.first_of_stop(reply, self.sent);
                self.frames.encode(&event)
            }
        }
    }

    /// A token that was generated and did not arrive.
    fn torn(&self, token: &Token) -> Progress {
        Progress { text: String::new(), ..self.progress(std::slice::from_ref(token)) }
    }
}
