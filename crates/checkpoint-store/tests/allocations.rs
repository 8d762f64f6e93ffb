//! The token path allocates nothing once its buffers have grown.

#![cfg(feature = "sled")]

use checkpoint_store::{Options, SledBackend, SledOptions, Store, StreamId};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn appending_to_a_warm_stream_allocates_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let backend = SledBackend::open(directory.path(), SledOptions::default()).unwrap();
    // No batch starts by itself, so that the same buffer is seen for the whole measurement.
    let options = Options { group_window: Duration::from_secs(3600), ..Options::default() };
    let store = Store::new(Arc::new(backend), options).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut writer = runtime.block_on(store.create(&StreamId::new("s").unwrap())).unwrap();

    for _ in 0..3 {
        for _ in 0..100 {
            writer.append(&[b"event: delta\ndata: ", &[b'x'; 80]]).unwrap();
        }
        runtime.block_on(writer.flush()).unwrap();
    }
    let measured = allocation_counter::measure(|| {
        for _ in 0..100 {
            writer.append(&[b"event: delta\ndata: ", &[b'x'; 80]]).unwrap();
        }
    });
    assert_eq!(measured.count_total, 0);
}
