//! The URL of a Redis server. It is given to the store and to nobody else: what is shown of it
//! holds no password.

use client::Store;
use std::error::Error;
use std::fmt;

/// The URL of a Redis server.
pub(crate) struct RedisUrl(String);

/// The kinds of URL that name one.
const SCHEMES: [&str; 3] = ["redis://", "rediss://", "redis+unix://"];

/// What is shown in the place of what is secret, or may be.
const HIDDEN: &str = "***";

impl RedisUrl {
    /// `None` for what is no URL of a Redis server.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        SCHEMES.iter().any(|scheme| text.starts_with(scheme)).then(|| Self(text.to_owned()))
    }

    /// Connects; blocks until that is done or has failed.
    ///
    /// # Errors
    ///
    /// What the store says, in words without any part of the URL that is not shown.
    pub(crate) fn open(&self) -> anyhow::Result<Store> {
        Store::redis(&self.0).map_err(|error| {
            let why = self.scrub(&chain(&error));
            anyhow::anyhow!("cannot open the checkpoints in {self}: {why}")
        })
    }

    /// Whether the URL cannot be used as it is shown.
    pub(crate) fn is_hidden_in_part(&self) -> bool {
        self.to_string() != self.0
    }

    /// A text without this URL and without what comes before its host.
    fn scrub(&self, text: &str) -> String {
        let mut text = text.replace(&self.0, &self.to_string());
        if let Some((_, query)) = self.socket() {
            for secret in query.split('&').filter_map(|flag| flag.strip_prefix("pass=")) {
                if !secret.is_empty() {
                    text = text.replace(secret, HIDDEN);
                }
            }
        } else if let Some((login, _)) = self.split().1.rsplit_once('@') {
            let password = login.split_once(':').map_or(login, |(_, password)| password);
            for secret in [login, password].into_iter().filter(|secret| !secret.is_empty()) {
                text = text.replace(secret, HIDDEN);
            }
        }
        text
    }

    /// The path of a socket, and the query behind it, which may have a password with any character.
    fn socket(&self) -> Option<(&str, &str)> {
        let rest = self.0.strip_prefix("redis+unix://")?;
        Some(rest.split_once(['?', '#']).unwrap_or((rest, "")))
    }

    fn split(&self) -> (&str, &str) {
        let end = self.0.find("://").map_or(0, |at| at + "://".len());
        self.0.split_at(end)
    }
}

impl fmt::Display for RedisUrl {
    /// Shows scheme, user, host, port and path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.split();
        f.write_str(scheme)?;
        if let Some((path, _)) = self.socket() {
            return write!(f, "{}", path.escape_debug());
        }
        // A password may hold any character, also one that ends a host.
        let (login, server) = rest.rsplit_once('@').unwrap_or(("", rest));
        match login.split_once(':') {
            Some((user, _)) => write!(f, "{}:{HIDDEN}@", user.escape_debug())?,
            None if login.is_empty() => {}
            None => write!(f, "{HIDDEN}@")?,
        }
        // The query of a socket may have the password.
        let server = server.split(['?', '#']).next().unwrap_or("");
        let (host, path) = server.split_at(server.find('/').unwrap_or(server.len()));
        match host.rsplit_once(':') {
            // Without its host, `:password` is where a port belongs.
            Some((host, port)) if !is_port(port) && !host.starts_with('[') => {
                write!(f, "{}:{HIDDEN}", host.escape_debug())?;
            }
            _ => write!(f, "{}", host.escape_debug())?,
        }
        write!(f, "{}", path.escape_debug())
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An error and its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, shown: &str) {
        let url = RedisUrl::parse(url).unwrap();
        assert_eq!(url.to_string(), shown);
    }

    #[test]
    fn what_is_shown_has_no_password() {
        check("redis://host", "redis://host");
        check("redis://host:6379/3", "redis://host:6379/3");
        check("redis://[::1]:6379/3", "redis://[::1]:6379/3");
        check("redis://[::1]", "redis://[::1]");
        check("redis://user:s3cret@host:6379/3", "redis://user:***@host:6379/3");
        check("rediss://:s3cret@host", "rediss://:***@host");
        check("redis://s3cret@host", "redis://***@host");
        check("redis://user:s3@c/r:e?t@host/0", "redis://user:***@host/0");
        check("redis://user:s3cret@", "redis://user:***@");
        check("redis://:s3cret", "redis://:***");
        check("redis://host:s3cret/0", "redis://host:***/0");
        check("redis+unix:///run/redis.sock?db=1&pass=s3cret", "redis+unix:///run/redis.sock");
        check("redis+unix:///run/r.sock?pass=a:b@cret", "redis+unix:///run/r.sock");
        check("redis+unix:///run/r.sock?pass=s3@cret#x", "redis+unix:///run/r.sock");
        check("redis://host/0?pass=s3cret", "redis://host/0");
        check("redis://user:s3cret@ho\x1b[1mst", "redis://user:***@ho\\u{1b}[1mst");
    }

    #[test]
    fn only_a_url_that_is_shown_whole_can_be_used_again() {
        let hidden = |url: &str| RedisUrl::parse(url).unwrap().is_hidden_in_part();
        assert!(!hidden("redis://host:6379/3"));
        assert!(hidden("redis://user:s3cret@host"));
        assert!(hidden("redis+unix:///run/redis.sock?db=1"));
    }

    #[test]
    fn a_redis_server_has_one_of_three_schemes() {
        for text in ["redis", "redis:/host", "./redis://host", "http://host", "redis-sentinel://h"]
        {
            assert!(RedisUrl::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn an_error_that_quotes_the_url_is_told_without_its_password() {
        let url = RedisUrl::parse("redis://user:s3cret@host").unwrap();
        let text = url.scrub("no way to redis://user:s3cret@host; user:s3cret; s3cret");
        assert_eq!(text, "no way to redis://user:***@host; ***; ***");
        let url = RedisUrl::parse("redis+unix:///run/r.sock?db=1&pass=s3@cret").unwrap();
        assert_eq!(url.scrub("the password s3@cret is wrong"), "the password *** is wrong");
    }

    #[test]
    fn a_server_that_is_not_there_is_told_without_the_password() {
        for url in ["redis://user:s3cret@127.0.0.1:1", "redis://user:s3cret@host:port"] {
            let error = format!("{:#}", RedisUrl::parse(url).unwrap().open().err().unwrap());
            assert!(error.contains("in redis://user:***@"), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
