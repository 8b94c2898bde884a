//! Connections that do not come about, or die before an answer.

use proxy_testkit::Script;

use super::row::{ADAS, Ask, Fault, GOOD, Place, fault};

pub(super) fn faults() -> Vec<Fault> {
    let good = || Script::raw(GOOD);
    let reset = || Script::new().read_body().reset();
    let close = || Script::new().read_body().close();
    vec![
        fault("refused", "refuses connections", Script::new())
            .at(Place::Refusing)
            .unreachable(),
        fault(
            "unanswered",
            "does not answer to connections: packets get lost",
            Script::new(),
        )
        .at(Place::BlackHole)
        .late(),
        fault(
            "closed-before-head",
            "closes before the head, and answers the second attempt",
            close(),
        )
        .again(good())
        .whole(200, ADAS)
        .kept(),
        fault(
            "reset-before-head",
            "resets before the head, and answers the second attempt",
            reset(),
        )
        .again(good())
        .whole(200, ADAS)
        .kept(),
        fault("closed-before-head-twice", "closes before the head, twice", close())
            .again(close())
            .unreachable(),
        fault("reset-before-head-twice", "resets before the head, twice", reset())
            .again(reset())
            .unreachable(),
        fault(
            "closed-before-head-of-post",
            "closes before the head of the answer to a POST",
            close(),
        )
        .asked(Ask::Post)
        .unreachable(),
        fault(
            "reset-before-head-of-post",
            "resets before the head of the answer to a POST",
            reset(),
        )
        .asked(Ask::Post)
        .unreachable(),
        fault(
            "closed-before-head-of-head",
            "closes before the head of the answer to a HEAD, and answers the second attempt",
            close(),
        )
        .asked(Ask::Head)
        .again(good_head())
        .whole(200, "")
        .kept(),
        fault(
            "closed-in-head",
            "closes in the middle of the head, twice",
            Script::raw("HTTP/1.1 200 OK\r\nContent-Le").close(),
        )
        .again(Script::raw("HTTP/1.1 200 OK\r\nContent-Le").close())
        .unreachable(),
        fault(
            "reset-in-head",
            "resets in the middle of the head, twice",
            Script::raw("HTTP/1.1 200 OK\r\nContent-Le").reset(),
        )
        .again(Script::raw("HTTP/1.1 200 OK\r\nContent-Le").reset())
        .unreachable(),
        fault(
            "reset-in-head-once",
            "resets in the middle of the head, and answers the second attempt",
            Script::raw("HTTP/1.1 2").reset(),
        )
        .again(good())
        .whole(200, ADAS)
        .kept(),
    ]
}

fn good_head() -> Script {
    Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
}
