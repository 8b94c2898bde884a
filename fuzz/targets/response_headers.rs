//! A status, then `Name: value` lines, as an upstream sends them.

#![no_main]

use actix_web::http::header::HeaderMap as ServerHeaders;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use libfuzzer_sys::fuzz_target;
use nbgate_fuzz::{fields, line};
use proxy_core::headers::{HeaderPolicy, Passing, response_headers};

const OPEN: HeaderPolicy = HeaderPolicy {
    request: Passing::AllBut(&[]),
    response: Passing::AllBut(&["server"]),
    request_defaults: &[],
    sandbox: true,
};
/// What we say ourselves, whatever the upstream says.
const OWN: &[&str] = &[
    "cache-control",
    "vary",
    "x-content-type-options",
    "content-security-policy",
    "content-disposition",
    "content-type",
];
const NEVER: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "server",
    "authorization",
];

fuzz_target!(|data: &[u8]| {
    let (status, rest) = line(data);
    let status = StatusCode::from_bytes(status).unwrap_or(StatusCode::OK);
    let mut from = HeaderMap::new();
    for (name, value) in fields(rest) {
        let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) else {
            continue;
        };
        // An answer with two of them has been refused before.
        if name != "content-type" || !from.contains_key("content-type") {
            from.append(name, value);
        }
    }
    for policy in [&jira_proxy::KIND.headers, &OPEN] {
        check(policy, status, &from);
    }
});

fn check(policy: &HeaderPolicy, status: StatusCode, from: &HeaderMap) {
    let mut back = ServerHeaders::new();
    for (name, value) in response_headers(policy, status, from) {
        back.append(name, value);
    }
    for name in back.keys().map(|name| name.as_str()) {
        assert!(!NEVER.contains(&name), "{name}");
        let listed = match policy.response {
            Passing::Only(listed) => listed.contains(&name),
            Passing::AllBut(_) => true,
        };
        assert!(listed || OWN.contains(&name), "{name}");
        if !OWN.contains(&name) {
            let values: Vec<&[u8]> = back.get_all(name).map(|value| value.as_bytes()).collect();
            let said: Vec<&[u8]> = from.get_all(name).iter().map(|value| value.as_bytes()).collect();
            assert_eq!(values, said, "{name}");
        }
    }
    check_caching(&back);
    check_script(from, &back, status);
}

fn only<'h>(back: &'h ServerHeaders, name: &str) -> &'h str {
    let mut values = back.get_all(name);
    let value = values.next().unwrap_or_else(|| panic!("there is no {name}"));
    assert!(values.next().is_none(), "{name} is there twice");
    value.to_str().expect("our own fields are text")
}

/// No cache that several people share may keep the answer.
fn check_caching(back: &ServerHeaders) {
    let control = only(back, "cache-control").to_ascii_lowercase();
    let names: Vec<&str> = control
        .split(',')
        .map(|one| one.split('=').next().unwrap_or_default().trim())
        .collect();
    assert_eq!(names.first(), Some(&"private"), "{control}");
    assert!(
        !names.iter().any(|name| ["public", "s-maxage"].contains(name)),
        "{control}"
    );
    let vary = only(back, "vary").to_ascii_lowercase();
    let names: Vec<&str> = vary.split(',').map(str::trim).collect();
    assert!(
        names == ["*"] || names.contains(&"authorization") && names.contains(&"cookie"),
        "{vary}"
    );
}

/// No document runs script in the platform's origin.
fn check_script(from: &HeaderMap, back: &ServerHeaders, status: StatusCode) {
    assert_eq!(only(back, "x-content-type-options"), "nosniff");
    assert_eq!(only(back, "content-security-policy"), "default-src 'none'; sandbox");
    let Some(media) = from.get("content-type") else {
        let expected = (!matches!(status.as_u16(), 204 | 304)).then_some("application/octet-stream");
        assert_eq!(back.get("content-type").and_then(|value| value.to_str().ok()), expected);
        return;
    };
    // Browsers take the last type of a list, and look for its end, not at bytes that are no text (Fetch, 2.2.2).
    let types = media.as_bytes().split(|byte| *byte == b',');
    let documents: [&[u8]; 3] = [b"text/html", b"application/xhtml+xml", b"image/svg+xml"];
    let is_document = |one: &[u8]| {
        let essence = one.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        documents.iter().any(|document| essence.eq_ignore_ascii_case(document))
    };
    if types.into_iter().any(is_document) {
        let disposition = back
            .get("content-disposition")
            .expect("a document is handed out as a file");
        let disposition = String::from_utf8_lossy(disposition.as_bytes())
            .trim_start()
            .to_ascii_lowercase();
        assert!(disposition.starts_with("attachment"), "{disposition}");
    }
}
