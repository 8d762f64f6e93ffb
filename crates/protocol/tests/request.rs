//! Bodies of first attempts and continuations, as whole texts.

use protocol::{BODY_BYTES_MAX, BodyError, NotContinuable, Profile, RequestBody, Wire};

const ANTHROPIC: Wire = Wire::AnthropicMessages;
const CHAT: Wire = Wire::OpenAiChat;

#[track_caller]
fn parse(wire: Wire, text: &str) -> RequestBody {
    RequestBody::parse(wire, text.to_owned().into()).expect("a written body")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn bodies_that_are_refused() {
    let parse = |text: &str| RequestBody::parse(CHAT, text.to_owned().into()).map(|_| ());
    assert!(matches!(parse("{\"messages\":[1]"), Err(BodyError::NotJson(_))));
    assert!(matches!(parse("[]"), Err(BodyError::NotJson(_))));
    assert!(matches!(parse("{\"messages\":[1]} x"), Err(BodyError::NotJson(_))));
    for none in ["{}", r#"{"messages":[]}"#, r#"{"messages":"[1]"}"#, r#"{"messages":null}"#] {
        assert_eq!(parse(none), Err(BodyError::NoMessages), "{none}");
    }
    assert_eq!(
        parse(r#"{"max_tokens":1,"messages":[1],"max_\u0074okens":2}"#),
        Err(BodyError::Duplicate { name: "max_tokens" })
    );
    assert_eq!(parse(r#"{"messages":[1],"user":"a","user":"b"}"#), Ok(()));
    let latin1 = b"{\"messages\":[\"\xe9\"]}";
    let refused = RequestBody::parse(CHAT, latin1.to_vec().into()).map(|_| ());
    assert_eq!(refused, Err(BodyError::NotUtf8 { offset: 14 }));
}

#[test]
fn a_body_has_a_limit_of_length() {
    let fill = |bytes: usize| {
        let head = r#"{"messages":[1],"x":""#;
        format!("{head}{}\"}}", "x".repeat(bytes - head.len() - 2))
    };
    assert!(RequestBody::parse(CHAT, fill(BODY_BYTES_MAX).into()).is_ok());
    let refused = RequestBody::parse(CHAT, fill(BODY_BYTES_MAX + 1).into()).map(|_| ());
    assert_eq!(refused, Err(BodyError::TooLong { bytes: BODY_BYTES_MAX + 1 }));
}

#[test]
fn debug_shows_no_prompt() {
    let body = parse(CHAT, r#"{"model":"m","messages":[{"role":"user","content":"my secret"}]}"#);
    let shown = format!("{body:?}");
    assert!(!shown.contains("secret") && shown.contains("\"m\""), "{shown}");
}

#[test]
fn the_first_attempt_asks_for_a_stream() {
    #[track_caller]
    fn check(wire: Wire, body: &str, expected: &str) {
        assert_eq!(text(&parse(wire, body).initial(&Profile::for_wire(wire))), expected);
    }
    check(ANTHROPIC, r#"{"messages":[1]}"#, r#"{"messages":[1],"stream":true}"#);
    check(ANTHROPIC, r#"{"stream" : false,"messages":[1]}"#, r#"{"stream" : true,"messages":[1]}"#);
    check(
        CHAT,
        "{\"messages\":[1],\n\"stream\":true\n}",
        "{\"messages\":[1],\n\"stream\":true\n,\"stream_options\":{\"include_usage\":true}}",
    );
    check(
        CHAT,
        r#"{"stream":true,"stream_options":{ },"messages":[1]}"#,
        r#"{"stream":true,"stream_options":{ "include_usage":true},"messages":[1]}"#,
    );
    check(
        CHAT,
        r#"{"stream":true,"stream_options":{"include_obfuscation":false},"messages":[1]}"#,
        r#"{"stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true},"messages":[1]}"#,
    );
    check(
        CHAT,
        r#"{"stream":true,"stream_options":null,"messages":[1]}"#,
        r#"{"stream":true,"stream_options":{"include_usage":true},"messages":[1]}"#,
    );
}

#[test]
fn a_body_that_says_all_is_sent_as_it_is() {
    for (wire, body) in [
        (ANTHROPIC, r#"{"stream":true,"messages":[1]}"#),
        (CHAT, r#"{"stream":true,"stream_options":{"include_usage":false},"messages":[1]}"#),
        (CHAT, r#"{"stream":true,"stream_options":{"include_usage":true},"messages":[1]}"#),
    ] {
        let body = parse(wire, body);
        let sent = body.initial(&Profile::for_wire(wire));
        assert_eq!(sent.as_ptr(), body.bytes().as_ptr(), "no copy");
    }
    let body = r#"{"stream":true,"messages":[1]}"#;
    assert_eq!(text(&parse(CHAT, body).initial(&Profile::MISTRAL)), body);
}

#[test]
fn what_the_caller_asked_for_is_known() {
    let wants =
        |options: &str| parse(CHAT, &format!(r#"{{"messages":[1]{options}}}"#)).wants_usage();
    assert!(wants(r#","stream_options":{"include_usage":true}"#));
    assert!(!wants(r#","stream_options":{"include_usage":false}"#));
    assert!(!wants(r#","stream_options":null"#) && !wants(""));
    let body = parse(CHAT, r#"{"model":"gpt-\u0034","messages":[1],"n":3}"#);
    assert_eq!((body.model(), body.choices(), body.wire()), (Some("gpt-4"), 3, CHAT));
    assert_eq!(parse(CHAT, r#"{"messages":[1],"n":null}"#).choices(), 1);
}

#[test]
fn thinking_excludes_prefill_where_the_wire_says_so() {
    let takes = |thinking: &str, profile| {
        let body = format!(r#"{{"model":"claude-haiku-4-5","messages":[1]{thinking}}}"#);
        parse(ANTHROPIC, &body).takes_prefill(&profile)
    };
    assert!(takes("", Profile::ANTHROPIC));
    assert!(takes(r#","thinking":{"type":"disabled"}"#, Profile::ANTHROPIC));
    assert!(!takes(r#","thinking":{"type":"enabled","budget_tokens":2000}"#, Profile::ANTHROPIC));
    assert!(takes(r#","reasoning_effort":"high""#, Profile::VLLM));
    assert!(!parse(CHAT, r#"{"messages":[1]}"#).takes_prefill(&Profile::OPENAI));
}

#[test]
fn what_cannot_be_continued() {
    use NotContinuable as Not;
    let rows = [
        (CHAT, r#""n":2"#, Some(Not::ManyChoices)),
        (CHAT, r#""n":1"#, None),
        (CHAT, r#""response_format":{"type":"json_object"}"#, Some(Not::StructuredOutput)),
        (
            CHAT,
            r#""response_format":{"type":"json_schema","json_schema":{}}"#,
            Some(Not::StructuredOutput),
        ),
        (CHAT, r#""response_format":{"type":"text"}"#, None),
        (CHAT, r#""response_format":null"#, None),
        (CHAT, r#""guided_json":{}"#, Some(Not::StructuredOutput)),
        (CHAT, r#""grammar":"root ::= x""#, Some(Not::StructuredOutput)),
        (ANTHROPIC, r#""output_format":{"type":"json_schema"}"#, Some(Not::StructuredOutput)),
        (
            ANTHROPIC,
            r#""output_config":{"format":{"type":"json_schema"}}"#,
            Some(Not::StructuredOutput),
        ),
        (ANTHROPIC, r#""output_config":{"effort":"low"}"#, None),
        (CHAT, r#""tool_choice":"required""#, Some(Not::ForcedTool)),
        (
            CHAT,
            r#""tool_choice":{"type":"function","function":{"name":"f"}}"#,
            Some(Not::ForcedTool),
        ),
        (CHAT, r#""tool_choice":"auto""#, None),
        (CHAT, r#""tool_choice":"none""#, None),
        (CHAT, r#""function_call":{"name":"f"}"#, Some(Not::ForcedTool)),
        (ANTHROPIC, r#""tool_choice":{"type":"any"}"#, Some(Not::ForcedTool)),
        (ANTHROPIC, r#""tool_choice":{"type":"tool","name":"auto"}"#, Some(Not::ForcedTool)),
        (ANTHROPIC, r#""tool_choice":{"type":"auto"}"#, None),
        (CHAT, r#""audio":{"voice":"alloy"}"#, Some(Not::Audio)),
        (CHAT, r#""stop":["n","tool_choice"],"tools":[{"response_format":1}]"#, None),
    ];
    for (wire, member, expected) in rows {
        let body = parse(wire, &format!(r#"{{"messages":[1],{member}}}"#));
        assert_eq!(body.continuable().err(), expected, "{member}");
    }
}

/// A body that streams and asks for usage, so that only the continuation changes it.
fn with_messages(messages: &str, more: &str) -> String {
    format!(
        r#"{{"stream":true,"stream_options":{{"include_usage":true}},"messages":[{messages}]{more}}}"#
    )
}

#[test]
fn each_profile_has_its_form_of_prefill() {
    #[track_caller]
    fn check(profile: Profile, messages: &str, more: &str) {
        let user = r#"{"role":"user","content":"Hi"}"#;
        let body = parse(profile.wire, &with_messages(user, r#","x":1"#));
        let sent = body.prefill(&profile, "a \"b\"", 0);
        assert_eq!(text(&sent), with_messages(&format!("{user},{messages}"), more));
    }
    let plain = r#"{"role":"assistant","content":"a \"b\""}"#;
    check(
        Profile::ANTHROPIC,
        r#"{"role":"assistant","content":[{"type":"text","text":"a \"b\""}]}"#,
        r#","x":1"#,
    );
    let prefix = r#"{"role":"assistant","content":"a \"b\"","prefix":true}"#;
    check(Profile::MISTRAL, prefix, r#","x":1"#);
    check(Profile::DEEPSEEK_BETA, prefix, r#","x":1"#);
    check(
        Profile::MOONSHOT,
        r#"{"role":"assistant","content":"a \"b\"","partial":true}"#,
        r#","x":1"#,
    );
    check(
        Profile::VLLM,
        plain,
        r#","x":1,"add_generation_prompt":false,"continue_final_message":true"#,
    );
    check(Profile::LLAMA_CPP, plain, r#","x":1,"chat_template_kwargs":{"enable_thinking":false}"#);
}

#[test]
fn parameters_that_are_there_are_set_in_place() {
    let check = |profile: &Profile, more: &str, expected: &str| {
        let body = parse(CHAT, &with_messages("1", more));
        let sent = body.prefill(profile, "a", 0);
        assert!(text(&sent).ends_with(&format!("]{expected}}}")), "{}", text(&sent));
    };
    check(
        &Profile::VLLM,
        r#","continue_final_message" : false,"add_generation_prompt":false"#,
        r#","continue_final_message" : true,"add_generation_prompt":false"#,
    );
    check(
        &Profile::LLAMA_CPP,
        r#","chat_template_kwargs":{"enable_thinking":true,"k":1}"#,
        r#","chat_template_kwargs":{"enable_thinking":false,"k":1}"#,
    );
    check(
        &Profile::LLAMA_CPP,
        r#","chat_template_kwargs":{"k":1}"#,
        r#","chat_template_kwargs":{"k":1,"enable_thinking":false}"#,
    );
    check(
        &Profile::LLAMA_CPP,
        r#","chat_template_kwargs":null"#,
        r#","chat_template_kwargs":{"enable_thinking":false}"#,
    );
}

#[test]
fn an_instructed_continuation_adds_two_messages() {
    let user = r#"{"role":"user","content":"Hi"}"#;
    let chat = parse(CHAT, &with_messages(user, ""));
    let sent = chat.instruct(&Profile::OPENAI, "a ", "go on\n", 0);
    let added = r#",{"role":"assistant","content":"a "},{"role":"user","content":"go on\n"}"#;
    assert_eq!(text(&sent), with_messages(&format!("{user}{added}"), ""));
    let anthropic = parse(ANTHROPIC, &with_messages(user, ""));
    let sent = anthropic.instruct(&Profile::ANTHROPIC, "a ", "go on", 0);
    let added = r#",{"role":"assistant","content":[{"type":"text","text":"a "}]},{"role":"user","content":[{"type":"text","text":"go on"}]}"#;
    assert_eq!(text(&sent), with_messages(&format!("{user}{added}"), ""));
}

#[test]
fn the_callers_own_prefill_is_continued() {
    #[track_caller]
    fn check(message: &str, expected: &str) {
        let wire = Wire::AnthropicMessages;
        let body = parse(wire, &with_messages(message, ""));
        let sent = body.prefill(&Profile::ANTHROPIC, "\"b", 0);
        assert_eq!(text(&sent), with_messages(expected, ""));
        let sent = body.instruct(&Profile::ANTHROPIC, "\"b", "go", 0);
        let go = r#",{"role":"user","content":[{"type":"text","text":"go"}]}"#;
        assert_eq!(text(&sent), with_messages(&format!("{expected}{go}"), ""));
    }
    check(r#"{"role":"assistant","content":"a"}"#, r#"{"role":"assistant","content":"a\"b"}"#);
    check(
        r#"{ "content": "say \"content\":\"x\" \\", "role": "assistant" }"#,
        r#"{ "content": "say \"content\":\"x\" \\\"b", "role": "assistant" }"#,
    );
    check(
        r#"{"role":"assistant","content":[{"type":"text","text":"z"},{"text":"a","type":"text","cache_control":{"type":"ephemeral"}}]}"#,
        r#"{"role":"assistant","content":[{"type":"text","text":"z"},{"text":"a\"b","type":"text","cache_control":{"type":"ephemeral"}}]}"#,
    );
    check(
        r#"{"role":"assistant","content":[{"type":"tool_use","id":"t","input":{"text":"x"}}]}"#,
        r#"{"role":"assistant","content":[{"type":"tool_use","id":"t","input":{"text":"x"}},{"type":"text","text":"\"b"}]}"#,
    );
    check(
        r#"{"role":"assistant","content":[ ]}"#,
        r#"{"role":"assistant","content":[ {"type":"text","text":"\"b"}]}"#,
    );
    check(
        r#"{"role":"assistant","content":null}"#,
        r#"{"role":"assistant","content":[{"type":"text","text":"\"b"}]}"#,
    );
    check(
        r#"{"role":"assistant"}"#,
        r#"{"role":"assistant","content":[{"type":"text","text":"\"b"}]}"#,
    );
}

#[test]
fn flags_of_the_callers_own_prefill_follow_its_place() {
    let last = r#"{"role":"assistant","content":"a","prefix":true}"#;
    let body = parse(CHAT, &with_messages(last, ""));
    let joined = r#"{"role":"assistant","content":"ab","prefix":true}"#;
    assert_eq!(text(&body.prefill(&Profile::MISTRAL, "b", 0)), with_messages(joined, ""));
    let closed =
        r#"{"role":"assistant","content":"ab","prefix":false},{"role":"user","content":"go"}"#;
    assert_eq!(text(&body.instruct(&Profile::MISTRAL, "b", "go", 0)), with_messages(closed, ""));
    let more = r#","continue_final_message":true,"add_generation_prompt":false"#;
    let body = parse(CHAT, &with_messages(r#"{"role":"assistant","content":"a"}"#, more));
    let sent = body.instruct(&Profile::VLLM, "b", "go", 0);
    let undone = r#","continue_final_message":false,"add_generation_prompt":true}"#;
    assert!(text(&sent).ends_with(undone), "{}", text(&sent));
}

#[test]
fn an_empty_partial_adds_no_message() {
    let body = with_messages(r#"{"role":"user","content":"Hi"}"#, "");
    let parsed = parse(CHAT, &body);
    assert_eq!(text(&parsed.prefill(&Profile::VLLM, "", 0)), body);
    let sent = parsed.instruct(&Profile::VLLM, "", "go", 0);
    assert!(
        text(&sent).ends_with(r#"{"role":"user","content":"Hi"},{"role":"user","content":"go"}]}"#)
    );
}

#[test]
fn limits_are_reduced_by_what_was_spent() {
    #[track_caller]
    fn check(more: &str, spent: u64, expected: &str) {
        let body = parse(Wire::OpenAiChat, &with_messages("1", more));
        for sent in [
            body.prefill(&Profile::OPENROUTER, "a", spent),
            body.instruct(&Profile::OPENAI, "a", "b", spent),
        ] {
            assert!(text(&sent).ends_with(&format!("]{expected}}}")), "{}", text(&sent));
        }
    }
    check(r#","max_tokens":100"#, 30, r#","max_tokens":70"#);
    check(r#","max_completion_tokens" : 100,"x":1"#, 30, r#","max_completion_tokens" : 70,"x":1"#);
    check(r#","max_tokens":1e2"#, 0, r#","max_tokens":1e2"#);
    check(r#","max_tokens":1e2"#, 1, r#","max_tokens":99"#);
    check(r#","max_tokens":100"#, 100, r#","max_tokens":1"#);
    // More than the limit was never spent: the text is one letter long.
    check(r#","max_tokens":100"#, 101, r#","max_tokens":100"#);
    check(r#","max_tokens":0"#, 5, r#","max_tokens":0"#);
    check(r#","max_tokens":null"#, 5, r#","max_tokens":null"#);
    check(
        r#","max_tokens":4000,"reasoning_effort":"low""#,
        3_900,
        r#","max_tokens":1024,"reasoning_effort":"low""#,
    );
    check(
        r#","max_tokens":4000,"reasoning_effort":"none""#,
        3_900,
        r#","max_tokens":100,"reasoning_effort":"none""#,
    );
    check(
        r#","max_tokens":500,"reasoning":{"effort":"low"}"#,
        400,
        r#","max_tokens":500,"reasoning":{"effort":"low"}"#,
    );
    check(
        r#","max_tokens":4000,"reasoning":{"enabled":false}"#,
        3_999,
        r#","max_tokens":1,"reasoning":{"enabled":false}"#,
    );
    check(
        r#","max_tokens":9000,"thinking":{"type":"enabled","budget_tokens":4000}"#,
        8_000,
        r#","max_tokens":5024,"thinking":{"type":"enabled","budget_tokens":4000}"#,
    );
}

#[test]
fn stop_sequences_are_read_as_each_wire_spells_them() {
    #[track_caller]
    fn check(wire: Wire, member: &str, expected: &[&str]) {
        let body = parse(wire, &format!(r#"{{"messages":[{{"role":"user"}}]{member}}}"#));
        assert_eq!(body.stop_sequences(), expected, "{member}");
    }
    check(ANTHROPIC, r#","stop_sequences":["END","\n\u00e9"],"stop":"x""#, &["END", "\né"]);
    check(CHAT, r#","stop":"END","stop_sequences":["x"]"#, &["END"]);
    check(CHAT, r#","stop":["a","",7,"b"]"#, &["a", "b"]);
    check(CHAT, r#","stop":null"#, &[]);
    check(ANTHROPIC, "", &[]);
    let responses = parse(Wire::OpenAiResponses, r#"{"input":"hi","stop":["END"]}"#);
    assert!(responses.stop_sequences().is_empty(), "the wire has none");
}
