//! What a lease is good for, over real sockets; the rest is in `src/lease/tests.rs`.

use std::fs;

use proxy_testkit::{PATIENCE, eventually};

use crate::harness::{Harness, Setup, basic};

const FORM: &str = "q=SHOW+MEASUREMENTS&db=efd";

#[test]
fn a_lease_is_good_for_queries_of_its_key_by_every_way_and_for_nothing_else() {
    let efd = Harness::start();
    fs::write(efd.creds().join("summit_efd"), efd.document("other")).unwrap();
    let password = efd.get("/segwarides/creds/usdf_efd").json()["password"]
        .as_str()
        .unwrap()
        .to_owned();
    for authorization in [
        basic("ada", &password),
        format!("Bearer {password}"),
        format!("Token {password}"),
        format!("Token ada:{password}"),
    ] {
        assert_eq!(efd.query_as(&authorization, FORM).status, 200, "{authorization}");
        for target in [
            "/segwarides/",
            "/segwarides/list",
            "/segwarides/creds/usdf_efd",
            "/discovery",
            "/discovery/influxdb/usdf_efd",
            "/segwarides/-/me",
        ] {
            let problem = efd.get_as(&authorization, target).assert_problem(401, "invalid_token");
            assert!(
                problem["detail"].as_str().unwrap().contains("not good for this"),
                "{target}: {problem}"
            );
        }
    }
    let target = format!("/segwarides/efd/usdf_efd/query?{FORM}&u=ada&p={password}");
    assert_eq!(efd.anonymous(&target).status, 200);
    eventually(PATIENCE, || efd.get("/segwarides/list").text().contains("summit_efd"));
    efd.get_as(
        &basic("ada", &password),
        &format!("/segwarides/efd/summit_efd/query?{FORM}"),
    )
    .assert_problem(404, "not_found");
}

#[test]
fn the_user_beside_a_lease_is_its_own_and_is_audited() {
    let efd = Harness::start();
    let password = efd.get("/segwarides/creds/usdf_efd").json()["password"]
        .as_str()
        .unwrap()
        .to_owned();
    efd.event(1);
    efd.query_as(&basic("root", &password), FORM)
        .assert_problem(401, "invalid_token");
    efd.event(2);
    assert_eq!(efd.query_as(&basic(&password, ""), FORM).status, 200);
    efd.event(3);
    assert_eq!(efd.query_as(&basic("ada", &password), FORM).status, 200);
    let event = efd.event(4);
    assert_eq!(
        (event["user"].as_str(), event["identity"].as_str()),
        (Some("ada"), Some("lease"))
    );
    assert_eq!(efd.influxdb.requests().len(), 2);
}

#[test]
fn a_bad_lease_is_refused() {
    let efd = Harness::start();
    let lease = efd.lease("ada");
    for password in [
        "nbl1.",
        "nbl1.one.e30.AAAA",
        "nbl1.two.e30.AAAA",
        "nbl1.one.AAAA",
        "nbl1....",
        "nbl1.one.e30.",
    ] {
        efd.query_as(&basic("ada", password), FORM)
            .assert_problem(401, "invalid_token");
    }
    assert!(efd.influxdb.requests().is_empty());
    assert_eq!(efd.query_as(&lease, FORM).status, 200);
}

#[test]
fn a_lease_that_is_revoked_ends_within_seconds_and_no_other_does() {
    let efd = Harness::start();
    let (ada, grace) = (efd.lease("ada"), efd.lease("grace"));
    fs::write(efd.files.path().join("revocations"), "[[revoked]]\nuser = \"ada\"\n").unwrap();
    eventually(PATIENCE, || efd.query_as(&ada, FORM).status == 401);
    assert_eq!(efd.query_as(&grace, FORM).status, 200);
    // A list that cannot be read changes nothing.
    fs::write(efd.files.path().join("revocations"), "[[revoked]]\nusr = \"grace\"\n").unwrap();
    eventually(PATIENCE, || efd.metrics().contains(r#"outcome="failed""#));
    assert_eq!(
        (efd.query_as(&ada, FORM).status, efd.query_as(&grace, FORM).status),
        (401, 200)
    );
}

#[test]
fn a_signing_key_is_rotated_without_ending_a_lease() {
    let efd = Harness::start();
    let old = efd.lease("ada");
    let keys = efd.files.path().join("keys");
    fs::write(
        &keys,
        "two abcdef0123456789abcdef0123456789\none 0123456789abcdef0123456789abcdef\n",
    )
    .unwrap();
    let password = || {
        efd.get("/segwarides/creds/usdf_efd").json()["password"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    eventually(PATIENCE, || password().starts_with("nbl1.two."));
    let new = basic("ada", &password());
    assert_eq!(
        (efd.query_as(&old, FORM).status, efd.query_as(&new, FORM).status),
        (200, 200)
    );
    fs::write(&keys, "two abcdef0123456789abcdef0123456789\n").unwrap();
    eventually(PATIENCE, || efd.query_as(&old, FORM).status == 401);
    assert_eq!(efd.query_as(&new, FORM).status, 200);
}

#[test]
fn a_lease_outlives_a_rotated_password_but_not_its_key() {
    let efd = Harness::start();
    let lease = efd.lease("ada");
    fs::write(efd.creds().join("usdf_efd"), efd.document("rotated")).unwrap();
    let rotated = basic("efdreader", "rotated");
    eventually(PATIENCE, || {
        assert_eq!(efd.query_as(&lease, FORM).status, 200);
        efd.influxdb.requests().last().unwrap().header("authorization") == Some(rotated.as_str())
    });
    fs::remove_file(efd.creds().join("usdf_efd")).unwrap();
    eventually(PATIENCE, || efd.query_as(&lease, FORM).status == 404);
}

#[test]
fn a_user_whose_name_looks_like_a_token_can_use_a_lease() {
    let efd = Harness::start();
    for user in ["jane.q.doe", "a.b.c"] {
        assert_eq!(efd.query_as(&efd.lease(user), FORM).status, 200, "{user}");
    }
}

#[test]
fn no_platform_is_shown_a_lease_good_or_bad() {
    let efd = Harness::with(Setup {
        hub: true,
        ..Setup::default()
    });
    let good = efd.get("/segwarides/creds/usdf_efd").json()["password"]
        .as_str()
        .unwrap()
        .to_owned();
    for password in [good.as_str(), "nbl1.one.e30.AAAA", "nbl1."] {
        for authorization in [
            basic("ada", password),
            basic(password, ""),
            format!("Bearer {password}"),
            format!("Token {password}"),
        ] {
            for target in [
                "/segwarides/list",
                "/segwarides/-/me",
                "/segwarides/-/why?path=list",
                "/discovery",
            ] {
                efd.get_as(&authorization, target).assert_problem(401, "invalid_token");
            }
            let status = efd.query_as(&authorization, FORM).status;
            assert_eq!(status, if password == good { 200 } else { 401 });
        }
    }
    assert!(efd.hub.requests().is_empty());
    // What is no lease is the hub's to know.
    assert_eq!(efd.get_as("Bearer opaque", "/segwarides/list").status, 401);
    assert_eq!(efd.hub.requests().len(), 1);
}
