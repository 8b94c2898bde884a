//! The path of one request. Start reading here.

use std::{rc::Rc, sync::Arc};

use actix_http::{Payload, RequestHead};
use actix_web::{HttpResponse, http::Method};

use crate::{
    auth::{Authenticators, Identity},
    client::PlatformClient,
    error::ProxyError,
    forward::{Exchange, Forwarder},
    policy::{Permit, Verdict},
    service::Clients,
    target::Target,
    telemetry::{Decision, Record},
    tenant::Tenant,
};

/// One tenant's proxy, of one worker.
pub struct Proxy {
    authenticators: Authenticators,
    platform: PlatformClient,
    tenant: Arc<Tenant>,
    forwarder: Forwarder,
}

impl Proxy {
    /// The proxy of one worker, with that worker's clients.
    #[must_use]
    pub fn new(authenticators: &Authenticators, tenant: &Arc<Tenant>, clients: &Clients) -> Rc<Self> {
        Rc::new(Self {
            authenticators: authenticators.clone(),
            platform: clients.platform.clone(),
            tenant: tenant.clone(),
            forwarder: Forwarder::new(clients.upstream.clone(), tenant.kind, tenant.metrics.clone()),
        })
    }

    /// One request, from the question who calls to the answer on its way back.
    ///
    /// # Errors
    /// Whatever a step says no with; nothing of a request that was refused is sent on.
    pub async fn handle(&self, record: &Record, head: &RequestHead, body: Payload) -> Result<HttpResponse, ProxyError> {
        let identity = self.authenticate(record, head).await?; // who calls?
        let upstream = self.tenant.upstream(); // where to?
        let target = Target::build(head, upstream)?; // asking exactly what?
        let permit = self.authorize(record, &identity, &head.method, target)?; // may they?
        let slot = self.tenant.limits.enter(identity.subject()).await?; // may they now?
        let credential = self.tenant.credential.current()?; // as whom?
        let exchange = Exchange {
            identity: &identity,
            upstream,
            head,
            credentials: self.tenant.credential.as_ref(),
            public_base: self.tenant.public_base(head),
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
    pub async fn preview(&self, record: &Record, head: &RequestHead) -> Result<(), ProxyError> {
        let identity = self.authenticate(record, head).await?;
        let upstream = self.tenant.upstream();
        let target = Target::build(head, upstream)?;
        self.authorize(record, &identity, &head.method, target)?;
        crate::forward::admit_body(head, upstream, &self.tenant.kind)
    }

    /// The caller, who may use this tenant.
    ///
    /// # Errors
    /// See [`Authenticators::authenticate`] and [`Tenant::admit`].
    pub async fn authenticate(&self, record: &Record, head: &RequestHead) -> Result<Identity, ProxyError> {
        record.tenant(&self.tenant.metrics);
        let known = self.authenticators.authenticate(head, &self.platform).await?;
        record.identity(known.identity(), known.cache());
        let admitted = known
            .admitted()
            .and_then(|identity| self.tenant.admit(&identity).map(|()| identity));
        if let Err(error) = &admitted {
            record.decision(Decision::Denied(error.problem().name), None);
        }
        admitted
    }

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
                self.tenant.metrics.denied(rule);
            }
        }
        permit
    }

    /// What would be said to `identity`, who asks about a request of their own.
    ///
    /// # Errors
    /// `BadRequest` or `NotFound` for a target that cannot be built.
    pub fn explain(&self, identity: &Identity, method: &Method, target: &str) -> Result<Verdict, ProxyError> {
        let mut head = RequestHead::default();
        head.uri = target
            .parse()
            .map_err(|_| ProxyError::BadRequest("`path` cannot be parsed as a request target".into()))?;
        let target = Target::build(&head, &self.tenant.upstream)?;
        Ok(self.tenant.policy.judge(identity, method, &target))
    }

    /// The tenant behind this proxy.
    #[must_use]
    pub fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }
}
