//! Requests of the Gemini wire, and what is rewritten in its chunks.

use proptest::prelude::*;
use protocol::{BodyError, NotContinuable, Profile, RequestBody, Rewrite, Wire, decode, rewrite};

const PROFILE: Profile = Profile::GEMINI;

/// A body with these members behind its contents.
fn body(more: &str) -> RequestBody {
    let text = format!(
        r#"{{"model":"gemini-2.5-pro","contents":[{{"role":"user","parts":[{{"text":"Hi"}}]}}]{more}}}"#
    );
    RequestBody::parse(Wire::Gemini, text.into()).expect("a written body")
}

fn sent(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn the_model_is_in_the_path_and_not_in_the_body() {
    let contents = r#""contents":[{"parts":[{"text":"Hi"}]}]"#;
    for (written, expected) in [
        (format!(r#"{{"model":"m", {contents}}}"#), format!("{{{contents}}}")),
        (format!(r#"{{{contents} , "model" : "m" }}"#), format!("{{{contents} }}")),
        (
            format!(r#"{{"cachedContent":"c","\u006dodel":"m",{contents}}}"#),
            format!(r#"{{"cachedContent":"c",{contents}}}"#),
        ),
    ] {
        let body = RequestBody::parse(Wire::Gemini, written.clone().into()).unwrap();
        assert_eq!(sent(&body.initial(&PROFILE)), expected);
        assert_eq!((sent(body.bytes()), body.model()), (&*written, Some("m")));
    }
    let path = |model: &str| {
        let text = format!(r#"{{"model":"{model}",{contents}}}"#);
        RequestBody::parse(Wire::Gemini, text.into()).map(|body| body.path(&PROFILE).into_owned())
    };
    let method = ":streamGenerateContent?alt=sse";
    for (model, expected) in [
        ("gemini-2.5-pro", "/models/gemini-2.5-pro"),
        ("models/gemini-2.5-pro", "/models/gemini-2.5-pro"),
        ("tunedModels/my-own", "/tunedModels/my-own"),
        ("publishers/google/models/g@001", "/publishers/google/models/g@001"),
    ] {
        assert_eq!(path(model), Ok(format!("{expected}{method}")));
    }
    let long = "m".repeat(257);
    for model in ["", "a b", "a?key=1", "../files", "a/../b", "a//b", "a#b", "é", &long] {
        assert_eq!(path(model), Err(BodyError::NoModel), "{model}");
    }
    let parse = |text: &str| RequestBody::parse(Wire::Gemini, text.to_owned().into()).map(|_| ());
    assert_eq!(parse(&format!("{{{contents}}}")), Err(BodyError::NoModel));
    assert_eq!(parse(r#"{"model":"m"}"#), Err(BodyError::NoMessages));
    assert_eq!(parse(r#"{"model":"m","contents":[]}"#), Err(BodyError::NoMessages));
    let twice = r#"{"model":"m","contents":[1],"generationConfig":{},"generation_config":{}}"#;
    assert_eq!(parse(twice), Err(BodyError::Duplicate { name: "generationConfig" }));
}

#[test]
fn a_continuation_adds_two_turns_and_keeps_the_callers_text() {
    let more = r#", "generation_config" : {"max_output_tokens" : 100,"temperature":1.0}"#;
    let again = body(more).instruct(&PROFILE, "a \"b\"", "go\n", 30);
    let expected = r#"{"contents":[{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[{"text":"a \"b\""}]},{"role":"user","parts":[{"text":"go\n"}]}], "generation_config" : {"max_output_tokens" : 70,"temperature":1.0}}"#;
    assert_eq!(sent(&again), expected);
    assert!(!body(more).takes_prefill(&PROFILE));
}

#[test]
fn stop_sequences_are_read_and_the_reason_to_stop_is_told_as_one() {
    let more = r#","generationConfig":{"stopSequences":["END",""]}"#;
    assert_eq!(body(more).stop_sequences(), ["END"]);
    assert!(body("").stop_sequences().is_empty());
    let data = br#"{"candidates":[{"finishReason": "MAX_TOKENS","index":0}]}"#;
    let spans = decode(Wire::Gemini, b"", data).unwrap().spans;
    let (word, reason) = Wire::Gemini.stop_at_sequence().unwrap();
    let edits = Rewrite { stop: Some(word), ..Rewrite::default() };
    let changed = rewrite(data, &spans, &edits);
    assert_eq!(sent(&changed), r#"{"candidates":[{"finishReason": "STOP","index":0}]}"#);
    assert_eq!(decode(Wire::Gemini, b"", &changed).unwrap().stop, Some(reason));
}

#[test]
fn a_turn_that_the_caller_began_is_gone_on_with() {
    let instructed = |last: &str| {
        let text = format!(r#"{{"model":"m","contents":[{{"parts":[{{"text":"Hi"}}]}},{last}]}}"#);
        let body = RequestBody::parse(Wire::Gemini, text.into()).unwrap();
        let again = body.instruct(&PROFILE, " two", "go", 0);
        let again = sent(&again).to_owned();
        let head = r#"{"contents":[{"parts":[{"text":"Hi"}]},"#;
        let tail = r#",{"role":"user","parts":[{"text":"go"}]}]}"#;
        again.strip_prefix(head).unwrap().strip_suffix(tail).unwrap().to_owned()
    };
    for (last, expected) in [
        (
            r#"{"role":"model","parts":[{"text":"One"}]}"#,
            r#"{"role":"model","parts":[{"text":"One two"}]}"#,
        ),
        (
            r#"{"role":"model","parts":[{"text":"hm","thought":true}]}"#,
            r#"{"role":"model","parts":[{"text":"hm","thought":true},{"text":" two"}]}"#,
        ),
        (r#"{"role":"model","parts":[]}"#, r#"{"role":"model","parts":[{"text":" two"}]}"#),
        (r#"{"role":"model"}"#, r#"{"role":"model","parts":[{"text":" two"}]}"#),
    ] {
        assert_eq!(instructed(last), expected);
    }
}

#[test]
fn the_limit_leaves_room_for_thinking() {
    let limit = |config: &str, spent| {
        let more = format!(r#","generationConfig":{{"maxOutputTokens":5000{config}}}"#);
        let again = body(&more).instruct(&PROFILE, "p", "go", spent);
        let (_, limit) = sent(&again).split_once(r#""maxOutputTokens":"#).expect("a limit");
        let digits = limit.bytes().take_while(u8::is_ascii_digit).count();
        limit[..digits].parse::<u64>().expect("a number")
    };
    assert_eq!(limit("", 4_990), 10);
    assert_eq!(limit(r#","thinkingConfig":{"thinkingBudget":0}"#, 4_990), 10);
    assert_eq!(limit(r#","thinkingConfig":{"thinkingBudget":-1}"#, 4_990), 1_024);
    assert_eq!(limit(r#","thinking_config":{"thinking_budget":500}"#, 4_990), 1_524);
    assert_eq!(limit(r#","thinkingConfig":{"thinkingLevel":"high"}"#, 10), 4_990);
}

#[test]
fn what_a_continuation_would_break_is_refused() {
    use NotContinuable::*;
    let refusal = |more: &str| body(more).continuable().err();
    for (config, expected) in [
        (r#""candidateCount":2"#, ManyChoices),
        (r#""candidate_count":8"#, ManyChoices),
        (r#""responseSchema":{"type":"OBJECT"}"#, StructuredOutput),
        (r#""response_json_schema":{}"#, StructuredOutput),
        (r#""responseMimeType":"application/json""#, StructuredOutput),
        (r#""response_mime_type":"text/x.enum""#, StructuredOutput),
        (r#""responseModalities":["TEXT","AUDIO"]"#, Audio),
    ] {
        let more = format!(r#","generationConfig":{{{config}}}"#);
        assert_eq!(refusal(&more), Some(expected), "{config}");
        let more = format!(r#","generation_config":{{{config}}}"#);
        assert_eq!(refusal(&more), Some(expected), "{config}");
    }
    let tools =
        |mode: &str| format!(r#","toolConfig":{{"functionCallingConfig":{{"mode":"{mode}"}}}}"#);
    assert_eq!(refusal(&tools("ANY")), Some(ForcedTool));
    let snake = r#","tool_config":{"function_calling_config":{"mode":"ANY"}}"#;
    assert_eq!(refusal(snake), Some(ForcedTool));
    for fine in [
        String::new(),
        tools("AUTO"),
        tools("NONE"),
        r#","generationConfig":{"candidateCount":1,"responseMimeType":"text/plain","responseSchema":null}"#.to_owned(),
        r#","generationConfig":{"responseModalities":["TEXT"]},"n":2"#.to_owned(),
    ] {
        assert_eq!(refusal(&fine), None, "{fine}");
    }
}

const CHUNK: &str = r#"{"candidates": [{"content": {"parts": [{"text": "h","thought": true},{"text": "a","x":1},{"text": "b"}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 4,"candidatesTokenCount": 2,"totalTokenCount": 6},"modelVersion": "g","responseId": "r1"}"#;

#[test]
fn values_are_changed_in_place() {
    let spans = decode(Wire::Gemini, b"", CHUNK.as_bytes()).unwrap().spans;
    let same = rewrite(CHUNK.as_bytes(), &spans, &Rewrite::default());
    assert_eq!(same, CHUNK.as_bytes());
    let edits = Rewrite {
        id: Some("r0"),
        text: Some("c\n"),
        drop_thoughts: true,
        output_added: 5,
        ..Rewrite::default()
    };
    let expected = r#"{"candidates": [{"content": {"parts": [{"text": "","thought": true},{"text": "c\n","x":1},{"text": ""}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 4,"candidatesTokenCount": 7,"totalTokenCount": 11},"modelVersion": "g","responseId": "r0"}"#;
    assert_eq!(sent(&rewrite(CHUNK.as_bytes(), &spans, &edits)), expected);
}

fn any_parts() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        r#"{"text":"a"}"#,
        r#"{ "text" : "\u00e9\n" , "z":[1] }"#,
        r#"{"text":""}"#,
        r#"{"text":"h","thought":true}"#,
        r#"{"thought":true,"text":"\"m"}"#,
        r#"{"functionCall":{"name":"f"}}"#,
        r#"{"inlineData":{}}"#,
        r#"{"thoughtSignature":"s"}"#,
    ]);
    prop::collection::vec(part, 0..5).prop_map(|parts| parts.join(","))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rewritten_chunk_says_the_new_values(parts in any_parts(), text in "[a-zé\"\\\\\n]{1,9}") {
        let data = format!(
            r#"{{"candidates":[{{"content":{{"parts":[{parts}]}}}}],"responseId":"r"}}"#
        );
        let before = decode(Wire::Gemini, b"", data.as_bytes()).unwrap();
        let edits = Rewrite { text: Some(&text), id: Some("q"), ..Rewrite::default() };
        let changed = rewrite(data.as_bytes(), &before.spans, &edits);
        let after = decode(Wire::Gemini, b"", &changed).unwrap();
        prop_assert_eq!(after.id.as_deref(), Some("q"));
        prop_assert_eq!(after.also, before.also);
        let replaced = before.spans.text.is_some();
        match (before.delta, after.delta) {
            (Some(before), Some(after)) => {
                prop_assert_eq!(before.part, after.part);
                let expected = if replaced { text.as_bytes() } else { &before.text };
                prop_assert_eq!(&*after.text, expected);
            }
            (before, after) => prop_assert_eq!(before, after),
        }
    }

    #[test]
    fn damaged_chunks_and_bodies_never_panic(at in 0..CHUNK.len(), byte: u8) {
        let mut data = CHUNK.as_bytes().to_vec();
        data[at] = byte;
        if let Ok(event) = decode(Wire::Gemini, b"", &data) {
            let edits = Rewrite { text: Some("x"), drop_thoughts: true, output_added: 1, ..Rewrite::default() };
            let _ = rewrite(&data, &event.spans, &edits);
        }
        let body = body(r#","generationConfig":{"maxOutputTokens":9,"thinkingConfig":{}}"#);
        let mut written = body.bytes().to_vec();
        let at = at % written.len();
        written[at] = byte;
        if let Ok(body) = RequestBody::parse(Wire::Gemini, written.into()) {
            let _ = (body.instruct(&PROFILE, "a", "b", 1), body.path(&PROFILE), body.continuable());
        }
    }
}
