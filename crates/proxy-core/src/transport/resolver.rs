//! Names are resolved by the system, but an answer may not lead where a name of the internet cannot lead.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
};

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower_service::Service;

use crate::config::sections::check::is_loopback_host;

/// Refuses loopback, link-local (cloud metadata among them), unspecified and multicast addresses for a name, unless that
/// name is `localhost`. An address written in the configuration is not resolved, so it is not refused.
#[derive(Clone)]
pub(crate) struct GuardedResolver {
    system: GaiResolver,
    local: bool,
}

impl GuardedResolver {
    pub(super) fn new(host: &str) -> Self {
        Self {
            system: GaiResolver::new(),
            local: is_loopback_host(host),
        }
    }
}

impl Service<Name> for GuardedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.system.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let addresses = self.system.call(name);
        let local = self.local;
        Box::pin(async move {
            let usable: Vec<SocketAddr> = addresses
                .await?
                .filter(|address| local || leads_out(address.ip()))
                .collect();
            if usable.is_empty() {
                return Err(io::Error::other(
                    "the name resolves to no address that may be connected to",
                ));
            }
            Ok(usable.into_iter())
        })
    }
}

pub(crate) fn leads_out(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            !(v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast())
        }
        IpAddr::V6(v6) => {
            // AWS serves instance metadata at this unique local address too.
            let metadata = v6.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254];
            !(v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified() || v6.is_multicast() || metadata)
        }
    }
}

#[cfg(test)]
mod tests;
