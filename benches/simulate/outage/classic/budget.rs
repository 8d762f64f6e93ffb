//! The budgets of the classic policies: what the requests of one process share.
//! The quotas of the AWS SDKs are the shipped ones; the others exist only here.

use std::collections::VecDeque;

use retry_policy::{AwsQuota, Budget as _, Class, Nanos};

use super::super::process::Reply;
use crate::dice::Dice;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) enum Budget {
    Unlimited,
    Aws(AwsQuota),
    Finagle(Finagle),
    Grpc { thousandths: u32 },
    Sre(Sre),
}

/// So many tokens a process starts with, and a success gives back a tenth of one.
const GRPC_MAX: u32 = 10_000;
const GRPC_RATIO: u32 = 100;

impl Budget {
    pub(crate) const fn aws_2_0() -> Self {
        Self::Aws(AwsQuota::v2_0())
    }

    pub(crate) const fn aws_2_1() -> Self {
        Self::Aws(AwsQuota::v2_1())
    }

    /// 10 retries a second and a fifth of the successes, over 10 s.
    pub(crate) const fn finagle() -> Self {
        Self::Finagle(Finagle { entries: VecDeque::new(), balance: 0 })
    }

    pub(crate) const fn grpc() -> Self {
        Self::Grpc { thousandths: GRPC_MAX }
    }

    pub(crate) const fn sre() -> Self {
        Self::Sre(Sre { entries: VecDeque::new(), requests: 0, accepts: 0, retries: 0 })
    }

    /// Whether an attempt may go out at all.
    pub(super) fn admit(&mut self, now: Nanos, dice: &mut Dice) -> bool {
        match self {
            Self::Sre(sre) => sre.admit(now, dice),
            _ => true,
        }
    }

    pub(super) const fn fail(&mut self) {
        if let Self::Grpc { thousandths } = self {
            *thousandths = thousandths.saturating_sub(1000);
        }
    }

    /// Takes the price of a retry, or refuses.
    pub(super) fn withdraw(&mut self, reply: Reply, now: Nanos) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Aws(quota) => quota.withdraw(now, class(reply)),
            Self::Finagle(finagle) => finagle.withdraw(now),
            Self::Grpc { thousandths } => *thousandths > GRPC_MAX / 2,
            Self::Sre(sre) => sre.withdraw(now),
        }
    }

    /// Notes a success; `failure` is the one that the last retry followed.
    pub(super) fn succeed(&mut self, failure: Option<Reply>, now: Nanos) {
        match self {
            Self::Unlimited => {}
            Self::Aws(quota) => quota.deposit(now, failure.map(class)),
            Self::Finagle(finagle) => finagle.deposit(now),
            Self::Grpc { thousandths } => *thousandths = (*thousandths + GRPC_RATIO).min(GRPC_MAX),
            Self::Sre(sre) => sre.note(now, Note::Accept),
        }
    }
}

const fn class(reply: Reply) -> Class {
    match reply {
        Reply::Success | Reply::Refused => Class::Connect,
        Reply::TimedOut => Class::Timeout,
        Reply::Rejected { .. } => Class::Throttle,
    }
}

/// A reserve, deposits and withdrawals of the last 10 s, in fifths of a retry.
#[derive(Clone, Debug)]
pub(crate) struct Finagle {
    entries: VecDeque<(Nanos, i32)>,
    balance: i32,
}

impl Finagle {
    const TTL: Nanos = Nanos::from_secs(10);
    const RETRY: i32 = 5;
    const RESERVE: i32 = 10 * 10 * Self::RETRY;

    fn enter(&mut self, now: Nanos, amount: i32) {
        self.entries.push_back((now, amount));
        self.balance += amount;
    }

    fn deposit(&mut self, now: Nanos) {
        self.enter(now, 1);
    }

    fn withdraw(&mut self, now: Nanos) -> bool {
        while let Some(&(at, amount)) = self.entries.front()
            && now.saturating_sub(at) >= Self::TTL
        {
            self.entries.pop_front();
            self.balance -= amount;
        }
        let enough = self.balance + Self::RESERVE >= Self::RETRY;
        if enough {
            self.enter(now, -Self::RETRY);
        }
        enough
    }
}

/// Requests and accepts of the last two minutes; retries at most a tenth of the requests.
#[derive(Clone, Debug)]
pub(crate) struct Sre {
    entries: VecDeque<(Nanos, Note)>,
    requests: i64,
    accepts: i64,
    retries: i64,
}

#[derive(Clone, Copy, Debug)]
enum Note {
    Request,
    Accept,
    Retry,
}

impl Sre {
    const WINDOW: Nanos = Nanos::from_secs(120);

    fn note(&mut self, now: Nanos, note: Note) {
        self.entries.push_back((now, note));
        *self.count(note) += 1;
        while let Some(&(at, note)) = self.entries.front()
            && now.saturating_sub(at) >= Self::WINDOW
        {
            self.entries.pop_front();
            *self.count(note) -= 1;
        }
    }

    const fn count(&mut self, note: Note) -> &mut i64 {
        match note {
            Note::Request => &mut self.requests,
            Note::Accept => &mut self.accepts,
            Note::Retry => &mut self.retries,
        }
    }

    /// A request that is refused here counts as one.
    fn admit(&mut self, now: Nanos, dice: &mut Dice) -> bool {
        let refused = (self.requests - 2 * self.accepts) as f64 / (self.requests + 1) as f64;
        self.note(now, Note::Request);
        dice.unit() >= refused
    }

    fn withdraw(&mut self, now: Nanos) -> bool {
        let allowed = self.retries * 10 < self.requests;
        if allowed {
            self.note(now, Note::Retry);
        }
        allowed
    }
}
