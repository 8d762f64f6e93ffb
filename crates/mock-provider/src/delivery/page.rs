//! One document in place of a stream, whole or broken.
//! A fault's position counts the tokens of the text inside the object.

use crate::connection::After;
use crate::delivery::breakage::RESET_PAUSE;
use crate::delivery::{Delivery, Ended, Halt};
use crate::fault::Fault;
use crate::http::encode_chunk;
use crate::ledger::{Ending, Progress};
use crate::reply::Reply;
use crate::wire::{Status, Stop, Wire, gemini_document, gemini_refusal, json_text, object};

const JSON: &str = "application/json";

impl Delivery<'_> {
    /// Sends the document of a response that is made now, or that is there already.
    pub(super) async fn page(&mut self, reply: &Reply, fault: &Fault) -> Result<After, Halt> {
        if matches!(fault, Fault::SilentAfterHead | Fault::EmptyStream) {
            return self.empty_page(fault).await;
        }
        let made = self.make(reply, fault);
        let reply = made.as_ref().unwrap_or(reply);
        let status = match self.following.clone() {
            Some(kept) => kept.status(self.responder.shared.now()),
            None => self.generate(reply, fault).await?,
        };
        if let (Wire::Gemini, Status::Failed(error)) = (self.writer.wire, status) {
            return Ok(self.rejected(&gemini_refusal(error), Vec::new()).await);
        }
        let is_whole = matches!(status, Status::Completed | Status::Incomplete);
        let reply = is_whole.then_some(reply);
        let body = match (self.writer.wire, reply) {
            (Wire::Gemini, Some(reply)) => gemini_document(&self.writer, reply),
            (_, reply) => object(&self.writer, status, reply),
        };
        let body = body.into_bytes();
        if fault.after().is_some() && !matches!(fault, Fault::InBandError { .. }) {
            let cut = cut(&body, reply, fault.after().unwrap_or(0) as usize);
            return self.broken_page(&body, cut, fault).await;
        }
        let failed = matches!(status, Status::Failed(_));
        let after = self.ending(if failed { Ending::Cut } else { Ending::Complete }).await;
        if let Some(reply) = reply {
            self.responder.add(&Progress { text: reply.text(), ..Progress::default() });
            self.store(reply, fault);
        }
        let bom: &[u8] = if *fault == Fault::ByteOrderMark { b"\xEF\xBB\xBF" } else { b"" };
        let sent = self.responder.page(200, JSON, &[bom, &body].concat(), Vec::new()).await;
        Ok(if sent == After::Keep { after } else { sent })
    }

    /// The whole generation, before anything of it is sent; a failure ends it at its place.
    async fn generate(&mut self, reply: &Reply, fault: &Fault) -> Result<Status, Halt> {
        let (tokens, status) = match (fault, reply.stop) {
            (Fault::InBandError { after, error }, _) => {
                let count = reply.tokens.len().min(*after as usize);
                (&reply.tokens[..count], Status::Failed(*error))
            }
            (_, Stop::Length) => (&reply.tokens[..], Status::Incomplete),
            (_, Stop::Failed(error)) => (&reply.tokens[..], Status::Failed(error)),
            (_, Stop::End | Stop::Paused) => (&reply.tokens[..], Status::Completed),
        };
        self.wait_for(tokens.len()).await?;
        let progress = self.progress(tokens);
        self.responder.add(&Progress { text: String::new(), ..progress });
        Ok(status)
    }

    async fn empty_page(&mut self, fault: &Fault) -> Result<After, Halt> {
        if *fault == Fault::SilentAfterHead {
            self.responder.chunked_head(JSON).await?;
            return Ok(self.hold().await);
        }
        let after = self.ending(Ending::Cut).await;
        self.responder.chunked_head(JSON).await?;
        self.end_body(Ended::Early).await?;
        Ok(after)
    }

    /// The body up to `cut`, and the break.
    async fn broken_page(&mut self, body: &[u8], cut: usize, fault: &Fault) -> Result<After, Halt> {
        self.responder.chunked_head(JSON).await?;
        match fault {
            Fault::MalformedJson { .. } => self.end_with(&body[..body.len() - 2]).await,
            Fault::EndWithoutTerminal { .. } => self.end_with(&body[..cut]).await,
            Fault::EndInUtf8 { .. } => {
                // The first byte of "é" where the text has none of its own.
                let wide = body[cut..].iter().position(|byte| !byte.is_ascii());
                let torn = match wide {
                    Some(at) => body[..=cut + at].to_vec(),
                    None => [&body[..cut], b"\xC3"].concat(),
                };
                self.end_with(&torn).await
            }
            Fault::ResetInEvent { .. } => {
                self.ending(Ending::Cut).await;
                self.send(&body[..cut]).await?;
                self.responder.socket.wait(RESET_PAUSE).await?;
                Ok(After::Reset)
            }
            Fault::CloseInChunk { .. } => {
                let mut chunk = Vec::new();
                encode_chunk(&mut chunk, body);
                let end = chunk.len() - b"\r\n".len() - (body.len() - cut);
                self.ending(Ending::Cut).await;
                self.responder.socket.write(&chunk[..end]).await?;
                Ok(After::Close)
            }
            Fault::BadChunkSize { .. } => {
                self.send(&body[..cut]).await?;
                self.bad_chunk_size().await
            }
            // Silence; a body that is no stream has no heartbeats.
            _ => {
                self.send(&body[..cut]).await?;
                Ok(self.hold().await)
            }
        }
    }
}

/// Where so many tokens of the text end inside the object; its middle when it has no text.
fn cut(body: &[u8], reply: Option<&Reply>, tokens: usize) -> usize {
    let Some(reply) = reply.filter(|reply| !reply.tokens.is_empty()) else {
        return body.len() / 2;
    };
    let text = json_text(&reply.text());
    let needle = text.as_bytes();
    let start = body.windows(needle.len()).rposition(|window| window == needle).unwrap_or(0);
    let before = &reply.tokens[..tokens.min(reply.tokens.len())];
    let before: String = before.iter().map(|token| token.text.as_str()).collect();
    // Without the closing quote.
    start + json_text(&before).len() - 1
}
