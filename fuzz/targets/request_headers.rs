//! `Name: value` lines, as a caller sends them.

#![no_main]

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use nbgate_fuzz::fields;
use proxy_core::headers::{HeaderPolicy, Passing, request_headers};

/// What a service would be that passes on all it may.
const OPEN: HeaderPolicy = HeaderPolicy {
    request: Passing::AllBut(&["x-secret"]),
    response: Passing::AllBut(&[]),
    request_defaults: &[],
    sandbox: false,
};
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
const CREDENTIALS: &[&str] = &["authorization", "cookie", "x-csrf-token", "x-secret"];
/// Begin with these in any spelling: who asks, and what else a gateway says.
const FAMILIES: &[&str] = &[
    "x-auth-request",
    "x-forwarded-",
    "x-original-",
    "x-http-method",
    "x-method-override",
];

fuzz_target!(|data: &[u8]| {
    let mut from = HeaderMap::new();
    for (name, value) in fields(data) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            from.append(name, value);
        }
    }
    check(&OPEN, &from);
    check(&jira_proxy::KIND.headers, &from);
});

fn check(policy: &HeaderPolicy, from: &HeaderMap) {
    let sent = request_headers(policy, from);
    let named: Vec<String> = from
        .get_all("connection")
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase())
        .collect();
    for name in sent.keys() {
        let name = name.as_str();
        assert!(!HOP_BY_HOP.contains(&name) && !CREDENTIALS.contains(&name), "{name}");
        let folded = name.to_ascii_lowercase().replace('_', "-");
        assert!(!FAMILIES.iter().any(|family| folded.starts_with(family)), "{name}");
        let default = policy.request_defaults.iter().find(|(default, _)| *default == name);
        if let Passing::Only(listed) = policy.request {
            assert!(listed.contains(&name) || default.is_some(), "{name}");
        }
        let values: Vec<&[u8]> = sent.get_all(name).iter().map(|value| value.as_bytes()).collect();
        let asked: Vec<&[u8]> = from.get_all(name).map(|value| value.as_bytes()).collect();
        match default {
            Some((_, default)) if asked.is_empty() || named.iter().any(|named| named == name) => {
                assert_eq!(values, [default.as_bytes()]);
            }
            _ => {
                assert_eq!(values, asked, "{name}: each value as it was, in its order");
                assert!(!named.iter().any(|named| named == name), "{name}");
            }
        }
    }
}
