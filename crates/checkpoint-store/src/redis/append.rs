//! Commits: one pipeline for a whole batch. A run about which all is as usual is one `XADD`; about
//! any other, and where Redis refused, a script decides by the rules of [`Head::apply`].

use redis::{Pipeline, Value};

use super::held::{Straight, Token};
use super::link::Connection;
use super::reply::{Reply, malformed, text};
use super::script::Script;
use super::standing::{EntryId, ending};
use super::streams::Streams;
use crate::backend::Applied;
use crate::chunk::{Chunk, Frames};
use crate::expiry::TOMBSTONE_TTL;
use crate::{Ending, Seq, StoreError, StreamId, StreamNo};

/// Bytes of chunks that one pipeline sends, or one chunk: each has the time of one answer.
const PIPELINE_BYTES_MAX: usize = 1024 * 1024;

#[cfg(doc)]
use crate::backend::Head;

/// One run of a batch on its way.
struct Run<'a> {
    chunk: &'a Chunk,
    /// The stream, unless it is gone.
    id: Option<StreamId>,
    /// Its writer, if that is here.
    token: Option<Token>,
    straight: Option<Straight>,
    applied: Option<Applied>,
}

impl Streams {
    pub(super) async fn commit(&self, batch: &[Chunk]) -> Result<Vec<Applied>, StoreError> {
        let mut connection = self.link.connection().await?;
        let mut applied = Vec::with_capacity(batch.len());
        for part in parts(batch) {
            let mut runs = self.runs(&mut connection, part).await?;
            self.round(&mut connection, &mut runs).await?;
            // What was refused on the straight way is left to the script.
            if runs.iter().any(|run| run.applied.is_none()) {
                self.round(&mut connection, &mut runs).await?;
            }
            for run in runs {
                applied.push(run.applied.ok_or_else(malformed)?);
            }
        }
        Ok(applied)
    }

    async fn runs<'a>(
        &self,
        connection: &mut Connection,
        batch: &'a [Chunk],
    ) -> Result<Vec<Run<'a>>, StoreError> {
        let mut runs = Vec::with_capacity(batch.len());
        for chunk in batch {
            let frames = chunk.frames();
            let (id, token) = self.held.writer(frames.stream, frames.epoch).unzip();
            let straight = self.held.straight(&frames, connection.generation);
            runs.push(Run { chunk, id, token, straight, applied: None });
        }
        let unknown: Vec<_> = runs.iter_mut().filter(|run| run.id.is_none()).collect();
        if !unknown.is_empty() {
            self.look_up(connection, unknown).await?;
        }
        Ok(runs)
    }

    /// Finds the streams of runs whose writers this backend does not know.
    async fn look_up(
        &self,
        connection: &mut Connection,
        runs: Vec<&mut Run<'_>>,
    ) -> Result<(), StoreError> {
        let mut pipe = Pipeline::new();
        for run in &runs {
            pipe.cmd("GET").arg(self.keys.number(run.stream()));
        }
        let answers = connection.send(&pipe).await?;
        for (run, answer) in runs.into_iter().zip(answers) {
            let id = match connection.accept(answer) {
                Ok(Value::Nil) => {
                    run.applied = Some(Applied::Deleted);
                    continue;
                }
                id => id.and_then(text).and_then(|id| StreamId::new(id).map_err(|_| malformed())),
            };
            match id {
                Ok(id) => run.id = Some(id),
                Err(error) => run.applied = Some(unreadable(error)?),
            }
        }
        Ok(())
    }

    /// Sends the runs that are not settled, and settles those that can be.
    async fn round(
        &self,
        connection: &mut Connection,
        runs: &mut [Run<'_>],
    ) -> Result<(), StoreError> {
        let mut pipe = Pipeline::new();
        let mut widths = Vec::with_capacity(runs.len());
        for run in runs.iter() {
            let before = pipe.len();
            if let (None, Some(id)) = (run.applied, &run.id) {
                match &run.straight {
                    Some(straight) => self.add_straight(&mut pipe, run.chunk, id, straight),
                    None => self.add_script(&mut pipe, connection, run, id),
                }
            }
            widths.push(pipe.len() - before);
        }
        if pipe.is_empty() {
            return Ok(());
        }
        let mut answers = connection.send(&pipe).await?.into_iter();
        for (run, width) in runs.iter_mut().zip(widths) {
            let mut answers = answers.by_ref().take(width);
            let Some(answer) = answers.next() else { continue };
            for moved in answers {
                connection.accept(moved)?;
            }
            match run.straight.take() {
                Some(straight) => self.settle_straight(connection, run, &straight, answer)?,
                None => self.settle_script(connection, run, answer)?,
            }
        }
        Ok(())
    }

    fn add_straight(&self, pipe: &mut Pipeline, chunk: &Chunk, id: &StreamId, straight: &Straight) {
        let log = self.keys.log(id);
        pipe.cmd("XADD").arg(&log).arg("NOMKSTREAM").arg(EntryId::of(chunk).text());
        pipe.arg(b"c").arg(chunk.bytes()).arg(b"b").arg(straight.bytes);
        let Some(slide) = &straight.slide else { return };
        let millis =
            |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let mut move_to = |key: String, time| {
            pipe.cmd("PEXPIRE").arg(key).arg(millis(time)).arg("GT");
        };
        move_to(log, slide.time);
        if slide.moves_rest {
            let longer = slide.time + slide.time / 32 + std::time::Duration::from_secs(1);
            move_to(self.keys.meta(id), longer);
            move_to(self.keys.number(chunk.frames().stream), longer);
            move_to(self.keys.epoch(id), longer + TOMBSTONE_TTL);
        }
    }

    fn add_script(
        &self,
        pipe: &mut Pipeline,
        connection: &Connection,
        run: &Run<'_>,
        id: &StreamId,
    ) {
        let frames = run.chunk.frames();
        let mut call = connection.scripts.call(Script::Append, &self.keys, id);
        call.arg(run.token.as_ref().map_or("", Token::as_str));
        call.arg(frames.stream.value()).arg(frames.epoch.value()).arg(frames.first.value());
        call.arg(frames.count).arg(ending(frames.ending)).arg(frames.payload().len());
        call.arg(run.chunk.bytes());
        pipe.add_command(call);
    }

    fn settle_straight(
        &self,
        connection: &Connection,
        run: &mut Run<'_>,
        straight: &Straight,
        answer: Value,
    ) -> Result<(), StoreError> {
        let frames = run.chunk.frames();
        match answer {
            // Nothing is there, or a later entry: the script says what that means.
            Value::Nil => return Ok(()),
            Value::ServerError(refusal) if matches!(refusal.code(), "ERR" | "WRONGTYPE") => {
                return Ok(());
            }
            answer => _ = connection.accept(answer)?,
        }
        let next = frames.next();
        self.held.stored(&frames, next, straight.bytes, connection.generation);
        if straight.slide.as_ref().is_some_and(|slide| slide.moves_rest) {
            self.held.moved(&frames);
        }
        self.tails.changed(frames.stream);
        run.applied = Some(Applied::Stored { next });
        Ok(())
    }

    fn settle_script(
        &self,
        connection: &Connection,
        run: &mut Run<'_>,
        answer: Value,
    ) -> Result<(), StoreError> {
        let frames = run.chunk.frames();
        let answer = connection.accept(answer).and_then(Reply::read);
        let (applied, bytes) = match answer.and_then(|reply| applied(&reply)) {
            Ok(answer) => answer,
            Err(error) => {
                run.applied = Some(unreadable(error)?);
                return Ok(());
            }
        };
        match applied {
            Applied::Stored { next } | Applied::Duplicate { next } => {
                self.held.stored(&frames, next, bytes, connection.generation);
                self.tails.changed(frames.stream);
                self.forget_ended(&frames);
            }
            Applied::Fenced { .. } | Applied::Deleted => {
                self.held.lose(frames.stream, frames.epoch);
            }
            _ => {}
        }
        run.applied = Some(applied);
        Ok(())
    }

    /// A stored close ends the lease by itself.
    fn forget_ended(&self, frames: &Frames<'_>) {
        if frames.ending == Ending::Close {
            self.held.forget(frames.stream, frames.epoch);
        }
    }
}

/// The batch in parts that one pipeline sends.
fn parts(batch: &[Chunk]) -> impl Iterator<Item = &[Chunk]> {
    let mut rest = batch;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = rest.iter().take_while(|chunk| {
            bytes += chunk.bytes().len();
            bytes <= PIPELINE_BYTES_MAX
        });
        let count = fits.count().max(1).min(rest.len());
        let (part, others) = rest.split_at(count);
        rest = others;
        (!part.is_empty()).then_some(part)
    })
}

impl Run<'_> {
    fn stream(&self) -> StreamNo {
        self.chunk.frames().stream
    }
}

/// What damage of one stream means for its run; any other error is that of the whole commit.
fn unreadable(error: StoreError) -> Result<Applied, StoreError> {
    if error.is_damage() { Ok(Applied::Unreadable { kind: error.kind() }) } else { Err(error) }
}

/// What the script did, and the bytes of all records where it took the run or had it.
fn applied(reply: &Reply) -> Result<(Applied, u64), StoreError> {
    let applied = match reply.word.as_str() {
        "stored" => return Ok((Applied::Stored { next: reply.seq(0)? }, reply.count(1)?)),
        "duplicate" => return Ok((Applied::Duplicate { next: reply.seq(0)? }, reply.count(1)?)),
        "fenced" => Applied::Fenced { current: reply.epoch(0)? },
        "gap" => Applied::Gap { expected: reply.seq(0)? },
        "closed" => Applied::Closed { last: Seq::previous(reply.seq(0)?) },
        "deleted" => Applied::Deleted,
        _ => return Err(malformed()),
    };
    Ok((applied, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Epoch, Seq};

    #[test]
    fn a_batch_is_sent_in_parts_that_an_answer_has_time_for() {
        let chunk = |bytes: usize| {
            let record = vec![0; bytes];
            Chunk::new(StreamNo::new(1), Epoch::FIRST, Seq::FIRST, &[&record], Ending::Open)
        };
        let kib = |count: usize| chunk(count * 1024);
        let batch = [kib(400), kib(600), kib(400), kib(3000), chunk(1), chunk(1)];
        let lens: Vec<usize> = parts(&batch).map(<[Chunk]>::len).collect();
        assert_eq!(lens, [2, 1, 1, 2]);
        assert_eq!(parts(&[]).count(), 0);
    }
}
