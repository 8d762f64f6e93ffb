//! Many streams of one client against one provider, judged by the provider's ledger: every text byte
//! for byte, and what it all cost.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::{Client, Wire};
use mock_provider::{Fault, Mock};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::rig::{Route, Told, check_requests};

/// Streams at a time; each has a socket at either end, and systems allow 1,024 files by default.
const WIDTH: usize = 60;

/// Every kind of text in turn, highly repetitive ones among them.
pub(crate) const KINDS: [&str; 10] = [
    "multilingual",
    "multilingual",
    "multilingual",
    "multilingual",
    "ha",
    "rows",
    "braces",
    "intro+ha",
    "intro+rows",
    "intro+braces",
];

/// The number of streams in full where `ACCEPTANCE=full` asks for it, else a share of it.
pub(crate) fn count(full: usize, share: usize) -> usize {
    if std::env::var("ACCEPTANCE").is_ok_and(|value| value == "full") { full } else { share }
}

/// What many streams came to. All of them were whole.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    pub(crate) route: Route,
    pub(crate) streams: usize,
    /// Requests, refused prefills aside.
    pub(crate) requests: usize,
    /// Requests that met a fault.
    pub(crate) breaks: usize,
    /// The most requests of one stream.
    pub(crate) most: usize,
    /// Output tokens, without echoes that were asked for.
    pub(crate) billed: u64,
    pub(crate) needed: u64,
    pub(crate) echoed: u64,
    pub(crate) took: Duration,
}

impl Figures {
    /// Runs so many streams of these kinds of text to their ends.
    ///
    /// # Panics
    ///
    /// When one of them is not whole, byte for byte, or lost something of its caller's request.
    pub(crate) async fn of(
        route: Route,
        mock: &Mock,
        client: &Client,
        kinds: &'static [&'static str],
        streams: usize,
    ) -> Self {
        let began = Instant::now();
        let told = ask_all(route, client, kinds, streams).await;
        let took = began.elapsed();
        for (prompt, told) in &told {
            assert!(told.is_complete(), "{} {prompt}: {:?}", route.model, told.end);
            let seams = &told.seams;
            assert_eq!(told.text, mock.text_for(prompt), "{} {prompt}: {seams:?}", route.model);
        }
        mock.settled().await;
        let ledger = mock.ledger();
        check_requests(&ledger);
        let mut of_prompt: HashMap<&str, usize> = HashMap::new();
        for request in &ledger.requests {
            *of_prompt.entry(&request.prompt).or_default() += 1;
        }
        Self {
            route,
            streams,
            requests: ledger.requests.len(),
            breaks: ledger.requests.iter().filter(|it| it.fault != Fault::Healthy).count(),
            most: of_prompt.into_values().max().unwrap_or(0),
            billed: ledger.totals.billed_tokens,
            needed: ledger.totals.needed_tokens,
            echoed: ledger.totals.echo_tokens,
            took,
        }
    }

    /// What is billed is at most so many percent more than what is needed.
    #[track_caller]
    pub(crate) fn check_billed(&self, more_percent: u64) -> &Self {
        let most = self.needed * (100 + more_percent);
        assert!(self.billed * 100 <= most, "billed too much: {self:?}");
        self
    }

    /// At most so many requests for a hundred streams, and none but one for each break beside them.
    #[track_caller]
    pub(crate) fn check_requests(&self, most_per_hundred: usize) -> &Self {
        assert_eq!(self.requests, self.streams + self.breaks, "one request for a break: {self:?}");
        assert!(self.requests * 100 <= self.streams * most_per_hundred, "too many: {self:?}");
        self
    }

    pub(crate) fn print(&self, trial: &str) {
        println!(
            "{trial}, {} {}: {} streams exact, {} breaks, {:.3} requests per stream ({} at most), \
             {:.4} billed per needed, {} echoed, {:.1} s",
            self.route.wire(),
            self.route.model,
            self.streams,
            self.breaks,
            self.requests as f64 / self.streams as f64,
            self.most,
            self.billed as f64 / self.needed as f64,
            self.echoed,
            self.took.as_secs_f64(),
        );
    }
}

impl Route {
    fn wire(self) -> &'static str {
        match self.profile.wire {
            Wire::AnthropicMessages => "messages",
            Wire::OpenAiChat => "chat",
            Wire::OpenAiResponses => "responses",
            Wire::Gemini => "gemini",
        }
    }
}

async fn ask_all(
    route: Route,
    client: &Client,
    kinds: &'static [&'static str],
    streams: usize,
) -> Vec<(String, Told)> {
    let places = Arc::new(Semaphore::new(WIDTH));
    let mut tasks = JoinSet::new();
    for at in 0..streams {
        let (client, places) = (client.clone(), Arc::clone(&places));
        tasks.spawn(async move {
            let _place = places.acquire().await.expect("nobody closes it");
            let prompt = format!("Poem {at}, mock:{}", kinds[at % kinds.len()]);
            let told = Told::of(&client, route.request(&prompt)).await;
            (prompt, told)
        });
    }
    tasks.join_all().await
}
