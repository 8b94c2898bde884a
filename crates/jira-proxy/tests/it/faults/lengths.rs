//! Where a body ends, said in more than one way, or wrongly.

use proxy_testkit::Script;

use super::row::{Ask, Fault, ONE_TOO_MANY, fault};

pub(super) fn faults() -> Vec<Fault> {
    [lengths(), codings(), ends(), bodiless(), heads()]
        .into_iter()
        .flatten()
        .collect()
}

fn with(fields: &str) -> Script {
    Script::raw(format!("HTTP/1.1 200 OK\r\n{fields}\r\nada's own"))
}

fn chunks(fields: &str) -> Script {
    Script::raw(format!("HTTP/1.1 200 OK\r\n{fields}\r\n9\r\nada's own\r\n0\r\n\r\n"))
}

fn lengths() -> Vec<Fault> {
    vec![
        fault(
            "two-equal-lengths",
            "has two equal Content-Lengths",
            with("Content-Length: 9\r\nContent-Length: 9\r\n"),
        )
        .invalid()
        .answered(200),
        fault(
            "two-lengths",
            "has two Content-Lengths that differ",
            with("Content-Length: 9\r\nContent-Length: 3\r\n"),
        )
        .invalid(),
        fault(
            "list-of-lengths",
            "has `Content-Length: 9, 9`",
            with("Content-Length: 9, 9\r\n"),
        )
        .invalid()
        .answered(200),
        fault(
            "length-and-chunks",
            "has both Content-Length and Transfer-Encoding",
            chunks("Content-Length: 9\r\nTransfer-Encoding: chunked\r\n"),
        )
        .invalid()
        .answered(200),
        fault(
            "chunks-and-length",
            "has both Transfer-Encoding and Content-Length",
            chunks("Transfer-Encoding: chunked\r\nContent-Length: 9\r\n"),
        )
        .invalid()
        .answered(200),
        fault(
            "negative-length",
            "has a negative Content-Length",
            with("Content-Length: -9\r\n"),
        )
        .invalid(),
        fault(
            "length-with-a-sign",
            "has `Content-Length: +9`",
            with("Content-Length: +9\r\n"),
        )
        .invalid(),
        fault(
            "length-in-hexadecimal",
            "has `Content-Length: 0x9`",
            with("Content-Length: 0x9\r\n"),
        )
        .invalid(),
        fault(
            "length-without-a-number",
            "has an empty Content-Length",
            with("Content-Length: \r\n"),
        )
        .invalid(),
        fault(
            "huge-length",
            "has a Content-Length of more than 64 bits",
            with("Content-Length: 18446744073709551616\r\n"),
        )
        .invalid(),
        fault(
            "space-after-length",
            "has a space before the colon of Content-Length",
            with("Content-Length : 9\r\n"),
        )
        .invalid(),
    ]
}

fn codings() -> Vec<Fault> {
    vec![
        fault(
            "packed-transfer",
            "packs the transfer (`Transfer-Encoding: gzip, chunked`)",
            chunks("Transfer-Encoding: gzip, chunked\r\n"),
        )
        .invalid()
        .answered(200),
        fault(
            "unknown-transfer",
            "encodes the transfer in a way that nobody knows",
            with("Transfer-Encoding: x-ada\r\n").close(),
        )
        .invalid()
        .answered(200),
        fault(
            "chunked-twice",
            "says `chunked` twice",
            chunks("Transfer-Encoding: chunked, chunked\r\n"),
        )
        .invalid()
        .answered(200),
        fault(
            "two-transfer-encodings",
            "has two Transfer-Encodings",
            chunks("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        )
        .invalid()
        .answered(200),
        fault(
            "chunks-in-http-1-0",
            "speaks HTTP/1.0, and sends chunks",
            Script::raw("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nada's own\r\n0\r\n\r\n").close(),
        )
        .invalid(),
    ]
}

/// Where the body ends with the connection, or could.
fn ends() -> Vec<Fault> {
    vec![
        fault(
            "to-the-end",
            "gives no length, and closes at the end of the body",
            with("").close(),
        ),
        fault(
            "to-the-end-with-close",
            "says `Connection: close`, and closes at the end of the body",
            with("Connection: close\r\n").close(),
        ),
        fault(
            "http-1-0",
            "speaks HTTP/1.0, and closes at the end of the body",
            Script::raw("HTTP/1.0 200 OK\r\n\r\nada's own").close(),
        ),
        fault(
            "http-1-0-kept",
            "speaks HTTP/1.0 with a length, and keeps the connection",
            Script::raw("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 9\r\n\r\nada's own"),
        )
        .kept(),
        fault(
            "close-without-closing",
            "says `Connection: close`, and does not close",
            with("Connection: close\r\nContent-Length: 9\r\n"),
        ),
    ]
}

/// Answers that have no body, whatever they say.
fn bodiless() -> Vec<Fault> {
    let bodiless = |status: &str, rest: &str| Script::raw(format!("HTTP/1.1 {status}\r\n{rest}"));
    vec![
        fault(
            "no-content-with-a-length",
            "answers 204 with a length",
            bodiless("204 No Content", "Content-Length: 9\r\n\r\n"),
        )
        .whole(204, "")
        .kept(),
        fault(
            "no-content-with-a-body",
            "answers 204 with a body",
            bodiless("204 No Content", "Content-Length: 9\r\n\r\nada's own"),
        )
        .whole(204, ""),
        fault(
            "no-content-with-chunks",
            "answers 204 with chunks",
            bodiless(
                "204 No Content",
                "Transfer-Encoding: chunked\r\n\r\n9\r\nada's own\r\n0\r\n\r\n",
            ),
        )
        .whole(204, ""),
        fault(
            "no-content-and-an-answer",
            "answers 204 with a body that is an answer",
            bodiless("204 No Content", &format!("Content-Length: 50\r\n\r\n{ONE_TOO_MANY}")),
        )
        .whole(204, ""),
        fault(
            "not-modified-with-a-length",
            "answers 304 with a length",
            bodiless("304 Not Modified", "Content-Length: 9\r\n\r\n"),
        )
        .whole(304, "")
        .kept(),
        fault(
            "not-modified-with-chunks",
            "answers 304 with `Transfer-Encoding` and no body",
            bodiless("304 Not Modified", "Transfer-Encoding: chunked\r\n\r\n"),
        )
        .whole(304, "")
        .kept(),
        fault(
            "not-modified-with-a-body",
            "answers 304 with a body",
            bodiless("304 Not Modified", "Content-Length: 9\r\n\r\nada's own"),
        )
        .whole(304, ""),
    ]
}

/// Answers to HEAD.
fn heads() -> Vec<Fault> {
    let bodiless = |status: &str, rest: &str| Script::raw(format!("HTTP/1.1 {status}\r\n{rest}"));
    vec![
        fault(
            "head-with-a-body",
            "answers HEAD with a body",
            with("Content-Length: 9\r\n"),
        )
        .asked(Ask::Head)
        .whole(200, ""),
        fault(
            "head-with-chunks",
            "answers HEAD with chunks",
            chunks("Transfer-Encoding: chunked\r\n"),
        )
        .asked(Ask::Head)
        .whole(200, ""),
        fault(
            "head-without-a-body",
            "answers HEAD with a length and no body",
            bodiless("200 OK", "Content-Length: 9\r\n\r\n"),
        )
        .asked(Ask::Head)
        .whole(200, "")
        .kept(),
    ]
}
