//! What the settings of a Redis server are worth: its level, and whether it can be trusted with
//! streams at all.

use redis::Cmd;

use super::options::invalid;
use crate::{ErrorKind, Level, StoreError};

/// The first version that has all that the scripts use.
const MAJOR_MIN: u32 = 7;

/// What to ask the server: the answers are for [`level`].
pub(super) fn questions() -> [Cmd; 2] {
    let mut config = redis::cmd("CONFIG");
    config.arg("GET").arg("appendfsync");
    [redis::cmd("INFO"), config]
}

/// The level of a server, from its `INFO` and its `appendfsync`, if it tells that.
///
/// With `appendfsync no` a record is in the hands of the operating system before it is acknowledged.
/// With `everysec` it need not be: while a sync is running, Redis holds writes back for up to 2 s and
/// acknowledges all the same (`flushAppendOnlyFile` in its `aof.c`). A server that hides its settings
/// is taken for one that does so.
pub(super) fn level(info: &str, appendfsync: Option<&str>) -> Result<Level, StoreError> {
    let field = |name: &str| {
        let mut fields = info.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(key, _)| *key == name).map(|(_, value)| value.trim())
    };
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
    Ok(match (field("aof_enabled"), appendfsync) {
        (Some("1"), Some("always")) => Level::Disk,
        (Some("1"), Some("no")) => Level::Process,
        _ => Level::Memory,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "# Server\r\nredis_version:7.0.15\r\nrole:master\r\nmaxmemory:0\r\n\
                         maxmemory_policy:allkeys-lru\r\naof_enabled:1\r\n";

    fn refusal(info: &str) -> StoreError {
        level(info, Some("always")).expect_err("refused")
    }

    #[test]
    fn the_level_is_what_is_done_before_an_answer() {
        assert_eq!(level(PLAIN, Some("always")).unwrap(), Level::Disk);
        assert_eq!(level(PLAIN, Some("no")).unwrap(), Level::Process);
        assert_eq!(level(PLAIN, Some("everysec")).unwrap(), Level::Memory);
        assert_eq!(level(PLAIN, None).unwrap(), Level::Memory);
        let without = PLAIN.replace("aof_enabled:1", "aof_enabled:0");
        assert_eq!(level(&without, Some("always")).unwrap(), Level::Memory);
    }

    #[test]
    fn a_server_that_evicts_is_refused_only_where_it_has_a_limit() {
        let limited = PLAIN.replace("maxmemory:0", "maxmemory:100");
        assert_eq!(refusal(&limited).kind(), ErrorKind::Io);
        let keeps = limited.replace("allkeys-lru", "noeviction");
        assert!(level(&keeps, None).is_ok());
    }

    #[test]
    fn an_old_server_and_a_replica_are_refused() {
        assert_eq!(refusal(&PLAIN.replace("7.0.15", "6.2.1")).kind(), ErrorKind::Io);
        assert_eq!(refusal("").kind(), ErrorKind::Io);
        let replica = refusal(&PLAIN.replace("role:master", "role:slave"));
        assert_eq!(replica.kind(), ErrorKind::Unavailable);
    }
}
