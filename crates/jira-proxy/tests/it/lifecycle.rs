//! Start, drain, stop.

use std::time::{Duration, Instant};

use proxy_testkit::{PATIENCE, RawClient, Script, eventually};

use crate::harness::{Harness, PREFIX, Setup};

#[test]
fn probes_and_metrics_are_on_the_admin_port_alone() {
    let proxy = Harness::start();
    for path in ["/livez", "/readyz", "/startupz", "/metrics", "/config"] {
        assert_eq!(RawClient::get(proxy.admin, path, &[]).status, 200, "{path}");
        assert_eq!(RawClient::get(proxy.address, path, &[]).status, 404, "{path}");
    }
    let live = RawClient::get(proxy.admin, "/livez", &[]).text();
    assert_eq!(
        live, "workers: ok\n",
        "it speaks of the workers, whose port is another one"
    );
}

#[test]
fn a_draining_service_is_not_ready_finishes_what_it_has_and_ends() {
    let mut proxy = Harness::start();
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate";
    proxy.jira.answer(
        "/rest/api/2/slow",
        Script::new().wait(Duration::from_millis(1_200)).send(answer),
    );
    let token = proxy.token("ada");
    let mut slow = RawClient::connect(proxy.address);
    slow.send_request(
        "GET",
        &format!("{PREFIX}/rest/api/2/slow"),
        &[("Authorization", &token)],
        b"",
    );
    let mut idle = RawClient::connect(proxy.address);
    idle.send_request(
        "GET",
        &format!("{PREFIX}/rest/api/2/field"),
        &[("Authorization", &token)],
        b"",
    );
    assert_eq!(idle.read_response().status, 200);
    eventually(PATIENCE, || proxy.jira.requests().len() == 2);

    proxy.drain(Duration::from_millis(600));
    eventually(PATIENCE, || RawClient::get(proxy.admin, "/readyz", &[]).status == 503);
    assert_eq!(RawClient::get(proxy.admin, "/livez", &[]).status, 200);
    // Within the grace, new requests are served, and told to come by another way.
    let served = RawClient::connect(proxy.address)
        .send_request(
            "GET",
            &format!("{PREFIX}/rest/api/2/field"),
            &[("Authorization", &token)],
            b"",
        )
        .read_response();
    assert_eq!((served.status, served.header("connection")), (200, Some("close")));
    let late = slow.read_response();
    assert_eq!((late.text().as_str(), late.complete), ("late", true));
    let (rest, _) = idle.read_to_end();
    assert!(rest.is_empty(), "an idle connection ends without a word");
    proxy.join();
    assert_eq!(proxy.events(3).len(), 3, "no event is lost");
}

#[test]
fn a_drain_ends_at_its_deadline_whatever_hangs() {
    let mut proxy = Harness::with(Setup {
        server: "drain_deadline_seconds = 1",
        ..Setup::default()
    });
    proxy.jira.answer("/rest/api/2/slow", Script::new().hang());
    let mut stuck = RawClient::connect(proxy.address);
    stuck.send_request(
        "GET",
        &format!("{PREFIX}/rest/api/2/slow"),
        &[("Authorization", &proxy.token("ada"))],
        b"",
    );
    eventually(PATIENCE, || !proxy.jira.requests().is_empty());
    let started = Instant::now();
    proxy.drain(Duration::ZERO);
    proxy.join();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}
