//! Requests of the Responses wire, and what is rewritten in its events.

use proptest::prelude::*;
use protocol::{
    BodyError, NotContinuable, Profile, RequestBody, Rewrite, Wire, decode, ended_item, items_of,
    rewrite,
};
use serde_json::Value;

const WIRE: Wire = Wire::OpenAiResponses;
const PROFILE: Profile = Profile::OPENAI_RESPONSES;

const ASSISTANT: &str =
    r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a \"b\""}]}"#;
const USER: &str =
    r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"go\n"}]}"#;

#[track_caller]
fn parse(text: &str) -> RequestBody {
    RequestBody::parse(WIRE, text.to_owned().into()).expect("a written body")
}

#[track_caller]
fn instructed(body: &str, spent: u64) -> String {
    let sent = parse(body).instruct(&PROFILE, "a \"b\"", "go\n", spent);
    String::from_utf8(sent.to_vec()).expect("UTF-8")
}

#[test]
fn input_may_be_text_items_or_elsewhere() {
    let parse = |text: &str| RequestBody::parse(WIRE, text.to_owned().into()).map(|_| ());
    for good in [
        r#"{"input":"hi"}"#,
        r#"{"input":[{"role":"user","content":"hi"}]}"#,
        r#"{"prompt":{"id":"pmpt_1"}}"#,
        r#"{"previous_response_id":"resp_1","input":[]}"#,
        r#"{"conversation":"conv_1"}"#,
    ] {
        assert_eq!(parse(good), Ok(()), "{good}");
    }
    for bad in [r#"{"input":""}"#, r#"{"input":[]}"#, r#"{"messages":[1]}"#, r#"{"prompt":null}"#] {
        assert_eq!(parse(bad), Err(BodyError::NoMessages), "{bad}");
    }
    let twice = parse(r#"{"input":"a","input":"b"}"#);
    assert_eq!(twice, Err(BodyError::Duplicate { name: "input" }));
}

#[test]
fn a_stream_is_asked_for_and_counts_are_not() {
    let sent = |body: &str| parse(body).initial(&PROFILE);
    assert_eq!(sent(r#"{"input":"hi"}"#), r#"{"input":"hi","stream":true}"#);
    assert_eq!(sent(r#"{"stream":false, "input":"hi"}"#), r#"{"stream":true, "input":"hi"}"#);
    let body = parse(r#"{"stream":true,"input":"hi"}"#);
    assert_eq!(body.initial(&PROFILE).as_ptr(), body.bytes().as_ptr(), "no copy");
    assert!(!body.takes_prefill(&PROFILE));
}

#[test]
fn a_continuation_adds_two_items_and_keeps_the_callers_text() {
    let user = r#"{"role":"user","content":"H\u0069"}"#;
    assert_eq!(
        instructed(&format!(r#"{{"stream":true,"input":[ {user} ],"x":1.0}}"#), 0),
        format!(r#"{{"stream":true,"input":[ {user} ,{ASSISTANT},{USER}],"x":1.0}}"#)
    );
    assert_eq!(
        instructed(r#"{"stream":true,"input": "H\u0069" ,"x":1.0}"#, 0),
        format!(
            r#"{{"stream":true,"input": [{{"type":"message","role":"user","content":"H\u0069"}},{ASSISTANT},{USER}] ,"x":1.0}}"#
        )
    );
    assert_eq!(
        instructed(r#"{"stream":true,"prompt":{"id":"p"}}"#, 0),
        format!(r#"{{"stream":true,"prompt":{{"id":"p"}},"input":[{ASSISTANT},{USER}]}}"#)
    );
    for none in ["[]", "[ ]", "null", r#""""#] {
        let body = format!(r#"{{"stream":true,"input":{none},"previous_response_id":"r"}}"#);
        let expected =
            format!(r#"{{"stream":true,"input":[{ASSISTANT},{USER}],"previous_response_id":"r"}}"#);
        assert_eq!(instructed(&body, 0), expected);
    }
}

#[test]
fn a_message_of_the_assistant_at_the_end_is_another_item() {
    let last = r#"{"role":"assistant","content":"z"}"#;
    assert_eq!(
        instructed(&format!(r#"{{"stream":true,"input":[{last}]}}"#), 0),
        format!(r#"{{"stream":true,"input":[{last},{ASSISTANT},{USER}]}}"#)
    );
}

#[test]
fn the_limit_is_reduced_to_what_the_api_takes() {
    #[track_caller]
    fn check(limit: &str, spent: u64, expected: &str) {
        let sent = instructed(&format!(r#"{{"stream":true,"input":"hi",{limit}}}"#), spent);
        assert!(sent.ends_with(&format!("],{expected}}}")), "{sent}");
    }
    check(r#""max_output_tokens":100"#, 30, r#""max_output_tokens":70"#);
    check(r#""max_output_tokens":100"#, 99, r#""max_output_tokens":16"#);
    check(r#""max_output_tokens":10"#, 9, r#""max_output_tokens":10"#);
    check(r#""max_output_tokens":null"#, 9, r#""max_output_tokens":null"#);
    check(
        r#""max_output_tokens":4000,"reasoning":{"effort":"low"}"#,
        3_900,
        r#""max_output_tokens":1024,"reasoning":{"effort":"low"}"#,
    );
}

#[test]
fn what_cannot_be_continued() {
    use NotContinuable as Not;
    let schema = r#""text":{"format":{"type":"json_schema","name":"n","schema":{}}}"#;
    for (member, expected) in [
        (schema, Some(Not::StructuredOutput)),
        (r#""text":{"format":{"type":"json_object"}}"#, Some(Not::StructuredOutput)),
        (r#""text":{"format":{"type":"text"},"verbosity":"low"}"#, None),
        (r#""text":{"verbosity":"low"}"#, None),
        (r#""text":{"format":null}"#, None),
        (r#""tool_choice":"required""#, Some(Not::ForcedTool)),
        (r#""tool_choice":{"type":"function","name":"f"}"#, Some(Not::ForcedTool)),
        (r#""tool_choice":{"type":"web_search"}"#, Some(Not::ForcedTool)),
        (r#""tool_choice":{"type":"allowed_tools","mode":"required"}"#, Some(Not::ForcedTool)),
        (r#""tool_choice":{"type":"allowed_tools","mode":"auto","tools":[]}"#, None),
        (r#""tool_choice":"auto""#, None),
        (r#""background":true"#, None),
        (r#""conversation":{"id":"conv_1"}"#, Some(Not::KeptConversation)),
        (r#""conversation":null"#, None),
        (r#""previous_response_id":"resp_1""#, None),
    ] {
        let body = parse(&format!(r#"{{"input":"hi",{member}}}"#));
        assert_eq!(body.continuable().err(), expected, "{member}");
    }
}

const DONE: &str = r#"{"type":"response.content_part.done","sequence_number": 8,"item_id":"m\u0031","output_index":1 ,"content_index":0,"part":{"type":"output_text","annotations":[],"text":"old"},"x":1.0}"#;

const COMPLETED: &str = r#"{"type":"response.completed","sequence_number":9,"response":{"object":"response","id":"r2", "created_at":17,"model":"m","output":[{"a":1} , {"b":[2]}],"usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5},"x":1.0}}"#;

#[track_caller]
fn check(data: &str, edits: &Rewrite<'_>, expected: &str) {
    let spans = decode(WIRE, b"", data.as_bytes()).expect("an event").spans;
    let changed = rewrite(data.as_bytes(), &spans, edits);
    assert_eq!(String::from_utf8_lossy(&changed), expected);
}

#[test]
fn every_value_changes_in_place() {
    check(DONE, &Rewrite::default(), DONE);
    let edits = Rewrite {
        sequence: Some(40),
        item_id: Some("m2"),
        index: Some(2),
        part_index: Some(3),
        text: Some("new\n"),
        list: Some("[7]"),
        ..Rewrite::default()
    };
    check(
        DONE,
        &edits,
        r#"{"type":"response.content_part.done","sequence_number": 40,"item_id":"m2","output_index":2 ,"content_index":3,"part":{"type":"output_text","annotations":[],"text":"new\n"},"x":1.0}"#,
    );
    let edits = Rewrite {
        id: Some("r1"),
        created: Some(16),
        sequence: Some(41),
        list: Some("[7]"),
        output_added: 5,
        text: Some("no text is there"),
        ..Rewrite::default()
    };
    check(
        COMPLETED,
        &edits,
        r#"{"type":"response.completed","sequence_number":41,"response":{"object":"response","id":"r1", "created_at":16,"model":"m","output":[7],"usage":{"input_tokens":3,"output_tokens":7,"total_tokens":10},"x":1.0}}"#,
    );
}

#[test]
fn items_are_told_apart() {
    let spans = decode(WIRE, b"", COMPLETED.as_bytes()).expect("an event").spans;
    let items = items_of(COMPLETED.as_bytes(), &spans);
    let items: Vec<_> = items.into_iter().map(|item| &COMPLETED[item]).collect();
    assert_eq!(items, [r#"{"a":1}"#, r#"{"b":[2]}"#]);
}

/// Documents that look like events of this wire.
fn event() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "response.created",
        "response.output_item.added",
        "response.output_item.done",
        "response.content_part.added",
        "response.content_part.done",
        "response.output_text.delta",
        "response.output_text.done",
        "response.reasoning_summary_text.delta",
        "response.function_call_arguments.delta",
        "response.refusal.delta",
        "response.completed",
        "response.incomplete",
        "response.failed",
        "error",
        "response.of.tomorrow",
    ]);
    let value = prop::sample::select(vec![
        "null",
        "7",
        "-1",
        "1e9",
        "true",
        r#""text""#,
        r#""\ud800""#,
        "[]",
        "[1,{}]",
        "{}",
        r#"{"id":"i","type":"message","content":[{"text":"x"}],"status":"in_progress"}"#,
        r#"{"type":"output_text","text":"x"}"#,
        r#"{"id":1,"output":[{"type":"function_call"},3],"usage":{"output_tokens":1,"total_tokens":-2}}"#,
        r#"{"id":"r","created_at":1,"model":"m","output":[],"usage":{"output_tokens":1}}"#,
        r#"{"error":{"code":7,"message":[]}}"#,
    ]);
    let key = prop::sample::select(vec![
        "sequence_number",
        "item_id",
        "output_index",
        "content_index",
        "summary_index",
        "delta",
        "text",
        "item",
        "part",
        "response",
        "error",
        "code",
    ]);
    (name, prop::collection::vec((key, value), 0..6)).prop_map(|(name, members)| {
        let members: String = members.iter().map(|(k, v)| format!(r#","{k}":{v}"#)).collect();
        format!(r#"{{"type":"{name}"{members}}}"#)
    })
}

proptest! {
    #[test]
    fn whatever_an_event_holds_it_stays_json(data in event()) {
        let decoded = decode(WIRE, b"", data.as_bytes());
        prop_assert!(decoded.is_ok(), "{data}");
        let spans = decoded.expect("read").spans;
        let _ = items_of(data.as_bytes(), &spans);
        let edits = Rewrite {
            id: Some("i"), created: Some(1), model: Some("m"), index: Some(1), text: Some("t"),
            sequence: Some(2), item_id: Some("x"), part_index: Some(3), list: Some("[]"),
            output_added: 4, ..Rewrite::default()
        };
        let changed = rewrite(data.as_bytes(), &spans, &edits);
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&changed).is_ok();
        prop_assert!(is_json, "{}", changed.escape_ascii());
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        data in prop::collection::vec(any::<u8>(), 0..120),
        mut like in event().prop_map(String::into_bytes),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let at = at.index(like.len());
        like[at] = byte;
        for data in [&data, &like, &like[..at].to_vec()] {
            for name in [&b""[..], b"error", b"response.completed", b"response.output_text.delta"] {
                if let Ok(event) = decode(WIRE, name, data) {
                    let _ = items_of(data, &event.spans);
                }
            }
            let _ = ended_item(data, Some("i"), Some("s"), &[]);
        }
    }

    #[test]
    fn a_continuation_is_the_request_with_two_more_items(
        text in ".{1,20}",
        partial in ".{0,20}",
        list in any::<bool>(),
    ) {
        let said = serde_json::to_string(&text).expect("a string");
        let said = if list { format!(r#"[{{"role":"user","content":{said}}}]"#) } else { said };
        let body = parse(&format!(r#"{{"input":{said},"stream":true}}"#));
        let sent = body.instruct(&PROFILE, &partial, "go", 0);
        let sent: Value = serde_json::from_slice(&sent).expect("JSON");
        let items = sent["input"].as_array().expect("items");
        prop_assert_eq!(items[0]["content"].as_str(), Some(text.as_str()));
        let partials = usize::from(!partial.is_empty());
        prop_assert_eq!(items.len(), 2 + partials);
        if partials == 1 {
            prop_assert_eq!(items[1]["content"][0]["text"].as_str(), Some(partial.as_str()));
        }
        prop_assert_eq!(items[items.len() - 1]["role"].as_str(), Some("user"));
    }
}

/// The events of a stored response, each as its name and its data.
fn stored_events(object: &str) -> Vec<(String, String)> {
    let Ok(protocol::Stored::Finished(wire)) = protocol::read_stored(object.as_bytes()) else {
        panic!("not finished: {object}");
    };
    let wire = String::from_utf8(wire).expect("UTF-8");
    let events = wire.split_terminator("\n\n").map(|event| {
        let (name, data) = event.split_once('\n').expect("a name and data");
        let data: Vec<_> =
            data.lines().map(|line| line.strip_prefix("data: ").expect("data")).collect();
        (name.strip_prefix("event: ").expect("a name").to_owned(), data.join("\n"))
    });
    events.collect()
}

#[test]
fn a_stored_response_is_told_in_events() {
    let object = "{\"id\":\"resp_1\",\r\n\"status\":\"completed\",\"model\":\"m\",\"output\":[\
        {\"id\":\"rs_1\",\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"Hm\"}]},\
        {\"id\":\"msg_1\",\"type\":\"message\",\"status\":\"completed\",\"content\":[\
            {\"type\":\"output_text\",\"annotations\":[],\"text\":\"a\\ud83d\\ude00\\n\"},\
            {\"type\":\"refusal\",\"refusal\":\"no\"}]},\
        {\"id\":\"fc_1\",\"type\":\"function_call\",\"arguments\":\"{}\",\"name\":\"f\"},\
        {\"id\":\"ws_1\",\"type\":\"web_search_call\"}],\
        \"usage\":{\"input_tokens\":3,\"output_tokens\":2}}";
    let events = stored_events(object);
    let names: Vec<_> =
        events.iter().map(|(name, _)| name.trim_start_matches("response.")).collect();
    let expected = [
        "created",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "content_part.added",
        "refusal.delta",
        "refusal.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "output_item.added",
        "output_item.done",
        "completed",
    ];
    assert_eq!(names, expected);
    let mut text = Vec::new();
    for (number, (name, data)) in events.iter().enumerate() {
        let event = decode(Wire::OpenAiResponses, name.as_bytes(), data.as_bytes()).expect(data);
        assert_eq!(event.sequence, Some(number as u64));
        if let Some(delta) = event.delta.filter(|delta| delta.part == protocol::Part::Text) {
            text.extend_from_slice(&delta.text);
        }
    }
    assert_eq!(String::from_utf8(text).unwrap(), "a😀\n");
    let last = decode(Wire::OpenAiResponses, b"", events.last().unwrap().1.as_bytes()).unwrap();
    assert_eq!(last.stop, Some(protocol::StopReason::ToolUse));
    assert_eq!(last.usage.map(|usage| usage.output), Some(2));
}

#[test]
fn a_stored_response_that_is_not_finished_has_no_events() {
    use protocol::Stored;
    let read = |object: &str| protocol::read_stored(object.as_bytes());
    assert_eq!(read(r#"{"status":"queued"}"#), Ok(Stored::Underway));
    assert_eq!(read(r#"{"status":"in_progress"}"#), Ok(Stored::Underway));
    let failed = r#"{"status":"failed","error":{"code":"server_error","message":"m"}}"#;
    let Ok(Stored::Failed(failure)) = read(failed) else { panic!("not failed") };
    assert_eq!((failure.code.as_deref(), &*failure.message), (Some("server_error"), "m"));
    assert!(matches!(read(r#"{"status":"cancelled"}"#), Ok(Stored::Failed(_))));
    for odd in ["", "[]", "{}", r#"{"status":"else"}"#, r#"{"status":7}"#, "<html>"] {
        assert!(read(odd).is_err(), "{odd}");
    }
    assert_eq!(stored_events(r#"{"status":"incomplete"}"#).len(), 2);
}

#[test]
fn members_that_are_added_behind_an_input_of_text_stay_members_of_the_body() {
    let body = parse(r#"{"model":"m","input":"hi"}"#).in_background();
    let sent = body.instruct(&PROFILE, "a \"b\"", "go\n", 0);
    let sent: Value = serde_json::from_slice(&sent).expect("JSON");
    let members: Vec<&String> = sent.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["background", "input", "model", "store", "stream"]);
    let first = r#"{"content":"hi","role":"user","type":"message"}"#;
    assert_eq!((sent["input"][0].to_string().as_str(), &sent["stream"]), (first, &true.into()));
}
