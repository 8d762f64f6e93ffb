//! What an observer is told is what happened: by the summary and by the ledger of the mock.

use client::{AttemptId, Client, Event, Nanos, Notice, Observer, Rung, State, Summary};
use mock_provider::Mock;
use std::sync::{Arc, Mutex};

use crate::rig::{KEY, PROMPT, ROUTES, builder, collect, mock, quoting_server, read_some, request};

/// Notices, as far as they are compared.
#[derive(Clone, Debug, PartialEq)]
enum Heard {
    Began {
        is_resumed: bool,
    },
    Attempt {
        attempt: AttemptId,
        rung: Rung,
        endpoint: String,
    },
    Head {
        attempt: AttemptId,
        status: u16,
    },
    FirstContent {
        attempt: AttemptId,
    },
    Delivered {
        bytes: u64,
    },
    State(State),
    Seam(u64),
    /// Its account, as it is written for people.
    AttemptOver(String),
    Ended(bool),
    Left,
}

#[derive(Default)]
struct Ear(Mutex<Vec<(String, Nanos, Heard)>>);

impl Observer for Ear {
    fn notice(&self, stream: &str, at: Nanos, notice: &Notice<'_>) {
        let heard = match *notice {
            Notice::Began { is_resumed, .. } => Heard::Began { is_resumed },
            Notice::Attempt { attempt, rung, endpoint, .. } => {
                Heard::Attempt { attempt, rung, endpoint: endpoint.to_owned() }
            }
            Notice::Head { attempt, status } => Heard::Head { attempt, status },
            Notice::FirstContent { attempt, .. } => Heard::FirstContent { attempt },
            Notice::Delivered { bytes, .. } => Heard::Delivered { bytes },
            Notice::State(state) => Heard::State(state.clone()),
            Notice::Seam(seam) => Heard::Seam(seam.offset),
            Notice::AttemptOver(account) => Heard::AttemptOver(format!("{account:?}")),
            Notice::Ended(outcome) => Heard::Ended(outcome.is_complete()),
            Notice::Left => Heard::Left,
            _ => panic!("{notice:?}"),
        };
        self.0.lock().expect("no panic").push((stream.to_owned(), at, heard));
    }
}

impl Ear {
    fn heard(&self) -> Vec<Heard> {
        let all = self.0.lock().expect("no panic");
        assert!(all.is_sorted_by_key(|(_, at, _)| *at), "one clock");
        all.iter().map(|(_, _, heard)| heard.clone()).collect()
    }

    fn bytes(&self) -> u64 {
        let bytes = |heard: Heard| match heard {
            Heard::Delivered { bytes } => bytes,
            _ => 0,
        };
        self.heard().into_iter().map(bytes).sum()
    }
}

fn observed(mock: &Mock, route: usize) -> (Client, Arc<Ear>) {
    let ear = Arc::new(Ear::default());
    let builder = builder(mock, ROUTES[route].0).observer(Arc::clone(&ear) as Arc<dyn Observer>);
    (builder.build().expect("a valid client"), ear)
}

/// The accounts that were told are those of the summary, and each attempt was told before it.
fn assert_told(heard: &[Heard], summary: &Summary) {
    let accounts = heard.iter().filter_map(|heard| match heard {
        Heard::AttemptOver(account) => Some(account.clone()),
        _ => None,
    });
    assert!(accounts.eq(summary.attempts.iter().map(|account| format!("{account:?}"))));
    for account in &summary.attempts {
        let is_its = |heard: &&Heard| {
            matches!(heard, Heard::Attempt { attempt, rung, endpoint }
            if (*attempt, *rung) == (account.attempt, account.rung) && Some(&**endpoint) == account.endpoint.as_deref())
        };
        assert_eq!(heard.iter().filter(is_its).count(), 1, "{account:?}");
    }
}

#[tokio::test]
async fn every_attempt_and_all_text_is_told_through_breaks() {
    for (route, (_, model)) in ROUTES.into_iter().enumerate() {
        let mock = mock("429,rst@20,fin@30").await;
        let (client, ear) = observed(&mock, route);
        let mut stream = client.stream(request(model)).await.expect("a valid request");
        let seen = collect(&mut stream).await;
        let summary = seen.end.expect("it is whole");
        drop((stream, client));
        let heard = ear.heard();
        assert_told(&heard, &summary);
        assert_eq!(heard[0], Heard::Began { is_resumed: false });
        assert_eq!(heard.last(), Some(&Heard::Ended(true)), "and not that it was left");
        assert_eq!(ear.bytes(), mock.text_for(PROMPT).len() as u64);
        let statuses = heard.iter().filter_map(|heard| match heard {
            Heard::Head { status, .. } => Some(*status),
            _ => None,
        });
        assert_eq!(statuses.collect::<Vec<_>>(), [429, 200, 200, 200]);
        let firsts = heard.iter().filter(|heard| matches!(heard, Heard::FirstContent { .. }));
        assert_eq!(firsts.count(), 3, "the refusal has none");
        let seams = heard.iter().filter_map(|heard| match heard {
            Heard::Seam(offset) => Some(*offset),
            _ => None,
        });
        assert!(seams.eq(summary.seams.iter().map(|seam| seam.offset)));
        let states = heard.iter().filter_map(|heard| match heard {
            Heard::State(state) => Some(state.clone()),
            _ => None,
        });
        assert_eq!(states.collect::<Vec<_>>(), seen.states);
        assert_eq!(mock.ledger().requests.len(), 4);
    }
}

#[tokio::test]
async fn who_leaves_is_told_once_and_who_comes_back_is_another() {
    let mock = mock("").await;
    let (client, ear) = observed(&mock, 0);
    let mut stream = client.stream(request(ROUTES[0].1)).await.expect("a valid request");
    let shown = read_some(&mut stream, 60).await;
    let id = stream.pause().await.expect("the store works");
    assert_eq!(ear.heard().last(), Some(&Heard::Left));
    assert_eq!(ear.bytes(), shown.len() as u64);
    let mut stream = client.resume(&id).await.expect("it was durable");
    while let Some(event) = stream.next().await {
        assert!(!matches!(event, Ok(Event::State(State::Failed { .. })) | Err(_)));
    }
    drop(stream);
    let heard = ear.heard();
    let count = |one: Heard| heard.iter().filter(|heard| **heard == one).count();
    assert_eq!(count(Heard::Began { is_resumed: true }), 1);
    assert_eq!((count(Heard::Left), count(Heard::Ended(true))), (1, 1));
}

#[tokio::test]
async fn nobody_is_told_a_key() {
    let url = quoting_server("authorization: Bearer ");
    let ear = Arc::new(Ear::default());
    let endpoint = client::Endpoint::new(&url, client::Profile::OPENAI).expect("a valid URL");
    let endpoint = endpoint.key(client::Secret::new(KEY));
    let builder = Client::builder().endpoint(endpoint).observer(Arc::clone(&ear) as _);
    let client = builder.build().expect("a valid client");
    let mut stream = client.stream(request("gpt-4.1")).await.expect("a valid request");
    collect(&mut stream).await.end.expect_err("it is refused");
    let said = format!("{:?}", ear.heard());
    assert!(said.contains("no account has") && !said.contains(KEY), "{said}");
}
