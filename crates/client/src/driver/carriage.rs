//! Which carrier the next attempt of a stream goes over: a socket where the caller wishes it, and
//! the other one after a loss.

use resume::Rung;
use retry_policy::{Class, Sent, Verdict};

use crate::carrier::Carrier;

/// What carried the attempts of a stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Carriage {
    now: Carrier,
    /// What the last attempt was lost on.
    lost: Option<Carrier>,
}

impl Carriage {
    /// Decides for an attempt to an endpoint whose carrier is `wished`.
    ///
    /// What a provider keeps is read on over HTTP, where it is kept.
    pub(super) fn choose(&mut self, wished: Carrier, rung: Rung, serves: bool) -> Carrier {
        let is_kept = matches!(rung, Rung::Cursor | Rung::Fetch);
        let was_lost = self.lost == Some(Carrier::WebSocket);
        let is_socket = wished == Carrier::WebSocket && serves && !is_kept && !was_lost;
        self.now = if is_socket { Carrier::WebSocket } else { Carrier::Http };
        self.now
    }

    /// What carries the live attempt.
    pub(super) const fn now(&self) -> Carrier {
        self.now
    }

    /// Another attempt took the place of the live one, and went over HTTP.
    pub(super) const fn go_over_http(&mut self) {
        self.now = Carrier::Http;
    }

    /// The live attempt failed. A wish for less, in place of a response, says nothing of what carried it.
    pub(super) fn failed(&mut self, verdict: &Verdict) {
        let was_cut = matches!(verdict.sent, Sent::Streaming { .. });
        let is_of_connection = matches!(
            verdict.class,
            Class::Connect | Class::Transient | Class::Timeout | Class::Protocol
        );
        if was_cut || is_of_connection {
            self.lost = Some(self.now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Carrier::{Http, WebSocket};

    fn fail(carriage: &mut Carriage, class: Class) {
        carriage.failed(&Verdict::new(class, Sent::MaybeProcessed));
    }

    #[test]
    fn a_loss_on_a_socket_goes_on_over_http_and_a_loss_there_on_a_socket() {
        let mut carriage = Carriage::default();
        assert_eq!(carriage.choose(WebSocket, Rung::Retry, true), WebSocket);
        fail(&mut carriage, Class::Transient);
        assert_eq!(carriage.choose(WebSocket, Rung::Instruct, true), Http);
        fail(&mut carriage, Class::Timeout);
        assert_eq!(carriage.choose(WebSocket, Rung::Instruct, true), WebSocket);
    }

    #[test]
    fn a_refusal_changes_no_carrier() {
        let mut carriage = Carriage::default();
        carriage.choose(WebSocket, Rung::Retry, true);
        fail(&mut carriage, Class::Throttle);
        assert_eq!(carriage.choose(WebSocket, Rung::Retry, true), WebSocket);
        let cut = Verdict::new(Class::Throttle, Sent::Streaming { delivered: 9 });
        carriage.failed(&cut);
        assert_eq!(carriage.choose(WebSocket, Rung::Instruct, true), Http);
    }

    #[test]
    fn what_is_kept_or_not_wished_or_not_served_goes_over_http() {
        let mut carriage = Carriage::default();
        assert_eq!(carriage.choose(WebSocket, Rung::Cursor, true), Http);
        assert_eq!(carriage.choose(WebSocket, Rung::Fetch, true), Http);
        assert_eq!(carriage.choose(WebSocket, Rung::Retry, false), Http);
        assert_eq!(carriage.choose(Http, Rung::Retry, true), Http);
    }
}
