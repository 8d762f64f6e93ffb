//! A response that its provider keeps: how far its events were read, and how the rest is got.
//!
//! A connection that breaks costs such a response nothing. Its events are read again behind the
//! last one, and once they are not kept any longer, the finished response is fetched whole.

use crate::attempt::{Attempt, Flow};
use crate::input::AttemptId;
use crate::journal;
use crate::outcome::Cause;
use crate::output::{Connection, Output, Request};
use crate::seam::{Rung, Seam, SeamLabel};
use crate::session::Session;
use crate::spending::Spent;
use bytes::Bytes;
use http::Method;
use protocol::{Decoded, FailureKind};
use retry_policy::Class;

/// Where one response is kept, and how far it was read.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    /// Its path below the base URL.
    path: String,
    /// The number of the last event that was read.
    after: Option<u64>,
    /// The number of the last event before the attempt that reads it.
    began_after: Option<u64>,
    /// The last event before one that was missing.
    gap: Option<u64>,
    /// Fetches that found it unfinished.
    polls: u32,
    way: Way,
}

/// How the rest of a response is got that its provider keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Its events are read again.
    Events,
    /// Its events are gone; it is fetched whole.
    Whole,
    /// Not at all.
    Gone,
}

/// Where an event stands among those that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Next,
    Seen,
    Missing,
}

impl Cursor {
    /// The cursor of a response with this id; `None` for an id that is none of a URL.
    pub(crate) fn new(id: &str, after: Option<u64>) -> Option<Self> {
        let path = protocol::stored_path(id)?;
        Some(Self { path, after, began_after: after, gap: None, polls: 0, way: Way::Events })
    }

    /// Takes note of the event with this number.
    pub(crate) fn take(&mut self, number: u64) -> Order {
        match self.after {
            Some(after) if number <= after => return Order::Seen,
            Some(after) if number > after.saturating_add(1) => return Order::Missing,
            _ => {}
        }
        self.after = Some(number);
        Order::Next
    }

    /// Takes note of an event that was delivered.
    pub(crate) fn reach(&mut self, number: u64) {
        self.after = self.after.max(Some(number));
    }

    /// Another attempt reads on.
    pub(crate) const fn read_on(&mut self) {
        self.began_after = self.after;
    }

    /// Whether the attempt brought any event.
    pub(crate) fn has_moved(&self) -> bool {
        self.after != self.began_after
    }

    pub(crate) const fn way(&self) -> Way {
        self.way
    }

    /// Whether no event was read yet.
    pub(crate) const fn is_at_start(&self) -> bool {
        self.after.is_none()
    }

    /// What was read comes from elsewhere from now on.
    pub(crate) const fn lose_events(&mut self) {
        self.way = Way::Whole;
    }

    /// The path that its events are read from.
    pub(crate) fn events_path(&self) -> String {
        let path = &self.path;
        match self.after {
            Some(after) => format!("{path}?stream=true&starting_after={after}"),
            None => format!("{path}?stream=true"),
        }
    }

    /// The path that it is fetched from.
    pub(crate) fn whole_path(&self) -> String {
        self.path.clone()
    }

    fn cancel_path(&self) -> String {
        format!("{}/cancel", self.path)
    }

    /// A second gap at one place is no accident of the connection.
    fn is_second_gap(&mut self) -> bool {
        std::mem::replace(&mut self.gap, self.after) == self.after && self.after.is_some()
    }
}

impl Flow {
    /// Reads no events of it again, if they were read again until now.
    pub(crate) fn loses_events(&mut self) -> bool {
        let read = |cursor: &&mut Cursor| cursor.way == Way::Events;
        self.cursor.as_mut().filter(read).map(Cursor::lose_events).is_some()
    }
}

impl Session {
    /// How the rest of the response is got that the provider keeps, if there is one.
    pub(crate) fn kept(&self) -> Option<&Cursor> {
        let flow = self.kept.as_deref()?;
        let cursor = flow.cursor.as_ref()?;
        let reaches = match cursor.way {
            Way::Events => true,
            // The whole is compared with all that was shown, and a call that was shown is not.
            Way::Whole => flow.blocks.is_none() && !self.transcript.final_content,
            Way::Gone => false,
        };
        let keeps = self.config.profile.cursor == protocol::Cursor::Sequence;
        (reaches && keeps).then_some(cursor)
    }

    /// Notes the response that begins, where the provider keeps it.
    pub(crate) fn open_cursor(&mut self, flow: &mut Flow, decoded: &Decoded<'_>) {
        let keeps = self.config.profile.cursor == protocol::Cursor::Sequence;
        if !keeps || !self.request.is_background() || flow.rung == Rung::Fetch {
            return;
        }
        // Without a number for each event nobody knows which of them come twice.
        let (Some(id), Some(number)) = (&decoded.id, decoded.sequence) else { return };
        if flow.cursor.is_none() {
            flow.cursor = Cursor::new(id, Some(number));
            self.record(journal::cursor(flow.attempt, id));
        }
    }

    /// Keeps the generation of an attempt that is over, where the provider does.
    pub(crate) fn keep_generation(&mut self, live: Attempt) {
        if live.flow.cursor.is_some() {
            self.kept = Some(Box::new(live.flow));
        }
    }

    /// Says where the same generation goes on.
    pub(crate) fn rejoin(&mut self, attempt: AttemptId, rung: Rung, dropped: u64) {
        let offset = self.transcript.text.len() as u64;
        let seam = Seam { attempt, rung, offset, label: SeamLabel::Exact, dropped };
        self.record(journal::seam(&seam));
        self.summary.seams.push(seam.clone());
        self.queue.push_back(Output::Seam(seam));
    }

    /// Learns from a failed attempt what is still to be had of a response that the provider keeps;
    /// whether the next attempt begins at once because of it.
    pub(crate) fn learn_of_kept(&mut self, live: &mut Attempt, cause: &Cause) -> bool {
        match live.rung {
            Rung::Fetch => self.learn_from_fetch(cause),
            _ => self.learn_from_events(live, cause),
        }
    }

    fn learn_from_events(&self, live: &mut Attempt, cause: &Cause) -> bool {
        let rung = live.rung;
        let Some(cursor) = &mut live.flow.cursor else { return false };
        let lost = match cause {
            Cause::Provider(failure) if failure.kind == FailureKind::BadRequest => {
                rung == Rung::Cursor && failure.status.is_some()
            }
            // It is over, or it would have come further.
            Cause::Provider(_) if rung == Rung::Cursor && live.phase.is_streaming() => {
                if !cursor.has_moved() {
                    cursor.way = Way::Gone;
                }
                return false;
            }
            Cause::Gap => cursor.is_second_gap(),
            Cause::Malformed => rung == Rung::Cursor && !cursor.has_moved(),
            _ => false,
        };
        if lost {
            cursor.lose_events();
        }
        lost
    }

    fn learn_from_fetch(&mut self, cause: &Cause) -> bool {
        let polls_max = self.config.limits.fetches;
        let Some(cursor) = self.kept.as_deref_mut().and_then(|flow| flow.cursor.as_mut()) else {
            return false;
        };
        match cause {
            Cause::Unfinished => {
                cursor.polls += 1;
                if cursor.polls >= polls_max {
                    cursor.way = Way::Gone;
                    self.stop_kept();
                }
                false
            }
            Cause::Provider(failure) => {
                let is_over = failure.status.is_none();
                let is_lost = failure.verdict.class == Class::Invalid;
                if is_over || is_lost {
                    cursor.way = Way::Gone;
                }
                is_lost && !is_over
            }
            _ => false,
        }
    }

    /// Tells the provider that nobody wants the response that it keeps any longer.
    pub(crate) fn stop_kept(&mut self) {
        let Some(flow) = &self.kept else { return };
        let Some(cursor) = &flow.cursor else { return };
        self.queue.push_back(Output::Cancel(Request {
            attempt: flow.attempt,
            method: Method::POST,
            path: cursor.cancel_path().into(),
            body: Bytes::new(),
            key: None,
            connection: Connection::Any,
            rung: Rung::Cursor,
        }));
    }

    /// Enters what a response cost that is not gone on with.
    pub(crate) fn write_off_kept(&mut self) {
        let Some(flow) = self.kept.take() else { return };
        let spent = Spent {
            usage: self.billed(&flow),
            rung: flow.asked,
            brought: flow.text_bytes > 0,
            is_estimate: !flow.usage_final,
        };
        self.record(journal::usage(flow.attempt, &spent.usage));
        self.count_output(&spent);
        let cost = self.spend(&spent, flow.began);
        let attempts = &mut self.summary.attempts;
        if let Some(summary) = attempts.iter_mut().rfind(|attempt| attempt.attempt == flow.attempt)
        {
            (summary.usage, summary.estimated, summary.cost) =
                (spent.usage, spent.is_estimate, cost);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(after: Option<u64>) -> Cursor {
        Cursor::new("resp_1", after).expect("an id")
    }

    #[test]
    fn events_come_once_and_in_order() {
        let mut cursor = cursor(None);
        let read = [0, 1, 1, 0, 3, 2, u64::MAX].map(|number| cursor.take(number));
        use Order::{Missing, Next, Seen};
        assert_eq!(read, [Next, Next, Seen, Seen, Missing, Next, Missing]);
        assert_eq!(cursor.events_path(), "/responses/resp_1?stream=true&starting_after=2");
    }

    #[test]
    fn a_second_gap_at_one_place_is_told_apart() {
        let mut cursor = cursor(Some(4));
        assert!(!cursor.is_second_gap());
        assert_eq!(cursor.take(5), Order::Next);
        assert!(!cursor.is_second_gap());
        assert!(cursor.is_second_gap());
    }

    #[test]
    fn an_id_that_would_change_the_url_is_no_cursor() {
        for id in ["", "a/b", "a?b", "a#b", "..", "a b", "%2e"] {
            assert!(Cursor::new(id, None).is_none(), "{id:?}");
        }
    }
}
