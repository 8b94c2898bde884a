//! A site that forwards everything, upgrades too, below `/ws`; and one that upgrades nothing, below `/plain`.

use std::{
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_http::{Payload, RequestHead};
use actix_web::{HttpResponse, http::Method};
use async_trait::async_trait;
use http::HeaderName;
use proxy_core::{
    About,
    auth::{Authenticators, Identity},
    config::Problems,
    credential::{Credential, CredentialSource},
    entrance::Entrance,
    error::ProxyError,
    forward::{Exchange, Forwarder, Opening},
    headers::{HeaderPolicy, Passing},
    policy::{self, Permit, Policy, Presets, Verdict},
    realm::Realm,
    service::{Clients, Service},
    site::Site,
    target::Target,
    telemetry::{Metrics, Record},
    tenant::Kind,
    tunnel::{Close, Upgrade},
    upstream::{Paths, Reception, Redirects, Timeouts, Upstream},
};
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::config::{Config, TenantConfig};

/// What the site injects; no caller may ever see it.
pub(crate) const SECRET: &str = "c4n4ry-s3cr3t";

pub(crate) const ABOUT: About = About {
    name: "tunnels",
    version: "0.0.0",
    description: "tunnels",
    repository_url: None,
    documentation_url: None,
    defaults: include_str!("default.toml"),
    aliases: &[],
    secrets: &[],
};

const KIND: Kind = Kind {
    not_found: "not here",
    paths: Paths::Opaque,
    redirects: Redirects::Relay,
    headers: HeaderPolicy {
        request: Passing::Only(&["accept", "origin", "range"]),
        response: Passing::Only(&["content-type", "location", "retry-after"]),
        request_defaults: &[],
        sandbox: false,
    },
    presets: r#"
[[preset]]
name = "all"
[[preset.rule]]
name = "nothing-secret"
action = "deny"
paths = ["secret/**"]
[[preset.rule]]
name = "everything"
action = "allow"
methods = ["GET", "HEAD", "POST"]
paths = ["**"]
"#,
    operations: "{}",
    body_media: &[],
    reception: |status, _| Reception::by_status(status),
    extra_query: |_, _| None,
    user_agent: "tunnels",
};

/// What a test has of its site's tunnels.
#[derive(Clone)]
pub(crate) struct Strings {
    /// What ends all of them.
    pub(crate) end: watch::Receiver<Option<Close>>,
    /// How many guards there are.
    pub(crate) held: Arc<AtomicUsize>,
}

/// Something that a tunnel holds on to.
struct Held(Arc<AtomicUsize>);

impl Held {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Tunnels {
    entrance: Entrance,
    upstream: Arc<Upstream>,
    policy: Arc<Policy>,
    forwarder: Forwarder,
    strings: Strings,
}

/// Nothing becomes of what an upstream says of the credential.
struct Constant;

#[async_trait(?Send)]
impl CredentialSource for Constant {
    async fn renewed(&self, _rejected: u64) -> Option<Credential> {
        None
    }
    fn accepted(&self, _generation: u64) {}
    fn rejected(&self, _generation: u64) {}
}

impl Tunnels {
    fn permit(&self, identity: &Identity, head: &RequestHead) -> Result<Permit, ProxyError> {
        let target = Target::build(head, &self.upstream)?;
        self.policy.authorize(identity, &head.method, target)
    }

    fn credential() -> Credential {
        Credential::new(HeaderName::from_static("x-service-secret"), SECRET.into()).unwrap()
    }

    fn exchange<'a>(&'a self, identity: &'a Identity, head: &'a RequestHead, record: &'a Record) -> Exchange<'a> {
        Exchange {
            identity,
            upstream: &self.upstream,
            head,
            credentials: &Constant,
            public_base: self.entrance.realm().public_base(head),
            visible: None,
            record,
        }
    }
}

impl Site for Tunnels {
    fn entrance(&self) -> &Entrance {
        &self.entrance
    }

    async fn handle(&self, record: &Record, head: &RequestHead, body: Payload) -> Result<HttpResponse, ProxyError> {
        let identity = self.entrance.authenticate(record, head).await?;
        let permit = self.permit(&identity, head)?;
        let slot = self.entrance.realm().limits().enter(identity.subject()).await?;
        let exchange = self.exchange(&identity, head, record);
        let authorize = |target| self.policy.authorize(&identity, &head.method, target);
        self.forwarder
            .forward(permit, Self::credential(), &exchange, body, slot, authorize)
            .await
    }

    async fn upgrade(&self, record: &Record, head: &RequestHead) -> Result<Upgrade, ProxyError> {
        let identity = self.entrance.authenticate(record, head).await?;
        let permit = self.permit(&identity, head)?;
        let held = Held::new(&self.strings.held);
        let slot = self.entrance.realm().limits().enter(identity.subject()).await?;
        let exchange = self.exchange(&identity, head, record);
        assert_ne!(head.uri.path(), "/ws/panic", "as asked");
        let upgrade = self
            .forwarder
            .tunnel(permit, Self::credential(), &exchange, Opening::new(head, slot)?)
            .await?;
        let mut end = self.strings.end.clone();
        Ok(match upgrade {
            Upgrade::Answered(response) => Upgrade::Answered(response),
            Upgrade::Accepted(tunnel) => {
                let end = async move {
                    match end.wait_for(Option::is_some).await.map(|close| close.clone()) {
                        Ok(Some(close)) => close,
                        _ => std::future::pending().await,
                    }
                };
                Upgrade::Accepted(tunnel.until(std::future::pending()).until(end).holding(held))
            }
        })
    }

    async fn preview(&self, record: &Record, head: &RequestHead) -> Result<(), ProxyError> {
        self.entrance.authenticate(record, head).await.map(|_| ())
    }

    fn explain(&self, _identity: &Identity, _method: &Method, _target: &str) -> Result<Verdict, ProxyError> {
        Ok(Verdict::Unknown)
    }

    fn policy_table(&self) -> String {
        self.policy.to_table()
    }

    fn operations(&self) -> Map<String, Value> {
        Map::new()
    }
}

/// The same, but for the upgrades.
struct Plain(Tunnels);

impl Site for Plain {
    fn entrance(&self) -> &Entrance {
        self.0.entrance()
    }

    async fn handle(&self, record: &Record, head: &RequestHead, body: Payload) -> Result<HttpResponse, ProxyError> {
        self.0.handle(record, head, body).await
    }

    async fn preview(&self, record: &Record, head: &RequestHead) -> Result<(), ProxyError> {
        self.0.preview(record, head).await
    }

    fn explain(&self, identity: &Identity, method: &Method, target: &str) -> Result<Verdict, ProxyError> {
        self.0.explain(identity, method, target)
    }

    fn policy_table(&self) -> String {
        self.0.policy_table()
    }

    fn operations(&self) -> Map<String, Value> {
        self.0.operations()
    }
}

/// The service that `config` describes.
pub(crate) fn service(config: &Config, strings: &Strings) -> anyhow::Result<Service> {
    let metrics = Metrics::new(ABOUT.name, ABOUT.version);
    let authenticators = Authenticators::new(&config.identity, &metrics)?;
    let service = Service::new(ABOUT, &config.server, &config.tls, authenticators.clone(), &metrics)?;
    config.tenant.iter().try_fold(service, |service, tenant| {
        let realm = Realm::new(&tenant.realm, &config.server, &metrics);
        let policy = policy::rules(
            &tenant.policy,
            &Presets::built_in(KIND.presets),
            &mut Problems::default(),
        );
        let policy = Arc::new(Policy::new(policy, KIND.not_found));
        let upstream = Arc::new(upstream(tenant));
        let (prefix, strings) = (realm.prefix().to_owned(), strings.clone());
        let (authenticators, upgrades) = (authenticators.clone(), tenant.upgrades);
        let build = move |clients: &Clients| Tunnels {
            entrance: Entrance::new(&authenticators, &realm, clients),
            forwarder: Forwarder::new(clients.upstream.clone(), KIND, realm.metrics().clone()),
            upstream: upstream.clone(),
            policy: policy.clone(),
            strings: strings.clone(),
        };
        Ok(match upgrades {
            true => service.site(&prefix, move |clients| Rc::new(build(clients))),
            false => service.site(&prefix, move |clients| Rc::new(Plain(build(clients)))),
        })
    })
}

fn upstream(tenant: &TenantConfig) -> Upstream {
    let timeouts = Timeouts {
        connect: Duration::from_secs(5),
        response: Duration::from_secs(tenant.response_timeout_seconds),
        idle: Duration::from_secs(5),
        upload: Duration::from_secs(5),
    };
    Upstream {
        prefix: tenant.realm.prefix.clone(),
        max_request_body: 1_000,
        ..Upstream::new("Backend", &tenant.url, &KIND, timeouts).unwrap()
    }
}
