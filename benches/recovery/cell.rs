//! One cell: many streams of one policy at one rate of breaks, judged by the ledger.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mock_provider::{Config, Fault, Faults, Limits, Mock, Seam};
use tokio::task::JoinSet;

use crate::plain::Retry;
use crate::scale::{Scale, TOKENS};
use crate::{Policy, ours, plain};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) policy: Policy,
    pub(crate) per_million: u32,
    pub(crate) scale: Scale,
}

/// What came of a cell.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) policy: Policy,
    pub(crate) per_million: u32,
    pub(crate) streams: usize,
    /// Streams that met a break.
    pub(crate) broken: usize,
    /// Those of them that came out whole.
    pub(crate) recovered: usize,
    /// Streams that came out whole, byte for byte.
    pub(crate) whole: usize,
    /// Streams that the client called whole and that were not.
    pub(crate) false_success: usize,
    /// Seconds until a whole answer was there, in ascending order.
    pub(crate) seconds: Vec<f64>,
    pub(crate) billed: u64,
    /// Tokens of the answers that came out whole.
    pub(crate) needed: u64,
    pub(crate) requests: u64,
}

/// One stream as its client saw it.
struct Told {
    prompt: String,
    text: Option<String>,
    took: Duration,
}

impl Cell {
    pub(crate) async fn run(self) -> Row {
        let mock = Mock::start(self.config()).await.expect("loopback has a free port");
        let told = self.ask_all(&mock).await;
        mock.settled().await;
        self.judge(&mock, &told)
    }

    fn config(&self) -> Config {
        Config {
            tokens: TOKENS,
            pace: self.scale.pace(),
            faults: Faults::Hazard(self.scale.hazard(self.per_million)),
            seam: Seam::Echo,
            limits: Limits { connections_max: 8_192, ..Limits::default() },
            ..Config::default()
        }
    }

    /// So many workers, each with one stream after the other; they begin one after the other.
    async fn ask_all(self, mock: &Mock) -> Vec<Told> {
        let next = Arc::new(AtomicUsize::new(0));
        let asker = Asker { policy: self.policy, addr: mock.addr(), client: ours::client(mock) };
        let mut workers = JoinSet::new();
        for worker in 0..self.scale.width.min(self.scale.streams) {
            let (asker, next) = (asker.clone(), Arc::clone(&next));
            let late = self.scale.answer() * worker as u32 / self.scale.width as u32;
            workers.spawn(async move {
                tokio::time::sleep(late).await;
                let mut told = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= self.scale.streams {
                        return told;
                    }
                    told.push(asker.ask(format!("Story {number}")).await);
                }
            });
        }
        workers.join_all().await.into_iter().flatten().collect()
    }

    fn judge(&self, mock: &Mock, told: &[Told]) -> Row {
        let ledger = mock.ledger();
        let mut breaks: HashMap<&str, usize> = HashMap::new();
        for request in &ledger.requests {
            let broke = usize::from(request.fault != Fault::Healthy);
            *breaks.entry(&request.prompt).or_default() += broke;
        }
        let mut row = Row {
            policy: self.policy,
            per_million: self.per_million,
            streams: told.len(),
            broken: 0,
            recovered: 0,
            whole: 0,
            false_success: 0,
            seconds: Vec::new(),
            billed: ledger.totals.billed_tokens,
            needed: 0,
            requests: ledger.totals.requests,
        };
        for Told { prompt, text, took } in told {
            let is_whole = text.as_ref().is_some_and(|text| *text == mock.text_for(prompt));
            let is_broken = breaks.get(prompt.as_str()).is_some_and(|breaks| *breaks > 0);
            row.broken += usize::from(is_broken);
            row.false_success += usize::from(text.is_some() && !is_whole);
            if is_whole {
                row.recovered += usize::from(is_broken);
                row.whole += 1;
                row.seconds.push(took.as_secs_f64());
                row.needed += ledger.needed(prompt);
            }
        }
        row.seconds.sort_by(f64::total_cmp);
        row
    }
}

impl Row {
    /// Ours is exact, whatever breaks. Of the others nothing is promised.
    pub(crate) fn is_as_promised(&self) -> bool {
        !self.policy.is_ours() || self.whole == self.streams
    }
}

#[derive(Clone)]
struct Asker {
    policy: Policy,
    addr: std::net::SocketAddr,
    client: client::Client,
}

impl Asker {
    async fn ask(&self, prompt: String) -> Told {
        let began = Instant::now();
        let model = self.policy.model();
        let text = match self.policy {
            Policy::NoRetry => plain::ask(self.addr, model, &prompt, Retry::Never).await,
            Policy::BeforeFirstByte => plain::ask(self.addr, model, &prompt, Retry::Early).await,
            Policy::Prefill | Policy::Instruction => ours::ask(&self.client, model, &prompt).await,
        };
        Told { prompt, text, took: began.elapsed() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Row};
    use crate::Policy;
    use crate::scale::Scale;

    async fn row(policy: Policy) -> Row {
        let scale = Scale { streams: 60, width: 60, ..Scale::SMOKE };
        Cell { policy, per_million: 500_000, scale }.run().await
    }

    #[tokio::test]
    async fn ours_is_whole_and_no_retry_is_not() {
        for policy in Policy::ALL {
            let row = row(policy).await;
            assert!((20..=40).contains(&row.broken), "{row:?}");
            assert_eq!(row.whole, row.streams - row.broken + row.recovered, "{row:?}");
            assert!(row.is_as_promised(), "{row:?}");
            if policy == Policy::NoRetry {
                // A break after the last token takes only the end.
                assert!(row.recovered <= 2 && row.requests == 60, "{row:?}");
                assert!(row.false_success > 0, "{row:?}");
            }
            if policy.is_ours() {
                assert_eq!((row.whole, row.false_success), (60, 0), "{row:?}");
            }
        }
    }
}
