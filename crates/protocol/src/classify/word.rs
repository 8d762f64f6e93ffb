//! The tables: what a provider's words and statuses mean.
//!
//! A specific word says more than a status (`insufficient_quota` with 429); a general one
//! (`invalid_request_error`) says less and is used only where no status is.

use super::envelope::Envelope;
use crate::failure::FailureKind;

/// By a specific word or a telling message.
pub(super) fn by_wording(envelope: &Envelope<'_>, status: Option<u16>) -> Option<FailureKind> {
    if envelope.is_of_day() {
        return Some(FailureKind::Quota);
    }
    envelope.words().find_map(|word| specific(&word)).or_else(|| by_message(envelope, status))
}

/// By a word that names a family of errors.
pub(super) fn by_general_word(envelope: &Envelope<'_>) -> Option<FailureKind> {
    envelope.words().find_map(|word| general(&word))
}

/// By the status; `None` below 300.
pub(super) fn by_status(status: u16) -> Option<FailureKind> {
    Some(match status {
        0..200 => return None,
        // A success without a stream, such as 204.
        200..300 => FailureKind::NotEventStream,
        300..400 => FailureKind::Redirect,
        401 | 403 | 407 => FailureKind::Auth,
        402 => FailureKind::Quota,
        408 | 504 | 524 => FailureKind::Timeout,
        409 => FailureKind::Conflict,
        413 => FailureKind::ContextTooLong,
        // 424: a model behind the server failed. 425: the request came too early.
        424 | 425 | 499 => FailureKind::Server,
        429 => FailureKind::RateLimited,
        // 498: no capacity in a flexible tier.
        498 | 529 => FailureKind::Overloaded,
        400..500 => FailureKind::BadRequest,
        _ => FailureKind::Server,
    })
}

fn specific(word: &str) -> Option<FailureKind> {
    Some(match word {
        "insufficient_quota"
        | "enforced_spend_limit_reached"
        | "billing_error"
        | "billing_not_active"
        | "billing_hard_limit_reached"
        | "exceeded_current_quota_error"
        | "insufficient_balance"
        | "billing_disabled"
        | "quota_exhausted" => FailureKind::Quota,
        "context_length_exceeded"
        | "exceed_context_size_error"
        | "string_above_max_length"
        | "request_too_large" => FailureKind::ContextTooLong,
        "authentication_error"
        | "permission_error"
        | "permission_denied"
        | "invalid_api_key"
        | "invalid_authentication_error"
        | "accessdeniedexception"
        | "unrecognizedclientexception"
        | "expiredtokenexception"
        | "invalidsignatureexception"
        | "incompletesignature"
        | "invalidclienttokenid"
        | "missingauthenticationtoken"
        | "notauthorized"
        // Google's, some with the status of a bad request.
        | "api_key_invalid"
        | "api_key_expired"
        | "api_key_service_blocked"
        | "api_key_http_referrer_blocked"
        | "api_key_ip_address_blocked"
        | "credentials_missing"
        | "access_token_expired"
        | "service_disabled" => FailureKind::Auth,
        "rate_limit_error"
        | "rate_limit_exceeded"
        | "rate_limit_reached_error"
        | "ramp_limit_exceeded"
        | "throttlingexception"
        | "servicequotaexceededexception"
        | "too_many_requests" => FailureKind::RateLimited,
        "overloaded_error"
        | "overloaded"
        | "engine_overloaded_error"
        | "server_is_overloaded"
        | "modelnotreadyexception"
        | "slow_down" => FailureKind::Overloaded,
        "timeout_error"
        | "gateway_timeout"
        | "deadline_exceeded"
        | "request_timeout"
        | "request_body_timeout"
        | "modeltimeoutexception"
        | "vector_store_timeout" => FailureKind::Timeout,
        // Transient although it comes with the status of a bad request.
        "compaction_unavailable"
        | "websocket_connection_limit_reached"
        | "websocket_stream_limit_reached" => FailureKind::Server,
        "conflict_error" | "thread_continue_in_flight" => FailureKind::Conflict,
        _ => return None,
    })
}

fn general(word: &str) -> Option<FailureKind> {
    Some(match word {
        "invalid_request_error"
        | "bad_request_error"
        | "badrequesterror"
        | "invalid_argument"
        | "not_found_error"
        | "notfounderror"
        | "model_not_found"
        | "content_policy_violation"
        | "content_filter"
        | "invalid_prompt"
        | "invalid_image"
        | "invalid_image_format"
        | "invalid_base64_image"
        | "invalid_image_url"
        | "invalid_image_mode"
        | "image_too_large"
        | "image_too_small"
        | "image_parse_error"
        | "image_content_policy_violation"
        | "image_file_too_large"
        | "image_file_not_found"
        | "unsupported_image_media_type"
        | "empty_image_file"
        | "unprocessable_entity"
        | "validationexception" => FailureKind::BadRequest,
        "unauthenticated" | "unauthorized" | "forbidden" => FailureKind::Auth,
        "resource_exhausted" => FailureKind::RateLimited,
        "api_error"
        | "server_error"
        | "internal"
        | "internal_error"
        | "internal_server_error"
        | "internalservererror"
        | "internalserverexception"
        | "internalfailure"
        | "modelerrorexception"
        | "modelstreamerrorexception"
        | "serviceunavailableexception"
        | "service_unavailable"
        | "failed_to_download_image"
        | "unavailable" => FailureKind::Server,
        _ => return None,
    })
}

fn by_message(envelope: &Envelope<'_>, status: Option<u16>) -> Option<FailureKind> {
    let message = envelope.message().to_ascii_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
    let of_request = matches!(status, None | Some(400 | 413 | 422 | 500));
    // A server's own "prefill" stage may fail too, but not with the status of a bad request.
    let of_prefill = matches!(status, Some(400 | 422)) && says(&["prefill"]);
    if of_prefill || of_request && says(PREFILL_PHRASES) {
        return Some(FailureKind::PrefillRefused);
    }
    if of_request && says(LENGTH_PHRASES) {
        return Some(FailureKind::ContextTooLong);
    }
    if matches!(status, None | Some(400 | 402 | 403 | 429)) && says(BALANCE_PHRASES) {
        return Some(FailureKind::Quota);
    }
    let of_server = status.is_none_or(|status| status >= 500);
    (of_server && says(&["overloaded", "over capacity"])).then_some(FailureKind::Overloaded)
}

/// What servers say about an assistant message that they are asked to continue.
const PREFILL_PHRASES: &[&str] = &[
    "assistant message prefill",
    "prefill is incompatible",
    "must end with a user message",
    "cannot end with trailing whitespace",
    "assistant messages at the end",
    "continue_final_message",
    "add_generation_prompt",
    "expected last role user",
];

const LENGTH_PHRASES: &[&str] = &[
    "prompt is too long",
    "input is too long",
    "maximum context length",
    "exceed context limit",
    "exceeds the available context",
    "context window",
];

const BALANCE_PHRASES: &[&str] =
    &["credit balance is too low", "insufficient balance", "insufficient credits"];
