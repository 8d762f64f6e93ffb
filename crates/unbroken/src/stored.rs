//! What a store holds of one stream, read back, and who holds it. It changes nothing.

use anyhow::{Context, bail};
use client::{Checkpoint, Seq, Store, StreamId};
use std::time::Duration;

/// How long an ended process stays for its store to let go of a stream.
const LET_GO_MAX: Duration = Duration::from_secs(1);

/// The time between two looks.
const LET_GO_PAUSE: Duration = Duration::from_millis(5);

/// Reads and folds the journal of a stream; `place` is where the store is, for messages.
pub(crate) async fn read(store: &Store, id: &StreamId, place: &str) -> anyhow::Result<Checkpoint> {
    let records = records(store, id, place).await?;
    if records.is_empty() {
        bail!("nothing was asked under the name {id} yet; free it with `unbroken streams rm {id}`");
    }
    Checkpoint::fold(&records).with_context(|| format!("cannot read stream {id} in {place}"))
}

/// Reads the records of a stream, the first of which has position 1, page by page.
///
/// The store's own limit of a stream bounds what is read.
pub(crate) async fn records(
    store: &Store,
    id: &StreamId,
    place: &str,
) -> anyhow::Result<Vec<Vec<u8>>> {
    let failed = || format!("cannot read stream {id} in {place}");
    let mut records: Vec<Vec<u8>> = Vec::new();
    let mut after: Option<Seq> = None;
    loop {
        let page = store.read(id, after, store.limits().page_bytes).await.with_context(failed)?;
        for record in page.records() {
            let expected = records.len() as u64 + 1;
            if record.seq.value() != expected {
                bail!("{}: record {} where {expected} belongs", failed(), record.seq);
            }
            records.push(record.bytes.to_vec());
        }
        after = page.last().or(after);
        match (page.more(), page.is_empty()) {
            (true, false) => {}
            (true, true) => bail!("{}: no page after record {}", failed(), records.len()),
            (false, _) => return Ok(records),
        }
    }
}

/// Waits until nobody holds the stream any longer. A process that ends before its store has let
/// go leaves a claim that others have to wait out.
pub(crate) async fn let_go(store: &Store, id: &StreamId) {
    let free = async {
        while store.info(id).await.is_ok_and(|info| info.lease.is_some()) {
            tokio::time::sleep(LET_GO_PAUSE).await;
        }
    };
    // Whoever else holds it is not waited for longer than that.
    let _ = tokio::time::timeout(LET_GO_MAX, free).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[tokio::test]
    async fn a_stream_is_waited_for_until_it_is_free_and_no_longer_than_the_limit() {
        let store = Store::memory();
        let id = StreamId::new("s-1").unwrap();
        let writer = store.create(&id).await.unwrap();
        let began = Instant::now();
        let_go(&store, &id).await;
        assert!(began.elapsed() >= LET_GO_MAX);
        drop(writer);
        let began = Instant::now();
        let_go(&store, &id).await;
        assert!(began.elapsed() < LET_GO_MAX);
    }

    #[tokio::test]
    async fn a_stream_of_which_nothing_was_asked_can_only_be_removed() {
        let store = Store::memory();
        let id = StreamId::new("s-1").unwrap();
        drop(store.create(&id).await.unwrap());
        let error = read(&store, &id, "memory").await.err().unwrap();
        assert!(error.to_string().contains("unbroken streams rm s-1"), "{error}");
    }

    #[tokio::test]
    async fn pages_are_put_together_in_order() {
        let store = Store::memory();
        let id = StreamId::new("s-1").unwrap();
        let mut writer = store.create(&id).await.unwrap();
        let half_a_page = store.limits().page_bytes / 2;
        for byte in 0..5 {
            writer.append(&[&vec![byte; half_a_page][..]]).unwrap();
        }
        let records = records(&store, &id, "memory").await.unwrap();
        assert_eq!(records.iter().map(|record| record[0]).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert!(records.iter().all(|record| record.len() == half_a_page));
    }
}
