//! Sends one verdict: the answer at its pace, and the fault at its place.
//! Every byte that counts is in the ledger before it is on the wire.

mod breakage;

use crate::ask::Ask;
use crate::connection::After;
use crate::fault::{Fault, RetryHint};
use crate::framing::frame;
use crate::http::http_date;
use crate::json::Escapes;
use crate::ledger::{Ending, Progress};
use crate::random::Random;
use crate::refusal::Refusal;
use crate::reply::{Origin, Reply, Token};
use crate::responder::Responder;
use crate::socket::Gone;
use crate::state::Verdict;
use crate::wire::{AnswerWriter, Wire, json_text};

/// The sending of one verdict.
#[derive(Debug)]
pub(crate) struct Delivery<'c> {
    responder: Responder<'c>,
    prompt: String,
    writer: AnswerWriter,
    /// Decides where writes are cut and where events break.
    random: Random,
    /// Tokens sent, echoes included.
    sent: u64,
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
            },
            created: 1_760_000_000 + 7 * responder.number,
            model: json_text(&ask.model),
            input_tokens: bytes.div_ceil(4) as u64,
            extras: ask.extras,
            line_end: "\n",
            random: Random::new(random.next()),
            style: *random.pick(&[&Escapes::Needed, &Escapes::NonAscii, &Escapes::Wary]),
        };
        Self { responder, prompt: ask.prompt().to_owned(), writer, random, sent: 0 }
    }

    /// Sends everything; says what becomes of the connection.
    pub(crate) async fn run(mut self, verdict: &Verdict) -> After {
        let after = match self.unstreamed(&verdict.fault).await {
            Some(after) => after,
            None => match self.stream(&verdict.reply, &verdict.fault).await {
                Ok(after) => after,
                Err(Gone) => {
                    self.responder.end(Ending::ClientGone);
                    After::Close
                }
            },
        };
        // A client that went away by itself meets an outage too.
        self.responder.shared.shut_if_due(&self.prompt).await;
        after
    }

    /// Faults that take the place of the stream.
    async fn unstreamed(&mut self, fault: &Fault) -> Option<After> {
        let page = match fault {
            Fault::CloseBeforeHead => return Some(self.broken(After::Close).await),
            Fault::ResetBeforeHead => return Some(self.broken(After::Reset).await),
            Fault::Status { status, hint } => {
                let refusal = Refusal::of_status(*status);
                return Some(self.rejected(&refusal, self.hint_headers(hint)).await);
            }
            Fault::QuotaExhausted => {
                return Some(self.rejected(&Refusal::quota(), Vec::new()).await);
            }
            Fault::HtmlBody => {
                let body = b"<!DOCTYPE html>\n<html><body><h1>502 Bad Gateway</h1></body></html>\n";
                ("text/html", body.to_vec())
            }
            Fault::JsonErrorBody => {
                let body = Refusal::of_status(500).body(self.writer.wire, "req_unknown");
                ("application/json", body)
            }
            _ => return None,
        };
        let after = self.ending(Ending::Rejected).await;
        let sent = self.responder.page(200, page.0, &page.1, Vec::new()).await;
        Some(if sent == After::Keep { after } else { sent })
    }

    async fn broken(&mut self, after: After) -> After {
        self.ending(Ending::Cut).await;
        after
    }

    async fn rejected(&mut self, refusal: &Refusal, headers: Vec<(&'static str, String)>) -> After {
        let after = self.ending(Ending::Rejected).await;
        let sent = self.responder.refusal(refusal, headers).await;
        if sent == After::Keep { after } else { sent }
    }

    fn hint_headers(&self, hint: &RetryHint) -> Vec<(&'static str, String)> {
        let retry_after = |value| vec![("Retry-After", value)];
        match hint {
            RetryHint::Absent => Vec::new(),
            RetryHint::Seconds(seconds) => retry_after(seconds.to_string()),
            RetryHint::Raw(text) => retry_after(text.clone()),
            RetryHint::Millis(millis) => vec![("retry-after-ms", millis.to_string())],
            RetryHint::HttpDate(seconds) => {
                let now = self.responder.clock();
                let later = now.saturating_add(i64::try_from(*seconds).unwrap_or(i64::MAX));
                vec![("Date", http_date(now)), ("Retry-After", http_date(later))]
            }
        }
    }

    async fn stream(&mut self, reply: &Reply, fault: &Fault) -> Result<After, Gone> {
        if *fault == Fault::EmptyStream {
            let after = self.ending(Ending::Cut).await;
            self.responder.stream_head().await?;
            return self.end_body().await.map(|()| after);
        }
        self.responder.stream_head().await?;
        match fault {
            Fault::SilentAfterHead => return Ok(self.hold().await),
            Fault::CrLf => self.writer.line_end = "\r\n",
            _ => {}
        }
        let mut opening = self.writer.opening();
        if *fault == Fault::ByteOrderMark {
            opening.splice(0..0, *b"\xEF\xBB\xBF");
        }
        self.send(&opening).await?;
        let Some(after) = fault.after() else {
            self.tokens(&reply.tokens).await?;
            return self.finish(reply, fault).await;
        };
        let (before, rest) = reply.tokens.split_at(reply.tokens.len().min(after as usize));
        self.tokens(before).await?;
        self.break_off(reply, rest, fault).await
    }

    /// The terminal events, and the end of the body.
    async fn finish(&mut self, reply: &Reply, fault: &Fault) -> Result<After, Gone> {
        let after = self.ending(Ending::Complete).await;
        let mut bytes = self.writer.stop(reply.stop, self.sent);
        if *fault != Fault::EndAfterStop {
            bytes.extend(self.writer.sentinel(self.sent));
        }
        self.send(&bytes).await?;
        self.end_body().await?;
        Ok(after)
    }

    /// Tokens at their pace, each in the ledger before it is sent.
    async fn tokens(&mut self, tokens: &[Token]) -> Result<(), Gone> {
        let pace = self.responder.shared.config.pace;
        for batch in tokens.chunks(pace.tokens_per_write.max(1)) {
            if pace.delay_per_token.is_zero() {
                self.responder.socket.check()?;
            } else {
                let count = u32::try_from(batch.len()).unwrap_or(u32::MAX);
                self.responder.socket.wait(pace.delay_per_token.saturating_mul(count)).await?;
            }
            let progress = progress(batch);
            let bytes: Vec<u8> =
                batch.iter().flat_map(|token| self.writer.token(&token.text)).collect();
            self.count(&progress, &bytes).await?;
        }
        Ok(())
    }

    /// Sends bytes that stand for this progress.
    async fn count(&mut self, progress: &Progress, bytes: &[u8]) -> Result<(), Gone> {
        self.responder.add(progress);
        let sent = self.send(bytes).await;
        match sent {
            Ok(()) => self.sent += progress.billed + progress.echo,
            Err(Gone) => self.responder.take_back(progress),
        }
        sent
    }

    /// Sends a payload in chunks and writes that are cut by seed.
    async fn send(&mut self, payload: &[u8]) -> Result<(), Gone> {
        let split = self.responder.shared.config.pace.split;
        for write in frame(payload, split, &mut self.random) {
            self.responder.socket.write(&write).await?;
            // Lets the reader of a single-threaded runtime see this write by itself.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn end_body(&mut self) -> Result<(), Gone> {
        self.responder.socket.write(b"0\r\n\r\n").await
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

fn progress(tokens: &[Token]) -> Progress {
    let echo = tokens.iter().filter(|token| token.origin == Origin::AskedEcho).count() as u64;
    Progress {
        billed: tokens.len() as u64 - echo,
        echo,
        text: tokens.iter().map(|token| token.text.as_str()).collect(),
    }
}
