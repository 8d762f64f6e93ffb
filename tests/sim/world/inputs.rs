//! What happens to the engine: the socket, the store, the clock and the caller.

use resume::{AttemptId, Input, Session};
use retry_policy::Nanos;

use super::{Due, Hint, IDLE_TICKS_MAX, PAUSE_MAX, World};
use crate::network::{Sight, header_map};
use crate::scenario::{Interruption, Reader};
use crate::upstream::Answer;
use crate::violation::{Harm, Violation};

impl World<'_> {
    /// Lets the next thing happen, in the world or by the clock.
    pub(super) fn step(
        &mut self,
        session: &mut Session,
        until: Option<Nanos>,
        idle: &mut usize,
    ) -> Result<(), Violation> {
        if let Some(input) = self.interruption() {
            session.handle(input, self.now);
            return Ok(());
        }
        if self.scenario.reader == Reader::Slow && self.dawdles(session)? {
            *idle = 0;
            return Ok(());
        }
        let next = self.agenda.first_key_value().map(|(key, _)| *key);
        match (next, until) {
            (Some(key), until) if until.is_none_or(|until| key.0 <= until.0.max(self.now.0)) => {
                let due = self.agenda.remove(&key).expect("it was just there");
                self.now = Nanos(key.0.max(self.now.0));
                *idle = 0;
                Ok(self.happen(due, session)?)
            }
            (_, Some(until)) => {
                if *idle > IDLE_TICKS_MAX {
                    return Err(Harm::Hang.because("the deadline stays due"));
                }
                self.now = self.now.max(until);
                self.note(|| "tick".to_owned());
                session.handle(Input::Tick, self.now);
                Ok(())
            }
            (None, None) => Err(Harm::Hang.because("nothing will ever happen")),
            (Some(_), None) => unreachable!("without a deadline the agenda is next"),
        }
    }

    /// Now and then the consumer has something else to do: meanwhile the world goes on and the
    /// store with it, and nothing is read. Whether it is away.
    fn dawdles(&mut self, session: &mut Session) -> Result<bool, String> {
        if self.away.is_none() && self.dice.percent(2) {
            self.away = Some(Nanos(self.now.0 + self.dice.below(PAUSE_MAX) as u64));
        }
        let Some(back) = self.away else { return self.offer().map(|()| false) };
        let mut commits = self.agenda.iter().filter(|(_, due)| matches!(due, Due::Commit));
        if let Some((&key, _)) = commits.next().filter(|(key, _)| key.0 <= back.0) {
            self.agenda.remove(&key);
            self.now = Nanos(key.0.max(self.now.0));
            self.happen(Due::Commit, session)?;
            return Ok(true);
        }
        self.now = self.now.max(back);
        self.away = None;
        self.note(|| "the consumer is back".to_owned());
        Ok(false)
    }

    fn interruption(&mut self) -> Option<Input> {
        let (at, input) = match self.scenario.interruption? {
            Interruption::Cancel(at) => (at, Input::Cancel),
            Interruption::StoreFails(at) => (at, Input::PersistFailed),
        };
        if self.interrupted || self.outputs < at {
            return None;
        }
        self.interrupted = true;
        self.note(|| format!("{input:?}"));
        Some(input)
    }

    fn happen(&mut self, due: Due, session: &mut Session) -> Result<(), String> {
        match due {
            Due::Commit => {
                self.committing = false;
                self.commit(session)
            }
            Due::Pool => self.ask_pool(session),
            Due::Sight(attempt, sight, hint) => {
                self.see(attempt, &sight, hint);
                let input = match sight {
                    Sight::Connected => Input::Connected { attempt },
                    Sight::Head(status, headers) => {
                        Input::Head { attempt, status, headers: header_map(&headers) }
                    }
                    Sight::Body(chunk) => Input::Body { attempt, chunk },
                    Sight::End => Input::End { attempt },
                    Sight::Broke(cause) => Input::Broke { attempt, cause },
                };
                session.handle(input, self.now);
                Ok(())
            }
        }
    }

    fn ask_pool(&mut self, session: &mut Session) -> Result<(), String> {
        let Some(upstream) = &mut self.upstream else { return Ok(()) };
        match upstream.poll(self.scenario, self.now)? {
            Some(Answer::Said(input)) => {
                self.note(|| format!("the pool says {input:?}"));
                session.handle(*input, self.now);
            }
            Some(Answer::Later(at)) => self.plan(at.0, Due::Pool),
            None => {}
        }
        Ok(())
    }

    /// Keeps the ledger's books of what the client has seen.
    fn see(&mut self, attempt: AttemptId, sight: &Sight, hint: Hint) {
        self.note(|| format!("{attempt} sees {sight:?}"));
        let Some((live, entry, bytes)) = &mut self.live else { return };
        if *live != attempt {
            return;
        }
        if hint.wait > 0 {
            self.not_before[hint.endpoint] = self.now.0 + hint.wait;
        }
        if let (Sight::Head(status, _), Some(upstream)) = (sight, &mut self.upstream) {
            upstream.head(*status, self.now);
        }
        match sight {
            Sight::Body(chunk) => {
                *bytes += chunk.len();
                let bytes = *bytes;
                let at = *entry;
                let entry = &mut self.provider.ledger[at];
                let (mut end, mut received, mut written) = (0, 0, 0);
                for event in &entry.events {
                    written += usize::from(end < bytes);
                    end += event.bytes.len();
                    // The last line feed of CR LF is not needed to end an event.
                    let needless = usize::from(event.bytes.ends_with(b"\r\n"));
                    received += usize::from(end - needless <= bytes);
                }
                (entry.received, entry.written) = (received.min(entry.sound), written);
                self.provider.hear(at);
            }
            Sight::End | Sight::Broke(_) => self.live = None,
            Sight::Connected | Sight::Head(..) => {}
        }
    }
}
