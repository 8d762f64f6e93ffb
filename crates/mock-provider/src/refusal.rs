//! Error responses: a status, a message and the form that each wire gives them.
//! Used for invalid requests, for scripted statuses and for JSON errors with status 200.

mod google;

use crate::fault::Fault;
use crate::wire::{Wire, json_text};

/// The 400 of a model that does not go on after a final assistant message.
pub(crate) const PREFILL_REFUSED: &str = "This model does not support assistant message prefill. \
     The conversation must end with a user message.";

/// The 400 for a final assistant message that ends in white space.
pub(crate) const TRAILING_SPACE: &str =
    "messages: final assistant content cannot end with trailing whitespace";

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: u16,
    message: String,
    cause: Cause,
    /// The parameter that is at fault, and the code, on the OpenAI wires.
    fault: Option<(String, &'static str)>,
    /// What Google's `RetryInfo` says, in whatever form.
    delay: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// What the status says.
    Status,
    BadKey,
    Quota,
}

impl Refusal {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::of_status(400) }
    }

    /// A 400 that names the parameter and has a code, as the Responses wire tells it.
    pub(crate) fn invalid_parameter(
        parameter: impl Into<String>,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self { fault: Some((parameter.into(), code)), ..Self::invalid(message) }
    }

    /// The 404 of a response that is not there, or not any more.
    pub(crate) fn no_response(id: &str) -> Self {
        let message = format!("Response with id '{id}' not found.");
        Self { message, ..Self::of_status(404) }
    }

    pub(crate) fn bad_key() -> Self {
        Self {
            status: 401,
            message: "invalid API key".to_owned(),
            cause: Cause::BadKey,
            fault: None,
            delay: None,
        }
    }

    /// The 400 for a key that Google does not know.
    pub(crate) fn unknown_key() -> Self {
        let message = "API key not valid. Please pass a valid API key.";
        Self { cause: Cause::BadKey, ..Self::invalid(message) }
    }

    pub(crate) fn quota() -> Self {
        let message =
            "You exceeded your current quota, please check your plan and billing details.";
        Self { cause: Cause::Quota, message: message.to_owned(), ..Self::of_status(429) }
    }

    /// What only a WebSocket is refused with: it is too old, or does not know a response.
    pub(crate) fn of_socket(fault: &Fault) -> Self {
        match fault {
            Fault::ConnectionLimit => Self::invalid_parameter(
                "",
                "websocket_connection_limit_reached",
                "Responses websocket connection limit reached (60 minutes).",
            ),
            _ => Self::invalid_parameter(
                "previous_response_id",
                "previous_response_not_found",
                "Previous response not found.",
            ),
        }
    }

    /// The error that a provider sends with this status.
    pub(crate) fn of_status(status: u16) -> Self {
        let message = match status {
            401 => return Self::bad_key(),
            400 => "The request is not one that this model can answer.",
            404 => "Not found",
            405 => "Method not allowed",
            413 => "Request exceeds the maximum size",
            429 => "Rate limit reached for requests",
            431 => "Request header fields too large",
            503 => "The engine is currently overloaded, please try again later",
            504 => "Request timed out",
            529 => "Overloaded",
            _ => "The server had an error while processing your request.",
        };
        let message = message.to_owned();
        Self { status, message, cause: Cause::Status, fault: None, delay: None }
    }

    /// The same with the time after which to come back, in Google's words.
    pub(crate) fn with_delay(self, delay: String) -> Self {
        Self { delay: Some(delay), ..self }
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The JSON body on a wire.
    pub(crate) fn body(&self, wire: Wire, request_id: &str) -> Vec<u8> {
        let message = json_text(self.message());
        let body = match wire {
            Wire::AnthropicMessages => {
                let kind = self.messages_kind();
                let details = match self.cause {
                    Cause::Quota => r#","details":{"error_code":"enforced_spend_limit_reached"}"#,
                    Cause::Status | Cause::BadKey => "",
                };
                format!(
                    r#"{{"type":"error","error":{{"type":"{kind}","message":{message}{details}}},"request_id":"{request_id}"}}"#
                )
            }
            Wire::OpenAiChat | Wire::OpenAiResponses => {
                let (kind, code) = self.chat_kind();
                let (param, code) = match &self.fault {
                    Some((param, code)) => (json_text(param), json_text(code)),
                    None => ("null".to_owned(), code.to_owned()),
                };
                format!(
                    r#"{{"error":{{"message":{message},"type":"{kind}","param":{param},"code":{code}}}}}"#
                )
            }
            Wire::Gemini => {
                google::body(self.status, &self.message, self.reason(), self.delay.as_deref())
            }
        };
        body.into_bytes()
    }

    fn reason(&self) -> google::Reason {
        match (self.cause, self.status) {
            (Cause::BadKey, 400) => google::Reason::BadKey,
            (Cause::Quota, _) => google::Reason::Day,
            (Cause::Status | Cause::BadKey, _) => google::Reason::Status,
        }
    }

    fn messages_kind(&self) -> &'static str {
        match self.status {
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            409 => "conflict_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            504 => "timeout_error",
            503 | 529 => "overloaded_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        }
    }

    fn chat_kind(&self) -> (&'static str, &'static str) {
        match (self.cause, self.status) {
            (Cause::BadKey, _) => ("invalid_request_error", r#""invalid_api_key""#),
            (Cause::Quota, _) => ("insufficient_quota", r#""insufficient_quota""#),
            (Cause::Status, 429) => ("requests", r#""rate_limit_exceeded""#),
            (Cause::Status, 500..) => ("server_error", "null"),
            (Cause::Status, _) => ("invalid_request_error", "null"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Value, read};

    #[track_caller]
    fn check(refusal: &Refusal, messages_kind: &str, chat_kind: &str, chat_code: Option<&str>) {
        let text =
            |value: &Value, name| value.member(name).and_then(Value::as_str).map(str::to_owned);
        let body = read(&refusal.body(Wire::AnthropicMessages, "req_1")).unwrap();
        assert_eq!(text(&body, "request_id").as_deref(), Some("req_1"));
        let error = body.member("error").unwrap();
        assert_eq!(text(error, "type").as_deref(), Some(messages_kind));
        let body = read(&refusal.body(Wire::OpenAiChat, "req_1")).unwrap();
        let error = body.member("error").unwrap();
        assert_eq!(text(error, "type").as_deref(), Some(chat_kind));
        assert_eq!(text(error, "code").as_deref(), chat_code);
        assert_eq!(text(error, "message").as_deref(), Some(refusal.message()));
    }

    #[track_caller]
    fn check_google(refusal: &Refusal, code: u64, status: &str, details: &[&str]) {
        let body = read(&refusal.body(Wire::Gemini, "")).unwrap();
        let error = body.member("error").unwrap();
        assert_eq!(error.member("code").and_then(Value::as_u64), Some(code));
        assert_eq!(error.member("status").and_then(Value::as_str), Some(status));
        let given = error.member("details").and_then(Value::as_array).unwrap_or_default();
        assert_eq!(given.len(), details.len(), "{given:?}");
        for (given, expected) in given.iter().zip(details) {
            assert!(format!("{given:?}").contains(expected), "{given:?}");
        }
    }

    #[test]
    fn google_adds_details_to_a_status() {
        check_google(&Refusal::of_status(503), 503, "UNAVAILABLE", &[]);
        check_google(&Refusal::of_status(429), 429, "RESOURCE_EXHAUSTED", &["PerMinute"]);
        let told = Refusal::of_status(429).with_delay("0.250s".to_owned());
        check_google(&told, 429, "RESOURCE_EXHAUSTED", &["PerMinute", "0.250s"]);
        check_google(&Refusal::quota(), 429, "RESOURCE_EXHAUSTED", &["PerDay", "RetryInfo"]);
        check_google(&Refusal::unknown_key(), 400, "INVALID_ARGUMENT", &["API_KEY_INVALID"]);
        check_google(&Refusal::bad_key(), 401, "UNAUTHENTICATED", &[]);
    }

    #[test]
    fn each_wire_has_its_own_form() {
        let invalid = "invalid_request_error";
        check(&Refusal::invalid("a \"b\""), invalid, invalid, None);
        check(&Refusal::bad_key(), "authentication_error", invalid, Some("invalid_api_key"));
        let quota = Some("insufficient_quota");
        check(&Refusal::quota(), "rate_limit_error", "insufficient_quota", quota);
        let limited = Some("rate_limit_exceeded");
        check(&Refusal::of_status(429), "rate_limit_error", "requests", limited);
        check(&Refusal::of_status(500), "api_error", "server_error", None);
        check(&Refusal::of_status(529), "overloaded_error", "server_error", None);
        check(&Refusal::of_status(504), "timeout_error", "server_error", None);
    }
}
