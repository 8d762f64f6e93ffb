//! Processes of this program: the server, and one for each measurement.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::load::{Load, Pace};
use super::sdk::Sdk;
use super::server::DELTA;
use super::{ENTRIES, Measured, Run, Spec};

/// The server's process; it ends with this value.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub url: String,
}

impl Server {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start() -> Result<Self, String> {
        let mut child = Command::new(this_program()?)
            .arg("serve")
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start the server: {error}"))?;
        let mut line = String::new();
        let output = child.stdout.take().ok_or("no pipe to the server")?;
        BufReader::new(output).read_line(&mut line).map_err(|error| error.to_string())?;
        Ok(Self { child, url: line.trim_end().to_owned() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Measures in a process of its own; SDKs are looked for in `sdks`.
///
/// # Errors
///
/// When the process fails, or an SDK is not installed.
pub fn measure(spec: &Spec, server: &Server, sdks: &Path) -> Result<Measured, String> {
    let line = match &ENTRIES[spec.entry].run {
        Run::Rust(_) => {
            let program = this_program()?;
            answer(Command::new(program).arg("run").arg(&server.url).args(spec.words()))?
        }
        Run::Sdk(sdk) => return measure_sdk(sdk, spec, server, sdks),
    };
    Measured::parse(&line).ok_or_else(|| format!("no measurement: {line:?}"))
}

fn measure_sdk(sdk: &Sdk, spec: &Spec, server: &Server, sdks: &Path) -> Result<Measured, String> {
    let (name, text) = sdk.script;
    let script = sdks.join(name);
    fs::write(&script, text).map_err(|error| format!("{}: {error}", script.display()))?;
    let mut command = Command::new(sdk.interpreter(sdks));
    command.arg(&script).arg(&server.url).arg(spec.load.model()).arg(spec.warm_up().model());
    let line = answer(&mut command)?;
    let wrong = || format!("no measurement: {line:?}");
    let (text, cpu) = line.split_once(' ').ok_or_else(wrong)?;
    let numbers = text.parse::<u64>().ok().zip(cpu.parse().ok());
    let (text, cpu) = numbers.ok_or_else(wrong)?;
    if text != spec.events() * DELTA.len() as u64 {
        return Err(format!("{text} bytes of text"));
    }
    let cpu = Duration::from_nanos(cpu);
    Ok(Measured { events: spec.events(), cpu, ..Measured::default() })
}

/// Allocations for an event, counted by the program beside this one.
///
/// # Errors
///
/// When it fails.
pub fn count_allocations(entry: usize, events: u32, server: &Server) -> Result<f64, String> {
    let name = format!("client-allocations{}", std::env::consts::EXE_SUFFIX);
    let program = this_program()?.with_file_name(name);
    let load = Load { events, pace: Pace::Firehose };
    let count = |load| {
        let spec = Spec { entry, load, streams: 1, repeats: 1 };
        let line = answer(Command::new(&program).arg(&server.url).args(spec.words()))?;
        line.parse::<u64>().map_err(|_| format!("no number: {line:?}"))
    };
    difference(load, count)
}

/// System calls for an event, where `strace` is there to count them.
///
/// # Errors
///
/// When it is not, or fails.
pub fn count_calls(spec: &Spec, server: &Server) -> Result<f64, String> {
    let program = this_program()?;
    let count = |load| {
        let spec = Spec { load, ..*spec };
        let mut command = Command::new("strace");
        command.args(["-f", "-c", "-o", "/dev/stderr"]).arg(&program).arg("run");
        command.arg(&server.url).args(spec.words());
        let output = command.stdout(Stdio::null()).output().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stderr);
        let total = text.lines().find(|line| line.ends_with("total")).and_then(|line| {
            // percent, seconds, microseconds for a call, calls
            line.split_whitespace().nth(3)?.parse::<u64>().ok()
        });
        total.ok_or_else(|| "strace says nothing".to_owned())
    };
    Ok(difference(spec.load, count)? / f64::from(spec.streams))
}

/// What one event more costs: a load twice as long, less the load.
fn difference(load: Load, count: impl Fn(Load) -> Result<u64, String>) -> Result<f64, String> {
    let twice = Load { events: 2 * load.events, ..load };
    let (few, many) = (count(load)?, count(twice)?);
    Ok(many.saturating_sub(few) as f64 / f64::from(load.events))
}

/// The last line that a program prints.
fn answer(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    let said =
        |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().last().unwrap_or_default().to_owned();
    if output.status.success() { Ok(said(&output.stdout)) } else { Err(said(&output.stderr)) }
}

fn this_program() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|error| error.to_string())
}
