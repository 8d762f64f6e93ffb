//! Several addresses of one host, of which the first that answers wins (RFC 8305): an address that is
//! silent costs a quarter of a second, one that refuses nothing.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The same addresses with both families in turn, beginning with that of the first (section 4).
pub(crate) fn alternating(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first().map(SocketAddr::is_ipv4) else { return addresses };
    let count = addresses.len();
    let (one, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv4() == first);
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    (0..count).flat_map(|_| [one.next(), other.next()]).flatten().collect()
}

/// Opens one address after the other: the next when one failed, or when [`ATTEMPT_DELAY`] is over. The
/// last failure, when all of them failed.
///
/// # Cancel safety
///
/// Dropping it ends every attempt.
pub(crate) async fn race<T, F>(
    addresses: Vec<SocketAddr>,
    open: impl Fn(SocketAddr) -> F,
) -> io::Result<T>
where
    T: Send + 'static,
    F: Future<Output = io::Result<T>> + Send + 'static,
{
    let mut addresses = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        if let Some(address) = addresses.next() {
            attempts.spawn(open(address));
        }
        let patience = if addresses.len() > 0 { ATTEMPT_DELAY } else { Duration::MAX };
        // Whoever is not joined in time stays in the race.
        match timeout(patience, attempts.join_next()).await {
            Ok(Some(Ok(Ok(stream)))) => return Ok(stream),
            Ok(Some(Ok(Err(error)))) => failure = error,
            Ok(Some(Err(gone))) => failure = io::Error::other(gone),
            Ok(None) => return Err(failure),
            Err(_) => {}
        }
    }
}

/// Time for one address before the next is tried beside it: the recommended value (section 8).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::sync::{Arc, Mutex};
    use tokio::time::{Instant, sleep};

    /// What a scripted address does.
    #[derive(Clone, Copy)]
    enum Does {
        Refuse,
        Nothing,
        AnswerAfter(u64),
    }
    use Does::{AnswerAfter, Nothing, Refuse};

    fn at(number: usize) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], u16::try_from(number).unwrap()))
    }

    /// Which address won, after how many milliseconds, and when each was tried.
    async fn run(does: &'static [Does]) -> (io::Result<usize>, u128, Vec<u128>) {
        let began = Instant::now();
        let tried = Arc::new(Mutex::new(Vec::new()));
        let addresses = (0..does.len()).map(at).collect();
        let won = race(addresses, |address| {
            tried.lock().unwrap().push(began.elapsed().as_millis());
            let number = usize::from(address.port());
            async move {
                match does[number] {
                    Refuse => Err(io::ErrorKind::ConnectionRefused.into()),
                    Nothing => pending().await,
                    AnswerAfter(millis) => {
                        sleep(Duration::from_millis(millis)).await;
                        Ok(number)
                    }
                }
            }
        });
        let won = won.await;
        let tried = tried.lock().unwrap().clone();
        (won, began.elapsed().as_millis(), tried)
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_address_costs_a_quarter_of_a_second() {
        let (won, after, tried) = run(&[Nothing, AnswerAfter(10)]).await;
        assert_eq!((won.unwrap(), after, tried), (1, 260, vec![0, 250]));
        let (won, after, _) = run(&[Nothing, Nothing, Nothing, AnswerAfter(0)]).await;
        assert_eq!((won.unwrap(), after), (3, 750));
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_refuses_costs_nothing() {
        let (won, after, tried) = run(&[Refuse, Refuse, AnswerAfter(10)]).await;
        assert_eq!((won.unwrap(), after, tried), (2, 10, vec![0, 0, 0]));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_answer_wins_whoever_began_first() {
        let (won, after, _) = run(&[AnswerAfter(300), AnswerAfter(100)]).await;
        assert_eq!((won.unwrap(), after), (0, 300));
        let (won, after, tried) = run(&[AnswerAfter(900), AnswerAfter(100)]).await;
        assert_eq!((won.unwrap(), after, tried), (1, 350, vec![0, 250]));
        let (won, after, tried) = run(&[AnswerAfter(20), AnswerAfter(0)]).await;
        assert_eq!((won.unwrap(), after, tried), (0, 20, vec![0]), "nobody else is bothered");
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_failure_is_told_and_no_address_is_a_failure() {
        let (won, after, tried) = run(&[Refuse, Refuse]).await;
        assert_eq!(won.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!((after, tried.len()), (0, 2));
        assert_eq!(run(&[]).await.0.unwrap_err().kind(), io::ErrorKind::AddrNotAvailable);
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_end_with_the_race() {
        let held = Arc::new(());
        let open = |_| {
            let held = Arc::clone(&held);
            async move {
                let _held = held;
                pending::<io::Result<()>>().await
            }
        };
        let racing = race(vec![at(0), at(1)], open);
        assert!(timeout(Duration::from_secs(1), racing).await.is_err());
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn families_take_turns() {
        let all = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| format!("{text}:1").parse().unwrap()).collect()
        };
        let (a, b, c) = ("[::1]", "[::2]", "[::3]");
        let (x, y) = ("10.0.0.1", "10.0.0.2");
        for (given, expected) in [
            (vec![a, b, c, x, y], vec![a, x, b, y, c]),
            (vec![x, a, b], vec![x, a, b]),
            (vec![a, b], vec![a, b]),
            (vec![x, y, a], vec![x, a, y]),
            (vec![], vec![]),
        ] {
            assert_eq!(alternating(all(&given)), all(&expected));
        }
    }
}
