//! What of an upstream's answer may be passed on, and where its redirects may lead.

use actix_web::http::header::HeaderValue as ServerValue;
use http::{HeaderMap, Response, StatusCode, header};
use hyper::body::Incoming;

use crate::{error::ProxyError, policy::Permit, target::Target, upstream::Upstream};

/// Most redirects that are followed for one request.
const MAX_REDIRECTS: usize = 5;
/// Largest response head that is passed on: bytes of names and values, and fields.
const MAX_HEAD: usize = 32 * 1024;
const MAX_FIELDS: usize = 100;

/// What hyper lets through and a proxy must not.
pub(super) fn check(response: &Response<Incoming>, upstream: &Upstream) -> Result<(), ProxyError> {
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
    if count(header::CONTENT_LENGTH) > 1
        || (fields.contains_key(header::TRANSFER_ENCODING) && fields.contains_key(header::CONTENT_LENGTH))
    {
        return invalid("its length is ambiguous");
    }
    if count(header::CONTENT_TYPE) > 1 || count(header::LOCATION) > 1 {
        return invalid("a header that may come once came twice");
    }
    let bytes: usize = fields
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if bytes > MAX_HEAD || fields.len() > MAX_FIELDS {
        return invalid("its head is too large");
    }
    Ok(())
}

pub(super) fn is_redirect(status: StatusCode) -> bool {
    status.is_redirection() && status != StatusCode::NOT_MODIFIED
}

/// Where a redirect leads, for a request that may be sent again.
pub(super) fn next_hop(
    permit: &Permit,
    upstream: &Upstream,
    response: &Response<Incoming>,
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

/// `Location` for a caller who follows it himself: below the prefix where it led below the base URL, gone where it would
/// show an address that only the proxy can reach.
pub(super) fn relayed_location(upstream: &Upstream, fields: &HeaderMap, public_base: &str) -> Option<ServerValue> {
    let location = fields.get(header::LOCATION)?.to_str().ok()?;
    let rest = location
        .strip_prefix(&upstream.base_url())
        .or_else(|| location.strip_prefix(upstream.base_path.trim_end_matches('/')));
    match rest.filter(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#'])) {
        Some(rest) => ServerValue::from_str(&format!("{public_base}{rest}")).ok(),
        None if location.starts_with(&upstream.origin()) => None,
        None => ServerValue::from_str(location).ok(),
    }
}

/// A rewritten body is equivalent to the upstream's, not the same bytes (RFC 9110, 8.8.1).
pub(super) fn weak_etag(fields: &HeaderMap) -> Option<ServerValue> {
    let tag = fields.get(header::ETAG)?.to_str().ok()?;
    let weak = if tag.starts_with("W/") {
        tag.to_owned()
    } else {
        format!("W/{tag}")
    };
    ServerValue::from_str(&weak).ok()
}
