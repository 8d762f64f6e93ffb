//! One connection's socket with what it has received: reading, writing, noticing that the peer left.
//! Knows bytes only; HTTP and faults are decided by its callers.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::config::Limits;
use crate::http::RequestParser;

/// The peer closed or reset the connection, or did not read for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

/// A connection with what it has received.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    pub(crate) parser: RequestParser,
    hold_max: Duration,
    /// The connection is a WebSocket from here on: what is sent on it is messages.
    pub(crate) is_websocket: bool,
}

impl Socket {
    /// Bytes of a next request that are kept while a response is sent; more stay in the kernel.
    const AHEAD_BYTES_MAX: usize = 64 * 1024;
    const READ_BYTES: usize = 16 * 1024;

    pub(crate) fn new(stream: TcpStream, limits: &Limits) -> Self {
        // Small writes are the point; where it fails they are merely fewer.
        let _ = stream.set_nodelay(true);
        Self {
            stream,
            parser: RequestParser::new(limits),
            hold_max: limits.hold_max,
            is_websocket: false,
        }
    }

    /// Waits for more bytes.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn read(&mut self) -> Result<(), Gone> {
        let buffer = self.parser.buffer();
        buffer.reserve(Self::READ_BYTES);
        match self.stream.read_buf(buffer).await {
            Ok(1..) => Ok(()),
            Ok(0) | Err(_) => Err(Gone),
        }
    }

    /// Writes all bytes at once.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        match timeout(self.hold_max, self.stream.write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    /// Waits, and notices when the peer leaves.
    pub(crate) async fn wait(&mut self, duration: Duration) -> Result<(), Gone> {
        let deadline = Instant::now() + duration;
        while self.parser.buffer().len() < Self::AHEAD_BYTES_MAX {
            match tokio::time::timeout_at(deadline, self.read()).await {
                Ok(Ok(())) => {}
                Ok(Err(gone)) => return Err(gone),
                Err(_) => return Ok(()),
            }
        }
        sleep(deadline.saturating_duration_since(Instant::now())).await;
        Ok(())
    }

    /// Notices whether the peer has left, without waiting.
    pub(crate) fn check(&mut self) -> Result<(), Gone> {
        let buffer = self.parser.buffer();
        if buffer.len() >= Self::AHEAD_BYTES_MAX {
            return Ok(());
        }
        buffer.reserve(Self::READ_BYTES);
        match self.stream.try_read_buf(buffer) {
            Ok(0) => Err(Gone),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(()),
            Err(_) => Err(Gone),
        }
    }

    /// Says nothing until the peer leaves or the limit of a silence is reached.
    pub(crate) async fn hold(&mut self) {
        let _ = self.wait(self.hold_max).await;
    }

    /// How long a silence may last.
    pub(crate) fn hold_max(&self) -> Duration {
        self.hold_max
    }

    /// Ends the connection with FIN.
    pub(crate) async fn close(mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Ends the connection with RST.
    pub(crate) fn reset(self) {
        // Without the option the drop below sends FIN, which is a break as well.
        let _ = self.stream.set_zero_linger();
    }
}
