//! Where everything listens: nothing is printed before its port is taken, so that what is printed holds.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;

use anyhow::Context;

use crate::issuer::User;

/// Below which jira-proxy publishes Jira.
pub(crate) const JIRA_PREFIX: &str = "/jira-data-proxy";
/// Below which efd-token hands out leases and takes queries.
pub(crate) const EFD_PREFIX: &str = "/segwarides";
/// What efd-token calls the demo EFD.
pub(crate) const EFD_KEY: &str = "demo_efd";

/// Below which instance-proxy leads to instances.
pub(crate) const INSTANCE_PREFIX: &str = "/instance";
/// Where the landing page signs a browser in.
pub(crate) const SIGN_IN: &str = "/sign-in";
/// Which instance there is.
pub(crate) const INSTANCE_ID: &str = "42";

/// What the banner and the landing page tell.
pub(crate) struct Addresses {
    pub(crate) page: SocketAddr,
    pub(crate) jira_proxy: SocketAddr,
    pub(crate) jira_admin: SocketAddr,
    pub(crate) efd_token: SocketAddr,
    pub(crate) efd_admin: SocketAddr,
    pub(crate) instance_proxy: SocketAddr,
    pub(crate) instance_admin: SocketAddr,
    pub(crate) demo_jira: SocketAddr,
    pub(crate) demo_efd: SocketAddr,
    pub(crate) demo_instance: SocketAddr,
    pub(crate) issuer: SocketAddr,
    /// A token of the user ada.
    pub(crate) token: String,
    /// The same token, for the curl line and the Python snippet; those of others are beside it.
    pub(crate) token_file: PathBuf,
    /// Whom to trust where services speak https; without it they speak http.
    pub(crate) ca_file: Option<PathBuf>,
    /// Whether others can reach the page and the services.
    pub(crate) beyond_loopback: bool,
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
            instance_proxy: at(8084),
            instance_admin: at(8094),
            demo_jira: at(40001),
            demo_efd: at(40003),
            demo_instance: at(40004),
            issuer: at(40002),
            token: "eyJ0eXAi.eyJpc3Mi.c2lnbmF0dXJl".to_owned(),
            token_file: PathBuf::from("/tmp/nbgate-example/token"),
            ca_file: None,
            beyond_loopback: false,
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

    /// The service alone, without a slash at the end.
    pub(crate) fn instances(&self) -> String {
        format!("{}://{}{INSTANCE_PREFIX}", self.scheme(), self.instance_proxy)
    }

    /// The instance of ada as she sees it, without a slash at the end.
    pub(crate) fn instance(&self) -> String {
        format!("{}/{INSTANCE_ID}", self.instances())
    }

    /// Where a browser is signed in as ada, and led to her instance.
    pub(crate) fn sign_in(&self) -> String {
        format!("http://{}{SIGN_IN}", self.page)
    }

    /// A token of somebody who may not do all that ada may.
    pub(crate) fn token_file_of(&self, user: &User) -> PathBuf {
        self.token_file.with_file_name(token_file_name(user))
    }

    /// Of every service; the demo's own peers are in the clear.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.ca_file.is_some() { "https" } else { "http" }
    }
}

/// What the token of somebody else is called, beside ada's.
pub(crate) fn token_file_name(user: &User) -> String {
    format!("token-{}", user.name)
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
