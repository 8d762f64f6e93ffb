//! Keys that are refused and renewed: rows 13 and 94.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use client::{Builder, Client, Endpoint, ErrorKind, Secret};

use super::ask::{PATIENT, PROMPT, Seen, strict};
use super::peer::{Answer, Peer};
use super::wire::{BEGUN, PREFILLED, whole_text};
use crate::rig::{KEY, Route, hasty_pool};

const NEXT: &str = "sk-e2e-the-next-key-4c11";

/// A client whose key is renewed by the next one of these, and how often it asked.
fn renewing(route: Route, peer: &Peer, keys: &'static [&str]) -> (Builder, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let endpoint = Endpoint::new(&peer.url(), route.profile).expect("a peer's URL is valid");
    let endpoint = endpoint.key(Secret::new(KEY)).renew_key(move || {
        let number = count.fetch_add(1, Ordering::SeqCst);
        async move { keys.get(number).map(|key| Secret::new(*key)) }
    });
    let builder = Client::builder().endpoint(endpoint).pool(hasty_pool());
    (builder.policy(strict()).timeouts(PATIENT), asked)
}

fn refusal(key: &str) -> Answer {
    let body =
        format!(r#"{{"error":{{"type":"authentication_error","message":"no such key {key}"}}}}"#);
    Answer::status("401 Unauthorized", "", &body)
}

/// Which key each request had.
fn keys(peer: &Peer) -> Vec<&'static str> {
    let of = |head: &str| [KEY, NEXT].into_iter().find(|key| head.contains(key));
    peer.asked().iter().map(|asked| of(&asked.head).unwrap_or("none")).collect()
}

#[tokio::test]
async fn row_013_a_key_that_is_renewed_is_sent_with_the_same_request() {
    for route in PREFILLED {
        let whole = || Answer::whole(route.answer(&whole_text()));
        let peer = Peer::start([refusal(KEY), whole(), whole()]).await;
        let (builder, asked) = renewing(route, &peer, &[NEXT]);
        let client = builder.build().expect("a valid client");
        for _ in 0..2 {
            let stream = client.stream(route.request(PROMPT)).await.expect("a valid request");
            let seen = Seen::of(stream).await;
            assert!(seen.end.is_ok(), "{:?}", seen.end);
            assert_eq!(seen.text, whole_text());
            assert!(seen.causes().is_empty(), "it is one attempt: {:?}", seen.causes());
        }
        assert_eq!(keys(&peer), [KEY, NEXT, NEXT], "the next stream begins with the new key");
        let requests = peer.asked();
        assert_eq!(requests[0].body, requests[1].body);
        assert_eq!(requests[0].header("idempotency-key"), requests[1].header("idempotency-key"));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn row_013_a_renewed_key_that_is_refused_too_is_final_and_neither_is_shown() {
    for route in PREFILLED {
        let peer = Peer::start([refusal(KEY), refusal(&format!("{NEXT} or {KEY}"))]).await;
        let (builder, asked) = renewing(route, &peer, &[NEXT, "sk-e2e-a-third-key-88f0"]);
        let seen = Seen::by(route, builder).await;
        assert_eq!(seen.error().kind(), ErrorKind::Refused);
        assert_eq!(keys(&peer), [KEY, NEXT]);
        assert_eq!(asked.load(Ordering::SeqCst), 1, "once for one attempt");
        let shown = format!("{:?} {} {:?}", seen.end, seen.error(), seen.states);
        assert!(shown.contains("no such key"), "{shown}");
        assert!(!shown.contains(KEY) && !shown.contains(NEXT), "{shown}");
    }
}

#[tokio::test]
async fn row_013_without_another_key_the_refusal_is_final() {
    let route = PREFILLED[0];
    const NO_HEADER: &str = "sk-two\nlines";
    for keys in [&[][..], &[KEY], &[NO_HEADER]] {
        let peer = Peer::start([refusal(KEY)]).await;
        let (builder, asked) = renewing(route, &peer, keys);
        let seen = Seen::by(route, builder).await;
        assert_eq!(seen.error().kind(), ErrorKind::Refused);
        assert_eq!((peer.asked().len(), asked.load(Ordering::SeqCst)), (1, 1));
        let failure = seen.cause().failure().expect("the provider's own word");
        assert!(failure.message.contains("no such key"), "its body is read: {failure:?}");
    }
}

#[tokio::test]
async fn row_094_a_key_that_is_rotated_in_the_middle_is_renewed_and_the_text_goes_on() {
    for route in PREFILLED {
        let first = Answer::stream(route.half()).reset();
        let peer = Peer::start([first, refusal(KEY), Answer::whole(route.rest())]).await;
        let (builder, asked) = renewing(route, &peer, &[NEXT]);
        let seen = Seen::by(route, builder.policy(crate::rig::hasty())).await;
        assert!(seen.end.is_ok(), "{:?}", seen.end);
        assert_eq!(seen.text, whole_text());
        assert_eq!((seen.seams.len(), seen.seams[0].offset), (1, BEGUN.len() as u64));
        assert_eq!(keys(&peer), [KEY, KEY, NEXT]);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
}
