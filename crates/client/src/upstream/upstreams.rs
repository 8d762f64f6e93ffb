//! All upstreams of a client: the first, and the fallbacks in their order. Each has a pool of its own,
//! because each is another account: what one refuses says nothing of the next.

use protocol::{RequestBody, Wire};
use resume::{Checkpoint, Fallback};
use std::fmt;
use std::sync::Arc;
use tokio::time::Instant;

use super::Upstream;
use crate::endpoint::Endpoint;
use crate::error::Error;

/// The upstreams of a client; there is at least one. Cloning shares them.
#[derive(Clone)]
pub(crate) struct Upstreams(Arc<[Arc<Upstream>]>);

impl Upstreams {
    /// # Errors
    ///
    /// Those of [`Upstream::new`], for a fallback of another wire, and for a model that the wire
    /// cannot name.
    pub(crate) fn new(
        endpoints: Vec<Endpoint>,
        fallbacks: Vec<Endpoint>,
        config: endpoint_pool::Config,
    ) -> Result<Self, Error> {
        for endpoint in endpoints.iter().chain(&fallbacks) {
            check_model(endpoint)?;
        }
        let first = Upstream::new(endpoints, config)?;
        let wire = first.primary().profile().wire;
        for fallback in &fallbacks {
            check_wire(fallback, wire)?;
        }
        let each = fallbacks.into_iter().map(|fallback| Upstream::new(vec![fallback], config));
        let mut all = vec![first];
        for fallback in each {
            all.push(fallback?);
        }
        // One clock, so that the instants of a stream mean the same to each.
        let epoch = Instant::now();
        all.iter_mut().for_each(|upstream| upstream.epoch = epoch);
        Ok(Self(all.into_iter().map(Arc::new).collect()))
    }

    pub(crate) fn first(&self) -> &Arc<Upstream> {
        &self.0[0]
    }

    /// The upstream of this number, as the engine counts them.
    pub(crate) fn get(&self, number: usize) -> &Arc<Upstream> {
        self.0.get(number).unwrap_or_else(|| self.first())
    }

    pub(crate) fn fallbacks(&self) -> &[Arc<Upstream>] {
        &self.0[1..]
    }

    /// Every endpoint, those of the first upstream first.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.0.iter().flat_map(|upstream| upstream.endpoints())
    }

    /// Whether an endpoint of this client is the first one at a base URL. The others there have
    /// another key, and are another account.
    pub(crate) fn is_first_at(&self, endpoint: &Endpoint, base_url: &str) -> bool {
        let first = self.endpoints().find(|endpoint| endpoint.base_url() == base_url);
        first.is_some_and(|first| std::ptr::eq(first, endpoint))
    }

    /// What the engine is told of the fallbacks.
    pub(crate) fn declared(&self) -> Vec<Fallback> {
        let told = |upstream: &Arc<Upstream>| Fallback {
            endpoint: Arc::clone(&upstream.endpoints[0].name),
            profile: *upstream.primary().profile(),
            model: upstream.primary().asked_model().cloned(),
        };
        self.fallbacks().iter().map(told).collect()
    }

    /// Whether a response began or went on at any of these servers. What a checkpoint names is
    /// only compared: requests go where the caller said.
    pub(crate) fn have_served(&self, checkpoint: &Checkpoint) -> bool {
        let origin = &checkpoint.origin().endpoint;
        let mut named = checkpoint.endpoints().iter().chain([origin]);
        named.any(|url| self.endpoints().any(|endpoint| endpoint.is_at(url)))
    }
}

impl fmt::Debug for Upstreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter()).finish()
    }
}

fn check_wire(fallback: &Endpoint, wire: Wire) -> Result<(), Error> {
    let other = fallback.profile().wire;
    if other == wire {
        return Ok(());
    }
    let url = fallback.base_url();
    Err(Error::config(format!("the fallback {url} speaks {other}, the first endpoint {wire}")))
}

fn check_model(endpoint: &Endpoint) -> Result<(), Error> {
    let Some(model) = endpoint.asked_model() else { return Ok(()) };
    let bare: &[u8] = match endpoint.profile().wire {
        Wire::AnthropicMessages | Wire::OpenAiChat => br#"{"messages":[{}]}"#,
        Wire::OpenAiResponses => br#"{"input":[{}]}"#,
        Wire::Gemini => br#"{"model":"m","contents":[{}]}"#,
    };
    let bare = RequestBody::parse(endpoint.profile().wire, bytes::Bytes::from_static(bare));
    let carries = |body: RequestBody| body.with_model(model).is_ok();
    if !model.trim().is_empty() && bare.is_ok_and(carries) {
        return Ok(());
    }
    Err(Error::config(format!(
        "no request can name the model {:?} of {}",
        model,
        endpoint.base_url()
    )))
}
