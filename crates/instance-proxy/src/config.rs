//! `[[tenant]]` of instance-proxy: what is served of whose instances, and who says which are whose.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::routes::Routes;
use proxy_core::{
    config::{
        Problems, Reader, Section, Validate,
        sections::{ReachConfig, RealmConfig, check},
    },
    instances::{InstancesConfig, ListedConfig},
};
use serde_json::Value;

/// Where visa-jupyter-proxy has its file.
const ROUTES_FILE: &str = "../proxy.conf.json";

/// One tenant.
#[derive(Clone, Debug)]
pub struct TenantConfig {
    pub(crate) realm: RealmConfig,
    pub(crate) routes: Arc<Routes>,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) hidden_cookies: Vec<String>,
    pub(crate) instances: InstancesConfig,
    pub(crate) listed: Vec<ListedConfig>,
    pub(crate) upstream: ReachConfig,
    pub(crate) sessions: SessionsConfig,
}

impl Section for TenantConfig {
    fn read(value: Value, problems: &mut Problems) -> Option<Self> {
        let file = value
            .get("routes_file")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let path = if file.is_empty() { ROUTES_FILE } else { &file };
        let routes = Routes::open(Path::new(path), !file.is_empty());
        let routes = routes.map_err(|found| {
            found
                .iter()
                .for_each(|what| problems.add("routes_file", format!("names {path}, which {what}")));
        });
        let mut reader = Reader::open(value, problems)?;
        reader.optional_text("routes_file");
        let (realm, tunnels) = (RealmConfig::take_without_prefix(&mut reader), reader.section("tunnels"));
        let allowed_origins = reader.all("allowed_origins", check::origin);
        let hidden_cookies = reader.all("hidden_cookies", check::printable);
        let (instances, listed) = (reader.section("instances"), reader.list("instance"));
        let (upstream, sessions) = (reader.section("upstream"), reader.section("sessions"));
        let readable = reader.finish();
        let section = Self {
            realm: RealmConfig {
                tunnels: Some(tunnels?),
                ..realm?
            },
            routes: Arc::new(routes.ok()?),
            allowed_origins,
            hidden_cookies,
            instances: instances?,
            listed: listed?,
            upstream: upstream?,
            sessions: sessions?,
        };
        Some(section).filter(|_| readable)
    }

    fn together(key: &str, entries: &[Self], problems: &mut Problems) {
        // One tenant's prefixes may lie below one another: its first route that matches decides.
        let prefixes = |tenant: &Self| {
            let mut prefixes = tenant.routes.prefixes();
            let all = prefixes.clone();
            prefixes.retain(|prefix| !all.iter().any(|above| prefix.starts_with(&format!("{above}/"))));
            prefixes
                .into_iter()
                .map(|prefix| ("routes_file", prefix.to_owned()))
                .collect()
        };
        RealmConfig::together(key, entries, |tenant| &tenant.realm, prefixes, problems);
    }
}

impl Validate for TenantConfig {
    fn validate(&self, problems: &mut Problems) {
        if self.instances == InstancesConfig::Static && self.listed.is_empty() {
            problems.warn("instance", "is empty: there is no instance to reach");
        }
        if self.instances != InstancesConfig::Static && !self.listed.is_empty() {
            problems.add(
                "instance",
                "lists instances, which VISA does too: remove it, or set instances.kind = \"static\"",
            );
        }
    }
}

/// Where open sessions are written down.
#[derive(Clone, Debug)]
pub(crate) struct SessionsConfig {
    pub(crate) directory: PathBuf,
}

impl Section for SessionsConfig {
    fn read(value: Value, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader::open(value, problems)?;
        let directory = reader.parsed("directory", check::file);
        let readable = reader.finish();
        Some(Self { directory: directory? }).filter(|_| readable)
    }
}

impl Validate for SessionsConfig {}
