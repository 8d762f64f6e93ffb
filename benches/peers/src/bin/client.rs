//! What does a client cost for each event: ours, what else a program would take, and raw hyper?
//!
//! `client [--sdks DIR] [--rounds N] [--streams N] [--goals] [--smoke]`. Prints one table. Each measurement is
//! of a process of its own; rounds are interleaved and medians shown. The official SDKs are measured
//! where they are installed in DIR. Fails when ours fails, with `--goals` also when a goal is missed.

use std::path::PathBuf;
use std::process::ExitCode;

use peers::client::{
    ENTRIES, Goal, Load, Measured, Pace, Role, Row, Run, Server, Spec, count_allocations,
    count_calls, goals, measure, server, table,
};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

/// How much is measured.
struct Options {
    sdks: PathBuf,
    rounds: u32,
    /// Held open at a time.
    streams: u32,
    goals: bool,
    scale: Scale,
}

#[derive(Clone, Copy)]
struct Scale {
    firehose: u32,
    /// For interpreters, which take a hundred times as long.
    firehose_sdk: u32,
    paced_streams: u32,
    paced: u32,
    counted: u32,
    first: u32,
}

const FULL: Scale = Scale {
    firehose: 200_000,
    firehose_sdk: 30_000,
    paced_streams: 200,
    paced: 250,
    counted: 20_000,
    first: 300,
};

const SMOKE: Scale = Scale {
    firehose: 2_000,
    firehose_sdk: 200,
    paced_streams: 5,
    paced: 10,
    counted: 500,
    first: 10,
};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match &args[..] {
        [word] if word == "serve" => serve(),
        [word, url, spec @ ..] if word == "run" => run(url, spec),
        _ => match Options::parse(args.into_iter()) {
            Ok(options) => compare(&options),
            Err(message) => {
                eprintln!("error: {message}");
                return ExitCode::from(2);
            }
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The server's process.
fn serve() -> Result<(), String> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let served = runtime.map_err(|error| error.to_string())?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}", listener.local_addr()?);
        server::serve(listener).await
    });
    served.map_err(|error| error.to_string())
}

/// The process of one measurement.
fn run(url: &str, words: &[String]) -> Result<(), String> {
    let spec = Spec::parse(words).ok_or("no measurement")?;
    println!("{}", spec.measure(url)?.line());
    Ok(())
}

fn compare(options: &Options) -> Result<(), String> {
    let server = Server::start()?;
    let mut rows = vec![Row::default(); ENTRIES.len()];
    let mut samples = vec![[const { Vec::new() }; 3]; ENTRIES.len()];
    for round in 0..options.rounds {
        for (at, entry) in ENTRIES.iter().enumerate() {
            eprintln!("round {}: {}", round + 1, entry.name);
            if rows[at].failure.is_none()
                && let Err(error) = sample(options, &server, at, &mut samples[at])
            {
                rows[at].failure = Some(error);
            }
        }
    }
    for (at, (row, samples)) in rows.iter_mut().zip(samples).enumerate() {
        [row.firehose, row.paced, row.first] = samples.map(median);
        if matches!(ENTRIES[at].run, Run::Rust(_)) && row.failure.is_none() {
            eprintln!("counting: {}", ENTRIES[at].name);
            row.failure = count(options, &server, at, row).err();
        }
    }
    print!("{}", table(&rows, options.streams));
    let ours = ENTRIES.iter().zip(&rows).filter(|(entry, _)| entry.role != Role::Peer);
    if let Some((entry, _)) = ours.clone().find(|(_, row)| row.failure.is_some()) {
        return Err(format!("{} failed", entry.name));
    }
    judge(&goals(&rows), options.goals)
}

/// One round of an entry.
fn sample(
    options: &Options,
    server: &Server,
    entry: usize,
    [firehose, paced, first]: &mut [Vec<f64>; 3],
) -> Result<(), String> {
    let scale = options.scale;
    let measure = |events, pace, streams, repeats| {
        let spec = Spec { entry, load: Load { events, pace }, streams, repeats };
        measure(&spec, server, &options.sdks)
    };
    let is_sdk = matches!(ENTRIES[entry].run, Run::Sdk(_));
    let events = if is_sdk { scale.firehose_sdk } else { scale.firehose };
    firehose.push(measure(events, Pace::Firehose, 1, 1)?.cpu_per_event());
    if !is_sdk {
        let measured = measure(scale.paced, Pace::Every(20), scale.paced_streams, 1)?;
        paced.push(measured.cpu_per_event() / 1e3);
        let Measured { wall, .. } = measure(1, Pace::Firehose, 1, scale.first)?;
        first.push(wall.as_secs_f64() * 1e6 / f64::from(scale.first));
    }
    Ok(())
}

/// What is the same in each round.
fn count(options: &Options, server: &Server, entry: usize, row: &mut Row) -> Result<(), String> {
    let events = options.scale.counted;
    let spec =
        |events, pace, streams| Spec { entry, load: Load { events, pace }, streams, repeats: 1 };
    row.allocations = Some(count_allocations(entry, events, server)?);
    // Where there is no strace, nothing is said of calls.
    row.firehose_calls = count_calls(&spec(events, Pace::Firehose, 1), server).ok();
    row.paced_calls = count_calls(&spec(100, Pace::Every(20), 4), server).ok();
    let held = measure(&spec(3, Pace::Held, options.streams), server, &options.sdks)?;
    row.memory = Some(held.memory as f64 / 1024.0 / f64::from(options.streams));
    Ok(())
}

fn judge(goals: &[Goal], binding: bool) -> Result<(), String> {
    println!();
    for goal in goals {
        let measured =
            goal.measured.map_or_else(|| "not measured".to_owned(), |it| format!("{it:.3}"));
        let verdict = if goal.holds() { "" } else { " (missed)" };
        println!("{}: {measured}, at most {:.3}{verdict}", goal.name, goal.most);
    }
    if binding && !goals.iter().all(Goal::holds) {
        return Err("a goal is missed".to_owned());
    }
    Ok(())
}

fn median(mut samples: Vec<f64>) -> Option<f64> {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied()
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let sdks = std::env::temp_dir();
        let mut options = Self { sdks, rounds: 5, streams: 1_000, goals: false, scale: FULL };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("`{arg}` needs a value"));
            match arg.as_str() {
                "--sdks" => options.sdks = value()?.into(),
                "--rounds" => options.rounds = number(&value()?)?,
                "--streams" => options.streams = number(&value()?)?,
                "--goals" => options.goals = true,
                "--smoke" => {
                    options.scale = SMOKE;
                    (options.rounds, options.streams) = (1, 20);
                }
                other => return Err(format!("unknown argument `{other}`")),
            }
        }
        Ok(options)
    }
}

fn number(value: &str) -> Result<u32, String> {
    let number = value.parse().ok().filter(|number| (1..=10_000).contains(number));
    number.ok_or_else(|| format!("no number from 1 to 10000: `{value}`"))
}

#[cfg(test)]
mod tests {
    use super::{Options, median};

    #[test]
    fn every_option_is_read() {
        let line = "--smoke --rounds 3 --streams 40 --sdks x --goals";
        let options = Options::parse(line.split(' ').map(str::to_owned)).unwrap();
        assert_eq!((options.rounds, options.streams, options.goals), (3, 40, true));
        for wrong in ["--rounds 0", "--streams x", "--sdks", "x"] {
            assert!(Options::parse(wrong.split(' ').map(str::to_owned)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_middle_of_three_is_their_median() {
        assert_eq!([median(vec![3.0, 1.0, 2.0]), median(Vec::new())], [Some(2.0), None]);
    }
}
