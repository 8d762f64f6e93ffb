//! What is promised of broken streams, in figures: byte-exact on every wire, and what that may cost.
//!
//! `ACCEPTANCE=full` takes all streams, else a share of them; `--nocapture` shows the figures. Outages
//! are in `outage.rs`, models that do not go on where they were cut in `seams.rs`.

use client::{Limits, Policy};
use mock_provider::{Config, Fault, Faults, Hazard, Script, Seam};
use tokio::task::JoinSet;

use crate::fleet::{Figures, KINDS, count};
use crate::rig::{ROUTES, Route, hasty, impatient};

/// What a trial does to its streams.
#[derive(Clone)]
struct Trial {
    name: &'static str,
    streams: usize,
    config: Config,
    kinds: &'static [&'static str],
    clocks: Clocks,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Clocks {
    /// No clock runs out on a busy machine.
    Patient,
    /// Silences are found by the clock alone, and any number of refusals in a row is outlived.
    Impatient,
}

impl Trial {
    fn new(name: &'static str, streams: usize, faults: Faults) -> Self {
        let config = Config { faults, seam: Seam::Echo, ..Config::default() };
        Self { name, streams, config, kinds: &KINDS, clocks: Clocks::Patient }
    }

    /// Runs on every wire and way to go on, side by side.
    async fn run(&self) -> Vec<Figures> {
        let mut routes = JoinSet::new();
        for route in ROUTES {
            routes.spawn(self.clone().run_on(route));
        }
        routes.join_all().await
    }

    async fn run_on(self, route: Route) -> Figures {
        let mock = route.mock(self.config).await;
        let builder = route.builder(&mock);
        let builder = match self.clocks {
            Clocks::Patient => builder.limits(patience()),
            Clocks::Impatient => {
                builder.timeouts(impatient()).policy(stubborn()).limits(patience())
            }
        };
        let client = builder.build().expect("a valid client");
        let figures = Figures::of(route, &mock, &client, self.kinds, self.streams).await;
        figures.print(self.name);
        figures
    }
}

/// Failures in a row that nobody gives up at. By default a client does after three attempts that bring
/// nothing new, as where each is cut inside a long fragment that it was asked to repeat.
const IN_A_ROW: u32 = 40;

fn patience() -> Limits {
    Limits { futile_attempts: IN_A_ROW, ..Limits::default() }
}

fn stubborn() -> Policy {
    let mut policy = hasty();
    policy.limits.in_a_row = IN_A_ROW;
    policy.limits.total = IN_A_ROW;
    policy
}

fn hazard(per_million: u32, tokens: u32) -> Faults {
    Faults::Hazard(Hazard { seed: 1, per_million, tokens, lead: 0 })
}

/// Cuts exactly 28 of 1,000 requests, in every way and all over an answer of so many tokens.
fn cuts(streams: usize, tokens: u32) -> Faults {
    let cut = |at: usize| {
        let after = at as u32 * 97 % tokens;
        match at % 3 {
            0 => Fault::CloseInChunk { after },
            1 => Fault::ResetInEvent { after },
            _ => Fault::EndWithoutTerminal { after },
        }
    };
    let fault = |at: usize| {
        let before = at * 28 / 1_000;
        if (at + 1) * 28 / 1_000 > before { cut(before) } else { Fault::Healthy }
    };
    Faults::InOrder((0..streams).map(fault).collect())
}

fn each(script: &str) -> Faults {
    Faults::PerPrompt(script.parse().expect("a valid script"))
}

#[tokio::test]
async fn a_thousand_streams_of_which_a_few_are_cut() {
    let streams = count(1_000, 120);
    let trial = Trial::new("2.8 % cut", streams, cuts(streams, 300));
    for figures in trial.run().await {
        assert_eq!(figures.breaks, streams * 28 / 1_000, "{figures:?}");
        figures.check_requests(104).check_billed(3);
    }
}

#[tokio::test]
async fn two_hundred_streams_of_which_a_third_is_cut() {
    let trial = Trial::new("30 % hazard", count(200, 40), hazard(300_000, 300));
    for figures in trial.run().await {
        figures.check_requests(160).check_billed(3);
    }
}

#[tokio::test]
async fn long_answers_of_which_nearly_all_are_cut() {
    const TOKENS: u32 = 4_000;
    let mut trial = Trial::new("90 % hazard, long", count(100, 5), hazard(900_000, TOKENS));
    trial.config.tokens = TOKENS;
    for figures in trial.run().await {
        figures.check_requests(500).check_billed(3);
    }
}

#[tokio::test]
async fn streams_that_stall_are_given_up_and_taken_up() {
    let script = "stall@40,pings@30,silent,stall@0,ok";
    let mut trial = Trial::new("stalls", count(200, 20), each(script));
    trial.clocks = Clocks::Impatient;
    for figures in trial.run().await {
        figures.check_billed(3);
    }
}

#[tokio::test]
async fn storms_of_refusals_are_sat_out() {
    let script = "429:ms=20,529,rst@60,429,529:ms=5,end@20,ok";
    let trial = Trial::new("429 and 529", count(200, 20), each(script));
    for figures in trial.run().await {
        figures.check_requests(700).check_billed(3);
        assert_eq!(figures.most, 7, "{figures:?}");
    }
}

#[tokio::test]
async fn characters_and_chunks_are_tortured() {
    let script = "utf8@40,chunk@30,utf8@0,chunk@1,utf8@25,fin@9,json@30,crlf";
    let mut trial = Trial::new("UTF-8 and chunks", count(200, 20), each(script));
    // Other texts have no character of more than one byte in which they could be cut.
    trial.kinds = &["multilingual"];
    // Each break may cost a token or two: at 300 tokens a prefill costs 5.3 to 5.5 % more.
    trial.config.tokens = 500;
    for figures in trial.run().await {
        figures.check_billed(5);
    }
}

#[tokio::test]
async fn every_kind_of_fault_in_turn() {
    // A provider that is gone is gone for all; `outage.rs` has that.
    let faults = Script::seeded(3, 20).faults().to_vec();
    let faults = faults.into_iter().filter(|fault| !matches!(fault, Fault::Refused { .. }));
    let faults = Faults::PerPrompt(faults.collect());
    let mut trial = Trial::new("chaos", count(100, 5), faults);
    trial.clocks = Clocks::Impatient;
    for figures in trial.run().await {
        figures.check_billed(5);
    }
}
