//! Every single fault of the provider's grammar, on three wires and every way to go on: the
//! text comes out byte for byte, or the end is an honest one.

use mock_provider::{Config, Seam, TextKind, Unit};

use crate::rig::{ROUTES, Route, Told, check_requests, impatient, in_order};

/// Every fault that a client outlives, and how many requests it takes; 0 where that depends on
/// the machine's clock.
const SURVIVABLE: [(&str, usize); 39] = [
    ("ok", 1),
    ("bom", 1),
    ("crlf", 1),
    ("end@stop", 1),
    ("refused:20ms", 0),
    ("close", 2),
    ("rst", 2),
    ("429", 2),
    ("429:date=1", 2),
    ("429:ms=30", 2),
    ("429:raw=soon", 2),
    ("500", 2),
    ("502", 2),
    ("503:ms=5", 2),
    ("529", 2),
    ("silent", 0),
    ("empty", 2),
    ("html", 2),
    ("json200", 2),
    ("stall@0", 0),
    ("stall@25", 0),
    ("pings@25", 0),
    ("rst@0", 2),
    ("rst@25", 2),
    ("fin@25", 2),
    ("end@0", 2),
    ("end@25", 2),
    ("end@999", 2),
    ("utf8@25", 2),
    ("chunk@25", 2),
    ("json@0", 2),
    ("json@25", 2),
    ("error@0", 2),
    ("error@25", 2),
    ("error@25:api", 2),
    ("error@25:rate-limit", 2),
    ("error@25:timeout", 2),
    ("error@25:openrouter", 2),
    ("rst@1", 2),
];

const PROMPT: &str = "Tell me of the sea";

async fn survives(route: Route, fault: &str, requests: usize, config: Config) {
    let config = Config { faults: in_order(fault), tokens: 60, ..config };
    let mock = route.mock(config).await;
    let builder = route.builder(&mock);
    let builder = if requests == 0 { builder.timeouts(impatient()) } else { builder };
    let client = builder.build().expect("a valid client");
    let told = Told::of(&client, route.request(PROMPT)).await;
    let what = format!("{} {fault}", route.model);
    assert!(told.is_complete(), "{what}: {:?}", told.end);
    assert_eq!(told.text, mock.text_for(PROMPT), "{what}");
    mock.settled().await;
    let ledger = mock.ledger();
    check_requests(&ledger);
    if requests > 0 {
        assert_eq!(ledger.requests.len(), requests, "{what}");
    }
}

/// Runs every fault on one way to go on, side by side.
async fn survives_all(route: Route, config: Config) {
    let mut tasks = tokio::task::JoinSet::new();
    for (fault, requests) in SURVIVABLE {
        tasks.spawn(survives(route, fault, requests, config.clone()));
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("the fault is survived");
    }
}

#[tokio::test]
async fn a_model_that_takes_prefill_survives_every_fault_on_the_messages_wire() {
    survives_all(ROUTES[0], Config::default()).await;
}

#[tokio::test]
async fn a_model_that_takes_prefill_survives_every_fault_on_the_chat_wire() {
    survives_all(ROUTES[2], Config::default()).await;
}

#[tokio::test]
async fn an_instructed_model_survives_every_fault_on_the_messages_wire() {
    survives_all(ROUTES[1], Config { seam: Seam::Echo, ..Config::default() }).await;
}

#[tokio::test]
async fn an_instructed_model_survives_every_fault_on_the_chat_wire() {
    survives_all(ROUTES[3], Config { seam: Seam::Exact, ..Config::default() }).await;
}

#[tokio::test]
async fn an_instructed_model_survives_every_fault_on_the_gemini_wire() {
    for seam in [Seam::Echo, Seam::Exact] {
        survives_all(ROUTES[5], Config { seam, ..Config::default() }).await;
    }
}

#[tokio::test]
async fn repetitive_text_survives_every_fault() {
    for text in [
        TextKind::Periodic(Unit::Laughter),
        TextKind::Introduced(Unit::TableRow),
        TextKind::Introduced(Unit::ClosingBrace),
    ] {
        survives_all(ROUTES[1], Config { seam: Seam::Echo, text, ..Config::default() }).await;
    }
}

#[tokio::test]
async fn an_unknown_model_costs_at_most_one_learned_refusal() {
    let route = Route { model: "somebody/unknown", ..ROUTES[0] };
    survives(route, "rst@25", 2, Config::default()).await;
}

#[tokio::test]
async fn a_refused_prefill_is_learned_once() {
    // The profile promises a prefill that this model does not take.
    let route = Route { model: "gpt-4.1", ..ROUTES[2] };
    let faults = in_order("rst@25,end@25");
    let mock = route.mock(Config { faults, tokens: 90, ..Config::default() }).await;
    let client = route.client(&mock);
    let told = Told::of(&client, route.request(PROMPT)).await;
    assert_eq!(told.text, mock.text_for(PROMPT));
    mock.settled().await;
    let refused = |request: &&mock_provider::RequestRecord| request.flags.prefill_refused;
    assert_eq!(mock.ledger().requests.iter().filter(refused).count(), 1);
    assert_eq!(mock.ledger().requests.len(), 4);
}
