//! Every rule of a backend as one function, run on each backend. Nothing here knows which one.

mod contract;
mod streams;

use std::future::Future;
use std::sync::Arc;

use checkpoint_store::{Backend, MemoryBackend, Options, Store, StreamId};

/// A backend to judge, and a way to open the same one again.
pub(crate) struct Subject {
    pub(crate) backend: Arc<dyn Backend>,
    /// Deletes what the backend left behind.
    _keep: Option<tempfile::TempDir>,
}

impl Subject {
    fn memory() -> Self {
        Self { backend: Arc::new(MemoryBackend::default()), _keep: None }
    }

    #[cfg(feature = "sled")]
    fn sled() -> Self {
        use checkpoint_store::{SledBackend, SledOptions};

        let keep = tempfile::tempdir().expect("a temporary directory");
        let backend = SledBackend::open(keep.path().join("store"), SledOptions::default());
        Self { backend: Arc::new(backend.expect("a new store opens")), _keep: Some(keep) }
    }

    pub(crate) fn store(&self) -> Store {
        self.store_with(Options::default())
    }

    pub(crate) fn store_with(&self, options: Options) -> Store {
        Store::new(Arc::clone(&self.backend), options).expect("the level is reached")
    }
}

/// An executor without timers and sockets: all that the futures of a store may need.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

pub(crate) fn id(text: &str) -> StreamId {
    StreamId::new(text).expect("a valid id")
}

/// One named test per rule and backend.
macro_rules! suite {
    ($($module:ident::$rule:ident),+ $(,)?) => {
        mod memory {
            $(#[test] fn $rule() { super::$module::$rule(&super::Subject::memory()); })+
        }

        #[cfg(feature = "sled")]
        mod sled {
            $(#[test] fn $rule() { super::$module::$rule(&super::Subject::sled()); })+
        }
    };
}

suite! {
    contract::a_commit_is_taken_only_where_the_stream_ends,
    contract::a_repeated_commit_is_a_duplicate_and_changes_nothing,
    contract::an_old_epoch_is_fenced_at_every_position,
    contract::a_closed_stream_takes_nothing_and_repeats_its_close,
    contract::a_writer_of_a_deleted_stream_cannot_write_into_its_successor,
    contract::one_refused_stream_does_not_stop_the_batch,
    streams::records_come_back_byte_for_byte_and_in_order,
    streams::pages_join_without_gap_or_repeat,
    streams::a_reader_ahead_of_the_store_is_told_so,
    streams::an_id_is_taken_once,
    streams::what_does_not_exist_is_not_found,
    streams::a_recovery_goes_on_after_the_last_durable_record,
    streams::a_recovery_fences_the_writer_before_it,
    streams::of_racing_recoveries_exactly_one_can_write,
    streams::a_closed_stream_cannot_be_recovered_and_stays_readable,
    streams::a_dropped_writer_leaves_a_stream_that_can_be_recovered,
    streams::a_deleted_stream_is_gone_and_its_id_is_free,
    streams::listings_are_sorted_and_paged,
    streams::too_large_is_refused_and_uses_no_position,
    streams::a_watermark_elsewhere_sees_progress_and_the_end,
    streams::many_writers_at_once_keep_every_record,
}
