//! What names, paths, addresses and URLs may look like (pure). Each error follows a key: what is wrong, what to do.
//!
//! Parsers of URLs repair what they are given: tabs vanish, `\` becomes `/`, `..` is resolved. What an operator wrote is
//! therefore looked at before it is parsed: a repaired URL is not the one that was meant.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
};

use ipnet::IpNet;
use url::Url;

use crate::{config::Problems, documents};

/// Longest public prefix, in bytes.
const MAX_PREFIX: usize = 200;
/// Longest text that callers or logs may read, in bytes.
const MAX_TEXT: usize = 256;

/// The name of a tenant or rule: a metric label.
pub fn name(text: &str) -> Result<String, String> {
    let letters = text
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if letters && (1..=63).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("is not a name: write 1 to 63 of a-z, 0-9 and `-`".to_owned())
    }
}

/// A text that a person reads.
pub fn printable(text: &str) -> Result<String, String> {
    match text {
        _ if text.trim().is_empty() => Err("is empty: write a text".to_owned()),
        _ if text.trim() != text => Err("begins or ends with a space: remove it".to_owned()),
        _ if text.len() > MAX_TEXT => Err(format!("is longer than {MAX_TEXT} bytes: shorten it")),
        _ if text.chars().any(|c| c.is_control() || matches!(c, '`' | '"' | '\\')) => {
            Err("holds a control character, quote or backslash: remove it".to_owned())
        }
        _ => Ok(text.to_owned()),
    }
}

/// A scope, as RFC 6749, 3.3 has it: it is repeated in challenges.
pub fn scope(text: &str) -> Result<String, String> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
    if plain && (1..=MAX_TEXT).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("is not a scope: write one without spaces, quotes and backslashes".to_owned())
    }
}

/// The name of a file or directory.
pub fn file(text: &str) -> Result<PathBuf, String> {
    if text.trim().is_empty() || text.contains('\0') {
        return Err("is not the name of a file: write one".to_owned());
    }
    Ok(PathBuf::from(text))
}

/// The name of a document.
pub fn document(text: &str) -> Result<String, String> {
    match documents::is_name(text) {
        true => Ok(text.to_owned()),
        false => Err(
            "is not the name of a document: write 1 to 128 of a-z, A-Z, 0-9, `.`, `_` and `-`, and no `.` in front"
                .to_owned(),
        ),
    }
}

pub(super) fn address(text: &str) -> Result<IpAddr, String> {
    let address = if text == "localhost" {
        Ok(Ipv4Addr::LOCALHOST.into())
    } else {
        text.parse()
    };
    address.map_err(|_| {
        "is not an IP address: write 0.0.0.0 for every interface, or 127.0.0.1 for this machine alone".to_owned()
    })
}

/// A network, or one address. Addresses of IPv4 that are written as IPv6 are those of IPv4, as peers' are.
pub fn network(text: &str) -> Result<IpNet, String> {
    let network = text
        .parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let network = network.map_err(|_| "is not a network: write one such as 10.0.0.0/8".to_owned())?;
    let mapped = match network.addr().to_canonical() {
        IpAddr::V4(address) if network.prefix_len() >= 96 => IpNet::new(address.into(), network.prefix_len() - 96).ok(),
        _ => None,
    };
    let network = mapped.filter(|_| network.addr().is_ipv6()).unwrap_or(network);
    let (whole, address) = (network.trunc(), network.addr());
    if whole != network {
        return Err(format!(
            "names a host within a network: write `{whole}`, or `{address}` for the host alone"
        ));
    }
    Ok(network)
}

/// Notes `trusted_peers[index]` if it is so wide that it cannot be a cluster's own. `danger`: what peers may then do.
pub(crate) fn check_width(index: usize, network: &IpNet, meant: bool, danger: &str, problems: &mut Problems) {
    if !is_wide(network) {
        return;
    }
    let key = format!("trusted_peers[{index}]");
    let what = format!("is {network}, which nearly anybody is in");
    if meant {
        problems.warn(key, format!("{what}: {danger}"));
    } else {
        problems.add(
            key,
            format!("{what}: name the ingress's network, or set allow_insecure_any_peer = true"),
        );
    }
}

/// Wider than 10.0.0.0/8, or than fc00::/7.
fn is_wide(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() < 8,
        IpNet::V6(network) => network.prefix_len() < 7,
    }
}

/// The path below which a tenant is reached.
pub fn prefix(text: &str) -> Result<String, String> {
    let Some(path) = text.strip_prefix('/') else {
        return Err("does not begin with `/`: write a path such as `/api`".to_owned());
    };
    if path.is_empty() {
        return Err("is `/`, which is the service's own: write a path such as `/api`".to_owned());
    }
    if text.len() > MAX_PREFIX {
        return Err(format!("is longer than {MAX_PREFIX} bytes: shorten it"));
    }
    path.split('/').try_for_each(|segment| match segment {
        "" => Err("holds an empty segment: remove the doubled `/`, or the one at its end".to_owned()),
        "." | ".." => Err(format!("holds the segment `{segment}`: write the path that is meant")),
        "-" => Err("holds the segment `-`, below which are the service's own pages: choose another".to_owned()),
        _ if !segment.bytes().all(is_unreserved) => {
            Err("holds a character that paths encode: write only a-z, A-Z, 0-9 and `-`, `.`, `_`, `~`".to_owned())
        }
        _ => Ok(()),
    })?;
    Ok(text.to_owned())
}

/// A base URL: requests go below its path.
pub fn base_url(text: &str) -> Result<Url, String> {
    let mut url = http_url(text)?;
    let path: Vec<&str> = text.splitn(4, '/').nth(3).unwrap_or_default().split('/').collect();
    if path.iter().any(|segment| matches!(*segment, "." | "..")) {
        return Err("holds a segment `.` or `..`: write the path that is meant".to_owned());
    }
    // The last segment is empty where the path ends with a slash.
    if path.iter().rev().skip(1).any(|segment| segment.is_empty()) {
        return Err("holds a doubled `/`: write the path that is meant".to_owned());
    }
    if !path.iter().all(|segment| segment.bytes().all(is_unreserved)) {
        return Err(
            "holds a path with characters that are encoded: write only a-z, A-Z, 0-9 and `-`, `.`, `_`, `~`".to_owned(),
        );
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// The origin of a page, as browsers send it in `Origin`: scheme and host, and a port unless it is the scheme's own.
pub fn origin(text: &str) -> Result<String, String> {
    let url = http_url(text)?;
    match text.splitn(4, '/').nth(3).unwrap_or_default() {
        "" => Ok(url.origin().ascii_serialization()),
        _ => Err("holds a path: write scheme and host, such as https://example.org".to_owned()),
    }
}

/// An absolute URL of the web, without user, password, query and fragment. An error never repeats the text: it may hold a
/// password.
pub(crate) fn http_url(text: &str) -> Result<Url, String> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("holds a space or control character: remove it".to_owned());
    }
    if text.contains('\\') {
        return Err("holds a backslash: write `/`".to_owned());
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err("is not an absolute URL: write one such as https://example.org/".to_owned());
    };
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        // Up to here it may be anything, so it is only repeated if it looks like a scheme.
        let shown = if scheme.len() <= 20 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            &scheme
        } else {
            "unknown"
        };
        return Err(format!("has scheme `{shown}`: use http or https"));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("holds a user or password: remove it, credentials have keys of their own".to_owned());
    }
    if authority.is_empty() {
        return Err("has no host: write one such as https://example.org/".to_owned());
    }
    let url =
        Url::parse(text).map_err(|error| format!("is not a URL ({error}): write one such as https://example.org/"))?;
    if url.port() == Some(0) {
        return Err("has port 0: write the port that the upstream listens on".to_owned());
    }
    if text.contains('?') || text.contains('#') {
        return Err("holds a query or fragment: remove it".to_owned());
    }
    Ok(url)
}

/// Whether nothing that is sent to `url` leaves this machine.
pub fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(is_loopback_host)
}

/// Whether everybody on the way can read what is sent to `url`.
pub fn is_clear(url: &Url) -> bool {
    url.scheme() == "http" && !is_loopback(url)
}

/// Whether a URL's host is this machine: a loopback address, or `localhost`. No other name: what `a.localhost` resolves to
/// is for the resolver to say.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    host.eq_ignore_ascii_case("localhost")
        || literal
            .unwrap_or(host)
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}
