//! `Granted`: a writer's head on its way from the disk thread to whoever asked for it. Nobody else
//! could end the lease of a writer that was never made, so what is not taken ends it.

use std::sync::Arc;

use super::Watch;
use crate::Holder;
use crate::backend::Head;

/// A head whose lease is granted; dropping it ends the lease.
#[derive(Debug)]
pub(in crate::disk) struct Granted {
    head: Head,
    /// Gone once the head was taken.
    watch: Option<Arc<Watch>>,
}

impl Granted {
    /// Grants the lease of this head.
    pub(super) fn new(watch: &Arc<Watch>, head: Head, holder: &Holder) -> Self {
        watch.leases.grant(head.stream, head.epoch, holder);
        Self { head, watch: Some(Arc::clone(watch)) }
    }

    /// The head; from now on its lease is the caller's to end.
    pub(in crate::disk) fn take(mut self) -> Head {
        self.watch = None;
        self.head
    }
}

impl Drop for Granted {
    fn drop(&mut self) {
        if let Some(watch) = &self.watch {
            watch.leases.release(self.head.stream, self.head.epoch);
        }
    }
}
