//! Who calls, and where their instance is (contract: holes 2, 9, 10, 11).

use std::{net::SocketAddr, thread, time::Duration};

use proxy_testkit::{FakeUpstream, PATIENCE, RawClient, Script, eventually};
use serde_json::{Value, json};

use crate::{
    harness::{Harness, Setup, jwt, log},
    visa::Mood,
};

#[test]
fn a_forged_token_with_another_persons_number_opens_nothing() {
    let harness = Harness::start();
    assert_eq!(
        harness.get("/jupyter/42/api").status,
        200,
        "ada's instance is known now"
    );
    harness.instance.forget();
    for forged in [
        jwt("ada", 4_102_444_800),
        "eyJhbGciOiJub25lIn0.eyJlbXBsb3llZU51bWJlciI6ImFkYSJ9.".to_owned(),
    ] {
        let answer = harness.get_with(&forged, "/jupyter/42/api");
        answer.assert_problem(401, "invalid_token");
        assert!(
            answer.header("www-authenticate").unwrap().starts_with("Bearer "),
            "{:?}",
            answer.headers
        );
        let last = harness.visa.asked().pop().unwrap();
        assert_eq!(
            last.token.as_deref(),
            Some(forged.as_str()),
            "the API server is asked about the whole token"
        );
    }
    for malformed in ["a b", "ü", ""] {
        let asked = harness.visa.lookups();
        assert_eq!(harness.get_with(malformed, "/jupyter/42/api").status, 401);
        assert_eq!(harness.visa.lookups(), asked);
    }
    assert!(harness.instance.requests().is_empty());
}

#[test]
fn nobody_without_a_token_and_nobody_but_the_owner_gets_in() {
    let harness = Harness::start();
    let answer = harness.send("/jupyter/42/api", &[]);
    answer.assert_problem(401, "unauthenticated");
    assert!(answer.header("www-authenticate").is_some());
    harness
        .send("/jupyter/42/api", &[("Authorization", "token abc")])
        .assert_problem(401, "unauthenticated");
    assert!(harness.visa.asked().is_empty());
    harness
        .get_with(&harness.token("eve"), "/jupyter/42/api")
        .assert_problem(404, "not_found");
    harness.get("/jupyter/43/api").assert_problem(404, "not_found");
    assert!(harness.instance.requests().is_empty());
}

#[test]
fn one_question_is_enough_for_many_requests_and_another_token_is_another_question() {
    let harness = Harness::start();
    harness.visa.mood(Mood::Slow(Duration::from_millis(200)));
    let token = harness.token("ada");
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| assert_eq!(harness.get_with(&token, "/jupyter/42/api").status, 200));
        }
    });
    assert_eq!(harness.visa.lookups(), 1);
    harness.get("/jupyter/42/api");
    assert_eq!(harness.visa.lookups(), 2);
    let metrics = harness.metrics();
    assert!(
        metrics.contains(r#"nbgate_identity_lookups_total{kind="instance-api",outcome="authenticated"} 21"#),
        "{metrics}"
    );
}

#[test]
fn an_answer_lives_no_longer_than_configured_nor_than_its_token() {
    let harness = Harness::start();
    let short = harness.token_for("ada", 2);
    assert_eq!(harness.get_with(&short, "/jupyter/42/api").status, 200);
    harness.visa.revoke(&short);
    eventually(PATIENCE, || harness.get_with(&short, "/jupyter/42/api").status == 401);
}

#[test]
fn what_is_refused_is_remembered_for_a_short_while() {
    let harness = Harness::start();
    let token = harness.token("ada");
    for _ in 0..5 {
        assert_eq!(harness.get_with(&token, "/jupyter/43/api").status, 404);
    }
    assert_eq!(harness.visa.lookups(), 1);
}

#[test]
fn an_instance_that_does_not_run_or_has_no_address_is_told_of() {
    let harness = Harness::start();
    for (state, address, status, name) in [
        ("BUILDING", Value::Null, 409, "not_running"),
        ("STOPPED", json!("127.0.0.1"), 409, "not_running"),
        ("NEVER HEARD OF", json!("127.0.0.1"), 409, "not_running"),
        ("ACTIVE", Value::Null, 503, "no_address"),
        ("ACTIVE", json!(""), 503, "no_address"),
    ] {
        harness.visa.place("50", "ada", address.clone(), state);
        let answer = harness.get("/jupyter/50/api");
        answer.assert_problem(status, name);
        assert_eq!(answer.header("retry-after").is_some(), status == 503);
        harness.visa.delete("50");
    }
    for state in ["ACTIVE", "PARTIALLY_ACTIVE"] {
        harness.visa.place("50", "ada", "127.0.0.1", state);
        assert_eq!(harness.get("/jupyter/50/api").status, 200);
    }
    assert_eq!(harness.instance.requests().len(), 2);
}

#[test]
fn no_address_but_those_of_the_networks_is_connected_to() {
    let harness = Harness::with(Setup {
        upstream: "allow_networks = [\"0.0.0.0/0\", \"::/0\"]\nconnect_timeout_seconds = 1".to_owned(),
        ..Setup::default()
    });
    for address in [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fe80::1",
        "fd00:ec2::254",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "255.255.255.255",
    ] {
        harness.visa.place("51", "ada", address, "ACTIVE");
        let problem = harness
            .get("/jupyter/51/api")
            .assert_problem(502, "upstream_unreachable");
        assert!(!problem.to_string().contains(address), "{problem}");
    }
    harness.visa.place("51", "ada", "not-an-address.example.org", "ACTIVE");
    harness
        .get("/jupyter/51/api")
        .assert_problem(503, "identity_unavailable");
    harness.visa.place("51", "ada", "::ffff:127.0.0.1", "ACTIVE");
    assert_eq!(
        harness.get("/jupyter/51/api").status,
        200,
        "an address of IPv4 in IPv6's clothes is that address"
    );
    let strict = Harness::with(Setup {
        upstream: "allow_networks = [\"10.0.0.0/8\"]".to_owned(),
        ..Setup::default()
    });
    strict.visa.place("51", "ada", "192.168.0.1", "ACTIVE");
    strict
        .get("/jupyter/51/api")
        .assert_problem(502, "upstream_unreachable");
}

#[test]
fn this_machine_is_not_an_instance_unless_that_is_meant() {
    let harness = Harness::with(Setup {
        upstream: "allow_loopback = false\nallow_networks = [\"127.0.0.0/8\"]".to_owned(),
        ..Setup::default()
    });
    harness
        .get("/jupyter/42/api")
        .assert_problem(502, "upstream_unreachable");
    assert_eq!(harness.instance.connections(), 0);
}

#[test]
fn an_api_server_that_is_down_slow_or_lying_lets_nobody_in() {
    let harness = Harness::start();
    let known = harness.token("ada");
    assert_eq!(harness.get_with(&known, "/jupyter/42/api").status, 200);
    harness.instance.forget();
    let good = json!({ "data": { "id": 42, "ipAddress": "127.0.0.1", "state": "ACTIVE" } }).to_string();
    let says = |status, text: &str| Mood::Says(status, "application/json", text.to_owned());
    for mood in [
        Mood::Dead,
        says(500, &good),
        says(302, &good),
        says(204, ""),
        says(200, "{"),
        says(200, "[]"),
        says(200, "{\"data\": null}"),
        says(200, &good.replace("42", "43")),
        says(200, &good.replace("127.0.0.1", "127.0.0.1:22")),
        Mood::Says(200, "text/html", good.clone()),
        says(200, &format!("{good}{}", " ".repeat(2 << 20))),
    ] {
        harness.visa.mood(mood.clone());
        let answer = harness.get("/jupyter/42/api");
        answer.assert_problem(503, "identity_unavailable");
        assert!(answer.header("retry-after").is_some(), "{mood:?}");
    }
    assert!(harness.instance.requests().is_empty());
    assert_eq!(
        harness.get_with(&known, "/jupyter/42/api").status,
        200,
        "what is known stays known"
    );
    harness.visa.mood(Mood::Good);
    assert_eq!(harness.get("/jupyter/42/api").status, 200);
    let spoken = log().lines().join("\n");
    assert!(
        !spoken.contains("c4n4ry") && !spoken.contains("publicAccessToken"),
        "bodies and tokens are not logged"
    );
}

#[test]
fn an_address_that_has_become_another_persons_is_left_at_once() {
    let harness = Harness::start();
    let port = harness.instance.address().port();
    let other = FakeUpstream::start_at(SocketAddr::from(([127, 0, 0, 2], port)));
    harness.visa.place("60", "eve", "127.0.0.2", "ACTIVE");
    let (ada, eve) = (harness.token("ada"), harness.token("eve"));
    assert_eq!(harness.get_with(&ada, "/jupyter/42/api").status, 200);
    assert_eq!(harness.get_with(&eve, "/jupyter/60/api").status, 200);
    // ada's machine is gone, and eve gets another one with its address.
    harness.visa.place("42", "ada", "127.0.0.2", "ACTIVE");
    harness.visa.place("61", "eve", "127.0.0.1", "ACTIVE");
    assert_eq!(harness.get_with(&eve, "/jupyter/61/api").status, 200);
    harness.instance.forget();
    other.forget();
    assert_eq!(harness.get_with(&ada, "/jupyter/42/api").status, 200);
    assert!(
        harness.instance.requests().is_empty(),
        "ada does not reach eve's machine"
    );
    assert_eq!(other.request().path(), "/jupyter/42/api");
}

#[test]
fn an_address_that_its_machine_has_left_is_left_by_all_who_were_sent_there() {
    let harness = Harness::start();
    let port = harness.instance.address().port();
    let other = FakeUpstream::start_at(SocketAddr::from(([127, 0, 0, 2], port)));
    let (old, new) = (harness.token("ada"), harness.token("ada"));
    assert_eq!(harness.get_with(&old, "/jupyter/42/api").status, 200);
    harness.visa.place("42", "ada", "127.0.0.2", "ACTIVE");
    other.otherwise(Script::json(200, &json!({})));
    harness.instance.forget();
    for token in [&new, &old] {
        assert_eq!(harness.get_with(token, "/jupyter/42/api").status, 200);
    }
    assert!(
        harness.instance.requests().is_empty(),
        "whose that is now, nobody knows"
    );
    assert_eq!(other.requests().len(), 2);
}

#[test]
fn an_instance_that_cannot_be_reached_is_looked_up_anew() {
    let harness = Harness::start();
    let token = harness.token("ada");
    harness.visa.place("42", "ada", "127.0.0.3", "ACTIVE");
    let problem = harness
        .get_with(&token, "/jupyter/42/api")
        .assert_problem(502, "upstream_unreachable");
    let text = problem.to_string();
    assert!(
        !text.contains("127.0.0.3") && !text.contains(&harness.instance.address().port().to_string()),
        "{text}"
    );
    assert!(text.contains("Jupyter"), "{text}");
    harness.visa.place("42", "ada", "127.0.0.1", "ACTIVE");
    assert_eq!(harness.get_with(&token, "/jupyter/42/api").status, 200);
    assert_eq!(harness.visa.lookups(), 2);
}

#[test]
fn a_silent_instance_is_given_up() {
    let harness = Harness::with(Setup {
        upstream: "response_timeout_seconds = 1".to_owned(),
        ..Setup::default()
    });
    harness.instance.answer("/jupyter/42/slow", Script::new().hang());
    harness.get("/jupyter/42/slow").assert_problem(504, "upstream_timeout");
}

#[test]
fn a_local_check_comes_before_the_question() {
    let issuer = proxy_testkit::FakeIssuer::start();
    let identity = format!(
        "[[identity]]\nkind = \"oidc\"\nissuer = \"{}\"\naudience = [\"nbgate\"]\nalgorithms = [\"ES256\"]\n",
        issuer.url()
    );
    let harness = Harness::with(Setup {
        identity,
        tenant: "required_groups = [\"/users\"]".to_owned(),
        ..Setup::default()
    });
    harness.get("/jupyter/42/api").assert_problem(401, "invalid_token");
    let stranger = issuer.token("ada").sign();
    harness.visa.accept(&stranger, "ada");
    harness
        .get_with(&stranger, "/jupyter/42/api")
        .assert_problem(403, "insufficient_scope");
    let member = issuer.token("ada").claim("groups", json!(["/users"])).sign();
    harness
        .get_with(&member, "/jupyter/42/api")
        .assert_problem(401, "invalid_token");
    assert_eq!(harness.visa.lookups(), 2, "only what is locally good is shown to VISA");
    let known = issuer
        .token("ada")
        .claim("groups", json!(["/users"]))
        .claim("x", json!(1))
        .sign();
    harness.visa.accept(&known, "ada");
    assert_eq!(harness.get_with(&known, "/jupyter/42/api").status, 200);
    let cookie = format!("access_token={known}");
    assert_eq!(
        RawClient::get(harness.address, "/jupyter/42/api", &[("Cookie", &cookie)]).status,
        200
    );
}
