//! Bodies that end too early.

use std::time::Duration;

use proxy_testkit::Script;

use super::row::{ADAS, Fault, fault};

pub(super) fn faults() -> Vec<Fault> {
    let length = |sent: &str| Script::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{sent}"));
    let chunks = |chunks: &str| Script::raw(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"));
    let packed = |sent: &str| {
        Script::raw(format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n{sent}"
        ))
    };
    let open = || Script::raw("HTTP/1.1 200 OK\r\n\r\nada'");
    let a_while = Duration::from_millis(200);
    vec![
        fault("closed-after-head", "closes after the head", length("").close()).cut(ADAS),
        fault("reset-after-head", "resets after the head", length("").reset()).cut(ADAS),
        fault(
            "closed-in-length",
            "closes before as many bytes as announced",
            length("ada'").close(),
        )
        .cut(ADAS),
        fault(
            "closed-in-length-later",
            "closes, after a while, before as many bytes as announced",
            length("ada'").wait(a_while).close(),
        )
        .cut(ADAS),
        fault(
            "reset-in-length",
            "resets before as many bytes as announced",
            length("ada'").reset(),
        )
        .cut(ADAS),
        fault(
            "reset-in-length-later",
            "resets, after a while, before as many bytes as announced",
            length("ada'").wait(a_while).reset(),
        )
        .cut(ADAS),
        fault(
            "closed-in-packed-body",
            "closes in the middle of a packed body",
            packed("ada'").close(),
        )
        .cut(ADAS),
        fault(
            "closed-in-chunk",
            "closes in the middle of a chunk",
            chunks("9\r\nada'").close(),
        )
        .cut(ADAS),
        fault(
            "reset-in-chunk",
            "resets in the middle of a chunk",
            chunks("9\r\nada'").reset(),
        )
        .cut(ADAS),
        fault(
            "closed-between-chunks",
            "closes between two chunks: the last one is missing",
            chunks("4\r\nada'\r\n").close(),
        )
        .cut(ADAS),
        fault(
            "reset-between-chunks",
            "resets between two chunks",
            chunks("4\r\nada'\r\n").wait(a_while).reset(),
        )
        .cut(ADAS),
        fault(
            "closed-in-chunk-size",
            "closes in the middle of a chunk's size",
            chunks("9").close(),
        )
        .cut(ADAS),
        fault(
            "closed-in-last-chunk",
            "closes in the middle of the last chunk",
            chunks("9\r\nada's own\r\n0\r\n").close(),
        )
        .cut(ADAS),
        fault(
            "closed-in-trailers",
            "closes in the middle of trailers",
            chunks("9\r\nada's own\r\n0\r\nX: y\r\n").close(),
        )
        .cut(ADAS),
        fault(
            "reset-to-the-end",
            "gives no length, and resets in the middle of the body",
            open().wait(a_while).reset(),
        )
        .cut(ADAS),
    ]
}
