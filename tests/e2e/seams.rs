//! Models that do not go on where they were cut. Nothing delivered is taken back, and the
//! text is the ledger's pieces, joined at the seams.

use client::SeamLabel;
use mock_provider::{Config, Faults, PrefillSeam, RequestRecord, Seam};

use crate::rig::{INSTRUCTED, ROUTES, Route, Told};

/// Cuts every prompt three times and judges the text by what was really sent.
async fn joins(route: Route, config: Config) -> Vec<(Told, Vec<RequestRecord>)> {
    let faults = Faults::SeededPerPrompt { seed: 11, count: 3 };
    let mock = route.mock(Config { faults, tokens: 200, ..config }).await;
    let client = route.client(&mock);
    let mut all = Vec::new();
    for at in 0..12 {
        let prompt = format!("Story {at}");
        let told = Told::of(&client, route.request(&prompt)).await;
        assert!(told.is_complete(), "{prompt}: {:?}", told.end);
        mock.settled().await;
        let sent: Vec<_> = mock.ledger().for_prompt(&prompt).cloned().collect();
        check_pieces(&told, &sent);
        all.push((told, sent));
    }
    all
}

/// Every byte comes from one attempt after the other; only what was shown before is dropped.
fn check_pieces(told: &Told, sent: &[RequestRecord]) {
    let mut starts: Vec<_> = told.seams.iter().map(|seam| seam.offset as usize).collect();
    starts.push(told.text.len());
    // An attempt that broke before anything was shown has no part in the text.
    let opening = &told.text[..starts[0]];
    let first = sent.iter().position(|request| request.text.starts_with(opening));
    let first = first.expect("the first piece is from one of the requests");
    let mut begun = 0;
    for (at, end) in starts.iter().enumerate() {
        let (dropped, piece) = match at.checked_sub(1).map(|before| &told.seams[before]) {
            None => (0, &sent[first]),
            Some(seam) => (seam.dropped as usize, &sent[seam.attempt.0 as usize - 1]),
        };
        let new = &told.text[begun..*end];
        let (gone, kept) = piece.text.split_at(dropped);
        assert!(kept.starts_with(new), "request {}: {new:?} is not from {kept:?}", piece.number);
        if *end == told.text.len() && at + 1 == starts.len() {
            assert_eq!(kept, new, "request {}: all of the last piece", piece.number);
        }
        assert!(is_repetition(gone, piece.head_bytes, &told.text[..begun]), "{gone:?} was dropped");
        begun = *end;
    }
}

/// Whether the dropped bytes are the head that the ledger knows of, or were shown before, but
/// for white space.
fn is_repetition(gone: &str, head: usize, shown: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().concat();
    let rest = gone.get(head.min(gone.len())..).unwrap_or_default();
    words(shown).ends_with(&words(rest)) || shown.starts_with(gone)
}

#[tokio::test]
async fn a_new_sample_takes_nothing_back() {
    for route in INSTRUCTED {
        for seam in [Seam::Divergent, Seam::DivergentEcho] {
            joins(route, Config { seam, ..Config::default() }).await;
        }
    }
}

#[tokio::test]
async fn a_new_sample_after_a_prefill_takes_nothing_back() {
    for route in [ROUTES[0], ROUTES[2]] {
        for prefill_seam in [PrefillSeam::Divergent, PrefillSeam::SpaceStripped] {
            joins(route, Config { prefill_seam, ..Config::default() }).await;
        }
    }
}

#[tokio::test]
async fn a_model_that_rambles_takes_nothing_back() {
    for route in INSTRUCTED {
        for seam in
            [Seam::Last(7), Seam::Last(60), Seam::SpaceAdded, Seam::SpaceStripped, Seam::Restart]
        {
            joins(route, Config { seam, ..Config::default() }).await;
        }
    }
}

#[tokio::test]
async fn a_preamble_and_the_fragment_after_it_are_dropped() {
    for route in INSTRUCTED {
        for (told, sent) in joins(route, Config { seam: Seam::Preamble, ..Config::default() }).await
        {
            for seam in told.seams.iter().filter(|seam| seam.label == SeamLabel::Anchored) {
                let head = sent[seam.attempt.0 as usize - 1].head_bytes as u64;
                assert!(seam.dropped >= head, "{} of {head} bytes dropped", seam.dropped);
            }
        }
    }
}

#[tokio::test]
async fn a_seam_is_labelled_by_what_verified_it() {
    let instructed = INSTRUCTED[0];
    let labels = |all: &[(Told, Vec<RequestRecord>)]| -> Vec<SeamLabel> {
        all.iter().flat_map(|(told, _)| &told.seams).map(|seam| seam.label).collect()
    };
    let echoed = joins(instructed, Config { seam: Seam::Echo, ..Config::default() }).await;
    let anchored = labels(&echoed).iter().filter(|label| **label == SeamLabel::Anchored).count();
    assert!(anchored * 10 >= labels(&echoed).len() * 8, "{:?}", labels(&echoed));
    let diverged = joins(instructed, Config { seam: Seam::Divergent, ..Config::default() }).await;
    assert!(!labels(&diverged).contains(&SeamLabel::Anchored), "{:?}", labels(&diverged));
    let prefilled = joins(ROUTES[0], Config::default()).await;
    assert!(labels(&prefilled).iter().all(|label| *label == SeamLabel::Exact));
}
