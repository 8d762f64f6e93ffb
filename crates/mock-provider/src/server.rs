//! The server: its start, its end, and the one task that owns the port and all connections.
//! What is said on a connection is in `connection`.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::breakdown::{Breakdown, Closed};
use crate::config::Config;
use crate::connection::serve;
use crate::error::Error;
use crate::fault::Fault;
use crate::gate::Gate;
use crate::ledger::{Ledger, Outage};
use crate::state::State;

/// A running provider on loopback.
///
/// Dropping it ends its tasks and frees its port as soon as the runtime gets to it;
/// [`close`](Self::close) waits for that.
#[derive(Debug)]
pub struct Mock {
    addr: SocketAddr,
    shared: Arc<Shared>,
    /// Dropped by `close`, which ends the task.
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Mock {
    /// Binds 127.0.0.1 and begins to serve.
    ///
    /// # Errors
    /// When the port is taken, or when a limit is zero.
    ///
    /// # Panics
    /// Outside a Tokio runtime with I/O and time.
    pub async fn start(config: Config) -> Result<Self, Error> {
        if !config.limits.are_usable() {
            return Err(Error::limit());
        }
        let mut gate = Gate::bind(config.port).map_err(Error::bind)?;
        let addr = gate.addr();
        let (orders, outages) = mpsc::channel(Shared::ORDERS_MAX);
        let shared = Arc::new(Shared::new(config, orders));
        if let Some(lasting) = shared.take_outage("") {
            gate.shut(lasting);
        }
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(run(gate, Arc::clone(&shared), outages, stopped));
        Ok(Self { addr, shared, stop: Some(stop), task })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What has happened so far; whatever a client has received is in it.
    pub fn ledger(&self) -> Ledger {
        self.shared.ledger()
    }

    /// The whole answer to a prompt: what a client must have at the end.
    pub fn text_for(&self, prompt: &str) -> String {
        self.shared.config.text_for(prompt)
    }

    /// Begins an outage: every connection breaks at once, and nothing is answered for a while.
    ///
    /// What it answers in the place of an answer uses up no fault of a script.
    pub async fn break_down(&self, lasting: Duration, breakdown: Breakdown) {
        let now = self.shared.now();
        let instead = match breakdown {
            Breakdown::Refused => None,
            Breakdown::Status { status, hint } => Some(Fault::Status { status, hint }),
            Breakdown::Silent => Some(Fault::SilentAfterHead),
        };
        let shut = if instead.is_none() { lasting } else { Duration::ZERO };
        if let Some(fault) = instead {
            self.shared.state().closed = Some(Closed::new(now + lasting, fault));
        }
        self.shared.state().book.outage(Outage { from: now, lasting });
        self.shared.order(shut, Live::Broken).await;
    }

    /// Waits until no request is being answered.
    pub async fn settled(&self) {
        let mut active = self.shared.active.subscribe();
        // The sender lives as long as `self`.
        let _ = active.wait_for(|active| *active == 0).await;
    }

    /// Ends every task and frees the port, then returns.
    pub async fn close(mut self) {
        self.stop.take();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What all connections of a server share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    started: Instant,
    /// Connections are concurrent and the ledger is read from outside: no one task can own it.
    state: Mutex<State>,
    active: watch::Sender<usize>,
    outages: watch::Sender<u64>,
    orders: mpsc::Sender<Order>,
}

/// An order to shut the gate, answered when it is shut.
#[derive(Debug)]
struct Order {
    lasting: Duration,
    live: Live,
    done: oneshot::Sender<()>,
}

/// What an outage does to the connections that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Live {
    /// They end with their response.
    Kept,
    /// They break at once.
    Broken,
}

impl Shared {
    /// Orders to shut the gate that may wait; whoever sends one more waits as well.
    const ORDERS_MAX: usize = 16;

    fn new(config: Config, orders: mpsc::Sender<Order>) -> Self {
        Self {
            started: Instant::now(),
            state: Mutex::new(State::new(&config)),
            active: watch::Sender::new(0),
            outages: watch::Sender::new(0),
            orders,
            config,
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves numbers that are still worth reading.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time since the start.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// The ledger with what is generated by now.
    pub(crate) fn ledger(&self) -> Ledger {
        let now = self.now();
        let mut state = self.state();
        state.settle(now);
        state.book.snapshot()
    }

    /// Tells idle connections when the gate is shut.
    pub(crate) fn watch_outages(&self) -> watch::Receiver<u64> {
        self.outages.subscribe()
    }

    /// Counts a request as being answered until the guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Active {
        self.active.send_modify(|active| *active += 1);
        Active(Arc::clone(self))
    }

    /// Shuts the gate when the script says so at this place; returns once nothing listens.
    pub(crate) async fn shut_if_due(&self, prompt: &str) -> bool {
        let Some(lasting) = self.take_outage(prompt) else { return false };
        self.order(lasting, Live::Kept).await;
        true
    }

    /// Returns when it is done.
    async fn order(&self, lasting: Duration, live: Live) {
        let (done, is_done) = oneshot::channel();
        if self.orders.send(Order { lasting, live, done }).await.is_ok() {
            let _ = is_done.await;
        }
    }

    fn take_outage(&self, prompt: &str) -> Option<Duration> {
        let now = self.now();
        self.state().take_outage(&self.config, prompt, now)
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct Active(Arc<Shared>);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.active.send_modify(|active| *active -= 1);
    }
}

/// Owns the port and all connections until it is stopped or dropped.
async fn run(
    mut gate: Gate,
    shared: Arc<Shared>,
    mut orders: mpsc::Receiver<Order>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => break,
            Some(Order { lasting, live, done }) = orders.recv() => {
                if !lasting.is_zero() {
                    gate.shut(lasting);
                }
                shared.outages.send_modify(|count| *count += 1);
                if live == Live::Broken {
                    connections.shutdown().await;
                    let now = shared.now();
                    shared.state().book.cut_all(now);
                }
                let _ = done.send(());
            }
            Some(_) = connections.join_next() => {}
            accepted = gate.accept() => {
                let Ok(stream) = accepted else { break };
                shared.state().book.connection();
                if connections.len() < shared.config.limits.connections_max {
                    connections.spawn(serve(stream, Arc::clone(&shared)));
                } else {
                    shared.state().book.turn_away();
                }
            }
        }
    }
    drop(gate);
    connections.shutdown().await;
}
