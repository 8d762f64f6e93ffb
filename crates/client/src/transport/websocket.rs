//! WebSockets that carry responses: those that wait for their next one, and which servers have
//! any. One of them is in `socket`, one response on it in `turn`.

mod lease;
mod opener;
mod opening;
mod socket;
mod turn;

use http::{HeaderMap, Uri};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::carrier::SocketLimits;

use socket::Socket;
pub(crate) use turn::{Message, Turn};

/// The sockets of a client.
#[derive(Debug)]
pub(crate) struct Sockets {
    limits: SocketLimits,
    /// Streams of all tasks share them, and none owns the others; held for the length of a search.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<(Place, Socket)>,
    servers: Vec<Server>,
    /// Closes sockets that waited for too long; ends when none waits.
    sweeper: Option<JoinHandle<()>>,
}

/// Where a socket leads and who opened it: nobody is answered on the socket of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
}

/// What is known of the sockets of one server.
#[derive(Debug)]
struct Server {
    uri: Uri,
    /// Failures in a row.
    failures: u32,
    /// Until when it is asked over HTTP.
    rests_until: Option<Instant>,
}

impl Sockets {
    pub(crate) fn new(limits: SocketLimits) -> Self {
        Self { limits, state: Mutex::default() }
    }

    pub(crate) const fn limits(&self) -> &SocketLimits {
        &self.limits
    }

    /// Whether a server is asked over a socket now.
    pub(crate) fn serve(&self, uri: &Uri) -> bool {
        let state = self.state();
        let server = state.servers.iter().find(|server| server.uri == *uri);
        let rests_until = server.and_then(|server| server.rests_until);
        rests_until.is_none_or(|until| Instant::now() >= until)
    }

    /// A socket that waits: the one that carried the response that is gone on from, where there is
    /// such, else the one that was used last.
    fn take(&self, place: &Place, previous: Option<&str>) -> Option<Socket> {
        let mut state = self.state();
        state.waiting.retain(|(_, socket)| socket.lease().is_open(&self.limits));
        let is_here = |(at, _): &(Place, Socket)| at == place;
        let knows = |entry: &(Place, Socket)| is_here(entry) && entry.1.carried(previous);
        let waiting = &state.waiting;
        let found =
            waiting.iter().rposition(knows).or_else(|| waiting.iter().rposition(is_here))?;
        let mut socket = state.waiting.remove(found).1;
        // What came since belongs to no response.
        socket.is_quiet().then_some(socket)
    }

    /// Keeps a socket whose response is over for the next one.
    fn put(self: &Arc<Self>, place: Place, socket: Socket) {
        if !socket.lease().is_open(&self.limits) {
            return;
        }
        let mut state = self.state();
        state.waiting.push((place, socket));
        if state.waiting.len() > self.limits.waiting {
            state.waiting.remove(0);
        }
        if state.sweeper.as_ref().is_none_or(JoinHandle::is_finished) {
            state.sweeper = Some(tokio::spawn(sweep(Arc::downgrade(self))));
        }
    }

    /// Closes what waited for too long; when the next one will have. `None` where none waits, or none ever
    /// will have.
    fn prune(&self) -> Option<Instant> {
        let mut state = self.state();
        state.waiting.retain(|(_, socket)| socket.lease().is_open(&self.limits));
        let ends = |(_, socket): &(Place, Socket)| socket.lease().ends(&self.limits);
        let next = state.waiting.iter().filter_map(ends).min();
        if next.is_none() {
            state.sweeper = None;
        }
        next
    }

    /// A response came whole over a socket.
    fn succeeded(&self, uri: &Uri) {
        self.state().servers.retain(|server| server.uri != *uri);
    }

    /// A socket did not come about, or was lost with its response.
    fn failed(&self, uri: &Uri) {
        let mut state = self.state();
        let server = state.server(uri);
        server.failures += 1;
        if server.failures >= FAILURES_MAX {
            server.rests_until = Some(Instant::now() + REST);
        }
    }

    /// The server has no sockets.
    fn rule_out(&self, uri: &Uri) {
        let mut state = self.state();
        state.server(uri).rests_until = Some(Instant::now() + REST);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment or one push.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn server(&mut self, uri: &Uri) -> &mut Server {
        let found = self.servers.iter().position(|server| server.uri == *uri);
        let at = found.unwrap_or_else(|| {
            self.servers.push(Server { uri: uri.clone(), failures: 0, rests_until: None });
            self.servers.len() - 1
        });
        &mut self.servers[at]
    }
}

/// Prunes until no socket waits or the client is gone.
async fn sweep(sockets: Weak<Sockets>) {
    while let Some(next) = sockets.upgrade().and_then(|sockets| sockets.prune()) {
        sleep_until(next.max(Instant::now() + SWEEP_MIN)).await;
    }
}

/// Time between two looks at the sockets that wait, at least.
const SWEEP_MIN: Duration = Duration::from_millis(100);
/// Failures in a row after which a server is asked over HTTP.
const FAILURES_MAX: u32 = 5;
/// For how long it is.
const REST: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
