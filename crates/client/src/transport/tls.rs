//! TLS: ring, and Mozilla's roots unless the caller brings its own. Certificates are always
//! verified.

use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use rustls::ClientConfig;
use std::sync::Arc;

use crate::error::Error;

/// Trusts Mozilla's roots. The provider is named, because a process in which two are compiled
/// has no default.
pub(crate) fn default_config() -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Error::config("TLS versions and cipher suites do not fit"))?
        .with_webpki_roots()
        .with_no_client_auth();
    Ok(config)
}

/// `https` by TLS and `http` plainly, both for HTTP/1.1, in which tunnels and WebSockets are asked for.
pub(crate) fn connector_of_http1<T>(mut config: ClientConfig, tcp: T) -> HttpsConnector<T> {
    config.alpn_protocols.clear();
    HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp)
}

/// `https` by TLS with ALPN for HTTP/2 and HTTP/1.1, `http` as plain HTTP/1.1.
pub(crate) fn connector<T>(mut config: ClientConfig, tcp: T) -> HttpsConnector<T> {
    // The builder below sets the protocols and insists on being the only one.
    config.alpn_protocols.clear();
    HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http()
        .enable_http1()
        .enable_http2()
        .wrap_connector(tcp)
}
