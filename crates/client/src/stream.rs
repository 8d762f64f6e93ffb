//! A response as its consumer sees it. All work is done while it is polled.

use checkpoint_store::StreamId;
use futures_core::Stream;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::body::EventBody;
use crate::driver::Driver;
use crate::error::Error;
use crate::event::Event;

/// One response, over as many connections as it takes.
///
/// It ends with [`Event::End`] or with an error, and never otherwise. Dropping it closes an
/// HTTP/1.1 connection and resets an HTTP/2 stream; the journal stays, and
/// [`Client::resume`](crate::Client::resume) goes on with it.
///
/// Nothing is read from the socket while it is not polled, so a slow consumer slows the
/// provider down and is never taken for a dead provider.
pub struct ResponseStream {
    driver: Box<Driver>,
    recovered: usize,
}

impl ResponseStream {
    pub(crate) fn new(driver: Driver) -> Self {
        let recovered = driver.text().len();
        Self { driver: Box::new(driver), recovered }
    }

    /// The next event; `None` after the end or an error.
    ///
    /// # Errors
    ///
    /// `Incomplete` and `Refused` as the last item, with the cause; what the store says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the next call goes on where it was.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        poll_fn(|cx| self.driver.poll(cx)).await
    }

    /// The stream's name, to resume it by.
    #[must_use]
    pub fn id(&self) -> &StreamId {
        self.driver.id()
    }

    /// All text so far: what was recovered and what was delivered since.
    #[must_use]
    pub fn text(&self) -> &str {
        self.driver.text()
    }

    /// The text that the journal held when this stream resumed it; empty for a new one.
    #[must_use]
    pub fn recovered_text(&self) -> &str {
        &self.driver.text()[..self.recovered]
    }

    /// Makes what was asked and everything that was received durable: from then on another process
    /// can resume the stream.
    ///
    /// # Errors
    ///
    /// What the store says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.driver.flush().await
    }

    /// Gives the response up for good: no process goes on with it, and a provider that does is told
    /// to stop (see [`Builder::background`](crate::Builder::background)), once the store has it down.
    /// The provider's answer is awaited for at most 10 s. Where another process took the stream
    /// over, that one goes on. A stream that ended with an error is cancelled by resuming it first.
    ///
    /// # Errors
    ///
    /// What the store says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the stream; the provider may not be told then.
    pub async fn cancel(mut self) -> Result<(), Error> {
        self.driver.cancel().await
    }

    /// Drops the connection, makes everything that was received durable and gives the name by
    /// which [`Client::resume`](crate::Client::resume) goes on.
    ///
    /// Text that was received and not delivered yet is part of the checkpoint: it is in
    /// [`recovered_text`](Self::recovered_text) of the stream that goes on.
    ///
    /// # Errors
    ///
    /// What the store says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the stream; what the store has taken still becomes durable.
    pub async fn pause(mut self) -> Result<StreamId, Error> {
        self.driver.halt().await?;
        Ok(self.id().clone())
    }
}

impl ResponseStream {
    /// The rest of the response as the body of an HTTP response: the provider's own events. To be called
    /// before anything is read.
    #[must_use]
    pub fn into_body(self) -> EventBody {
        EventBody::new(self.driver)
    }
}

impl Stream for ResponseStream {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.driver.poll(cx)
    }
}

impl fmt::Debug for ResponseStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseStream").field("id", self.id()).finish_non_exhaustive()
    }
}
