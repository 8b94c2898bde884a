//! Answers that do not come, or too slowly.

use std::time::Duration;

use proxy_testkit::Script;

use super::row::{ADAS, Ask, Fault, fault};

pub(super) fn faults() -> Vec<Fault> {
    let length = |sent: &str| Script::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{sent}"));
    let chunks = |chunks: &str| Script::raw(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"));
    let slowly = Duration::from_millis(400);
    vec![
        fault("silent", "takes the request and says nothing", Script::raw("").hang()).late(),
        fault(
            "silent-to-a-post",
            "takes a POST and says nothing",
            Script::raw("").hang(),
        )
        .asked(Ask::Post)
        .late(),
        fault(
            "silent-in-head",
            "falls silent in the middle of the head",
            Script::raw("HTTP/1.1 200 OK\r\nContent-Le").hang(),
        )
        .late(),
        fault(
            "dripping-head",
            "sends the head byte by byte, too slowly",
            Script::raw("").drip("HTTP/1.1 200 OK", slowly).hang(),
        )
        .late(),
        fault("silent-after-head", "falls silent after the head", length("").hang()).cut(ADAS),
        fault(
            "silent-in-length",
            "falls silent in the middle of the body",
            length("ada'").hang(),
        )
        .cut(ADAS),
        fault(
            "silent-between-chunks",
            "falls silent between two chunks",
            chunks("4\r\nada'\r\n").hang(),
        )
        .cut(ADAS),
        fault(
            "silent-in-trailers",
            "falls silent before the body's last line",
            chunks("9\r\nada's own\r\n0\r\n").hang(),
        )
        .cut(ADAS),
        fault(
            "chunk-size-16-digits",
            "announces a chunk of 16 digits, and falls silent",
            chunks("FFFFFFFFFFFFFFF0\r\nada'").hang(),
        )
        .cut(ADAS),
        fault(
            "half-closed",
            "sends half of the body and its FIN, and keeps the connection",
            length("ada'").half_close(),
        )
        .cut(ADAS),
        fault(
            "dripping-body",
            "sends the body byte by byte, never silent for the idle limit",
            length("").drip(ADAS, slowly),
        )
        .kept(),
    ]
}
