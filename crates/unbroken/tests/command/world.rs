//! A loopback provider and a home directory, and the command run between them. It asserts
//! nothing.

use mock_provider::{Config, Faults, Ledger, Mock, Pace};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// What every test asks.
pub(crate) const PROMPT: &str = "tell me";

/// The two wires, by their flags.
pub(crate) const WIRES: [&str; 2] = ["anthropic", "openai-chat"];

/// A provider, a home, and nothing else.
pub(crate) struct World {
    server: Option<Mock>,
    runtime: Runtime,
    home: TempDir,
    url: String,
    text: String,
}

impl World {
    pub(crate) fn new(config: Config) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let text = config.text_for(PROMPT);
        let server = runtime.block_on(Mock::start(config)).expect("a free port");
        let home = tempfile::tempdir().expect("a directory");
        let url = server.url();
        Self { server: Some(server), runtime, home, url, text }
    }

    /// A provider with these faults and otherwise the defaults.
    pub(crate) fn with_faults(script: &str) -> Self {
        Self::new(Config { faults: faults(script), ..Config::default() })
    }

    /// A slow provider whose first answer never ends: the process that asked can be stopped in
    /// the middle, however busy the machine is.
    pub(crate) fn slow() -> Self {
        let delay_per_token = Duration::from_millis(6);
        let pace = Pace { delay_per_token, ..Pace::default() };
        Self::new(Config { pace, tokens: 100, faults: faults("stall@90"), ..Config::default() })
    }

    /// The whole answer to [`PROMPT`].
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn ledger(&self) -> Ledger {
        self.server.as_ref().expect("the server runs").ledger()
    }

    /// Ends the provider; its port is closed when this returns.
    pub(crate) fn close_server(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.close());
        }
    }

    /// The home directory; it goes with the world.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The directory of the checkpoints.
    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.home.path().join("data/unbroken")
    }

    /// The command with these arguments in this world.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unbroken"));
        command.args(arguments).env_clear().env("HOME", self.home.path());
        command.env("XDG_DATA_HOME", self.home.path().join("data"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        Finished::of(self.command(arguments).spawn().expect("the command starts"), Vec::new())
    }

    /// Runs `stream` or `resume` against this world's provider. A deadline bounds the test.
    pub(crate) fn run_at_server(&self, arguments: &[&str]) -> Finished {
        self.run(&self.at_server(arguments))
    }

    /// Runs it where no file may grow beyond so many blocks of 512 bytes.
    pub(crate) fn run_with_small_files(&self, blocks: u32, arguments: &[&str]) -> Finished {
        self.run_under(&format!("trap '' XFSZ; ulimit -f {blocks}"), &self.at_server(arguments))
    }

    /// Runs it where a process may have so many file descriptors.
    pub(crate) fn run_with_few_files(&self, descriptors: u32, arguments: &[&str]) -> Finished {
        self.run_under(&format!("ulimit -n {descriptors}"), arguments)
    }

    /// Runs it from a shell that has done this before.
    fn run_under(&self, before: &str, arguments: &[&str]) -> Finished {
        let command = self.command(arguments);
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!("{before}; exec \"$@\""), "sh"]);
        limited.arg(command.get_program()).args(command.get_args());
        limited
            .env_clear()
            .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        limited.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Finished::of(limited.spawn().expect("a shell"), Vec::new())
    }

    /// Starts it.
    pub(crate) fn start_at_server(&self, arguments: &[&str]) -> Started {
        Started(self.command(&self.at_server(arguments)).spawn().expect("the command starts"))
    }

    fn at_server<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let mut all = arguments.to_vec();
        if !arguments.contains(&"--base-url") {
            all.extend(["--base-url", &self.url]);
        }
        if !arguments.contains(&"--deadline") {
            all.extend(["--deadline", "30s"]);
        }
        all
    }
}

/// A script of faults, run once for all requests.
pub(crate) fn faults(script: &str) -> Faults {
    Faults::InOrder(script.parse().expect("a script"))
}

/// A process that runs.
pub(crate) struct Started(Child);

impl Started {
    /// Waits until so many bytes are on stdout, and gives them.
    pub(crate) fn read(&mut self, bytes: usize) -> Vec<u8> {
        let mut read = vec![0; bytes];
        let stdout = self.0.stdout.as_mut().expect("stdout is a pipe");
        stdout.read_exact(&mut read).expect("the command writes so much");
        read
    }

    /// Waits for one line on stdout.
    pub(crate) fn read_line(&mut self) -> String {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            line.extend(self.read(1));
        }
        String::from_utf8(line).expect("UTF-8")
    }

    pub(crate) fn write_stdin(&mut self, text: &str) {
        let mut stdin = self.0.stdin.take().expect("stdin is a pipe");
        stdin.write_all(text.as_bytes()).expect("the command reads");
    }

    /// Nobody reads stdout from here on.
    pub(crate) fn close_stdout(&mut self) {
        drop(self.0.stdout.take());
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Sends a signal: `INT`, `TERM`, `KILL`.
    pub(crate) fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.0.id());
        let status = Command::new("sh").args(["-c", &command]).status();
        assert!(status.expect("a shell").success(), "{command}");
    }

    /// Waits for the end; `read` is what was read before.
    pub(crate) fn finish(self, read: Vec<u8>) -> Finished {
        Finished::of(self.0, read)
    }
}

impl From<Child> for Started {
    fn from(child: Child) -> Self {
        Self(child)
    }
}

/// A process that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Finished {
    pub(crate) fn of(child: Child, read: Vec<u8>) -> Self {
        let output = child.wait_with_output().expect("the command ends");
        let status: ExitStatus = output.status;
        let stderr = String::from_utf8(output.stderr).expect("stderr is UTF-8");
        Self { status: status.code(), stdout: [read, output.stdout].concat(), stderr }
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("stdout is UTF-8")
    }

    /// Asserts the status, and shows stderr when it is another one.
    #[track_caller]
    pub(crate) fn assert_status(&self, expected: i32) {
        assert_eq!(self.status, Some(expected), "stderr:\n{}", self.stderr);
    }

    /// The id that the first line of stderr names.
    pub(crate) fn id(&self) -> String {
        let line = self.stderr.lines().next().expect("a line on stderr");
        let id = line.strip_prefix("unbroken: stream ").expect("the id comes first");
        id.to_owned()
    }
}
