//! An answer on a WebSocket: each event of the stream is a message. What breaks an event breaks a
//! message in the same place.

use crate::config::Split;
use crate::connection::After;
use crate::delivery::{Delivery, Halt};
use crate::ledger::Ending;
use crate::socket::Gone;
use crate::websocket;

impl Delivery<'_> {
    /// Sends events as messages; the rest of a payload that ends inside one is the beginning of a message.
    pub(super) async fn send_messages(&mut self, payload: &[u8], split: Split) -> Result<(), Gone> {
        let mut rest = payload;
        while let Some(end) = rest.windows(2).position(|pair| pair == b"\n\n") {
            let event = &rest[..end];
            rest = &rest[end + 2..];
            let Some(data) = data(event) else { continue };
            let random = (split == Split::Odd).then_some(&mut self.random);
            let frames = websocket::text(data, random);
            self.responder.socket.write(&frames).await?;
            // Lets the reader of a single-threaded runtime see this message by itself.
            tokio::task::yield_now().await;
        }
        match data(rest) {
            Some(begun) => self.responder.socket.write(&websocket::torn(begun)).await,
            None => Ok(()),
        }
    }

    /// A close frame in place of the rest; without one where the code says that there is none.
    pub(super) async fn close_with(&mut self, code: u16) -> Result<After, Halt> {
        self.ending(Ending::Cut).await;
        if code != NO_FRAME {
            self.responder.socket.write(&websocket::close(code)).await?;
        }
        Ok(After::Close)
    }
}

/// What an event says; comments say nothing.
fn data(event: &[u8]) -> Option<&[u8]> {
    let lines = event.split(|byte| *byte == b'\n');
    lines.filter_map(|line| line.strip_prefix(b"data: ")).next()
}

/// What a client reports where a connection ended without a close frame.
const NO_FRAME: u16 = 1006;
