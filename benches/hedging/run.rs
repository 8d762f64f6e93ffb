//! One row: many streams of one client, each judged by the text that its provider meant.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use benches::quantile;
use client::{Builder, Client, Endpoint, Event, Hedging, Profile, Prompt};
use mock_provider::{Config, Mock, Pace, SlowStarts, Split};
use tokio::task::JoinSet;

/// Endpoints of the upstream.
pub(crate) const ENDPOINTS: usize = 3;
/// Streams at a time.
pub(crate) const WIDTH: usize = 16;
/// Time to the first token.
pub(crate) const LEAD: Duration = Duration::from_millis(60);
/// Of a million responses so many begin late.
pub(crate) const LATE_PER_MILLION: u32 = 20_000;
/// How much later.
pub(crate) const LATE_BY: Duration = Duration::from_secs(2);

const MODEL: &str = "claude-haiku-4-5";

/// What came of the streams.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) streams: usize,
    /// Seconds to the first token, in ascending order.
    pub(crate) first: Vec<f64>,
    pub(crate) requests: usize,
    /// Copies that were quicker.
    pub(crate) won: usize,
    /// Streams whose text is not the provider's.
    pub(crate) wrong: usize,
}

impl Row {
    /// Seconds to the first token at a quantile.
    pub(crate) fn at(&self, quantile_at: f64) -> f64 {
        quantile(&self.first, quantile_at)
    }

    /// Requests beyond one for each stream, as a part of the streams.
    pub(crate) fn more(&self) -> f64 {
        self.requests as f64 / self.streams as f64 - 1.0
    }
}

/// One stream as its caller saw it.
struct Told {
    first: Duration,
    is_right: bool,
    won: bool,
}

pub(crate) async fn run(streams: usize, hedging: Option<Hedging>) -> Row {
    let mut mocks = Vec::new();
    for seed in 0..ENDPOINTS as u64 {
        mocks.push(Mock::start(config(seed)).await.expect("loopback has a free port"));
    }
    let endpoint = |mock: &Mock| Endpoint::new(&mock.url(), Profile::ANTHROPIC).expect("a URL");
    let builder = hedging.into_iter().fold(Client::builder(), Builder::hedging);
    let builder = mocks.iter().map(endpoint).fold(builder, Builder::endpoint);
    let client = builder.build().expect("a valid client");
    let mocks = Arc::new(mocks);
    let told = ask_all(streams, &client, &mocks).await;
    for mock in mocks.iter() {
        mock.settled().await;
    }
    let mut first: Vec<_> = told.iter().map(|told| told.first.as_secs_f64()).collect();
    first.sort_by(f64::total_cmp);
    Row {
        name: if hedging.is_some() { "hedging" } else { "no hedging" },
        streams,
        first,
        requests: mocks.iter().map(|mock| mock.ledger().requests.len()).sum(),
        won: told.iter().filter(|told| told.won).count(),
        wrong: told.iter().filter(|told| !told.is_right).count(),
    }
}

fn config(seed: u64) -> Config {
    let slow_starts = SlowStarts { per_million: LATE_PER_MILLION, by: LATE_BY };
    let pace =
        Pace { delay_before_first: LEAD, slow_starts, split: Split::Whole, ..Pace::default() };
    Config { seed, tokens: 20, pace, ..Config::default() }
}

async fn ask_all(streams: usize, client: &Client, mocks: &Arc<Vec<Mock>>) -> Vec<Told> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..WIDTH {
        let (client, mocks, next) = (client.clone(), Arc::clone(mocks), Arc::clone(&next));
        workers.spawn(async move {
            let mut told = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= streams {
                    return told;
                }
                told.push(ask(&client, &mocks, format!("Story {number}")).await);
            }
        });
    }
    workers.join_all().await.into_iter().flatten().collect()
}

async fn ask(client: &Client, mocks: &[Mock], prompt: String) -> Told {
    let request = Prompt::new(MODEL, &prompt).max_tokens(100);
    let asked = Instant::now();
    let mut stream = client.stream(request.into()).await.expect("a valid request");
    let (mut text, mut first) = (String::new(), None);
    let summary = loop {
        match stream.next().await.expect("an end") {
            Ok(Event::Text(more)) => {
                first.get_or_insert_with(|| asked.elapsed());
                text.push_str(&more);
            }
            Ok(Event::End(summary)) => break Some(summary),
            Ok(_) => {}
            Err(_) => break None,
        }
    };
    let attempts = summary.map_or_else(Vec::new, |summary| summary.attempts);
    let wrote = attempts.last().and_then(|last| last.endpoint.clone());
    let writer = mocks
        .iter()
        .find(|mock| wrote.as_deref().is_some_and(|endpoint| endpoint.starts_with(&mock.url())));
    Told {
        first: first.unwrap_or_default(),
        is_right: writer.is_some_and(|mock| mock.text_for(&prompt) == text),
        won: attempts.last().is_some_and(|last| last.attempt.0 > 1),
    }
}
