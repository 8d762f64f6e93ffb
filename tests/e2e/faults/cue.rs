//! How a peer knows what the consumer has: it goes on when a text is there, and not after a time.

use tokio::sync::watch;

/// Bytes of text that the consumer was given. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cue(watch::Sender<usize>);

impl Cue {
    /// The consumer has so many bytes.
    pub(crate) fn give(&self, bytes: usize) {
        self.0.send_replace(bytes);
    }

    /// Waits until it has at least so many.
    pub(crate) async fn until(&self, bytes: usize) {
        let mut given = self.0.subscribe();
        given.wait_for(|given| *given >= bytes).await.expect("this cue is one of its senders");
    }
}
