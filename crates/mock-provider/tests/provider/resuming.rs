//! The provider as the ground truth of a resumed stream: a plain client goes on by prefill, and the text
//! is exact whatever the cuts.

use mock_provider::{Config, Fault, Faults, Hazard, Mock, Script, TextKind, Wire};
use serde_json::{Value, json};

use crate::client::{assistant, body, post, user};

const WIRES: [Wire; 2] = [Wire::AnthropicMessages, Wire::OpenAiChat];

/// What a client has that goes on until the provider says that the answer is whole.
async fn resume(mock: &Mock, wire: Wire, prompt: &str) -> (String, usize) {
    let model = match wire {
        Wire::AnthropicMessages => "claude-haiku-4-5",
        Wire::OpenAiChat => "mistral-small",
        Wire::OpenAiResponses | Wire::Gemini => panic!("there is no prefill on this wire"),
    };
    let mut text = String::new();
    for requests in 1..20 {
        // The provider sends trimmed white space again.
        text.truncate(text.trim_end().len());
        let response = post(mock.addr(), wire, &body(model, messages(wire, prompt, &text))).await;
        // A token that is not JSON ends what can be trusted.
        for event in response.events() {
            let Ok(payload) = serde_json::from_str::<Value>(&event.data) else { break };
            let chat = &payload["choices"][0]["delta"]["content"];
            text += payload["delta"]["text"].as_str().or(chat.as_str()).unwrap_or("");
        }
        let trusted = response.events().iter().all(|event| {
            event.data == "[DONE]" || serde_json::from_str::<Value>(&event.data).is_ok()
        });
        if trusted && response.stop_reason().is_some_and(|reason| reason != "error") {
            return (text, requests);
        }
    }
    panic!("the answer to {prompt} is never whole");
}

fn messages(wire: Wire, prompt: &str, text: &str) -> Value {
    if text.is_empty() {
        return json!([user(prompt)]);
    }
    let mut message = assistant(text);
    if wire == Wire::OpenAiChat {
        message["prefix"] = json!(true);
    }
    json!([user(prompt), message])
}

#[tokio::test]
async fn many_prompts_are_each_cut_at_their_own_places() {
    let script: Script = "rst@40,fin@31,end@77".parse().unwrap();
    let mock = Mock::start(Config { faults: Faults::PerPrompt(script), ..Config::default() }).await;
    let mock = mock.unwrap();
    for wire in WIRES {
        for kind in ["multilingual", "ha", "rows", "braces", "intro+ha"] {
            let prompt = format!("{wire:?} mock:{kind}");
            let (text, requests) = resume(&mock, wire, &prompt).await;
            assert_eq!(text, mock.text_for(&prompt));
            assert_eq!(requests, 4);
            let ledger = mock.ledger();
            assert_eq!(ledger.for_prompt(&prompt).count(), 4);
            assert!(ledger.for_prompt(&prompt).all(|record| !record.flags.unknown_prefix));
            let (billed, needed) = (ledger.billed(&prompt), ledger.needed(&prompt));
            assert!(billed * 100 <= needed * 103, "{prompt}: {billed} of {needed}");
        }
    }
}

#[tokio::test]
async fn seeded_cuts_differ_by_prompt_and_are_repeatable() {
    let faults = || Faults::SeededPerPrompt { seed: 4, count: 2 };
    let mut runs = Vec::new();
    for _ in 0..2 {
        let mock = Mock::start(Config { faults: faults(), tokens: 80, ..Config::default() }).await;
        let mock = mock.unwrap();
        let prompts = ["mock:ha one", "mock:ha two", "three"];
        for prompt in prompts {
            let (text, requests) = resume(&mock, WIRES[0], prompt).await;
            assert_eq!((text, requests), (mock.text_for(prompt), 3));
        }
        let ledger = mock.ledger();
        let met = |prompt: &str| -> Vec<Fault> {
            ledger.for_prompt(prompt).map(|record| record.fault.clone()).collect()
        };
        runs.push(prompts.map(met));
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0][0], runs[0][1]);
}

#[tokio::test]
async fn chance_breaks_about_as_many_answers_as_told() {
    let hazard = Hazard { seed: 5, per_million: 400_000, tokens: 40, lead: 0 };
    let faults = Faults::Hazard(hazard);
    let mock = Mock::start(Config { faults, tokens: 40, ..Config::default() }).await.unwrap();
    for at in 0..200 {
        let prompt = format!("chance {at}");
        let (text, _) = resume(&mock, WIRES[0], &prompt).await;
        assert_eq!(text, mock.text_for(&prompt));
    }
    let ledger = mock.ledger();
    let first = |at: usize| ledger.for_prompt(&format!("chance {at}")).next().unwrap();
    let broken = (0..200).filter(|at| first(*at).fault != Fault::Healthy).count();
    assert!((60..=100).contains(&broken), "{broken} of 200");
    // What is cut in the middle goes on with half of it.
    let requests = ledger.requests.len();
    assert!((260..=350).contains(&requests), "{requests} requests");
}

#[tokio::test]
async fn the_configured_kind_of_text_is_used() {
    let text = TextKind::Introduced(mock_provider::Unit::ClosingBrace);
    let config = Config { text, seed: 9, tokens: 50, ..Config::default() };
    let mock = Mock::start(config.clone()).await.unwrap();
    let (text, _) = resume(&mock, WIRES[1], "kind").await;
    assert_eq!(text, config.text_for("kind"));
    assert!(text.starts_with("Introduction"));
}
