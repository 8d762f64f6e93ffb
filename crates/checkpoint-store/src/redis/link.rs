//! `Link`: the one connection to the server, made anew when it broke. It repeats nothing: what was
//! on its way has an unknown outcome, and whoever asked is told so.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Pipeline, RedisError, ServerError, Value};
use rustls::crypto::{CryptoProvider, ring};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::keys::{Keys, LAYOUT};
use super::options::{RedisOptions, invalid};
use super::reply;
use super::script::Scripts;
use super::server::{self, Server, Settings};
use crate::{ErrorKind, Level, StoreError};

/// After a connection could not be made, everyone gets the same error for so long.
const RECONNECT_PAUSE: Duration = Duration::from_millis(50);

/// The one connection to the server.
pub(super) struct Link {
    client: Client,
    keys: Keys,
    config: AsyncConnectionConfig,
    connect_timeout: Duration,
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
    /// Which server it is, with whose data.
    identity: String,
    is_broken: Arc<AtomicBool>,
}

impl Link {
    pub(super) fn new(url: &str, options: &RedisOptions) -> Result<Self, StoreError> {
        // The error of a URL may quote it.
        let client = Client::open(url).map_err(|_| {
            invalid("the URL of a Redis server is redis://[user[:password]@]host[:port][/db]")
        })?;
        provide_crypto(url);
        let connect_timeout = options.connect_timeout;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(options.connect_timeout))
            .set_response_timeout(Some(options.response_timeout));
        let keys = Keys::new(&options.prefix);
        let level = OnceLock::new();
        Ok(Self { client, keys, config, connect_timeout, level, state: Mutex::default() })
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
        let connected = timeout(self.connect_timeout, self.connect(state.connections)).await;
        match connected.unwrap_or_else(|_| Err(late())) {
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

    /// Asks the server again who it is and what it is worth; gives the connection up when it is
    /// another one, or worth less.
    pub(super) async fn verify(&self) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        let server = self.check(&mut connection).await;
        if !server.as_ref().is_ok_and(|server| server.identity == connection.identity) {
            connection.give_up();
        }
        server.map(drop)
    }

    async fn connect(&self, generation: u64) -> Result<Connection, StoreError> {
        let wire = self.client.get_multiplexed_async_connection_with_config(&self.config);
        let scripts = Arc::new(Scripts::default());
        let is_broken = Arc::default();
        let wire = wire.await.map_err(|error| refused_login(&error))?;
        let identity = String::new();
        let mut connection = Connection { wire, scripts, generation, identity, is_broken };
        connection.identity = self.check(&mut connection).await?.identity;
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
        let mut get = redis::cmd("GET");
        get.arg(self.keys.format());
        let mut set = redis::cmd("SET");
        set.arg(self.keys.format()).arg(LAYOUT).arg("NX");
        match reply::read::<Option<u8>>(connection.ask(get).await?)? {
            Some(LAYOUT) => Ok(()),
            Some(found) => Err(ErrorKind::Version { found, max: LAYOUT }.into()),
            // Whoever is faster has the same layout, or is met at the next connection.
            None => connection.ask(set).await.map(drop),
        }
    }

    async fn check(&self, connection: &mut Connection) -> Result<Server, StoreError> {
        let mut pipe = Pipeline::new();
        for question in server::questions() {
            pipe.add_command(question);
        }
        let mut answers = connection.send(&pipe).await?.into_iter();
        let mut answer = || answers.next().unwrap_or_default();
        let info = reply::text(connection.accept(answer())?)?;
        // A managed server may refuse to tell its settings.
        let settings: Settings = redis::from_redis_value(answer()).unwrap_or_default();
        let server = Server::of(&info, &settings)?;
        let promised = *self.level.get_or_init(|| server.level);
        if server.level < promised {
            let found = server.level;
            let what = format!("the server is durable to the level {found} now, not {promised}");
            return Err(StoreError::with_source(ErrorKind::Unavailable, what));
        }
        Ok(server)
    }
}

impl Connection {
    /// Sends commands in one go; the answers are in their order, refusals among them.
    pub(super) async fn send(&mut self, pipe: &Pipeline) -> Result<Vec<Value>, StoreError> {
        let sent = self.wire.send_packed_commands(pipe, 0, pipe.len()).await;
        sent.map_err(|error| {
            self.give_up();
            failure(error)
        })
    }

    /// The answer to one command.
    pub(super) async fn ask(&mut self, command: redis::Cmd) -> Result<Value, StoreError> {
        let mut pipe = Pipeline::new();
        pipe.add_command(command);
        let answer = self.send(&pipe).await?.pop().unwrap_or_default();
        self.accept(answer)
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
        let text = refusal.to_string();
        // A script of ours that fails met what none of ours wrote.
        let kind = match kind_of(refusal.code()) {
            ErrorKind::Io if text.contains("@user_script") => {
                ErrorKind::Corrupt { good_prefix: None }
            }
            kind => kind,
        };
        StoreError::with_source(kind, text)
    }

    fn give_up(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
    }
}

/// TLS needs somebody's cryptography; this is the one where the program has chosen none.
fn provide_crypto(url: &str) {
    if url.starts_with("rediss:") && CryptoProvider::get_default().is_none() {
        // Somebody may have been faster.
        let _ = ring::default_provider().install_default();
    }
}

fn late() -> StoreError {
    StoreError::with_source(ErrorKind::Unavailable, "the server did not let us in in time")
}

/// Why a connection could not be made. A server may quote what it was told, the password too, so of
/// its words there is only the first.
fn refused_login(error: &RedisError) -> StoreError {
    let kind = kind_of_error(error);
    let what = match (error.code(), error.is_io_error()) {
        (Some(code), _) => format!("the server refuses the login: {code}"),
        (None, true) => error.to_string(),
        (None, false) => format!("no connection: {}", error.category()),
    };
    StoreError::with_source(kind, what)
}

fn failure(error: RedisError) -> StoreError {
    StoreError::with_source(kind_of_error(&error), error)
}

fn kind_of_error(error: &RedisError) -> ErrorKind {
    use redis::ErrorKind::{AuthenticationFailed, InvalidClientConfig};
    // A peer whose certificate is not trusted today is not trusted a moment later.
    let is_distrust = std::error::Error::source(error)
        .and_then(|cause| cause.downcast_ref::<Arc<dyn std::error::Error + Send + Sync>>())
        .and_then(|cause| cause.downcast_ref::<io::Error>())
        .is_some_and(|cause| cause.kind() == io::ErrorKind::InvalidData);
    match (error.code(), error.kind()) {
        (Some(code), _) => kind_of(code),
        (None, AuthenticationFailed | InvalidClientConfig) => ErrorKind::Io,
        _ if is_distrust => ErrorKind::Io,
        _ => ErrorKind::Unavailable,
    }
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
