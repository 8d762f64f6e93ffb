//! Background responses: what is read again, by whom and how often.

use std::time::Duration;

use mock_provider::{CallKind, Config, Ending, Limits, Pace};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::calls::{WIRE, asks, call, follow, json, last, made, slow};
use crate::client::{End, post, start};

/// The whole events of a body, with their bytes.
fn blocks(body: &[u8]) -> Vec<Vec<u8>> {
    let mut blocks = Vec::new();
    let mut rest = body;
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\n\n") {
        blocks.push(rest[..end + 2].to_vec());
        rest = &rest[end + 2..];
    }
    blocks
}

#[tokio::test]
async fn after_every_event_the_rest_is_the_same_bytes() {
    let (mock, whole, id) = made("ok", &[], Config { tokens: 200, ..Config::default() }).await;
    let blocks = blocks(&whole.body);
    let names: Vec<_> = whole.events().into_iter().map(|event| event.name).collect();
    assert_eq!(names[..3], ["response.created", "response.queued", "response.in_progress"]);
    assert!(names.contains(&"keepalive".to_owned()), "a number without text is crossed too");
    for (number, _) in blocks.iter().enumerate() {
        let rest = follow(&mock, &id, number as u64).await;
        assert_eq!(rest.status, 200);
        assert_eq!(rest.body, blocks[number + 1..].concat(), "after {number}");
        let record = last(&mock).response.unwrap();
        let sent =
            (number + 1 < blocks.len()).then(|| (number as u64 + 1, blocks.len() as u64 - 1));
        assert_eq!((record.sequence, record.starting_after), (sent, Some(number as u64)));
    }
    let all = call(&mock, "GET", &format!("{id}?stream=true")).await;
    assert_eq!(all.body, whole.body);
    let ledger = mock.ledger();
    assert_eq!((ledger.billed("kept"), ledger.needed("kept")), (200, 200));
}

#[tokio::test]
async fn a_cut_stream_is_read_to_its_end_and_billed_once() {
    for fault in ["rst@7", "fin@7", "end@7", "utf8@7", "chunk@7", "json@7", "rst@0", "end@stop"] {
        let more = ["rst@5", "end@9", "stall@2"];
        let limits = Limits { hold_max: Duration::from_millis(50), ..Limits::default() };
        let config = Config { tokens: 60, limits, ..Config::default() };
        let (mock, first, id) = made(fault, &more, config).await;
        let mut text = String::new();
        let mut next = 0;
        let mut response = first;
        // What is not JSON ends what can be trusted.
        for _ in 0..8 {
            for event in response.events() {
                let Ok(payload) = serde_json::from_str::<Value>(&event.data) else { break };
                assert_eq!(payload["sequence_number"], next, "{fault}");
                next += 1;
                text += payload["delta"].as_str().unwrap_or("");
            }
            if response.end == End::Whole && text == mock.text_for("kept") {
                break;
            }
            response = follow(&mock, &id, next - 1).await;
        }
        assert_eq!(text, mock.text_for("kept"), "{fault}");
        assert_eq!(mock.ledger().billed("kept"), 60, "{fault}");
    }
}

#[tokio::test]
async fn generation_goes_on_without_a_reader_and_readers_follow_it_live() {
    let (mock, cut, id) = made("rst@3", &[], slow(40, 40)).await;
    assert_eq!(cut.end, End::Reset);
    let object = json(&call(&mock, "GET", &id).await);
    assert_eq!((&object["status"], &object["output"]), (&json!("in_progress"), &json!([])));
    let (one, two) = tokio::join!(follow(&mock, &id, 0), follow(&mock, &id, 7));
    assert_eq!(one.text(), mock.text_for("kept"));
    assert!(one.body.ends_with(&two.body) && one.body.len() > two.body.len());
    let object = json(&call(&mock, "GET", &id).await);
    assert_eq!(object["status"], "completed");
    assert_eq!(object["output"][0]["content"][0]["text"], mock.text_for("kept"));
    assert_eq!(object["usage"]["output_tokens"], 40);
    let ledger = mock.ledger();
    assert_eq!((ledger.billed("kept"), ledger.totals.billed_tokens), (40, 40));
    assert!(ledger.requests[1..].iter().all(|record| record.billed_tokens == 0));
    assert_eq!(ledger.requests[0].billed_tokens, 40, "also what came after the cut");
}

#[tokio::test]
async fn a_status_is_queued_until_the_first_token() {
    let mock = start(Vec::new(), slow(3, 60_000)).await;
    let mut asked = asks("slow");
    asked["stream"] = json!(false);
    let object = json(&post(mock.addr(), WIRE, &asked).await);
    assert_eq!((&object["status"], &object["background"]), (&json!("queued"), &json!(true)));
    assert_eq!(mock.ledger().totals.billed_tokens, 0);
}

#[tokio::test]
async fn a_cancelled_response_ends_where_it_is_for_every_reader() {
    let (mock, _, id) = made("rst@2", &[], slow(10_000, 3)).await;
    let path = format!("{id}/cancel");
    let mut reader = TcpStream::connect(mock.addr()).await.unwrap();
    let request = format!("GET /v1/responses/{id}?stream=true HTTP/1.1\r\n\r\n");
    reader.write_all(request.as_bytes()).await.unwrap();
    reader.read_exact(&mut [0; 3000]).await.unwrap();
    let cancelled = call(&mock, "POST", &path).await;
    assert_eq!((cancelled.status, &json(&cancelled)["status"]), (200, &json!("cancelled")));
    let mut rest = Vec::new();
    reader.read_buf(&mut rest).await.unwrap();
    while !rest.ends_with(b"0\r\n\r\n") {
        reader.read_buf(&mut rest).await.unwrap();
    }
    assert_eq!(call(&mock, "POST", &path).await.body, cancelled.body, "idempotent");
    let billed = mock.ledger().billed("kept");
    let again = call(&mock, "GET", &format!("{id}?stream=true")).await;
    assert_eq!(again.tokens().len() as u64, billed);
    assert!(billed < 10_000 && mock.text_for("kept").starts_with(&again.text()));
    assert!(!again.has_sentinel() && again.end == End::Whole);
    let rest = follow(&mock, &id, 6).await;
    assert_eq!(rest.body, blocks(&again.body)[7..].concat(), "not more than was generated");
    assert_eq!(mock.ledger().billed("kept"), billed);
    assert_eq!(last(&mock).response.unwrap().call, CallKind::Stream);
}

#[tokio::test]
async fn what_is_over_cannot_be_cancelled_any_more() {
    let (mock, _, id) = made("ok", &["404"], Config { tokens: 3, ..Config::default() }).await;
    let cancelled = call(&mock, "POST", &format!("{id}/cancel")).await;
    assert_eq!(json(&cancelled)["status"], "completed");
    assert_eq!(last(&mock).response.unwrap().call, CallKind::Cancel);
    assert_eq!(follow(&mock, &id, 0).await.status, 404, "cancelling used up no fault");
}

#[tokio::test]
async fn a_failed_generation_stays_failed_and_its_event_is_replayed() {
    for kind in ["overloaded", "timeout"] {
        let fault = format!("error@3:{kind}");
        let (mock, whole, id) = made(&fault, &[], Config { tokens: 9, ..Config::default() }).await;
        assert_eq!(whole.tokens().len(), 3);
        assert_eq!(last(&mock).ending, Ending::Cut);
        let again = call(&mock, "GET", &format!("{id}?stream=true")).await;
        assert_eq!(again.body, whole.body);
        let object = json(&call(&mock, "GET", &id).await);
        assert_eq!((&object["status"], &object["output"]), (&json!("failed"), &json!([])));
        assert!(object["error"]["code"].is_string());
        assert_eq!(mock.ledger().billed("kept"), 3);
    }
}

#[tokio::test]
async fn an_error_while_reading_ends_the_reading_alone() {
    let config = Config { tokens: 9, ..Config::default() };
    let (mock, whole, id) = made("ok", &["error@2"], config).await;
    let broken = call(&mock, "GET", &format!("{id}?stream=true")).await;
    let payloads = broken.payloads();
    let (error, before) = payloads.split_last().unwrap();
    assert_eq!((broken.tokens().len(), &error["type"]), (2, &json!("error")));
    assert_eq!(error["sequence_number"], before.last().unwrap()["sequence_number"]);
    let cursor = error["sequence_number"].as_u64().unwrap();
    let rest = follow(&mock, &id, cursor).await;
    assert!(whole.body.ends_with(&rest.body) && rest.tokens().len() == 7);
}

#[tokio::test]
async fn heartbeats_while_reading_are_no_events_of_the_response() {
    let limits = Limits { hold_max: Duration::from_millis(100), ..Limits::default() };
    let pace = Pace { heartbeat_every: Duration::from_millis(10), ..Pace::default() };
    let config = Config { tokens: 9, limits, pace, ..Config::default() };
    let (mock, whole, id) = made("pings@2", &[], config).await;
    let payloads = whole.payloads();
    let beats = payloads.iter().rev().take_while(|payload| payload["type"] == "keepalive");
    let numbers: Vec<_> = beats.map(|payload| payload["sequence_number"].as_u64()).collect();
    assert!(numbers.len() >= 2 && numbers.iter().all(|number| *number == numbers[0]));
    let rest = follow(&mock, &id, numbers[0].unwrap()).await;
    assert_eq!(rest.tokens().len(), 7);
}
