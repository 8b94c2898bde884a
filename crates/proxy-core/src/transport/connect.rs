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
    let mut http = HttpConnector::new_with_resolver(GuardedResolver::new(upstream.authority.host()));
    http.set_nodelay(true);
    http.enforce_http(false);
    http.set_keepalive(Some(Duration::from_secs(30)));
    HttpsConnectorBuilder::new()
        .with_tls_config((**tls).clone())
        .https_or_http()
        .enable_http1()
        .wrap_connector(http)
}
