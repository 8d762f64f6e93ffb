//! What goes to stderr: messages of the command, and events of this project's crates.
//!
//! Libraries below are never heard in detail: their events may hold headers and bodies.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts writing events; `verbose` is how many `-v` were given.
pub(crate) fn start(verbose: u8) {
    let lines =
        tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(colour(&io::stderr()));
    // A subscriber is set once, here; a second one would be a mistake worth hearing about.
    tracing_subscriber::registry().with(lines).with(targets(verbose)).init();
}

/// One line on stderr. A closed stderr is no reason to stop.
pub(crate) fn report(message: &dyn fmt::Display) {
    let line = format!("unbroken: {message}\n");
    drop(io::stderr().lock().write_all(line.as_bytes()));
}

/// Whether colours and progress belong on this stream.
pub(crate) fn colour(stream: &impl IsTerminal) -> bool {
    let asked_not_to = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    stream.is_terminal() && !asked_not_to && !dumb
}

/// Which events are shown.
fn targets(verbose: u8) -> Targets {
    let (ours, theirs) = match verbose {
        0 => (Level::WARN, Level::WARN),
        1 => (Level::INFO, Level::WARN),
        _ => (Level::DEBUG, Level::INFO),
    };
    let targets = Targets::new().with_default(theirs);
    let targets = targets.with_targets(OURS.iter().map(|name| (*name, ours)));
    // What sled fails at is in the error of the command. It says it again, several times and even
    // behind the last line, while it gives its files up.
    if verbose == 0 { targets.with_target("sled", LevelFilter::OFF) } else { targets }
}

const OURS: [&str; 8] = [
    "unbroken",
    "client",
    "resume",
    "protocol",
    "retry_policy",
    "sse_codec",
    "checkpoint_store",
    "mock_provider",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_of_other_libraries_are_never_shown() {
        for verbose in 0..=9 {
            let targets = targets(verbose);
            for library in ["hyper", "hyper_util", "h2", "rustls", "hyper_rustls", "sled"] {
                assert!(!targets.would_enable(library, &Level::DEBUG), "{library} {verbose}");
                assert!(!targets.would_enable(library, &Level::TRACE), "{library} {verbose}");
            }
        }
    }

    #[test]
    fn the_store_below_does_not_repeat_what_the_command_says() {
        assert!(!targets(0).would_enable("sled::tree", &Level::ERROR));
        assert!(targets(0).would_enable("hyper", &Level::WARN));
        assert!(targets(1).would_enable("sled::tree", &Level::ERROR));
    }

    #[test]
    fn each_v_shows_more_of_ours() {
        assert!(!targets(0).would_enable("client::driver", &Level::INFO));
        assert!(targets(1).would_enable("client::driver", &Level::INFO));
        assert!(!targets(1).would_enable("client::driver", &Level::DEBUG));
        assert!(targets(2).would_enable("client::driver", &Level::DEBUG));
    }
}
