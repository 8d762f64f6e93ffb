//! The Gemini wire: whatever is cut, the consumer gets one native stream.

use crate::drive::*;
use bytes::Bytes;
use protocol::{FailureKind, Profile, RequestBody, StopReason};
use resume::{Break, Cause, Config, Outcome, Rung, State, Summary};
use serde_json::Value;

pub(crate) const PIECES: &[&str] = &[
    "The lighthouse keeper climbed",
    " the stairs every evening",
    " and lit",
    " the lamp",
    " and went to bed.",
];
pub(crate) const WHOLE: &str =
    "The lighthouse keeper climbed the stairs every evening and lit the lamp and went to bed.";

pub(crate) fn gemini() -> (Config, RequestBody) {
    let body = r#"{"model":"gemini-2.5-pro","contents":[{"role":"user","parts":[{"text":"hi"}]}],"generationConfig":{"maxOutputTokens":1000}}"#;
    let request = RequestBody::parse(Profile::GEMINI.wire, Bytes::from(body)).expect("a body");
    (Config::new(Profile::GEMINI), request)
}

/// A chunk of these parts; `more` are members of the candidate.
pub(crate) fn parts(id: &str, parts: &str, more: &str, tokens: u32) -> String {
    let all = tokens + 9;
    format!(
        "data: {{\"candidates\": [{{\"content\": {{\"parts\": [{parts}],\"role\": \"model\"}}{more},\"index\": 0}}],\"usageMetadata\": {{\"promptTokenCount\": 9,\"candidatesTokenCount\": {tokens},\"totalTokenCount\": {all}}},\"modelVersion\": \"gemini-2.5-pro\",\"responseId\": \"{id}\"}}\r\n\r\n"
    )
}

pub(crate) fn said(id: &str, text: &str, tokens: u32) -> String {
    let text = serde_json::to_string(text).expect("a string");
    parts(id, &format!("{{\"text\": {text}}}"), "", tokens)
}

fn thought(id: &str) -> String {
    parts(id, "{\"text\": \"hm\",\"thought\": true}", "", 0)
}

pub(crate) fn stopped(id: &str, reason: &str, tokens: u32) -> String {
    let more = format!(",\"finishReason\": \"{reason}\"");
    parts(id, "{\"text\": \"\",\"thoughtSignature\": \"Cs==\"}", &more, tokens)
}

/// The whole answer of one attempt.
pub(crate) fn answer(id: &str, pieces: &[&str]) -> String {
    let pieces = pieces.iter().zip(1..).map(|(piece, tokens)| said(id, piece, tokens));
    pieces.collect::<String>() + &stopped(id, "STOP", 7)
}

/// The data of what came out.
pub(crate) fn data(drive: &Drive) -> Vec<&str> {
    drive.frames.iter().map(|frame| std::str::from_utf8(&frame.data).expect("UTF-8")).collect()
}

/// What a model says that does as it is told.
fn obedient_words(drive: &Drive) -> String {
    let shown = drive.session.text();
    let body: Value = serde_json::from_str(drive.body()).expect("JSON");
    let contents = body["contents"].as_array().expect("a list");
    let instruction = contents.last().expect("a turn")["parts"][0]["text"].as_str();
    let quoted = instruction.and_then(|text| Some(text.split_once('«')?.1.split_once('»')?.0));
    let rest = WHOLE.strip_prefix(shown).expect("a part of the text");
    let tail = &shown[shown.trim_end().len()..];
    match quoted {
        Some(fragment) => format!("{fragment}{tail}{rest}"),
        None => WHOLE.to_owned(),
    }
}

/// A continuation as such a model writes it.
pub(crate) fn obedient(drive: &Drive, id: &str) -> String {
    let words = obedient_words(drive);
    let (head, end) = words.split_at(words.len() / 2);
    thought(id) + &answer(id, &[head, end])
}

/// Sees that what came out is one native stream that says the whole text.
#[track_caller]
pub(crate) fn judged(drive: &Drive) -> &Summary {
    let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!("{:?}", drive.outcome) };
    let (mut text, mut stops, mut id) = (String::new(), 0, None);
    for data in data(drive) {
        let chunk: Value = serde_json::from_str(data).expect("JSON");
        let first = id.get_or_insert_with(|| chunk["responseId"].clone());
        assert_eq!(chunk["responseId"], *first, "one id");
        assert_eq!(stops, 0, "nothing follows the end");
        let candidate = &chunk["candidates"][0];
        stops += u32::from(!candidate["finishReason"].is_null());
        for part in candidate["content"]["parts"].as_array().expect("parts") {
            let words = part["text"].as_str().expect("text");
            text += if part["thought"] == true { "" } else { words };
        }
    }
    assert_eq!((text.as_str(), stops), (WHOLE, 1));
    assert_eq!((drive.text.as_str(), drive.session.text()), (WHOLE, WHOLE));
    assert!(!summary.sentinel_missing, "the wire has no last event");
    summary
}

#[test]
fn a_whole_stream_is_complete_and_unchanged() {
    let wire = thought("r1") + &answer("r1", PIECES);
    for broken in [false, true] {
        let mut drive = Drive::new(gemini());
        assert_eq!(drive.requests[0].path, "/models/gemini-2.5-pro:streamGenerateContent?alt=sse");
        assert!(!drive.body().contains("gemini-2.5-pro"));
        drive.accept().send(&wire);
        assert!(drive.outcome.is_none(), "more may follow");
        if broken {
            drive.broke(Break::Reset)
        } else {
            drive.end()
        };
        let out: String = data(&drive).iter().map(|data| format!("data: {data}\r\n\r\n")).collect();
        assert_eq!(out, wire);
        let summary = judged(&drive);
        assert_eq!((summary.stop, summary.usage().0.output), (Some(StopReason::EndTurn), 7));
        assert_eq!(summary.model.as_deref(), Some("gemini-2.5-pro"));
    }
}

#[test]
fn every_split_of_the_input_gives_the_same() {
    let wire = said("r", "안녕, 👩‍💻", 1) + &answer("r", &["\n"]);
    for at in 0..wire.len() {
        let mut drive = Drive::new(gemini());
        let (head, tail) = wire.as_bytes().split_at(at);
        drive.accept().send(head).send(tail).end();
        assert!(drive.complete());
        assert_eq!(drive.text, "안녕, 👩‍💻\n", "split at {at}");
    }
}

#[test]
fn every_cut_and_a_continuation_are_one_stream() {
    let two = |a: &str, b: &str| {
        parts("r1", &format!("{{\"text\":\"{a}\"}},{{\"text\":\"{b}\"}}"), "", 2)
    };
    let forms = [
        answer("r1", PIECES),
        thought("r1") + &answer("r1", PIECES),
        two(PIECES[0], PIECES[1]) + &answer("r1", &PIECES[2..]),
    ];
    for wire in forms {
        for (end, _) in wire.rmatch_indices("\r\n\r\n").skip(1) {
            cut_at(&wire, end + 4);
            // The next chunk was on its way.
            cut_at(&wire, end + 13);
        }
    }
}

#[track_caller]
fn cut_at(wire: &str, at: usize) {
    for clean in [false, true] {
        let mut drive = Drive::new(gemini());
        drive.accept().send(&wire[..at]);
        if clean {
            drive.end()
        } else {
            drive.broke(Break::Reset)
        };
        drive.pass();
        let folded = Drive::resume(gemini().0, &drive.records);
        assert_eq!(folded.body(), drive.body(), "another process asks the same, cut at {at}");
        assert_eq!(folded.requests[0].path, drive.requests[0].path);
        let continuation = obedient(&drive, "r2");
        drive.accept().send(continuation).end();
        judged(&drive);
        let folded = resume::Checkpoint::fold(&drive.records).expect("a journal");
        assert_eq!((folded.text(), folded.is_complete()), (WHOLE, true));
    }
}

#[test]
fn a_continuation_is_cut_too_and_counts_are_those_of_the_whole() {
    let first = said("r1", PIECES[0], 6) + &said("r1", PIECES[1], 11);
    let mut drive = Drive::new(gemini());
    drive.accept().send(&first).broke(Break::Reset).pass();
    let body = drive.body();
    assert!(body.contains(r#"{"role":"model","parts":[{"text":"The lighthouse"#), "{body}");
    let second = obedient(&drive, "r2");
    let cut = second.match_indices("\r\n\r\n").nth(2).expect("four chunks").0;
    drive.accept().send(&second[..cut + 4]).broke(Break::Reset).pass();
    let third = obedient(&drive, "r3");
    drive.accept().send(third).end();
    let summary = judged(&drive);
    assert_eq!(summary.attempts.len(), 3);
    let output = summary.usage().0.output;
    let last = *data(&drive).last().expect("chunks");
    let all = output + 9;
    let counts = format!(
        "\"promptTokenCount\": 9,\"candidatesTokenCount\": {output},\"totalTokenCount\": {all}"
    );
    assert!(output > 11 + 7 && last.contains(&counts), "{last} {output}");
}

#[test]
fn thinking_of_a_continuation_is_not_forwarded() {
    let mut drive = Drive::new(gemini());
    drive.accept().send(said("r1", PIECES[0], 2) + &said("r1", PIECES[1], 3));
    drive.broke(Break::Reset).pass();
    let words = obedient_words(&drive);
    let both = format!("{{\"text\":\"secret\",\"thought\":true}},{{\"text\":\"{words}\"}}");
    drive.accept().send(thought("r2") + &parts("r2", &both, "", 3));
    let last = "{\"text\":\"hm\",\"thought\":true}";
    drive.send(parts("r2", last, ",\"finishReason\":\"MAX_TOKENS\"", 4)).end();
    assert_eq!(judged(&drive).stop, Some(StopReason::MaxTokens));
    let out = data(&drive).concat();
    assert!(!out.contains("secret") && !out.contains("hm"), "{out}");
}

#[test]
fn a_call_is_held_to_the_end_and_lost_with_a_cut() {
    let call = parts("r1", "{\"functionCall\":{\"name\":\"f\",\"args\":{}}}", "", 5);
    let mut drive = Drive::new(gemini());
    drive.accept().send(said("r1", "I look up what the weather is like there.", 3) + &call);
    assert_eq!(drive.frames.len(), 1);
    drive.broke(Break::Reset).pass();
    assert_eq!(drive.requests[1].rung, Rung::Instruct);

    let mut drive = Drive::new(gemini());
    drive
        .accept()
        .send(
            said("r1", "I look up what the weather is like there.", 3)
                + &call
                + &stopped("r1", "STOP", 6),
        )
        .end();
    assert!(drive.complete());
    assert_eq!(drive.frames.len(), 3);
}

#[test]
fn a_call_beside_text_of_a_seam_is_neither_shown_early_nor_lost() {
    for pieces in [1, 2] {
        for stops in [false, true] {
            let mut drive = Drive::new(gemini());
            drive.accept().send(said("r1", PIECES[0], 2) + &said("r1", PIECES[1], 3));
            drive.broke(Break::Reset).pass();
            let words = obedient_words(&drive);
            let repeated = words.len() - (WHOLE.len() - drive.session.text().len());
            let at = if pieces == 1 { 0 } else { repeated };
            let (head, end) = words.split_at(at);
            drive.accept();
            if !head.is_empty() {
                // All that is repeated, beside a first call.
                let both =
                    format!("{{\"text\":\"{head}\"}},{{\"functionCall\":{{\"name\":\"f\"}}}}");
                drive.send(parts("r2", &both, "", 1));
            }
            let both = format!("{{\"text\":\"{end}\"}},{{\"functionCall\":{{\"name\":\"f\"}}}}");
            let finish = if stops { ",\"finishReason\":\"STOP\"" } else { "" };
            drive.send(parts("r2", &both, finish, 2));
            assert!(stops || !data(&drive).concat().contains("functionCall"), "it waits");
            if !stops {
                drive.send(stopped("r2", "STOP", 3));
            }
            drive.end();
            assert!(drive.complete());
            let out = data(&drive).concat();
            assert_eq!((drive.text.as_str(), drive.seams.len()), (WHOLE, 1), "{out}");
            assert_eq!(out.matches("functionCall").count(), pieces, "{out}");
        }
    }
}

#[test]
fn a_picture_beside_text_is_not_taken_up_again() {
    let both = "{\"text\":\"Here it is, as you wanted it:\"},{\"inlineData\":{\"data\":\"iV\"}}";
    let mut drive = Drive::new(gemini());
    drive.accept().send(parts("r1", both, "", 3)).broke(Break::Reset);
    let Some(Outcome::Incomplete { cause, .. }) = &drive.outcome else { panic!("not incomplete") };
    assert_eq!(*cause, Cause::NotContinuable);
}

#[test]
fn refusals_and_limits_are_ends() {
    let blocked =
        "data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"},\"responseId\":\"r\"}\n\n";
    for (wire, stop) in [
        (blocked.to_owned(), StopReason::Refusal),
        (said("r", "Well", 1) + &stopped("r", "RECITATION", 2), StopReason::Refusal),
        (said("r", "Well", 1) + &stopped("r", "MAX_TOKENS", 2), StopReason::MaxTokens),
    ] {
        let mut drive = Drive::new(gemini());
        drive.accept().send(wire).end();
        let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!("not complete") };
        assert_eq!((summary.stop, drive.requests.len()), (Some(stop), 1));
    }
}

#[test]
fn an_error_or_a_second_response_is_a_break() {
    let error = "data: {\"error\":{\"code\":503,\"message\":\"The model is overloaded.\",\"status\":\"UNAVAILABLE\"}}\n\n";
    let second = said("r2", PIECES[0], 1);
    for (wire, restarted) in [(error.to_owned(), false), (second, true)] {
        let mut drive = Drive::new(gemini());
        drive.accept().send(said("r1", PIECES[0], 1) + &said("r1", PIECES[1], 2) + &wire);
        let cause = drive.states.iter().find_map(|state| match state {
            State::Disconnected { cause, .. } => Some(cause),
            _ => None,
        });
        match cause {
            Some(Cause::Restarted) => assert!(restarted),
            Some(Cause::Provider(failure)) => {
                assert_eq!((failure.kind, restarted), (FailureKind::Overloaded, false));
            }
            other => panic!("{other:?}"),
        }
        drive.pass();
        let continuation = obedient(&drive, "r3");
        drive.accept().send(continuation).end();
        judged(&drive);
    }
}

#[test]
fn text_is_not_repeated_however_often_a_second_response_begins_behind_the_first_chunk() {
    let mut drive = Drive::new(gemini());
    for attempt in 0..3 {
        let (one, other) = (format!("r{attempt}"), format!("r{attempt}-again"));
        drive.accept().send(said(&one, PIECES[0], 1) + &answer(&other, PIECES)).end().pass();
        assert_eq!(drive.text, PIECES[0]);
    }
    drive.accept().send(answer("r3", PIECES)).end();
    judged(&drive);
}

#[test]
fn every_candidate_has_to_stop() {
    let body = r#"{"model":"m","contents":[{"parts":[{"text":"hi"}]}],"generationConfig":{"candidateCount":2}}"#;
    let request = RequestBody::parse(Profile::GEMINI.wire, Bytes::from(body)).expect("a body");
    let chunk = |index: u32| {
        format!(
            "data: {{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"a\"}}]}},\"finishReason\":\"STOP\",\"index\":{index}}}]}}\n\n"
        )
    };
    let mut drive = Drive::new((gemini().0, request.clone()));
    drive.accept().send(chunk(0)).end();
    assert!(!drive.complete(), "one is missing");
    let mut drive = Drive::new((gemini().0, request));
    drive.accept().send(chunk(0) + &chunk(1)).end();
    assert!(drive.complete());
}
