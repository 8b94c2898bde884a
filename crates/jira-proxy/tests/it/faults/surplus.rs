//! More than was asked for.

use std::time::Duration;

use proxy_testkit::Script;

use super::row::{Fault, GOOD, ONE_TOO_MANY, Then, fault};

pub(super) fn faults() -> Vec<Fault> {
    let with = |surplus: &str| Script::raw(format!("{GOOD}{surplus}"));
    let later = |surplus: &str| Script::raw(GOOD).wait(Duration::from_millis(300)).send(surplus);
    let chunked =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nada's own\r\n0\r\n\r\n{ONE_TOO_MANY}");
    vec![
        fault("bytes-too-many", "sends more bytes than announced", with(" and more")),
        fault("line-end-too-many", "sends an empty line after the body", with("\r\n")),
        fault(
            "answer-too-many",
            "sends a second answer together with the first",
            with(ONE_TOO_MANY),
        ),
        fault(
            "answer-after-chunks",
            "sends a second answer after the last chunk",
            Script::raw(chunked),
        ),
        fault(
            "late-answer",
            "sends a second answer while the connection lies idle",
            later(ONE_TOO_MANY),
        )
        .then(Then::NewConnectionOnceClosed),
        fault(
            "late-408",
            "sends a 408 while the connection lies idle, and closes",
            later("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").close(),
        )
        .then(Then::NewConnectionOnceClosed),
        fault(
            "late-interim",
            "sends a 103 while the connection lies idle",
            later("HTTP/1.1 103 Early Hints\r\n\r\n"),
        )
        .then(Then::NewConnectionOnceClosed),
        fault(
            "late-bytes",
            "sends nonsense while the connection lies idle",
            later("ada"),
        )
        .then(Then::NewConnectionOnceClosed),
        fault("late-close", "closes while the connection lies idle", later("").close())
            .then(Then::NewConnectionOnceClosed),
        fault("late-reset", "resets while the connection lies idle", later("").reset())
            .then(Then::NewConnectionOnceClosed),
    ]
}
