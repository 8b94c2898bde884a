//! The sections that every service has. Their defaults are the service's built-in configuration, and nowhere else.

pub mod check;
mod credential;
mod lease;
mod policy;
mod reach;
mod server;
mod tenant;
mod tunnels;
mod upstream;

pub use self::{
    credential::{CredentialConfig, CredentialKind, SecretSource, Username},
    lease::LeaseConfig,
    policy::{PolicyConfig, RuleConfig},
    reach::ReachConfig,
    server::{LogConfig, LogFormat, ServerConfig, TlsConfig},
    tenant::{LimitsConfig, RealmConfig, TenantConfig},
    tunnels::TunnelsConfig,
    upstream::UpstreamConfig,
};

#[cfg(test)]
mod tests;
