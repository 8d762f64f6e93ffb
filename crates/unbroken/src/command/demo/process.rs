//! A worker seen from outside: started, read, and killed without a warning.

use anyhow::{Context, bail};
use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use super::told::Told;

/// Bytes of the longest line of a worker.
const LINE_BYTES_MAX: u64 = 4 << 20;

/// A worker that runs. It is killed when this is dropped.
pub(super) struct Process {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pid: u32,
}

impl Process {
    /// Starts a command of this executable, with an environment that holds no key.
    pub(super) fn start(arguments: &[OsString]) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut command = Command::new(program);
        command.args(arguments).env_clear().kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start a worker")?;
        let stdout = child.stdout.take().context("a worker has no stdout")?;
        let pid = child.id().context("a worker ended at once")?;
        Ok(Self { child, stdout: BufReader::new(stdout), pid })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// What it tells next; `None` when it is gone. A line that its death cut was not told.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Told>> {
        let mut line = Vec::new();
        let mut stdout = (&mut self.stdout).take(LINE_BYTES_MAX);
        stdout.read_until(b'\n', &mut line).await.context("cannot read what a worker tells")?;
        match line.pop() {
            Some(b'\n') => Ok(Some(serde_json::from_slice(&line).context("a worker babbles")?)),
            Some(_) if line.len() as u64 + 1 >= LINE_BYTES_MAX => {
                bail!("a worker's line is longer than {LINE_BYTES_MAX} bytes")
            }
            _ => Ok(None),
        }
    }

    /// Sends SIGKILL. What it told before is still to be read.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        self.child.start_kill().with_context(|| format!("cannot kill process {}", self.pid))
    }

    /// Waits until it is gone and has let go of everything.
    pub(super) async fn gone(mut self) -> anyhow::Result<ExitStatus> {
        self.child.wait().await.with_context(|| format!("cannot wait for process {}", self.pid))
    }
}
