//! `Link`: the one connection to the server, made anew when it broke. It repeats nothing: what was
//! on its way has an unknown outcome, and whoever asked is told so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Pipeline, RedisError, ServerError, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::keys::{Keys, LAYOUT};
use super::options::{RedisOptions, invalid};
use super::reply;
use super::script::Scripts;
use super::server;
use crate::{ErrorKind, Level, StoreError};

/// After a connection could not be made, everyone gets the same error for so long.
const RECONNECT_PAUSE: Duration = Duration::from_millis(50);

/// The one connection to the server.
pub(super) struct Link {
    client: Client,
    keys: Keys,
    config: AsyncConnectionConfig,
    /// That of the first connection; no later one may have less.
    level: OnceLock<Level>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connections: u64,
    connection: Option<Connection>,
    failure: Option<(Instant, StoreError)>,
}

/// A connection that was made and checked. Cloning gives the same one.
#[derive(Clone)]
pub(super) struct Connection {
    wire: MultiplexedConnection,
    pub(super) scripts: Arc<Scripts>,
    /// Counts the connections: what was learned over an earlier one may not hold any more.
    pub(super) generation: u64,
    is_broken: Arc<AtomicBool>,
}

impl Link {
    pub(super) fn new(url: &str, options: &RedisOptions) -> Result<Self, StoreError> {
        // The error of a URL may quote it.
        let client = Client::open(url).map_err(|_| {
            invalid("the URL of a Redis server is redis://[user[:password]@]host[:port][/db]")
        })?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(options.connect_timeout))
            .set_response_timeout(Some(options.response_timeout));
        let keys = Keys::new(&options.prefix);
        Ok(Self { client, keys, config, level: OnceLock::new(), state: Mutex::default() })
    }

    /// The level of the server.
    pub(super) fn level(&self) -> Level {
        self.level.get().copied().unwrap_or(Level::Memory)
    }

    /// The connection, made if there is none that works.
    pub(super) async fn connection(&self) -> Result<Connection, StoreError> {
        let mut state = self.state.lock().await;
        let works = |connection: &&Connection| !connection.is_broken.load(Ordering::Relaxed);
        if let Some(connection) = state.connection.as_ref().filter(works) {
            return Ok(connection.clone());
        }
        if let Some((at, failure)) = &state.failure
            && at.elapsed() < RECONNECT_PAUSE
        {
            return Err(failure.clone());
        }
        state.connections += 1;
        match self.connect(state.connections).await {
            Ok(connection) => {
                state.connection = Some(connection.clone());
                Ok(connection)
            }
            Err(error) => {
                state.failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Asks the server again what it is worth; gives the connection up when that is less.
    pub(super) async fn verify(&self) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        let checked = self.check(&mut connection).await;
        checked.inspect_err(|_| connection.give_up())
    }

    async fn connect(&self, generation: u64) -> Result<Connection, StoreError> {
        let wire = self.client.get_multiplexed_async_connection_with_config(&self.config);
        let scripts = Arc::new(Scripts::default());
        let is_broken = Arc::default();
        let wire = wire.await.map_err(failure)?;
        let mut connection = Connection { wire, scripts, generation, is_broken };
        self.check(&mut connection).await?;
        self.check_layout(&mut connection).await?;
        let mut load = Pipeline::new();
        for script in Scripts::load() {
            load.add_command(script);
        }
        let hashes = connection.send(&load).await?.into_iter();
        let hashes = hashes.map(|hash| reply::text(connection.accept(hash)?));
        let scripts = Scripts::loaded(hashes.collect::<Result<_, _>>()?);
        connection.scripts = Arc::new(scripts.ok_or_else(reply::malformed)?);
        Ok(connection)
    }

    /// Takes the prefix for this layout, or learns that it is another's.
    async fn check_layout(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let mut pipe = Pipeline::new();
        pipe.cmd("SET").arg(self.keys.format()).arg(LAYOUT).arg("NX").arg("GET");
        let answer = connection.send(&pipe).await?.pop().unwrap_or_default();
        match reply::read::<Option<u8>>(connection.accept(answer)?)? {
            None | Some(LAYOUT) => Ok(()),
            Some(found) => Err(ErrorKind::Version { found, max: LAYOUT }.into()),
        }
    }

    async fn check(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let mut pipe = Pipeline::new();
        for question in server::questions() {
            pipe.add_command(question);
        }
        let mut answers = connection.send(&pipe).await?.into_iter();
        let mut answer = || answers.next().unwrap_or_default();
        let info = reply::text(connection.accept(answer())?)?;
        // A managed server may refuse to tell its settings.
        let config: Option<Vec<String>> = redis::from_redis_value(answer()).ok();
        let appendfsync = config.as_ref().and_then(|pair| pair.get(1)).map(String::as_str);
        let found = server::level(&info, appendfsync)?;
        let promised = *self.level.get_or_init(|| found);
        if found < promised {
            let what = format!("the server is durable to the level {found} now, not {promised}");
            return Err(StoreError::with_source(ErrorKind::Unavailable, what));
        }
        Ok(())
    }
}

impl Connection {
    /// Sends commands in one go; the answers are in their order, refusals among them. Of a
    /// transaction there is one answer.
    pub(super) async fn send(&mut self, pipe: &Pipeline) -> Result<Vec<Value>, StoreError> {
        let (skipped, answers) = match pipe.is_transaction() {
            true => (pipe.len() + 1, 1),
            false => (0, pipe.len()),
        };
        let sent = self.wire.send_packed_commands(pipe, skipped, answers).await;
        sent.map_err(|error| {
            self.give_up();
            failure(error)
        })
    }

    /// The answers to the commands of a transaction.
    pub(super) async fn transact(&mut self, pipe: &Pipeline) -> Result<Vec<Value>, StoreError> {
        match self.send(pipe).await?.pop() {
            Some(Value::Array(answers)) if answers.len() == pipe.len() => {
                answers.into_iter().map(|answer| self.accept(answer)).collect()
            }
            Some(answer) => Err(self.accept(answer).err().unwrap_or_else(reply::malformed)),
            None => Err(reply::malformed()),
        }
    }

    /// The answer, unless it is a refusal.
    pub(super) fn accept(&self, answer: Value) -> Result<Value, StoreError> {
        match answer {
            Value::ServerError(refusal) => Err(self.refused(&refusal)),
            answer => Ok(answer),
        }
    }

    /// What a refusal means. Where the server is not what it was, so is the connection.
    pub(super) fn refused(&self, refusal: &ServerError) -> StoreError {
        if matches!(refusal.code(), "READONLY" | "MASTERDOWN" | "NOSCRIPT") {
            self.give_up();
        }
        StoreError::with_source(kind_of(refusal.code()), refusal.to_string())
    }

    fn give_up(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
    }
}

fn failure(error: RedisError) -> StoreError {
    use redis::ErrorKind::{AuthenticationFailed, InvalidClientConfig};
    let kind = match (error.code(), error.kind()) {
        (Some(code), _) => kind_of(code),
        (None, AuthenticationFailed | InvalidClientConfig) => ErrorKind::Io,
        _ => ErrorKind::Unavailable,
    };
    StoreError::with_source(kind, error)
}

/// What the word before a refusal means.
fn kind_of(code: &str) -> ErrorKind {
    match code {
        "BUSY" | "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "MISCONF" | "NOREPLICAS"
        | "NOSCRIPT" | "OOM" | "READONLY" | "TRYAGAIN" => ErrorKind::Unavailable,
        "WRONGTYPE" => ErrorKind::Corrupt { good_prefix: None },
        _ => ErrorKind::Io,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_a_url_is_in_no_error() {
        let refused = Link::new("redis://u:hunter2@", &RedisOptions::default());
        let Err(error) = refused else { panic!("not a URL") };
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }

    #[test]
    fn what_a_restart_or_a_failover_mends_is_unavailable() {
        for code in ["LOADING", "READONLY", "OOM", "MISCONF", "NOSCRIPT"] {
            assert_eq!(kind_of(code), ErrorKind::Unavailable, "{code}");
        }
        for code in ["NOAUTH", "NOPERM", "WRONGPASS", "ERR"] {
            assert_eq!(kind_of(code), ErrorKind::Io, "{code}");
        }
    }
}
