//! Chunked request bodies that are malformed, or nearly.
//!
//! One that is malformed ends its connection. actix lets go of the request that is in progress, so there is an answer (400) only
//! if the forwarder noticed first; else its event is that of a caller who left (499). Jira gets its beginning at most.

use super::row::{Case, HIDDEN, POST, POSTED, case};

pub(super) fn cases() -> Vec<Case> {
    let chunks = |name: &'static str, body: &str| case(name, format!("{POST}Transfer-Encoding: chunked\r\n\r\n{body}"));
    let long = "x".repeat(100_000);
    vec![
        chunks("a good one", "3;x=y\r\n{ }\r\n0\r\n\r\n")
            .served(POSTED)
            .where_(|seen| assert_eq!(seen.body, b"{ }")),
        chunks("0x3", "0x3\r\n{ }\r\n0\r\n\r\n").broken_off(),
        chunks("+3", "+3\r\n{ }\r\n0\r\n\r\n").broken_off(),
        chunks("a space first", " 3\r\n{ }\r\n0\r\n\r\n").broken_off(),
        chunks("3_0", "3_0\r\n{ }\r\n0\r\n\r\n").broken_off(),
        chunks("no size", "\r\n{ }\r\n0\r\n\r\n").broken_off(),
        chunks("17 digits", "11111111111111111\r\n{ }").broken_off(),
        chunks("more than its size", "3\r\n{ }XX0\r\n\r\n").broken_off(),
        chunks("a line feed in an extension", "3;\n{ }\r\n0\r\n\r\n").broken_off(),
        chunks("a carriage return in an extension", "3;a\rb\r\n{ }\r\n0\r\n\r\n").broken_off(),
        chunks("a carriage return before an extension", "3\r\r;a\r\n{ }\r\n0\r\n\r\n").broken_off(),
        chunks("minus nothing", "-0x0\r\n\r\n").broken_off(),
        chunks("an empty line between chunks", "3\r\n{ }\r\n\r\n0\r\n\r\n").broken_off(),
        chunks("a line feed after the data", "3\r\n{ }\n0\r\n\r\n").broken_off(),
        chunks("line feeds alone", "3\n{ }\n0\n\n").broken_off(),
        chunks(
            "a malformed chunk behind a good one",
            &format!("3\r\n{{ }}\r\nzz\r\n{HIDDEN}"),
        )
        .broken_off(),
        chunks("a space after the size is not passed on", "3 \r\n{ }\r\n0\r\n\r\n")
            .served(POSTED)
            .where_(|seen| {
                assert!(!String::from_utf8_lossy(&seen.raw).contains("3 \r\n"));
            }),
        // actix has no limit for extensions. They are dropped as they come, and the time for the whole body bounds them.
        chunks(
            "an extension of 100 KB is not passed on",
            &format!("3;{long}\r\n{{ }}\r\n0\r\n\r\n"),
        )
        .served(POSTED)
        .where_(|seen| {
            assert!(seen.raw.len() < 1_000);
        }),
        chunks(
            "trailers are no headers, and are not passed on",
            "3\r\n{ }\r\n0\r\nX-Auth-Request-User: root\r\n\r\n",
        )
        .served(POSTED)
        .where_(|seen| {
            assert!(!String::from_utf8_lossy(&seen.raw).contains("root"));
        }),
    ]
}
