//! The key of an endpoint, which may be renewed while streams run: once for all who are refused
//! with the same key at the same time.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::secret::Secret;

/// Keys that clones of an endpoint share.
#[derive(Clone, Default)]
pub(crate) struct Keys(Arc<Inner>);

#[derive(Default)]
struct Inner {
    held: Mutex<Held>,
    renewal: Option<Renewal>,
    /// Held while another key is asked for.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Held {
    current: Option<Secret>,
    /// The one before it, which a server may still quote.
    former: Option<Secret>,
}

type Renewal = Arc<dyn Fn() -> Renewed + Send + Sync>;
type Renewed = Pin<Box<dyn Future<Output = Option<Secret>> + Send>>;

impl Keys {
    /// The same renewal with another key.
    pub(crate) fn with(&self, key: Secret) -> Self {
        Self::of(Some(key), self.0.renewal.clone())
    }

    /// The same key with another renewal.
    pub(crate) fn renewed_by<F>(&self, renew: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Option<Secret>> + Send + 'static,
    {
        Self::of(self.current(), Some(Arc::new(move || Box::pin(renew()))))
    }

    fn of(current: Option<Secret>, renewal: Option<Renewal>) -> Self {
        let held = Mutex::new(Held { current, former: None });
        Self(Arc::new(Inner { held, renewal, ..Inner::default() }))
    }

    pub(crate) fn current(&self) -> Option<Secret> {
        self.held().current.clone()
    }

    pub(crate) fn can_be_renewed(&self) -> bool {
        self.0.renewal.is_some()
    }

    /// Every key that a server may quote.
    pub(crate) fn all(&self) -> Vec<Secret> {
        let held = self.held();
        held.current.iter().chain(&held.former).cloned().collect()
    }

    /// Another key than the one that was refused, if there is or comes one that a header can carry.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the caller's, and the next one asks anew.
    pub(crate) async fn other_than(self, refused: Option<Secret>) -> Option<Secret> {
        let renew = self.0.renewal.as_ref()?;
        let turn = self.0.turn.lock().await;
        // Somebody else was refused too and has asked meanwhile.
        let current = self.current();
        if current != refused {
            return current;
        }
        let key = renew().await.filter(|key| Some(key) != refused.as_ref())?;
        key.header("").ok()?;
        let mut held = self.held();
        held.former = held.current.replace(key.clone());
        drop((held, turn));
        Some(key)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn secret(key: &str) -> Option<Secret> {
        Some(Secret::new(key))
    }

    /// Keys that become `renewed-1`, `renewed-2` and so on, each after a moment.
    fn keys() -> (Keys, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let keys = Keys::default().with(Secret::new("first")).renewed_by(move || {
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            async move {
                tokio::task::yield_now().await;
                secret(&format!("renewed-{number}"))
            }
        });
        (keys, asked)
    }

    #[tokio::test]
    async fn streams_that_are_refused_together_ask_once() {
        let (keys, asked) = keys();
        let ask = || keys.clone().other_than(secret("first"));
        let (one, two, three) = tokio::join!(ask(), ask(), ask());
        assert_eq!((&one, &two), (&secret("renewed-1"), &three));
        assert_eq!((one, keys.current()), (two, secret("renewed-1")));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert_eq!(keys.clone().other_than(keys.current()).await, secret("renewed-2"));
    }

    #[tokio::test]
    async fn one_that_stops_waiting_leaves_the_turn_to_the_next() {
        let (keys, asked) = keys();
        let mut first = Box::pin(keys.clone().other_than(secret("first")));
        let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(first.as_mut().poll(cx)));
        assert!(polled.await.is_pending());
        drop(first);
        assert_eq!(keys.clone().other_than(secret("first")).await, secret("renewed-2"));
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn both_keys_are_known_to_whoever_hides_them() {
        let (keys, _) = keys();
        keys.clone().other_than(secret("first")).await;
        assert_eq!(keys.all(), [Secret::new("renewed-1"), Secret::new("first")]);
        assert_eq!(format!("{keys:?}"), "Keys(..)");
    }
}
