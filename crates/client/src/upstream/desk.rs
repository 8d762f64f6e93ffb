//! The pool and those who wait for its answers. It is what the lock of the upstream guards; it
//! reads no clock and wakes nobody itself.

use endpoint_pool::{Action, Grant, Pool, Refusal, Request, Ticket};
use retry_policy::Nanos;
use std::collections::HashMap;
use std::task::{Context, Poll, Waker};
use tokio::task::AbortHandle;

/// What a ticket came to.
pub(super) type Answer = Result<Grant, Refusal>;

/// The pool and its waiting room.
pub(super) struct Desk {
    pub(super) pool: Pool,
    /// Tickets whose answer was not fetched yet; the pool bounds those that wait.
    seats: HashMap<Ticket, Seat>,
    /// When the pool wants to be asked again.
    due: Option<Nanos>,
    armed: Option<Armed>,
    timers: u64,
}

/// One who waits.
#[derive(Default)]
struct Seat {
    answer: Option<Answer>,
    waker: Option<Waker>,
}

/// The timer that runs; it ends with this. To be dropped outside the lock.
pub(super) struct Armed {
    number: u64,
    at: Nanos,
    task: Option<AbortHandle>,
}

impl Drop for Armed {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// A timer to start.
pub(super) struct Order {
    pub(super) number: u64,
    pub(super) at: Nanos,
    /// The one whose place it takes.
    pub(super) replaced: Option<Armed>,
}

impl Desk {
    pub(super) fn new(pool: Pool) -> Self {
        Self { pool, seats: HashMap::new(), due: None, armed: None, timers: 0 }
    }

    pub(super) fn acquire(&mut self, request: Request, now: Nanos) -> Ticket {
        let ticket = self.pool.acquire(request, now);
        self.seats.insert(ticket, Seat::default());
        ticket
    }

    /// Fetches the answer, or leaves a waker.
    pub(super) fn poll_answer(&mut self, ticket: Ticket, cx: &mut Context<'_>) -> Poll<Answer> {
        let Some(seat) = self.seats.get_mut(&ticket) else { return Poll::Pending };
        if let Some(answer) = seat.answer {
            self.seats.remove(&ticket);
            return Poll::Ready(answer);
        }
        match &mut seat.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => seat.waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    pub(super) fn is_answered(&self, ticket: Ticket) -> bool {
        self.seats.get(&ticket).is_none_or(|seat| seat.answer.is_some())
    }

    pub(super) fn cancel(&mut self, ticket: Ticket, now: Nanos) {
        self.seats.remove(&ticket);
        self.pool.cancel(ticket, now);
    }

    /// Lets the pool say all it has to say; the wakers are for the caller to wake.
    pub(super) fn drain(&mut self, now: Nanos, woken: &mut Vec<Waker>) {
        self.due = loop {
            match self.pool.poll(now) {
                Action::Grant(grant) => self.answer(grant.ticket, Ok(grant), woken),
                Action::Refuse { ticket, refusal } => self.answer(ticket, Err(refusal), woken),
                Action::Wait(at) => break at,
            }
        };
    }

    fn answer(&mut self, ticket: Ticket, answer: Answer, woken: &mut Vec<Waker>) {
        let Some(seat) = self.seats.get_mut(&ticket) else { return };
        seat.answer = Some(answer);
        woken.extend(seat.waker.take());
    }

    // ---- the timer

    /// The timer that is needed now and does not run. One that rings too early is harmless, so
    /// a time that moves later starts none.
    pub(super) fn next_timer(&mut self) -> Option<Order> {
        let at = self.due.filter(|_| !self.seats.is_empty())?;
        if self.armed.as_ref().is_some_and(|armed| armed.at <= at) {
            return None;
        }
        self.timers += 1;
        let number = self.timers;
        let replaced = self.armed.replace(Armed { number, at, task: None });
        Some(Order { number, at, replaced })
    }

    /// Notes the task of a timer that was started, or gives it back if it is not the one that
    /// counts any longer.
    pub(super) fn note_task(&mut self, number: u64, task: AbortHandle) -> Option<AbortHandle> {
        match self.armed.as_mut().filter(|armed| armed.number == number) {
            Some(armed) => armed.task.replace(task),
            None => Some(task),
        }
    }

    /// The timer is over; gives it back if it was the one that counts.
    pub(super) fn disarm(&mut self, number: u64) -> Option<Armed> {
        self.armed.take_if(|armed| armed.number == number)
    }

    /// The timer was lost with its runtime: somebody who waits has to start another.
    pub(super) fn wake_all(&mut self, woken: &mut Vec<Waker>) {
        woken.extend(self.seats.values_mut().filter_map(|seat| seat.waker.take()));
    }
}
