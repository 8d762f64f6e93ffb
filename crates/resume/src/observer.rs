//! What happens to streams, for who watches them: metrics, logs, a page. The vocabulary is here so that
//! whoever listens needs no client; who tells it is the driver.

use protocol::Wire;
use retry_policy::Nanos;

use crate::input::AttemptId;
use crate::outcome::{AttemptSummary, Outcome};
use crate::output::State;
use crate::seam::{Rung, Seam};

/// Who is told what happens to every stream.
///
/// It is called by whoever reads the stream, in the middle of that: it must not wait. A panic is that
/// reader's, and the stream is not to be read on after it.
///
/// ```
/// use resume::{Notice, Observer};
/// use retry_policy::Nanos;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// /// Counts the bytes that consumers have.
/// #[derive(Default)]
/// struct Bytes(AtomicU64);
///
/// impl Observer for Bytes {
///     fn notice(&self, _stream: &str, _at: Nanos, notice: &Notice<'_>) {
///         if let Notice::Delivered { bytes, .. } = notice {
///             self.0.fetch_add(*bytes, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let bytes = Bytes::default();
/// bytes.notice("a", Nanos::ZERO, &Notice::Delivered { bytes: 5, events: 1 });
/// assert_eq!(bytes.0.load(Ordering::Relaxed), 5);
/// ```
pub trait Observer: Send + Sync {
    /// Something happened to the stream of this name, at an instant on one clock of all streams of a
    /// client.
    fn notice(&self, stream: &str, at: Nanos, notice: &Notice<'_>);
}

/// What happened to a stream. Nothing of it holds a key, a prompt or text of the response.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// It is there, and nothing was asked yet.
    Began {
        /// How it is asked and answered.
        wire: Wire,
        /// The model that the caller asks for.
        model: Option<&'a str>,
        /// Another stream of that name began it, perhaps in another process.
        is_resumed: bool,
    },
    /// A request is sent.
    Attempt {
        /// Which one.
        attempt: AttemptId,
        /// How it goes on with what was shown.
        rung: Rung,
        /// Where it goes.
        endpoint: &'a str,
        /// The model that is asked.
        model: Option<&'a str>,
        /// It is a copy beside another one.
        is_hedge: bool,
    },
    /// A response began.
    Head {
        /// To which attempt.
        attempt: AttemptId,
        /// HTTP status code.
        status: u16,
    },
    /// The first content of an attempt came, so long after it was sent.
    FirstContent {
        /// Of which one.
        attempt: AttemptId,
        /// Since the request was sent.
        after: Nanos,
    },
    /// The consumer has so much more than at the last notice of this kind. It comes before the stream waits
    /// and at its end, not for each event.
    Delivered {
        /// Bytes of text.
        bytes: u64,
        /// Events of any kind.
        events: u64,
    },
    /// Its state changed.
    State(&'a State),
    /// A continuation joined the text.
    Seam(&'a Seam),
    /// An attempt is over, and this is its account.
    AttemptOver(&'a AttemptSummary),
    /// It is over, and the consumer was told so.
    Ended(&'a Outcome),
    /// The consumer left before its end.
    Left,
}
