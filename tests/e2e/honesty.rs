//! What is not whole is never called whole.

use client::{Cause, ErrorKind, State, Wire};
use mock_provider::{Config, Faults};

use crate::rig::{ROUTES, Route, Told, in_order};

/// A provider that does this to every request of a prompt.
fn always(fault: &str) -> Faults {
    in_order(&format!("{fault}*200"))
}

async fn tell(route: Route, fault: &str) -> (Told, String) {
    let mock = route.mock(Config { faults: always(fault), tokens: 40, ..Config::default() }).await;
    let told = Told::of(&route.client(&mock), route.request("Tell")).await;
    (told, mock.text_for("Tell"))
}

#[tokio::test]
async fn a_clean_end_without_a_stop_reason_is_never_complete() {
    for route in ROUTES {
        let (told, text) = tell(route, "end@0").await;
        assert_eq!(told.kind(), ErrorKind::Incomplete, "{}", route.model);
        assert!(matches!(told.cause(), Cause::GaveUp { .. }), "{:?}", told.cause());
        assert_eq!(told.text, "");
        let (told, _) = tell(route, "end@999").await;
        assert!(!told.is_complete(), "{}: the text came, its end did not", route.model);
        assert!(matches!(told.cause(), Cause::NoProgress), "{:?}", told.cause());
        assert_eq!(told.text, text);
    }
}

#[tokio::test]
async fn a_page_with_status_200_is_never_complete() {
    for route in ROUTES {
        for fault in ["html", "json200", "empty"] {
            let (told, _) = tell(route, fault).await;
            assert!(!told.is_complete(), "{} {fault}", route.model);
            assert_eq!(told.text, "", "{} {fault}", route.model);
        }
    }
}

#[tokio::test]
async fn an_incomplete_stream_says_so_in_its_last_state_and_names_its_checkpoint() {
    let (told, text) = tell(ROUTES[1], "rst@3").await;
    assert!(matches!(told.states.last(), Some(State::Failed { .. })), "{:?}", told.states.last());
    if told.is_complete() {
        // Three tokens at a time it may even come to its end.
        assert_eq!(told.text, text);
    } else {
        assert_eq!(told.error().checkpoint(), Some(&told.id));
        assert!(text.starts_with(&told.text));
    }
}

#[tokio::test]
async fn a_missing_sentinel_after_the_stop_reason_is_complete_and_flagged() {
    for route in ROUTES {
        let (told, text) = tell(route, "end@stop").await;
        if route.profile.wire == Wire::OpenAiResponses {
            // Its last event is its stop reason.
            assert_eq!(told.kind(), ErrorKind::Incomplete);
            assert_eq!(told.text, text);
            continue;
        }
        let summary = told.end.as_ref().expect("the response is whole");
        // The reason is the last that the Gemini wire has.
        let has_more = route.profile.wire != Wire::Gemini;
        assert_eq!(summary.sentinel_missing, has_more, "{}", route.model);
        assert_eq!(told.text, text);
    }
}
