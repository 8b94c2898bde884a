//! How many tunnels there may be.

use proxy_testkit::{PATIENCE, RawClient, Script, eventually};

use crate::harness::{Harness, Setup, agreed};

fn status(proxy: &Harness, user: &str) -> (RawClient, u16) {
    let mut client = proxy.ask_with("/echo", user, "");
    let answer = client.read_response();
    if answer.status != 101 {
        assert_eq!(answer.header("retry-after"), Some("5"));
    }
    (client, answer.status)
}

#[test]
fn one_user_has_so_many_and_no_more_and_a_place_comes_back_with_its_end() {
    let proxy = Harness::with(Setup {
        tunnels: "max_tunnels = 3\nmax_tunnels_per_user = 2",
        ..Setup::default()
    });
    proxy.agreeing(Script::echo);
    let (first, status_of_first) = status(&proxy, "ada");
    let (_second, status_of_second) = status(&proxy, "ada");
    assert_eq!((status_of_first, status_of_second), (101, 101));
    let (_, too_many) = status(&proxy, "ada");
    assert_eq!(too_many, 429);
    let (_third, of_another) = status(&proxy, "eve");
    assert_eq!(of_another, 101);
    let (_, full) = status(&proxy, "bob");
    assert_eq!(full, 503);
    assert_eq!(proxy.open_tunnels(), Some(3));
    assert_eq!(proxy.upstream.requests().len(), 3, "who has no place is not asked for");
    drop(first);
    eventually(PATIENCE, || proxy.open_tunnels() == Some(2));
    let (_again, again) = status(&proxy, "ada");
    assert_eq!(again, 101);
}

#[test]
fn the_refusals_say_what_they_are_about() {
    let proxy = Harness::with(Setup {
        tunnels: "max_tunnels = 2\nmax_tunnels_per_user = 1",
        ..Setup::default()
    });
    proxy.agreeing(Script::echo);
    let (_ada, _eve) = (proxy.open(), status(&proxy, "eve"));
    let own = proxy.ask("/x").read_response();
    let problem = own.assert_problem(429, "too_many_requests");
    assert!(problem["detail"].as_str().unwrap().contains("1 tunnels"), "{problem}");
    let all = proxy.ask_with("/x", "bob", "").read_response();
    all.assert_problem(503, "busy");
}

#[test]
fn tunnels_take_no_place_of_requests_and_requests_none_of_tunnels() {
    let proxy = Harness::start(); // four requests of one user at once
    proxy.upstream.answer("/echo", Script::new().send(agreed("")).echo());
    let _tunnels: Vec<_> = (0..10).map(|_| proxy.open()).collect();
    let answer = RawClient::get(proxy.address, "/ws/x", &[("X-Auth-Request-User", "ada")]);
    assert_eq!(answer.status, 200);
    assert!(
        proxy
            .metrics()
            .contains("nbgate_in_flight{service=\"tunnels\",tenant=\"default\"} 0")
    );
}

#[test]
fn a_handshake_that_fails_gives_its_place_back() {
    let proxy = Harness::with(Setup {
        tunnels: "max_tunnels = 1\nmax_tunnels_per_user = 1",
        ..Setup::default()
    });
    proxy.upstream.otherwise(Script::new().close());
    for _ in 0..5 {
        assert_eq!(proxy.ask("/x").read_response().status, 502);
    }
    proxy.agreeing(Script::echo);
    proxy.open();
    proxy.assert_all_let_go();
}
