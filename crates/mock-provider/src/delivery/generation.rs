//! Responses that are generated whether or not somebody reads: how they begin, and how readers follow.
//! Their tokens are billed as they are generated, by the `shelf`; a reader only gets text.

use std::sync::Arc;

use tokio::sync::watch;

use crate::ask::Create;
use crate::delivery::{Delivery, Halt, progress};
use crate::fault::Fault;
use crate::ledger::Progress;
use crate::random::Random;
use crate::reply::{Reply, Token};
use crate::responder::Responder;
use crate::shelf::Kept;
use crate::wire::{Frames, Stop};

impl<'c> Delivery<'c> {
    /// The reading of a response that another request made, as a stream or as an object.
    pub(crate) fn reading(responder: Responder<'c>, kept: &Arc<Kept>, streams: bool) -> Self {
        let random = Random::new(responder.fingerprint());
        Self {
            responder,
            prompt: kept.prompt.clone(),
            writer: kept.writer.clone(),
            frames: Frames::Events,
            random,
            sent: 0,
            create: Create { streams, ..Create::default() },
            following: Some(Arc::clone(kept)),
            read: 0,
            is_reader: true,
        }
    }

    /// The same, from the event after this one; obfuscated as asked for, or else as it was made.
    pub(crate) fn from(mut self, starting_after: Option<u64>, obfuscated: Option<bool>) -> Self {
        self.writer.numbering.after = starting_after;
        self.writer.extras.obfuscation = obfuscated.unwrap_or(self.writer.extras.obfuscation);
        self
    }

    /// Begins the response that this request makes; a failure that ends the generation is part of what
    /// is returned.
    pub(super) fn make(&mut self, reply: &Reply, fault: &Fault) -> Option<Reply> {
        if self.is_reader {
            return None;
        }
        let settings = &self.writer.settings;
        let (number, background) = (self.responder.number, settings.background);
        self.responder.shared.state().book.made(number, &self.writer.id, background);
        if !background {
            return None;
        }
        let made = match fault {
            Fault::InBandError { after, error } => Reply {
                tokens: reply.tokens.iter().take(*after as usize).cloned().collect(),
                stop: Stop::Failed(*error),
                ..reply.clone()
            },
            _ => reply.clone(),
        };
        let pace = self.responder.shared.config.pace.delay_per_token;
        self.following = Some(self.keep(&made, pace, 0, fault));
        Some(made)
    }

    /// Keeps a whole answer for retrieval, when it was generated for this connection alone.
    pub(super) fn store(&self, reply: &Reply, fault: &Fault) {
        if !self.is_reader && self.following.is_none() && self.writer.settings.store {
            self.keep(reply, std::time::Duration::ZERO, reply.tokens.len(), fault);
        }
    }

    fn keep(
        &self,
        reply: &Reply,
        pace: std::time::Duration,
        counted: usize,
        fault: &Fault,
    ) -> Arc<Kept> {
        let shared = self.responder.shared;
        let mut writer = self.writer.clone();
        writer.numbering.next = 0;
        writer.line_end = "\n";
        let kept = Arc::new(Kept {
            writer,
            reply: reply.clone(),
            prompt: self.prompt.clone(),
            number: self.responder.number,
            begun: shared.now(),
            pace,
            streams: self.create.streams,
            cancelled: watch::Sender::new(None),
        });
        let mut state = shared.state();
        state.keep(&shared.config, Arc::clone(&kept), counted, *fault == Fault::Expired);
        kept
    }

    /// Leaves out the tokens whose events the reader has.
    pub(super) fn unread<'t>(&mut self, tokens: &'t [Token]) -> &'t [Token] {
        if self.writer.numbering.after.is_none() {
            return tokens;
        }
        for (index, token) in tokens.iter().enumerate() {
            let before = self.writer.numbering.next;
            if !self.writer.token(&token.text).is_empty() {
                self.writer.numbering.next = before;
                self.read = index;
                return &tokens[index..];
            }
        }
        self.read = tokens.len();
        &[]
    }

    /// Waits until so many more tokens are generated; fewer when the response was cancelled before.
    pub(super) async fn wait_for_generation(
        &mut self,
        kept: &Kept,
        count: usize,
    ) -> Result<usize, Halt> {
        let mut cancelled = kept.cancelled.subscribe();
        let left = kept.due(self.read + count).saturating_sub(self.responder.shared.now());
        if left.is_zero() {
            self.responder.socket.check()?;
        } else if cancelled.borrow_and_update().is_none() {
            tokio::select! {
                biased;
                // The sender is in `kept`.
                _ = cancelled.changed() => {}
                waited = self.responder.socket.wait(left) => waited?,
            }
        }
        let count = match *cancelled.borrow() {
            Some(tokens) => count.min(tokens.saturating_sub(self.read)),
            None => count,
        };
        self.read += count;
        if count == 0 { Err(Halt::Cancelled) } else { Ok(count) }
    }

    /// What sending these tokens counts: of a response that is followed, the text alone.
    pub(super) fn progress(&self, tokens: &[Token]) -> Progress {
        let progress = progress(tokens);
        if self.following.is_some() {
            return Progress { billed: 0, echo: 0, ..progress };
        }
        progress
    }
}
