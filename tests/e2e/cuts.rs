//! A hundred streams that are each cut three times, on every wire and way to go on: byte-exact
//! text, no request too many, and what the recovery cost.

use client::{Prompt, Request, Wire};
use mock_provider::{Config, Faults, Seam};

use crate::rig::{ROUTES, Route, Told, check_requests, in_order};

const STREAMS: usize = 100;
const CUTS: usize = 3;

/// Every kind of text in turn, highly repetitive ones among them.
const KINDS: [&str; 10] = [
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

async fn cut_thrice(route: Route, seam: Seam, seed: u64) {
    let faults = Faults::SeededPerPrompt { seed, count: CUTS };
    let mock = route.mock(Config { seed, faults, seam, ..Config::default() }).await;
    let client = route.client(&mock);
    let prompts: Vec<_> =
        (0..STREAMS).map(|at| format!("Poem {at}, mock:{}", KINDS[at % KINDS.len()])).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for prompt in prompts.clone() {
        let client = client.clone();
        tasks.spawn(async move {
            let told = Told::of(&client, route.request(&prompt)).await;
            (prompt, told)
        });
    }
    while let Some(done) = tasks.join_next().await {
        let (prompt, told) = done.expect("a stream ends");
        assert!(told.is_complete(), "{prompt}: {:?}", told.end);
        assert_eq!(told.text, mock.text_for(&prompt), "{prompt}, seams {:?}", told.seams);
    }
    mock.settled().await;
    let ledger = mock.ledger();
    check_requests(&ledger);
    for prompt in &prompts {
        assert_eq!(ledger.for_prompt(prompt).count(), CUTS + 1, "requests for {prompt}");
    }
    let totals = ledger.totals;
    assert!(
        totals.billed_tokens * 100 <= totals.needed_tokens * 103,
        "{} tokens billed for {}",
        totals.billed_tokens,
        totals.needed_tokens
    );
}

#[tokio::test]
async fn a_hundred_streams_with_prefill_on_the_messages_wire() {
    cut_thrice(ROUTES[0], Seam::Exact, 1).await;
}

#[tokio::test]
async fn a_hundred_instructed_streams_that_go_on_exactly_on_the_messages_wire() {
    cut_thrice(ROUTES[1], Seam::Exact, 2).await;
}

#[tokio::test]
async fn a_hundred_instructed_streams_that_echo_on_the_messages_wire() {
    cut_thrice(ROUTES[1], Seam::Echo, 3).await;
}

#[tokio::test]
async fn a_hundred_streams_with_prefill_on_the_chat_wire() {
    cut_thrice(ROUTES[2], Seam::Exact, 4).await;
}

#[tokio::test]
async fn a_hundred_instructed_streams_that_go_on_exactly_on_the_chat_wire() {
    cut_thrice(ROUTES[3], Seam::Exact, 5).await;
}

#[tokio::test]
async fn a_hundred_instructed_streams_that_echo_on_the_chat_wire() {
    cut_thrice(ROUTES[3], Seam::Echo, 6).await;
}

#[tokio::test]
async fn one_cut_takes_exactly_two_requests() {
    for route in ROUTES {
        let faults = in_order("rst@100");
        let mock = route.mock(Config { faults, ..Config::default() }).await;
        let client = route.client(&mock);
        let told = Told::of(&client, route.request("Once")).await;
        assert_eq!(told.text, mock.text_for("Once"), "{}", route.model);
        mock.settled().await;
        assert_eq!(mock.ledger().requests.len(), 2, "{}", route.model);
        assert_eq!(told.seams.len(), 1, "{}", route.model);
    }
}

/// A body with members that the client knows nothing of, in a form that it would not write.
fn callers_body(route: Route) -> String {
    let tools = match route.profile.wire {
        Wire::AnthropicMessages => {
            r#"[{"name":"f","description":"d","input_schema":{"type":"object"}}]"#
        }
        _ => r#"[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]"#,
    };
    format!(
        r#"{{ "temperature": 0.70, "model":"{}", "tools":{tools}, "metadata":{{"user_id":"u"}},
        "x_unknown":[1.0e0,{{"a":null}},"\u00e9\/"], "max_tokens":4096,
        "messages":[{{"role":"user","content":"First."}},{{"role":"assistant","content":"Yes?"}},
        {{"content":[{{"type":"text","text":"Th\u0065n."}}],"role":"user"}}] }}"#,
        route.model
    )
}

#[tokio::test]
async fn a_continuation_keeps_all_that_the_caller_wrote() {
    for route in ROUTES {
        let faults = in_order("rst@40,end@40,utf8@40");
        let mock = route.mock(Config { faults, ..Config::default() }).await;
        let client = route.client(&mock);
        let told = Told::of(&client, Request::new(callers_body(route))).await;
        assert_eq!(told.text, mock.text_for("First."), "{}", route.model);
        mock.settled().await;
        let ledger = mock.ledger();
        check_requests(&ledger);
        assert_eq!(ledger.requests.len(), 4, "{}", route.model);
        let limits: Vec<_> = ledger.requests.iter().map(|request| request.max_tokens).collect();
        assert!(limits.is_sorted_by(|before, after| before > after), "{limits:?}");
    }
}

#[tokio::test]
async fn a_fragment_that_is_repeated_on_request_is_not_paid_out_of_the_callers_limit() {
    for route in ROUTES {
        let faults = in_order("rst@50,rst@30");
        let config = Config { faults, seam: Seam::Echo, tokens: 100, ..Config::default() };
        let mock = route.mock(config).await;
        let client = route.client(&mock);
        // Four tokens of leave for tokens that a cut made two of.
        let request = Prompt::new(route.model, "Just so").max_tokens(104);
        let told = Told::of(&client, request.into()).await;
        assert_eq!(told.text, mock.text_for("Just so"), "{}", route.model);
    }
}
