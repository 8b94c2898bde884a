//! What is served below one prefix. A service mounts one for each of its tenants; what every service has below a prefix
//! (`-/me`, `-/why`, `-/openapi.json`, `-/docs`, `-/problems`) is `pages`', and so is the root of the service.

use std::{future::Future, rc::Rc};

use actix_http::{Payload, RequestHead};
use actix_web::{HttpResponse, http::Method, web};
use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::{
    auth::Identity, entrance::Entrance, error::ProxyError, pages, policy::Verdict, telemetry::Record, tunnel::Upgrade,
};

/// What a service serves below one prefix, by one worker.
pub trait Site: 'static {
    /// Who is let in.
    fn entrance(&self) -> &Entrance;

    /// One request below the prefix that is not for a page.
    fn handle(
        &self,
        record: &Record,
        head: &RequestHead,
        body: Payload,
    ) -> impl Future<Output = Result<HttpResponse, ProxyError>>;

    /// What can be refused before a body is asked for (`Expect: 100-continue`): what [`Site::handle`] would say, as far as
    /// it does not need the body or the upstream.
    fn preview(&self, record: &Record, head: &RequestHead) -> impl Future<Output = Result<(), ProxyError>>;

    /// One request below the prefix that asks for WebSocket, in a handshake that is one. Not for a page.
    fn upgrade(&self, _record: &Record, _head: &RequestHead) -> impl Future<Output = Result<Upgrade, ProxyError>> {
        async { Err(no_upgrade()) }
    }

    /// What would be said to `identity`, who asks about a request of their own.
    ///
    /// # Errors
    /// `BadRequest` or `NotFound` for a target that cannot be built.
    fn explain(&self, identity: &Identity, method: &Method, target: &str) -> Result<Verdict, ProxyError>;

    /// The policy as a table, for callers who may use the service.
    fn policy_table(&self) -> String;

    /// The operations worth showing in `-/openapi.json`, as far as the policy publishes them: an OpenAPI `paths` object.
    fn operations(&self) -> Map<String, Value>;
}

/// What is said where nobody knows another protocol.
pub(crate) fn no_upgrade() -> ProxyError {
    ProxyError::BadRequest("this service does not upgrade connections".into())
}

/// A site of whatever type. Requests do not pass through here: see [`Mount::add`].
#[async_trait(?Send)]
pub(crate) trait Mount {
    fn entrance(&self) -> &Entrance;
    async fn preview(&self, record: &Record, head: &RequestHead) -> Result<(), ProxyError>;
    async fn upgrade(&self, record: &Record, head: &RequestHead) -> Result<Upgrade, ProxyError>;
    fn explain(&self, identity: &Identity, method: &Method, target: &str) -> Result<Verdict, ProxyError>;
    fn policy_table(&self) -> String;
    fn operations(&self) -> Map<String, Value>;

    /// Has `scope` hand every request to the site that nothing else in it takes.
    fn add(self: Rc<Self>, scope: actix_web::Scope) -> actix_web::Scope;
}

#[async_trait(?Send)]
impl<S: Site> Mount for S {
    fn entrance(&self) -> &Entrance {
        Site::entrance(self)
    }

    async fn preview(&self, record: &Record, head: &RequestHead) -> Result<(), ProxyError> {
        Site::preview(self, record, head).await
    }

    async fn upgrade(&self, record: &Record, head: &RequestHead) -> Result<Upgrade, ProxyError> {
        Site::upgrade(self, record, head).await
    }

    fn explain(&self, identity: &Identity, method: &Method, target: &str) -> Result<Verdict, ProxyError> {
        Site::explain(self, identity, method, target)
    }

    fn policy_table(&self) -> String {
        Site::policy_table(self)
    }

    fn operations(&self) -> Map<String, Value> {
        Site::operations(self)
    }

    fn add(self: Rc<Self>, scope: actix_web::Scope) -> actix_web::Scope {
        scope.app_data(self).default_service(web::to(pages::hand_over::<S>))
    }
}
