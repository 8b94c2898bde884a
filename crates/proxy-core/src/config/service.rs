//! The configuration of a service that has tenants, whatever a tenant is.

use std::fmt::Debug;

use super::{
    Document, Problems, Reader, Section, Validate,
    sections::{LogConfig, RealmConfig, ServerConfig, TlsConfig},
};
use crate::{
    auth::{self, IdentityConfig},
    tenant::{Kind, check_policy},
};

/// What the configuration of one service has of its own.
pub trait Tenants: Debug + 'static {
    /// One `[[tenant]]`.
    type Tenant: Section + Debug;

    /// Scopes that a Gafaelfawr token needs unless the configuration says otherwise.
    const GAFAELFAWR_SCOPES: &'static [&'static str];

    /// What policies are made of, where each tenant has one: it is checked whatever else is wrong with the tenant.
    const POLICIES: Option<Kind> = None;

    /// Whether there has to be an `[[identity]]`: not where the tenants' own platforms say who calls.
    const NEEDS_IDENTITY: bool = true;

    /// Adds what is wrong with several sections together.
    fn check(_config: &ServiceConfig<Self>, _problems: &mut Problems)
    where
        Self: Sized,
    {
    }

    /// What `tenant` has like every other one.
    fn realm(tenant: &Self::Tenant) -> &RealmConfig;

    /// The policy of `tenant` as a table.
    fn policy_table(tenant: &Self::Tenant) -> String;
}

/// The whole configuration of a service: its `config/default.toml` explains each key.
#[derive(Debug)]
pub struct ServiceConfig<S: Tenants> {
    /// Where it listens.
    pub server: ServerConfig,
    /// How it logs.
    pub log: LogConfig,
    /// Whom it trusts.
    pub tls: TlsConfig,
    /// Who calls.
    pub identity: Vec<IdentityConfig>,
    /// Who is served where.
    pub tenant: Vec<S::Tenant>,
}

impl<S: Tenants> Document for ServiceConfig<S> {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (server, log, tls) = (reader.section("server"), reader.section("log"), reader.section("tls"));
        let identity = match S::NEEDS_IDENTITY {
            true => reader.list("identity"),
            false => reader.list_if_any("identity"),
        };
        let tenant = reader.list_with("tenant", |tenant, problems| {
            if let Some(kind) = S::POLICIES {
                check_policy(tenant, &kind, problems);
            }
        });
        let mut config = Self {
            server: server?,
            log: log?,
            tls: tls?,
            identity: identity?,
            tenant: tenant?,
        };
        auth::config::apply_defaults(&mut config.identity, S::GAFAELFAWR_SCOPES);
        Some(config)
    }

    fn log(&self) -> &LogConfig {
        &self.log
    }

    fn print_policy(&self) -> String {
        let table = |tenant: &S::Tenant| {
            let RealmConfig { name, prefix, .. } = S::realm(tenant);
            format!("{name} {prefix}\n{}", S::policy_table(tenant))
        };
        self.tenant.iter().map(table).collect::<Vec<_>>().join("\n")
    }
}

/// Each section has been checked where it was read.
impl<S: Tenants> Validate for ServiceConfig<S> {
    fn validate(&self, problems: &mut Problems) {
        S::check(self, problems);
    }
}
