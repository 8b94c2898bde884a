//! A service that exists for tests alone, and how to configure it.

use std::collections::HashMap;

use super::{
    Alias, Document, Environment, Problems, Reader, SecretAlias, Validate,
    sections::{LogConfig, ServerConfig, TenantConfig, TlsConfig},
};
use crate::{About, auth::IdentityConfig, bootstrap};

pub(crate) const ABOUT: About = About {
    name: "test-proxy",
    version: "1.2.3",
    description: "Exists for tests",
    repository_url: None,
    documentation_url: None,
    defaults: include_str!("tests/default.toml"),
    aliases: &[
        Alias {
            variable: "OLD_URL",
            key: "tenant[0].upstream.url",
            lead: "",
        },
        Alias {
            variable: "OLD_USER",
            key: "tenant[0].credential.username",
            lead: "",
        },
        Alias {
            variable: "OLD_PREFIX",
            key: "tenant[0].prefix",
            lead: "",
        },
        Alias {
            variable: "OLD_LEVEL",
            key: "log.level",
            lead: "",
        },
    ],
    secrets: &[SecretAlias {
        variable: "OLD_PASSWORD",
        key: "tenant[0].credential.password",
    }],
};

/// What the test service cannot do without, as the variables of the service that it replaces.
pub(crate) const REQUIRED: &[(&str, &str)] = &[
    ("OLD_URL", "https://old.example.org/"),
    ("OLD_USER", "bot"),
    ("OLD_PASSWORD", "hunter2"),
];

#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) server: ServerConfig,
    pub(crate) log: LogConfig,
    pub(crate) tls: TlsConfig,
    pub(crate) identity: Vec<IdentityConfig>,
    pub(crate) tenant: Vec<TenantConfig>,
}

impl Document for Config {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (server, log, tls) = (reader.section("server"), reader.section("log"), reader.section("tls"));
        let (identity, tenant) = (reader.list("identity"), reader.list("tenant"));
        Some(Self {
            server: server?,
            log: log?,
            tls: tls?,
            identity: identity?,
            tenant: tenant?,
        })
    }

    fn log(&self) -> &LogConfig {
        &self.log
    }

    fn print_policy(&self) -> String {
        self.tenant
            .iter()
            .map(|tenant| format!("{} {}\n", tenant.realm.name, tenant.policy.preset))
            .collect()
    }
}

impl Validate for Config {
    fn validate(&self, _problems: &mut Problems) {}
}

pub(crate) fn environment(variables: &[(&str, &str)]) -> Environment {
    let owned = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Environment::from(owned.collect::<HashMap<_, _>>())
}

/// The configuration with all that is required, and this.
pub(crate) fn configured(toml: &str, variables: &[(&str, &str)]) -> Result<Config, Problems> {
    let identity = "[[identity]]\nkind = 'gafaelfawr'\nbase_url = 'https://idp.example.org/'\n";
    bare(&format!("{toml}\n{identity}"), &[REQUIRED, variables].concat())
}

/// The configuration with this alone.
pub(crate) fn bare(toml: &str, variables: &[(&str, &str)]) -> Result<Config, Problems> {
    bootstrap::load_str(&ABOUT, toml, &environment(variables))
}

#[track_caller]
pub(crate) fn good(toml: &str, variables: &[(&str, &str)]) -> Config {
    configured(toml, variables).unwrap_or_else(|problems| panic!("{toml} {variables:?}:\n{problems}"))
}

#[track_caller]
pub(crate) fn bad(toml: &str, variables: &[(&str, &str)]) -> Problems {
    configured(toml, variables)
        .err()
        .unwrap_or_else(|| panic!("{toml} {variables:?} is accepted"))
}
