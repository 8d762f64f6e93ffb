//! A connection for the attempt that may follow, opened while the live one may be dying.

use endpoint_pool::Route;

use super::Driver;
use super::asking::Asking;
use crate::endpoint::Endpoint;

impl Driver {
    /// Opens a connection to where the response would go on, and lets no further request onto the one
    /// that it is on.
    pub(super) fn warm(&mut self, stays: bool) {
        if let Some(live) = &self.live {
            live.distrust();
        }
        if let Some(endpoint) = self.asking.likely(stays) {
            self.client.transport.warm(&endpoint.uri(""));
        }
    }
}

impl Asking {
    /// Where the next attempt would go; it is asked to go there. `None` while no endpoint answers.
    fn likely(&mut self, stays: bool) -> Option<&Endpoint> {
        let route = if stays { Route::Only(self.at) } else { Route::Avoid(self.at) };
        let endpoint = self.upstream.likely(route)?;
        self.prefers = Some(endpoint);
        Some(self.upstream.at(endpoint))
    }
}
