//! What a subscriber is told of a stream and of each attempt.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use client::{Reason, Rung};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::rig::{KEY, ROUTES, client, collect, mock, request};

type Fields = BTreeMap<&'static str, String>;

/// Every span, with its name, its parent and what was recorded in it.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Told>>>);

/// The name of a span, its parent, and what was recorded.
type Told = (&'static str, Option<u64>, Fields);

struct Visitor<'f>(&'f mut Fields);

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().starts_with("client")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::new();
        span.record(&mut Visitor(&mut fields));
        let mut spans = self.0.lock().expect("nobody panics with it");
        spans.push((span.metadata().name(), span.parent().map(Id::into_u64), fields));
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut spans = self.0.lock().expect("nobody panics with it");
        let at = usize::try_from(span.into_u64()).expect("few spans") - 1;
        values.record(&mut Visitor(&mut spans[at].2));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_stream_and_each_attempt_have_a_span_that_says_why_and_how_it_ended() {
    let (profile, model) = ROUTES[1];
    let collector = Collector::default();
    let mock = mock("rst@30,ok").await;
    let subscribed = tracing::subscriber::set_default(collector.clone());
    let client = client(&mock, profile);
    let mut stream = client.stream(request(model)).await.unwrap();
    let id = stream.id().to_string();
    let seen = collect(&mut stream).await;
    drop((stream, subscribed));

    let spans = collector.0.lock().unwrap().clone();
    let names: Vec<_> = spans.iter().map(|(name, parent, _)| (*name, *parent)).collect();
    assert_eq!(names, [("stream", None), ("attempt", Some(1)), ("attempt", Some(1))]);
    let (whole, first, second) = (&spans[0].2, &spans[1].2, &spans[2].2);
    assert_eq!((&whole["id"], whole["model"].as_str()), (&id, model));
    assert_eq!((&*whole["wire"], &*whole["ended"]), ("anthropic-messages", "complete"));
    assert_eq!((&*first["rung"], &*first["why"]), ("retry", "first attempt"));
    assert_eq!(
        (&*first["endpoint"], &*first["number"]),
        (format!("{}/v1", mock.url()).as_str(), "1")
    );
    assert_eq!(&*first["usage"], "estimated");
    assert!(!first["ended"].is_empty() && first["ended"] != "complete", "{first:?}");
    assert_eq!((&*second["rung"], &*second["why"]), ("instruct", "no better way is left"));
    assert!(second["passed_over"].contains("prefill: no prefill known"), "{second:?}");
    assert_eq!((&*second["ended"], &*second["usage"]), ("complete", "reported"));
    let told = format!("{spans:?}");
    assert!(!told.contains(KEY) && !told.contains(&seen.text[..40]), "{told}");
}

#[tokio::test]
async fn the_account_of_an_attempt_says_why_it_went_on_so() {
    let (profile, model) = ROUTES[1];
    let mock = mock("rst@30,ok").await;
    let mut stream = client(&mock, profile).stream(request(model)).await.unwrap();
    let seen = collect(&mut stream).await;
    let attempts = &seen.end.as_ref().unwrap().attempts;
    assert_eq!(attempts[0].choice.reason, Reason::First);
    assert!(attempts[0].choice.passed.is_empty());
    let second = &attempts[1].choice;
    assert_eq!((attempts[1].rung, second.reason), (Rung::Instruct, Reason::Left));
    assert_eq!(
        second.passed[2..],
        [(Rung::Prefill, Reason::NoPrefill), (Rung::Replay, Reason::NewSample)]
    );
}
