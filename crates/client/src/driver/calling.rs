//! The exchange of the live attempt. A refused key is renewed inside it, once: for the engine the
//! attempt is the one that it began.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::Full;
use resume::AttemptId;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use crate::endpoint::Endpoint;
use crate::proxy::ProxyFailure;
use crate::secret::Secret;
use crate::transport::{Arrival, Traffic, Transport, Way};

/// One attempt on the wire.
pub(super) struct Calling {
    pub(super) attempt: AttemptId,
    traffic: Traffic,
    renewal: Renewal,
}

/// What becomes of a refused key.
enum Renewal {
    /// It is told.
    None,
    /// Another one is asked for.
    Ready(Box<Letter>),
    Asking(Box<Asking>),
    /// The request went out again; its connection was reported.
    Done,
}

/// A refusal that is kept back until it is known whether there is another key.
struct Asking {
    letter: Box<Letter>,
    refusal: HeaderMap,
    // For `Sync` alone: it is never locked.
    key: Mutex<Pin<Box<dyn Future<Output = Option<Secret>> + Send>>>,
}

/// What it takes to send the request again.
struct Letter {
    endpoint: Endpoint,
    sent: Option<Secret>,
    transport: Transport,
    request: Request<Full<Bytes>>,
    way: Way,
}

impl Calling {
    pub(super) fn new(
        attempt: AttemptId,
        endpoint: &Endpoint,
        transport: &Transport,
        request: Request<Full<Bytes>>,
        way: Way,
    ) -> Self {
        let renewal = if endpoint.keys().can_be_renewed() {
            Renewal::Ready(Box::new(Letter {
                endpoint: endpoint.clone(),
                sent: endpoint.keys().current(),
                transport: transport.clone(),
                request: request.clone(),
                way: way.clone(),
            }))
        } else {
            Renewal::None
        };
        Self { attempt, traffic: transport.begin(request, way), renewal }
    }

    /// Its connection may be dead.
    pub(super) fn distrust(&self) {
        self.traffic.distrust();
    }

    /// What the proxy did, if it was the proxy that gave no connection.
    pub(super) const fn proxy_failure(&mut self) -> Option<ProxyFailure> {
        self.traffic.proxy_failure()
    }

    /// The next arrival. After `End` or `Broke` it is pending forever.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        loop {
            if matches!(self.renewal, Renewal::Asking(_))
                && let Some(refusal) = ready!(self.poll_key(cx))
            {
                return Poll::Ready(refusal);
            }
            match (ready!(self.traffic.poll(cx)), &self.renewal) {
                (Arrival::Connected, Renewal::Done) => {}
                (Arrival::Head { status, headers }, Renewal::Ready(_)) if is_refused(status) => {
                    self.ask(headers);
                }
                (arrival, _) => return Poll::Ready(arrival),
            }
        }
    }

    /// The head is kept back until it is known whether there is another key.
    fn ask(&mut self, refusal: HeaderMap) {
        self.renewal = match std::mem::replace(&mut self.renewal, Renewal::None) {
            Renewal::Ready(letter) => {
                let key = letter.endpoint.keys().clone().other_than(letter.sent.clone());
                Renewal::Asking(Box::new(Asking {
                    letter,
                    refusal,
                    key: Mutex::new(Box::pin(key)),
                }))
            }
            other => other,
        };
    }

    /// Sends the request again with the other key; the refusal, if there is none.
    fn poll_key(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arrival>> {
        let Renewal::Asking(asking) = &mut self.renewal else { return Poll::Ready(None) };
        let asked = asking.key.get_mut().unwrap_or_else(PoisonError::into_inner);
        let key = ready!(asked.as_mut().poll(cx));
        let Renewal::Asking(asking) = std::mem::replace(&mut self.renewal, Renewal::None) else {
            return Poll::Ready(None);
        };
        let Asking { letter, refusal, .. } = *asking;
        match key.and_then(|key| letter.send(&key)) {
            Some(traffic) => {
                tracing::debug!(attempt = %self.attempt, "key renewed");
                self.traffic = traffic;
                self.renewal = Renewal::Done;
                Poll::Ready(None)
            }
            None => {
                let status = StatusCode::UNAUTHORIZED.as_u16();
                Poll::Ready(Some(Arrival::Head { status, headers: refusal }))
            }
        }
    }
}

impl Letter {
    fn send(self, key: &Secret) -> Option<Traffic> {
        let mut request = self.request;
        self.endpoint.put_key(key, request.headers_mut()).ok()?;
        Some(self.transport.begin(request, self.way))
    }
}

const fn is_refused(status: u16) -> bool {
    status == StatusCode::UNAUTHORIZED.as_u16()
}
