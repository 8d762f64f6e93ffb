//! What happens to the engine: the socket, the store, the clock and the caller.

use resume::{AttemptId, Input, Session};
use retry_policy::Nanos;

use super::{Due, IDLE_TICKS_MAX, World};
use crate::network::{Sight, header_map};
use crate::scenario::Interruption;

impl World<'_> {
    /// Lets the next thing happen, in the world or by the clock.
    pub(super) fn step(
        &mut self,
        session: &mut Session,
        until: Option<Nanos>,
        idle: &mut usize,
    ) -> Result<(), String> {
        if let Some(input) = self.interruption() {
            session.handle(input, self.now);
            return Ok(());
        }
        let next = self.agenda.first_key_value().map(|(key, _)| *key);
        match (next, until) {
            (Some(key), until) if until.is_none_or(|until| key.0 <= until.0.max(self.now.0)) => {
                let due = self.agenda.remove(&key).expect("it was just there");
                self.now = Nanos(key.0.max(self.now.0));
                *idle = 0;
                self.happen(due, session)
            }
            (_, Some(until)) => {
                if *idle > IDLE_TICKS_MAX {
                    return Err("the deadline stays due".to_owned());
                }
                self.now = self.now.max(until);
                self.note(|| "tick".to_owned());
                session.handle(Input::Tick, self.now);
                Ok(())
            }
            (None, None) => Err("nothing will ever happen".to_owned()),
            (Some(_), None) => unreachable!("without a deadline the agenda is next"),
        }
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

    /// Keeps the ledger's books of what the client has seen.
    fn see(&mut self, attempt: AttemptId, sight: &Sight, hint: u64) {
        self.note(|| format!("{attempt} sees {sight:?}"));
        let Some((live, entry, bytes)) = &mut self.live else { return };
        if *live != attempt {
            return;
        }
        if hint > 0 {
            self.not_before = self.now.0 + hint;
        }
        match sight {
            Sight::Body(chunk) => {
                *bytes += chunk.len();
                let bytes = *bytes;
                let entry = &mut self.provider.ledger[*entry];
                let (mut end, mut received, mut written) = (0, 0, 0);
                for event in &entry.events {
                    written += usize::from(end < bytes);
                    end += event.bytes.len();
                    // The last line feed of CR LF is not needed to end an event.
                    let needless = usize::from(event.bytes.ends_with(b"\r\n"));
                    received += usize::from(end - needless <= bytes);
                }
                (entry.received, entry.written) = (received.min(entry.sound), written);
            }
            Sight::End | Sight::Broke(_) => self.live = None,
            Sight::Connected | Sight::Head(..) => {}
        }
    }
}
