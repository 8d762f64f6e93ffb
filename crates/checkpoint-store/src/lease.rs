//! `Lease`: who writes to a stream at present. A lease only says whether a takeover is welcome;
//! that at most one writer is believed is the work of the epoch.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::lock::Lock;
use crate::{Epoch, ErrorKind, StoreError, StreamNo};

/// A name of whoever writes: 1 to 128 bytes of printable ASCII, for people and for programs that
/// recognise their own.
///
/// ```
/// use checkpoint_store::Holder;
///
/// assert_eq!(Holder::new("worker-3").as_str(), "worker-3");
/// assert_eq!(Holder::new("a\nb").as_str(), "a?b");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Holder(Arc<str>);

impl Holder {
    /// The longest name, in bytes.
    pub const BYTES_MAX: usize = 128;

    /// A holder of this name. What is not printable ASCII becomes `?`, what is too long is cut,
    /// an empty name becomes `?`.
    pub fn new(name: impl AsRef<str>) -> Self {
        let printable = |c: char| if c.is_ascii_graphic() { c } else { '?' };
        let name: String = name.as_ref().chars().map(printable).take(Self::BYTES_MAX).collect();
        Self(Arc::from(if name.is_empty() { "?" } else { &name }))
    }

    /// This process: `pid:` and its number.
    pub fn this_process() -> Self {
        Self::new(format!("pid:{}", std::process::id()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who holds a stream, and for how long if nothing renews it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who.
    pub holder: Holder,
    /// Time until it lapses unless it is renewed; `None` when it ends with its writer.
    pub left: Option<Duration>,
}

/// Whether a recovery respects the lease of a writer that may be alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// Only a stream that nobody holds; [`ErrorKind::Held`] otherwise.
    IfFree,
    /// Also a held one, as long as its writer is still the one of this epoch;
    /// [`ErrorKind::Held`] by its successor otherwise.
    Over(Epoch),
}

impl Takeover {
    /// Whether the stream may be taken over.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Held`], whose source names the holder.
    pub fn check(self, current: Epoch, lease: Option<&Lease>) -> Result<(), StoreError> {
        match lease {
            Some(lease) if self != Self::Over(current) => {
                let kind = ErrorKind::Held { epoch: current, left: lease.left };
                Err(StoreError::with_source(kind, format!("held by {}", lease.holder)))
            }
            _ => Ok(()),
        }
    }
}

/// Leases that end with their writers: of a backend that only one process has open.
#[derive(Debug, Default)]
pub(crate) struct Leases(Lock<HashMap<StreamNo, (Epoch, Holder)>>);

impl Leases {
    pub(crate) fn grant(&self, stream: StreamNo, epoch: Epoch, holder: &Holder) {
        self.0.hold().insert(stream, (epoch, holder.clone()));
    }

    pub(crate) fn of(&self, stream: StreamNo) -> Option<Lease> {
        let leases = self.0.hold();
        leases.get(&stream).map(|(_, holder)| Lease { holder: holder.clone(), left: None })
    }

    /// Ends the lease of this epoch; that of a later one stays.
    pub(crate) fn release(&self, stream: StreamNo, epoch: Epoch) {
        let mut leases = self.0.hold();
        if leases.get(&stream).is_some_and(|(held, _)| *held == epoch) {
            leases.remove(&stream);
        }
    }

    /// The stream is gone or has ended: nobody holds it.
    pub(crate) fn end(&self, stream: StreamNo) {
        self.0.hold().remove(&stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: StreamNo = StreamNo::new(7);

    fn held_kind(takeover: Takeover, current: Epoch, lease: Option<&Lease>) -> Option<ErrorKind> {
        takeover.check(current, lease).err().map(|error| error.kind())
    }

    #[test]
    fn a_held_stream_is_taken_over_only_from_the_epoch_that_was_named() {
        let lease = Lease { holder: Holder::new("a"), left: None };
        let epoch = Epoch::FIRST.next();
        let held = Some(ErrorKind::Held { epoch, left: None });
        assert_eq!(held_kind(Takeover::IfFree, epoch, None), None);
        assert_eq!(held_kind(Takeover::IfFree, epoch, Some(&lease)), held);
        assert_eq!(held_kind(Takeover::Over(Epoch::FIRST), epoch, Some(&lease)), held);
        assert_eq!(held_kind(Takeover::Over(epoch), epoch, Some(&lease)), None);
    }

    #[test]
    fn a_late_release_does_not_end_the_lease_of_a_successor() {
        let leases = Leases::default();
        leases.grant(STREAM, Epoch::FIRST, &Holder::new("a"));
        leases.grant(STREAM, Epoch::FIRST.next(), &Holder::new("b"));
        leases.release(STREAM, Epoch::FIRST);
        assert_eq!(leases.of(STREAM).unwrap().holder, Holder::new("b"));
        leases.release(STREAM, Epoch::FIRST.next());
        assert_eq!(leases.of(STREAM), None);
    }

    #[test]
    fn a_holder_is_printable_and_short() {
        assert_eq!(Holder::new("").as_str(), "?");
        assert_eq!(Holder::new("x".repeat(300)).as_str().len(), Holder::BYTES_MAX);
        assert_eq!(Holder::new("h\u{e9}\u{1b}[").as_str(), "h??[");
    }
}
