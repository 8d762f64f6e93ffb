//! One row for each payload that documentation or a bug report shows, with its source.

use cost::{Service, Usage};
use protocol::UsageFormat::{Anthropic, Gemini, OpenAiChat, OpenAiResponses};
use protocol::{ModelUsage, UsageFormat, read_usage};

#[track_caller]
fn check(format: UsageFormat, payload: &str, total: u64, expected: Usage) {
    let usage = read_usage(format, payload.as_bytes()).expect("a usage").usage;
    assert_eq!(usage, expected);
    let both = usage.input_total().and_then(|input| Ok(input + usage.output_total()?));
    assert_eq!(both, Ok(total));
}

// https://docs.anthropic.com/en/api/messages
#[test]
fn anthropic_response() {
    let payload = r#"{"id":"msg_01","type":"message","role":"assistant","model":"claude-opus-5-5",
        "content":[{"type":"text","text":"\"usage\":{\"input_tokens\":9}"}],"stop_reason":"end_turn",
        "usage":{"input_tokens":2095,"cache_creation_input_tokens":2051,"cache_read_input_tokens":2051,
            "cache_creation":{"ephemeral_5m_input_tokens":51,"ephemeral_1h_input_tokens":2000},
            "output_tokens":503,"output_tokens_details":{"thinking_tokens":300},
            "server_tool_use":{"web_search_requests":2,"web_fetch_requests":4},
            "service_tier":"standard","speed":"fast","inference_geo":"us"}}"#;
    let expected = Usage {
        input: 2_095,
        cache_read: 2_051,
        cache_write_5m: 51,
        cache_write_1h: 2_000,
        output: 503,
        output_reasoning: 300,
        web_searches: 2,
        ..Usage::default()
    };
    check(Anthropic, payload, 6_700, expected);
    let reported = read_usage(Anthropic, payload.as_bytes()).unwrap();
    assert_eq!(reported.model.as_deref(), Some("claude-opus-5-5"));
    assert_eq!(reported.region.as_deref(), Some("us"));
    assert_eq!(reported.service().unwrap_err().name, "fast");
}

// https://docs.anthropic.com/en/docs/build-with-claude/streaming
#[test]
fn anthropic_events() {
    let start = r#"{"type":"message_start","message":{"id":"msg_01","model":"claude-opus-5-5",
        "usage":{"input_tokens":25,"output_tokens":1}}}"#;
    check(Anthropic, start, 26, Usage { input: 25, output: 1, ..Usage::default() });
    let delta = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},
        "usage":{"input_tokens":10682,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,
            "output_tokens":510,"server_tool_use":{"web_search_requests":1}}}"#;
    let searched = Usage { input: 10_682, output: 510, web_searches: 1, ..Usage::default() };
    check(Anthropic, delta, 11_192, searched);
    let usage = r#"{"input_tokens":10682,"output_tokens":510,"inference_geo":"not_available",
        "server_tool_use":{"web_search_requests":1},"service_tier":"batch"}"#;
    check(Anthropic, usage, 11_192, searched);
    let reported = read_usage(Anthropic, usage.as_bytes()).unwrap();
    assert_eq!((reported.region.as_deref(), reported.model.as_deref()), (None, None));
    assert_eq!(reported.service(), Ok(Service::Batch));
    let global = read_usage(Anthropic, usage.replace("not_available", "global").as_bytes());
    assert_eq!(global.unwrap().region, None);
}

// https://platform.claude.com/docs/en/build-with-claude/compaction
#[test]
fn anthropic_compaction() {
    let payload = r#"{"usage":{"input_tokens":23000,"output_tokens":1000,"iterations":[
        {"type":"compaction","input_tokens":180000,"output_tokens":3500},
        {"type":"message","input_tokens":23000,"output_tokens":1000}]}}"#;
    let expected = Usage { input: 203_000, output: 4_500, ..Usage::default() };
    check(Anthropic, payload, 207_500, expected);
}

// https://platform.claude.com/docs/en/build-with-claude/refusals-and-fallback
#[test]
fn anthropic_fallback_to_another_model() {
    let payload = r#"{"model":"claude-fable-5","usage":{"input_tokens":412,"output_tokens":264,"iterations":[
        {"type":"message","model":"claude-fable-5","input_tokens":408,"output_tokens":0},
        {"type":"fallback_message","model":"claude-opus-5","input_tokens":412,"output_tokens":264}]}}"#;
    check(Anthropic, payload, 676, Usage { input: 412, output: 264, ..Usage::default() });
    let reported = read_usage(Anthropic, payload.as_bytes()).unwrap();
    assert_eq!(reported.model.as_deref(), Some("claude-opus-5"));
    let usage = Usage { input: 408, ..Usage::default() };
    assert_eq!(reported.others, [ModelUsage { model: "claude-fable-5".to_owned(), usage }]);
}

// https://platform.openai.com/docs/guides/prompt-caching and .../guides/audio
#[test]
fn openai_chat() {
    let payload = r#"{"id":"chatcmpl-1","object":"chat.completion","model":"gpt-audio","service_tier":"default",
        "choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,
            "prompt_tokens_details":{"cached_tokens":1920,"audio_tokens":6,"text_tokens":80,"image_tokens":0},
            "completion_tokens_details":{"reasoning_tokens":192,"audio_tokens":8,
                "accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}"#;
    let expected = Usage {
        input: 80,
        cache_read: 1_920,
        input_audio: 6,
        output: 292,
        output_reasoning: 192,
        output_audio: 8,
        ..Usage::default()
    };
    check(OpenAiChat, payload, 2_306, expected);
}

// https://platform.openai.com/docs/guides/prompt-caching, gpt-5.6 and later
#[test]
fn openai_cache_writes() {
    let usage = r#"{"input_tokens":3500,"output_tokens":20,"total_tokens":3520,
        "input_tokens_details":{"cached_tokens":100,"cache_write_tokens":3207},
        "output_tokens_details":{"reasoning_tokens":0}}"#;
    let expected = Usage {
        input: 193,
        cache_read: 100,
        cache_write_5m: 3_207,
        output: 20,
        ..Usage::default()
    };
    check(OpenAiResponses, usage, 3_520, expected);
    let chat = usage.replace("input_tokens", "prompt_tokens").replace("output", "completion");
    check(OpenAiChat, &chat, 3_520, expected);
}

// https://platform.openai.com/docs/api-reference/responses/object and .../guides/tools-web-search
#[test]
fn openai_responses() {
    let response = r#"{"id":"resp_1","object":"response","status":"completed","model":"gpt-5.4-2026-03-05",
        "service_tier":"priority","output":[
            {"type":"reasoning","summary":[]},
            {"type":"web_search_call","status":"completed","action":{"type":"search","query":"a"}},
            {"type":"web_search_call","status":"completed","action":{"type":"open_page","url":"b"}},
            {"type":"web_search_call","status":"completed"},
            {"type":"message","content":[{"type":"output_text","text":"c"}]}],
        "usage":{"input_tokens":328,"input_tokens_details":{"cached_tokens":300},
            "output_tokens":87,"output_tokens_details":{"reasoning_tokens":64},"total_tokens":415}}"#;
    let expected = Usage {
        input: 28,
        cache_read: 300,
        output: 87,
        output_reasoning: 64,
        web_searches: 2,
        ..Usage::default()
    };
    check(OpenAiResponses, response, 415, expected);
    let event =
        format!(r#"{{"type":"response.completed","sequence_number":9,"response":{response}}}"#);
    check(OpenAiResponses, &event, 415, expected);
    let reported = read_usage(OpenAiResponses, event.as_bytes()).unwrap();
    assert_eq!(reported.model.as_deref(), Some("gpt-5.4-2026-03-05"));
    assert_eq!(reported.service(), Ok(Service::Priority));
}

// https://ai.google.dev/api/generate-content#UsageMetadata; the counts are of Vertex AI
#[test]
fn gemini() {
    let payload = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"a"}]},"finishReason":"STOP"}],
        "usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":12,"totalTokenCount":1191,
            "trafficType":"ON_DEMAND","promptTokensDetails":[{"modality":"TEXT","tokenCount":8}],
            "candidatesTokensDetails":[{"modality":"TEXT","tokenCount":12}],"thoughtsTokenCount":1171},
        "modelVersion":"gemini-2.5-pro","responseId":"r"}"#;
    let expected = Usage { input: 8, output: 1_183, output_reasoning: 1_171, ..Usage::default() };
    check(Gemini, payload, 1_191, expected);
    let reported = read_usage(Gemini, payload.as_bytes()).unwrap();
    assert_eq!(reported.model.as_deref(), Some("gemini-2.5-pro"));
    assert_eq!(reported.service(), Ok(Service::Standard));
    check(Gemini, &format!(r#"{{"response":{payload}}}"#), 1_191, expected);
}

// https://ai.google.dev/gemini-api/docs/caching and .../docs/audio
#[test]
fn gemini_cached_audio_and_tools() {
    let usage = r#"{"promptTokenCount":1000,"cachedContentTokenCount":600,"toolUsePromptTokenCount":50,
        "candidatesTokenCount":80,"thoughtsTokenCount":20,"totalTokenCount":1150,
        "promptTokensDetails":[{"modality":"AUDIO","tokenCount":500},{"modality":"TEXT","tokenCount":500}],
        "cacheTokensDetails":[{"modality":"AUDIO","tokenCount":400},{"modality":"TEXT","tokenCount":200}]}"#;
    let expected = Usage {
        input: 350,
        cache_read: 600,
        input_audio: 100,
        output: 100,
        output_reasoning: 20,
        ..Usage::default()
    };
    check(Gemini, usage, 1_150, expected);
    check(
        Gemini,
        &format!(r#" [{{"candidates":[]}},{{"usageMetadata":{usage}}}]"#),
        1_150,
        expected,
    );
}

// https://api-docs.deepseek.com/api/create-chat-completion
#[test]
fn deepseek() {
    let payload = r#"{"model":"deepseek-chat","usage":{"prompt_tokens":1234,"completion_tokens":56,
        "total_tokens":1290,"prompt_cache_hit_tokens":512,"prompt_cache_miss_tokens":722,
        "completion_tokens_details":{"reasoning_tokens":40}}}"#;
    let expected =
        Usage { input: 722, cache_read: 512, output: 56, output_reasoning: 40, ..Usage::default() };
    check("deepseek".parse().unwrap(), payload, 1_290, expected);
}

// https://platform.moonshot.ai/docs/api/chat
#[test]
fn moonshot() {
    let payload = r#"{"model":"kimi-k2.6","choices":[{"index":0,"delta":{},"finish_reason":"stop",
        "usage":{"prompt_tokens":100,"completion_tokens":5,"total_tokens":105,"cached_tokens":64}}]}"#;
    let expected = Usage { input: 36, cache_read: 64, output: 5, ..Usage::default() };
    check("moonshot".parse().unwrap(), payload, 105, expected);
}

// https://console.groq.com/docs/api-reference
#[test]
fn groq() {
    let payload = r#"{"model":"gemma2-9b-it","service_tier":"on_demand",
        "choices":[{"index":0,"delta":{},"finish_reason":"stop"}],
        "x_groq":{"id":"req_1","usage":{"queue_time":0.061,"prompt_tokens":18,"prompt_time":0.0002,
            "completion_tokens":439,"completion_time":0.79,"total_tokens":457,"total_time":0.79}}}"#;
    check(OpenAiChat, payload, 457, Usage { input: 18, output: 439, ..Usage::default() });
    let reported = read_usage(OpenAiChat, payload.as_bytes()).unwrap();
    assert_eq!(reported.service(), Ok(Service::Standard));
}

// https://openrouter.ai/docs/use-cases/usage-accounting
#[test]
fn openrouter() {
    let payload = r#"{"object":"chat.completion.chunk","usage":{"completion_tokens":2,
        "completion_tokens_details":{"reasoning_tokens":0},"cost":0.95,
        "cost_details":{"upstream_inference_cost":19},"prompt_tokens":194,
        "prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":100,"audio_tokens":0},
        "total_tokens":196}}"#;
    let expected = Usage { input: 94, cache_write_5m: 100, output: 2, ..Usage::default() };
    check("openrouter".parse().unwrap(), payload, 196, expected);
}

// https://docs.mistral.ai/api and https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
#[test]
fn mistral_and_vllm() {
    let plain = r#"{"usage":{"prompt_tokens":10,"total_tokens":21,"completion_tokens":11}}"#;
    let null = r#"{"usage":{"prompt_tokens":10,"total_tokens":21,"completion_tokens":11,
        "prompt_tokens_details":null,"completion_tokens_details":null}}"#;
    for payload in [plain, null] {
        check(OpenAiChat, payload, 21, Usage { input: 10, output: 11, ..Usage::default() });
    }
}

// https://docs.x.ai/docs/guides/reasoning: reasoning is counted beside the completion
#[test]
fn xai() {
    let payload = r#"{"usage":{"prompt_tokens":32,"completion_tokens":9,"total_tokens":135,
        "prompt_tokens_details":{"text_tokens":32,"audio_tokens":0,"image_tokens":0,"cached_tokens":6},
        "completion_tokens_details":{"reasoning_tokens":94,"audio_tokens":0}}}"#;
    let expected =
        Usage { input: 26, cache_read: 6, output: 103, output_reasoning: 94, ..Usage::default() };
    check("xai".parse().unwrap(), payload, 135, expected);
}
