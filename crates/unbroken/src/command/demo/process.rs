//! A worker seen from outside: started, read, and killed without a warning.

use anyhow::{Context, bail};
use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use super::told::Told;

/// What a worker gets of the environment: where the certificates of the system are, for checkpoints
/// on a server behind TLS. No key.
const KEPT: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// How long a killed worker may take to be gone.
const END_MAX: Duration = Duration::from_secs(5);

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
        command.args(arguments).env_clear().envs(kept(std::env::vars_os())).kill_on_drop(true);
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
    ///
    /// # Cancel safety
    ///
    /// It can be waited for again.
    pub(super) async fn gone(&mut self) -> anyhow::Result<ExitStatus> {
        self.child.wait().await.with_context(|| format!("cannot wait for process {}", self.pid))
    }

    /// Kills it and waits until it has let go of everything, 5 s at most.
    pub(super) async fn end(mut self) {
        // It may be gone already.
        let _ = self.child.start_kill();
        let _ = tokio::time::timeout(END_MAX, self.child.wait()).await;
    }
}

/// The part of an environment that a worker gets.
fn kept(
    all: impl Iterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (OsString, OsString)> {
    all.filter(|(name, _)| KEPT.iter().any(|kept| name == kept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_worker_gets_the_certificates_and_no_key() {
        let names = ["PATH", "SSL_CERT_DIR", "ANTHROPIC_API_KEY", "SSL_CERT_FILE"];
        let all = names.map(|name| (OsString::from(name), OsString::from("x")));
        let kept: Vec<_> = kept(all.into_iter()).map(|(name, _)| name).collect();
        assert_eq!(kept, ["SSL_CERT_DIR", "SSL_CERT_FILE"]);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_process_that_was_ended_is_gone() {
        let process = Process::start(&["--list".into()]).unwrap();
        let place = format!("/proc/{}", process.pid());
        assert!(Path::new(&place).exists());
        process.end().await;
        assert!(!Path::new(&place).exists());
    }
}
