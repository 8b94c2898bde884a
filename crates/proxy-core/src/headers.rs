//! Which header goes where. Pure.
//!
//! **Invariant**: hop-by-hop fields end here in both directions, also those named in `Connection` (RFC 9110, 7.6.1), and
//! the platform's identity headers never reach an upstream, however they are spelled.

pub mod visible;

use actix_web::http::header::{
    self as server, HeaderMap as ServerHeaders, HeaderName as ServerName, HeaderValue as ServerValue,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// Fields that end at each hop; `Expect` because the hop behind us has its own.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
    "expect",
    "content-length",
    "host",
];

const JSON: &[u8] = b"application/json";
/// `Cache-Control` where the upstream's cannot be understood.
const KEEP_NOTHING: ServerValue = ServerValue::from_static("private, no-store");

/// What identifies a caller to the platform, beside the identity headers themselves.
const PLATFORM: &[&str] = &["authorization", "cookie", "x-csrf-token", "forwarded", "via"];
const PLATFORM_FAMILIES: &[&str] = &[
    "x-auth-request",
    "x-forwarded-",
    "x-original-",
    "x-http-method",
    "x-method-override",
];

/// Which fields of one direction pass.
#[derive(Clone, Copy, Debug)]
pub enum Passing {
    /// These, in lower case, and no other.
    Only(&'static [&'static str]),
    /// All but hop-by-hop fields, the platform's, and these.
    AllBut(&'static [&'static str]),
}

/// The header lists of one service.
#[derive(Clone, Copy, Debug)]
pub struct HeaderPolicy {
    /// From the caller to the upstream.
    pub request: Passing,
    /// From the upstream to the caller.
    pub response: Passing,
    /// Sent where the caller sends nothing of that name.
    pub request_defaults: &'static [(&'static str, &'static str)],
    /// Whether documents of the upstream are to run no script in the platform's origin.
    pub sandbox: bool,
}

impl Passing {
    fn lets_through(self, name: &str) -> bool {
        let listed = match self {
            Self::Only(names) => names.contains(&name),
            Self::AllBut(names) => !names.contains(&name) && !PLATFORM.contains(&name),
        };
        // Last, as a list of what passes has decided most names by then.
        listed && !HOP_BY_HOP.contains(&name) && !is_platform_family(name)
    }
}

/// `X_Auth-Request_User` too: some servers fold underscores into dashes.
fn is_platform_family(name: &str) -> bool {
    let same = |name: &[u8], family: &str| {
        name.iter()
            .zip(family.bytes())
            .all(|(have, wanted)| have.eq_ignore_ascii_case(&wanted) || (*have == b'_' && wanted == b'-'))
    };
    PLATFORM_FAMILIES
        .iter()
        .any(|family| name.len() >= family.len() && same(name.as_bytes(), family))
}

/// What goes upstream of a caller's headers, before credential and request id are added.
#[must_use]
pub fn request_headers(policy: &HeaderPolicy, from: &ServerHeaders) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(6); // what most send; more would be beyond what the allocator has ready
    let named = named_in_connection(
        from.get_all(ServerName::from_static("connection"))
            .map(ServerValue::as_bytes),
    );
    let passes = |name: &str| policy.request.lets_through(name) && !named.iter().any(|named| named == name);
    for (name, value) in from.iter().filter(|(name, _)| passes(name.as_str())) {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_ref()),
            HeaderValue::from_bytes(value.as_bytes()),
        ) {
            headers.append(name, value);
        }
    }
    for (name, value) in policy.request_defaults {
        headers
            .entry(HeaderName::from_static(name))
            .or_insert(HeaderValue::from_static(value));
    }
    headers
}

/// What goes back of an upstream's headers, made safe for whoever stands between us and the caller.
#[must_use]
pub fn response_headers(policy: &HeaderPolicy, status: StatusCode, from: &HeaderMap) -> Vec<(ServerName, ServerValue)> {
    let mut headers = own_fields(policy, status, from);
    let own = headers.len();
    let named = named_in_connection(from.get_all(header::CONNECTION).iter().map(HeaderValue::as_bytes));
    for (name, value) in from {
        let text = name.as_str();
        let taken = |(own, _): &(ServerName, ServerValue)| own.as_str() == text;
        if !policy.response.lets_through(text)
            || headers[..own].iter().any(taken)
            || named.iter().any(|named| named == text)
        {
            continue;
        }
        if let (Ok(name), Ok(value)) = (
            ServerName::from_bytes(name.as_ref()),
            ServerValue::from_bytes(value.as_bytes()),
        ) {
            headers.push((name, value));
        }
    }
    headers
}

/// What stands in the place of the upstream's own fields of these names.
fn own_fields(policy: &HeaderPolicy, status: StatusCode, from: &HeaderMap) -> Vec<(ServerName, ServerValue)> {
    let mut headers = Vec::with_capacity(14); // just below what the allocator has ready at hand
    headers.push((server::CACHE_CONTROL, private_cache_control(from)));
    headers.push((server::VARY, vary(from)));
    headers.push((server::X_CONTENT_TYPE_OPTIONS, ServerValue::from_static("nosniff")));
    if policy.sandbox {
        let sandbox = ServerValue::from_static("default-src 'none'; sandbox");
        headers.push((server::CONTENT_SECURITY_POLICY, sandbox));
        if is_active_document(from) && !is_attachment(from) {
            headers.push((server::CONTENT_DISPOSITION, ServerValue::from_static("attachment")));
        }
    }
    // A 304 updates what a cache has stored (RFC 9111, 3.2): it must not gain a media type.
    if !from.contains_key(header::CONTENT_TYPE) && !matches!(status.as_u16(), 204 | 304) {
        headers.push((
            server::CONTENT_TYPE,
            ServerValue::from_static("application/octet-stream"),
        ));
    }
    headers
}

/// A media type whose documents may run script in the origin that serves them. Browsers take the last one of a list
/// (Fetch, 2.2.2): here any of them counts.
fn is_active_document(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let mut types = value.unwrap_or_default().split(|byte| *byte == b',');
    types.any(|one| {
        let name = without_parameters(one);
        !name.eq_ignore_ascii_case(JSON) && is_active(&String::from_utf8_lossy(name).to_ascii_lowercase())
    })
}

fn is_active(media: &str) -> bool {
    !(media.starts_with("image/") && media != "image/svg+xml")
        && (media.contains("html")
            || media.contains("xml")
            || media.contains("javascript")
            || media == "application/pdf")
}

/// Whether the body is JSON.
#[must_use]
pub fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    value.is_some_and(|value| without_parameters(value.as_bytes()).eq_ignore_ascii_case(JSON))
}

/// Parameters may hold bytes that are no text: that does not make the type another one.
fn without_parameters(media: &[u8]) -> &[u8] {
    media
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii()
}

/// Whether the body is compressed, or otherwise not as it would be read.
#[must_use]
pub fn is_encoded(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::CONTENT_ENCODING);
    codings
        .iter()
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Whether the upstream hands out a file rather than an answer.
#[must_use]
pub fn is_attachment(headers: &HeaderMap) -> bool {
    const ATTACHMENT: &[u8] = b"attachment";
    // The file's name may hold bytes that are no ASCII.
    let value = headers
        .get(header::CONTENT_DISPOSITION)
        .map(|value| value.as_bytes().trim_ascii_start());
    let kind = value.and_then(|value| value.get(..ATTACHMENT.len()));
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case(ATTACHMENT))
}

/// No shared cache in front may keep one user's answer for another, whatever the upstream says (RFC 9111, 5.2.2).
fn private_cache_control(from: &HeaderMap) -> ServerValue {
    let mut values = from.get_all(header::CACHE_CONTROL).iter().peekable();
    if values.peek().is_none() {
        return ServerValue::from_static("private");
    }
    // A quoted list of field names, or what is no text: keeping nothing is always right.
    let unclear = |value: &HeaderValue| value.to_str().map_or(true, |text| text.contains('"'));
    if from.get_all(header::CACHE_CONTROL).iter().any(unclear) {
        return KEEP_NOTHING;
    }
    let shared = |directive: &&str| {
        let name = directive
            .split('=')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        matches!(
            name.as_str(),
            "" | "public" | "s-maxage" | "private" | "proxy-revalidate"
        )
    };
    let kept = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|directive| !shared(directive));
    let directives = ["private"].into_iter().chain(kept).collect::<Vec<_>>().join(", ");
    ServerValue::from_str(&directives).unwrap_or(KEEP_NOTHING)
}

/// An answer depends on who asks, and on what the upstream says besides.
fn vary(from: &HeaderMap) -> ServerValue {
    const OURS: [&str; 2] = ["Authorization", "Cookie"];
    let mut values = from.get_all(header::VARY).iter().peekable();
    if values.peek().is_none() {
        return ServerValue::from_static("Authorization, Cookie");
    }
    // What is no text may name anything.
    let names: Vec<&str> = values
        .flat_map(|value| value.to_str().unwrap_or("*").split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    let any = ServerValue::from_static("*");
    if names.contains(&"*") {
        return any;
    }
    let ours = OURS
        .into_iter()
        .filter(|our| !names.iter().any(|name| name.eq_ignore_ascii_case(our)));
    let all = names.iter().copied().chain(ours).collect::<Vec<_>>().join(", ");
    ServerValue::from_str(&all).unwrap_or(any)
}

fn named_in_connection<'v>(values: impl Iterator<Item = &'v [u8]>) -> Vec<String> {
    let names = values.flat_map(|value| value.split(|byte| *byte == b','));
    // What nearly every upstream says names nothing that would pass.
    let telling = |name: &&str| !name.is_empty() && !name.eq_ignore_ascii_case("keep-alive");
    names
        .filter_map(|name| std::str::from_utf8(name).ok())
        .map(str::trim)
        .filter(telling)
        .map(str::to_ascii_lowercase)
        .collect()
}

#[cfg(test)]
mod tests;
