//! The request that goes upstream: the permitted target, listed headers, our own.

use std::str::FromStr as _;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};

use super::{Exchange, Sending, trace, upload::Upload};
use crate::{error::ProxyError, headers, tenant::Kind};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// What is sent for `sending`.
pub(super) fn request(
    kind: &Kind,
    sending: &Sending,
    exchange: &Exchange<'_>,
    body: Upload,
) -> Result<Request<Upload>, ProxyError> {
    let upstream = exchange.upstream;
    let internal = |error: http::Error| ProxyError::Internal {
        detail: error.to_string(),
    };
    let uri = Uri::from_str(sending.permit.target().path_and_query()).map_err(|error| internal(error.into()))?;
    let form = sending.permit.target().as_form();
    let (method, body) = match form {
        Some(form) => (Method::POST.as_str(), Upload::Whole(Some(form.clone()))),
        None => (exchange.head.method.as_str(), body),
    };
    let request = Request::builder().method(method).uri(uri).body(body);
    let mut request = request.map_err(internal)?;
    let mut fields = fields(kind, exchange);
    if upstream.rewrite_links || upstream.scan_bodies {
        // Links and secrets can be found in plain text only.
        fields.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    if sending.whole {
        fields.remove(header::RANGE);
        fields.remove(header::IF_RANGE);
    }
    if form.is_some() {
        fields.insert(header::CONTENT_TYPE, FORM);
    }
    sending.credential.apply(&mut fields);
    *request.headers_mut() = fields;
    Ok(request)
}

/// The headers of whatever is sent, but for the credential.
pub(super) fn fields(kind: &Kind, exchange: &Exchange<'_>) -> HeaderMap {
    let from = &exchange.head.headers;
    let mut fields = match &exchange.visible {
        Some(visible) => visible.request_headers(from, &exchange.public_base),
        None => {
            let mut fields = headers::request_headers(&kind.headers, from);
            fields.insert(header::USER_AGENT, HeaderValue::from_static(kind.user_agent));
            fields.insert(header::HOST, exchange.upstream.host.clone());
            fields
        }
    };
    if let Ok(id) = HeaderValue::from_str(exchange.record.request_id().as_str()) {
        fields.insert(REQUEST_ID, id);
    }
    if let Some(parent) = trace::continued(from) {
        fields.insert(TRACE_PARENT, parent);
    }
    fields
}
