//! Copies of a request that is slow to begin: when one is made, which one the response goes on with,
//! and that nothing of the others is shown.

use crate::drive::*;
use crate::spending::pricing;
use bytes::Bytes;
use cost::{Money, Usage};
use http::{HeaderMap, HeaderValue};
use protocol::Profile;
use resume::{
    Admission, AttemptId, Break, Cause, Checkpoint, Config, Fate, Hedging, Input, Outcome, Output,
    Place, Rung, Sign, State, Timeouts,
};
use retry_policy::{Nanos, Policy, Repeat};

const AFTER: Nanos = Nanos::from_secs(2);

fn place(endpoint: &str) -> Place {
    Place {
        endpoint: endpoint.into(),
        profile: Profile::ANTHROPIC,
        model: None,
        timeouts: Timeouts::default(),
        hedge_after: Some(AFTER),
        suspect_after: None,
    }
}

/// A session whose first attempt is under way at `a`.
fn hedged(hedging: Hedging) -> Drive {
    let (config, request) = anthropic("claude-opus-5");
    let config = Config { admission: Admission::Asked, hedging: Some(hedging), ..config };
    let mut drive = Drive::new((config, request));
    drive.input(Input::Admitted(place("http://a/v1")));
    drive
}

/// Its copy is under way at `b`.
fn racing() -> Drive {
    let mut drive = hedged(Hedging::default());
    drive.accept().send(message_start("a")).pass();
    drive.input(Input::HedgeAdmitted(place("http://b/v1")));
    drive
}

impl Drive {
    /// An attempt answers with these events.
    fn answer(&mut self, attempt: u32, events: &str) -> &mut Self {
        let attempt = AttemptId(attempt);
        let kind = HeaderValue::from_static("text/event-stream");
        let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, kind)]);
        self.input(Input::Head { attempt, status: 200, headers });
        self.body_of(attempt.0, events)
    }

    fn body_of(&mut self, attempt: u32, events: &str) -> &mut Self {
        let chunk = Bytes::copy_from_slice(events.as_bytes());
        self.input(Input::Body { attempt: AttemptId(attempt), chunk })
    }

    fn causes(&self) -> Vec<(u32, Option<Cause>)> {
        let summary = self.outcome.as_ref().expect("it is over").summary();
        let of = |it: &resume::AttemptSummary| (it.attempt.0, it.cause.clone());
        summary.attempts.iter().map(of).collect()
    }
}

#[test]
fn a_copy_is_asked_for_when_content_is_late_and_not_before() {
    let mut drive = hedged(Hedging::default());
    assert_eq!((drive.wait, drive.hedges_asked), (Some(AFTER), 0));
    drive.accept().send(message_start("a")).pass();
    assert_eq!((drive.now, drive.hedges_asked), (AFTER, 1));
    assert_eq!(drive.requests.len(), 1, "nothing goes out until it is admitted");
    let mut quick = hedged(Hedging::default());
    quick.accept().send(opening("a") + &text(0, "Hi"));
    assert!(quick.wait > Some(AFTER), "content came: no copy");
}

#[test]
fn what_the_caller_says_takes_the_place_of_what_was_learned() {
    let after = Some(Nanos::from_millis(300));
    assert_eq!(hedged(Hedging { copies: 1, after }).wait, after);
    let none = hedged(Hedging { copies: 0, after });
    assert!(none.wait > Some(AFTER));
}

#[test]
fn the_copy_with_the_first_content_is_the_response() {
    let mut drive = racing();
    let copy = &drive.requests[1];
    assert!(copy.is_hedge && !drive.requests[0].is_hedge);
    assert_eq!((copy.key, &copy.body), (drive.requests[0].key, &drive.requests[0].body));
    drive.answer(2, &message_start("b"));
    assert!(drive.text.is_empty() && drive.promoted.is_empty(), "a beginning is no content");
    drive.body_of(2, &(text_start(0) + &text(0, "Hello")));
    assert_eq!((drive.text.as_str(), drive.promoted.as_slice()), ("Hello", &[AttemptId(2)][..]));
    assert_eq!(drive.aborted, [AttemptId(1)], "the slow one is cut at once");
    assert_eq!(drive.fates, [Fate::Outraced], "being slow is no failure");
    drive.body_of(1, &(text_start(0) + &text(0, "Never")));
    drive.body_of(2, &closing(7));
    assert!(drive.complete() && drive.text == "Hello");
    assert_eq!(drive.causes(), [(1, Some(Cause::Outraced)), (2, None)]);
    let ids =
        drive.frames.iter().filter(|frame| frame.data.windows(8).any(|it| it == br#""id":"b""#));
    assert_eq!(ids.count(), 1, "the id is the winner's");
    let summary = drive.outcome.as_ref().unwrap().summary();
    assert_eq!(summary.attempts[0].usage.input, 9, "the loser is paid for");
    assert!(summary.attempts[0].estimated);
    assert_eq!(summary.attempts[1].endpoint.as_deref(), Some("http://b/v1"));
}

#[test]
fn content_of_the_first_one_ends_the_race_and_is_the_response() {
    let mut drive = racing();
    drive.answer(2, &message_start("b"));
    drive.body_of(1, &(text_start(0) + &text(0, "Mine")));
    assert_eq!((drive.text.as_str(), drive.aborted.as_slice()), ("Mine", &[AttemptId(2)][..]));
    drive.body_of(2, &(text_start(0) + &text(0, "Never")));
    drive.body_of(1, &closing(3));
    assert!(drive.complete() && drive.text == "Mine" && drive.promoted.is_empty());
    assert_eq!(drive.causes(), [(2, Some(Cause::Outraced)), (1, None)]);
}

#[test]
fn the_copy_takes_over_at_once_when_the_first_one_breaks() {
    let mut drive = racing();
    drive.answer(2, &message_start("b"));
    let before = drive.now;
    drive.input(Input::Broke { attempt: AttemptId(1), cause: Break::Reset });
    assert_eq!((drive.promoted.as_slice(), drive.asks.len()), (&[AttemptId(2)][..], 1));
    drive.body_of(2, &(text_start(0) + &text(0, "Hello") + &closing(2)));
    assert!(drive.complete() && drive.text == "Hello" && drive.now == before, "no backoff");
}

#[test]
fn a_copy_that_fails_is_the_endpoints_failure_and_nothing_else() {
    const OVERLOADED: &str =
        r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#;
    let ends: [fn(&mut Drive); 4] = [
        |drive| {
            drive.input(Input::Broke { attempt: AttemptId(2), cause: Break::Refused });
        },
        |drive| {
            let attempt = AttemptId(2);
            drive.input(Input::Head { attempt, status: 503, headers: HeaderMap::new() });
            drive.body_of(2, "{}").input(Input::End { attempt });
        },
        |drive| {
            drive.answer(2, &event("error", OVERLOADED));
        },
        |drive| {
            drive.answer(2, "event: message_start\ndata: {nonsense\n\n");
        },
    ];
    for end in ends {
        let mut drive = racing();
        end(&mut drive);
        assert!(matches!(drive.fates.as_slice(), [Fate::Failed(_)]), "{:?}", drive.fates);
        assert!(drive.promoted.is_empty() && drive.asks.len() == 1);
        drive.body_of(1, &(text_start(0) + &text(0, "Mine") + &closing(3)));
        assert!(drive.complete() && drive.text == "Mine");
    }
}

#[test]
fn a_copy_has_clocks_of_its_own() {
    let mut drive = racing();
    drive.body_of(1, &event("ping", r#"{"type":"ping"}"#));
    drive.pass();
    assert_eq!(drive.fates.len(), 1, "no connection in ten seconds");
    assert_eq!(drive.now, AFTER.saturating_add(Nanos::from_secs(10)));
    drive.body_of(1, &(text_start(0) + &text(0, "Mine") + &closing(3)));
    assert_eq!(drive.causes()[0], (2, Some(Cause::ConnectTimeout)));
}

#[test]
fn copies_follow_each_other_up_to_their_number() {
    let mut drive = hedged(Hedging { copies: 9, after: Some(AFTER) });
    drive.accept();
    for endpoint in ["http://b/v1", "http://c/v1", "http://d/v1"] {
        drive.pass();
        drive.input(Input::HedgeAdmitted(place(endpoint)));
    }
    assert_eq!((drive.hedges_asked, drive.now), (3, AFTER.saturating_mul(3)));
    drive.answer(3, &(opening("c") + &text(0, "Third")));
    assert_eq!(drive.aborted, [AttemptId(1), AttemptId(2), AttemptId(4)]);
    drive.body_of(3, &closing(2));
    assert!(drive.complete() && drive.text == "Third");
    assert_eq!(drive.outcome.as_ref().unwrap().summary().attempts.len(), 4);
}

#[test]
fn a_continuation_is_hedged_as_well_and_joins_as_any_other() {
    let shown = "The quick brown fox jumps over the lazy dog near the river bank ";
    let rest = opening("b") + &text(0, "near the river bank and sleeps.") + &closing(9);
    let begin = |hedging| {
        let mut drive = hedged(hedging);
        drive.accept().send(opening("a") + &text(0, shown)).broke(Break::Reset);
        drive.input(Input::Admitted(place("http://a/v1"))).accept();
        drive
    };
    let mut plain = begin(Hedging { copies: 0, after: None });
    plain.send(&rest);
    let mut drive = begin(Hedging::default());
    drive.pass();
    drive.input(Input::HedgeAdmitted(place("http://b/v1")));
    assert_eq!(drive.requests[2].rung, Rung::Instruct);
    drive.answer(3, &rest);
    assert!(drive.complete() && plain.complete());
    assert_eq!(drive.text, plain.text);
    assert_eq!((drive.seams.len(), drive.seams[0].attempt), (1, AttemptId(3)));
    assert_eq!(drive.seams[0].label, plain.seams[0].label);
}

#[test]
fn an_answer_that_comes_too_late_is_declined() {
    let mut drive = hedged(Hedging::default());
    drive.accept().send(message_start("a")).pass();
    drive.send(text_start(0) + &text(0, "Mine"));
    drive.input(Input::HedgeAdmitted(place("http://b/v1")));
    assert_eq!((drive.declined, drive.requests.len()), (1, 1));
    drive.send(closing(3));
    assert!(drive.complete());
}

#[test]
fn the_end_of_the_session_ends_the_copies() {
    let mut drive = racing();
    drive.input(Input::Cancel);
    assert!(matches!(drive.outcome, Some(Outcome::Incomplete { cause: Cause::Cancelled, .. })));
    let mut aborted = drive.aborted.clone();
    aborted.sort_unstable();
    assert_eq!(aborted, [AttemptId(1), AttemptId(2)]);
    assert_eq!(drive.causes().len(), 2);
}

/// A race on the chat wire, which tells usage last.
fn racing_on_chat(budget: Option<Money>) -> Drive {
    let (config, request) = chat();
    let config = Config {
        admission: Admission::Asked,
        hedging: Some(Hedging::default()),
        pricing: Some(pricing()),
        budget,
        ..config
    };
    let mut drive = Drive::new((config, request));
    let place = |endpoint| Place { profile: Profile::OPENAI, ..place(endpoint) };
    drive.input(Input::Admitted(place("http://a/v1")));
    drive.accept().pass();
    drive.input(Input::HedgeAdmitted(place("http://b/v1")));
    drive
}

/// What the input of its request costs, as an estimate.
fn estimated() -> Money {
    let mut drive = racing_on_chat(None);
    drive.answer(2, &chunk("x", r#"{"content":"Hello"}"#, "\"stop\""));
    drive.body_of(2, "data: [DONE]\n\n");
    let outcome = drive.outcome.expect("it is over");
    let loser = &outcome.summary().attempts[0];
    assert_eq!(loser.cause, Some(Cause::Outraced));
    assert!(loser.usage.input > 0 && loser.estimated, "its provider says nothing, and bills it");
    loser.cost.expect("it has a price")
}

#[test]
fn nothing_is_shown_twice_when_the_live_attempt_fails_with_its_first_content() {
    let budget = estimated().checked_add(estimated()).unwrap();
    let mut drive = racing_on_chat(Some(budget));
    assert_eq!(drive.requests.len(), 2, "both inputs are within the budget");
    let hello = chunk("x", r#"{"role":"assistant","content":"Hello"}"#, "null");
    drive.body_of(1, &hello);
    drive.body_of(2, &hello);
    assert_eq!(drive.text, "Hello");
    assert!(drive.promoted.is_empty());
    let Some(Outcome::Incomplete { cause, .. }) = &drive.outcome else { panic!() };
    assert_eq!(*cause, Cause::OverBudget);
}

#[test]
fn what_a_lost_copy_cost_is_not_there_for_the_live_attempt() {
    // Room for both inputs and nothing more.
    let budget = estimated().checked_add(estimated()).unwrap();
    let mut drive = racing_on_chat(Some(budget));
    drive.answer(2, &chunk("x", r#"{"role":"assistant","content":""}"#, "null"));
    drive.input(Input::Broke { attempt: AttemptId(2), cause: Break::Reset });
    drive.body_of(1, &chunk("x", r#"{"role":"assistant","content":"Hello"}"#, "null"));
    let Some(Outcome::Incomplete { cause, .. }) = &drive.outcome else { panic!() };
    assert_eq!(*cause, Cause::OverBudget);
}

#[test]
fn to_ask_for_a_copy_leaves_the_budget_of_the_live_attempt_as_it_is() {
    let budget = estimated().checked_add(estimated()).unwrap();
    let (config, request) = chat();
    let config = Config {
        admission: Admission::Asked,
        hedging: Some(Hedging::default()),
        pricing: Some(pricing()),
        budget: Some(budget),
        ..config
    };
    let mut drive = Drive::new((config, request));
    let place = Place { profile: Profile::OPENAI, ..place("http://a/v1") };
    drive.input(Input::Admitted(place)).accept().pass();
    assert_eq!(drive.hedges_asked, 1);
    drive.input(Input::HedgeNotAdmitted);
    let word = "many words that cost more than what is left behind the input. ".repeat(40);
    drive.body_of(1, &chunk("x", &format!(r#"{{"content":"{word}"}}"#), "null"));
    let Some(Outcome::Incomplete { cause, .. }) = &drive.outcome else { panic!() };
    assert_eq!(*cause, Cause::OverBudget, "the input is paid for out of the budget, too");
}

#[test]
fn what_cannot_be_read_wins_no_race() {
    let mut drive = racing();
    let kind = HeaderValue::from_static("application/json");
    let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, kind)]);
    drive.input(Input::Head { attempt: AttemptId(2), status: 200, headers });
    drive.body_of(2, &(opening("b") + &text(0, "Hello")));
    assert!(drive.promoted.is_empty() && drive.aborted.is_empty());
    drive.body_of(1, &(text_start(0) + &text(0, "Mine") + &closing(3)));
    assert!(drive.complete() && drive.text == "Mine");
}

#[test]
fn a_copy_that_is_refused_in_a_body_without_an_end_was_refused() {
    let mut drive = racing();
    let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, HeaderValue::from(9))]);
    drive.input(Input::Head { attempt: AttemptId(2), status: 429, headers });
    while drive.fates.is_empty() {
        // The live one gives signs of life.
        drive.pass_one().body_of(1, ": ping\n\n");
    }
    let Some(Fate::Failed(verdict)) = drive.fates.first() else { panic!("{:?}", drive.fates) };
    assert_eq!(verdict.class, retry_policy::Class::Throttle);
}

#[test]
fn a_copy_that_the_budget_has_no_room_for_is_not_asked_for() {
    assert_eq!(racing_on_chat(Some(estimated())).hedges_asked, 0);
}

#[test]
fn a_response_that_its_provider_keeps_has_no_copies() {
    let (config, request) = crate::cursor::background();
    let hedging = Some(Hedging::default());
    let mut drive =
        Drive::new((Config { admission: Admission::Asked, hedging, ..config }, request));
    let profile = Profile::OPENAI_RESPONSES;
    drive.input(Input::Admitted(Place { profile, ..place("http://a/v1") }));
    drive.accept();
    while drive.now < AFTER {
        drive.pass();
    }
    assert_eq!(drive.hedges_asked, 0);
}

#[test]
fn a_request_that_must_not_have_its_effect_twice_has_no_copies() {
    let (config, request) = anthropic("claude-opus-5");
    let policy = Policy { repeat: Repeat::IfUnprocessed, ..config.policy };
    let hedging = Some(Hedging::default());
    let config = Config { admission: Admission::Asked, policy, hedging, ..config };
    let mut drive = Drive::new((config, request));
    drive.input(Input::Admitted(place("http://a/v1")));
    drive.accept().pass();
    assert_eq!(drive.hedges_asked, 0);
}

#[test]
fn who_is_outrun_before_its_head_is_paid_for_once_it_was_sent() {
    for is_sent in [true, false] {
        let mut drive = racing();
        if is_sent {
            drive.input(Input::Connected { attempt: AttemptId(2) });
        }
        drive.body_of(1, &(text_start(0) + &text(0, "Mine") + &closing(3)));
        let summary = drive.outcome.as_ref().expect("it is over").summary();
        let copy = summary.attempts.iter().find(|it| it.attempt == AttemptId(2)).unwrap();
        assert_eq!((copy.usage.input > 0, copy.estimated), (is_sent, true));
    }
}

#[test]
fn a_copy_that_came_to_nothing_is_made_again_at_once() {
    let mut drive = racing();
    drive.input(Input::Broke { attempt: AttemptId(2), cause: Break::Stale });
    assert_eq!((drive.fates.as_slice(), drive.wait), (&[Fate::Unsent][..], Some(drive.now)));
    drive.pass();
    assert_eq!(drive.hedges_asked, 2);
}

#[test]
fn what_has_no_place_now_is_asked_for_again() {
    let mut drive = hedged(Hedging::default());
    drive.accept().pass();
    drive.input(Input::HedgeNotAdmitted);
    assert_eq!(drive.wait, Some(AFTER.saturating_mul(2)));
    drive.pass();
    assert_eq!(drive.hedges_asked, 2);
}

#[test]
fn a_failed_copy_is_one_of_those_that_there_may_be() {
    let mut drive = racing();
    drive.input(Input::Broke { attempt: AttemptId(2), cause: Break::Reset });
    assert!(drive.wait > Some(AFTER.saturating_mul(2)), "{:?}", drive.wait);
}

#[test]
fn a_copy_that_took_over_unheard_has_a_copy_itself() {
    let mut drive = hedged(Hedging { copies: 2, after: Some(AFTER) });
    drive.accept().pass();
    drive.input(Input::HedgeAdmitted(place("http://b/v1")));
    drive.input(Input::Broke { attempt: AttemptId(1), cause: Break::Reset });
    drive.pass();
    assert_eq!(drive.hedges_asked, 2);
}

#[test]
fn a_machine_that_slept_hears_of_a_dead_copy_soon() {
    let mut drive = racing();
    drive.input(Input::Woke);
    let soon = drive.now.saturating_add(Nanos::from_secs(5));
    assert_eq!(drive.wait, Some(soon));
    drive.pass();
    assert_eq!(drive.fates.len(), 2, "both were dead");
}

#[test]
fn the_sign_of_life_of_a_copy_is_not_heard_of_the_attempt_before_it() {
    let mut drive = racing();
    drive.session.take_sign();
    let attempt = AttemptId(2);
    drive.input(Input::Head { attempt, status: 200, headers: HeaderMap::new() });
    let chunk = Bytes::from(opening("b") + &text(0, "Hello"));
    drive.session.handle(Input::Body { attempt, chunk }, drive.now);
    let mut heard = Vec::new();
    let mut is_promoted = false;
    loop {
        let output = drive.session.poll(drive.now);
        heard.extend(drive.session.take_sign().map(|sign| (is_promoted, sign)));
        match output {
            Output::Promote(_) => is_promoted = true,
            Output::Wait(_) => break,
            _ => {}
        }
    }
    // A driver hears the sign before it takes the output.
    assert_eq!(heard, [(true, Sign::Content)]);
}

#[test]
fn content_that_only_its_end_completes_wins_as_well() {
    let (mut config, request) = chat();
    config.profile.framing = protocol::Framing::NdJson;
    let (profile, hedging) = (config.profile, Some(Hedging::default()));
    let mut drive =
        Drive::new((Config { admission: Admission::Asked, hedging, ..config }, request));
    let place = |endpoint| Place { profile, ..place(endpoint) };
    drive.input(Input::Admitted(place("http://a/v1")));
    drive.accept().pass();
    drive.input(Input::HedgeAdmitted(place("http://b/v1")));
    let line = chunk("x", r#"{"content":"Hello"}"#, "\"stop\"");
    let line = line.trim_start_matches("data: ").trim_end();
    let attempt = AttemptId(2);
    let kind = HeaderValue::from_static("application/x-ndjson");
    let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, kind)]);
    drive.input(Input::Head { attempt, status: 200, headers });
    drive.body_of(2, line);
    assert!(drive.text.is_empty());
    drive.input(Input::End { attempt: AttemptId(2) });
    assert!(drive.complete() && drive.text == "Hello", "{:?}", drive.outcome);
}

#[test]
fn a_state_says_where_the_copy_goes() {
    let drive = racing();
    let hedging = drive.states.iter().find_map(|state| match state {
        State::Hedging { attempt, endpoint, .. } => Some((attempt.0, endpoint.clone())),
        _ => None,
    });
    assert_eq!(hedging, Some((2, Some("http://b/v1".into()))));
}

#[test]
fn the_journal_knows_of_every_copy_at_every_cut() {
    let mut drive = racing();
    drive.answer(2, &(opening("b") + &text(0, "Hello")));
    drive.body_of(2, &closing(7));
    let whole = Checkpoint::fold(&drive.records).unwrap();
    assert!(whole.is_complete() && whole.attempts() == 2 && whole.text() == "Hello");
    assert_eq!(whole.last_endpoint(), Some("http://b/v1"), "who won wrote it");
    for end in 1..drive.records.len() {
        let cut = Checkpoint::fold(&drive.records[..end]).unwrap();
        assert!("Hello".starts_with(cut.text()), "{end}");
        let (config, _) = anthropic("claude-opus-5");
        let mut other = Drive::resume(config, &drive.records[..end]);
        if other.outcome.is_none() {
            assert!(other.attempt().0 > cut.attempts(), "no number is used twice");
            other.input(Input::Cancel);
        }
    }
    let sums: Vec<Usage> =
        drive.outcome.unwrap().summary().attempts.iter().map(|it| it.usage).collect();
    assert_eq!(sums.iter().map(|usage| usage.input).sum::<u64>(), 18, "both inputs are paid for");
}
