//! A `redis-server` of a test's own, in a directory of its own, on a Unix socket. It asserts
//! nothing.

use std::io::{BufRead, BufReader, Result, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a server may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// A server that is killed when it is dropped.
pub(crate) struct RedisServer {
    child: Child,
    directory: TempDir,
}

impl RedisServer {
    /// One that keeps nothing but in memory, with these settings beside that.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--unixsocket"]).arg(socket(directory.path()));
        command.arg("--dir").arg(directory.path()).args(settings).stdout(Stdio::null());
        let child = command.spawn().expect("these tests need `redis-server`");
        let server = Self { child, directory };
        let began = Instant::now();
        while server.ping().is_err() {
            assert!(began.elapsed() < ANSWER_MAX, "the server does not answer");
            std::thread::yield_now();
        }
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", socket(self.directory.path()).display())
    }

    /// The first line of an answer, whatever it is.
    fn ping(&self) -> Result<String> {
        let mut stream = BufReader::new(UnixStream::connect(socket(self.directory.path()))?);
        stream.get_mut().write_all(b"PING\r\n")?;
        let mut line = String::new();
        stream.read_line(&mut line)?;
        Ok(line)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn socket(directory: &Path) -> PathBuf {
    directory.join("redis.sock")
}
