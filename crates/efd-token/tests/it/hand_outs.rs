//! The dialect of segwarides: its own tests, and what it did not have.

use std::fs;

use proxy_testkit::{PATIENCE, RawClient, eventually};
use serde_json::json;

use crate::harness::{Harness, Setup};

const OTHER_SHAPES: &str = r#"
[[tenant.key]]
name = "api"
mode = "shared"
[[tenant.key]]
name = "usdf_efd"
mode = "shared"
[[tenant.key]]
name = "broken"
"#;

#[test]
fn without_a_credential_there_is_nothing() {
    let efd = Harness::start();
    for target in [
        "/segwarides",
        "/segwarides/",
        "/segwarides/list",
        "/segwarides/creds/usdf_efd",
        "/segwarides/creds/missing",
        "/segwarides/nothing",
        "/segwarides/efd/usdf_efd/query?q=SHOW+MEASUREMENTS",
        "/discovery",
        "/discovery/influxdb/usdf_efd",
    ] {
        let answer = efd.anonymous(target);
        answer.assert_problem(401, "unauthenticated");
        assert!(
            answer.header("www-authenticate").unwrap().starts_with("Bearer"),
            "{target}"
        );
    }
    assert!(efd.influxdb.requests().is_empty());
}

#[test]
fn the_root_of_the_prefix_answers_200_with_and_without_its_slash() {
    let efd = Harness::start();
    for target in ["/segwarides", "/segwarides/"] {
        let answer = efd.get(target);
        assert_eq!(answer.status, 200, "{target}");
        let metadata = &answer.json()["_metadata"];
        assert_eq!(metadata["name"], "efd-token");
        for name in ["version", "description", "repository_url", "documentation_url"] {
            assert!(metadata.get(name).is_some(), "{name}");
        }
    }
    assert_eq!(efd.anonymous("/").json()["name"], "efd-token");
}

#[test]
fn a_lease_has_what_the_clients_read_and_nothing_of_the_shared_password() {
    let efd = Harness::start();
    let answer = efd.get("/segwarides/creds/usdf_efd");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let lease = answer.json();
    assert_eq!(lease["host"], "127.0.0.1");
    assert_eq!(lease["port"], efd.address.port().to_string());
    assert_eq!(lease["path"], "/segwarides/efd/usdf_efd/");
    assert_eq!(lease["username"], "ada");
    assert_eq!(lease["schema_registry"], "https://registry.example.org");
    assert!(lease["password"].as_str().unwrap().starts_with("nbl1.one."));
    assert!(lease["expires"].is_string());
    assert!(!answer.text().contains(&efd.password) && !answer.text().contains("efdreader"));
}

#[test]
fn what_is_handed_out_says_the_public_url_where_that_is_configured() {
    let efd = Harness::with(Setup {
        server: "public_url = \"https://data.example.org/base\"",
        ..Setup::default()
    });
    let lease = efd.get("/segwarides/creds/usdf_efd").json();
    assert_eq!(lease["host"], "data.example.org");
    assert_eq!(lease["port"], "443");
    assert_eq!(lease["path"], "/base/segwarides/efd/usdf_efd/");
}

#[test]
fn a_shared_document_is_handed_out_byte_for_byte() {
    let efd = Harness::with(Setup {
        tables: OTHER_SHAPES,
        ..Setup::default()
    });
    assert_eq!(
        efd.get("/segwarides/creds/api").text(),
        r#"{ "token":"t0ken",  "endpoint":"x" }"#
    );
    let answer = efd.get("/segwarides/creds/usdf_efd");
    assert_eq!(answer.text(), efd.document(&efd.password));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(efd.get("/segwarides/list").json(), json!(["api", "usdf_efd"]));
    efd.get("/segwarides/efd/usdf_efd/query?q=SHOW+MEASUREMENTS&db=efd")
        .assert_problem(404, "not_found");
    assert!(efd.influxdb.requests().is_empty());
}

#[test]
fn the_texts_of_segwarides_are_exact() {
    let efd = Harness::with(Setup {
        tables: OTHER_SHAPES,
        ..Setup::default()
    });
    let missing = efd.get("/segwarides/creds/missing");
    assert_eq!(
        (missing.status, missing.text().as_str()),
        (404, "No credentials for missing.")
    );
    assert_eq!(missing.header("content-type"), Some("text/plain; charset=utf-8"));
    let broken = efd.get("/segwarides/creds/broken");
    assert_eq!(
        (broken.status, broken.text().as_str()),
        (500, "Unable to decode credentials JSON document")
    );
}

#[test]
fn what_nobody_listed_and_is_no_influxdbs_is_not_there() {
    let efd = Harness::start();
    assert_eq!(efd.get("/segwarides/list").json(), json!(["usdf_efd"]));
    let hidden = efd.get("/segwarides/creds/api");
    assert_eq!(
        (hidden.status, hidden.text().as_str()),
        (404, "No credentials for api.")
    );
}

#[test]
fn a_document_that_appears_changes_or_goes_is_noticed() {
    let efd = Harness::start();
    let list = || efd.get("/segwarides/list").json();
    fs::write(efd.creds().join("summit_efd"), efd.document("other")).unwrap();
    eventually(PATIENCE, || list() == json!(["summit_efd", "usdf_efd"]));
    fs::write(efd.creds().join("usdf_efd"), "{").unwrap();
    eventually(PATIENCE, || list() == json!(["summit_efd"]));
    fs::write(efd.creds().join("usdf_efd"), efd.document("new")).unwrap();
    eventually(PATIENCE, || list() == json!(["summit_efd", "usdf_efd"]));
    fs::remove_file(efd.creds().join("summit_efd")).unwrap();
    eventually(PATIENCE, || list() == json!(["usdf_efd"]));
}

#[test]
fn nothing_is_written_and_no_other_path_is_there() {
    let efd = Harness::start();
    let token = efd.token("ada");
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        for target in [
            "/segwarides",
            "/segwarides/list",
            "/segwarides/creds/usdf_efd",
            "/discovery",
            "/segwarides/efd/usdf_efd/ping",
        ] {
            let answer = RawClient::request(efd.address, method, target, &[("Authorization", &token)], b"");
            answer.assert_problem(405, "method_not_allowed");
            assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{method} {target}");
        }
    }
    for target in [
        "/segwarides/list/",
        "/segwarides//list",
        "/segwarides/creds",
        "/segwarides/creds/",
        "/segwarides/creds/usdf_efd/x",
        "/segwarides/efd/usdf_efd",
        "/segwarides/efd/usdf_efd/",
        "/segwarides/efd/usdf_efd/write",
        "/segwarides/efd/usdf_efd/query/",
        "/segwarides/efd//query",
        "/segwarides/creds/..%2fkeys",
        "/discovery/influxdb",
        "/discovery/influxdb/a/b",
    ] {
        assert_eq!(efd.get(target).status, 404, "{target}");
    }
    assert!(efd.influxdb.requests().is_empty());
}

#[test]
fn a_hand_out_is_audited_with_user_key_and_lease_and_without_its_password() {
    let efd = Harness::start();
    let lease = efd.get("/segwarides/creds/usdf_efd").json();
    let event = efd.event(1);
    assert_eq!(event["user"], "ada");
    assert_eq!(event["route"], "creds");
    assert_eq!(event["key"], "usdf_efd");
    assert_eq!(event["mode"], "lease");
    assert_eq!(event["decision"], "allowed");
    assert!(event["lease"].as_str().is_some_and(|id| id.len() == 16));
    assert!(!efd.audit_text().contains(lease["password"].as_str().unwrap()));
}

#[test]
fn who_tries_a_key_that_is_not_theirs_is_audited_with_it() {
    let efd = Harness::start();
    for (count, target) in [
        "/segwarides/creds/secret_efd",
        "/segwarides/efd/secret_efd/query?q=SHOW+SERIES",
        "/discovery/influxdb/secret_efd",
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(efd.get(target).status, 404);
        let event = efd.event(count + 1);
        assert_eq!(
            (
                event["key"].as_str(),
                event["decision"].as_str(),
                event["user"].as_str()
            ),
            (Some("secret_efd"), Some("denied"), Some("ada"))
        );
    }
    efd.get("/segwarides/creds/a%20b%0a");
    assert!(efd.event(4).get("key").is_none());
}

#[test]
fn a_path_is_what_it_is_written_as() {
    let efd = Harness::start();
    for target in [
        "/%73egwarides/creds/usdf_efd",
        "/%64iscovery/influxdb/usdf_efd",
        "/segwarides/%6cist",
    ] {
        assert_eq!(efd.get(target).status, 404, "{target}");
    }
}

#[test]
fn in_shared_mode_the_password_is_in_the_answer_that_hands_it_out_and_nowhere_else() {
    let efd = Harness::with(Setup {
        tables: OTHER_SHAPES,
        ..Setup::default()
    });
    assert!(efd.get("/segwarides/creds/usdf_efd").text().contains(&efd.password));
    assert!(efd.get("/discovery/influxdb/usdf_efd").text().contains(&efd.password));
    let mut seen = String::new();
    for target in [
        "/segwarides/",
        "/segwarides/list",
        "/segwarides/-/me",
        "/segwarides/-/why?path=creds/usdf_efd",
        "/discovery",
        "/segwarides/efd/usdf_efd/query?q=SHOW+SERIES",
    ] {
        let answer = efd.get(target);
        seen += &format!("{:?} {}", answer.headers, answer.text());
    }
    seen += &RawClient::get(efd.admin, "/config", &[]).text();
    seen += &(efd.metrics() + &efd.audit_text() + &crate::harness::log().lines().join("\n"));
    assert!(!seen.contains(&efd.password));
}

#[test]
fn why_says_what_would_be_said() {
    let efd = Harness::with(Setup {
        tables: OTHER_SHAPES,
        ..Setup::default()
    });
    for (question, allowed) in [
        ("path=list", true),
        ("path=creds/usdf_efd", true),
        ("path=creds/api", true),
        ("path=creds/missing", false),
        ("path=creds/broken", false),
        ("path=efd/usdf_efd/query", false),
        ("path=nothing", false),
        ("path=list&method=DELETE", false),
        ("path=efd/usdf_efd/query&method=PUT", false),
    ] {
        let answer = efd.get(&format!("/segwarides/-/why?{question}"));
        assert_eq!(answer.json()["allowed"], allowed, "{question}: {}", answer.text());
    }
    let plain = Harness::start();
    assert_eq!(
        plain
            .get("/segwarides/-/why?path=efd/usdf_efd/query&method=POST")
            .json()["allowed"],
        true
    );
    assert_eq!(
        plain.get("/discovery/-/why?path=influxdb/usdf_efd").json()["allowed"],
        true
    );
}
