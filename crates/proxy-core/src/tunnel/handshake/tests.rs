use actix_web::test::TestRequest;
use http::Response;

use super::*;

/// The one of RFC 6455, 1.3, with its answer.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const GOOD: &[(&str, &str)] = &[
    ("host", "x"),
    ("connection", "keep-alive, Upgrade"),
    ("upgrade", "WebSocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", KEY),
];

fn asked(method: Method, version: Version, fields: &[(&str, &str)]) -> Result<Asked, ProxyError> {
    let request = TestRequest::default().method(method).version(version);
    let request = fields
        .iter()
        .fold(request, |request, field| request.append_header(*field));
    Asked::of(request.to_srv_request().head())
}

/// The good one, with these fields in the place of those of the same names.
fn with(fields: &[(&'static str, &'static str)]) -> Result<Asked, ProxyError> {
    let kept = GOOD
        .iter()
        .filter(|(name, _)| !fields.iter().any(|(other, _)| other == name));
    let all: Vec<_> = kept.chain(fields).copied().filter(|(_, value)| *value != "-").collect();
    asked(Method::GET, Version::HTTP_11, &all)
}

#[test]
fn a_handshake_as_browsers_and_libraries_write_it_is_taken() {
    let asked = with(&[
        ("sec-websocket-protocol", "v1.kernel.websocket.jupyter.org, Other"),
        ("sec-websocket-protocol", "third"),
        (
            "sec-websocket-extensions",
            "permessage-deflate; client_max_window_bits, x-Two;a=1",
        ),
        ("content-length", "0"),
    ]);
    let asked = asked.unwrap();
    assert_eq!(asked.accept, ACCEPT);
    assert_eq!(asked.protocols, ["v1.kernel.websocket.jupyter.org", "Other", "third"]);
    assert_eq!(asked.extensions, ["permessage-deflate", "x-two"]);
    assert!(with(&[("connection", "upgrade")]).is_ok());
}

#[test]
fn what_is_no_handshake_is_refused() {
    for method in [Method::POST, Method::HEAD, Method::PUT, Method::CONNECT] {
        assert!(matches!(
            asked(method, Version::HTTP_11, GOOD),
            Err(ProxyError::BadRequest(_))
        ));
    }
    let old = asked(Method::GET, Version::HTTP_10, GOOD);
    assert!(matches!(old, Err(ProxyError::BadRequest(_))));
    for fields in [
        &[("upgrade", "-")][..],
        &[("upgrade", "h2c")],
        &[("upgrade", "websocket, h2c")],
        &[("upgrade", "websocket"), ("upgrade", "websocket")],
        &[("connection", "-")],
        &[("connection", "keep-alive")],
        &[("connection", "not-upgrade")],
        &[("content-length", "1")],
        &[("transfer-encoding", "chunked")],
        &[("sec-websocket-key", "-")],
        &[("sec-websocket-key", KEY), ("sec-websocket-key", KEY)],
        &[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ")],
        &[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZSE=")],
        &[("sec-websocket-key", "!!!!IHNhbXBsZSBub25jZQ==")],
        &[("sec-websocket-key", "")],
    ] {
        assert!(matches!(with(fields), Err(ProxyError::BadRequest(_))), "{fields:?}");
    }
}

#[test]
fn another_version_of_the_protocol_is_told_the_right_one() {
    for fields in [
        &[("sec-websocket-version", "8")][..],
        &[("sec-websocket-version", "-")],
        &[("sec-websocket-version", "13, 8")],
        &[("sec-websocket-version", "13"), ("sec-websocket-version", "13")],
    ] {
        assert!(matches!(with(fields), Err(ProxyError::WebSocketVersion)), "{fields:?}");
    }
}

fn flaw(fields: &[(&str, &str)]) -> Option<&'static str> {
    let asked = with(&[
        ("sec-websocket-protocol", "one, two"),
        ("sec-websocket-extensions", "permessage-deflate; client_max_window_bits"),
    ]);
    let response = Response::builder().status(101);
    let response = fields
        .iter()
        .fold(response, |response, (name, value)| response.header(*name, *value));
    asked.unwrap().flaw(&response.body(()).unwrap().into_parts().0)
}

const AGREED: [(&str, &str); 3] = [
    ("upgrade", "websocket"),
    ("connection", "Upgrade"),
    ("sec-websocket-accept", ACCEPT),
];

#[test]
fn a_101_that_answers_what_was_asked_is_believed() {
    for more in [
        &[][..],
        &[("sec-websocket-protocol", "two")],
        &[(
            "sec-websocket-extensions",
            "permessage-deflate; server_max_window_bits=10",
        )],
        &[("set-cookie", "a=b"), ("server", "x")],
    ] {
        assert_eq!(flaw(&[&AGREED[..], more].concat()), None, "{more:?}");
    }
}

#[test]
fn any_other_101_is_not() {
    let [upgrade, connection, accept] = AGREED;
    let wrong = ("sec-websocket-accept", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    for fields in [
        &[connection, accept][..],
        &[upgrade, accept],
        &[upgrade, ("connection", "keep-alive"), accept],
        &[("upgrade", "h2c"), connection, accept],
        &[upgrade, upgrade, connection, accept],
        &[upgrade, connection],
        &[upgrade, connection, wrong],
        &[upgrade, connection, accept, accept],
        &[upgrade, connection, accept, ("sec-websocket-protocol", "three")],
        &[upgrade, connection, accept, ("sec-websocket-protocol", "One")],
        &[upgrade, connection, accept, ("sec-websocket-protocol", "one, two")],
        &[
            upgrade,
            connection,
            accept,
            ("sec-websocket-protocol", "one"),
            ("sec-websocket-protocol", "two"),
        ],
        &[upgrade, connection, accept, ("sec-websocket-protocol", "")],
        &[
            upgrade,
            connection,
            accept,
            ("sec-websocket-extensions", "x-webkit-deflate-frame"),
        ],
        &[
            upgrade,
            connection,
            accept,
            ("sec-websocket-extensions", "permessage-deflate, mux"),
        ],
    ] {
        assert!(flaw(fields).is_some(), "{fields:?}");
    }
}

#[test]
fn nobody_gets_a_sub_protocol_who_asked_for_none() {
    let asked = with(&[]).unwrap();
    let response = AGREED
        .iter()
        .fold(Response::builder().status(101), |response, (name, value)| {
            response.header(*name, *value)
        });
    let response = response.header("sec-websocket-protocol", "one").body(()).unwrap();
    assert!(asked.flaw(&response.into_parts().0).is_some());
}

#[test]
fn upstream_gets_the_callers_own_fields_and_the_two_that_upgrade() {
    let request = TestRequest::default();
    let protocols = ["b, A", "v1.token.websocket.jupyter.org.ABC"];
    let request = protocols.iter().fold(request, |request, protocol| {
        request.append_header(("sec-websocket-protocol", *protocol))
    });
    let request = request
        .append_header(("sec-websocket-key", KEY))
        .append_header(("cookie", "a=b"))
        .to_srv_request();
    let mut fields = HeaderMap::new();
    fields.insert("sec-websocket-protocol", HeaderValue::from_static("b, A"));
    fields.insert("accept", HeaderValue::from_static("x"));
    ask(&mut fields, &request.head().headers);
    let sent: Vec<_> = fields.get_all("sec-websocket-protocol").iter().collect();
    assert_eq!(sent, protocols);
    assert_eq!(fields["sec-websocket-key"], KEY);
    assert_eq!((&fields["connection"], &fields["upgrade"]), (&UPGRADE, &WEBSOCKET));
    assert_eq!((fields.len(), fields.contains_key("cookie")), (6, false));
}

#[test]
fn the_caller_gets_the_answer_to_the_handshake_and_nothing_else() {
    let mut fields = HeaderMap::new();
    for (name, value) in [
        ("sec-websocket-accept", ACCEPT),
        ("sec-websocket-protocol", "Two"),
        ("set-cookie", "a=b"),
        ("server", "x"),
        ("content-length", "5"),
    ] {
        fields.append(name, HeaderValue::from_static(value));
    }
    let id = RequestId::generate();
    let head = String::from_utf8(answer(&fields, &id)).unwrap();
    assert_eq!(
        head,
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-accept: {ACCEPT}\r\nsec-websocket-protocol: Two\r\nx-request-id: {id}\r\n\r\n"
        )
    );
}
