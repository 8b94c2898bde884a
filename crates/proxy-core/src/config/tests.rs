//! A service that exists for tests alone, and how to configure it.

use std::collections::HashMap;

use super::{
    Alias, Environment, Problems, SecretAlias, ServiceConfig, Tenants,
    sections::{RealmConfig, TenantConfig},
};
use crate::{About, bootstrap};

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

pub(crate) type Config = ServiceConfig<Test>;

#[derive(Debug)]
pub(crate) struct Test;

impl Tenants for Test {
    type Tenant = TenantConfig;

    const GAFAELFAWR_SCOPES: &'static [&'static str] = &[];

    fn realm(tenant: &TenantConfig) -> &RealmConfig {
        &tenant.realm
    }

    fn policy_table(tenant: &TenantConfig) -> String {
        tenant.policy.preset.clone()
    }
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
