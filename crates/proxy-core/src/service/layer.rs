//! What is true of every request: checked first, given an id, counted, audited; and every error told in one form.

use std::{
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
};

use actix_http::ConnectionType;
use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Version, header::HeaderName},
    middleware::Next,
};
use bytes::Bytes;

use super::{guard, lifecycle::State, progress::Busy};
use crate::{
    About,
    error::{ProblemContext, ProxyError},
    site::Mount,
    telemetry::{Audit, AuditedBody, Metrics, Record, RequestId},
};

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What one worker knows of the whole service.
pub(super) struct Worker {
    pub(super) about: About,
    pub(super) audit: Audit,
    pub(super) metrics: Arc<Metrics>,
    pub(super) state: Arc<State>,
    pub(super) sites: Vec<(String, Rc<dyn Mount>)>,
    pub(super) docs_base_url: Option<String>,
}

impl Worker {
    /// The site that serves `path`, if one does.
    pub(super) fn site_for(&self, path: &str) -> Option<&(String, Rc<dyn Mount>)> {
        self.sites.iter().find(|(prefix, _)| {
            path.strip_prefix(prefix.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// An error as the caller reads it; noted in `record` and, once, in the log.
    pub(super) fn tell(&self, error: &ProxyError, path: &str, record: &Record) -> HttpResponse {
        let problem = error.problem();
        record.problem(problem.name, Some(format!("{error:?}")));
        if problem.status >= 500 {
            tracing::warn!(
                request_id = record.request_id().as_str(),
                problem = problem.name,
                ?error,
                "request failed"
            );
        }
        let prefix = self
            .site_for(path)
            .or(self.sites.first())
            .map_or("", |(prefix, _)| prefix);
        let problems_url = match &self.docs_base_url {
            Some(url) => format!("{}/problems", url.trim_end_matches('/')),
            None => format!("{prefix}/-/problems"),
        };
        let context = ProblemContext {
            problems_url: &problems_url,
            realm: self.about.name,
            request_id: record.request_id().as_str(),
        };
        error.to_response(&context)
    }
}

/// The outermost layer of the application.
pub(super) async fn around(
    worker: Rc<Worker>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<Tracked>, Error> {
    let busy = Busy::begin(request.conn_data(), request.headers(), || waited(&request));
    let record = record(&worker, &request);
    let checked = guard::check(request.head()).and_then(|()| busy.as_ref().map_or(Ok(()), Busy::check_line_ends));
    let response = match checked {
        Ok(()) => next.call(request).await?.map_into_boxed_body(),
        Err(error) => request.into_response(worker.tell(&error, "", &record)),
    };
    let close = busy.as_ref().is_some_and(Busy::ends_connection);
    let mut response = framed(&worker, told(&worker, response, &record), close);
    response
        .headers_mut()
        .insert(REQUEST_ID, record.request_id().to_header_value());
    record.status(response.status().as_u16());
    Ok(response.map_body(|_, body| Tracked::new(body, record, busy)))
}

/// Whether the request waited for `100 Continue`, and has its event already.
fn waited(request: &ServiceRequest) -> bool {
    request.extensions().contains::<Record>()
}

/// The request's event. One that waited for `100 Continue` has its own already.
fn record(worker: &Worker, request: &ServiceRequest) -> Record {
    let known = request.extensions().get::<Record>().cloned();
    known.unwrap_or_else(|| {
        let record = Record::start(
            &worker.audit,
            RequestId::of(request),
            request.method(),
            request.peer_addr(),
        );
        request.extensions_mut().insert(record.clone());
        record
    })
}

/// A handler's `ProxyError`, and actix's own refusals, in the one form that errors have here.
fn told(worker: &Worker, response: ServiceResponse<BoxBody>, record: &Record) -> ServiceResponse<BoxBody> {
    let Some(error) = response.response().error() else {
        return response;
    };
    let path = response.request().uri().path();
    let answer = match error.as_error::<ProxyError>() {
        Some(error) => worker.tell(error, path, record),
        None if error.as_response_error().status_code().is_client_error() => worker.tell(
            &ProxyError::BadRequest("the request cannot be read".into()),
            path,
            record,
        ),
        None => worker.tell(
            &ProxyError::Internal {
                detail: error.to_string(),
            },
            path,
            record,
        ),
    };
    response.into_response(answer)
}

/// How the answer ends, and whether the connection goes on after it.
fn framed(worker: &Worker, mut response: ServiceResponse<BoxBody>, close: bool) -> ServiceResponse<BoxBody> {
    let request = response.request().head();
    // Chunks are unknown to HTTP/1.0 (RFC 9112, 6.1): there the connection's end is the body's end.
    let chunks = request.version >= Version::HTTP_11;
    let close = close || !chunks || guard::must_close(request) || worker.state.draining();
    let head = response.response_mut().head_mut();
    head.no_chunking(!chunks);
    if close {
        head.set_connection_type(ConnectionType::Close);
    }
    response
}

/// A body that tells the audit event and the connection when it has ended.
pub(super) struct Tracked {
    body: AuditedBody<BoxBody>,
    busy: Option<Busy>,
}

impl Tracked {
    pub(super) fn new(body: BoxBody, record: Record, busy: Option<Busy>) -> Self {
        let empty = matches!(body.size(), BodySize::None | BodySize::Sized(0));
        let mut tracked = Self {
            body: AuditedBody::new(body, record),
            busy,
        };
        tracked.unfinished(!empty);
        tracked
    }

    fn unfinished(&mut self, unfinished: bool) {
        if let Some(busy) = &mut self.busy {
            busy.unfinished(unfinished);
        }
    }
}

impl MessageBody for Tracked {
    type Error = <AuditedBody<BoxBody> as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let next = ready!(Pin::new(&mut self.body).poll_next(context));
        if next.is_none() {
            self.unfinished(false);
        }
        Poll::Ready(next)
    }
}
