//! Where a request ends, said in more than one way, or wrongly. Rows are named after what the head says.

use super::row::{Case, GET, HIDDEN, POST, POSTED, case};

pub(super) fn cases() -> Vec<Case> {
    let hidden = |name: &'static str, framing: &str| case(name, format!("{GET}{framing}\r\n{HIDDEN}")).gets(&["400"]);
    let post = |name: &'static str, framing: &str, body: &str| case(name, format!("{POST}{framing}\r\n{body}"));
    vec![
        hidden(
            "length and chunks",
            "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        ),
        hidden(
            "chunks and length",
            "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        ),
        hidden("two equal lengths", "Content-Length: 3\r\nContent-Length: 3\r\n"),
        hidden("two lengths", "Content-Length: 3\r\nContent-Length: 4\r\n"),
        hidden("a list of lengths", "Content-Length: 3, 3\r\n"),
        hidden("a length with a sign", "Content-Length: +3\r\n"),
        hidden("a negative length", "Content-Length: -1\r\n"),
        hidden("a hexadecimal length", "Content-Length: 0x3\r\n"),
        hidden("a length with an underscore", "Content-Length: 1_0\r\n"),
        hidden(
            "a length of more than 64 bits",
            "Content-Length: 18446744073709551616\r\n",
        ),
        hidden("an empty length", "Content-Length: \r\n"),
        hidden(
            "an empty length and another",
            "Content-Length: \r\nContent-Length: 3\r\n",
        ),
        hidden("a length with a letter", "Content-Length: 3Z\r\n"),
        hidden("a length without a colon", "Content-Length 3\r\n"),
        hidden(
            "a length with a no-break space before the colon",
            "Content-Length\u{a0}: 3\r\n",
        ),
        hidden("a comma and chunked", "Transfer-Encoding: ,chunked\r\n"),
        hidden(
            "chunked between no-break spaces",
            "Transfer-Encoding: \u{a0}chunked\u{a0}\r\n",
        ),
        hidden("identity", "Transfer-Encoding: identity\r\n"),
        hidden("xchunked", "Transfer-Encoding: xchunked\r\n"),
        hidden("gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n"),
        hidden("chunked, identity", "Transfer-Encoding: chunked, identity\r\n"),
        hidden("chunked in quotes", "Transfer-Encoding: \"chunked\"\r\n"),
        hidden("chunked after a vertical tab", "Transfer-Encoding: \x0bchunked\r\n"),
        hidden(
            "chunked twice",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        ),
        hidden(
            "chunked and a space before the colon",
            "Transfer-Encoding : chunked\r\n",
        ),
        hidden("chunked on a second line", "Transfer-Encoding:\r\n chunked\r\n"),
        case(
            "chunked in HTTP/1.0",
            format!(
                "{}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}",
                POST.replace("1.1", "1.0")
            ),
        )
        .gets(&["400"]),
        post(
            "a length with a zero first is written anew",
            "Content-Length: 03\r\n",
            "{ }",
        )
        .served(POSTED)
        .where_(|seen| {
            assert_eq!(
                (seen.header("content-length"), seen.body.as_slice()),
                (Some("3"), b"{ }".as_slice())
            );
        }),
        post(
            "a length with a zero first is no octal number",
            "Content-Length: 010\r\n",
            "{\"a\": 123}",
        )
        .served(POSTED)
        .where_(|seen| assert_eq!(seen.body, b"{\"a\": 123}".as_slice())),
        post(
            "a length with spaces around is written anew",
            "Content-Length: \t3 \t\r\n",
            "{ }",
        )
        .served(POSTED)
        .where_(|seen| {
            assert!(
                String::from_utf8_lossy(&seen.raw)
                    .to_ascii_lowercase()
                    .contains("\r\ncontent-length: 3\r\n")
            );
        }),
        case("a GET with a length", format!("{GET}Content-Length: 4\r\n\r\nbody")).gets(&["400 bad_request"]),
        case(
            "a GET with chunks",
            format!("{GET}Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"),
        )
        .gets(&["400 bad_request"])
        .open(),
        case(
            "a GET with a body that is a request",
            format!("{GET}Content-Length: {}\r\n\r\n{}", 400, " ".repeat(400)),
        )
        .gets(&["400 bad_request"]),
    ]
}
