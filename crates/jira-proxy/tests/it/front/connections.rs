//! Several requests on one connection, and what asks for something else than an answer.

use super::row::{Case, GET, GOT, HIDDEN, POST, POSTED, case};
use crate::harness::PREFIX;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = pipelined();
    cases.extend(upgrades());
    cases.extend(expectations());
    cases
}

fn pipelined() -> Vec<Case> {
    let one = |n: u32| format!("{GET}\r\n").replace("field", &format!("field/{n}"));
    let unread = |framing: &str| format!("POST <prefix>/rest/api/2/issue HTTP/1.1\r\nHost: x\r\n{framing}\r\n");
    let head = |path: &str| format!("{GET}\r\n").replacen("GET", "HEAD", 1).replace("field", path);
    let hidden = HIDDEN.replace("<prefix>", PREFIX).replace("<token>", "x");
    vec![
        case("three requests at once", [one(1), one(2), one(3)].concat())
            .gets(&["200"; 3])
            .open()
            .upstream(&[
                "GET /rest/api/2/field/1",
                "GET /rest/api/2/field/2",
                "GET /rest/api/2/field/3",
            ]),
        case("more at once than is held back", format!("{GET}\r\n").repeat(200))
            .gets(&["200"; 200])
            .open()
            .upstream(&[GOT; 200]),
        case("HEAD and GET at once", format!("{}{}", head("field/1"), one(2)))
            .gets(&["200 HEAD", "200"])
            .open()
            .upstream(&["HEAD /rest/api/2/field/1", "GET /rest/api/2/field/2"]),
        case("GET and HEAD at once", format!("{}{}", one(1), head("field/2")))
            .gets(&["200", "200 HEAD"])
            .open()
            .upstream(&["GET /rest/api/2/field/1", "HEAD /rest/api/2/field/2"]),
        case(
            "HEAD of a problem and GET at once",
            format!("{}{}", head("user"), one(2)),
        )
        .gets(&["403 HEAD", "200"])
        .open()
        .upstream(&["GET /rest/api/2/field/2"]),
        case(
            "POST and HEAD at once",
            format!("{POST}Content-Length: 2\r\n\r\n{{}}{}", head("field/2")),
        )
        .gets(&["200", "200 HEAD"])
        .open()
        .upstream(&[POSTED, "HEAD /rest/api/2/field/2"]),
        case(
            "a POST in chunks, GET and HEAD at once",
            format!(
                "{POST}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\nX: y\r\n\r\n{}{}",
                one(1),
                head("field/2")
            ),
        )
        .gets(&["200", "200", "200 HEAD"])
        .open()
        .upstream(&[POSTED, "GET /rest/api/2/field/1", "HEAD /rest/api/2/field/2"]),
        case(
            "a POST in chunks, Connection: close, and another request",
            format!("{POST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{GET}Connection: close\r\n\r\n{HIDDEN}"),
        )
        .gets(&["200", "200"])
        .upstream(&[POSTED, GOT]),
        case(
            "a POST in chunks, and line feeds alone",
            format!("{POST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{GET}\n"),
        )
        .gets(&["200", "400 bad_request"])
        .upstream(&[POSTED]),
        case(
            "HTTP/1.0, and another request",
            format!("{}\r\n{HIDDEN}", GET.replace("1.1", "1.0")),
        )
        .gets(&["200"])
        .upstream(&[GOT]),
        case(
            "something malformed between two requests",
            format!("{}BROKEN\r\n\r\n{HIDDEN}", one(1)),
        )
        .gets(&["200", "400"])
        .upstream(&["GET /rest/api/2/field/1"]),
        case(
            "half a request behind a request",
            format!("{}GET <prefix>/rest", one(1)),
        )
        .gets(&["200"])
        .then(
            "/api/2/field/2 HTTP/1.1\r\nHost: x\r\nAuthorization: <token>\r\n\r\n",
            &["200"],
        )
        .open()
        .upstream(&["GET /rest/api/2/field/1", "GET /rest/api/2/field/2"]),
        case(
            "a body in halves, and a request behind it",
            format!("{POST}Content-Length: 2\r\n\r\n{{"),
        )
        .then(&format!("}}{}", one(2)), &["200", "200"])
        .open()
        .upstream(&[POSTED, "GET /rest/api/2/field/2"]),
        case(
            "Connection: close, and another request",
            format!("{GET}Connection: close\r\n\r\n{HIDDEN}"),
        )
        .gets(&["200"])
        .upstream(&[GOT]),
        case(
            "a refused body is no request",
            format!("{}{hidden}", unread(&format!("Content-Length: {}\r\n", hidden.len()))),
        )
        .gets(&["401 unauthenticated"]),
        case(
            "a refused body, and a request behind it",
            format!("{}{{}}{HIDDEN}", unread("Content-Length: 2\r\n")),
        )
        .gets(&["401 unauthenticated"]),
        case(
            "a refused body in chunks is no request",
            format!("{}5\r\nhello\r\n0\r\n\r\n", unread("Transfer-Encoding: chunked\r\n")),
        )
        .gets(&["401 unauthenticated"])
        .open(),
    ]
}

fn upgrades() -> Vec<Case> {
    let upgrade =
        |name: &'static str, fields: &str| case(name, format!("{GET}{fields}\r\n{HIDDEN}")).gets(&["400 bad_request"]);
    vec![
        upgrade("a WebSocket without Connection", "Upgrade: websocket\r\n"),
        upgrade(
            "a WebSocket",
            "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        ),
        upgrade(
            "a WebSocket with a wrong key",
            "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Key: x\r\n",
        ),
        upgrade(
            "a WebSocket with a length",
            "Upgrade: WebSocket\r\nContent-Length: 5\r\n",
        ),
        // HTTP/2 is not ours to offer: the request is served as it is.
        case(
            "HTTP/2",
            format!("{GET}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n"),
        )
        .gets(&["200"])
        .upstream(&[GOT])
        .where_(|seen| {
            assert_eq!((seen.header("upgrade"), seen.header("http2-settings")), (None, None));
        }),
    ]
}

fn expectations() -> Vec<Case> {
    let expect = "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}";
    vec![
        // The body is there already; `wire` waits for the 100 before it sends one.
        case("Expect, and the body at once", format!("{POST}{expect}"))
            .served(POSTED)
            .where_(|seen| {
                assert_eq!((seen.header("expect"), seen.body.as_slice()), (None, b"{}".as_slice()));
            }),
        case(
            "Expect of something else",
            format!("{POST}Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{{}}"),
        )
        .gets(&["417 expectation_failed"]),
        case("Expect with a GET", format!("{GET}Expect: 100-continue\r\n\r\n"))
            .served(GOT)
            .where_(|seen| {
                assert_eq!(seen.header("expect"), None);
            }),
    ]
}
