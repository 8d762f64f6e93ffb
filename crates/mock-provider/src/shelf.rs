//! The responses that can be retrieved: how far each is generated, and when it goes.
//! No task generates: how far a response is follows from the clock, whoever reads it or does not.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::config::Limits;
use crate::ledger::Progress;
use crate::reply::{Origin, Reply, Token};
use crate::wire::{AnswerWriter, Status, Stop};

/// A response that can be retrieved.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Where its first event is written from.
    pub(crate) writer: AnswerWriter,
    pub(crate) reply: Reply,
    pub(crate) prompt: String,
    /// The record of the request that made it: its tokens are billed there.
    pub(crate) number: u64,
    /// When its generation began, since the server's start.
    pub(crate) begun: Duration,
    /// How long each token takes.
    pub(crate) pace: Duration,
    /// Whether it was made with `stream`.
    pub(crate) streams: bool,
    /// How many tokens there are, once it is cancelled.
    pub(crate) cancelled: watch::Sender<Option<usize>>,
}

impl Kept {
    /// How many tokens are generated.
    pub(crate) fn generated(&self, now: Duration) -> usize {
        if let Some(tokens) = *self.cancelled.borrow() {
            return tokens;
        }
        let total = self.reply.tokens.len();
        let elapsed = now.saturating_sub(self.begun).as_nanos();
        elapsed
            .checked_div(self.pace.as_nanos())
            .map_or(total, |tokens| usize::try_from(tokens).unwrap_or(usize::MAX).min(total))
    }

    /// When so many tokens are generated, since the server's start.
    pub(crate) fn due(&self, tokens: usize) -> Duration {
        let count = u32::try_from(tokens).unwrap_or(u32::MAX);
        self.begun.saturating_add(self.pace.saturating_mul(count))
    }

    pub(crate) fn status(&self, now: Duration) -> Status {
        let generated = self.generated(now);
        if self.cancelled.borrow().is_some() {
            Status::Cancelled
        } else if generated < self.reply.tokens.len() {
            if generated == 0 { Status::Queued } else { Status::InProgress }
        } else {
            match self.reply.stop {
                Stop::End | Stop::Paused => Status::Completed,
                Stop::Length => Status::Incomplete,
                Stop::Failed(error) => Status::Failed(error),
            }
        }
    }

    /// Ends the generation where it is; one that is over stays as it is.
    pub(crate) fn cancel(&self, now: Duration) {
        if !self.status(now).is_over() {
            let generated = self.generated(now);
            self.cancelled.send_replace(Some(generated));
        }
    }

    /// How many events there are.
    pub(crate) fn events(&self, now: Duration) -> u64 {
        let mut writer = self.writer.clone();
        writer.opening();
        for token in &self.reply.tokens[..self.generated(now)] {
            writer.token(&token.text);
        }
        let status = self.status(now);
        if status.is_over() && status != Status::Cancelled {
            writer.stop(&self.reply, 0);
            writer.sentinel(&self.reply, 0);
        }
        writer.numbering.next
    }

    fn bytes(&self) -> usize {
        self.reply.tokens.iter().map(|token| token.text.len() + size_of::<Token>()).sum()
    }
}

/// The responses that can be retrieved, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    entries: VecDeque<Entry>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    kept: Arc<Kept>,
    /// Tokens that are billed.
    counted: usize,
    /// Whether it is as good as gone.
    expired: bool,
}

/// Tokens that were generated since they were last counted, and the record that they belong to.
pub(crate) type Bill = (u64, Progress);

impl Shelf {
    /// Keeps a response of which so many tokens are counted already.
    pub(crate) fn put(&mut self, kept: Arc<Kept>, counted: usize) {
        self.bytes += kept.bytes();
        self.entries.push_back(Entry { kept, counted, expired: false });
    }

    /// The response with this id, when it is not too old.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Kept>> {
        let mut live = self.entries.iter().filter(|entry| !entry.expired);
        live.find(|entry| entry.kept.writer.id == id).map(|entry| Arc::clone(&entry.kept))
    }

    /// From now on the response cannot be retrieved; its generation goes on.
    pub(crate) fn expire(&mut self, id: &str) {
        let entry = self.entries.iter_mut().find(|entry| entry.kept.writer.id == id);
        entry.into_iter().for_each(|entry| entry.expired = true);
    }

    /// What is to be billed by now.
    pub(crate) fn settle(&mut self, now: Duration) -> Vec<Bill> {
        let entries = self.entries.iter_mut();
        entries.filter_map(|entry| entry.bill(entry.kept.generated(now))).collect()
    }

    /// Drops what is too old or too much, the newest excepted, and bills it to its end: nobody stops it.
    pub(crate) fn prune(&mut self, now: Duration, limits: &Limits) -> Vec<Bill> {
        let mut bills = Vec::new();
        while let Some(oldest) = self.entries.front() {
            let old = now.saturating_sub(oldest.kept.begun) >= limits.response_kept_for;
            let many = self.entries.len() > limits.responses_max
                || self.bytes > limits.responses_bytes_max && self.entries.len() > 1;
            if !old && !many {
                break;
            }
            let Some(mut entry) = self.entries.pop_front() else { break };
            self.bytes -= entry.kept.bytes();
            bills.extend(entry.bill(entry.kept.generated(Duration::MAX)));
        }
        bills
    }
}

impl Entry {
    fn bill(&mut self, generated: usize) -> Option<Bill> {
        let new = self.kept.reply.tokens.get(self.counted..generated)?;
        if new.is_empty() {
            return None;
        }
        self.counted = generated;
        let echo = new.iter().filter(|token| token.origin == Origin::AskedEcho).count() as u64;
        let billed = new.len() as u64 - echo;
        Some((self.kept.number, Progress { billed, echo, text: String::new() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::Extras;
    use crate::json::Escapes;
    use crate::random::Random;
    use crate::wire::{Numbering, Settings, Wire};

    const SECOND: Duration = Duration::from_secs(1);

    fn kept(number: u64, begun: Duration, pace: Duration) -> Arc<Kept> {
        let token = |origin| Token { text: "ab".to_owned(), origin };
        let writer = AnswerWriter {
            wire: Wire::OpenAiResponses,
            id: format!("resp_{number}"),
            created: 7,
            model: "\"m\"".to_owned(),
            input_tokens: 5,
            extras: Extras::default(),
            line_end: "\n",
            random: Random::new(1),
            style: Escapes::Needed,
            numbering: Numbering::new(1),
            settings: Settings::default(),
            generated: 0,
        };
        let tokens = vec![token(Origin::AskedEcho), token(Origin::New), token(Origin::New)];
        let reply = Reply { tokens, stop: Stop::End, head_bytes: 0, unknown_prefix: false };
        let cancelled = watch::Sender::new(None);
        let prompt = String::new();
        Arc::new(Kept { writer, reply, prompt, number, begun, pace, streams: true, cancelled })
    }

    fn bill(billed: u64, echo: u64) -> Progress {
        Progress { billed, echo, text: String::new() }
    }

    #[test]
    fn the_clock_generates() {
        let one = kept(1, SECOND, SECOND);
        let statuses = [1, 2, 3, 4].map(|at| one.status(SECOND * at));
        let expected = [Status::Queued, Status::InProgress, Status::InProgress, Status::Completed];
        assert_eq!(statuses, expected);
        assert_eq!((one.due(2), one.generated(SECOND * 9)), (SECOND * 3, 3));
        assert_eq!(kept(1, SECOND, Duration::ZERO).status(SECOND), Status::Completed);
    }

    #[test]
    fn a_cancelled_response_stays_where_it_is_and_one_that_is_over_stays_over() {
        let one = kept(1, Duration::ZERO, SECOND);
        one.cancel(SECOND);
        one.cancel(SECOND * 2);
        assert_eq!((one.status(SECOND * 9), one.generated(SECOND * 9)), (Status::Cancelled, 1));
        let over = kept(1, Duration::ZERO, SECOND);
        over.cancel(SECOND * 3);
        assert_eq!(over.status(SECOND * 3), Status::Completed);
    }

    #[test]
    fn tokens_are_billed_once_as_they_come() {
        let mut shelf = Shelf::default();
        shelf.put(kept(4, Duration::ZERO, SECOND), 0);
        assert_eq!(shelf.settle(Duration::ZERO), []);
        assert_eq!(shelf.settle(SECOND), [(4, bill(0, 1))]);
        assert_eq!(shelf.settle(SECOND), []);
        assert_eq!(shelf.settle(SECOND * 9), [(4, bill(2, 0))]);
    }

    #[test]
    fn the_oldest_goes_at_each_bound_and_is_billed_to_its_end() {
        let limits = Limits { responses_max: 2, ..Limits::default() };
        let mut shelf = Shelf::default();
        for number in 1..=3 {
            shelf.put(kept(number, Duration::ZERO, SECOND), 0);
        }
        assert_eq!(shelf.prune(SECOND, &limits), [(1, bill(2, 1))]);
        assert!(shelf.find("resp_1").is_none() && shelf.find("resp_2").is_some());
        let small = Limits { responses_bytes_max: 1, ..limits };
        assert_eq!(shelf.prune(SECOND, &small), [(2, bill(2, 1))]);
        assert!(shelf.find("resp_3").is_some(), "the newest stays whatever its size");
        assert_eq!(shelf.prune(limits.response_kept_for, &small), [(3, bill(2, 1))]);
        assert_eq!(shelf.bytes, 0);
    }

    #[test]
    fn an_expired_response_is_not_found_and_still_billed() {
        let mut shelf = Shelf::default();
        shelf.put(kept(1, Duration::ZERO, SECOND), 0);
        shelf.expire("resp_1");
        assert!(shelf.find("resp_1").is_none());
        assert_eq!(shelf.settle(SECOND * 3), [(1, bill(2, 1))]);
    }
}
