//! Answers before the answer (1xx).

use std::time::Duration;

use proxy_testkit::Script;

use super::row::{ADAS, Fault, GOOD, fault};

const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </ada>\r\n\r\n";

pub(super) fn faults() -> Vec<Fault> {
    let hints = HINTS.repeat(3);
    let dies = || Script::raw(HINTS).close();
    let mut endless = Script::raw("");
    for _ in 0..40 {
        endless = endless.send(HINTS).wait(Duration::from_millis(100));
    }
    vec![
        fault(
            "a-100-first",
            "sends a 100 first",
            Script::raw(format!("{CONTINUE}{GOOD}")),
        )
        .kept(),
        fault(
            "three-103-first",
            "sends three 103 first",
            Script::raw(format!("{hints}{GOOD}")),
        )
        .kept(),
        fault(
            "a-103-and-later-the-answer",
            "sends a 103 first, and the answer a while later",
            Script::raw(HINTS).wait(Duration::from_millis(300)).send(GOOD),
        )
        .kept(),
        fault(
            "a-103-with-a-length",
            "sends a 103 with a length and no body first",
            Script::raw(format!("HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n{GOOD}")),
        )
        .kept(),
        fault(
            "a-103-with-a-body",
            "sends a 103 with a body first",
            Script::raw(format!(
                "HTTP/1.1 103 Early Hints\r\nContent-Length: 3\r\n\r\nada{GOOD}"
            )),
        )
        .invalid(),
        fault("a-103-and-death", "sends a 103 and closes, twice", dies())
            .again(dies())
            .unreachable(),
        fault(
            "a-103-and-reset",
            "sends a 103 and resets, then answers the second attempt",
            Script::raw(HINTS).reset(),
        )
        .again(Script::raw(GOOD))
        .whole(200, ADAS)
        .kept(),
        fault(
            "ten-thousand-103",
            "sends ten thousand 103 first",
            Script::raw("").send_times(HINTS, 10_000).send(GOOD),
        )
        .kept(),
        fault("endless-103", "sends 103 without end", endless).late(),
        fault(
            "an-unasked-101",
            "switches to a protocol that nobody asked for (101)",
            Script::raw("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nada"),
        )
        .invalid()
        .answered(101),
        fault(
            "a-101-without-upgrade",
            "answers 101 without saying to what",
            Script::raw(format!("HTTP/1.1 101 Switching Protocols\r\n\r\n{GOOD}")),
        )
        .invalid()
        .answered(101),
    ]
}
