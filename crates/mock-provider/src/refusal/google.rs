//! Errors as Google writes them: `google.rpc.Status` as JSON, with the details that its API adds.

use crate::wire::json_text;

/// Why a request is refused, beside its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Status,
    /// The key is none that is known; Google says that with 400.
    BadKey,
    /// What is allowed in a day is used up.
    Day,
}

/// What a day's quota that is used up has beside it: no time to wait that would help.
const MISLEADING_DELAY: &str = "34.074824224s";

/// The body of an error response.
pub(super) fn body(status: u16, message: &str, reason: Reason, delay: Option<&str>) -> String {
    let details = match reason {
        Reason::BadKey => vec![BAD_KEY.to_owned()],
        Reason::Day => vec![quota("PerDay"), retry_info(delay.unwrap_or(MISLEADING_DELAY))],
        Reason::Status if status == 429 => {
            [Some(quota("PerMinute")), delay.map(retry_info)].into_iter().flatten().collect()
        }
        Reason::Status => delay.map(retry_info).into_iter().collect(),
    };
    let details = match details.as_slice() {
        [] => String::new(),
        details => format!(r#","details": [{}]"#, details.join(",")),
    };
    let (message, name) = (json_text(message), name(status));
    format!(r#"{{"error": {{"code": {status},"message": {message},"status": "{name}"{details}}}}}"#)
}

const BAD_KEY: &str = r#"{"@type": "type.googleapis.com/google.rpc.ErrorInfo","reason": "API_KEY_INVALID","domain": "googleapis.com","metadata": {"service": "generativelanguage.googleapis.com"}}"#;

fn quota(period: &str) -> String {
    let metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests";
    format!(
        r#"{{"@type": "type.googleapis.com/google.rpc.QuotaFailure","violations": [{{"quotaMetric": "{metric}","quotaId": "GenerateRequests{period}PerProjectPerModel-FreeTier","quotaDimensions": {{"location": "global"}},"quotaValue": "10"}}]}}"#
    )
}

fn retry_info(delay: &str) -> String {
    let delay = json_text(delay);
    format!(r#"{{"@type": "type.googleapis.com/google.rpc.RetryInfo","retryDelay": {delay}}}"#)
}

/// The name of the code that stands for a status.
const fn name(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        402 | 403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        408 | 504 => "DEADLINE_EXCEEDED",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        501 => "UNIMPLEMENTED",
        503 | 529 => "UNAVAILABLE",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}
