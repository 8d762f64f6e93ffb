//! What is read without changing anything: heads, pages, lists, snapshots, and the wait for more.

use redis::Value;

use super::link::Connection;
use super::reply::{Reply, malformed, read};
use super::script::Script;
use super::standing::{ANSWERS, Entry, Standing};
use super::streams::Streams;
use crate::chunk::{ChunkError, FORMAT, Frames};
use crate::page::{PageBuilder, Taken};
use crate::stream_info::{Listing, StreamInfo};
use crate::{ErrorKind, Page, Seq, StoreError, StreamId, Timestamp};

/// Streams that one call asks about.
const STREAMS_PER_LOOK: usize = 64;

/// Entries of a log that are read in one go, at most.
const ENTRIES_MAX: u64 = 512;

impl Streams {
    pub(super) async fn stat(&self, id: &StreamId) -> Result<StreamInfo, StoreError> {
        let mut connection = self.link.connection().await?;
        Ok(self.standing(&mut connection, id).await?.info(id.clone()))
    }

    pub(super) async fn read(
        &self,
        id: &StreamId,
        after: Option<Seq>,
        bytes_max: usize,
    ) -> Result<Page, StoreError> {
        let mut connection = self.link.connection().await?;
        loop {
            let standing = self.standing(&mut connection, id).await?;
            standing.head.check_cursor(after)?;
            let mut page = PageBuilder::new(after, bytes_max).with_room_for(&standing.head);
            self.fill(&mut connection, id, &standing, &mut page).await?;
            let page = page.finish(&standing.head);
            if !page.is_empty() || !page.more() {
                return Ok(page);
            }
            // Nothing of what was acknowledged may be missing, unless it went a moment ago.
            let now = self.standing(&mut connection, id).await?.head;
            if (now.stream, now.first) == (standing.head.stream, standing.head.first) {
                return Err(ErrorKind::Corrupt { good_prefix: after }.into());
            }
        }
    }

    pub(super) async fn wait(&self, id: &StreamId, after: Option<Seq>) -> Result<(), StoreError> {
        let mut connection = self.link.connection().await?;
        let standing = self.standing(&mut connection, id).await?;
        if standing.head.is_quiet_after(after) {
            return self.tails.wait(id, standing.head.stream, standing.entry).await;
        }
        Ok(())
    }

    pub(super) async fn list(
        &self,
        after: Option<StreamId>,
        streams_max: usize,
    ) -> Result<Listing, StoreError> {
        let mut connection = self.link.connection().await?;
        let mut after = after.map(|id| id.as_str().as_bytes().to_vec());
        let mut streams = Vec::new();
        loop {
            let names = self.names(&mut connection, after.as_deref()).await?;
            let Some(last) = names.last() else { return Ok(Listing { streams, more: false }) };
            after = Some(last.clone());
            let ids: Vec<StreamId> = names.iter().filter_map(|name| id_of(name)).collect();
            for (id, standing) in ids.iter().zip(self.standings(&mut connection, &ids).await?) {
                let info = match standing {
                    Ok(Some(standing)) => standing.info(id.clone()),
                    // What has expired keeps its name until it is swept.
                    Ok(None) => continue,
                    Err(error) => StreamInfo::damaged(id.clone(), error.kind()),
                };
                if streams.len() == streams_max {
                    return Ok(Listing { streams, more: true });
                }
                streams.push(info);
            }
        }
    }

    pub(super) async fn snapshot(&self, id: &StreamId) -> Result<Option<Vec<u8>>, StoreError> {
        let mut connection = self.link.connection().await?;
        let call = connection.scripts.call(Script::Snapshot, &self.keys, id);
        let mut reply = Reply::read(connection.ask(call).await?)?;
        match reply.word.as_str() {
            "done" => reply.bytes(0)?.map(checked).transpose(),
            _ => Err(reply.unexpected()),
        }
    }

    /// Where a stream stands.
    pub(super) async fn standing(
        &self,
        connection: &mut Connection,
        id: &StreamId,
    ) -> Result<Standing, StoreError> {
        let standings = self.standings(connection, std::slice::from_ref(id)).await?;
        let standing = standings.into_iter().next().ok_or_else(malformed)??;
        standing.ok_or_else(|| ErrorKind::NotFound.into())
    }

    /// Where these streams stand, at one moment. An error inside is damage of that stream.
    async fn standings(
        &self,
        connection: &mut Connection,
        ids: &[StreamId],
    ) -> Result<Vec<Result<Option<Standing>, StoreError>>, StoreError> {
        let Some((first, others)) = ids.split_first() else { return Ok(Vec::new()) };
        let mut call = connection.scripts.call(Script::Stat, &self.keys, first);
        for id in others {
            call.arg(id.as_str());
        }
        let answers: Vec<Value> = read(connection.ask(call).await?)?;
        let (now, answers) = answers.split_first().ok_or_else(malformed)?;
        let now = Timestamp::from_millis(read(now.clone())?);
        let (groups, rest) = answers.as_chunks::<ANSWERS>();
        if groups.len() != ids.len() || !rest.is_empty() {
            return Err(malformed());
        }
        Ok(groups.iter().map(|group| Standing::read(group.clone(), now)).collect())
    }

    async fn names(
        &self,
        connection: &mut Connection,
        after: Option<&[u8]>,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let from = after.map_or_else(|| b"-".to_vec(), |name| [b"(", name].concat());
        let mut range = redis::cmd("ZRANGE");
        range.arg(self.keys.names()).arg(from).arg("+").arg("BYLEX");
        range.arg("LIMIT").arg(0).arg(STREAMS_PER_LOOK);
        read(connection.ask(range).await?)
    }

    /// Fills the page; stops before what is damaged or gone.
    async fn fill(
        &self,
        connection: &mut Connection,
        id: &StreamId,
        standing: &Standing,
        page: &mut PageBuilder,
    ) -> Result<(), StoreError> {
        while page.next() < standing.head.next {
            let from = page.next();
            for entry in self.entries(connection, id, standing, page).await? {
                let Some(chunk) = entry.chunk else { continue };
                let frames = match frames(&chunk, standing) {
                    Ok(Some(frames)) => frames,
                    Err(error) if page.is_empty() => return Err(error),
                    // Behind good records it is what the next page meets.
                    Ok(None) | Err(_) => return Ok(()),
                };
                if page.push(&frames) != Taken::All {
                    return Ok(());
                }
            }
            if page.next() == from {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The entries that go on where the page ends, about as many as it has room for.
    async fn entries(
        &self,
        connection: &mut Connection,
        id: &StreamId,
        standing: &Standing,
        page: &PageBuilder,
    ) -> Result<Vec<Entry>, StoreError> {
        let records = standing.head.next.value() - page.next().value();
        let record_bytes = standing.head.bytes / (standing.head.next.value() - 1).max(1);
        let fitting = page.room() / record_bytes.max(1) + 1;
        let mut range = redis::cmd("XRANGE");
        range.arg(self.keys.log(id)).arg(standing.entry_of(page.next())?.text());
        range.arg("+").arg("COUNT").arg(records.min(fitting).min(ENTRIES_MAX));
        let entries: Vec<Value> = read(connection.ask(range).await?)?;
        entries.into_iter().map(Entry::read).collect()
    }
}

/// The stream of a name; what is none of ours names nothing.
fn id_of(name: &[u8]) -> Option<StreamId> {
    str::from_utf8(name).ok().and_then(|name| StreamId::new(name).ok())
}

/// The snapshot without the checksum before it.
fn checked(mut value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    let crc = value.first_chunk().copied().map(u32::from_le_bytes).ok_or_else(malformed)?;
    value.drain(..size_of::<u32>());
    if crc32c::crc32c(&value) != crc {
        return Err(malformed());
    }
    Ok(value)
}

/// The records of a chunk; `None` when it is damaged, or of another stream.
fn frames<'a>(chunk: &'a [u8], standing: &Standing) -> Result<Option<Frames<'a>>, StoreError> {
    match Frames::decode(chunk) {
        Ok((frames, _)) => Ok((frames.stream == standing.head.stream).then_some(frames)),
        Err(ChunkError::Version { found }) => Err(ErrorKind::Version { found, max: FORMAT }.into()),
        Err(_) => Ok(None),
    }
}
