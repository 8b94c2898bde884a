//! Headers for upstreams that see their callers, such as a user's own machine: nearly all pass. Pure.
//!
//! **Invariant**: no credential of the platform reaches such an upstream, and nothing that it answers changes more of the
//! platform's origin than the path below which it is served: no cookie, and no header that speaks for a whole origin.

use actix_web::http::header::{
    self as server, HeaderMap as ServerHeaders, HeaderName as ServerName, HeaderValue as ServerValue,
};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{HOP_BY_HOP, is_platform_family, named_in_connection, private_cache_control, vary};

/// Who a caller is said to be by those who stand in front: only what we say ourselves counts.
const SAID_OF_CALLERS: &[&str] = &["forwarded", "via", "x-real-ip", "x-scheme"];
/// What an answer may not say, as it is about the whole origin. `location` is written anew.
const WHOLE_ORIGIN: &[&str] = &[
    "accept-ch",
    "alt-svc",
    "clear-site-data",
    "critical-ch",
    "expect-ct",
    "location",
    "nel",
    "public-key-pins",
    "public-key-pins-report-only",
    "refresh", // may name an address that only the proxy can reach
    "report-to",
    "reporting-endpoints",
    "sec-session-registration",
    "secure-session-challenge",
    "secure-session-registration",
    "service-worker-allowed",
    "set-login",
    "strict-transport-security",
    "use-as-dictionary",
];
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// How one upstream is seen from outside, and what of the platform it does not see.
#[derive(Clone, Debug)]
pub struct Visible<'a> {
    /// Cookies of the platform: neither sent nor set.
    pub hidden_cookies: &'a [String],
    /// Headers that prove something to the platform, in lower case: not sent, however they are spelled.
    pub hidden_headers: &'a [String],
    /// Public path below which it is served: its cookies stay there. Begins with `/`, ends without.
    pub mount: &'a str,
    /// What a request's path begins with, and what stood in its place upstream; both without a slash at the end.
    pub replaced: (&'a str, &'a str),
    /// Where the request came from: the value of `X-Forwarded-For`.
    pub from: String,
}

impl Visible<'_> {
    /// What goes upstream of a caller's headers. `public_base` is the public URL of what `replaced` begins with.
    #[must_use]
    pub fn request_headers(&self, from: &ServerHeaders, public_base: &str) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(from.len() + 8);
        let named = named_in_connection(from.get_all(server::CONNECTION).map(ServerValue::as_bytes));
        for (name, value) in from {
            let text = name.as_str();
            let passes = !HOP_BY_HOP.contains(&text) && !SAID_OF_CALLERS.contains(&text) && !is_platform_family(text);
            if !passes || self.hides_header(text) || named.iter().any(|named| named == text) {
                continue;
            }
            let value = match *name {
                server::AUTHORIZATION if is_bearer(value.as_bytes()) => None,
                server::COOKIE => self
                    .cookies(value.as_bytes())
                    .and_then(|left| HeaderValue::try_from(left).ok()),
                server::REFERER => HeaderValue::from_bytes(without_query(value.as_bytes())).ok(),
                _ => HeaderValue::from_bytes(value.as_bytes()).ok(),
            };
            if let (Ok(name), Some(value)) = (HeaderName::from_bytes(text.as_bytes()), value) {
                headers.append(name, value);
            }
        }
        if let Some(host) = from
            .get(server::HOST)
            .and_then(|host| HeaderValue::from_bytes(host.as_bytes()).ok())
        {
            headers.insert(header::HOST, host);
        }
        self.tell_forwarded(&mut headers, public_base);
        headers
    }

    fn tell_forwarded(&self, headers: &mut HeaderMap, public_base: &str) {
        let (scheme, rest) = public_base.split_once("://").unwrap_or(("https", public_base));
        let host = rest.split('/').next().unwrap_or_default();
        for (name, value) in [
            (FORWARDED_FOR, self.from.as_str()),
            (FORWARDED_PROTO, scheme),
            (FORWARDED_HOST, host),
            (FORWARDED_PREFIX, self.replaced.0),
        ] {
            if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(value)) {
                headers.insert(name, value);
            }
        }
    }

    fn hides_header(&self, name: &str) -> bool {
        let folded = |byte: u8| if byte == b'_' { b'-' } else { byte };
        self.hidden_headers
            .iter()
            .any(|hidden| hidden.bytes().map(folded).eq(name.bytes().map(folded)))
    }

    /// A line of cookies without the platform's.
    fn cookies(&self, line: &[u8]) -> Option<Vec<u8>> {
        let pairs = line.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let kept: Vec<&[u8]> = pairs.filter(|pair| !pair.is_empty() && !self.hides(pair)).collect();
        (!kept.is_empty()).then(|| kept.join(&b"; "[..]))
    }

    /// Whether `pair`, `name=value`, is a cookie of the platform, or could be read as one.
    fn hides(&self, pair: &[u8]) -> bool {
        let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
        self.hidden_cookies
            .iter()
            .any(|hidden| name.eq_ignore_ascii_case(hidden.as_bytes()))
    }

    /// What goes back of the upstream's headers, but for `Location`.
    #[must_use]
    pub fn response_headers(&self, from: &HeaderMap) -> Vec<(ServerName, ServerValue)> {
        let mut headers = Vec::with_capacity(from.len() + 2);
        headers.push((server::CACHE_CONTROL, private_cache_control(from)));
        headers.push((server::VARY, vary(from)));
        let named = named_in_connection(from.get_all(header::CONNECTION).iter().map(HeaderValue::as_bytes));
        for (name, value) in from {
            let text = name.as_str();
            let ours = *name == header::CACHE_CONTROL || *name == header::VARY;
            if ours
                || HOP_BY_HOP.contains(&text)
                || WHOLE_ORIGIN.contains(&text)
                || text.starts_with("access-control-")
                || named.iter().any(|named| named == text)
            {
                continue;
            }
            let value = match *name {
                header::SET_COOKIE => self
                    .confined(value.as_bytes())
                    .and_then(|cookie| ServerValue::from_str(&cookie).ok()),
                _ => ServerValue::from_bytes(value.as_bytes()).ok(),
            };
            if let (Ok(name), Some(value)) = (ServerName::from_bytes(text.as_bytes()), value) {
                headers.push((name, value));
            }
        }
        headers
    }

    /// `Set-Cookie` for the host alone, and for no path but the upstream's own. `None`: a cookie of the platform, or no text.
    fn confined(&self, cookie: &[u8]) -> Option<String> {
        let cookie = std::str::from_utf8(cookie).ok()?;
        let mut parts = cookie.split(';').map(str::trim);
        // Of a cookie without a name, the value comes back as if it were name and value (RFC 6265bis, 5.6).
        let nameless = |pair: &str| pair.starts_with('=');
        let pair = parts
            .next()
            .filter(|pair| !self.hides(pair.as_bytes()) && !nameless(pair))?;
        let (mut confined, mut path) = (pair.to_owned(), "");
        for attribute in parts {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "domain" | "" => {}
                "path" => path = value.trim(),
                _ => {
                    confined.push_str("; ");
                    confined.push_str(attribute);
                }
            }
        }
        let path = self.public_path(path).filter(|path| below(path, self.mount).is_some());
        confined.push_str("; Path=");
        confined.push_str(path.as_deref().unwrap_or(self.mount));
        Some(confined)
    }

    /// Where an upstream's path is reached from outside. `None`: nowhere.
    fn public_path(&self, path: &str) -> Option<String> {
        let (public, upstream) = self.replaced;
        let rest = below(path, upstream).filter(|_| path.starts_with('/'))?;
        Some(format!("{public}{rest}"))
    }

    /// `Location` for a caller who follows it: below where the upstream is served, if it led to the upstream itself or to the
    /// `host` that it was asked as. `None`: to an address that only the proxy can reach.
    #[must_use]
    pub fn location(&self, location: &str, origin: &str, host: &str, public_base: &str) -> Option<String> {
        if location.starts_with('/') && !location.starts_with("//") {
            return Some(self.public_path(location).unwrap_or_else(|| location.to_owned()));
        }
        let asked_as = [format!("http://{host}"), format!("https://{host}")];
        let own = [origin].into_iter().chain(asked_as.iter().map(String::as_str));
        let found = own.filter_map(|own| after(location, own)).next();
        let Some(rest) = found else {
            return Some(location.to_owned());
        };
        let rest = below(if rest.is_empty() { "/" } else { rest }, self.replaced.1);
        match rest {
            Some(rest) => Some(format!("{public_base}{rest}")),
            None => after(location, origin).is_none().then(|| location.to_owned()),
        }
    }
}

/// What follows an origin, in which case does not matter.
fn after<'t>(location: &'t str, origin: &str) -> Option<&'t str> {
    let (start, _) = location.split_at_checked(origin.len())?;
    below(location, start).filter(|_| start.eq_ignore_ascii_case(origin))
}

/// What follows `above` where that ends at a boundary.
fn below<'t>(text: &'t str, above: &str) -> Option<&'t str> {
    let rest = text.strip_prefix(above)?;
    (rest.is_empty() || rest.starts_with(['/', '?', '#'])).then_some(rest)
}

/// A page's address without its query, which may hold the platform's token.
fn without_query(referer: &[u8]) -> &[u8] {
    referer.split(|byte| *byte == b'?').next().unwrap_or_default()
}

/// VISA takes for a token what begins with `bearer`, whatever follows.
fn is_bearer(authorization: &[u8]) -> bool {
    let scheme = authorization.trim_ascii_start().get(..6);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
}

#[cfg(test)]
mod tests;
