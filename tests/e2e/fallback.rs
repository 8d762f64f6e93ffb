//! A provider that dies for good, and another one with another model that goes on: before the first
//! byte, in the middle of an answer and between two processes. Without a fallback all ends as before.

use std::time::Duration;

use checkpoint_store::Store;
use client::{
    Builder, Cause, Client, Endpoint, ErrorKind, Event, Profile, Request, ResponseStream, Rung,
    Secret, StreamId, Ways,
};
use mock_provider::{
    Breakdown, Config, Continuation, Ledger, Mock, Pace, RequestRecord, RetryHint,
};

use crate::rig::{INSTRUCTED, ROUTES, Route, Told, check_requests, in_order};

const KEY: &str = "sk-e2e-fallback-77aa66bb55cc";
/// Longer than any test.
const FOR_GOOD: Duration = Duration::from_secs(3600);

/// A model of the same wire as each of [`INSTRUCTED`], which takes a prefill where any does.
const OTHERS: [&str; 3] = ["claude-haiku-4-5", "gpt-4o-mini", "gpt-5-mini"];

async fn other(route: Route) -> Mock {
    let config = Config { api_key: Some(KEY.into()), ..Config::default() };
    route.mock(config).await
}

async fn first(route: Route) -> Mock {
    let pace = Pace { delay_per_token: Duration::from_millis(3), ..Pace::default() };
    route.mock(Config { pace, ..Config::default() }).await
}

fn fallback(route: Route, mock: &Mock, model: &str) -> Endpoint {
    let endpoint = Endpoint::new(&mock.url(), route.profile).expect("a mock's URL is valid");
    endpoint.key(Secret::new(KEY)).model(model)
}

fn builder(route: Route, mocks: [&Mock; 2], model: &str) -> Builder {
    route.builder(mocks[0]).fallback(fallback(route, mocks[1], model))
}

/// Reads until some text was shown, then lets the first provider die.
async fn cut(client: &Client, request: Request, mock: &Mock) -> (String, ResponseStream) {
    let mut stream = client.stream(request).await.expect("a valid request");
    let mut text = String::new();
    while text.len() < 150 {
        if let Event::Text(more) = stream.next().await.expect("more").expect("no error yet") {
            text.push_str(&more);
        }
    }
    mock.break_down(FOR_GOOD, Breakdown::Refused).await;
    (text, stream)
}

async fn told(client: &Client, request: Request, mock: &Mock) -> Told {
    let (text, stream) = cut(client, request, mock).await;
    Told::after(text, stream).await
}

/// The one request that came to the second provider.
#[track_caller]
fn only(ledger: &Ledger) -> &RequestRecord {
    assert_eq!(ledger.requests.len(), 1, "one request");
    &ledger.requests[0]
}

#[tokio::test]
async fn a_dead_first_provider_costs_no_response_and_is_used_again_when_it_is_back() {
    for (route, model) in INSTRUCTED.into_iter().zip(OTHERS) {
        let (dead, live) = (route.mock(Config::default()).await, other(route).await);
        let hint = RetryHint::Absent;
        dead.break_down(Duration::from_millis(400), Breakdown::Status { status: 503, hint }).await;
        let client = builder(route, [&dead, &live], model).build().expect("a valid client");
        let told = Told::of(&client, route.request("Story")).await;
        assert!(told.is_complete(), "{:?}", told.end);
        assert_eq!(told.text, live.text_for("Story"));
        assert!(told.seams.is_empty(), "nothing was shown before");
        live.settled().await;
        let ledger = live.ledger();
        let asked = only(&ledger);
        assert_eq!((asked.model.as_str(), asked.continuation), (model, Continuation::Fresh));
        let keys =
            dead.ledger().requests.iter().map(|it| it.idempotency_key.clone()).collect::<Vec<_>>();
        assert!(!keys.contains(&asked.idempotency_key), "another request, another key");
        check_requests(&ledger);

        let mut back = 0;
        while dead.ledger().requests.iter().all(|request| request.status != 200) {
            back += 1;
            let prompt = format!("Story {back}");
            assert!(Told::of(&client, route.request(&prompt)).await.is_complete());
        }
        let before = live.ledger().requests.len();
        assert!(Told::of(&client, route.request("Late")).await.is_complete());
        assert_eq!(live.ledger().requests.len(), before, "the first one answers again");
    }
}

#[tokio::test]
async fn another_model_goes_on_in_the_middle_of_an_answer_by_an_instruction_alone() {
    for (route, model) in INSTRUCTED.into_iter().zip(OTHERS) {
        let (dead, live) = (first(route).await, other(route).await);
        let client = builder(route, [&dead, &live], model).build().expect("a valid client");
        let told = told(&client, route.request("Story"), &dead).await;
        assert!(told.is_complete(), "{model}: {:?}", told.end);
        assert_eq!(told.text, live.text_for("Story"), "{model}");
        live.settled().await;
        let ledger = live.ledger();
        let asked = only(&ledger);
        assert_eq!((asked.model.as_str(), asked.continuation), (model, Continuation::Instructed));
        check_requests(&ledger);

        let [seam] = told.seams.as_slice() else { panic!("{:?}", told.seams) };
        assert_eq!((seam.rung, seam.offset), (Rung::Instruct, asked.partial_bytes as u64));
        let joined = format!(
            "{}{}",
            &told.text[..asked.partial_bytes],
            &asked.text[seam.dropped as usize..]
        );
        assert_eq!(told.text, joined, "the pieces of the ledgers");
        let moved = seam.moved.as_deref().expect("another model went on");
        assert_eq!(
            (moved.from.model.as_deref(), moved.to.model.as_deref()),
            (Some(route.model), Some(model))
        );
        let at = |mock: &Mock| Some(format!("{}/v1", mock.url()));
        assert_eq!(moved.from.endpoint.as_deref().map(str::to_owned), at(&dead));
        assert_eq!(moved.to.endpoint.as_deref().map(str::to_owned), at(&live));

        let summary = told.end.expect("it is whole");
        assert_eq!(summary.model.as_deref(), Some(route.model), "what was told stays");
        let last = summary.attempts.last().expect("there are attempts");
        assert_eq!(
            (last.model.as_deref(), last.endpoint.as_deref()),
            (Some(model), moved.to.endpoint.as_deref())
        );
        assert_eq!(summary.attempts[0].model.as_deref(), Some(route.model));
    }
}

#[tokio::test]
async fn the_same_model_at_another_provider_goes_on_by_a_prefill() {
    let route = ROUTES[0];
    let (dead, live) = (first(route).await, other(route).await);
    let client = builder(route, [&dead, &live], route.model).build().expect("a valid client");
    let told = told(&client, route.request("Story"), &dead).await;
    assert!(told.is_complete(), "{:?}", told.end);
    assert_eq!(told.text, live.text_for("Story"));
    assert_eq!(only(&live.ledger()).continuation, Continuation::Prefill);
    let moved = told.seams[0].moved.as_deref().expect("another provider went on");
    assert_eq!(moved.from.model, moved.to.model);
}

#[tokio::test]
async fn a_cut_at_the_other_model_is_gone_on_with_there_and_by_an_instruction() {
    let route = INSTRUCTED[0];
    let (dead, live) = (first(route).await, {
        let faults = in_order("rst@30");
        route.mock(Config { api_key: Some(KEY.into()), faults, ..Config::default() }).await
    });
    let client = builder(route, [&dead, &live], OTHERS[0]).build().expect("a valid client");
    let told = told(&client, route.request("Story"), &dead).await;
    assert!(told.is_complete(), "{:?}", told.end);
    assert_eq!(told.text, live.text_for("Story"));
    live.settled().await;
    let ledger = live.ledger();
    let ways: Vec<_> = ledger.requests.iter().map(|request| request.continuation).collect();
    assert_eq!(ways, [Continuation::Instructed; 2], "a prefill would be foreign text");
    assert!(told.seams[0].moved.is_some() && told.seams[1].moved.is_none(), "{:?}", told.seams);
}

#[tokio::test]
async fn what_cannot_be_gone_on_with_ends_as_without_a_fallback() {
    let route = INSTRUCTED[1];
    let body = |more: &str| {
        let model = route.model;
        format!(r#"{{"model":"{model}",{more}"messages":[{{"role":"user","content":"Story"}}]}}"#)
    };
    let members = [
        r#""n":2,"#,
        r#""response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{}}},"#,
        r#""tool_choice":"required","tools":[{"type":"function","function":{"name":"f"}}],"#,
    ];
    for more in members {
        let (dead, live) = (first(route).await, other(route).await);
        let client = builder(route, [&dead, &live], OTHERS[1]).build().expect("a valid client");
        let told = told(&client, Request::new(body(more)), &dead).await;
        assert_eq!(told.kind(), ErrorKind::Incomplete, "{more}: {:?}", told.end);
        assert_eq!(told.cause(), &Cause::NotContinuable, "{more}");
        assert_eq!(live.ledger().requests.len(), 0, "{more}");
    }
    let (dead, live) = (first(route).await, other(route).await);
    let exact = builder(route, [&dead, &live], OTHERS[1]).ways(Ways::ExactOnly);
    let told = told(&exact.build().expect("a valid client"), route.request("Story"), &dead).await;
    assert!(!told.is_complete() && live.ledger().requests.is_empty(), "{:?}", told.end);
}

#[tokio::test]
async fn without_a_fallback_and_with_one_that_is_dead_too_the_checkpoint_is_what_is_left() {
    let route = INSTRUCTED[0];
    for declared in [false, true] {
        let (dead, live) = (first(route).await, other(route).await);
        live.break_down(FOR_GOOD, Breakdown::Refused).await;
        let store = Store::memory();
        let mut builder = route.builder(&dead).checkpoints(store.clone());
        if declared {
            builder = builder.fallback(fallback(route, &live, OTHERS[0]));
        }
        let client = builder.build().expect("a valid client");
        let told = told(&client, route.request("Story"), &dead).await;
        assert_eq!(told.kind(), ErrorKind::Incomplete, "{:?}", told.end);
        let id = told.error().checkpoint().expect("it can be resumed").clone();
        let again = other(route).await;
        let healthy =
            route.builder(&dead).checkpoints(store).fallback(fallback(route, &again, OTHERS[0]));
        let healthy = healthy.build().expect("a valid client");
        let rest = Told::by(healthy.resume(&id).await.expect("it is known")).await;
        assert!(rest.is_complete(), "{:?}", rest.end);
        assert_eq!(rest.text, again.text_for("Story"));
    }
}

#[tokio::test]
async fn a_process_that_dies_after_the_move_goes_on_with_the_model_in_use() {
    let route = INSTRUCTED[0];
    let (dead, live) = (first(route).await, {
        let faults = in_order("stall@40");
        route.mock(Config { api_key: Some(KEY.into()), faults, ..Config::default() }).await
    });
    let (store, id) = (Store::memory(), StreamId::new("moved-on").expect("a valid name"));
    let client = |store: &Store| {
        let builder = builder(route, [&dead, &live], OTHERS[0]).checkpoints(store.clone());
        builder.build().expect("a valid client")
    };
    let one = client(&store);
    let (mut text, mut stream) = cut(&one, route.request("Story").id(id.clone()), &dead).await;
    let mut after_the_seam = None;
    while after_the_seam.is_none_or(|at| text.len() < at + 40) {
        match stream.next().await.expect("more").expect("no error yet") {
            Event::Text(more) => text.push_str(&more),
            Event::Seam(_) => after_the_seam = Some(text.len()),
            _ => {}
        }
    }
    stream.pause().await.expect("the store works");
    let tried = dead.ledger().requests.len();
    let told = Told::by(client(&store).resume(&id).await.expect("it is known")).await;
    assert!(told.is_complete(), "{:?}", told.end);
    assert_eq!(told.text, live.text_for("Story"));
    assert_eq!(dead.ledger().requests.len(), tried);
    let attempts = told.end.expect("it is whole").attempts;
    assert_eq!(attempts.len(), 1, "the first provider was not tried: {attempts:?}");
    let asked = live.ledger().requests;
    let last = asked.last().expect("it was asked");
    assert_eq!((last.model.as_str(), last.continuation), (OTHERS[0], Continuation::Instructed));
}

#[tokio::test]
async fn a_refusal_of_the_providers_own_moves_on_and_one_of_the_request_does_not() {
    let route = INSTRUCTED[1];
    for (status, moves) in [(401, true), (402, true), (404, true), (400, false), (413, false)] {
        let (bad, live) = (route.mock(Config::default()).await, other(route).await);
        bad.break_down(FOR_GOOD, Breakdown::Status { status, hint: RetryHint::Absent }).await;
        let client = builder(route, [&bad, &live], OTHERS[1]).build().expect("a valid client");
        let told = Told::of(&client, route.request("Story")).await;
        assert_eq!(told.is_complete(), moves, "{status}: {:?}", told.end);
        assert_eq!(bad.ledger().requests.len(), 1, "{status}");
        assert_eq!(live.ledger().requests.len(), usize::from(moves), "{status}");
    }
}

#[tokio::test]
async fn a_long_retry_after_is_not_waited_for_where_another_can_answer() {
    let route = INSTRUCTED[2];
    let (busy, live) = (route.mock(Config::default()).await, other(route).await);
    let hint = RetryHint::Seconds(100);
    busy.break_down(FOR_GOOD, Breakdown::Status { status: 429, hint }).await;
    let client = builder(route, [&busy, &live], OTHERS[2]).build().expect("a valid client");
    let began = std::time::Instant::now();
    for at in 0..3 {
        let told = Told::of(&client, route.request(&format!("Story {at}"))).await;
        assert!(told.is_complete(), "{:?}", told.end);
    }
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!(busy.ledger().requests.len(), 1, "it said when to come back");
}

#[test]
fn a_fallback_of_another_wire_is_refused_by_name() {
    let at = |profile| Endpoint::new("http://127.0.0.1:1", profile).expect("a valid URL");
    let other = Endpoint::new("http://127.0.0.1:2", Profile::OPENAI).expect("a valid URL");
    let error = Client::builder().endpoint(at(Profile::ANTHROPIC)).fallback(other).build();
    let error = error.expect_err("two wires");
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.to_string().contains("http://127.0.0.1:2"), "{error}");
    let nameless = at(Profile::GEMINI).model("no path?");
    assert!(Client::builder().endpoint(nameless).build().is_err());
}
