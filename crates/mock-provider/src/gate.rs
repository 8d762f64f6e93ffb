//! The listening socket, which can be shut for a while and opened again on the same port.
//! While it is shut a second, silent socket keeps the port, so that connections are really refused.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, sleep_until};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;
/// How often opening again is tried where the port cannot be kept.
const REOPEN_TRIES_MAX: u32 = 500;
const REOPEN_PAUSE: Duration = Duration::from_millis(20);

/// A listening socket that can be shut for a while.
#[derive(Debug)]
pub(crate) struct Gate {
    addr: SocketAddr,
    listener: Option<TcpListener>,
    opens_at: Instant,
    tries: u32,
    /// Bound and never listening: it keeps the port.
    _keeper: TcpSocket,
}

impl Gate {
    /// Binds the port on loopback; 0 takes a free one.
    pub(crate) fn bind(port: u16) -> io::Result<Self> {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if port != 0 {
            // Two sockets of this process share the port below; this one shows that nobody else has it.
            let probe = TcpSocket::new_v4()?;
            probe.set_reuseaddr(true)?;
            probe.bind(wanted)?;
        }
        let keeper = sharing_socket(wanted)?;
        let addr = keeper.local_addr()?;
        let listener = Some(sharing_socket(addr)?.listen(BACKLOG)?);
        Ok(Self { addr, listener, opens_at: Instant::now(), tries: 0, _keeper: keeper })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Refuses connections from now on; a gate that is shut already stays so for longer.
    pub(crate) fn shut(&mut self, lasting: Duration) {
        self.listener = None;
        self.tries = 0;
        self.opens_at = self.opens_at.max(Instant::now()) + lasting;
    }

    /// The next connection; opens the gate when its time has come.
    ///
    /// # Errors
    /// When the port could not be opened again.
    ///
    /// # Cancel safety
    /// No connection is lost when the future is dropped.
    pub(crate) async fn accept(&mut self) -> io::Result<TcpStream> {
        loop {
            let Some(listener) = &self.listener else {
                sleep_until(self.opens_at).await;
                self.open()?;
                continue;
            };
            match listener.accept().await {
                Ok((stream, _)) => return Ok(stream),
                // The connection is over, or the process has no descriptors left: both pass.
                Err(_) => tokio::time::sleep(REOPEN_PAUSE).await,
            }
        }
    }

    fn open(&mut self) -> io::Result<()> {
        match sharing_socket(self.addr).and_then(|socket| socket.listen(BACKLOG)) {
            Ok(listener) => self.listener = Some(listener),
            Err(error) if self.tries >= REOPEN_TRIES_MAX => return Err(error),
            Err(_) => {
                self.tries += 1;
                self.opens_at = Instant::now() + REOPEN_PAUSE;
            }
        }
        Ok(())
    }
}

/// A socket bound to an address that other sockets of this process may be bound to as well.
fn sharing_socket(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    #[cfg(unix)]
    socket.set_reuseport(true)?;
    socket.bind(addr)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_shut_gate_refuses_and_opens_on_the_same_port() {
        let mut gate = Gate::bind(0).unwrap();
        let addr = gate.addr();
        let early = TcpStream::connect(addr);
        let (early, accepted) = tokio::join!(early, gate.accept());
        assert!(early.is_ok() && accepted.is_ok());
        gate.shut(Duration::from_millis(60));
        let refused = TcpStream::connect(addr).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let begun = Instant::now();
        let connect = async {
            loop {
                match TcpStream::connect(addr).await {
                    Ok(stream) => return stream,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        let (_, accepted) = tokio::join!(connect, gate.accept());
        assert!(accepted.is_ok());
        assert!(begun.elapsed() >= Duration::from_millis(50));
    }

    #[tokio::test]
    async fn a_taken_port_is_an_error_also_while_shut() {
        let mut gate = Gate::bind(0).unwrap();
        let port = gate.addr().port();
        assert_eq!(Gate::bind(port).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        gate.shut(Duration::from_secs(60));
        assert_eq!(Gate::bind(port).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
