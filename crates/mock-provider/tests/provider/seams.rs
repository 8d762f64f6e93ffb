//! Continuations: what follows a partial answer in every seam mode, and what is refused.

use mock_provider::{
    Config, Continuation, Fault, Mock, Prefill, PrefillSeam, RequestRecord, Seam, Wire,
};
use serde_json::{Value, json};

use crate::client::{Response, assistant, body, post, start, user};

const PROMPT: &str = "seams";
const WIRES: [Wire; 4] =
    [Wire::AnthropicMessages, Wire::OpenAiChat, Wire::OpenAiResponses, Wire::Gemini];

async fn server(config: Config) -> Mock {
    start(Vec::new(), config).await
}

/// The first half of the answer, cut where it does not end in white space, and the rest.
fn halves(mock: &Mock) -> (String, String) {
    let text = mock.text_for(PROMPT);
    let mut at = text.len() / 2;
    while !text.is_char_boundary(at) || text[..at].ends_with(char::is_whitespace) {
        at += 1;
    }
    (text[..at].to_owned(), text[at..].to_owned())
}

async fn prefill(mock: &Mock, wire: Wire, model: &str, partial: &str) -> Response {
    let mut message = assistant(partial);
    if wire == Wire::OpenAiChat {
        message["prefix"] = json!(true);
    }
    post(mock.addr(), wire, &body(model, json!([user(PROMPT), message]))).await
}

async fn instruct(mock: &Mock, wire: Wire, partial: &str, quote: &str) -> Response {
    let told = format!("I only received it up to: «{quote}». Please pick up where you left off.");
    let messages = json!([user(PROMPT), assistant(partial), user(&told)]);
    post(mock.addr(), wire, &body("claude-opus-5-5", messages)).await
}

fn last_chars(text: &str, count: usize) -> &str {
    let at = text.char_indices().rev().nth(count - 1).map_or(0, |(at, _)| at);
    &text[at..]
}

fn record(mock: &Mock) -> RequestRecord {
    mock.ledger().requests.pop().expect("a request was made")
}

#[tokio::test]
async fn prefill_goes_on_at_every_cut() {
    let mock = server(Config { tokens: 25, ..Config::default() }).await;
    let text = mock.text_for(PROMPT);
    for (at, _) in text.char_indices().skip(1) {
        let (before, after) = text.split_at(at);
        let response = prefill(&mock, WIRES[0], "claude-haiku-4-5", before).await;
        if before.ends_with(char::is_whitespace) {
            let message = "messages: final assistant content cannot end with trailing whitespace";
            assert_eq!(error(&response), (400, message.to_owned()));
            assert!(record(&mock).flags.prefill_trailing_space);
        } else {
            assert_eq!(response.text(), after);
            assert_eq!(record(&mock).continuation, Continuation::Prefill);
            assert_eq!(record(&mock).partial_bytes, at);
        }
    }
}

fn error(response: &Response) -> (u16, String) {
    let body: Value = serde_json::from_slice(&response.body).expect("an error body");
    (response.status, body["error"]["message"].as_str().expect("a message").to_owned())
}

#[tokio::test]
async fn prefill_is_refused_by_model_and_by_configuration() {
    let refusal = "This model does not support assistant message prefill. \
                   The conversation must end with a user message.";
    let refused = (400, refusal.to_owned());
    let mock = server(Config::default()).await;
    let (partial, rest) = halves(&mock);
    for (wire, accepting, refusing) in [
        (WIRES[0], "claude-sonnet-4-5", "claude-opus-4-6"),
        (WIRES[1], "mistral-large-latest", "gpt-5"),
    ] {
        assert_eq!(prefill(&mock, wire, accepting, &partial).await.text(), rest);
        assert_eq!(error(&prefill(&mock, wire, refusing, &partial).await), refused);
        assert!(record(&mock).flags.prefill_refused);
    }
    let all = server(Config { prefill: Prefill::Accept, ..Config::default() }).await;
    assert_eq!(prefill(&all, WIRES[0], "claude-opus-4-6", &partial).await.text(), rest);
    let none = server(Config { prefill: Prefill::Refuse, ..Config::default() }).await;
    assert_eq!(error(&prefill(&none, WIRES[0], "claude-haiku-4-5", &partial).await), refused);
}

#[tokio::test]
async fn a_refused_prefill_uses_up_no_fault() {
    let mock = start(vec![Fault::CloseBeforeHead], Config::default()).await;
    let (partial, _) = halves(&mock);
    assert_eq!(prefill(&mock, WIRES[0], "claude-opus-4-6", &partial).await.status, 400);
    assert_eq!(instruct(&mock, WIRES[0], &partial, "x").await.status, 0);
}

#[tokio::test]
async fn an_unmarked_assistant_message_of_a_chat_gets_another_answer() {
    let mock = server(Config::default()).await;
    let (partial, rest) = halves(&mock);
    let messages = json!([user(PROMPT), assistant(&partial)]);
    let response = post(mock.addr(), Wire::OpenAiChat, &body("gpt-5", messages)).await;
    assert_eq!(response.status, 200);
    assert_ne!(response.text(), rest);
    assert!(record(&mock).flags.prefill_ignored);
}

#[tokio::test]
async fn prefill_seams_differ_as_they_say() {
    let partial_and = |seam| async move {
        let mock = server(Config { prefill_seam: seam, ..Config::default() }).await;
        let text = mock.text_for(PROMPT);
        // The first white space that is followed by more white space or not, cut before it.
        let at = text.find(char::is_whitespace).expect("there is white space");
        let (partial, rest) = text.split_at(at);
        let response = prefill(&mock, WIRES[0], "claude-haiku-4-5", partial).await;
        (partial.to_owned(), rest.to_owned(), response.text(), record(&mock))
    };
    let (_, rest, text, _) = partial_and(PrefillSeam::Exact).await;
    assert_eq!(text, rest);
    let (partial, rest, text, record) = partial_and(PrefillSeam::Echo).await;
    assert_eq!(text, partial.clone() + &rest);
    assert_eq!((record.head_bytes, record.new_text()), (partial.len(), rest.as_str()));
    let (_, rest, text, _) = partial_and(PrefillSeam::SpaceStripped).await;
    assert_eq!(text, rest.trim_start());
    let (_, rest, text, record) = partial_and(PrefillSeam::Divergent).await;
    assert_ne!(text, rest);
    assert_eq!(record.text, text);
}

/// The text that follows, made of the quoted echo and the rest.
type Expectation = fn(&str, &str) -> String;

#[tokio::test]
async fn instructed_continuations_begin_as_their_seam_says() {
    let seams: [(Seam, Expectation); 6] = [
        (Seam::Exact, |_, rest| rest.to_owned()),
        (Seam::Echo, |echo, rest| echo.to_owned() + rest),
        (Seam::Last(7), |echo, rest| last_chars(echo, 7).to_owned() + rest),
        (Seam::SpaceAdded, |echo, rest| format!("\n{echo}{rest}")),
        (Seam::SpaceStripped, |_, rest| rest.trim_start().to_owned()),
        (Seam::Preamble, |echo, rest| {
            format!("Sure, continuing from where I left off:\n\n{echo}{rest}")
        }),
    ];
    for wire in WIRES {
        for (seam, expected) in seams {
            let mock = server(Config { seam, ..Config::default() }).await;
            let (partial, rest) = halves(&mock);
            let echo = last_chars(&partial, 20);
            let response = instruct(&mock, wire, &partial, echo).await;
            assert_eq!(response.text(), expected(echo, &rest), "{seam}");
            let record = record(&mock);
            assert_eq!(record.continuation, Continuation::Instructed);
            assert_eq!(record.text, response.text());
            if seam != Seam::SpaceStripped {
                assert_eq!(record.new_text(), rest, "{seam}");
            }
            assert!(!record.flags.unknown_prefix);
        }
    }
}

#[tokio::test]
async fn echoes_that_were_asked_for_are_billed_apart() {
    for (seam, wasted) in [(Seam::Echo, 0), (Seam::Last(60), 40), (Seam::Preamble, 42)] {
        let mock = server(Config { seam, ..Config::default() }).await;
        let (partial, rest) = halves(&mock);
        let echo = last_chars(&partial, 20);
        let response = instruct(&mock, WIRES[0], &partial, echo).await;
        let record = record(&mock);
        let tokens = response.tokens();
        let usage = response.payloads().iter().find_map(|p| p["usage"]["output_tokens"].as_u64());
        assert_eq!(usage, Some(tokens.len() as u64));
        assert_eq!(record.billed_tokens + record.echo_tokens, tokens.len() as u64);
        // The rest of the answer costs what it is; what was not asked for costs extra.
        let mut left = rest.len();
        let new = tokens.iter().rev().take_while(|token| {
            let is_new = left > 0;
            left = left.saturating_sub(token.len());
            is_new
        });
        let new = new.count() as u64;
        let extra = record.billed_tokens - new;
        assert_eq!(extra > 0, wasted > 0, "{seam}");
        assert!(extra <= wasted && record.echo_tokens <= 20 && record.echo_tokens > 0, "{seam}");
    }
}

#[tokio::test]
async fn a_restart_begins_with_the_first_byte() {
    let mock = server(Config { seam: Seam::Restart, ..Config::default() }).await;
    let (partial, _) = halves(&mock);
    let response = instruct(&mock, WIRES[1], &partial, last_chars(&partial, 5)).await;
    assert_eq!(response.text(), mock.text_for(PROMPT));
}

#[tokio::test]
async fn divergent_texts_are_remembered_and_can_be_continued() {
    for seam in [Seam::Divergent, Seam::DivergentEcho] {
        let mock = server(Config { seam, ..Config::default() }).await;
        let (partial, rest) = halves(&mock);
        let echo = last_chars(&partial, 9);
        let first = instruct(&mock, WIRES[0], &partial, echo).await.text();
        let head = if seam == Seam::DivergentEcho { echo } else { "" };
        assert!(first.starts_with(head));
        assert_ne!(&first[head.len()..], rest);
        let second = instruct(&mock, WIRES[0], &(partial.clone() + &first), "").await.text();
        assert!(!record(&mock).flags.unknown_prefix);
        assert_ne!(second, first);
    }
}

#[tokio::test]
async fn a_partial_answer_that_was_never_sent_is_flagged() {
    let mock = server(Config::default()).await;
    let response = instruct(&mock, WIRES[0], "this was never said", "never said").await;
    assert!(record(&mock).flags.unknown_prefix);
    assert!(!response.text().is_empty());
}

#[tokio::test]
async fn white_space_that_was_trimmed_comes_again() {
    let mock = server(Config::default()).await;
    let text = mock.text_for(PROMPT);
    let at = text.find(char::is_whitespace).expect("there is white space");
    let response = prefill(&mock, WIRES[0], "claude-haiku-4-5", &text[..at]).await;
    assert!(response.text().starts_with(char::is_whitespace));
    assert_eq!(response.text(), text[at..]);
}

#[tokio::test]
async fn a_whole_answer_has_nothing_left() {
    let mock = server(Config { tokens: 9, ..Config::default() }).await;
    let response = instruct(&mock, WIRES[0], &mock.text_for(PROMPT), "").await;
    assert_eq!(response.text(), "");
    assert_eq!(response.stop_reason().as_deref(), Some("end_turn"));
}
