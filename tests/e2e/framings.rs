//! The other framings against the breaking provider: whatever breaks, the text is byte for byte what
//! was meant, and what is billed is what was needed.

use client::{Cause, Framing, Profile, State, Terminal};
use mock_provider::{Config, Pace, Split};

use crate::rig::{Route, Told, check_requests, in_order};

const PROMPT: &str = "Tell me of the sea";

/// One route for each framing and wire, with a model that takes a prefill and with one that does not.
fn routes() -> [Route; 5] {
    let framing = Framing::NdJson;
    let lines = Profile { framing, ..Profile::ANTHROPIC };
    // No line says `[DONE]`.
    let chat = Profile { framing, terminal: Terminal::StopReason, ..Profile::DEEPSEEK_BETA };
    [
        Route { profile: Profile::BEDROCK, model: "us.anthropic.claude-haiku-4-5-20251001-v1:0" },
        Route { profile: Profile::BEDROCK, model: "global.anthropic.claude-opus-4-6-v1:0" },
        Route { profile: lines, model: "claude-haiku-4-5" },
        Route { profile: lines, model: "claude-opus-4-6" },
        Route { profile: chat, model: "deepseek-chat" },
    ]
}

/// Reads an answer through this script; its text is whole, and little was billed twice.
async fn told(route: Route, script: &str) -> Told {
    let pace = Pace { split: Split::Odd, ..Pace::default() };
    let config = Config { faults: in_order(script), tokens: 120, pace, ..Config::default() };
    let mock = route.mock(config).await;
    let told = Told::of(&route.client(&mock), route.request(PROMPT)).await;
    assert!(told.end.is_ok(), "{script} {route:?}: {:?}", told.end);
    assert_eq!(told.text, mock.text_for(PROMPT), "{script} {route:?}");
    let ledger = mock.ledger();
    check_requests(&ledger);
    // Each fault may lose a token on the way, and white space that no prefill can end with.
    let (billed, needed) = (ledger.billed(PROMPT), ledger.needed(PROMPT));
    let faults = script.split(',').count() as u64;
    assert!(billed <= needed + 2 * faults, "{script}: {billed} billed of {needed}");
    told
}

fn causes(told: &Told) -> Vec<&Cause> {
    told.states.iter().filter_map(failure).collect()
}

fn failure(state: &State) -> Option<&Cause> {
    match state {
        State::Disconnected { cause, .. } => Some(cause),
        _ => None,
    }
}

#[tokio::test]
async fn a_whole_answer_comes_whole_in_every_framing() {
    for route in routes() {
        for script in ["ok", "crlf", "bom"] {
            let told = told(route, script).await;
            assert!(
                told.seams.is_empty() && told.end.is_ok_and(|summary| !summary.sentinel_missing)
            );
        }
    }
}

#[tokio::test]
async fn every_break_is_healed_in_every_framing() {
    for route in routes() {
        for fault in [
            "torn@40",
            "crc@40",
            "exception@40",
            "rst@40",
            "fin@40",
            "end@40",
            "utf8@40",
            "json@40",
            "error@40",
            "error@40:api",
            "error@40:rate-limit",
            "error@40:timeout",
            "429:ms=1",
            "empty",
            "html",
            "json200",
            "torn@0",
            "crc@0",
            "exception@0",
            "torn@1000",
        ] {
            told(route, fault).await;
        }
    }
}

#[tokio::test]
async fn row_098_the_provider_damages_a_message_and_sends_an_unknown_exception() {
    for route in &routes()[..2] {
        let told = told(*route, "crc@30,exception@30,torn@30").await;
        let causes = causes(&told);
        assert!(
            matches!(causes[..], [Cause::BadFrame(_), Cause::Provider(_), Cause::Truncated]),
            "{causes:?}"
        );
        assert_eq!(told.seams.len(), 3);
    }
}

#[tokio::test]
async fn row_099_the_provider_ends_inside_a_line() {
    for route in &routes()[2..] {
        let told = told(*route, "torn@30,torn@30,torn@1000").await;
        assert!(causes(&told).iter().all(|cause| **cause == Cause::Truncated));
        assert!(told.seams.len() >= 2, "{:?}", told.seams);
    }
}
