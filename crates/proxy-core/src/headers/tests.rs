use actix_web::http::header::{HeaderMap as ServerHeaders, HeaderName as ServerName, HeaderValue as ServerValue};
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::{HeaderPolicy, Passing, is_attachment, is_json, request_headers, response_headers};

const STRICT: HeaderPolicy = HeaderPolicy {
    request: Passing::Only(&["accept", "range", "x-auth-request-user"]),
    response: Passing::Only(&["content-type", "etag", "cache-control", "vary", "content-disposition"]),
    request_defaults: &[("accept", "application/json")],
    sandbox: true,
};
const OPEN: HeaderPolicy = HeaderPolicy {
    request: Passing::AllBut(&["x-secret"]),
    response: Passing::AllBut(&["server"]),
    request_defaults: &[],
    sandbox: false,
};

fn sent(policy: &HeaderPolicy, lines: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut from = ServerHeaders::new();
    for (name, value) in lines {
        from.append(
            ServerName::from_bytes(name.as_bytes()).unwrap(),
            ServerValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    let mut all: Vec<_> = request_headers(policy, &from)
        .iter()
        .map(|(n, v)| (n.to_string(), v.to_str().unwrap_or("?").to_owned()))
        .collect();
    all.sort();
    all
}

fn returned(policy: &HeaderPolicy, lines: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut from = HeaderMap::new();
    for (name, value) in lines {
        from.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    let mut all: Vec<_> = response_headers(policy, http::StatusCode::OK, &from)
        .into_iter()
        .map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned()))
        .collect();
    all.sort();
    all
}

fn value(headers: &[(String, String)], name: &str) -> Vec<String> {
    headers
        .iter()
        .filter(|(have, _)| have == name)
        .map(|(_, value)| value.clone())
        .collect()
}

#[test]
fn only_listed_request_headers_are_sent() {
    let sent = sent(
        &STRICT,
        &[
            ("Accept", "text/html"),
            ("Authorization", "Bearer x"),
            ("Cookie", "a=b"),
            ("X-HTTP-Method-Override", "DELETE"),
            ("Range", "bytes=0-0"),
        ],
    );
    assert_eq!(
        sent,
        [
            ("accept".into(), "text/html".into()),
            ("range".into(), "bytes=0-0".to_owned())
        ]
    );
}

#[test]
fn a_default_stands_in_for_a_missing_header() {
    assert_eq!(
        sent(&STRICT, &[]),
        [("accept".to_owned(), "application/json".to_owned())]
    );
}

#[test]
fn identity_headers_never_pass_however_they_are_spelled() {
    for name in [
        "X-Auth-Request-User",
        "x_auth_request_user",
        "X-Auth_Request-Email",
        "X-AUTH-REQUEST-TOKEN",
        "X-Auth-RequestX",
        "X_Original_URL",
        "x-forwarded_for",
    ] {
        assert_eq!(sent(&OPEN, &[(name, "root")]), [], "{name}");
    }
    assert_eq!(sent(&STRICT, &[("X-Auth-Request-User", "root")]).len(), 1);
}

#[test]
fn hop_by_hop_headers_end_here_in_both_directions() {
    let lines = [
        ("Connection", "close, X-Thing"),
        ("Keep-Alive", "5"),
        ("TE", "trailers"),
        ("Trailer", "x"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "x"),
        ("Proxy-Authorization", "x"),
        ("Transfer-Encoding", "chunked"),
        ("X-Thing", "1"),
        ("X-Other", "2"),
    ];
    assert_eq!(sent(&OPEN, &lines), [("x-other".to_owned(), "2".to_owned())]);
    let returned = returned(&OPEN, &lines);
    assert_eq!(value(&returned, "x-other"), ["2"]);
    assert!(
        returned
            .iter()
            .all(|(name, _)| !["connection", "x-thing", "upgrade", "transfer-encoding"].contains(&name.as_str()))
    );
}

#[test]
fn what_connection_names_ends_here_whatever_else_it_holds() {
    let odd: &[u8] = b"X-One, \xff, x-two";
    let mut from = ServerHeaders::new();
    from.append(
        ServerName::from_static("connection"),
        ServerValue::from_bytes(odd).unwrap(),
    );
    let mut back = HeaderMap::new();
    back.append("connection", HeaderValue::from_bytes(odd).unwrap());
    for name in ["x-one", "x-two", "x-three"] {
        from.append(ServerName::from_static(name), ServerValue::from_static("1"));
        back.append(HeaderName::from_static(name), HeaderValue::from_static("1"));
    }
    let sent = request_headers(&OPEN, &from);
    assert_eq!(sent.keys().collect::<Vec<_>>(), ["x-three"]);
    let returned = response_headers(&OPEN, http::StatusCode::OK, &back);
    let passed: Vec<_> = returned.iter().map(|(name, _)| name.as_str()).collect();
    assert!(passed.contains(&"x-three"), "{passed:?}");
    assert!(!passed.contains(&"x-one") && !passed.contains(&"x-two"), "{passed:?}");
}

#[test]
fn an_upstreams_own_headers_stay_with_it() {
    let returned = returned(
        &STRICT,
        &[
            ("Set-Cookie", "a=b"),
            ("X-AUSERNAME", "bot"),
            ("WWW-Authenticate", "Basic"),
            ("Server", "x"),
            ("ETag", "\"1\""),
        ],
    );
    assert_eq!(value(&returned, "etag"), ["\"1\""]);
    for name in ["set-cookie", "x-ausername", "www-authenticate", "server"] {
        assert!(value(&returned, name).is_empty());
    }
}

#[test]
fn a_shared_cache_may_keep_nothing() {
    for (upstream, expected) in [
        (&["public, max-age=60"][..], "private, max-age=60"),
        (&["s-maxage=60"], "private"),
        (&["PUBLIC", "S-MaxAge=9, no-transform"], "private, no-transform"),
        (&["no-store"], "private, no-store"),
        (&["no-store, x=\u{e9}"], "private, no-store"),
        (&["max-age=60", "x=\u{e9}"], "private, no-store"),
        (&[], "private"),
    ] {
        let lines: Vec<_> = upstream.iter().map(|value| ("cache-control", *value)).collect();
        assert_eq!(value(&returned(&STRICT, &lines), "cache-control"), [expected]);
    }
    assert_eq!(
        value(&returned(&STRICT, &[("vary", "Accept"), ("vary", "cookie")]), "vary"),
        ["Accept, cookie, Authorization"]
    );
    for any in [&[("vary", "*")][..], &[("vary", "Accept"), ("vary", "Origin, \u{e9}")]] {
        assert_eq!(value(&returned(&STRICT, any), "vary"), ["*"]);
    }
}

#[test]
fn a_document_that_could_run_script_is_handed_out_as_a_file() {
    for (media, attachment) in [
        ("text/html;charset=utf-8", true),
        ("image/svg+xml", true),
        ("application/xhtml+xml", true),
        ("application/json", false),
        ("image/png", false),
        ("text/plain", false),
    ] {
        let returned = returned(&STRICT, &[("content-type", media), ("content-disposition", "inline")]);
        let expected = if attachment { "attachment" } else { "inline" };
        assert_eq!(value(&returned, "content-disposition"), [expected], "{media}");
        assert_eq!(value(&returned, "x-content-type-options"), ["nosniff"]);
        assert_eq!(
            value(&returned, "content-security-policy"),
            ["default-src 'none'; sandbox"]
        );
    }
    assert_eq!(
        value(&returned(&STRICT, &[]), "content-type"),
        ["application/octet-stream"]
    );
}

/// Found by fuzzing. Browsers look for the end of a type, and take the last of a list of them (Fetch, 2.2.2).
#[test]
fn a_type_that_only_a_browser_reads_as_a_document_is_one() {
    for media in [
        b"text/html; charset=\"\xff\"".as_slice(),
        b"text/html\x80",
        b"text/plain;x=1, text/html",
        b"application/json, text/html",
        b"image/png;x, image/svg+xml",
    ] {
        let mut from = HeaderMap::new();
        from.append("content-type", HeaderValue::from_bytes(media).unwrap());
        let returned = response_headers(&STRICT, http::StatusCode::OK, &from);
        let is_file =
            |(name, value): &(ServerName, ServerValue)| name == "content-disposition" && value == "attachment";
        assert!(returned.iter().any(is_file), "{}", media.escape_ascii());
    }
}

#[test]
fn a_file_is_one_whatever_its_name_is() {
    for (disposition, expected) in [
        (b"attachment; filename=\"\xe9.json\"".as_slice(), true),
        (" Attachment; filename=\"\u{e9}.json\"".as_bytes(), true),
        (b"inline; filename=\"attachment\"", false),
        (b"attach", false),
    ] {
        let mut from = HeaderMap::new();
        from.append("content-disposition", HeaderValue::from_bytes(disposition).unwrap());
        assert_eq!(is_attachment(&from), expected, "{}", disposition.escape_ascii());
    }
    let mut from = HeaderMap::new();
    let media = HeaderValue::from_bytes(b"Application/JSON ;x=\xff").unwrap();
    from.append("content-type", media);
    assert!(is_json(&from));
}

proptest! {
    /// No name outside the list passes, and no value is changed.
    #[test]
    fn nothing_unlisted_passes(name in "[a-zA-Z][a-zA-Z0-9_-]{0,20}", text in "[ -~]{0,20}") {
        for (have, value) in sent(&STRICT, &[(&name, &text)]) {
            prop_assert!(have == "accept" || have == "range");
            prop_assert!(value == text || (have == "accept" && value == "application/json" && !name.eq_ignore_ascii_case("accept")));
        }
        for (have, _) in sent(&OPEN, &[(&name, &text)]) {
            prop_assert!(!have.replace('_', "-").starts_with("x-auth-request"));
        }
    }
}
