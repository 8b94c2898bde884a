//! Chunks that are malformed, or nearly.

use proxy_testkit::Script;

use super::row::{ADAS, Fault, fault};

pub(super) fn faults() -> Vec<Fault> {
    let chunks = |chunks: &str| Script::raw(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"));
    let long = "x".repeat(100_000);
    vec![
        fault(
            "chunk-extension",
            "has a chunk extension",
            chunks("9;x=y\r\nada's own\r\n0\r\n\r\n"),
        )
        .kept(),
        fault(
            "long-chunk-extension",
            "has a chunk extension of 100 KB",
            chunks(&format!("9;{long}\r\nada's own\r\n0\r\n\r\n")),
        )
        .cut(ADAS),
        fault(
            "trailers",
            "has trailers: dropped",
            chunks("9\r\nada's own\r\n0\r\nX-Auth-Request-User: root\r\n\r\n"),
        )
        .kept(),
        fault(
            "long-trailers",
            "has trailers of 100 KB",
            chunks(&format!("9\r\nada's own\r\n0\r\nX: {long}\r\n\r\n")),
        )
        .cut(ADAS),
        fault(
            "chunk-size-17-digits",
            "has a chunk size of 17 digits",
            chunks("10000000000000009\r\nada's own\r\n0\r\n\r\n"),
        )
        .cut(ADAS),
        fault(
            "chunk-size-0x",
            "has a chunk size `0x9`",
            chunks("0x9\r\nada's own\r\n0\r\n\r\n"),
        )
        .cut(ADAS),
        fault(
            "chunk-size-with-a-sign",
            "has a chunk size `+9`",
            chunks("+9\r\nada's own\r\n0\r\n\r\n"),
        )
        .cut(ADAS),
        fault(
            "chunk-size-missing",
            "has no chunk size",
            chunks("\r\nada's own\r\n0\r\n\r\n"),
        )
        .cut(ADAS),
        fault(
            "chunk-size-of-no-number",
            "has a chunk size that is no number",
            chunks("4\r\nada'\r\nzz\r\ns own\r\n0\r\n\r\n"),
        )
        .cut(ADAS),
        fault(
            "chunk-overrun",
            "sends more than the chunk's size",
            chunks("4\r\nada's own\r\n0\r\n\r\n"),
        )
        .cut(ADAS),
        fault(
            "chunk-line-feeds",
            "ends chunk lines with LF alone",
            chunks("9\nada's own\n0\n\n"),
        )
        .cut(ADAS),
    ]
}
