//! `Server`: a `redis-server` of a test's own, in a directory of its own, on a Unix socket, which
//! nobody else can take between a kill and a restart.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use checkpoint_store::conformance::eventually;

/// A server that is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    socket: PathBuf,
}

impl Server {
    /// Starts one on the data in `directory`, with these settings beside the usual ones; `arm` adds
    /// what else the process needs.
    pub(crate) fn start(directory: &Path, settings: &[&str], arm: impl Fn(&mut Command)) -> Self {
        let socket = directory.join("redis.sock");
        // A server that was killed left it behind.
        let _ = std::fs::remove_file(&socket);
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--unixsocket"]).arg(&socket);
        command.args(["--auto-aof-rewrite-percentage", "0", "--dir"]).arg(directory);
        command.args(settings).stdout(Stdio::null());
        arm(&mut command);
        let child = command.spawn().expect("these tests need `redis-server`");
        let mut server = Self { child, socket };
        eventually("the server answers", || {
            let ended = server.child.try_wait().expect("it is a child");
            assert!(ended.is_none(), "the server ended by itself: {ended:?}");
            let answer = server.ask("PING").ok()?;
            (answer == "+PONG" || answer.starts_with("-NOAUTH")).then_some(())
        });
        server
    }

    /// One that appends every command to a file and syncs that as `policy` says.
    pub(crate) fn appending(directory: &Path, policy: &str) -> Self {
        Self::start(directory, &["--appendonly", "yes", "--appendfsync", policy], |_| ())
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// The first line of the answer to a command.
    pub(crate) fn ask(&self, command: &str) -> Result<String> {
        let answer = self.ask_all(command)?;
        let line = answer.lines().next().ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))?;
        Ok(line.to_owned())
    }

    /// The answer to a command, and what comes after it until the connection ends.
    pub(crate) fn ask_all(&self, command: &str) -> Result<String> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    pub(crate) fn kill(&mut self) {
        // It may be dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
