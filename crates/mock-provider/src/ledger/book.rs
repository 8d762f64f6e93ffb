//! The ledger while it is being written; one lock around it is held by whoever writes.
//! Drops the oldest records at its bounds; sums are never dropped.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::config::Limits;
use crate::ledger::{Ending, Ledger, Outage, RequestRecord, Totals};

/// What one write adds to a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) billed: u64,
    pub(crate) echo: u64,
    pub(crate) text: String,
}

/// The ledger while it is being written.
#[derive(Debug)]
pub(crate) struct Book {
    records: VecDeque<RequestRecord>,
    outages: VecDeque<Outage>,
    needed: HashMap<String, u64>,
    totals: Totals,
    text_bytes: usize,
    requests_max: usize,
    text_bytes_max: usize,
}

impl Book {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            records: VecDeque::new(),
            outages: VecDeque::new(),
            needed: HashMap::new(),
            totals: Totals::default(),
            text_bytes: 0,
            requests_max: limits.ledger_requests_max,
            text_bytes_max: limits.ledger_text_bytes_max,
        }
    }

    /// Adds a record and returns its number.
    pub(crate) fn open(&mut self, mut record: RequestRecord) -> u64 {
        self.totals.requests += 1;
        record.number = self.totals.requests;
        self.text_bytes += record.prompt.len();
        self.records.push_back(record);
        self.drop_oldest();
        self.totals.requests
    }

    /// Counts what is about to be written, so that a client never knows more than the ledger.
    pub(crate) fn add(&mut self, number: u64, progress: &Progress) {
        self.totals.billed_tokens += progress.billed;
        self.totals.echo_tokens += progress.echo;
        if let Some(record) = self.record(number) {
            record.billed_tokens += progress.billed;
            record.echo_tokens += progress.echo;
            record.text.push_str(&progress.text);
            self.text_bytes += progress.text.len();
            self.drop_oldest();
        }
    }

    /// Takes back what [`add`](Self::add) counted last, because it could not be written.
    pub(crate) fn take_back(&mut self, number: u64, progress: &Progress) {
        self.totals.billed_tokens -= progress.billed;
        self.totals.echo_tokens -= progress.echo;
        if let Some(record) = self.record(number) {
            record.billed_tokens -= progress.billed;
            record.echo_tokens -= progress.echo;
            record.text.truncate(record.text.len() - progress.text.len());
            self.text_bytes -= progress.text.len();
        }
    }

    pub(crate) fn status(&mut self, number: u64, status: u16) {
        if let Some(record) = self.record(number) {
            record.status = status;
        }
    }

    /// Notes which response a request made.
    pub(crate) fn made(&mut self, number: u64, id: &str, background: bool) {
        let record = self.record(number).and_then(|record| record.response.as_mut());
        if let Some(response) = record {
            id.clone_into(&mut response.id);
            response.background = background;
        }
    }

    /// Notes the numbers of the events that a request got; returns what was noted before.
    pub(crate) fn sequence(
        &mut self,
        number: u64,
        sequence: Option<(u64, u64)>,
    ) -> Option<(u64, u64)> {
        let response = self.record(number)?.response.as_mut()?;
        std::mem::replace(&mut response.sequence, sequence)
    }

    pub(crate) fn end(&mut self, number: u64, ending: Ending, at: Duration) {
        if let Some(record) = self.record(number) {
            record.ending = ending;
            record.ended_at = Some(at);
        }
    }

    /// Everything that is being answered ends here.
    pub(crate) fn cut_all(&mut self, at: Duration) {
        let live = self.records.iter_mut().filter(|it| it.ending == Ending::InProgress);
        live.for_each(|record| (record.ending, record.ended_at) = (Ending::Cut, Some(at)));
    }

    /// Notes how many tokens an unbroken answer to the prompt has.
    pub(crate) fn need(&mut self, prompt: &str, tokens: u64) {
        self.totals.needed_tokens += tokens;
        self.needed.insert(prompt.to_owned(), tokens);
    }

    /// Forgets a prompt that the server no longer remembers.
    pub(crate) fn forget(&mut self, prompt: &str) {
        self.needed.remove(prompt);
    }

    pub(crate) fn outage(&mut self, outage: Outage) {
        self.outages.push_back(outage);
        if self.outages.len() > self.requests_max {
            self.outages.pop_front();
        }
    }

    pub(crate) fn connection(&mut self) {
        self.totals.connections += 1;
    }

    /// One more WebSocket; its number, from 1.
    pub(crate) fn websocket(&mut self) -> u64 {
        self.totals.websockets += 1;
        self.totals.websockets
    }

    pub(crate) fn turn_away(&mut self) {
        self.totals.connections_turned_away += 1;
    }

    pub(crate) fn snapshot(&self) -> Ledger {
        Ledger {
            requests: self.records.iter().cloned().collect(),
            outages: self.outages.iter().copied().collect(),
            totals: self.totals,
            needed: self.needed.clone(),
        }
    }

    fn record(&mut self, number: u64) -> Option<&mut RequestRecord> {
        let first = self.records.front()?.number;
        let index = usize::try_from(number.checked_sub(first)?).ok()?;
        self.records.get_mut(index)
    }

    /// The newest record always stays.
    fn drop_oldest(&mut self) {
        while self.records.len() > 1
            && (self.records.len() > self.requests_max || self.text_bytes > self.text_bytes_max)
        {
            if let Some(record) = self.records.pop_front() {
                self.text_bytes -= record.text.len() + record.prompt.len();
                self.totals.records_dropped += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Authorization, Continuation, Flags};
    use crate::{fault::Fault, wire::Wire};

    fn record(prompt: &str) -> RequestRecord {
        RequestRecord {
            number: 0,
            at: Duration::ZERO,
            ended_at: None,
            wire: Wire::OpenAiChat,
            path: String::new(),
            model: String::new(),
            prompt: prompt.to_owned(),
            idempotency_key: None,
            authorization: Authorization::Absent,
            websocket: None,
            body_bytes: 0,
            max_tokens: None,
            fault: Fault::Healthy,
            status: 0,
            continuation: Continuation::Fresh,
            partial_bytes: 0,
            head_bytes: 0,
            billed_tokens: 0,
            echo_tokens: 0,
            text: String::new(),
            ending: Ending::InProgress,
            flags: Flags::default(),
            lost_fields: Vec::new(),
            response: None,
        }
    }

    fn book(requests_max: usize, text_bytes_max: usize) -> Book {
        Book::new(&Limits {
            ledger_requests_max: requests_max,
            ledger_text_bytes_max: text_bytes_max,
            ..Limits::default()
        })
    }

    fn progress(text: &str) -> Progress {
        Progress { billed: 2, echo: 1, text: text.to_owned() }
    }

    #[test]
    fn what_could_not_be_written_is_taken_back() {
        let mut book = book(9, 99);
        let number = book.open(record("p"));
        book.add(number, &progress("ab"));
        book.add(number, &progress("cd"));
        book.take_back(number, &progress("cd"));
        book.end(number, Ending::Cut, Duration::from_secs(1));
        let ledger = book.snapshot();
        assert_eq!(ledger.requests[0].text, "ab");
        assert_eq!((ledger.billed("p"), ledger.echoed("p")), (2, 1));
        assert_eq!(ledger.totals.billed_tokens, 2);
        assert_eq!(ledger.requests[0].ending, Ending::Cut);
    }

    #[test]
    fn the_oldest_record_goes_at_either_bound_and_sums_stay() {
        let mut by_count = book(2, 99);
        let numbers: Vec<_> = (0..3).map(|_| by_count.open(record("p"))).collect();
        by_count.add(numbers[0], &progress("late"));
        by_count.add(numbers[2], &progress("ab"));
        let ledger = by_count.snapshot();
        assert_eq!(ledger.requests.iter().map(|r| r.number).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(ledger.requests[1].text, "ab");
        assert_eq!((ledger.totals.requests, ledger.totals.records_dropped), (3, 1));
        assert_eq!(ledger.totals.billed_tokens, 4);

        let mut by_bytes = book(9, 6);
        let first = by_bytes.open(record("p"));
        by_bytes.add(first, &progress("1234"));
        let second = by_bytes.open(record("p"));
        assert_eq!(by_bytes.snapshot().requests.len(), 2);
        by_bytes.add(second, &progress("5678"));
        assert_eq!(by_bytes.snapshot().requests.len(), 1);
        by_bytes.add(second, &progress("beyond the bound"));
        assert_eq!(by_bytes.snapshot().requests.len(), 1);
    }

    #[test]
    fn new_text_leaves_the_head_out() {
        let mut echoing = record("p");
        echoing.text = "echo rest".to_owned();
        echoing.head_bytes = 5;
        assert_eq!(echoing.new_text(), "rest");
        echoing.text = "ec".to_owned();
        assert_eq!(echoing.new_text(), "");
    }
}
