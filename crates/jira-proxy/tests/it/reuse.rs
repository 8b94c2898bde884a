//! A response too many: whom it can reach, and whom it cannot (`docs/decisions/0001-two-http-clients.md`).
//!
//! Jira sends one more answer on ada's connection, about when the next request is sent. Sent together with the right one or
//! much later it reaches nobody (`faults::surplus`). Sent in between, no HTTP/1.1 client can tell it from the answer to a
//! request that has just gone out over that connection: so what counts is whose request that may be.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use proxy_testkit::{PATIENCE, RawClient, Script, Seen, eventually};

use crate::harness::{Harness, PREFIX, Setup};

const ADAS: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nada's own";
const ONE_TOO_MANY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nada's secret";
const FIRST: &str = "/rest/api/2/field";
const NEXT: &str = "/rest/api/2/status";
/// Tries to meet the moment, some milliseconds apart.
const ROUNDS: u64 = 150;

/// Somebody who asks, over one connection.
struct Caller {
    client: RawClient,
    target: String,
    authorization: String,
}

impl Caller {
    fn new(proxy: &Harness, prefix: &str, path: &str, user: &str) -> Self {
        Self {
            client: RawClient::connect(proxy.address),
            target: format!("{prefix}{path}"),
            authorization: proxy.token(user),
        }
    }

    fn ask(&mut self) -> String {
        let headers = [("Authorization", self.authorization.as_str())];
        let answer = self
            .client
            .send_request("GET", &self.target, &headers, b"")
            .read_response();
        assert_eq!((answer.status, answer.complete), (200, true));
        answer.text()
    }
}

/// How often `next`, who asks after ada, got what was hers.
fn reached(proxy: &Harness, ada: &mut Caller, next: &mut Caller) -> usize {
    proxy.jira.answer(NEXT, Script::answer(200, &[], "next's own"));
    let mut reached = 0;
    for round in 0..ROUNDS {
        let moment = Duration::from_micros(30 * (round % 50));
        proxy
            .jira
            .answer_next(FIRST, Script::raw(ADAS).wait(moment).send(ONE_TOO_MANY));
        ada.ask();
        match next.ask().as_str() {
            "next's own" => {}
            "ada's own" | "ada's secret" => reached += 1,
            other => panic!("{other}"),
        }
    }
    reached
}

fn harness(upstream: &'static str, second: &'static str) -> Harness {
    Harness::with(Setup {
        server: "workers = 1",
        upstream,
        second,
        ..Setup::default()
    })
}

#[test]
fn under_one_credential_a_response_too_many_can_reach_whoever_asks_next() {
    let proxy = harness("reuse = \"credential\"\nrewrite_links = false", "");
    let (mut ada, mut bob) = (
        Caller::new(&proxy, PREFIX, FIRST, "ada"),
        Caller::new(&proxy, PREFIX, NEXT, "bob"),
    );
    let reached = reached(&proxy, &mut ada, &mut bob);
    println!("one credential: {reached} of {ROUNDS} requests of bob's got what was ada's");
    // Nobody can promise that it does. To be seen for certain: Jira sends it just after it has bob's request.
    let proxy = harness("rewrite_links = false", "");
    proxy.jira.answer(FIRST, Script::raw(ADAS));
    proxy.jira.answer(NEXT, Script::raw(ONE_TOO_MANY));
    assert_eq!(Caller::new(&proxy, PREFIX, FIRST, "ada").ask(), "ada's own");
    assert_eq!(Caller::new(&proxy, PREFIX, NEXT, "bob").ask(), "ada's secret");
    let connections: Vec<_> = proxy.jira.requests().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 0], "they share a connection");
}

#[test]
fn it_never_reaches_another_user_where_users_have_connections_of_their_own() {
    let proxy = harness("reuse = \"user\"\nrewrite_links = false", "");
    let (mut ada, mut bob) = (
        Caller::new(&proxy, PREFIX, FIRST, "ada"),
        Caller::new(&proxy, PREFIX, NEXT, "bob"),
    );
    assert_eq!(reached(&proxy, &mut ada, &mut bob), 0);
    let mut again = Caller::new(&proxy, PREFIX, NEXT, "ada");
    let reached = reached(&proxy, &mut ada, &mut again);
    println!("one user: {reached} of {ROUNDS} requests of ada's got another answer of hers");
    assert_eq!(parted(&proxy, "ada", "bob"), 0);
}

/// How many connections carried requests of both users.
fn parted(proxy: &Harness, one: &str, other: &str) -> usize {
    let events = proxy.events(1);
    let of = |user: &str| -> Vec<usize> {
        let ids: Vec<_> = events
            .iter()
            .filter(|event| event["user"] == user)
            .filter_map(|event| event["request_id"].as_str())
            .collect();
        let seen = proxy.jira.requests();
        seen.iter()
            .filter(|seen| seen.header("x-request-id").is_some_and(|id| ids.contains(&id)))
            .map(|seen| seen.connection)
            .collect()
    };
    let (one, other) = (of(one), of(other));
    assert!(!one.is_empty() && !other.is_empty());
    one.iter().filter(|connection| other.contains(connection)).count()
}

#[test]
fn it_never_reaches_anybody_where_no_connection_is_used_twice() {
    let proxy = harness("reuse = \"never\"\nrewrite_links = false", "");
    let mut ada = Caller::new(&proxy, PREFIX, FIRST, "ada");
    for user in ["ada", "bob"] {
        let mut next = Caller::new(&proxy, PREFIX, NEXT, user);
        assert_eq!(reached(&proxy, &mut ada, &mut next), 0, "{user}");
    }
    let mut connections: Vec<_> = proxy.jira.requests().iter().map(|seen| seen.connection).collect();
    let requests = connections.len();
    connections.dedup();
    assert_eq!(connections.len(), requests, "each request had a connection of its own");
}

#[test]
fn it_never_reaches_another_tenant_even_under_the_same_account() {
    let proxy = harness("rewrite_links = false", "second");
    let (mut ada, mut bob) = (
        Caller::new(&proxy, PREFIX, FIRST, "ada"),
        Caller::new(&proxy, "/second", NEXT, "bob"),
    );
    assert_eq!(reached(&proxy, &mut ada, &mut bob), 0);
    assert_eq!(parted(&proxy, "ada", "bob"), 0);
}

#[test]
fn it_never_reaches_a_request_with_a_newer_credential() {
    let proxy = harness("rewrite_links = false", "");
    // Connections under the first credential, each of which gets one answer too many about when the second is in use.
    let started = Instant::now();
    for late in 0..10 {
        let moment = Duration::from_millis(1_500 + 50 * late);
        let answer = Script::new().wait(Duration::from_millis(200)).send(ADAS);
        proxy.jira.answer_next(FIRST, answer.wait(moment).send(ONE_TOO_MANY));
    }
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| assert_eq!(Caller::new(&proxy, PREFIX, FIRST, "ada").ask(), "ada's own"));
        }
    });
    let old: Vec<_> = proxy.jira.requests().iter().map(|seen| seen.connection).collect();
    assert_eq!(proxy.jira.connections(), 10);
    proxy.jira.forget();
    proxy.jira.answer(NEXT, Script::answer(200, &[], "next's own"));
    fs::write(proxy.password_file(), "the-new-one").unwrap();
    let reloaded = "nbgate_credential_reloads_total{outcome=\"loaded\",tenant=\"default\"} 1";
    eventually(PATIENCE, || proxy.metrics().contains(reloaded));
    let mut bob = Caller::new(&proxy, PREFIX, NEXT, "bob");
    while started.elapsed() < Duration::from_millis(2_300) {
        assert_eq!(bob.ask(), "next's own");
    }
    let bobs = proxy.jira.requests();
    let renewed = |seen: &Seen| seen.header("authorization") != Some(proxy.basic().as_str());
    assert!(!bobs.is_empty() && bobs.iter().all(renewed));
    assert!(bobs.iter().all(|seen| !old.contains(&seen.connection)));
}
