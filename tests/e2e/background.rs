//! Responses in the background: the provider keeps them, so that a cut costs no second generation,
//! whoever goes on.

use client::{Builder, ErrorKind, Event, IfHeld, Profile, ResumeOptions, Rung, SeamLabel, Store};
use mock_provider::{CallKind, Config, Faults, Ledger, Limits, Mock, Pace, RequestRecord};
use std::collections::HashMap;
use std::time::Duration;

use crate::rig::{Route, Told, in_order};

const ROUTE: Route = Route { profile: Profile::OPENAI_RESPONSES, model: "gpt-5" };
const PROMPT: &str = "A poem, mock:multilingual mock:tokens=120";

fn builder(mock: &Mock) -> Builder {
    ROUTE.builder(mock).background(true)
}

fn calls(ledger: &Ledger, prompt: &str) -> Vec<CallKind> {
    let responses = ledger.for_prompt(prompt).filter_map(|record| record.response.as_ref());
    responses.map(|response| response.call).collect()
}

fn is_call(record: &RequestRecord, call: CallKind) -> bool {
    record.response.as_ref().is_some_and(|response| response.call == call)
}

#[track_caller]
fn check_billed_once(ledger: &Ledger, prompt: &str) {
    let made = calls(ledger, prompt).iter().filter(|call| **call == CallKind::Create).count();
    assert_eq!(made, 1, "one generation of {prompt}");
    assert_eq!(ledger.billed(prompt), ledger.needed(prompt), "{prompt} is billed once");
}

#[tokio::test]
async fn a_hundred_streams_that_are_each_cut_three_times_are_generated_once() {
    let faults = Faults::SeededPerPrompt { seed: 11, count: 3 };
    let mock = ROUTE.mock(Config { seed: 11, faults, ..Config::default() }).await;
    let client = builder(&mock).build().expect("a valid client");
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..100 {
        let client = client.clone();
        tasks.spawn(async move {
            let prompt = format!("Poem {at}, mock:multilingual");
            (Told::of(&client, ROUTE.request(&prompt)).await, prompt)
        });
    }
    let mut seams = HashMap::new();
    while let Some(done) = tasks.join_next().await {
        let (told, prompt) = done.expect("a stream ends");
        assert!(told.is_complete(), "{prompt}: {:?}", told.end);
        assert_eq!(told.text, mock.text_for(&prompt), "{prompt}, seams {:?}", told.seams);
        seams.insert(prompt, told.seams);
    }
    mock.settled().await;
    let ledger = mock.ledger();
    for (prompt, seams) in seams {
        // A response may have to be fetched again that is not finished.
        let requests = ledger.for_prompt(&prompt).count();
        assert!((4..=6).contains(&requests), "{requests} requests for {prompt}");
        // Where the generation itself fails, another one is the only way.
        let mut created =
            ledger.for_prompt(&prompt).filter(|record| is_call(record, CallKind::Create));
        if created.any(|record| record.fault.to_string().starts_with("error")) {
            continue;
        }
        check_billed_once(&ledger, &prompt);
        let exact = seams.iter().all(|seam| seam.label == SeamLabel::Exact);
        assert!(exact, "{prompt}: {seams:?}");
    }
}

#[tokio::test]
async fn another_client_reads_on_what_the_first_left() {
    let mock = ROUTE.mock(Config { faults: in_order("ok"), ..Config::default() }).await;
    let store = Store::memory();
    let mut stream = {
        let client = builder(&mock).checkpoints(store.clone()).build().expect("a valid client");
        client.stream(ROUTE.request(PROMPT)).await.expect("a valid request")
    };
    while stream.text().len() < 100 {
        stream.next().await.expect("more text").expect("no error");
    }
    let id = stream.pause().await.expect("a checkpoint");
    // Nothing says here that the response is in the background: the checkpoint does.
    let client = ROUTE.builder(&mock).checkpoints(store).build().expect("a valid client");
    let told = Told::by(client.resume(&id).await.expect("a stream to go on with")).await;
    assert!(told.is_complete(), "{:?}", told.end);
    assert_eq!(told.text, mock.text_for(PROMPT));
    mock.settled().await;
    assert_eq!(calls(&mock.ledger(), PROMPT), [CallKind::Create, CallKind::Stream]);
    check_billed_once(&mock.ledger(), PROMPT);
}

#[tokio::test]
async fn events_that_are_gone_are_made_up_for_by_the_whole() {
    let limits = Limits { response_streamed_for: Duration::from_millis(1), ..Limits::default() };
    let faults = in_order("rst@40");
    let mock = ROUTE.mock(Config { faults, limits, ..Config::default() }).await;
    let client = builder(&mock).build().expect("a valid client");
    let told = Told::of(&client, ROUTE.request(PROMPT)).await;
    assert!(told.is_complete(), "{:?}", told.end);
    assert_eq!(told.text, mock.text_for(PROMPT));
    let seams: Vec<_> = told.seams.iter().map(|seam| (seam.rung, seam.label)).collect();
    assert_eq!(seams, [(Rung::Fetch, SeamLabel::Exact)]);
    mock.settled().await;
    check_billed_once(&mock.ledger(), PROMPT);
}

#[tokio::test]
async fn a_response_that_is_gone_is_continued_by_another() {
    let mock = ROUTE.mock(Config { faults: in_order("rst@40,expire"), ..Config::default() }).await;
    let client = builder(&mock).build().expect("a valid client");
    let told = Told::of(&client, ROUTE.request(PROMPT)).await;
    assert!(told.is_complete(), "{:?}", told.end);
    assert_eq!(told.text, mock.text_for(PROMPT));
    mock.settled().await;
    let ledger = mock.ledger();
    // What is asked of a response that is gone belongs to no prompt.
    let asked = ledger.requests.iter().filter_map(|record| Some(record.response.as_ref()?.call));
    let expected = [CallKind::Create, CallKind::Stream, CallKind::Retrieve, CallKind::Create];
    assert_eq!(asked.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn who_cancels_is_billed_no_further() {
    let pace = Pace { delay_per_token: Duration::from_millis(5), ..Pace::default() };
    let mock = ROUTE.mock(Config { pace, ..Config::default() }).await;
    let store = Store::memory();
    let client = builder(&mock).checkpoints(store).build().expect("a valid client");
    let mut stream = client.stream(ROUTE.request(PROMPT)).await.expect("a valid request");
    let id = stream.id().clone();
    while stream.text().is_empty() {
        stream.next().await.expect("more text").expect("no error");
    }
    stream.cancel().await.expect("a store that works");
    mock.settled().await;
    let ledger = mock.ledger();
    assert_eq!(calls(&ledger, PROMPT), [CallKind::Create, CallKind::Cancel]);
    assert!(ledger.billed(PROMPT) < ledger.needed(PROMPT), "{:?}", ledger.totals);
    let mut again = client.resume(&id).await.expect("a stream");
    let mut last = again.next().await;
    while let Some(Ok(Event::State(_))) = last {
        last = again.next().await;
    }
    let error = last.expect("an end").expect_err("what was cancelled is not gone on with");
    assert_eq!(error.kind(), ErrorKind::Incomplete);
}

#[tokio::test]
async fn who_cancels_a_stream_that_another_client_took_over_stops_nothing() {
    let pace = Pace { delay_per_token: Duration::from_millis(5), ..Pace::default() };
    let mock = ROUTE.mock(Config { pace, ..Config::default() }).await;
    let store = Store::memory();
    let client = builder(&mock).checkpoints(store).build().expect("a valid client");
    let mut stream = client.stream(ROUTE.request(PROMPT)).await.expect("a valid request");
    while stream.text().is_empty() {
        stream.next().await.expect("more text").expect("no error");
    }
    let options = ResumeOptions { if_held: IfHeld::TakeOver, ..ResumeOptions::default() };
    let other = client.resume_with(stream.id(), options).await.expect("it is taken over");
    let error = stream.cancel().await.expect_err("it is another's");
    assert_eq!(error.kind(), ErrorKind::Fenced);
    let told = Told::by(other).await;
    assert!(told.is_complete(), "{:?}", told.end);
    assert_eq!(told.text, mock.text_for(PROMPT));
    mock.settled().await;
    assert_eq!(calls(&mock.ledger(), PROMPT), [CallKind::Create, CallKind::Stream]);
}

#[tokio::test]
async fn a_response_is_cancelled_where_it_is_kept() {
    let pace = Pace { delay_per_token: Duration::from_millis(5), ..Pace::default() };
    let mock = ROUTE.mock(Config { pace, ..Config::default() }).await;
    let first = ROUTE.mock(Config::default()).await;
    let store = Store::memory();
    let client = builder(&mock).checkpoints(store.clone()).build().expect("a valid client");
    let mut stream = client.stream(ROUTE.request(PROMPT)).await.expect("a valid request");
    while stream.text().is_empty() {
        stream.next().await.expect("more text").expect("no error");
    }
    let id = stream.pause().await.expect("a checkpoint");
    let several = builder(&first).endpoint(ROUTE.endpoint(&mock)).checkpoints(store);
    let several = several.build().expect("a valid client");
    several.resume(&id).await.expect("a stream").cancel().await.expect("a store that works");
    mock.settled().await;
    assert_eq!(calls(&mock.ledger(), PROMPT), [CallKind::Create, CallKind::Cancel]);
    assert!(first.ledger().requests.is_empty(), "it has no such response");
}
