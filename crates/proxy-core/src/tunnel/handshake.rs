//! The opening handshake (RFC 6455, 4): what a caller must ask, what goes upstream of it, and what may come back. Pure.
//!
//! **Invariant**: a 101 is believed only where it answers exactly what was asked: with the key's own answer, and with no
//! sub-protocol or extension that the caller did not offer.

use actix_http::RequestHead;
use actix_web::http::{
    Method, Version,
    header::{self as server, HeaderMap as ServerHeaders, HeaderName as ServerName, HeaderValue as ServerValue},
};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, header, response::Parts};

use crate::{error::ProxyError, telemetry::RequestId};

/// What makes the answer of the key (RFC 6455, 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The fields of the handshake, but for `Upgrade` and `Connection`.
const FAMILY: &str = "sec-websocket-";
const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
const UPGRADE: HeaderValue = HeaderValue::from_static("upgrade");

/// What a caller asks for.
#[derive(Debug)]
pub(crate) struct Asked {
    /// What the key is answered with.
    accept: String,
    protocols: Vec<String>,
    /// Names alone: which parameters agree with which is for the two ends to know.
    extensions: Vec<String>,
}

impl Asked {
    /// Reads a handshake.
    ///
    /// # Errors
    /// `BadRequest` for one that is none, `WebSocketVersion`.
    pub(crate) fn of(head: &RequestHead) -> Result<Self, ProxyError> {
        let headers = &head.headers;
        if head.method != Method::GET || head.version != Version::HTTP_11 {
            return Err(malformed("a WebSocket is opened by GET and HTTP/1.1"));
        }
        if one(headers, &server::UPGRADE).is_none_or(|value| !value.eq_ignore_ascii_case("websocket")) {
            return Err(malformed("the only protocol to upgrade to is `websocket`"));
        }
        if !items(headers, &server::CONNECTION).any(|item| item.eq_ignore_ascii_case("upgrade")) {
            return Err(malformed("`Upgrade` needs `Connection: upgrade`"));
        }
        if headers.contains_key(server::TRANSFER_ENCODING)
            || headers.get_all(server::CONTENT_LENGTH).any(|length| length != "0")
        {
            return Err(malformed("a request that upgrades has no body"));
        }
        if one(headers, &server::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            return Err(ProxyError::WebSocketVersion);
        }
        let key = one(headers, &server::SEC_WEBSOCKET_KEY).filter(|key| is_key(key));
        let key = key.ok_or_else(|| malformed("there must be exactly one Sec-WebSocket-Key, of 16 bytes in base64"))?;
        Ok(Self {
            accept: accept(key),
            protocols: items(headers, &server::SEC_WEBSOCKET_PROTOCOL)
                .map(str::to_owned)
                .collect(),
            extensions: items(headers, &server::SEC_WEBSOCKET_EXTENSIONS).map(name).collect(),
        })
    }

    /// Why `parts`, a 101, is not the answer to this.
    pub(crate) fn flaw(&self, parts: &Parts) -> Option<&'static str> {
        let fields = &parts.headers;
        let same = |field, wanted: &str| {
            only(fields, field).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(wanted.as_bytes()))
        };
        let upgrades = fields.get_all(header::CONNECTION).iter().any(|line| {
            let mut items = line.as_bytes().split(|byte| *byte == b',');
            items.any(|item| item.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
        });
        if parts.version != http::Version::HTTP_11 || !same(header::UPGRADE, "websocket") || !upgrades {
            return Some("it does not switch to the protocol that was asked for");
        }
        if only(fields, header::SEC_WEBSOCKET_ACCEPT).is_none_or(|value| *value != self.accept) {
            return Some("it does not answer the WebSocket handshake that was sent");
        }
        let mut protocols = fields.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
        let chosen = protocols.next();
        let offered = |chosen: &HeaderValue| self.protocols.iter().any(|protocol| chosen == protocol);
        if protocols.next().is_some() || !chosen.is_none_or(offered) {
            return Some("it chooses a sub-protocol that was not asked for");
        }
        let lines = fields.get_all(header::SEC_WEBSOCKET_EXTENSIONS).iter();
        let mut used = lines.flat_map(|line| line.to_str().unwrap_or("?").split(',')).map(name);
        if !used.all(|used| self.extensions.contains(&used)) {
            return Some("it uses an extension that was not asked for");
        }
        None
    }
}

/// Adds to a request for the upstream what asks for the upgrade: the caller's own fields, as they were written.
pub(crate) fn ask(fields: &mut HeaderMap, from: &ServerHeaders) {
    let of_the_family = |name: &str| name.starts_with(FAMILY);
    let passed: Vec<HeaderName> = fields
        .keys()
        .filter(|name| of_the_family(name.as_str()))
        .cloned()
        .collect();
    for name in passed {
        fields.remove(name);
    }
    for (name, value) in from.iter().filter(|(name, _)| of_the_family(name.as_str())) {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_ref()),
            HeaderValue::from_bytes(value.as_bytes()),
        ) {
            fields.append(name, value);
        }
    }
    fields.insert(header::CONNECTION, UPGRADE);
    fields.insert(header::UPGRADE, WEBSOCKET);
}

/// The head of the 101 that the caller gets: the upstream's answer to the handshake, and nothing else that it says.
pub(crate) fn answer(fields: &HeaderMap, request_id: &RequestId) -> Vec<u8> {
    let mut head = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n".to_vec();
    let family = fields.iter().filter(|(name, _)| name.as_str().starts_with(FAMILY));
    let fields = family.map(|(name, value)| (name.as_str(), value.as_bytes()));
    for (name, value) in fields.chain([("x-request-id", request_id.as_str().as_bytes())]) {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    head.extend_from_slice(b"\r\n");
    head
}

fn malformed(what: &'static str) -> ProxyError {
    ProxyError::BadRequest(what.into())
}

/// What a key is answered with.
fn accept(key: &str) -> String {
    let text = [key.as_bytes(), GUID].concat();
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &text))
}

fn is_key(key: &str) -> bool {
    STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}

/// The value of a field that is there exactly once.
fn one<'h>(headers: &'h ServerHeaders, name: &ServerName) -> Option<&'h str> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().map(str::trim),
        _ => None,
    }
}

fn only(fields: &HeaderMap, name: HeaderName) -> Option<&HeaderValue> {
    let mut values = fields.get_all(name).iter();
    let value = values.next();
    value.filter(|_| values.next().is_none())
}

/// The items of a list, over all of its lines.
fn items<'h>(headers: &'h ServerHeaders, name: &ServerName) -> impl Iterator<Item = &'h str> {
    let lines = headers
        .get_all(name)
        .filter_map(|line: &ServerValue| line.to_str().ok());
    let items = lines.flat_map(|line| line.split(',')).map(str::trim);
    items.filter(|item| !item.is_empty())
}

/// An extension without its parameters.
fn name(extension: &str) -> String {
    let name = extension.split(';').next().unwrap_or_default();
    name.trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
