//! What to try with an instance.

use std::time::Duration;

use super::Newcomer;

#[test]
fn the_instance_is_reached_as_the_page_says() {
    let newcomer = Newcomer::start();
    let reached = newcomer.answer("Ask what reaches it").body;
    assert!(reached.contains("x-forwarded-for: 127.0.0.1\n"), "{reached}");
    assert!(!reached.contains("eyJ"), "{reached}");
    assert_eq!(newcomer.answer("Upload a file").body, "night.txt: 18 bytes\n");
    assert_eq!(newcomer.answer("Download it again").body, "The sky was clear.");
    let came = newcomer.moments("Follow its events", "data: event ");
    assert!(came[9] - came[0] > Duration::from_secs(1), "{:?}", came[9] - came[0]);
}

#[test]
fn instance_proxy_refuses_as_the_page_says() {
    let newcomer = Newcomer::start();
    let others = newcomer.json("Reach somebody else’s");
    let missing = newcomer.json("Reach one that does not exist");
    assert_eq!(others["detail"], missing["detail"]);
    let scope = newcomer.answer("Come without the scope");
    assert!(scope.head.contains("scope=\"exec:notebook\""), "{}", scope.head);
    let foreign = newcomer.json("Let another site’s page open a WebSocket");
    assert!(foreign["hint"].is_string(), "{foreign}");
    let seen = newcomer.seen_by("the instance");
    assert_eq!(
        seen["requests"], 0,
        "nothing of this is the instance's business: {seen}"
    );
}
