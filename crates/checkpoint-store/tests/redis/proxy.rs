//! `Proxy`: a network between a client and a server that can be cut, lose answers and lead elsewhere.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What happens to what is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    /// It arrives at the server on this socket, and so do the answers.
    Leads(PathBuf),
    /// It arrives there, and no answer comes back.
    LosesAnswers(PathBuf),
    /// Whoever connects is sent away.
    Down,
}

/// A network on a free port of the loopback interface.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    network: Network,
    is_over: bool,
    open: Vec<TcpStream>,
}

impl Proxy {
    /// A network that leads to a server.
    pub(crate) fn to(socket: &Path) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let network = Network::Leads(socket.to_owned());
        let state = Arc::new(Mutex::new(State { network, is_over: false, open: Vec::new() }));
        let accepting = Arc::clone(&state);
        thread::spawn(move || accept(&listener, &accepting));
        Self { port, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Cuts every connection; new ones meet this.
    pub(crate) fn cut(&self, network: Network) {
        let mut state = hold(&self.state);
        state.network = network;
        for stream in state.open.drain(..) {
            // It may be gone already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// From now on no connection gets an answer.
    pub(crate) fn lose_answers(&self) {
        let mut state = hold(&self.state);
        let Network::Leads(socket) = &state.network else { panic!("it leads nowhere") };
        state.network = Network::LosesAnswers(socket.clone());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut(Network::Down);
        hold(&self.state).is_over = true;
        // The listener wakes up once more to see that.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn hold(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, state: &Arc<Mutex<State>>) {
    for client in listener.incoming() {
        let mut held = hold(state);
        if held.is_over {
            return;
        }
        let (Ok(client), Network::Leads(socket)) = (client, &held.network) else { continue };
        let Ok(server) = UnixStream::connect(socket) else { continue };
        held.open.push(client.try_clone().expect("a descriptor"));
        drop(held);
        carry(client, server, Arc::clone(state));
    }
}

/// Carries bytes both ways until one side is gone.
fn carry(client: TcpStream, server: UnixStream, state: Arc<Mutex<State>>) {
    let (mut to_client, mut from_server) =
        (client.try_clone().expect("a descriptor"), server.try_clone().expect("a descriptor"));
    let (mut from_client, mut to_server) = (client, server);
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(len @ 1..) = from_client.read(&mut buffer) {
            if to_server.write_all(&buffer[..len]).is_err() {
                break;
            }
        }
        let _ = to_server.shutdown(Shutdown::Both);
    });
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(len @ 1..) = from_server.read(&mut buffer) {
            let is_lost = matches!(hold(&state).network, Network::LosesAnswers(_));
            if !is_lost && to_client.write_all(&buffer[..len]).is_err() {
                break;
            }
        }
        let _ = to_client.shutdown(Shutdown::Both);
    });
}
