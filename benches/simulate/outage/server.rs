//! The server of the model: one worker of fixed speed, a waiting room, and an outage.
//! It knows nothing of clients; an answer is told to the world, which carries it back.

use std::collections::VecDeque;

use retry_policy::Nanos;

use super::world::Attempt;

/// The time that one request takes at full speed: 100 a second.
const SERVICE: Nanos = Nanos::from_millis(10);
/// The requests that may wait; one more is answered 429.
const ROOM: u64 = 200;
/// A 429 costs the worker this part of a request.
const REJECTION_PART: u64 = 10;

/// What the server is like at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Up,
    /// Every connection is refused at once.
    Refuse,
    /// Nothing is ever answered.
    Hole,
    /// This many thousandths of the full speed.
    Slow(u64),
}

/// What became of a request on arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is answered at this instant, if no outage comes before. `life` tells whether one did.
    Queued {
        at: Nanos,
        life: u32,
    },
    Refused,
    Lost,
    /// 429; so long the worker is busy.
    Overflow {
        backlog: Nanos,
    },
}

/// See the module. Work that has been let in keeps the speed at which it came.
#[derive(Debug)]
pub(crate) struct Server {
    mode: Mode,
    /// Until when the worker is busy, with rejections too.
    busy: Nanos,
    queue: VecDeque<Attempt>,
    /// Counts outages.
    life: u32,
}

impl Server {
    pub(crate) const fn new() -> Self {
        Self { mode: Mode::Up, busy: Nanos::ZERO, queue: VecDeque::new(), life: 0 }
    }

    /// Changes the mode; an outage loses what was queued, which is returned.
    pub(crate) fn enter(&mut self, mode: Mode) -> Vec<Attempt> {
        self.mode = mode;
        if !matches!(mode, Mode::Refuse | Mode::Hole) {
            return Vec::new();
        }
        self.life += 1;
        self.busy = Nanos::ZERO;
        self.queue.drain(..).collect()
    }

    pub(crate) fn arrive(&mut self, attempt: Attempt, now: Nanos) -> Admission {
        let service = match self.mode {
            Mode::Refuse => return Admission::Refused,
            Mode::Hole => return Admission::Lost,
            Mode::Slow(thousandths) => Nanos(SERVICE.0 * 1000 / thousandths),
            Mode::Up => SERVICE,
        };
        let backlog = self.busy.saturating_sub(now);
        if backlog.0 / service.0 >= ROOM {
            self.busy = self.busy.saturating_add(Nanos(service.0 / REJECTION_PART));
            return Admission::Overflow { backlog };
        }
        self.busy = self.busy.max(now).saturating_add(service);
        self.queue.push_back(attempt);
        Admission::Queued { at: self.busy, life: self.life }
    }

    /// The request whose answer was due now, unless an outage took it.
    pub(crate) fn complete(&mut self, life: u32) -> Option<Attempt> {
        if life == self.life { self.queue.pop_front() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(server: &mut Server, requests: u64) {
        for _ in 0..requests {
            let admission = server.arrive(Attempt::default(), Nanos::ZERO);
            assert!(matches!(admission, Admission::Queued { .. }), "{admission:?}");
        }
    }

    #[test]
    fn requests_are_answered_one_after_the_other() {
        let mut server = Server::new();
        busy(&mut server, 1);
        let second = server.arrive(Attempt::default(), Nanos::from_millis(4));
        assert_eq!(second, Admission::Queued { at: Nanos::from_millis(20), life: 0 });
    }

    #[test]
    fn a_full_room_rejects_and_the_rejection_costs_a_tenth() {
        let mut server = Server::new();
        busy(&mut server, ROOM);
        for rejections in 0..3 {
            let backlog = Nanos::from_millis(2000 + rejections);
            let admission = server.arrive(Attempt::default(), Nanos::ZERO);
            assert_eq!(admission, Admission::Overflow { backlog });
        }
    }

    #[test]
    fn a_slow_server_takes_its_time() {
        let mut server = Server::new();
        assert!(server.enter(Mode::Slow(250)).is_empty());
        let admission = server.arrive(Attempt::default(), Nanos::ZERO);
        assert_eq!(admission, Admission::Queued { at: Nanos::from_millis(40), life: 0 });
    }

    #[test]
    fn an_outage_loses_the_queue_and_a_silent_server_answers_nothing() {
        let mut server = Server::new();
        busy(&mut server, 3);
        assert_eq!(server.enter(Mode::Hole).len(), 3);
        assert_eq!(server.complete(0), None);
        assert_eq!(server.arrive(Attempt::default(), Nanos::ZERO), Admission::Lost);
        server.enter(Mode::Refuse);
        assert_eq!(server.arrive(Attempt::default(), Nanos::ZERO), Admission::Refused);
    }
}
