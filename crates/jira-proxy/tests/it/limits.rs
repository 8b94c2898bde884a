//! One greedy user does not slow the polite ones.

use std::thread;

use proxy_testkit::{PATIENCE, RawClient, Script, eventually};

use crate::harness::{Harness, PREFIX, Setup};

#[test]
fn a_user_with_too_many_requests_waits_and_others_do_not() {
    let proxy = Harness::with(Setup {
        limits: "max_in_flight_per_user = 2\nqueue_seconds = 1",
        ..Setup::default()
    });
    proxy.jira.answer("/rest/api/2/slow", Script::new().hang());
    let greedy = proxy.token("eve");
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut client = RawClient::connect(proxy.address);
        client.send_request(
            "GET",
            &format!("{PREFIX}/rest/api/2/slow"),
            &[("Authorization", &greedy)],
            b"",
        );
        open.push(client);
    }
    eventually(PATIENCE, || proxy.jira.requests().len() == 2);
    let third = RawClient::get(
        proxy.address,
        &format!("{PREFIX}/rest/api/2/field"),
        &[("Authorization", &greedy)],
    );
    third.assert_problem(429, "too_many_requests");
    assert!(third.header("retry-after").is_some());
    assert_eq!(proxy.get("rest/api/2/field").status, 200, "ada is not eve");
    assert_eq!(proxy.jira.requests().len(), 3);
    drop(open);
    eventually(PATIENCE, || {
        proxy
            .metrics()
            .contains("nbgate_in_flight{service=\"jira-proxy\",tenant=\"default\"} 0")
    });
    assert_eq!(
        RawClient::get(
            proxy.address,
            &format!("{PREFIX}/rest/api/2/field"),
            &[("Authorization", &greedy)]
        )
        .status,
        200
    );
}

#[test]
fn a_service_with_too_many_requests_says_when_to_come_back() {
    let proxy = Harness::with(Setup {
        limits: "max_in_flight = 2\nmax_in_flight_per_user = 2\nqueue = 0",
        ..Setup::default()
    });
    proxy.jira.answer("/rest/api/2/slow", Script::new().hang());
    let open: Vec<_> = ["ada", "bob"]
        .map(|user| {
            let mut client = RawClient::connect(proxy.address);
            client.send_request(
                "GET",
                &format!("{PREFIX}/rest/api/2/slow"),
                &[("Authorization", &proxy.token(user))],
                b"",
            );
            client
        })
        .into();
    eventually(PATIENCE, || proxy.jira.requests().len() == 2);
    let answer = proxy.get("rest/api/2/field");
    answer.assert_problem(503, "busy");
    assert_eq!(answer.header("retry-after"), Some("1"));
    drop(open);
}

#[test]
fn many_first_requests_with_one_token_ask_the_platform_once() {
    let hub = proxy_testkit::FakeUpstream::start();
    let model = serde_json::json!({ "kind": "user", "name": "ada", "groups": [], "scopes": ["access:services"] });
    let slowly = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{model}",
        model.to_string().len()
    );
    hub.answer(
        "/hub/api/user",
        Script::new().wait(std::time::Duration::from_millis(300)).send(slowly),
    );
    let entry = format!(
        "[[identity]]\nkind = \"jupyterhub\"\napi_url = \"{}/hub/api\"\nservice_name = \"jira\"\n",
        hub.url()
    );
    let proxy = Harness::with(Setup {
        identities: Some(entry),
        limits: "max_in_flight_per_user = 100",
        ..Setup::default()
    });
    let address = proxy.address;
    let asking: Vec<_> = (0..60)
        .map(|_| {
            thread::spawn(move || {
                RawClient::get(
                    address,
                    &format!("{PREFIX}/rest/api/2/field"),
                    &[("Authorization", "token abcdef123456")],
                )
                .status
            })
        })
        .collect();
    assert!(asking.into_iter().all(|asking| asking.join().unwrap() == 200));
    assert_eq!(hub.requests().len(), 1);
    assert_eq!(proxy.jira.requests().len(), 60);
}
