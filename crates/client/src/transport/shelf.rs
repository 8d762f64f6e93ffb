//! Connections that were opened before they are needed, each for the first request to its origin that
//! needs one. Nothing is sent on them until then but what TLS says.

use hyper::Uri;
use hyper_util::client::legacy::connect::Connection;
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tower_service::Service;

use super::counted::Kept;

/// Hands out a connection that stands, or connects as the connector in it does. Cloning shares the
/// connections.
pub(crate) struct Shelved<C: Service<Uri>> {
    connector: C,
    shelf: Arc<Shelf<C::Response>>,
}

/// The connections that stand or are being opened.
struct Shelf<T>(Mutex<Vec<Place<T>>>);

/// One of them. Dropping it ends what it takes to open and to expire it.
struct Place<T> {
    number: u64,
    origin: Origin,
    connection: Option<T>,
    task: JoinHandle<()>,
}

/// Scheme and authority.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin(String);

impl<C> Shelved<C>
where
    C: Service<Uri, Error = Box<dyn StdError + Send + Sync>> + Clone,
    C::Response: Connection + Kept + Send + 'static,
    C::Future: Send + 'static,
{
    pub(crate) fn new(connector: C) -> Self {
        Self { connector, shelf: Arc::new(Shelf(Mutex::new(Vec::new()))) }
    }

    /// Opens a connection to the origin of this URL, unless as many stand as may. It is closed after
    /// [`STANDS_MAX`].
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    pub(crate) fn warm(&self, uri: &Uri) {
        let origin = Origin::of(uri);
        let mut places = self.shelf.lock();
        if !has_room(&places, &origin) {
            return;
        }
        let number = places.last().map_or(0, |place| place.number + 1);
        let connecting = self.connector.clone().call(uri.clone());
        let task = tokio::spawn(stand(Arc::downgrade(&self.shelf), number, connecting));
        tracing::debug!(origin = origin.0, "connection opened beforehand");
        places.push(Place { number, origin, connection: None, task });
    }
}

impl<C: Service<Uri>> Shelved<C> {
    /// Whether any stands.
    #[cfg(test)]
    pub(crate) fn has_one(&self) -> bool {
        self.shelf.lock().iter().any(|place| place.connection.is_some())
    }
}

/// Opens a connection, puts it into its place, and clears that when its time is over.
async fn stand<T: Send, E: fmt::Display>(
    shelf: Weak<Shelf<T>>,
    number: u64,
    connecting: impl Future<Output = Result<T, E>>,
) {
    match connecting.await {
        Ok(connection) => {
            let Some(shelf) = shelf.upgrade() else { return };
            shelf.put(number, connection);
            drop(shelf);
        }
        Err(error) => tracing::debug!(%error, "no connection beforehand"),
    }
    // One that failed keeps its place, too: what does not answer is not asked all the time.
    sleep(STANDS_MAX).await;
    if let Some(shelf) = shelf.upgrade() {
        shelf.lock().retain(|place| place.number != number);
    }
}

fn has_room<T: Connection>(places: &[Place<T>], origin: &Origin) -> bool {
    let there = || places.iter().filter(|place| place.origin == *origin);
    let is_shared = |connection: &T| connection.connected().is_negotiated_h2();
    places.len() < PLACES_MAX
        && there().count() < ORIGIN_PLACES_MAX
        && !there().filter_map(|place| place.connection.as_ref()).any(is_shared)
}

impl<T> Shelf<T> {
    fn put(&self, number: u64, connection: T) {
        let mut places = self.lock();
        if let Some(place) = places.iter_mut().find(|place| place.number == number) {
            place.connection = Some(connection);
        }
    }

    /// The connection to this origin that came last.
    fn take(&self, uri: &Uri) -> Option<T> {
        let mut places = self.lock();
        if places.is_empty() {
            return None;
        }
        let origin = Origin::of(uri);
        let stands = |place: &Place<T>| place.origin == origin && place.connection.is_some();
        let at = places.iter().rposition(stands)?;
        places.remove(at).connection.take()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Place<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Origin {
    fn of(uri: &Uri) -> Self {
        let (scheme, authority) = (uri.scheme_str(), uri.authority());
        let authority = authority.map_or("", |authority| authority.as_str());
        Self(format!("{}://{authority}", scheme.unwrap_or_default()).to_ascii_lowercase())
    }
}

impl<C: Service<Uri> + Clone> Clone for Shelved<C> {
    fn clone(&self) -> Self {
        Self { connector: self.connector.clone(), shelf: Arc::clone(&self.shelf) }
    }
}

impl<C> Service<Uri> for Shelved<C>
where
    C: Service<Uri>,
    C::Response: Kept + Send + 'static,
    C::Error: Send + 'static,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, C::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        while let Some(mut connection) = self.shelf.take(&uri) {
            if connection.still_stands() {
                tracing::debug!("connection stood already");
                return Box::pin(async { Ok(connection) });
            }
        }
        Box::pin(self.connector.call(uri))
    }
}

/// How long a connection stands unused: from a suspicion to its verdict, and a little.
pub(crate) const STANDS_MAX: Duration = Duration::from_secs(60);
/// Connections to one origin that stand or are being opened; one of HTTP/2 is enough.
pub(crate) const ORIGIN_PLACES_MAX: usize = 8;
/// Connections that stand or are being opened.
pub(crate) const PLACES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use hyper_util::client::legacy::connect::Connected;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::time::advance;

    /// Opens connections that are numbered, and counts those that are open.
    #[derive(Clone, Default)]
    struct Numbered {
        opened: Arc<AtomicUsize>,
        open: Arc<()>,
        is_h2: bool,
        /// Those below this number are closed by their server.
        dead: usize,
        fails: bool,
    }

    struct Link {
        number: usize,
        is_h2: bool,
        is_dead: bool,
        _open: Arc<()>,
    }

    impl Kept for Link {
        fn still_stands(&mut self) -> bool {
            !self.is_dead
        }
    }

    impl Connection for Link {
        fn connected(&self) -> Connected {
            if self.is_h2 { Connected::new().negotiated_h2() } else { Connected::new() }
        }
    }

    impl Service<Uri> for Numbered {
        type Response = Link;
        type Error = Box<dyn StdError + Send + Sync>;
        type Future = Pin<Box<dyn Future<Output = Result<Link, Self::Error>> + Send>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Uri) -> Self::Future {
            let number = self.opened.fetch_add(1, Ordering::Relaxed);
            let (is_h2, is_dead) = (self.is_h2, number < self.dead);
            let link = Link { number, is_h2, is_dead, _open: Arc::clone(&self.open) };
            let fails = self.fails;
            Box::pin(async move { if fails { Err("no route".into()) } else { Ok(link) } })
        }
    }

    impl Numbered {
        fn opened(&self) -> usize {
            self.opened.load(Ordering::Relaxed)
        }

        /// Connections that are open.
        fn open(&self) -> usize {
            Arc::strong_count(&self.open)
        }
    }

    /// Lets the tasks run that can.
    async fn settle() {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    const A: &str = "https://a.example/v1";

    async fn call(shelved: &mut Shelved<Numbered>, uri: &'static str) -> usize {
        shelved.call(Uri::from_static(uri)).await.map(|link| link.number).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn what_stands_is_handed_out_once_and_to_its_origin_alone() {
        let numbered = Numbered::default();
        let mut shelved = Shelved::new(numbered.clone());
        shelved.warm(&Uri::from_static(A));
        settle().await;
        for other in ["http://a.example/", "https://a.example:8443/", "https://b.example/"] {
            assert_ne!(call(&mut shelved, other).await, 0, "{other}");
        }
        assert_eq!(call(&mut shelved.clone(), "https://A.example/v1/messages").await, 0);
        assert_ne!(call(&mut shelved, A).await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_one_that_does_not_stand_yet() {
        let numbered = Numbered::default();
        let mut shelved = Shelved::new(numbered.clone());
        shelved.warm(&Uri::from_static(A));
        assert_eq!(call(&mut shelved, A).await, 1);
        settle().await;
        assert_eq!(call(&mut shelved, A).await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_stand_any_longer_is_passed_over() {
        let numbered = Numbered { dead: 2, ..Numbered::default() };
        let mut shelved = Shelved::new(numbered.clone());
        (0..2).for_each(|_| shelved.warm(&Uri::from_static(A)));
        settle().await;
        assert_eq!(call(&mut shelved, A).await, 2);
        assert_eq!(numbered.open(), Arc::strong_count(&Numbered::default().open) + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_takes_is_closed() {
        let numbered = Numbered::default();
        let mut shelved = Shelved::new(numbered.clone());
        let open = numbered.open();
        shelved.warm(&Uri::from_static(A));
        settle().await;
        advance(STANDS_MAX - Duration::from_millis(1)).await;
        settle().await;
        assert_eq!(numbered.open(), open + 1);
        advance(Duration::from_millis(1)).await;
        settle().await;
        assert_eq!(numbered.open(), open);
        assert_eq!(call(&mut shelved, A).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn they_are_closed_with_the_client() {
        let numbered = Numbered::default();
        let shelved = Shelved::new(numbered.clone());
        shelved.warm(&Uri::from_static(A));
        settle().await;
        shelved.warm(&Uri::from_static(A));
        drop(shelved);
        settle().await;
        assert_eq!(numbered.open(), 1);
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert_eq!(tasks, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_origin_has_a_few_and_all_have_a_limit() {
        let numbered = Numbered::default();
        let shelved = Shelved::new(numbered.clone());
        (0..20).for_each(|_| shelved.warm(&Uri::from_static(A)));
        assert_eq!(numbered.opened(), ORIGIN_PLACES_MAX);
        for host in 0..100 {
            shelved.warm(&format!("https://{host}.example/").parse().unwrap());
        }
        assert_eq!(numbered.opened(), PLACES_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn of_http_2_one_is_enough() {
        let numbered = Numbered { is_h2: true, ..Numbered::default() };
        let shelved = Shelved::new(numbered.clone());
        shelved.warm(&Uri::from_static(A));
        settle().await;
        shelved.warm(&Uri::from_static(A));
        assert_eq!(numbered.opened(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_does_not_answer_is_left_alone_for_a_while() {
        let numbered = Numbered { fails: true, ..Numbered::default() };
        let shelved = Shelved::new(numbered.clone());
        for _ in 0..20 {
            shelved.warm(&Uri::from_static(A));
            settle().await;
        }
        assert_eq!(numbered.opened(), ORIGIN_PLACES_MAX);
        advance(STANDS_MAX).await;
        settle().await;
        shelved.warm(&Uri::from_static(A));
        assert_eq!(numbered.opened(), ORIGIN_PLACES_MAX + 1);
    }
}
