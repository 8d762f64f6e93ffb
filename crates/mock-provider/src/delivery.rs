//! Sends one verdict: the answer at its pace, and the fault at its place.
//! Every byte that counts is in the ledger before it is on the wire.

mod breakage;
mod generation;
mod messages;
mod page;
mod unstreamed;

use std::sync::Arc;
use std::time::Duration;

use crate::ask::{Ask, Create};
use crate::config::{Pace, SlowStarts};
use crate::connection::After;
use crate::fault::Fault;
use crate::framing::frame;
use crate::json::Escapes;
use crate::ledger::{Ending, Progress};
use crate::random::{Random, hash};
use crate::reply::{Origin, Reply, Token};
use crate::responder::Responder;
use crate::shelf::Kept;
use crate::socket::Gone;
use crate::websocket;
use crate::wire::{AnswerWriter, Frames, Numbering, Settings, Stop, Wire, json_text};

/// The sending of one verdict.
#[derive(Debug)]
pub(crate) struct Delivery<'c> {
    responder: Responder<'c>,
    prompt: String,
    writer: AnswerWriter,
    frames: Frames,
    /// Decides where writes are cut and where events break.
    random: Random,
    /// Tokens sent, echoes included.
    sent: u64,
    /// How a response is to be made, where this request makes one.
    create: Create,
    /// The response whose events are followed as it is generated.
    following: Option<Arc<Kept>>,
    /// Tokens of it that this reader has or was sent.
    read: usize,
    /// Whether this request only reads a response that another one made.
    is_reader: bool,
}

/// Whether a body ends with its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Whole,
    Early,
}

/// Why tokens stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    Gone,
    /// There will be no more: the response was cancelled.
    Cancelled,
}

impl From<Gone> for Halt {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl<'c> Delivery<'c> {
    pub(crate) fn new(responder: Responder<'c>, ask: &Ask) -> Self {
        let fingerprint = responder.fingerprint();
        let bytes: usize = ask.turns.iter().map(|turn| turn.text.len()).sum();
        let mut random = Random::new(fingerprint);
        let writer = AnswerWriter {
            wire: ask.wire,
            id: match ask.wire {
                Wire::AnthropicMessages => format!("msg_{fingerprint:020x}"),
                Wire::OpenAiChat => format!("chatcmpl-{fingerprint:020x}"),
                Wire::OpenAiResponses => format!("resp_{fingerprint:032x}"),
                Wire::Gemini => format!("{fingerprint:022x}"),
            },
            created: 1_760_000_000 + 7 * responder.number,
            model: json_text(&ask.model),
            input_tokens: bytes.div_ceil(4) as u64,
            extras: ask.extras,
            // Google's own lines.
            line_end: if ask.wire == Wire::Gemini { "\r\n" } else { "\n" },
            random: Random::new(random.next()),
            style: *random.pick(&[&Escapes::Needed, &Escapes::NonAscii, &Escapes::Wary]),
            numbering: Numbering::new(hash(fingerprint, b"events")),
            settings: Settings {
                background: ask.create.background,
                store: ask.create.store,
                max_output_tokens: ask.max_tokens,
                instructions: ask.create.instructions.as_deref().map(json_text),
            },
            generated: 0,
        };
        Self {
            responder,
            prompt: ask.prompt().to_owned(),
            writer,
            frames: ask.frames,
            random,
            sent: 0,
            create: ask.create.clone(),
            following: None,
            read: 0,
            is_reader: false,
        }
    }

    /// Sends everything; says what becomes of the connection.
    pub(crate) async fn run(mut self, reply: &Reply, fault: &Fault) -> After {
        let after = match self.unstreamed(fault).await {
            Some(after) => after,
            None => {
                let sent = if self.create.streams {
                    self.stream(reply, fault).await
                } else {
                    self.page(reply, fault).await
                };
                self.after(sent).await
            }
        };
        // A client that went away by itself meets an outage too.
        self.responder.shared.shut_if_due(&self.prompt).await;
        after
    }

    async fn after(&mut self, sent: Result<After, Halt>) -> After {
        let sent = match sent {
            // No event says so: the stream is merely over.
            Err(Halt::Cancelled) => self.end_with(b"").await,
            sent => sent,
        };
        sent.unwrap_or_else(|_| {
            self.responder.end(Ending::ClientGone);
            After::Close
        })
    }

    async fn stream(&mut self, reply: &Reply, fault: &Fault) -> Result<After, Halt> {
        let events = self.frames.content_type();
        if *fault == Fault::EmptyStream {
            let after = self.ending(Ending::Cut).await;
            self.responder.chunked_head(events).await?;
            return Ok(self.end_body(Ended::Early).await?.unwrap_or(after));
        }
        self.responder.chunked_head(events).await?;
        match fault {
            Fault::SilentAfterHead => return Ok(self.hold().await),
            Fault::CrLf if !self.responder.socket.is_websocket => self.writer.line_end = "\r\n",
            _ => {}
        }
        let failed = self.make(reply, fault);
        let reply = failed.as_ref().unwrap_or(reply);
        let opening = self.writer.opening();
        if *fault == Fault::ByteOrderMark && self.frames != Frames::Messages {
            self.send(b"\xEF\xBB\xBF").await?;
        }
        self.send_events(&opening).await?;
        let lead = self.lead();
        if self.following.is_none() && !lead.is_zero() {
            self.responder.socket.wait(lead).await?;
        }
        let tokens = self.unread(&reply.tokens);
        let Some(after) = fault.after() else {
            self.tokens(tokens).await?;
            return self.finish(reply, fault).await;
        };
        let (before, rest) = tokens.split_at(tokens.len().min(after as usize));
        self.tokens(before).await?;
        self.break_off(reply, rest, fault).await
    }

    /// The time before the first token.
    fn lead(&mut self) -> Duration {
        let Pace { delay_before_first, slow_starts, .. } = self.responder.shared.config.pace;
        let SlowStarts { per_million, by } = slow_starts;
        let is_slow = per_million > 0 && self.random.below(1_000_000) < per_million as usize;
        if is_slow { delay_before_first + by } else { delay_before_first }
    }

    /// The terminal events, and the end of the body.
    async fn finish(&mut self, reply: &Reply, fault: &Fault) -> Result<After, Halt> {
        let failed = matches!(reply.stop, Stop::Failed(_));
        let after = self.ending(if failed { Ending::Cut } else { Ending::Complete }).await;
        self.store(reply, fault);
        let mut bytes = self.writer.stop(reply, self.sent);
        if *fault != Fault::EndAfterStop {
            bytes.extend(self.writer.sentinel(reply, self.sent));
        }
        if *fault == Fault::LateEvent {
            bytes.extend(self.writer.token(" too late"));
        }
        self.send_events(&bytes).await?;
        let ended = if *fault == Fault::EndAfterStop { Ended::Early } else { Ended::Whole };
        Ok(self.end_body(ended).await?.unwrap_or(after))
    }

    /// Tokens at their pace, each in the ledger before it is sent.
    async fn tokens(&mut self, tokens: &[Token]) -> Result<(), Halt> {
        let per_write = self.responder.shared.config.pace.tokens_per_write.max(1);
        let mut rest = tokens;
        while !rest.is_empty() {
            let count = self.wait_for(rest.len().min(per_write)).await?;
            let (batch, later) = rest.split_at(count);
            let progress = self.progress(batch);
            let bytes: Vec<u8> =
                batch.iter().flat_map(|token| self.writer.token(&token.text)).collect();
            self.count(&progress, &bytes).await?;
            rest = later;
        }
        Ok(())
    }

    /// Waits until so many tokens are there; fewer when the response was cancelled before.
    async fn wait_for(&mut self, count: usize) -> Result<usize, Halt> {
        if let Some(kept) = self.following.clone() {
            return self.wait_for_generation(&kept, count).await;
        }
        let delay = self.responder.shared.config.pace.delay_per_token;
        if delay.is_zero() {
            self.responder.socket.check()?;
        } else {
            let tokens = u32::try_from(count).unwrap_or(u32::MAX);
            self.responder.socket.wait(delay.saturating_mul(tokens)).await?;
        }
        Ok(count)
    }

    /// Sends bytes that stand for this progress.
    async fn count(&mut self, progress: &Progress, bytes: &[u8]) -> Result<(), Gone> {
        self.responder.add(progress);
        let sent = self.send_events(bytes).await;
        match sent {
            Ok(()) => self.sent += progress.billed + progress.echo,
            Err(Gone) => self.responder.take_back(progress),
        }
        sent
    }

    /// Sends whole events, whose numbers are in the ledger before.
    async fn send_events(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        let number = self.responder.number;
        let made = self.writer.numbering.made();
        let noted = self.responder.shared.state().book.sequence(number, made);
        let sent = self.send(&self.frames.encode(bytes)).await;
        if sent.is_err() {
            self.responder.shared.state().book.sequence(number, noted);
        }
        sent
    }

    /// Sends a payload in chunks and writes that are cut by seed.
    async fn send(&mut self, payload: &[u8]) -> Result<(), Gone> {
        let split = self.responder.shared.config.pace.split;
        if self.responder.socket.is_websocket {
            return self.send_messages(payload, split).await;
        }
        for write in frame(payload, split, &mut self.random) {
            self.responder.socket.write(&write).await?;
            // Lets the reader of a single-threaded runtime see this write by itself.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Ends a body; a WebSocket that ends before its response is closed, and one that does not goes on.
    async fn end_body(&mut self, ended: Ended) -> Result<Option<After>, Gone> {
        let socket = &mut self.responder.socket;
        match (socket.is_websocket, ended) {
            (false, _) => socket.write(b"0\r\n\r\n").await.map(|()| None),
            (true, Ended::Whole) => Ok(None),
            (true, Ended::Early) => {
                socket.write(&websocket::close(1000)).await.map(|()| Some(After::Close))
            }
        }
    }

    /// Notes the end that is about to be sent; a connection does not outlive an outage that begins here.
    async fn ending(&mut self, ending: Ending) -> After {
        self.responder.end(ending);
        let shut = self.responder.shared.shut_if_due(&self.prompt).await;
        if shut { After::Close } else { After::Keep }
    }

    /// Silence until the client leaves.
    async fn hold(&mut self) -> After {
        self.responder.end(Ending::Cut);
        self.responder.socket.hold().await;
        After::Reset
    }
}

/// What sending these tokens counts.
fn progress(tokens: &[Token]) -> Progress {
    let echo = tokens.iter().filter(|token| token.origin == Origin::AskedEcho).count() as u64;
    Progress {
        billed: tokens.len() as u64 - echo,
        echo,
        text: tokens.iter().map(|token| token.text.as_str()).collect(),
    }
}
