//! What of an upstream's answer may be passed on, and where its redirects may lead.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode as ServerStatus,
        header::{ACCEPT_RANGES, ETAG, HOST, HeaderValue as ServerValue, LINK, LOCATION},
    },
};
use http::{HeaderMap, Response, StatusCode, header, response::Parts};

use super::Exchange;
use crate::{
    error::ProxyError,
    headers,
    policy::Permit,
    target::Target,
    tenant::Kind,
    transport::AnswerBody,
    upstream::{Redirects, Upstream},
};

/// Most redirects that are followed for one request.
const MAX_REDIRECTS: usize = 5;
/// Largest response head that is passed on: bytes of names and values, and fields.
const MAX_HEAD: usize = 32 * 1024;
const MAX_FIELDS: usize = 100;

/// What hyper lets through and a proxy must not.
pub(super) fn check(response: &Response<AnswerBody>, upstream: &Upstream) -> Result<(), ProxyError> {
    let invalid = |reason| {
        Err(ProxyError::Invalid {
            upstream: upstream.name.clone(),
            reason,
            detail: format!("{:?}", response.status()),
        })
    };
    let fields = response.headers();
    let count = |name: header::HeaderName| fields.get_all(name).iter().count();
    if response.status() == StatusCode::SWITCHING_PROTOCOLS || response.status().as_u16() >= 600 {
        return invalid("its status is not one that was asked for");
    }
    if is_ambiguous(fields) {
        return invalid("its length is ambiguous");
    }
    if count(header::CONTENT_TYPE) > 1 || count(header::LOCATION) > 1 {
        return invalid("a header that may come once came twice");
    }
    check_size(fields, upstream)
}

/// Whether a head is as small as heads have to be.
pub(super) fn check_size(fields: &HeaderMap, upstream: &Upstream) -> Result<(), ProxyError> {
    let bytes: usize = fields
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if bytes <= MAX_HEAD && fields.len() <= MAX_FIELDS {
        return Ok(());
    }
    Err(ProxyError::Invalid {
        upstream: upstream.name.clone(),
        reason: "its head is too large",
        detail: format!("{bytes} bytes in {} fields", fields.len()),
    })
}

/// hyper believes `Transfer-Encoding` where both are there, takes equal lengths for one, and undoes chunks but no other
/// coding: a body that is still packed would pass as the content itself.
fn is_ambiguous(fields: &HeaderMap) -> bool {
    let mut lengths = fields.get_all(header::CONTENT_LENGTH).iter();
    let length = lengths.next();
    let mut codings = fields.get_all(header::TRANSFER_ENCODING).iter();
    match codings.next() {
        Some(coding) => {
            length.is_some() || codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked")
        }
        None => lengths.next().is_some() || length.is_some_and(|length| length.as_bytes().contains(&b',')),
    }
}

pub(super) fn is_redirect(status: StatusCode) -> bool {
    status.is_redirection() && status != StatusCode::NOT_MODIFIED
}

/// Where a redirect leads, for a request that may be sent again.
pub(super) fn next_hop(
    permit: &Permit,
    upstream: &Upstream,
    response: &Response<AnswerBody>,
    hops: usize,
    replayable: bool,
) -> Result<Target, ProxyError> {
    let status = response.status().as_u16();
    let location = response.headers().get(header::LOCATION);
    match location {
        Some(location) if replayable && hops <= MAX_REDIRECTS && matches!(status, 301 | 302 | 303 | 307 | 308) => {
            permit.target().redirected(upstream, location.as_bytes())
        }
        Some(_) if hops > MAX_REDIRECTS => Err(refused(upstream, "too many redirects".to_owned())),
        Some(_) => Err(refused(
            upstream,
            format!("a {status} cannot be followed for this method"),
        )),
        None => Err(refused(upstream, format!("a {status} without Location"))),
    }
}

pub(super) fn refused(upstream: &Upstream, detail: String) -> ProxyError {
    ProxyError::RedirectRefused {
        upstream: upstream.name.clone(),
        detail,
    }
}

/// A 401 to a login that was good: its challenge is not for the caller.
pub(super) fn not_enough(upstream: &Upstream) -> ProxyError {
    ProxyError::Invalid {
        upstream: upstream.name.clone(),
        reason: "it wants more than the service's credential, which it accepted",
        detail: "401 or 407".to_owned(),
    }
}

/// The head that a caller gets: listed headers, with links that lead through the proxy.
pub(super) fn head(
    kind: &Kind,
    exchange: &Exchange<'_>,
    parts: &Parts,
    rewritten: bool,
) -> Result<HttpResponseBuilder, ProxyError> {
    let (upstream, public_base) = (exchange.upstream, &*exchange.public_base);
    let status = ServerStatus::from_u16(parts.status.as_u16());
    let mut reply = HttpResponse::build(status.map_err(|error| ProxyError::Internal {
        detail: error.to_string(),
    })?);
    // Of a body that is rewritten there are no parts, and its validators are weak; a 304 speaks of such a body too.
    let equivalent = rewritten || (upstream.rewrite_links && parts.status == StatusCode::NOT_MODIFIED);
    let fields = match &exchange.visible {
        Some(visible) => visible.response_headers(&parts.headers),
        None => headers::response_headers(&kind.headers, parts.status, &parts.headers),
    };
    for (name, value) in fields {
        match () {
            () if name == LINK && upstream.rewrite_links => {
                if let Some(link) = through_the_proxy(upstream, &value, public_base) {
                    reply.append_header((name, link));
                }
            }
            () if name == ETAG && equivalent => {
                reply.append_header((name, weak(&value)));
            }
            () if name == ACCEPT_RANGES && rewritten => {}
            () => {
                reply.append_header((name, value));
            }
        }
    }
    if upstream.redirects == Redirects::Relay
        && let Some(location) = relayed_location(exchange, &parts.headers)
    {
        reply.insert_header((LOCATION, location));
    }
    Ok(reply)
}

fn through_the_proxy(upstream: &Upstream, link: &ServerValue, public_base: &str) -> Option<ServerValue> {
    let link = upstream
        .link_bases
        .replaced(link.to_str().ok()?, public_base, &upstream.origin)?;
    ServerValue::from_str(&link).ok()
}

/// `Location` for a caller who follows it himself: below the prefix where it led below the base URL, gone where it would
/// show an address that only the proxy can reach.
fn relayed_location(exchange: &Exchange<'_>, fields: &HeaderMap) -> Option<ServerValue> {
    let (upstream, public_base) = (exchange.upstream, &*exchange.public_base);
    let location = fields.get(header::LOCATION)?.to_str().ok()?;
    if let Some(visible) = &exchange.visible {
        let host = exchange.head.headers.get(HOST).and_then(|host| host.to_str().ok());
        let location = visible.location(location, &upstream.origin, host.unwrap_or_default(), public_base)?;
        return ServerValue::from_str(&location).ok();
    }
    let rest = location
        .strip_prefix(&upstream.base_url())
        .or_else(|| location.strip_prefix(upstream.base_path.trim_end_matches('/')));
    match rest.filter(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#'])) {
        Some(rest) => ServerValue::from_str(&format!("{public_base}{rest}")).ok(),
        None if location.starts_with(&*upstream.origin) => None,
        None => ServerValue::from_str(location).ok(),
    }
}

/// A rewritten body is equivalent to the upstream's, not the same bytes (RFC 9110, 8.8.1).
fn weak(tag: &ServerValue) -> ServerValue {
    let text = tag.to_str().unwrap_or_default();
    let weak = if text.starts_with("W/") {
        text.to_owned()
    } else {
        format!("W/{text}")
    };
    ServerValue::from_str(&weak).unwrap_or_else(|_| tag.clone())
}
