//! Request lines, hosts and methods.

use super::row::{Case, GET, GOT, HIDDEN, case};

const FIELDS: &str = "Host: x\r\nAuthorization: <token>\r\n\r\n";
const PATH: &str = "<prefix>/rest/api/2/field";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = lines();
    cases.extend(hosts());
    cases.extend(methods());
    cases
}

fn lines() -> Vec<Case> {
    let line = |name: &'static str, line: &str| case(name, format!("{}\r\n{FIELDS}", line.replace("<path>", PATH)));
    vec![
        line("absolute form", "GET http://evil<path> HTTP/1.1")
            .gets(&["400 bad_request"])
            .open(),
        line("absolute form with https", "GET https://evil<path> HTTP/1.1")
            .gets(&["400 bad_request"])
            .open(),
        line("absolute form with ftp", "GET ftp://evil<path> HTTP/1.1")
            .gets(&["400 bad_request"])
            .open(),
        line("authority form", "GET evil:80 HTTP/1.1")
            .gets(&["400 bad_request"])
            .open(),
        line("a star", "GET * HTTP/1.1").gets(&["400 bad_request"]).open(),
        line("OPTIONS and a star", "OPTIONS * HTTP/1.1")
            .gets(&["400 bad_request"])
            .open(),
        line("a fragment", "GET <path>#@evil/ HTTP/1.1").served(GOT),
        line("HTTP/1.2", "GET <path> HTTP/1.2").gets(&["400"]),
        line("HTTP/0.9", "GET <path>").gets(&["400"]),
        line("a tab instead of a space", "GET <path>\tHTTP/1.1").gets(&["400"]),
        line("a space after the version", "GET <path> HTTP/1.1 ").gets(&["400"]),
        line("a line feed instead of a space", "GET <path>\nHTTP/1.1").gets(&["400"]),
        line("a version with carriage returns", "GET <path> HTTP/\r\r1.1").gets(&["400"]),
        line("a version of many digits", "GET <path> HTTP/4294967297.1").gets(&["400"]),
        line("a target without a slash", "GET ! HTTP/1.1")
            .gets(&["400 bad_request"])
            .open(),
        line("a method with a quote", "GET\" <path> HTTP/1.1").gets(&["400"]),
        line("the preface of HTTP/2", "PRI * HTTP/2.0").gets(&["400"]),
        line("a letter beyond ASCII", "GET <prefix>/rest/api/2/\u{e9} HTTP/1.1").gets(&["400"]),
        case(
            "a target of more than 8 KiB",
            format!("GET {PATH}?{} HTTP/1.1\r\n{FIELDS}", "a".repeat(9_000)),
        )
        .gets(&["414 uri_too_long"])
        .open(),
    ]
}

fn hosts() -> Vec<Case> {
    let host = |name: &'static str, host: &str| case(name, GET.replace("Host: x\r\n", host) + "\r\n");
    let bad = &["400 bad_request"];
    vec![
        host("no host", "").gets(&["400"]),
        host("two hosts", "Host: a\r\nHost: b\r\n").gets(&["400"]),
        host("an empty host", "Host: \r\n").gets(bad).open(),
        host("a host with a space", "Host: a b\r\n").gets(bad).open(),
        host("a host with a path", "Host: a/..@c\r\n").gets(bad).open(),
        host("a host with a user", "Host: user@evil\r\n").gets(bad).open(),
        host("a host with a quote", "Host: a\"b\r\n").gets(bad).open(),
        host("a host with an address and a port", "Host: [::1]:80\r\n").served(GOT),
        case(
            "HTTP/1.0 without a host",
            format!("GET {PATH} HTTP/1.0\r\nAuthorization: <token>\r\n\r\n"),
        )
        .gets(bad),
        case(
            "HTTP/1.0 is answered, and its connection closed",
            GET.replace("1.1", "1.0") + "\r\n",
        )
        .gets(&["200"])
        .upstream(&[GOT]),
    ]
}

fn methods() -> Vec<Case> {
    let method = |name: &'static str, method: &str| case(name, format!("{}\r\n", GET.replacen("GET", method, 1)));
    let refused = &["405 method_not_allowed"];
    vec![
        method("PUT", "PUT").gets(refused).open(),
        method("PATCH", "PATCH").gets(refused).open(),
        method("DELETE", "DELETE").gets(refused).open(),
        method("QUERY", "QUERY").gets(refused).open(),
        method("TRACE", "TRACE").gets(refused).open(),
        method("OPTIONS", "OPTIONS").gets(refused).open(),
        method("a method in small letters", "get").gets(refused).open(),
        method("a method that nobody knows", "FOO-BAR").gets(refused).open(),
        case(
            "CONNECT to a host",
            format!("CONNECT evil:1 HTTP/1.1\r\n{FIELDS}{HIDDEN}"),
        )
        .gets(&["400 bad_request"]),
        case(
            "CONNECT to a path",
            format!("CONNECT {PATH} HTTP/1.1\r\n{FIELDS}{HIDDEN}"),
        )
        .gets(&["400 bad_request"]),
        case(
            "a method in a header",
            format!("{GET}X-HTTP-Method-Override: DELETE\r\n\r\n"),
        )
        .served(GOT)
        .where_(|seen| {
            assert_eq!(seen.header("x-http-method-override"), None);
        }),
    ]
}
