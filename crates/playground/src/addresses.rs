//! Where everything listens: nothing is printed before its port is taken, so that what is printed holds.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;

use anyhow::Context;

/// Below which jira-proxy publishes Jira.
pub(crate) const JIRA_PREFIX: &str = "/jira-data-proxy";
/// Below which efd-token hands out leases and takes queries.
pub(crate) const EFD_PREFIX: &str = "/segwarides";
/// What efd-token calls the demo EFD.
pub(crate) const EFD_KEY: &str = "demo_efd";

/// What the banner and the landing page tell.
pub(crate) struct Addresses {
    pub(crate) page: SocketAddr,
    pub(crate) jira_proxy: SocketAddr,
    pub(crate) jira_admin: SocketAddr,
    pub(crate) efd_token: SocketAddr,
    pub(crate) efd_admin: SocketAddr,
    pub(crate) demo_jira: SocketAddr,
    pub(crate) demo_efd: SocketAddr,
    pub(crate) issuer: SocketAddr,
    /// A token of the user ada.
    pub(crate) token: String,
    /// The same token, for the curl line and the Python snippet.
    pub(crate) token_file: PathBuf,
    /// Whom to trust where services speak https; without it they speak http.
    pub(crate) ca_file: Option<PathBuf>,
}

#[cfg(test)]
impl Addresses {
    /// Different ports, so that a test notices when one is taken for another.
    pub(crate) fn example() -> Self {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            page: at(8070),
            jira_proxy: at(8080),
            jira_admin: at(8090),
            efd_token: at(8082),
            efd_admin: at(8092),
            demo_jira: at(40001),
            demo_efd: at(40003),
            issuer: at(40002),
            token: "eyJ0eXAi.eyJpc3Mi.c2lnbmF0dXJl".to_owned(),
            token_file: PathBuf::from("/tmp/nbgate-example/token"),
            ca_file: None,
        }
    }

    pub(crate) fn example_with_tls() -> Self {
        Self {
            ca_file: Some(PathBuf::from("/tmp/nbgate-example/ca.pem")),
            ..Self::example()
        }
    }
}

impl Addresses {
    /// Jira as a notebook sees it, without a slash at the end.
    pub(crate) fn jira(&self) -> String {
        format!("{}://{}{JIRA_PREFIX}", self.scheme(), self.jira_proxy)
    }

    /// Where a notebook fetches leases, without a slash at the end.
    pub(crate) fn efd(&self) -> String {
        format!("{}://{}{EFD_PREFIX}", self.scheme(), self.efd_token)
    }

    /// Where queries go, with a lease or a token.
    pub(crate) fn efd_query(&self) -> String {
        format!("{}/efd/{EFD_KEY}/query", self.efd())
    }

    /// Of every service; the demo's own peers are in the clear.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.ca_file.is_some() { "https" } else { "http" }
    }
}

/// A listener on the port that was asked for, else on the usual one, else on any free one.
pub(crate) fn listen(host: IpAddr, asked: Option<u16>, usual: u16) -> anyhow::Result<TcpListener> {
    let bind = |port| TcpListener::bind((host, port));
    match asked {
        Some(port) => bind(port).with_context(|| format!("cannot listen on {}", SocketAddr::new(host, port))),
        None => bind(usual)
            .or_else(|_| bind(0))
            .with_context(|| format!("cannot listen on {host}")),
    }
}

/// The port to give to a server that binds it itself: the one that was asked for, else the usual one, else 0, which takes
/// any free one.
pub(crate) fn port_to_take(host: IpAddr, asked: Option<u16>, usual: u16) -> u16 {
    asked.unwrap_or_else(|| match TcpListener::bind((host, usual)) {
        Ok(_) => usual,
        Err(_) => 0,
    })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn a_usual_port_that_is_taken_is_replaced() {
        let taken = listen(HOST, None, 0).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_ne!(listen(HOST, None, port).unwrap().local_addr().unwrap().port(), port);
        assert_eq!(port_to_take(HOST, None, port), 0);
    }

    #[test]
    fn a_port_that_was_asked_for_is_not_replaced() {
        let taken = listen(HOST, None, 0).unwrap();
        let address = taken.local_addr().unwrap();
        let error = listen(HOST, Some(address.port()), 0).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot listen on {address}"));
        assert_eq!(port_to_take(HOST, Some(address.port()), 0), address.port());
    }
}
