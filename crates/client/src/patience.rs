//! How long a store may keep its callers waiting. It does not know what they wait for.

use checkpoint_store::{ErrorKind, StoreError};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// A limit to waiting for a store that neither answers nor fails.
pub(crate) struct Patience {
    limit: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(crate) const fn new(limit: Duration) -> Self {
        Self { limit, sleep: None }
    }

    /// What the store says, or an error when it has said nothing for too long.
    pub(crate) async fn answer<T>(
        mut self,
        asked: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut asked = pin!(asked);
        poll_fn(|cx| {
            let answer = asked.as_mut().poll(cx);
            self.wait(cx, answer)
        })
        .await
        .flatten()
    }

    /// Passes on what the store says, or an error when it has said nothing for too long.
    pub(crate) fn wait<T>(
        &mut self,
        cx: &mut Context<'_>,
        answer: Poll<T>,
    ) -> Poll<Result<T, StoreError>> {
        if let Poll::Ready(answer) = answer {
            self.rest();
            return Poll::Ready(Ok(answer));
        }
        let limit = self.limit;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(sleep.as_mut().poll(cx));
        self.rest();
        let late = io::Error::new(io::ErrorKind::TimedOut, "the store did not answer in time");
        Poll::Ready(Err(StoreError::with_source(ErrorKind::Io, late)))
    }

    /// The store answered, or nothing waits for it.
    pub(crate) fn rest(&mut self) {
        self.sleep = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn patience_ends_at_its_limit_and_begins_anew_with_each_answer() {
        let began = Instant::now();
        let mut patience = Patience::new(Duration::from_secs(3));
        let pending = poll_fn(|cx| Poll::Ready(patience.wait(cx, Poll::<()>::Pending))).await;
        assert!(pending.is_pending());
        tokio::time::advance(Duration::from_secs(2)).await;
        let answer = poll_fn(|cx| patience.wait(cx, Poll::Ready(7))).await;
        assert_eq!(answer.unwrap(), 7);
        let late = poll_fn(|cx| patience.wait(cx, Poll::<()>::Pending)).await;
        assert!(matches!(late.unwrap_err().kind(), ErrorKind::Io));
        assert_eq!(began.elapsed(), Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_passed_on_and_silence_is_an_error() {
        let patience = || Patience::new(Duration::from_secs(3));
        assert_eq!(patience().answer(async { Ok(7) }).await.unwrap(), 7);
        let said = patience().answer(async { Err::<(), _>(ErrorKind::NotFound.into()) }).await;
        assert_eq!(said.unwrap_err().kind(), ErrorKind::NotFound);
        let late = patience().answer(pending::<Result<(), _>>()).await;
        assert_eq!(late.unwrap_err().kind(), ErrorKind::Io);
    }
}
