//! What is refused before anybody looks at who asks: requests that servers disagree about.

use actix_http::RequestHead;
use actix_web::http::{Method, Uri, Version, header};
use http::uri::Authority;

use crate::{error::ProxyError, site::no_upgrade};

/// Longest target.
const MAX_TARGET: usize = 8 * 1024;
/// Largest head: names and values.
const MAX_HEAD: usize = 32 * 1024;

/// Whether a request may be looked at.
pub(super) fn check(head: &RequestHead) -> Result<(), ProxyError> {
    check_form(head)?;
    if upgrades(head) {
        return Err(no_upgrade());
    }
    check_rest(head)
}

/// The same for one that asks for another protocol, of somebody who may know one.
pub(super) fn check_upgrade(head: &RequestHead) -> Result<(), ProxyError> {
    check_form(head)?;
    check_rest(head)
}

fn check_form(head: &RequestHead) -> Result<(), ProxyError> {
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target > MAX_TARGET {
        return Err(ProxyError::UriTooLong { limit: MAX_TARGET });
    }
    let bytes: usize = head
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    // More than 96 fields are refused by actix's own parser.
    if bytes > MAX_HEAD {
        return Err(ProxyError::HeadersTooLarge { limit: MAX_HEAD });
    }
    if head.method == Method::CONNECT || !origin_form(&head.uri) {
        return Err(ProxyError::BadRequest(
            "the request target must be a path: absolute-form, authority-form and `*` are refused".into(),
        ));
    }
    if head.version > Version::HTTP_11 || head.version < Version::HTTP_10 {
        return Err(ProxyError::BadRequest("the HTTP version is not 1.0 or 1.1".into()));
    }
    Ok(())
}

fn check_rest(head: &RequestHead) -> Result<(), ProxyError> {
    // actix knows `100-continue` alone; with any other expectation the request would wait for its body.
    if !head
        .headers
        .get_all(header::EXPECT)
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
    {
        return Err(ProxyError::ExpectationFailed);
    }
    host(head)
}

/// After these, what follows on the connection cannot be told from a body.
pub(super) fn must_close(head: &RequestHead) -> bool {
    head.method == Method::CONNECT || upgrades(head)
}

/// actix reads the payload of such a request to the connection's end, whatever its length says.
fn upgrades(head: &RequestHead) -> bool {
    let websocket = |value: &header::HeaderValue| {
        value
            .as_bytes()
            .to_ascii_lowercase()
            .windows(9)
            .any(|word| word == b"websocket")
    };
    head.headers.get_all(header::UPGRADE).any(websocket)
}

/// The other forms name a destination of the caller's choice (RFC 9112, 3.2), and CONNECT has no other.
fn origin_form(uri: &Uri) -> bool {
    uri.scheme().is_none() && uri.authority().is_none() && uri.path().starts_with('/')
}

/// Exactly one, and one that a link may be built from (RFC 9112, 3.2).
fn host(head: &RequestHead) -> Result<(), ProxyError> {
    let mut hosts = head.headers.get_all(header::HOST);
    let good = |value: &header::HeaderValue| {
        let bytes = value.as_bytes();
        let shape = !bytes.is_empty()
            && bytes.len() <= 255
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(byte));
        shape && (is_plain_host(bytes) || value.to_str().is_ok_and(|text| text.parse::<Authority>().is_ok()))
    };
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if good(host) => Ok(()),
        _ => Err(ProxyError::BadRequest(
            "the request must have exactly one valid Host header".into(),
        )),
    }
}

/// A name or an IPv4 address, and perhaps a port: what needs no parser that allocates.
fn is_plain_host(host: &[u8]) -> bool {
    let mut parts = host.split(|byte| *byte == b':');
    let (Some(name), port, None) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let number = |port: &[u8]| (1..=4).contains(&port.len()) && port.iter().all(u8::is_ascii_digit);
    !name.is_empty() && name.iter().all(plain) && port.is_none_or(number)
}
