//! From an upstream's origin to bytes both ways: the name, TCP and TLS.

use std::{sync::Arc, time::Duration};

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use tokio::net::TcpStream;

use super::resolver::GuardedResolver;
use crate::upstream::Upstream;

/// Connects to the origin that it is called with.
pub(super) type Connector = HttpsConnector<HttpConnector<GuardedResolver>>;
pub(super) type Connection = MaybeHttpsStream<TokioIo<TcpStream>>;

/// A connector to `upstream`.
pub(super) fn connector(tls: &Arc<rustls::ClientConfig>, upstream: &Upstream) -> Connector {
    let resolver = GuardedResolver::new(upstream.authority.host());
    HttpsConnectorBuilder::new()
        .with_tls_config((**tls).clone())
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp(resolver, upstream.timeouts.connect))
}

/// TCP alone, to one of the addresses that `resolver` knows. Each has its share of the time: one that is silent must not use
/// up that of the others.
fn tcp<R>(resolver: R, within: Duration) -> HttpConnector<R> {
    let mut http = HttpConnector::new_with_resolver(resolver);
    http.set_nodelay(true);
    http.enforce_http(false);
    http.set_keepalive(Some(Duration::from_secs(30)));
    http.set_connect_timeout(Some(within));
    http
}

#[cfg(test)]
mod tests;
