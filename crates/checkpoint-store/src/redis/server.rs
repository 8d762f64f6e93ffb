//! `Server`: who a Redis server is and what its settings are worth: its level, and whether it can be
//! trusted with streams at all.

use std::collections::HashMap;

use redis::Cmd;

use super::options::invalid;
use crate::{ErrorKind, Level, StoreError};

/// The first version that has all that the scripts use.
const MAJOR_MIN: u32 = 7;

/// A server that can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) level: Level,
    /// Which process it is and whose data it has: another one after a restart, and after it was a
    /// replica for a while.
    pub(super) identity: String,
}

/// Settings by their names.
pub(super) type Settings = HashMap<String, String>;

/// What to ask the server.
pub(super) fn questions() -> [Cmd; 2] {
    let mut config = redis::cmd("CONFIG");
    config.arg("GET").arg("appendfsync").arg("no-appendfsync-on-rewrite");
    [redis::cmd("INFO"), config]
}

impl Server {
    /// The server of this `INFO`, and of these settings, if it tells them.
    ///
    /// With `appendfsync no` a record is in the hands of the operating system before it is
    /// acknowledged. With `everysec` it need not be: while a sync is running, Redis holds writes
    /// back for up to 2 s and acknowledges all the same (`flushAppendOnlyFile` in its `aof.c`). A
    /// server that hides its settings is taken for one that does so. With
    /// `no-appendfsync-on-rewrite` nothing is synced while the file is rewritten.
    pub(super) fn of(info: &str, settings: &Settings) -> Result<Self, StoreError> {
        let field = |name: &str| {
            let mut fields = info.lines().filter_map(|line| line.split_once(':'));
            fields.find(|(key, _)| *key == name).map(|(_, value)| value.trim())
        };
        trust(field)?;
        let setting = |name: &str| settings.get(name).map(String::as_str);
        let syncs = (setting("appendfsync"), setting("no-appendfsync-on-rewrite"));
        let level = match (field("aof_enabled"), syncs) {
            (Some("1"), (Some("always"), Some("no"))) => Level::Disk,
            (Some("1"), (Some("always" | "no"), _)) => Level::Process,
            _ => Level::Memory,
        };
        let identity = ["run_id", "master_replid"].map(|name| field(name).unwrap_or_default());
        Ok(Self { level, identity: identity.concat() })
    }
}

/// Refuses a server that is too old, may drop keys, or is not the one that is written to.
fn trust<'a>(field: impl Fn(&str) -> Option<&'a str>) -> Result<(), StoreError> {
    let version = field("redis_version").unwrap_or("unknown");
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < MAJOR_MIN) {
        return Err(invalid(&format!("needs Redis 7.0 or later, the server has {version}")));
    }
    if field("role").is_some_and(|role| role != "master") {
        return Err(StoreError::with_source(ErrorKind::Unavailable, "the server is a replica"));
    }
    let policy = field("maxmemory_policy").unwrap_or("noeviction");
    if field("maxmemory").is_some_and(|bytes| bytes != "0") && policy != "noeviction" {
        return Err(invalid(&format!(
            "the server may drop what it acknowledged: its maxmemory-policy is {policy}, and has \
             to be noeviction"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "# Server\r\nredis_version:7.0.15\r\nrole:master\r\nmaxmemory:0\r\n\
                         maxmemory_policy:allkeys-lru\r\naof_enabled:1\r\n";

    fn settings(appendfsync: &str, on_rewrite: &str) -> Settings {
        let pairs = [("appendfsync", appendfsync), ("no-appendfsync-on-rewrite", on_rewrite)];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    #[track_caller]
    fn check_level(info: &str, settings: &Settings, level: Level) {
        assert_eq!(Server::of(info, settings).unwrap().level, level);
    }

    fn refusal(info: &str) -> StoreError {
        Server::of(info, &settings("always", "no")).expect_err("refused")
    }

    #[test]
    fn the_level_is_what_is_done_before_an_answer() {
        check_level(PLAIN, &settings("always", "no"), Level::Disk);
        check_level(PLAIN, &settings("always", "yes"), Level::Process);
        check_level(PLAIN, &settings("no", "no"), Level::Process);
        check_level(PLAIN, &settings("everysec", "no"), Level::Memory);
        check_level(PLAIN, &Settings::new(), Level::Memory);
        let without = PLAIN.replace("aof_enabled:1", "aof_enabled:0");
        check_level(&without, &settings("always", "no"), Level::Memory);
    }

    #[test]
    fn a_server_that_was_a_replica_or_was_restarted_is_another_one() {
        let identity = |info: &str| Server::of(info, &Settings::new()).unwrap().identity;
        let first = format!("{PLAIN}run_id:a1\r\nmaster_replid:b1\r\n");
        assert_eq!(identity(&first), "a1b1");
        assert_ne!(identity(&first), identity(&first.replace("b1", "b2")));
        assert_ne!(identity(&first), identity(&first.replace("a1", "a2")));
    }

    #[test]
    fn a_server_that_evicts_is_refused_only_where_it_has_a_limit() {
        let limited = PLAIN.replace("maxmemory:0", "maxmemory:100");
        assert_eq!(refusal(&limited).kind(), ErrorKind::Io);
        let keeps = limited.replace("allkeys-lru", "noeviction");
        assert!(Server::of(&keeps, &Settings::new()).is_ok());
    }

    #[test]
    fn an_old_server_and_a_replica_are_refused() {
        assert_eq!(refusal(&PLAIN.replace("7.0.15", "6.2.1")).kind(), ErrorKind::Io);
        assert_eq!(refusal("").kind(), ErrorKind::Io);
        let replica = refusal(&PLAIN.replace("role:master", "role:slave"));
        assert_eq!(replica.kind(), ErrorKind::Unavailable);
    }
}
