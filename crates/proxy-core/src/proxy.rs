//! The path of one request. Start reading here.

use std::{rc::Rc, sync::Arc};

use actix_http::{Payload, RequestHead};
use actix_web::{HttpResponse, http::Method};
use serde_json::{Map, Value};

use crate::{
    auth::{Authenticators, Identity},
    entrance::Entrance,
    error::ProxyError,
    forward::{Exchange, Forwarder},
    policy::{Permit, Verdict},
    service::Clients,
    site::Site,
    target::Target,
    telemetry::{Decision, Record},
    tenant::Tenant,
};

/// One tenant's proxy, of one worker.
pub struct Proxy {
    entrance: Entrance,
    tenant: Arc<Tenant>,
    forwarder: Forwarder,
}

impl Proxy {
    /// The proxy of one worker, with that worker's clients.
    #[must_use]
    pub fn new(authenticators: &Authenticators, tenant: &Arc<Tenant>, clients: &Clients) -> Rc<Self> {
        Rc::new(Self {
            entrance: Entrance::new(authenticators, &tenant.realm, clients),
            tenant: tenant.clone(),
            forwarder: Forwarder::new(clients.upstream.clone(), tenant.kind, tenant.realm.metrics().clone()),
        })
    }
}

impl Site for Proxy {
    fn entrance(&self) -> &Entrance {
        &self.entrance
    }

    /// One request, from the question who calls to the answer on its way back.
    ///
    /// # Errors
    /// Whatever a step says no with; nothing of a request that was refused is sent on.
    async fn handle(&self, record: &Record, head: &RequestHead, body: Payload) -> Result<HttpResponse, ProxyError> {
        let identity = self.entrance.authenticate(record, head).await?; // who calls?
        let upstream = self.tenant.upstream(); // where to?
        let target = Target::build(head, upstream)?; // asking exactly what?
        let permit = self.authorize(record, &identity, &head.method, target)?; // may they?
        let slot = self.tenant.realm.limits().enter(identity.subject()).await?; // may they now?
        let credential = self.tenant.credential.current()?; // as whom?
        let exchange = Exchange {
            identity: &identity,
            upstream,
            head,
            credentials: self.tenant.credential.as_ref(),
            public_base: self.tenant.realm.public_base(head),
            visible: None,
            record,
        };
        // Each redirect anew: what becomes of it is the upstream's doing, and not noted as the caller's.
        let authorize = |target| self.tenant.policy.authorize(&identity, &head.method, target);
        self.forwarder
            .forward(permit, credential, &exchange, body, slot, authorize)
            .await
    }

    /// What can be refused before a body is asked for (`Expect: 100-continue`).
    ///
    /// # Errors
    /// What [`Proxy::handle`] would say, as far as it does not need the upstream.
    async fn preview(&self, record: &Record, head: &RequestHead) -> Result<(), ProxyError> {
        let identity = self.entrance.authenticate(record, head).await?;
        let upstream = self.tenant.upstream();
        let target = Target::build(head, upstream)?;
        self.authorize(record, &identity, &head.method, target)?;
        crate::forward::admit_body(head, upstream, &self.tenant.kind)
    }

    fn explain(&self, identity: &Identity, method: &Method, target: &str) -> Result<Verdict, ProxyError> {
        let target = Target::of(target, &self.tenant.upstream)?;
        Ok(self.tenant.policy.judge(identity, method, &target))
    }

    fn policy_table(&self) -> String {
        self.tenant.policy.to_table()
    }

    fn operations(&self) -> Map<String, Value> {
        let described = serde_json::from_str::<Map<String, Value>>(self.tenant.kind.operations).unwrap_or_default();
        let published = described
            .into_iter()
            .filter(|(path, _)| self.tenant.policy.publishes(&example(path)));
        published.collect()
    }
}

impl Proxy {
    fn authorize(
        &self,
        record: &Record,
        identity: &Identity,
        method: &Method,
        target: Target,
    ) -> Result<Permit, ProxyError> {
        let permit = self.tenant.policy.authorize(identity, method, target);
        match &permit {
            Ok(permit) => {
                record.route(permit.rule().clone());
                record.decision(Decision::Allowed, Some(permit.rule().clone()));
            }
            Err(error) => {
                let rule = if let ProxyError::PolicyDenied { rule } = error {
                    rule.as_str()
                } else {
                    "default"
                };
                record.decision(Decision::Denied(error.problem().name), Some(rule.into()));
                self.tenant.realm.metrics().denied(rule);
            }
        }
        permit
    }
}

/// A path that an operation's template stands for.
fn example(template: &str) -> String {
    let segments = template.trim_start_matches('/').split('/');
    let filled = segments.map(|segment| if segment.starts_with('{') { "x" } else { segment });
    filled.collect::<Vec<_>>().join("/")
}
