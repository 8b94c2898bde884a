//! Requests with a body, answered or dropped before the body is there.

use proxy_testkit::Script;

use super::row::{ADAS, Ask, Fault, GOOD, fault};

pub(super) fn faults() -> Vec<Fault> {
    let early = |head: &str| Script::new().send(format!("HTTP/1.1 {head}Content-Length: 9\r\n\r\nada's own"));
    vec![
        fault(
            "post-answered-early",
            "answers a POST before its body has come",
            Script::new().send(GOOD).hang(),
        )
        .asked(Ask::HalfPost)
        .whole(200, ADAS),
        fault(
            "post-refused-early",
            "refuses a POST before its body has come (413), and closes",
            early("413 Too Large\r\nConnection: close\r\n").close(),
        )
        .asked(Ask::HalfPost)
        .whole(413, ADAS),
        fault(
            "post-refused-early-and-reset",
            "refuses a POST before its body has come (413), and resets",
            early("413 Too Large\r\nConnection: close\r\n")
                .wait(std::time::Duration::from_millis(300))
                .reset(),
        )
        .asked(Ask::HalfPost)
        .whole(413, ADAS),
        fault(
            "post-reset",
            "resets in the middle of a POST's body",
            Script::new().reset(),
        )
        .asked(Ask::HalfPost)
        .unreachable(),
        fault(
            "post-cut",
            "answers half, and closes, before a POST's body has come",
            Script::new()
                .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nada'")
                .close(),
        )
        .asked(Ask::HalfPost)
        .cut(ADAS),
    ]
}
