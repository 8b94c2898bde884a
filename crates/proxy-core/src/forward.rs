//! Send it on, stream it back.
//!
//! **Invariant**: what is sent is the target of a [`Permit`] and nothing else; each hop of a redirect has a permit and
//! headers of its own. A body cut short upstream ends in an aborted connection, never in a success.

mod answer;
pub mod download;
mod failure;
#[cfg(fuzzing)]
pub mod fuzzing;
mod idle;
pub mod links;
mod outgoing;
mod scan;
mod trace;
mod tunnel;
pub(crate) mod upload;

use std::{sync::Arc, time::Duration};

use actix_http::{Payload, RequestHead};
use actix_web::{HttpResponse, http::Method};
use http::Response;
use tokio::time::Instant;

use self::{
    download::{Download, Filters, Source},
    failure::{Failure, request_until},
    links::Links,
    scan::Scan,
    upload::{Upload, UploadWatch},
};
pub use self::{tunnel::Opening, upload::collect};
use crate::{
    auth::Identity,
    credential::{Credential, CredentialSource},
    error::ProxyError,
    headers::visible::Visible,
    limits::Slot,
    policy::Permit,
    target::Target,
    telemetry::{Record, TenantMetrics},
    tenant::Kind,
    transport::{AnswerBody, Transport},
    upstream::{Reception, Redirects, Upstream},
};

/// Sends permitted requests of one tenant, from one worker.
pub struct Forwarder {
    transport: Transport,
    kind: Kind,
    metrics: Arc<TenantMetrics>,
    tenant: Arc<str>,
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
    /// For an upstream that sees its callers: nearly all of their headers pass, instead of what the service's kind lists.
    pub visible: Option<Visible<'a>>,
    /// What is noted of the request.
    pub record: &'a Record,
}

/// What is sent next, and what has been tried for it already.
struct Sending {
    permit: Permit,
    credential: Credential,
    hops: usize,
    renewed: bool,
    /// Without `Range`: a part of a JSON document cannot be rewritten.
    whole: bool,
}

/// What an answer asks for.
enum Step {
    Answer,
    Redirect,
    /// Our own credential was not taken.
    Rejected,
    /// Our own credential was taken, and is not enough for this.
    NotEnough,
    /// The whole instead of a part.
    Whole,
}

impl Forwarder {
    /// A forwarder of one worker.
    #[must_use]
    pub fn new(transport: Transport, kind: Kind, metrics: Arc<TenantMetrics>) -> Self {
        let tenant = metrics.tenant().into();
        Self {
            transport,
            kind,
            metrics,
            tenant,
        }
    }

    /// Sends `permit` with `credential`, follows redirects that `authorize` permits, and streams the answer back.
    ///
    /// # Errors
    /// What the upstream's failure, or a redirect or rejection of it, means to the caller.
    pub async fn forward(
        &self,
        permit: Permit,
        credential: Credential,
        exchange: &Exchange<'_>,
        body: Payload,
        slot: Slot,
        authorize: impl Fn(Target) -> Result<Permit, ProxyError>,
    ) -> Result<HttpResponse, ProxyError> {
        let (mut upload, watch) = match permit.target().as_form() {
            Some(_) => Default::default(), // the caller's body has been read
            None => upload::from_request(exchange.head, body, exchange.upstream, &self.kind)?,
        };
        let replayable = is_replayable(exchange.head, &permit);
        let mut sending = Sending {
            permit,
            credential,
            hops: 0,
            renewed: false,
            whole: false,
        };
        loop {
            let body = std::mem::take(&mut upload);
            let response = self.send(&sending, exchange, body, &watch).await?;
            match self.step(&response, &sending, exchange) {
                Step::Answer => return self.respond(response, &sending.credential, exchange, slot),
                Step::Whole => sending.whole = true,
                Step::NotEnough => return Err(answer::not_enough(exchange.upstream)),
                Step::Rejected => {
                    let again = replayable && !sending.renewed;
                    sending.credential = self.renewed(&sending.credential, exchange, again).await?;
                    sending.renewed = true;
                }
                Step::Redirect => {
                    sending.hops += 1;
                    let follows = replayable && sending.permit.target().as_form().is_none();
                    let next = answer::next_hop(&sending.permit, exchange.upstream, &response, sending.hops, follows)?;
                    let permit = authorize(next); // what is judged anew is what is sent next
                    sending.permit =
                        permit.map_err(|error| answer::refused(exchange.upstream, format!("{error:?}")))?;
                }
            }
        }
    }

    /// What `response` asks for; what it says of the credential is passed on to where that came from.
    fn step(&self, response: &Response<AnswerBody>, sending: &Sending, exchange: &Exchange<'_>) -> Step {
        let (status, generation) = (response.status(), sending.credential.generation());
        let reception = (self.kind.reception)(status, response.headers());
        match reception {
            Reception::Accepted => exchange.credentials.accepted(generation),
            Reception::Rejected => exchange.credentials.rejected(generation),
            Reception::Unsaid => {}
        }
        if reception == Reception::Rejected {
            Step::Rejected
        } else if matches!(status.as_u16(), 401 | 407) && !sending.credential.is_none() {
            Step::NotEnough
        } else if exchange.upstream.redirects == Redirects::Follow && answer::is_redirect(status) {
            Step::Redirect
        } else if !sending.whole
            && is_replayable(exchange.head, &sending.permit)
            && links::is_part(exchange.upstream, response)
        {
            Step::Whole
        } else {
            Step::Answer
        }
    }

    /// Our own credential was rejected: a newer one, if the request may be sent again.
    async fn renewed(
        &self,
        rejected: &Credential,
        exchange: &Exchange<'_>,
        again: bool,
    ) -> Result<Credential, ProxyError> {
        let renewed = if again {
            exchange.credentials.renewed(rejected.generation()).await
        } else {
            None
        };
        renewed.ok_or_else(|| ProxyError::UpstreamCredentialRejected {
            upstream: exchange.upstream.name.clone(),
        })
    }

    /// One request and its response head. A connection that died before the answer's head costs a GET or HEAD one more try.
    async fn send(
        &self,
        sending: &Sending,
        exchange: &Exchange<'_>,
        body: Upload,
        watch: &UploadWatch,
    ) -> Result<Response<AnswerBody>, ProxyError> {
        let (upstream, replayable) = (exchange.upstream, is_replayable(exchange.head, &sending.permit));
        let pool = self.transport.pool(
            &self.tenant,
            upstream,
            sending.credential.generation(),
            exchange.identity.subject(),
        );
        let started = Instant::now();
        let request = outgoing::request(&self.kind, sending, exchange, body)?;
        let limit = upstream.timeouts.response
            + if replayable {
                Duration::ZERO
            } else {
                upstream.timeouts.upload
            };
        let deadline = started + limit;
        let mut sent = request_until(deadline, &pool, request, false, upstream).await;
        if replayable && matches!(sent, Err(Failure::Died(_))) {
            let again = outgoing::request(&self.kind, sending, exchange, Upload::default())?;
            sent = request_until(deadline, &pool, again, true, upstream).await;
        }
        self.metrics.upstream_seconds.observe(started.elapsed().as_secs_f64());
        let response =
            sent.map_err(|failure| watch.fault().map_or(failure.into(), |fault| fault.into_error(upstream)))?;
        exchange.record.upstream_status(response.status().as_u16());
        answer::check(&response, upstream)?;
        Ok(response)
    }

    fn respond(
        &self,
        response: Response<AnswerBody>,
        credential: &Credential,
        exchange: &Exchange<'_>,
        slot: Slot,
    ) -> Result<HttpResponse, ProxyError> {
        let upstream = exchange.upstream;
        let (parts, body) = response.into_parts();
        let filters = Filters {
            scan: Scan::for_response(upstream, credential, &parts)?,
            links: Links::for_response(upstream, &parts, &exchange.public_base, &exchange.head.method)?,
        };
        let mut reply = answer::head(&self.kind, exchange, &parts, filters.links.is_some())?;
        let body = Source {
            body,
            head_only: exchange.head.method == Method::HEAD,
        };
        Ok(reply.body(Download::new(body, &parts, filters, upstream, &self.metrics, slot)))
    }
}

/// Whether sending it twice does what sending it once does, and there is no body that is gone by then.
fn is_replayable(head: &RequestHead, permit: &Permit) -> bool {
    permit.target().as_form().is_some() || matches!(head.method, Method::GET | Method::HEAD)
}

/// Refuses a body that would not be sent, by what the head says of it.
///
/// # Errors
/// `BadRequest`, `TooLarge` or `UnsupportedMedia`.
pub fn admit_body(head: &RequestHead, upstream: &Upstream, kind: &Kind) -> Result<(), ProxyError> {
    upload::from_request(head, Payload::None, upstream, kind).map(|_| ())
}
