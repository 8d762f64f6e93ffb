//! Reads back what a store holds of one stream. It changes nothing.

use anyhow::Context;
use client::{Checkpoint, Store, StreamId};

/// Reads and folds the journal of a stream; `place` is where the store is, for messages.
///
/// The store's own limit of a stream bounds what is read.
pub(crate) async fn read(store: &Store, id: &StreamId, place: &str) -> anyhow::Result<Checkpoint> {
    let failed = || format!("cannot read stream {id} in {place}");
    let mut records: Vec<Vec<u8>> = Vec::new();
    let mut after = None;
    loop {
        let page = store.read(id, after, store.limits().page_bytes).await.with_context(failed)?;
        records.extend(page.records().map(|record| record.bytes.to_vec()));
        after = page.last().or(after);
        if !page.more() || page.is_empty() {
            break;
        }
    }
    if records.is_empty() {
        anyhow::bail!(
            "nothing was asked under the name {id} yet; free it with `unbroken streams rm {id}`"
        );
    }
    Checkpoint::fold(&records).with_context(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_of_which_nothing_was_asked_can_only_be_removed() {
        let store = Store::memory();
        let id = StreamId::new("s-1").unwrap();
        drop(store.create(&id).await.unwrap());
        let error = read(&store, &id, "memory").await.err().unwrap();
        assert!(error.to_string().contains("unbroken streams rm s-1"), "{error}");
    }
}
