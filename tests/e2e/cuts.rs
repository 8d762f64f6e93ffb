//! A hundred streams that are each cut three times, on every wire and way to go on: byte-exact
//! text, no request too many, and what the recovery cost.

use client::{Prompt, Request, Wire};
use mock_provider::{Config, Faults, Seam};

use crate::fleet::{Figures, KINDS};
use crate::rig::{ROUTES, Route, Told, check_requests, in_order};

const STREAMS: usize = 100;
const CUTS: usize = 3;

async fn cut_thrice(route: Route, seam: Seam, seed: u64) {
    let faults = Faults::SeededPerPrompt { seed, count: CUTS };
    let mock = route.mock(Config { seed, faults, seam, ..Config::default() }).await;
    let figures = Figures::of(route, &mock, &route.client(&mock), &KINDS, STREAMS).await;
    figures.print("three cuts");
    figures.check_billed(3);
    // No stream has more than its share, so that each has just that.
    assert_eq!(figures.most, CUTS + 1, "{figures:?}");
    assert_eq!(figures.requests, STREAMS * (CUTS + 1), "{figures:?}");
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
async fn a_hundred_instructed_streams_that_go_on_exactly_on_the_responses_wire() {
    cut_thrice(ROUTES[4], Seam::Exact, 7).await;
}

#[tokio::test]
async fn a_hundred_instructed_streams_that_echo_on_the_responses_wire() {
    cut_thrice(ROUTES[4], Seam::Echo, 8).await;
}

#[tokio::test]
async fn a_hundred_instructed_streams_that_go_on_exactly_on_the_gemini_wire() {
    cut_thrice(ROUTES[5], Seam::Exact, 9).await;
}

#[tokio::test]
async fn a_hundred_instructed_streams_that_echo_on_the_gemini_wire() {
    cut_thrice(ROUTES[5], Seam::Echo, 10).await;
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
    let (tools, list, limit) = match route.profile.wire {
        Wire::AnthropicMessages => {
            let tool = r#"{"name":"f","description":"d","input_schema":{"type":"object"}}"#;
            (tool, "messages", "max_tokens")
        }
        Wire::OpenAiChat => {
            let tool =
                r#"{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}"#;
            (tool, "messages", "max_tokens")
        }
        Wire::OpenAiResponses => {
            let tool = r#"{"type":"function","name":"f","parameters":{"type":"object"}}"#;
            (tool, "input", "max_output_tokens")
        }
        Wire::Gemini => return callers_contents(route),
    };
    let part = if list == "input" { "input_text" } else { "text" };
    format!(
        r#"{{ "temperature": 0.70, "model":"{}", "tools":[{tools}], "metadata":{{"user_id":"u"}},
        "x_unknown":[1.0e0,{{"a":null}},"\u00e9\/"], "{limit}":4096,
        "{list}":[{{"role":"user","content":"First."}},{{"role":"assistant","content":"Yes?"}},
        {{"content":[{{"type":"{part}","text":"Th\u0065n."}}],"role":"user"}}] }}"#,
        route.model
    )
}

/// The same on the Gemini wire, whose server takes no member that it does not know.
fn callers_contents(route: Route) -> String {
    format!(
        r#"{{ "safetySettings":[ ], "model":"{}", "tools":[{{"functionDeclarations":[{{"name":"f"}}]}}],
        "generation_config":{{"temperature": 0.70, "x\u0031":[1.0e0,{{"a":null}},"\u00e9\/"], "maxOutputTokens":4096}},
        "contents":[{{"role":"user","parts":[{{"text":"First."}}]}},{{"role":"model","parts":[{{"text":"Yes?"}}]}},
        {{"parts":[{{"text":"Th\u0065n."}}],"role":"user"}}] }}"#,
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
