//! A consumer that is slow is no dead provider.

use std::time::Duration;

use client::Event;
use mock_provider::Config;

use crate::rig::{ROUTES, Route, impatient};

/// Reads a stream with two pauses that are longer than any clock of the client.
async fn read_slowly(route: Route) {
    let mock = route.mock(Config { tokens: 12_000, ..Config::default() }).await;
    let builder = route.builder(&mock).timeouts(impatient());
    let client = builder.build().expect("a valid client");
    let mut stream = client.stream(route.request("Slowly")).await.expect("a valid request");
    let mut text = String::new();
    let mut pauses = 0;
    while let Some(event) = stream.next().await {
        match event.expect("no clock runs while nobody reads") {
            Event::Text(more) => text.push_str(&more),
            Event::End(_) => break,
            _ => continue,
        }
        if text.len() > 2000 * (pauses + 1) && pauses < 2 {
            pauses += 1;
            tokio::time::sleep(Duration::from_nanos(2 * impatient().idle.0)).await;
        }
    }
    assert_eq!(pauses, 2);
    assert_eq!(text, mock.text_for("Slowly"), "{}", route.model);
    assert_eq!(mock.ledger().requests.len(), 1, "{}", route.model);
}

#[tokio::test]
async fn a_consumer_slower_than_every_clock_gets_the_text_of_one_request() {
    let mut tasks = tokio::task::JoinSet::new();
    for route in ROUTES {
        tasks.spawn(read_slowly(route));
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("the text is whole");
    }
}
