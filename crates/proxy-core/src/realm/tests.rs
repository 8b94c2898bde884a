use actix_http::RequestHead;
use actix_web::http::header::{HeaderName, HeaderValue};

use super::PublicUrl;

fn observed(tls: bool, peer: &str, headers: &[(&'static str, &'static str)]) -> String {
    let mut head = RequestHead::default();
    head.peer_addr = Some(peer.parse().unwrap());
    for (name, value) in headers {
        head.headers
            .append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let public = PublicUrl {
        origin: None,
        tls,
        trusted_peers: vec!["10.0.0.0/8".parse().unwrap()],
    };
    let (scheme, host) = public.observed(&head);
    format!("{scheme}://{host}")
}

#[test]
fn links_are_https_unless_the_caller_is_local_or_a_trusted_peer_says_otherwise() {
    for (peer, headers, expected) in [
        (
            "192.0.2.1:1",
            &[("host", "data.example.org")][..],
            "https://data.example.org",
        ),
        ("192.0.2.1:1", &[("host", "127.0.0.1:8080")], "http://127.0.0.1:8080"),
        ("192.0.2.1:1", &[("host", "[::1]:8080")], "http://[::1]:8080"),
        ("192.0.2.1:1", &[("host", "localhost")], "http://localhost"),
        (
            "192.0.2.1:1",
            &[("host", "data.example.org"), ("x-forwarded-proto", "http")],
            "https://data.example.org",
        ),
        (
            "10.1.2.3:1",
            &[("host", "data.example.org"), ("x-forwarded-proto", "http")],
            "http://data.example.org",
        ),
        (
            "10.1.2.3:1",
            &[("host", "data.example.org"), ("x-forwarded-proto", "ftp")],
            "https://data.example.org",
        ),
        (
            "10.1.2.3:1",
            &[("host", "a"), ("x-forwarded-host", "evil"), ("forwarded", "host=evil")],
            "https://a",
        ),
    ] {
        assert_eq!(observed(false, peer, headers), expected);
    }
    for (headers, expected) in [
        (&[("host", "127.0.0.1:8080")][..], "https://127.0.0.1:8080"),
        (
            &[("host", "localhost"), ("x-forwarded-proto", "http")],
            "https://localhost",
        ),
    ] {
        assert_eq!(observed(true, "127.0.0.1:1", headers), expected, "over TLS");
    }
}
