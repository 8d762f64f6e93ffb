//! `Streams`: the streams of one store on a server. Here is what opens, keeps and removes them;
//! `append` adds to them and `reading` reads them.

use std::time::Duration;

use redis::{Cmd, Pipeline};
use tokio::time::Instant;

use super::held::{Held, Holding, Token};
use super::keys::Keys;
use super::link::{Connection, Link};
use super::options::RedisOptions;
use super::reply::{Reply, read};
use super::script::Script;
use super::tails::Tails;
use crate::backend::Head;
use crate::expiry::{Expiry, Ttl};
use crate::stream_info::StreamState;
use crate::{ErrorKind, Holder, Level, StoreError, StreamId, StreamNo, Takeover, Timestamp};

/// The longest time that a stream is kept, in milliseconds: 100 years. What is longer has no end.
const TTL_MAX_MILLIS: u64 = 100 * 365 * 24 * 3600 * 1000;

/// The last moment until which a stream is kept, in milliseconds: the end of the year 9999.
const UNTIL_MAX_MILLIS: u64 = 253_402_300_799_000;

/// Names that one round of a sweep looks at, at most.
const SWEEP_LOOKS: u64 = 1024;

/// A writer that was let in.
pub(super) struct Granted {
    pub(super) head: Head,
    pub(super) token: Token,
    /// The connection over which that was learned.
    pub(super) generation: u64,
}

/// The streams of one store.
pub(super) struct Streams {
    pub(super) link: Link,
    pub(super) keys: Keys,
    pub(super) options: RedisOptions,
    pub(super) held: Held,
    pub(super) tails: Tails,
}

impl Streams {
    pub(super) fn new(url: &str, options: RedisOptions) -> Result<Self, StoreError> {
        options.check()?;
        Ok(Self {
            link: Link::new(url, &options)?,
            keys: Keys::new(&options.prefix),
            options,
            held: Held::default(),
            tails: Tails::default(),
        })
    }

    /// Makes the first connection, whose level is that of the backend.
    pub(super) async fn connect(&self) -> Result<Level, StoreError> {
        self.link.connection().await?;
        Ok(self.link.level())
    }

    pub(super) async fn create(
        &self,
        id: &StreamId,
        holder: &Holder,
        ttl: Option<Ttl>,
    ) -> Result<Granted, StoreError> {
        let mut connection = self.link.connection().await?;
        let token = Token::new();
        let mut call = connection.scripts.call(Script::Create, &self.keys, id);
        call.arg(token.as_str()).arg(holder.as_str()).arg(millis(self.options.lease));
        add_ttl(&mut call, ttl);
        let reply = ask(&mut connection, call).await?;
        match reply.word.as_str() {
            "exists" => Err(ErrorKind::Exists.into()),
            _ => {
                let generation = connection.generation;
                Ok(Granted { head: head(&reply)?, token, generation })
            }
        }
    }

    pub(super) async fn recover(
        &self,
        id: &StreamId,
        holder: &Holder,
        takeover: Takeover,
    ) -> Result<Granted, StoreError> {
        let mut connection = self.link.connection().await?;
        let token = Token::new();
        let mut call = connection.scripts.call(Script::Recover, &self.keys, id);
        call.arg(token.as_str()).arg(holder.as_str()).arg(millis(self.options.lease));
        match takeover {
            Takeover::IfFree => call.arg(""),
            Takeover::Over(epoch) => call.arg(epoch.value()),
        };
        let mut reply = ask(&mut connection, call).await?;
        match reply.word.as_str() {
            "closed" => Err(ErrorKind::Closed { last: reply.seq(0)?.previous() }.into()),
            "held" => {
                let left = Some(Duration::from_millis(reply.count(1)?));
                let kind = ErrorKind::Held { epoch: reply.epoch(0)?, left };
                Err(StoreError::with_source(kind, format!("held by {}", reply.text(2)?)))
            }
            _ => {
                let generation = connection.generation;
                Ok(Granted { head: head(&reply)?, token, generation })
            }
        }
    }

    pub(super) async fn extend(&self, id: &StreamId, ttl: Ttl) -> Result<(), StoreError> {
        let mut connection = self.link.connection().await?;
        let mut call = connection.scripts.call(Script::Extend, &self.keys, id);
        add_ttl(&mut call, Some(ttl));
        let reply = ask(&mut connection, call).await?;
        done(&reply)?;
        self.held.extended(id, reply.number(0)?.map(Duration::from_millis));
        Ok(())
    }

    pub(super) async fn compact(&self, id: &StreamId, snapshot: &[u8]) -> Result<(), StoreError> {
        let mut connection = self.link.connection().await?;
        let born = self.standing(&mut connection, id).await?.born;
        let mut call = connection.scripts.call(Script::Compact, &self.keys, id);
        call.arg(born).arg([&crc32c::crc32c(snapshot).to_le_bytes(), snapshot].concat());
        let reply = ask(&mut connection, call).await?;
        match reply.word.as_str() {
            "open" => Err(ErrorKind::StillOpen.into()),
            _ => done(&reply),
        }
    }

    pub(super) async fn delete(&self, id: &StreamId) -> Result<(), StoreError> {
        let mut connection = self.link.connection().await?;
        let born = self.born(&mut connection, id).await?;
        let mut call = connection.scripts.call(Script::Delete, &self.keys, id);
        call.arg(born);
        let reply = ask(&mut connection, call).await?;
        done(&reply)?;
        self.tails.changed(StreamNo::new(reply.count(0)?));
        Ok(())
    }

    /// What tells the stream from any other of its id, also when it is damaged; empty when even that
    /// is.
    async fn born(
        &self,
        connection: &mut Connection,
        id: &StreamId,
    ) -> Result<Vec<u8>, StoreError> {
        let mut get = redis::cmd("HGET");
        get.arg(self.keys.meta(id)).arg("born");
        match connection.ask(get).await {
            Err(error) if error.is_damage() => Ok(Vec::new()),
            born => Ok(read::<Option<Vec<u8>>>(born?)?.unwrap_or_default()),
        }
    }

    pub(super) async fn sweep(&self, streams_max: usize) -> Result<usize, StoreError> {
        let mut connection = self.link.connection().await?;
        loop {
            let mut call = connection.scripts.call_sweep(&self.keys);
            call.arg(streams_max).arg(SWEEP_LOOKS);
            let reply = ask(&mut connection, call).await?;
            done(&reply)?;
            let (swept, looked) = (reply.count(0)?, reply.count(1)?);
            // A round may meet nothing but what is kept longer by now.
            if swept > 0 || looked < SWEEP_LOOKS || streams_max == 0 {
                return Ok(usize::try_from(swept).unwrap_or(usize::MAX));
            }
        }
    }

    /// Renews leases, and ends those that were released, until all is to stop.
    pub(super) async fn keep_leases(&self) {
        let period = self.options.lease / 3;
        let mut due = Instant::now() + period;
        loop {
            self.held.news_until(due).await;
            // Before the releases: what is released until all stops is ended too.
            let is_last = self.held.is_stopped();
            // A server out of reach lets the leases lapse by itself.
            let _ = self.end_released().await;
            if is_last {
                return;
            }
            if Instant::now() >= due {
                let _ = self.renew().await;
                due = Instant::now() + period;
            }
        }
    }

    async fn renew(&self) -> Result<(), StoreError> {
        self.link.verify().await?;
        let mut connection = self.link.connection().await?;
        let held = self.held.all();
        let replies = self.ask_each(&mut connection, Script::Renew, &held).await?;
        for (holding, reply) in held.iter().zip(replies) {
            // What is wrong with one stream is no matter of others, which were renewed.
            let Ok(reply) = reply else { continue };
            match reply.word.as_str() {
                "done" => {
                    self.held.set_slide(holding, reply.number(0)?.map(Duration::from_millis));
                }
                _ => self.held.lose(holding.stream, holding.epoch),
            }
        }
        Ok(())
    }

    async fn end_released(&self) -> Result<(), StoreError> {
        let released = self.held.take_released();
        if !released.is_empty() {
            let mut connection = self.link.connection().await?;
            self.ask_each(&mut connection, Script::Release, &released).await?;
        }
        Ok(())
    }

    /// Calls a script for each of the streams, in one go.
    async fn ask_each(
        &self,
        connection: &mut Connection,
        script: Script,
        held: &[Holding],
    ) -> Result<Vec<Result<Reply, StoreError>>, StoreError> {
        let mut pipe = Pipeline::new();
        for holding in held {
            let mut call = connection.scripts.call(script, &self.keys, &holding.id);
            call.arg(holding.token.as_str()).arg(millis(self.options.lease));
            pipe.add_command(call);
        }
        if pipe.is_empty() {
            return Ok(Vec::new());
        }
        let answers = connection.send(&pipe).await?.into_iter();
        Ok(answers.map(|answer| connection.accept(answer).and_then(Reply::read)).collect())
    }
}

async fn ask(connection: &mut Connection, call: Cmd) -> Result<Reply, StoreError> {
    Reply::read(connection.ask(call).await?)
}

fn done(reply: &Reply) -> Result<(), StoreError> {
    match reply.word.as_str() {
        "done" => Ok(()),
        _ => Err(reply.unexpected()),
    }
}

/// The head that a script answered.
fn head(reply: &Reply) -> Result<Head, StoreError> {
    if reply.word != "ok" {
        return Err(reply.unexpected());
    }
    let expiry = Expiry {
        at: reply.number(5)?.map(Timestamp::from_millis),
        slide: reply.number(6)?.map(Duration::from_millis),
    };
    Ok(Head {
        stream: StreamNo::new(reply.count(0)?),
        epoch: reply.epoch(1)?,
        first: reply.seq(2)?,
        next: reply.seq(3)?,
        bytes: reply.count(4)?,
        state: StreamState::Open,
        expiry,
    })
}

/// Until when, and by how much it slides.
fn add_ttl(call: &mut Cmd, ttl: Option<Ttl>) {
    match ttl {
        None => call.arg("").arg(""),
        Some(Ttl::Until(at)) => call.arg(at.millis().min(UNTIL_MAX_MILLIS)).arg(""),
        Some(Ttl::Sliding(slide)) => call.arg("").arg(millis(slide).min(TTL_MAX_MILLIS)),
    };
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
