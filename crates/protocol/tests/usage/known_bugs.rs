//! Bugs that other calculators had, as numbers of dollars.

use cost::{Rates, Usage};
use protocol::UsageFormat::{Anthropic, Gemini, OpenAiChat};
use protocol::{UsageFormat, read_usage};

fn rates(input: &str, read: &str, five: &str, hour: &str, output: &str) -> Rates {
    let rate = |text: &str| Some(text.parse().expect("a rate"));
    Rates {
        input: rate(input),
        cache_read: rate(read),
        cache_write_5m: rate(five),
        cache_write_1h: rate(hour),
        output: rate(output),
        ..Rates::default()
    }
}

#[track_caller]
fn check(format: UsageFormat, payload: &str, rates: &Rates, dollars: &str) {
    let usage = read_usage(format, payload.as_bytes()).expect("a usage").usage;
    assert_eq!(rates.bill(&usage).expect("a price").total.to_string(), dollars);
}

// BerriAI/litellm#9812: 0.091311 in place of 0.05439 and three tokens.
#[test]
fn cache_writes_are_billed_once() {
    let usage = r#"{"input_tokens":3,"cache_creation_input_tokens":12304,"cache_read_input_tokens":0,"output_tokens":550}"#;
    let sonnet = rates("3", "0.30", "3.75", "6", "15");
    check(Anthropic, usage, &sonnet, "0.054399");
}

// BerriAI/litellm#14849: 0.7642 in place of 0.1849.
#[test]
fn cached_tokens_of_gemini_are_billed_once() {
    let pro = rates("1.25", "0.625", "1.25", "1.25", "10");
    let usage = r#"{"promptTokenCount":262960,"cachedContentTokenCount":257955,
        "candidatesTokenCount":1744,"totalTokenCount":264704}"#;
    check(Gemini, usage, &pro, "0.184918125");
}

// BerriAI/litellm#31724: a write for an hour billed as one for five minutes.
#[test]
fn writes_for_an_hour_cost_what_an_hour_costs() {
    let sonnet = rates("3", "0.30", "3.75", "6", "15");
    let split =
        r#""cache_creation":{"ephemeral_1h_input_tokens":1000,"ephemeral_5m_input_tokens":0}"#;
    let usage = format!(r#"{{"cache_creation_input_tokens":1000,{split},"output_tokens":0}}"#);
    check(Anthropic, &usage, &sonnet, "0.006");
    // Streamed, the last report has the total without the split.
    let body = format!(
        "event: message_start\ndata: {{\"type\":\"message_start\",\"message\":{{\"usage\":{usage}}}}}\n\n\
         event: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{}},\
         \"usage\":{{\"cache_creation_input_tokens\":1000,\"output_tokens\":0}}}}\n\n"
    );
    check(Anthropic, &body, &sonnet, "0.006");
}

// BerriAI/litellm#11789: cached tokens were lost when the same answer was streamed.
#[test]
fn a_streamed_answer_costs_what_a_whole_one_does() {
    let mini = rates("0.25", "0.025", "0.25", "0.25", "2");
    let usage = r#""usage":{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,"prompt_tokens_details":{"cached_tokens":1920}}"#;
    check(OpenAiChat, &format!("{{{usage}}}"), &mini, "0.0006695");
    let body = format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"a\"}}}}],\"usage\":null}}\n\n\
         data: {{\"choices\":[],{usage}}}\n\ndata: [DONE]\n\n"
    );
    check(OpenAiChat, &body, &mini, "0.0006695");
}

// Reasoning is reported beside the output and is part of it.
#[test]
fn reasoning_is_billed_once() {
    let five = rates("1.25", "0.125", "1.25", "1.25", "10");
    let usage = r#"{"prompt_tokens":0,"completion_tokens":300,"total_tokens":300,
        "completion_tokens_details":{"reasoning_tokens":192}}"#;
    check(OpenAiChat, usage, &five, "0.003");
    let reported = read_usage(OpenAiChat, usage.as_bytes()).unwrap();
    let expected = Usage { output: 300, output_reasoning: 192, ..Usage::default() };
    assert_eq!(reported.usage, expected);
}
