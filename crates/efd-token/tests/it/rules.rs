//! Who may read which key: what one may not read is not to be told from what is not there.

use serde_json::json;

use crate::harness::{Harness, Setup};

const KEYS: &str = r#"
[[tenant.key]]
name = "usdf_efd"
groups = ["/efd/readers"]
users = ["grace"]
required_scopes = ["read:efd"]
"#;

fn with_keys() -> Harness {
    Harness::with(Setup {
        tables: KEYS,
        ..Setup::default()
    })
}

#[test]
fn every_scope_and_one_group_or_user_is_needed() {
    let efd = with_keys();
    let of = |user: &str, group: &str, scope: &str| {
        let mut token = efd.issuer.token(user).claim("scope", scope);
        if !group.is_empty() {
            token = token.group(group);
        }
        let token = format!("Bearer {}", token.sign());
        (
            efd.get_as(&token, "/segwarides/creds/usdf_efd"),
            efd.get_as(&token, "/segwarides/list").json(),
            efd.get_as(&token, "/segwarides/efd/usdf_efd/query?q=SHOW+MEASUREMENTS&db=efd")
                .status,
        )
    };
    for (user, group, scope) in [
        ("ada", "/efd/readers", "read:efd"),
        ("grace", "", "read:efd x"),
        ("grace", "/efd/readers", "read:efd"),
    ] {
        let (answer, list, query) = of(user, group, scope);
        assert_eq!(
            (answer.status, list, query),
            (200, json!(["usdf_efd"]), 200),
            "{user} {group} {scope}"
        );
    }
    let missing = efd.get("/segwarides/creds/missing").text();
    for (user, group, scope) in [
        ("ada", "", "read:efd"),
        ("ada", "/efd/readers", ""),
        ("ada", "/efd/readers", "read:efd2 read"),
        ("ada", "/efd", "read:efd"),
        ("ada", "/efd/readers/more", "read:efd"),
        ("Grace", "", "read:efd"),
        ("grace", "", ""),
    ] {
        let (answer, list, query) = of(user, group, scope);
        assert_eq!(
            (answer.status, list, query),
            (404, json!([]), 404),
            "{user} {group} {scope}"
        );
        assert_eq!(answer.text(), missing.replace("missing", "usdf_efd"));
    }
    assert_eq!(efd.influxdb.requests().len(), 3);
}

#[test]
fn an_answer_about_a_key_of_others_is_that_about_a_missing_one() {
    let efd = with_keys();
    for place in ["/segwarides/creds/", "/discovery/influxdb/"] {
        let (theirs, missing) = (
            efd.get(&format!("{place}usdf_efd")),
            efd.get(&format!("{place}missing")),
        );
        assert_eq!(theirs.status, missing.status);
        let without_id = |text: String| {
            text.split("\"request_id\"")
                .next()
                .unwrap()
                .replace("usdf_efd", "missing")
        };
        assert_eq!(without_id(theirs.text()), without_id(missing.text()));
    }
    let query = |key: &str| {
        efd.get(&format!("/segwarides/efd/{key}/query?q=SHOW+MEASUREMENTS"))
            .assert_problem(404, "not_found")["detail"]
            .clone()
    };
    assert_eq!(query("usdf_efd"), query("missing"));
    assert_eq!(efd.get("/discovery").json(), json!({ "influxdb_databases": {} }));
}

#[test]
fn an_anonymous_key_is_for_whoever_sends_no_credential_and_no_other_key_is() {
    let efd = Harness::with(Setup {
        tables: "[[tenant.key]]\nname = \"usdf_efd\"\nanonymous = true\n[[tenant.key]]\nname = \"api\"\nmode = \"shared\"\n",
        ..Setup::default()
    });
    assert_eq!(efd.anonymous("/segwarides/").status, 200);
    assert_eq!(efd.anonymous("/segwarides/list").json(), json!(["usdf_efd"]));
    assert_eq!(efd.anonymous("/segwarides/creds/api").status, 404);
    let lease = efd.anonymous("/segwarides/creds/usdf_efd").json();
    assert_eq!(lease["username"], "anonymous");
    let answer = efd.query_as(
        &crate::harness::basic("anonymous", lease["password"].as_str().unwrap()),
        "q=SHOW+MEASUREMENTS&db=efd",
    );
    assert_eq!(answer.status, 200);
    for bad in [
        "Bearer gt-expired",
        "Bearer junk",
        "Basic YWRhOnR3byB3b3Jkcw==",
        "Negotiate x",
    ] {
        efd.get_as(bad, "/segwarides/creds/usdf_efd")
            .assert_problem(401, "unauthenticated");
    }
    efd.get_as("Bearer bad.token.here", "/segwarides/creds/usdf_efd")
        .assert_problem(401, "invalid_token");
    efd.anonymous("/segwarides/efd/usdf_efd/query?q=SHOW+MEASUREMENTS")
        .assert_problem(401, "unauthenticated");
}

#[test]
fn hidden_hides_what_is_not_listed() {
    let efd = Harness::with(Setup {
        tenant: "unlisted_keys = \"hidden\"",
        ..Setup::default()
    });
    assert_eq!(efd.get("/segwarides/list").json(), json!([]));
    assert_eq!(efd.get("/segwarides/creds/usdf_efd").status, 404);
}

#[test]
fn the_tenants_own_scopes_are_asked_of_everybody_but_holders_of_a_lease() {
    let efd = Harness::with(Setup {
        tenant: "required_scopes = [\"read:efd\"]",
        ..Setup::default()
    });
    efd.get("/segwarides/creds/usdf_efd")
        .assert_problem(403, "insufficient_scope");
    efd.query("q=SHOW+MEASUREMENTS&db=efd")
        .assert_problem(403, "insufficient_scope");
    let token = format!("Bearer {}", efd.issuer.token("ada").claim("scope", "read:efd").sign());
    let password = efd.get_as(&token, "/segwarides/creds/usdf_efd").json()["password"].clone();
    let lease = crate::harness::basic("ada", password.as_str().unwrap());
    assert_eq!(efd.query_as(&lease, "q=SHOW+MEASUREMENTS&db=efd").status, 200);
}

#[test]
fn a_lease_that_was_had_without_a_credential_ends_with_anonymous_access() {
    let tables = "[[tenant.key]]\nname = \"usdf_efd\"\nanonymous = true\n";
    let open = Harness::with(Setup {
        tables,
        ..Setup::default()
    });
    let password = open.anonymous("/segwarides/creds/usdf_efd").json()["password"].clone();
    let lease = crate::harness::basic("anonymous", password.as_str().unwrap());
    assert_eq!(open.query_as(&lease, "q=SHOW+SERIES&db=efd").status, 200);
    // Another replica, with the same signing key.
    let closed = Harness::start();
    closed
        .query_as(&lease, "q=SHOW+SERIES&db=efd")
        .assert_problem(404, "not_found");
    assert!(closed.influxdb.requests().is_empty());
}
