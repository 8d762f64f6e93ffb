//! Receives the stream in a process of its own, kills it in mid-stream, and has a new one go on
//! from the checkpoints. What a process told before it died counts as received.

use mock_provider::Mock;
use std::ffi::OsString;
use std::path::Path;

use super::process::Process;
use super::run::{Run, Seen};
use super::{Demo, PROMPT, SETTLE_MAX, Step, settle, take};
use crate::connection::wire_flag;

/// How many processes are killed.
pub(super) const KILLS: u32 = 3;

/// Kills the workers of one demonstration.
pub(super) struct Killer<'a> {
    pub(super) demo: &'a Demo,
    pub(super) server: &'a Mock,
    /// Where the checkpoints are.
    pub(super) place: &'a Path,
    /// Attempts of one worker that may fail.
    pub(super) tries: u32,
}

impl Killer<'_> {
    /// Receives the whole stream.
    ///
    /// # Cancel safety
    ///
    /// `worker` is the process that may still run.
    pub(super) async fn stream(
        &self,
        run: &mut Run,
        worker: &mut Option<Process>,
    ) -> anyhow::Result<()> {
        let whole = self.server.text_for(PROMPT).len();
        loop {
            let before = self.server.ledger().requests.len();
            let process = worker.insert(Process::start(&self.arguments(&run.seen))?);
            let mut fate = Fate::Lives;
            let mut last = Step::More;
            while let Some(told) = process.next().await? {
                last = take(run, told, self.server, before)?;
                if fate == Fate::Lives && last == Step::More && is_due(&run.seen, whole) {
                    process.kill()?;
                    fate = Fate::Killed;
                }
            }
            let pid = process.pid();
            let status = process.gone().await?;
            *worker = None;
            match (last, fate) {
                (Step::Last, _) => return Ok(()),
                (Step::More, Fate::Lives) => {
                    run.end(Some(format!("process {pid} ended before the stream: {status}")));
                    return Ok(());
                }
                (Step::More, Fate::Killed) => run.mark_kill(pid)?,
            }
            // Without an answer in time, only the name of a fault may be that of another one.
            settle(self.server, SETTLE_MAX).await;
        }
    }

    /// The command line of the next worker.
    fn arguments(&self, seen: &Seen) -> Vec<OsString> {
        let Demo { protocol, pace, tokens, .. } = self.demo;
        let pace = format!("{}.{:06}ms", pace.as_millis(), pace.subsec_nanos() % 1_000_000);
        let mut arguments: Vec<OsString> =
            ["demo", "--protocol", wire_flag(*protocol), "--pace", &pace]
                .map(OsString::from)
                .into();
        arguments.extend(["--tokens".into(), tokens.to_string().into()]);
        arguments.extend(["--checkpoints".into(), self.place.into()]);
        arguments.extend(["worker".into(), "--url".into(), self.server.url().into()]);
        arguments.extend(["--tries".into(), self.tries.to_string().into()]);
        if let Some(id) = &seen.id {
            arguments.extend(["--resume".into(), id.into()]);
            arguments.extend(["--from".into(), seen.text.len().to_string().into()]);
        }
        arguments
    }
}

/// What is done to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Lives,
    Killed,
}

/// Whether the next kill is due: they are spread evenly over the text.
fn is_due(seen: &Seen, whole: usize) -> bool {
    let part = whole / (KILLS as usize + 1);
    seen.kills < KILLS && seen.text.len() >= part * (seen.kills as usize + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_are_spread_over_the_text() {
        let due = |kills, text: usize| {
            is_due(&Seen { kills, text: "x".repeat(text), ..Seen::default() }, 400)
        };
        assert!(!due(0, 99) && due(0, 100));
        assert!(!due(2, 299) && due(2, 300));
        assert!(!due(KILLS, 400));
    }
}
