//! The ledger as JSON, for tests that run in another process.
//! Written here only; this server never reads it back.

use crate::ledger::{Authorization, Continuation, Ending, Ledger, RequestRecord, ResponseRecord};
use crate::wire::json_text;

pub(crate) fn ledger(ledger: &Ledger) -> String {
    let requests: Vec<_> = ledger.requests.iter().map(|one| request(one, ledger)).collect();
    let outages: Vec<_> = ledger
        .outages
        .iter()
        .map(|outage| {
            let (from, lasting) = (outage.from.as_millis(), outage.lasting.as_millis());
            format!(r#"{{"from_ms":{from},"lasting_ms":{lasting}}}"#)
        })
        .collect();
    format!(
        r#"{{"totals":{},"outages":[{}],"requests":[{}]}}"#,
        totals(ledger),
        outages.join(","),
        requests.join(",")
    )
}

fn totals(ledger: &Ledger) -> String {
    let totals = &ledger.totals;
    format!(
        r#"{{"requests":{},"billed_tokens":{},"echo_tokens":{},"needed_tokens":{},"connections":{},"websockets":{},"connections_turned_away":{},"records_dropped":{}}}"#,
        totals.requests,
        totals.billed_tokens,
        totals.echo_tokens,
        totals.needed_tokens,
        totals.connections,
        totals.websockets,
        totals.connections_turned_away,
        totals.records_dropped
    )
}

fn request(record: &RequestRecord, ledger: &Ledger) -> String {
    let members = [
        ("number", record.number.to_string()),
        ("at_ms", record.at.as_millis().to_string()),
        ("ended_at_ms", or_null(record.ended_at.map(|at| at.as_millis().to_string()))),
        ("wire", json_text(record.wire.name())),
        ("path", json_text(&record.path)),
        ("model", json_text(&record.model)),
        ("prompt", json_text(&record.prompt)),
        ("idempotency_key", or_null(record.idempotency_key.as_deref().map(json_text))),
        ("authorization", json_text(authorization(record.authorization))),
        ("websocket", or_null(record.websocket.map(|number| number.to_string()))),
        ("body_bytes", record.body_bytes.to_string()),
        ("max_tokens", or_null(record.max_tokens.map(|count| count.to_string()))),
        ("fault", json_text(&record.fault.to_string())),
        ("status", record.status.to_string()),
        ("continuation", json_text(continuation(record.continuation))),
        ("partial_bytes", record.partial_bytes.to_string()),
        ("head_bytes", record.head_bytes.to_string()),
        ("billed_tokens", record.billed_tokens.to_string()),
        ("echo_tokens", record.echo_tokens.to_string()),
        ("needed_tokens", ledger.needed(&record.prompt).to_string()),
        ("text", json_text(&record.text)),
        ("ending", json_text(ending(record.ending))),
        ("prefill_trailing_space", record.flags.prefill_trailing_space.to_string()),
        ("prefill_refused", record.flags.prefill_refused.to_string()),
        ("prefill_ignored", record.flags.prefill_ignored.to_string()),
        ("unknown_prefix", record.flags.unknown_prefix.to_string()),
        ("caller_fields_kept", record.caller_fields_kept().to_string()),
        ("lost_fields", texts(&record.lost_fields)),
    ];
    let response = response(record.response.as_ref());
    let members: Vec<_> = members
        .iter()
        .chain(&response)
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// The members that only the Responses wire fills.
fn response(record: Option<&ResponseRecord>) -> [(&'static str, String); 6] {
    let number = |number: Option<u64>| or_null(number.map(|number| number.to_string()));
    let sequence = record.and_then(|record| record.sequence);
    [
        ("call", or_null(record.map(|record| json_text(record.call.name())))),
        ("response_id", or_null(record.map(|record| json_text(&record.id)))),
        ("background", or_null(record.map(|record| record.background.to_string()))),
        ("starting_after", number(record.and_then(|record| record.starting_after))),
        ("sequence_first", number(sequence.map(|(first, _)| first))),
        ("sequence_last", number(sequence.map(|(_, last)| last))),
    ]
}

fn texts(texts: &[String]) -> String {
    let texts: Vec<_> = texts.iter().map(|text| json_text(text)).collect();
    format!("[{}]", texts.join(","))
}

fn or_null(value: Option<String>) -> String {
    value.unwrap_or_else(|| "null".to_owned())
}

fn authorization(authorization: Authorization) -> &'static str {
    match authorization {
        Authorization::Absent => "absent",
        Authorization::Accepted => "accepted",
        Authorization::Rejected => "rejected",
        Authorization::Unchecked => "unchecked",
    }
}

fn continuation(continuation: Continuation) -> &'static str {
    match continuation {
        Continuation::Fresh => "fresh",
        Continuation::Prefill => "prefill",
        Continuation::Instructed => "instructed",
    }
}

fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::InProgress => "in-progress",
        Ending::Complete => "complete",
        Ending::Cut => "cut",
        Ending::Rejected => "rejected",
        Ending::ClientGone => "client-gone",
    }
}
