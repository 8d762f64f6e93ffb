//! The faults that take the place of an answer: closed connections, statuses, pages that are no stream.
//! Nothing of the answer is sent and nothing is billed.

use crate::connection::After;
use crate::delivery::Delivery;
use crate::fault::{Fault, RetryHint};
use crate::http::http_date;
use crate::ledger::Ending;
use crate::refusal::Refusal;
use crate::wire::Wire;

impl Delivery<'_> {
    /// Faults that take the place of the stream.
    pub(super) async fn unstreamed(&mut self, fault: &Fault) -> Option<After> {
        let page = match fault {
            Fault::CloseBeforeHead => return Some(self.broken(After::Close).await),
            Fault::ResetBeforeHead => return Some(self.broken(After::Reset).await),
            Fault::Status { status, hint } => {
                let refusal = Refusal::of_status(*status);
                let (refusal, headers) = match retry_delay(hint) {
                    Some(delay) if self.writer.wire == Wire::Gemini => {
                        (refusal.with_delay(delay), Vec::new())
                    }
                    _ => (refusal, self.hint_headers(hint)),
                };
                return Some(self.rejected(&refusal, headers).await);
            }
            Fault::QuotaExhausted => {
                return Some(self.rejected(&Refusal::quota(), Vec::new()).await);
            }
            Fault::ConnectionLimit | Fault::PreviousLost if self.responder.socket.is_websocket => {
                let refusal = Refusal::of_socket(fault);
                return Some(self.rejected(&refusal, Vec::new()).await);
            }
            Fault::HtmlBody => {
                let body = b"<!DOCTYPE html>\n<html><body><h1>502 Bad Gateway</h1></body></html>\n";
                ("text/html", body.to_vec())
            }
            Fault::JsonErrorBody => {
                let body = Refusal::of_status(500).body(self.writer.wire, "req_unknown");
                ("application/json", body)
            }
            _ => return None,
        };
        let after = self.ending(Ending::Rejected).await;
        let sent = self.responder.page(200, page.0, &page.1, Vec::new()).await;
        Some(if sent == After::Keep { after } else { sent })
    }

    async fn broken(&mut self, after: After) -> After {
        self.ending(Ending::Cut).await;
        after
    }

    pub(super) async fn rejected(
        &mut self,
        refusal: &Refusal,
        headers: Vec<(&'static str, String)>,
    ) -> After {
        let after = self.ending(Ending::Rejected).await;
        let sent = self.responder.refusal(refusal, headers).await;
        if sent == After::Keep { after } else { sent }
    }

    fn hint_headers(&self, hint: &RetryHint) -> Vec<(&'static str, String)> {
        let retry_after = |value| vec![("Retry-After", value)];
        match hint {
            RetryHint::Absent => Vec::new(),
            RetryHint::Seconds(seconds) => retry_after(seconds.to_string()),
            RetryHint::Raw(text) => retry_after(text.clone()),
            RetryHint::Millis(millis) => vec![("retry-after-ms", millis.to_string())],
            RetryHint::HttpDate(seconds) => {
                let now = self.responder.clock();
                let later = now.saturating_add(i64::try_from(*seconds).unwrap_or(i64::MAX));
                vec![("Date", http_date(now)), ("Retry-After", http_date(later))]
            }
        }
    }
}

/// The hint as Google says it, in the body; a date is said in the header there too.
fn retry_delay(hint: &RetryHint) -> Option<String> {
    match hint {
        RetryHint::Absent | RetryHint::HttpDate(_) => None,
        RetryHint::Seconds(seconds) => Some(format!("{seconds}s")),
        RetryHint::Millis(millis) => Some(format!("{}.{:03}s", millis / 1_000, millis % 1_000)),
        // Also what is no number at all, and too many of them.
        RetryHint::Raw(text) if text.parse::<f64>().is_ok() => Some(format!("{text}s")),
        RetryHint::Raw(text) => Some(text.clone()),
    }
}
