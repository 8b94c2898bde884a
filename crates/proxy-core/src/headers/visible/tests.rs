use actix_web::http::header::{HeaderMap as ServerHeaders, HeaderName as ServerName, HeaderValue as ServerValue};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Visible;

mod location;

fn jupyter(hidden: &[String]) -> Visible<'_> {
    Visible {
        hidden_cookies: hidden,
        hidden_headers: &[],
        mount: "/jupyter/42",
        replaced: ("", ""),
        from: "192.0.2.7".to_owned(),
    }
}

fn files(hidden: &[String]) -> Visible<'_> {
    Visible {
        mount: "/visafs/42",
        replaced: ("/visafs/42", ""),
        ..jupyter(hidden)
    }
}

fn hidden() -> Vec<String> {
    vec!["access_token".to_owned(), "session".to_owned()]
}

fn sent(visible: &Visible<'_>, lines: &[(&str, &str)]) -> Vec<String> {
    let mut from = ServerHeaders::new();
    for (name, value) in lines {
        from.append(
            ServerName::from_bytes(name.as_bytes()).unwrap(),
            ServerValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    let headers = visible.request_headers(&from, "https://visa.example.org/visafs/42");
    let mut all: Vec<_> = headers
        .iter()
        .filter(|(name, _)| !name.as_str().starts_with("x-forwarded-"))
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    all.sort();
    all
}

fn returned(visible: &Visible<'_>, lines: &[(&str, &str)]) -> Vec<String> {
    let mut from = HeaderMap::new();
    for (name, value) in lines {
        from.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    let headers = visible.response_headers(&from);
    let mut all: Vec<_> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    all.sort();
    all
}

#[test]
fn the_platforms_credentials_stay_here_and_the_upstreams_own_pass() {
    let hidden = hidden();
    let visible = jupyter(&hidden);
    for bearer in ["Bearer a.b.c", "bearer a", "BEARER\ta", "bearerx", "  Bearer a"] {
        assert!(sent(&visible, &[("Authorization", bearer)]).is_empty(), "{bearer}");
    }
    for own in ["token 0123", "Basic YTpi", "be"] {
        assert_eq!(
            sent(&visible, &[("Authorization", own)]),
            [format!("authorization: {own}")]
        );
    }
    for (cookies, left) in [
        ("access_token=a", None),
        ("access_token=a; session=b;", None),
        (
            "_xsrf=1; access_token=a; username-x=\"2|1:0\"",
            Some("_xsrf=1; username-x=\"2|1:0\""),
        ),
        ("a=1;access_token=x;b=2", Some("a=1; b=2")),
        (" access_token =x; c", Some("c")),
        ("xaccess_token=1; Access_Token=2", Some("xaccess_token=1")),
        ("a=\"1; access_token=x; \"", Some("a=\"1; \"")),
    ] {
        let expected: Vec<_> = left.map(|left| format!("cookie: {left}")).into_iter().collect();
        assert_eq!(sent(&visible, &[("Cookie", cookies)]), expected, "{cookies}");
    }
    let own = [
        ("X-XSRFToken", "x"),
        ("Host", "visa.example.org"),
        ("User-Agent", "u"),
        ("X-CSRF-Token", "c"),
    ];
    assert_eq!(
        sent(&visible, &own),
        [
            "host: visa.example.org",
            "user-agent: u",
            "x-csrf-token: c",
            "x-xsrftoken: x"
        ]
    );
}

#[test]
fn nobody_but_us_says_who_a_caller_is() {
    let hidden = hidden();
    let spoofed = [
        ("X-Auth-Request-User", "root"),
        ("X_Auth_Request_User", "root"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-User", "root"),
        ("X-Real-IP", "127.0.0.1"),
        ("X-Scheme", "https"),
        ("Forwarded", "for=127.0.0.1"),
        ("Via", "1.1 x"),
        ("X-Original-URL", "/admin"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("Proxy-Authorization", "Basic x"),
        ("X-Named", "x"),
        ("Connection", "x-named, keep-alive"),
        ("TE", "trailers"),
    ];
    assert!(sent(&files(&hidden), &spoofed).is_empty());
    let mut from = ServerHeaders::new();
    from.append(
        ServerName::from_static("x-forwarded-for"),
        ServerValue::from_static("127.0.0.1"),
    );
    let told = files(&hidden).request_headers(&from, "https://visa.example.org:8443/visafs/42");
    let one = |name: &str| {
        told.get_all(name)
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(one("x-forwarded-for"), ["192.0.2.7"]);
    assert_eq!(one("x-forwarded-proto"), ["https"]);
    assert_eq!(one("x-forwarded-host"), ["visa.example.org:8443"]);
    assert_eq!(one("x-forwarded-prefix"), ["/visafs/42"]);
}

#[test]
fn a_cookie_is_for_the_upstream_alone() {
    let hidden = hidden();
    for (cookie, jupyters, filess) in [
        ("a=1", Some("a=1; Path=/jupyter/42"), Some("a=1; Path=/visafs/42")),
        (
            "a=1; Path=/",
            Some("a=1; Path=/jupyter/42"),
            Some("a=1; Path=/visafs/42/"),
        ),
        (
            "a=1; path=/jupyter/42/",
            Some("a=1; Path=/jupyter/42/"),
            Some("a=1; Path=/visafs/42/jupyter/42/"),
        ),
        (
            "a=1; Path=/jupyter/421",
            Some("a=1; Path=/jupyter/42"),
            Some("a=1; Path=/visafs/42/jupyter/421"),
        ),
        (
            "a=1; Path=/jupyter/42; Path=/",
            Some("a=1; Path=/jupyter/42"),
            Some("a=1; Path=/visafs/42/"),
        ),
        (
            "a=1; Domain=example.org; HttpOnly; DOMAIN = .org; SameSite=None",
            Some("a=1; HttpOnly; SameSite=None; Path=/jupyter/42"),
            Some("a=1; HttpOnly; SameSite=None; Path=/visafs/42"),
        ),
        ("access_token=evil; Path=/jupyter/42/", None, None),
        ("access_token =evil", None, None),
        ("ACCESS_TOKEN=evil", None, None),
        ("session", None, None),
    ] {
        for (visible, expected) in [(jupyter(&hidden), jupyters), (files(&hidden), filess)] {
            let set = returned(&visible, &[("Set-Cookie", cookie)]);
            let set: Vec<_> = set
                .iter()
                .filter_map(|line| line.strip_prefix("set-cookie: "))
                .collect();
            assert_eq!(set, expected.into_iter().collect::<Vec<_>>(), "{cookie}");
        }
    }
}

#[test]
fn an_answer_says_nothing_about_the_whole_origin() {
    let hidden = hidden();
    let lines = [
        ("Clear-Site-Data", "\"cookies\""),
        ("Strict-Transport-Security", "max-age=0"),
        ("Service-Worker-Allowed", "/"),
        ("Alt-Svc", "h3=\":443\""),
        ("NEL", "{}"),
        ("Report-To", "{}"),
        ("Connection", "x-hop"),
        ("X-Hop", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Location", "http://10.0.3.17:8888/"),
        ("Content-Type", "text/html"),
        ("Cache-Control", "public, max-age=60"),
        ("Vary", "Accept"),
        ("ETag", "\"a\""),
        ("X-Frame-Options", "DENY"),
        ("Set-Cookie", "a=1; Path=/jupyter/42/"),
        ("Set-Cookie", "b=2; Path=/jupyter/42/"),
    ];
    let expected = [
        "cache-control: private, max-age=60",
        "content-type: text/html",
        "etag: \"a\"",
        "set-cookie: a=1; Path=/jupyter/42/",
        "set-cookie: b=2; Path=/jupyter/42/",
        "vary: Accept, Authorization, Cookie",
        "x-frame-options: DENY",
    ];
    assert_eq!(returned(&jupyter(&hidden), &lines), expected);
}

#[test]
fn what_proves_an_ingress_to_the_platform_is_not_sent_however_it_is_spelled() {
    let (cookies, headers) = (hidden(), ["x-ingress-secret".to_owned()]);
    let visible = Visible {
        hidden_headers: &headers,
        ..jupyter(&cookies)
    };
    let lines = [
        ("X-Ingress-Secret", "s3cret"),
        ("x_ingress-secret", "s3cret"),
        ("x-ingress-secrets", "kept"),
    ];
    assert_eq!(sent(&visible, &lines), ["x-ingress-secrets: kept"]);
}

#[test]
fn a_referer_is_sent_without_its_query() {
    let hidden = hidden();
    let lines = [(
        "Referer",
        "https://visa.example.org/jupyter/42/lab?access_token=e.y.J#x",
    )];
    assert_eq!(
        sent(&jupyter(&hidden), &lines),
        ["referer: https://visa.example.org/jupyter/42/lab"]
    );
}

#[test]
fn a_cookie_without_a_name_is_not_set_and_no_other_origin_is_let_in() {
    let hidden = hidden();
    let lines = [
        ("set-cookie", "=access_token=evil"),
        ("set-cookie", " =access_token=evil; Path=/"),
        ("access-control-allow-origin", "https://evil.example"),
        ("access-control-allow-credentials", "true"),
        ("refresh", "0; url=http://10.0.3.17:8888/"),
        ("x-kept", "1"),
    ];
    assert_eq!(
        returned(&jupyter(&hidden), &lines),
        ["cache-control: private", "vary: Authorization, Cookie", "x-kept: 1"]
    );
}
