//! What a profile file may say, and how it is told what is wrong.

use super::*;
use crate::{
    Cursor, Framing, Heartbeat, KeyHeader, Label, Prefill, RequestForm, Terminal, TokenLimit,
    UsageRequest, Wire,
};

fn parse(text: &str) -> Result<CustomProfile, ProfileFileError> {
    CustomProfile::parse("p.toml", text)
}

#[track_caller]
fn refuse(text: &str, expected: &str) {
    let error = parse(text).unwrap_err().to_string();
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn a_file_that_names_its_base_is_its_base_under_another_name() {
    for base in Profile::all() {
        let custom = parse(&format!("name = \"lab\"\nbase = \"{}\"", base.name)).unwrap();
        assert_eq!(custom.profile, Profile { name: Label::of("lab"), ..*base });
        assert!(custom.headers.is_empty());
    }
    let custom = parse("name = \"lab\"\nwire = \"gemini\"").unwrap();
    assert_eq!(custom.profile, Profile { name: Label::of("lab"), ..Profile::GEMINI });
}

#[test]
fn every_field_is_taken() {
    let text = "\u{feff}name = 'lab'\nwire = 'openai-chat'\nterminal = 'last-event-alone'\n\
        heartbeat = { data = 'beat' }\nerror_event = 'fault'\nprefill = 'partial'\n\
        echoes_prefill = true\ndeterministic = true\nusage = 'unasked'\n\
        token_limit = 'max_tokens'\nkey_header = 'X-Lab-Key'\ncursor = 'none'\n\
        framing = 'ndjson'\n\
        [headers]\nx-team = 'search'\n";
    let custom = parse(text).unwrap();
    let expected = Profile {
        name: Label::of("lab"),
        wire: Wire::OpenAiChat,
        framing: Framing::NdJson,
        request: RequestForm::OfWire,
        terminal: Terminal::LastEventAlone,
        heartbeat: Heartbeat::Data(Label::of("beat")),
        error_event: Some(Label::of("fault")),
        prefill: Prefill::Partial,
        echoes_prefill: true,
        deterministic: true,
        usage: UsageRequest::Unasked,
        token_limit: TokenLimit::MaxTokens,
        key_header: KeyHeader::Named(Label::of("X-Lab-Key")),
        cursor: Cursor::None,
    };
    assert_eq!(custom.profile, expected);
    assert_eq!(custom.headers, [("x-team".to_owned(), "search".to_owned())]);
    let bearer = "name='lab'\nbase='gemini'\nkey_header='Authorization'\nheartbeat={event='b'}";
    let bearer = parse(bearer).unwrap().profile;
    assert_eq!(bearer.key_header, KeyHeader::Bearer);
    assert_eq!(bearer.heartbeat, Heartbeat::Event(Label::of("b")));
}

#[test]
fn what_is_wrong_is_told_with_its_line_its_field_and_a_remedy() {
    refuse("", "p.toml:1: base: neither base nor wire is there; write the profile");
    refuse("base = 'vllm'", "p.toml:1: name: it is missing; write name");
    refuse("name = 'lab'\nbase = 'vlm'", "p.toml:2: base: unknown value \"vlm\"; write one of");
    refuse(
        "name = 'lab'\nwire = 'x'",
        "p.toml:2: wire: unknown value \"x\"; write one of anthropic",
    );
    refuse("name = 'a b'\nbase = 'vllm'", "p.toml:1: name: not a name; write 1 to 31 of");
    refuse("name = ''\nbase = 'vllm'", "p.toml:1: name: not a name");
    refuse("name = 'groq'\nbase = 'vllm'", "p.toml:1: name: a profile that comes with");
    refuse("name = lab\nbase = 'vllm'", "p.toml:1: not TOML: ");
    refuse("name = 'lab'\n\nbaze = 'vllm'", "p.toml:3: baze: no such field; the fields are name,");
    refuse("name = 'lab'\nbase = 'vllm'\nbase = 'groq'", "p.toml:3: not TOML: duplicate key");
    refuse("name = 'lab'\nbase = 7", "p.toml:2: base: not text; write it in double quotes");
    for (line, expected) in [
        ("prefill = 'yes'", "prefill: unknown value \"yes\"; write one of never, by-model,"),
        ("prefill = true", "prefill: not text"),
        ("echoes_prefill = 'yes'", "echoes_prefill: not a truth value; write true or false"),
        ("heartbeat = 'ping'", "heartbeat: not a table of one field; write heartbeat = {"),
        ("heartbeat = { name = 'x' }", "heartbeat: neither event nor data"),
        ("heartbeat = { event = '' }", "heartbeat: not a short text"),
        ("key_header = 'x key'", "key_header: not the name of a header"),
        ("headers = 'x'", "headers: not a table"),
        ("headers = { x = 1 }", "headers.x: not text"),
    ] {
        refuse(&format!("name = 'lab'\nbase = 'vllm'\n{line}"), &format!("p.toml:3: {expected}"));
    }
    let long = format!("name = 'lab'\nbase = 'vllm'\nerror_event = '{}'", "x".repeat(32));
    refuse(&long, "p.toml:3: error_event: not a short text; write 1 to 31 bytes");
    refuse(&"#".repeat(PROFILE_FILE_BYTES_MAX + 1), "p.toml:1: it is longer than 65536 bytes");
}

#[test]
fn what_the_wire_does_not_have_is_refused() {
    for (base, line, expected) in [
        ("vllm", "wire = 'gemini'", "wire: vllm speaks openai-chat; leave the wire out"),
        ("gemini", "terminal = 'last-event'", "terminal: the wire has one end only"),
        ("openai-responses", "terminal = 'stop-reason'", "terminal: the wire has one end only"),
        ("gemini", "prefill = 'trailing'", "prefill: the wire has no such form"),
        ("anthropic", "prefill = 'prefix'", "prefill: the wire has no such form"),
        ("vllm", "prefill = 'by-model'", "prefill: the wire has no such form"),
        ("openai", "echoes_prefill = true", "echoes_prefill: without prefill"),
        ("anthropic", "usage = 'stream-options'", "usage: the wire reports token counts unasked"),
        ("gemini", "token_limit = 'max_tokens'", "token_limit: the wire has one limit only"),
        ("vllm", "cursor = 'sequence'", "cursor: the wire has no such cursor"),
        ("llama-cpp", "cursor = 'offset'\nframing = 'ndjson'", "cursor: it counts by server-sent"),
        ("bedrock", "cursor = 'event-id'", "cursor: it counts by server-sent events"),
    ] {
        let text = format!("name = 'lab'\nbase = '{base}'\n{line}");
        refuse(&text, &format!("p.toml:3: {expected}"));
    }
}

#[test]
fn a_secret_is_refused_and_never_quoted() {
    for header in [
        "authorization = 's3cret'",
        "X-Api-Key = 's3cret'",
        "x-team-token = 's3cret'",
        "x-team = 'Bearer s3cret-12'",
        "x-team = 'sk-s3cret-abcdef'",
    ] {
        let text = format!("name = 'lab'\nbase = 'vllm'\n[headers]\n{header}");
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.starts_with("p.toml:4: headers.") && !error.contains("s3cret"), "{error}");
        assert!(error.contains("give a secret with --header"), "{error}");
    }
    refuse("name='l'\nbase='vllm'\nheaders={'a b'='x'}", "p.toml:3: headers.a b: not the name");
    refuse("name='l'\nbase='vllm'\nheaders={a=\"x\\ny\"}", "p.toml:3: headers.a: no header can");
}

const PAGE: &str = include_str!("../../../../../docs/profiles.md");

#[test]
fn the_example_of_the_page_is_a_profile_and_has_every_field() {
    let (_, example) = PAGE.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let custom = parse(example).unwrap();
    let expected = Profile {
        name: Label::of("lab"),
        terminal: Terminal::LastEventAlone,
        heartbeat: Heartbeat::Data(Label::of("alive")),
        error_event: Some(Label::of("fault")),
        prefill: Prefill::Prefix,
        echoes_prefill: true,
        deterministic: true,
        usage: UsageRequest::Unasked,
        token_limit: TokenLimit::MaxCompletionTokens,
        key_header: KeyHeader::Named(Label::of("x-lab-key")),
        cursor: Cursor::EventId,
        framing: Framing::Sse,
        ..Profile::VLLM
    };
    assert_eq!(custom.profile, expected);
    assert_eq!(custom.headers, [("x-team".to_owned(), "search".to_owned())]);
    let table = DeTable::parse(example).unwrap();
    for field in fields::KNOWN {
        assert!(table.get_ref().contains_key(*field), "{field}");
    }
}

#[test]
fn the_table_of_the_page_has_every_profile_with_its_wire_and_its_key() {
    for profile in Profile::all() {
        let key = match &profile.key_header {
            KeyHeader::Bearer => "Authorization",
            KeyHeader::Named(name) => name.as_str(),
        };
        let row = PAGE.lines().find(|line| line.starts_with(&format!("| `{}` |", profile.name)));
        let row = row.unwrap_or_else(|| panic!("no row of {}", profile.name));
        assert!(row.contains(&format!("| `{}` |", profile.wire)), "{row}");
        assert!(row.contains(&format!("| `{key}`")), "{row}");
        let never = row.split('|').nth(4).is_some_and(|cell| cell.trim().starts_with("none"));
        assert_eq!(never, profile.prefill == Prefill::Never, "{row}");
    }
}
