//! What the Gemini wire alone has, over sockets: thoughts, calls and blocked prompts.

use client::{Event, Events, Request, StopReason, Summary};
use mock_provider::{Config, Mock, Seam};

use crate::rig::{ROUTES, Route, check_requests, in_order};

/// A model that thinks, has a function and can be asked for both.
fn asked(route: Route, prompt: &str) -> Request {
    let config = r#"{"maxOutputTokens":4000,"thinkingConfig":{"includeThoughts":true}}"#;
    Request::new(format!(
        r#"{{"model":"{}","contents":[{{"role":"user","parts":[{{"text":"{prompt}"}}]}}],"tools":[{{"functionDeclarations":[{{"name":"f"}}]}}],"generationConfig":{config}}}"#,
        route.model
    ))
}

/// The text of a stream, the data of its events, and how it ended.
async fn read(route: Route, mock: &Mock, prompt: &str) -> (String, Vec<String>, Summary) {
    let client = route.builder(mock).events(Events::All).build().expect("a valid client");
    let mut stream = client.stream(asked(route, prompt)).await.expect("a valid request");
    let (mut text, mut frames) = (String::new(), Vec::new());
    loop {
        match stream.next().await.expect("a stream has an end").expect("it is whole") {
            Event::Text(more) => text.push_str(&more),
            Event::Frame(frame) => {
                frames.push(String::from_utf8(frame.data.to_vec()).expect("UTF-8"));
            }
            Event::End(summary) => return (text, frames, *summary),
            _ => {}
        }
    }
}

fn count(frames: &[String], what: &str) -> usize {
    frames.iter().filter(|frame| frame.contains(what)).count()
}

#[tokio::test]
async fn thoughts_are_no_text_and_a_call_comes_once_whatever_is_cut() {
    let route = ROUTES[5];
    // The last one cuts the call, or what comes behind it.
    for script in ["ok", "rst@30", "end@45,fin@20", "rst@999", "torn@999,utf8@9"] {
        let config =
            Config { faults: in_order(script), seam: Seam::Echo, tokens: 60, ..Config::default() };
        let mock = route.mock(config).await;
        let (text, frames, summary) = read(route, &mock, "mock:call please").await;
        assert_eq!(text, mock.text_for("mock:call please"), "{script}");
        assert_eq!(summary.stop, Some(StopReason::EndTurn), "{script}");
        assert_eq!(count(&frames, "functionCall"), 1, "{script}");
        assert_eq!(count(&frames, r#""thought": true"#), 1, "{script}: those of the first answer");
        assert_eq!(count(&frames, "finishReason"), 1, "{script}");
        assert!(frames.last().is_some_and(|last| last.contains("thoughtSignature")), "{script}");
        mock.settled().await;
        check_requests(&mock.ledger());
        assert!(summary.usage().0.output_reasoning > 0, "{script}: thoughts are paid for");
    }
}

#[tokio::test]
async fn a_blocked_prompt_is_a_refusal_and_is_asked_once() {
    let route = ROUTES[5];
    let mock = route.mock(Config::default()).await;
    let (text, frames, summary) = read(route, &mock, "mock:blocked").await;
    assert_eq!((text.as_str(), summary.stop), ("", Some(StopReason::Refusal)));
    assert_eq!((frames.len(), count(&frames, "blockReason")), (1, 1));
    assert_eq!(mock.ledger().requests.len(), 1);
}
