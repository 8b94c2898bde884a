//! What can be chosen at start. Nothing listens anywhere but on loopback, unless that is asked for by its name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use clap::Parser;

/// Starts jira-proxy with a demo Jira, efd-token with a demo EFD, instance-proxy with a demo instance, and a demo identity
/// provider, all on this machine.
#[derive(Parser)]
#[command(name = "playground", version)]
pub(crate) struct CommandLine {
    /// Loopback address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// Let others reach the page, the services, as in a container: the page gives a token to whoever asks
    #[arg(long)]
    pub(crate) beyond_loopback: bool,
    /// Serve all three services over https, with a certificate of an authority that is made for this run
    #[arg(long)]
    pub(crate) tls: bool,
    /// Port of jira-proxy [usual: 8080]
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Port of jira-proxy's metrics and health [usual: 8090]
    #[arg(long)]
    pub(crate) admin_port: Option<u16>,
    /// Port of efd-token [usual: 8082]
    #[arg(long)]
    pub(crate) efd_token_port: Option<u16>,
    /// Port of efd-token's metrics and health [usual: 8092]
    #[arg(long)]
    pub(crate) efd_token_admin_port: Option<u16>,
    /// Port of instance-proxy [usual: 8084]
    #[arg(long)]
    pub(crate) instance_proxy_port: Option<u16>,
    /// Port of instance-proxy's metrics and health [usual: 8094]
    #[arg(long)]
    pub(crate) instance_proxy_admin_port: Option<u16>,
    /// Port of the landing page [usual: 8070]
    #[arg(long)]
    pub(crate) page_port: Option<u16>,
    /// Port of the demo Jira [usual: any free one]
    #[arg(long)]
    pub(crate) jira_port: Option<u16>,
    /// Port of the demo EFD [usual: any free one]
    #[arg(long)]
    pub(crate) efd_port: Option<u16>,
    /// Port of the demo instance [usual: any free one]
    #[arg(long)]
    pub(crate) instance_port: Option<u16>,
    /// Port of the demo identity provider [usual: any free one]
    #[arg(long)]
    pub(crate) issuer_port: Option<u16>,
}

/// The address that `host` means, if nobody else can reach it.
pub(crate) fn loopback(host: &str) -> Result<IpAddr, String> {
    let address = match host {
        "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        _ => host.trim_start_matches('[').trim_end_matches(']').parse().ok(),
    };
    match address {
        Some(address) if address.is_loopback() => Ok(address),
        _ => Err(format!(
            "--host {host} is not a loopback address: the playground gives a token to whoever asks, so only this \
             machine may reach it. Use 127.0.0.1 or ::1, and a tunnel (ssh -L) from elsewhere; or say \
             --beyond-loopback, in a container whose ports lead to your own machine."
        )),
    }
}

/// Where callers and browsers are served: on `host`, or on every address.
pub(crate) fn public(host: IpAddr, beyond_loopback: bool) -> IpAddr {
    match host {
        _ if !beyond_loopback => host,
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_accepted() {
        for host in ["127.0.0.1", "127.3.2.1", "::1", "[::1]", "localhost"] {
            assert!(loopback(host).is_ok(), "{host}");
        }
        for host in [
            "0.0.0.0",
            "::",
            "10.0.0.1",
            "::ffff:127.0.0.1.example",
            "example.org",
            "",
            "127.0.0.1:80",
        ] {
            assert!(loopback(host).unwrap_err().contains("not a loopback address"), "{host}");
        }
    }

    #[test]
    fn it_listens_beyond_loopback_only_if_it_is_told_to() {
        let [v4, v6] = ["127.0.0.1", "::1"].map(|host| loopback(host).unwrap());
        assert_eq!([public(v4, false), public(v6, false)], [v4, v6]);
        assert_eq!(public(v4, true).to_string(), "0.0.0.0");
        assert_eq!(public(v6, true).to_string(), "::");
    }
}
