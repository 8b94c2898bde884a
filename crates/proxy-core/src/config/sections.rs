//! The sections that every service has. Their defaults are the service's built-in configuration, and nowhere else.

pub(crate) mod check;
mod credential;
mod policy;
mod server;
mod tenant;
mod upstream;

pub use self::{
    credential::{CredentialConfig, CredentialKind, SecretSource, Username},
    policy::{PolicyConfig, RuleConfig},
    server::{LogConfig, LogFormat, ServerConfig, TlsConfig},
    tenant::{LimitsConfig, TenantConfig},
    upstream::UpstreamConfig,
};

#[cfg(test)]
mod tests;
