//! What a provider is told of a response that nobody wants any longer. It is told once the journal
//! shows that the stream is still this driver's: another process may have taken it over.

use bytes::Bytes;
use http_body_util::Full;
use tokio::task::JoinHandle;

use super::Driver;

/// The last word to a provider.
pub(super) enum Farewell {
    /// It waits until the journal is durable up to this record.
    Held { message: Box<http::Request<Full<Bytes>>>, until: u64 },
    /// It is on its way.
    Said(JoinHandle<()>),
}

impl Driver {
    /// Takes leave of the response, as soon as it may. Where its endpoint is not known, nobody is told.
    pub(super) fn take_leave(&mut self, request: &resume::Request) {
        let Some(endpoint) = self.asking.keeper() else { return };
        let message = Box::new(self.message(endpoint, request));
        self.farewell = Some(Farewell::Held { message, until: self.journal.appended() });
        self.say_farewell();
    }

    /// Says what is held if it may be said by now.
    pub(super) fn say_farewell(&mut self) {
        let Some(Farewell::Held { until, .. }) = &self.farewell else { return };
        if self.journal.is_lost() || !self.journal.is_settled(*until) {
            return;
        }
        if let Some(Farewell::Held { message, .. }) = self.farewell.take() {
            self.farewell = Some(Farewell::Said(self.client.transport.send_and_forget(*message)));
        }
    }

    /// Waits for the answer to what was said.
    pub(super) async fn part(&mut self) {
        self.say_farewell();
        if let Some(Farewell::Said(answer)) = self.farewell.take() {
            // A task that cannot be joined died with its runtime.
            let _ = answer.await;
        }
    }
}
