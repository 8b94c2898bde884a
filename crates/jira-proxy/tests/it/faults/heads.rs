//! Heads that are none, or none to pass on.

use proxy_testkit::Script;

use super::row::{Fault, GOOD, fault};

pub(super) fn faults() -> Vec<Fault> {
    let head = |fields: &str| Script::raw(format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 9\r\n\r\nada's own"));
    let line = |line: &str| Script::raw(format!("{line}\r\nContent-Length: 9\r\n\r\nada's own"));
    let many = |count: usize, length: usize| {
        let value = "a".repeat(length);
        (0..count).map(|n| format!("X-{n}: {value}\r\n")).collect::<String>()
    };
    vec![
        fault(
            "garbage",
            "sends something that is not HTTP",
            Script::raw("ada's own\r\n\r\n"),
        )
        .invalid(),
        fault(
            "tls",
            "speaks TLS where http is configured",
            Script::raw(b"\x15\x03\x01\x00\x02\x02\x46"),
        )
        .invalid(),
        fault("icy", "answers `ICY 200 OK`", line("ICY 200 OK")).invalid(),
        fault("http-2", "answers with `HTTP/2 200`", line("HTTP/2 200 OK")).invalid(),
        fault("http-1-2", "answers with `HTTP/1.2`", line("HTTP/1.2 200 OK")).invalid(),
        fault(
            "status-with-letters",
            "answers with the status `2OO`",
            line("HTTP/1.1 2OO OK"),
        )
        .invalid(),
        fault("status-99", "answers with the status 99", line("HTTP/1.1 99 Low")).invalid(),
        fault(
            "status-1000",
            "answers with the status 1000",
            line("HTTP/1.1 1000 High"),
        )
        .invalid(),
        fault("status-777", "answers with the status 777", line("HTTP/1.1 777 Odd"))
            .invalid()
            .answered(777),
        fault("no-reason", "leaves out the reason phrase", line("HTTP/1.1 200")).kept(),
        fault(
            "line-ends-first",
            "sends empty lines before the head",
            Script::raw(format!("\r\n\r\n{GOOD}")),
        )
        .kept(),
        fault(
            "folded-header",
            "folds a header over two lines (obs-fold)",
            head("X-Folded: a\r\n b\r\n"),
        )
        .invalid(),
        fault(
            "bare-line-feeds",
            "ends lines with LF alone",
            Script::raw("HTTP/1.1 200 OK\nContent-Length: 9\n\nada's own"),
        )
        .kept(),
        fault(
            "bare-carriage-return",
            "has a lone CR in a header",
            head("X-Odd: a\rb\r\n"),
        )
        .invalid(),
        fault("nul-in-header", "has a NUL in a header", head("X-Odd: a\0b\r\n")).invalid(),
        fault("nameless-header", "has a header without a name", head(": a\r\n")).invalid(),
        fault("no-colon", "has a header without a colon", head("X-Odd\r\n")).invalid(),
        fault(
            "space-before-colon",
            "has a space before a header's colon",
            head("X-Odd : a\r\n"),
        )
        .invalid(),
        fault(
            "two-content-types",
            "has two Content-Types",
            head("Content-Type: a/b\r\nContent-Type: c/d\r\n"),
        )
        .invalid()
        .answered(200),
        fault("one-hundred-headers", "has 100 headers", head(&many(99, 1))).kept(),
        fault("too-many-headers", "has more than 100 headers", head(&many(100, 1))).invalid(),
        fault("large-header", "has a header of 200 KB", head(&many(1, 200_000))).invalid(),
        fault("large-head", "has a head of more than 32 KiB", head(&many(10, 4_000)))
            .invalid()
            .answered(200),
        fault(
            "endless-head",
            "sends a head without end",
            Script::raw("HTTP/1.1 200 OK\r\n").send_times("X-Ada: ada\r\n", 1_000_000),
        )
        .invalid(),
        fault(
            "packed-many-times",
            "says that the body is packed in ways that nobody knows (`gzip,gzip,br,x`): passed on as it is",
            head("Content-Encoding: gzip,gzip,br,x\r\n"),
        )
        .kept(),
    ]
}
