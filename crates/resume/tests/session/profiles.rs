//! What a profile says of its server is what the engine does.

use crate::drive::*;
use protocol::{Heartbeat, Label, Profile, RequestBody, StopReason, Terminal};
use resume::{Cause, Checkpoint, Config, Outcome, State};

fn with(profile: Profile) -> (Config, RequestBody) {
    let (_, request) = chat();
    (Config::new(profile), request)
}

fn words(text: &str) -> String {
    chunk("c", &format!(r#"{{"content":"{text}"}}"#), "null")
}

#[test]
fn the_last_event_alone_is_an_end_where_the_profile_says_so() {
    let profile = Profile { terminal: Terminal::LastEventAlone, ..Profile::VLLM };
    let mut drive = Drive::new(with(profile));
    drive.accept().send(words("Hello") + "data: [DONE]\n\n");
    let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!("not complete") };
    assert_eq!((summary.stop, summary.sentinel_missing), (Some(StopReason::EndTurn), false));
    assert_eq!(drive.frames.len(), 2);
    let folded = Checkpoint::fold(&drive.records).unwrap();
    assert_eq!((folded.text(), folded.stop()), ("Hello", Some(StopReason::EndTurn)));

    let mut cut = Drive::new(with(profile));
    cut.accept().send(words("Hello")).end();
    assert!(cut.outcome.is_none(), "the end of a body is never an end");
    // A reason that is said all the same counts.
    let mut drive = Drive::new(with(profile));
    drive.accept().send(words("Hi") + &chunk("c", "{}", "\"length\"") + "data: [DONE]\n\n");
    let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!("not complete") };
    assert_eq!(summary.stop, Some(StopReason::MaxTokens));
}

#[test]
fn a_last_event_that_never_comes_is_not_missed() {
    for terminal in [Terminal::StopReason, Terminal::LastEvent] {
        let mut ended = Drive::new(with(Profile { terminal, ..Profile::VLLM }));
        ended.accept().send(words("Hi") + &chunk("c", "{}", "\"stop\"")).end();
        let mut silent = Drive::new(with(Profile { terminal, ..Profile::VLLM }));
        silent.accept().send(words("Hi") + &chunk("c", "{}", "\"stop\"")).pass();
        for drive in [ended, silent] {
            let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!("not complete") };
            assert_eq!(summary.sentinel_missing, terminal == Terminal::LastEvent);
        }
    }
}

#[test]
fn heartbeats_of_the_servers_own_form_are_signs_of_life_and_nothing_else() {
    let beats = [
        (Heartbeat::Data(Label::of("beat")), "data: beat\n\n"),
        (Heartbeat::Event(Label::of("beat")), "event: beat\ndata: {\n\n"),
    ];
    for (heartbeat, beat) in beats {
        let mut drive = Drive::new(with(Profile { heartbeat, ..Profile::VLLM }));
        drive.accept().send(beat).send(words("Hi") + beat);
        let records = drive.records.len();
        drive.send(beat);
        assert_eq!(drive.records.len(), records, "they are not kept");
        drive.send(chunk("c", "{}", "\"stop\"") + "data: [DONE]\n\n");
        assert!(drive.complete());
        assert_eq!((drive.text.as_str(), drive.requests.len()), ("Hi", 1));
    }
    let mut drive = Drive::new(with(Profile::VLLM));
    drive.accept().send("data: beat\n\n");
    assert!(
        drive
            .states
            .iter()
            .any(|s| matches!(s, State::Disconnected { cause: Cause::Malformed, .. }))
    );
}

#[test]
fn an_error_event_of_the_servers_own_name_is_an_error() {
    let fault = "event: fault\ndata: {\"message\":\"Overloaded\",\"code\":529}\n\n";
    for known in [true, false] {
        let error_event = known.then(|| Label::of("fault"));
        let mut drive = Drive::new(with(Profile { error_event, ..Profile::VLLM }));
        drive.accept().send(words("Hi") + fault);
        let failed = drive.states.iter().any(|state| {
            matches!(state, State::Disconnected { cause: Cause::Provider(failure), .. } if failure.status == Some(529))
        });
        assert_eq!(failed, known, "{:?}", drive.states);
    }
}
