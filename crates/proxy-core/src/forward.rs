//! Send it on, stream it back.
//!
//! **Invariant**: what is sent is the target of a [`Permit`] and nothing else; each hop of a redirect has a permit and
//! headers of its own. A body cut short upstream ends in an aborted connection, never in a success.

mod answer;
pub mod download;
mod failure;
mod idle;
pub mod links;
mod scan;
mod trace;
pub(crate) mod upload;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_http::{Payload, RequestHead};
use actix_web::{
    HttpResponse,
    http::{Method, header::ETAG, header::LOCATION},
};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use hyper::body::Incoming;

use self::{
    download::{Download, Filters},
    failure::{Failure, request_within},
    links::Links,
    scan::Scan,
    upload::{Upload, UploadWatch},
};
use crate::{
    auth::Identity,
    credential::{Credential, CredentialSource},
    error::ProxyError,
    headers::{self, HeaderPolicy},
    limits::Slot,
    policy::Permit,
    target::Target,
    telemetry::{Record, TenantMetrics},
    transport::Transport,
    upstream::{Redirects, Upstream},
};

/// Sends permitted requests of one tenant, from one worker.
pub struct Forwarder {
    transport: Transport,
    headers: HeaderPolicy,
    metrics: Arc<TenantMetrics>,
    tenant: Arc<str>,
    user_agent: HeaderValue,
}

/// What belongs to one request beside its permit.
pub struct Exchange<'a> {
    /// Who asks.
    pub identity: &'a Identity,
    /// Where it goes.
    pub upstream: &'a Upstream,
    /// The request as it came.
    pub head: &'a RequestHead,
    /// Where the credential came from, and is to be renewed.
    pub credentials: &'a dyn CredentialSource,
    /// The public URL of the tenant, without a slash at its end: what links to the upstream become.
    pub public_base: String,
    /// What is noted of the request.
    pub record: &'a Record,
}

impl Forwarder {
    /// A forwarder of one worker.
    #[must_use]
    pub fn new(
        transport: Transport,
        headers: HeaderPolicy,
        metrics: Arc<TenantMetrics>,
        user_agent: &'static str,
    ) -> Self {
        let tenant = metrics.tenant().into();
        Self {
            transport,
            headers,
            metrics,
            tenant,
            user_agent: HeaderValue::from_static(user_agent),
        }
    }

    /// Sends `permit` with `credential`, follows redirects that `authorize` permits, and streams the answer back.
    ///
    /// # Errors
    /// What the upstream's failure, or a redirect or rejection of it, means to the caller.
    pub async fn forward(
        &self,
        mut permit: Permit,
        mut credential: Credential,
        exchange: &Exchange<'_>,
        body: Payload,
        slot: Slot,
        authorize: impl Fn(Target) -> Result<Permit, ProxyError>,
    ) -> Result<HttpResponse, ProxyError> {
        let (mut upload, watch) = upload::from_request(exchange.head, body, exchange.upstream)?;
        let replayable = matches!(exchange.head.method, Method::GET | Method::HEAD);
        let (mut hops, mut renewed) = (0, false);
        loop {
            let body = std::mem::take(&mut upload);
            let response = self
                .send(&permit, &credential, exchange, body, &watch, replayable)
                .await?;
            exchange.record.upstream_status(response.status().as_u16());
            if matches!(
                response.status(),
                StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED
            ) {
                let fresh = self.rejected(&credential, exchange, replayable && !renewed).await?;
                (credential, renewed) = (fresh, true);
                continue;
            }
            exchange.credentials.accepted(credential.generation());
            if exchange.upstream.redirects == Redirects::Follow && answer::is_redirect(response.status()) {
                hops += 1;
                let next = answer::next_hop(&permit, exchange.upstream, &response, hops, replayable)?;
                permit = authorize(next).map_err(|error| answer::refused(exchange.upstream, format!("{error:?}")))?;
                continue;
            }
            return self.respond(response, &credential, exchange, slot);
        }
    }

    /// Our own credential was rejected: a newer one, if the request may be sent again.
    async fn rejected(
        &self,
        credential: &Credential,
        exchange: &Exchange<'_>,
        again: bool,
    ) -> Result<Credential, ProxyError> {
        exchange.credentials.rejected(credential.generation());
        let renewed = if again {
            exchange.credentials.renewed(credential.generation()).await
        } else {
            None
        };
        renewed.ok_or_else(|| ProxyError::UpstreamCredentialRejected {
            upstream: exchange.upstream.name.clone(),
        })
    }

    /// One request and its response head. A connection that died while it lay idle costs a GET or HEAD one more try.
    async fn send(
        &self,
        permit: &Permit,
        credential: &Credential,
        exchange: &Exchange<'_>,
        body: Upload,
        watch: &UploadWatch,
        replayable: bool,
    ) -> Result<Response<Incoming>, ProxyError> {
        let upstream = exchange.upstream;
        let pool = self.transport.pool(
            &self.tenant,
            upstream,
            credential.generation(),
            exchange.identity.user(),
        );
        let started = Instant::now();
        let request = self.request(permit, credential, exchange, body)?;
        let limit = upstream.timeouts.response
            + if replayable {
                Duration::ZERO
            } else {
                upstream.timeouts.upload
            };
        let mut sent = request_within(&pool, request, limit, upstream).await;
        if replayable && matches!(sent, Err(Failure::Died(_))) {
            let again = self.request(permit, credential, exchange, Upload::default())?;
            sent = request_within(&pool, again, limit.saturating_sub(started.elapsed()), upstream).await;
        }
        self.metrics.upstream_seconds.observe(started.elapsed().as_secs_f64());
        let response =
            sent.map_err(|failure| watch.fault().map_or(failure.into(), |fault| fault.into_error(upstream)))?;
        answer::check(&response, upstream)?;
        Ok(response)
    }

    fn request(
        &self,
        permit: &Permit,
        credential: &Credential,
        exchange: &Exchange<'_>,
        body: Upload,
    ) -> Result<Request<Upload>, ProxyError> {
        let upstream = exchange.upstream;
        let internal = |error: http::Error| ProxyError::Internal {
            detail: error.to_string(),
        };
        let uri = Uri::builder()
            .scheme(upstream.scheme.clone())
            .authority(upstream.authority.clone())
            .path_and_query(permit.target().path_and_query())
            .build()
            .map_err(internal)?;
        let mut request = Request::builder()
            .method(exchange.head.method.as_str())
            .uri(uri)
            .body(body)
            .map_err(internal)?;
        let mut fields = headers::request_headers(&self.headers, &exchange.head.headers);
        if upstream.rewrite_links || upstream.scan_bodies {
            // Links and secrets can be found in plain text only.
            fields.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        fields.insert(header::USER_AGENT, self.user_agent.clone());
        if let Ok(id) = HeaderValue::from_str(exchange.record.request_id().as_str()) {
            fields.insert(HeaderName::from_static("x-request-id"), id);
        }
        if let Some(parent) = trace::continued(&exchange.head.headers) {
            fields.insert(HeaderName::from_static("traceparent"), parent);
        }
        credential.apply(&mut fields);
        *request.headers_mut() = fields;
        Ok(request)
    }

    fn respond(
        &self,
        response: Response<Incoming>,
        credential: &Credential,
        exchange: &Exchange<'_>,
        slot: Slot,
    ) -> Result<HttpResponse, ProxyError> {
        let upstream = exchange.upstream;
        let (parts, incoming) = response.into_parts();
        let filters = Filters {
            scan: Scan::for_response(upstream, credential, &parts.headers),
            links: Links::for_response(upstream, &parts, &exchange.public_base, &exchange.head.method)?,
        };
        let status =
            actix_web::http::StatusCode::from_u16(parts.status.as_u16()).map_err(|error| ProxyError::Internal {
                detail: error.to_string(),
            })?;
        let mut reply = HttpResponse::build(status);
        for (name, value) in headers::response_headers(&self.headers, &parts.headers) {
            reply.append_header((name, value));
        }
        if upstream.redirects == Redirects::Relay
            && let Some(location) = answer::relayed_location(upstream, &parts.headers, &exchange.public_base)
        {
            reply.insert_header((LOCATION, location));
        }
        if filters.links.is_some()
            && let Some(weak) = answer::weak_etag(&parts.headers)
        {
            reply.insert_header((ETAG, weak));
        }
        let head_only = exchange.head.method == Method::HEAD;
        let body = Download::new(incoming, &parts, head_only, filters, upstream, slot);
        Ok(reply.body(body))
    }
}

/// Refuses a body that would not be sent, by what the head says of it.
///
/// # Errors
/// `BadRequest` or `TooLarge`.
pub(crate) fn admit_body(head: &RequestHead, upstream: &Upstream) -> Result<(), ProxyError> {
    upload::from_request(head, Payload::None, upstream).map(|_| ())
}
