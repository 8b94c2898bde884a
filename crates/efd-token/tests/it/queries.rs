//! What reaches an InfluxDB, and what does not.

use std::fs;

use proxy_testkit::{FakeUpstream, PATIENCE, RawClient, Script, eventually};
use serde_json::json;

use crate::harness::{Harness, Setup, basic};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const SELECT: &str =
    "q=SELECT+%22a%22+FROM+%22efd%22.%22autogen%22.%22lsst.sal.x%22+--+why&db=efd&epoch=ns&chunked=true";

#[test]
fn a_query_is_sent_anew_with_the_shared_credential_and_nothing_of_the_callers() {
    let efd = Harness::start();
    let token = efd.token("ada");
    let headers = [
        ("Authorization", token.as_str()),
        FORM,
        ("Cookie", "session=1"),
        ("X-Forwarded-User", "root"),
        ("Accept", "application/x-msgpack"),
    ];
    let answer = RawClient::request(
        efd.address,
        "POST",
        "/segwarides/efd/usdf_efd/query?pretty=true&u=&",
        &headers[1..],
        SELECT.as_bytes(),
    );
    answer.assert_problem(401, "unauthenticated");
    let answer = RawClient::request(
        efd.address,
        "POST",
        "/segwarides/efd/usdf_efd/query?pretty=true",
        &headers,
        SELECT.as_bytes(),
    );
    assert_eq!(answer.status, 200);
    let seen = efd.influxdb.request();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/query"));
    assert_eq!(
        seen.header("authorization"),
        Some(basic("efdreader", &efd.password).as_str())
    );
    assert_eq!(seen.header("content-type"), Some(FORM.1));
    assert_eq!(seen.header("accept"), Some("application/x-msgpack"));
    for name in ["cookie", "x-forwarded-user"] {
        assert_eq!(seen.header(name), None);
    }
    let body = String::from_utf8(seen.body).unwrap();
    assert_eq!(
        body,
        "db=efd&pretty=true&epoch=ns&chunked=true&q=SELECT+%22a%22+FROM+%22efd%22.%22autogen%22.%22lsst.sal.x%22"
    );
    assert!(!String::from_utf8_lossy(&seen.raw).contains(token.trim_start_matches("Bearer ")));
}

#[test]
fn a_query_by_get_is_sent_as_a_form_too() {
    let efd = Harness::start();
    assert_eq!(
        efd.get("/segwarides/efd/usdf_efd/query?db=efd&q=SHOW%20MEASUREMENTS")
            .status,
        200
    );
    let seen = efd.influxdb.request();
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str(), seen.body.as_slice()),
        ("POST", "/query", &b"db=efd&q=SHOW+MEASUREMENTS"[..])
    );
}

#[test]
fn every_way_to_say_who_one_is_counts_and_two_at_once_do_not() {
    let efd = Harness::start();
    let token = efd.token("ada").replace("Bearer ", "");
    let encoded: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
    let target = "/segwarides/efd/usdf_efd/query?q=SHOW+MEASUREMENTS&db=efd";
    for authorization in [
        format!("Bearer {token}"),
        format!("Token {token}"),
        format!("token ada:{token}"),
        basic("ada", &token),
        basic(&token, ""),
    ] {
        assert_eq!(efd.get_as(&authorization, target).status, 200, "{authorization}");
    }
    for parameters in [
        format!("u=ada&p={encoded}"),
        format!("p={encoded}"),
        format!("u={encoded}&p="),
    ] {
        assert_eq!(efd.anonymous(&format!("{target}&{parameters}")).status, 200);
    }
    let sent = efd.influxdb.requests().len();
    efd.get_as(&format!("Bearer {token}"), &format!("{target}&p={encoded}"))
        .assert_problem(400, "bad_request");
    efd.anonymous(&format!("{target}&p={encoded}&p={encoded}"))
        .assert_problem(400, "bad_request");
    efd.anonymous(&format!("{target}&u=ada&p=wrong"))
        .assert_problem(401, "unauthenticated");
    efd.get_as("Token x.y.z", target).assert_problem(401, "invalid_token");
    assert_eq!(efd.influxdb.requests().len(), sent);
    for seen in efd.influxdb.requests() {
        assert!(!String::from_utf8_lossy(&seen.raw).contains(&token));
    }
}

#[test]
fn a_statement_that_writes_is_refused_with_its_kind_and_nothing_is_sent() {
    let efd = Harness::start();
    for (statement, kind) in [
        ("DROP MEASUREMENT x", "DROP MEASUREMENT"),
        ("SELECT * INTO y FROM x", "SELECT INTO"),
        ("SELECT * FROM x; DELETE FROM x", "DELETE"),
        ("SHOW USERS", "SHOW USERS"),
        ("select * /**/into/**/y from x", "SELECT INTO"),
    ] {
        let form: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("q", statement)
            .append_pair("db", "efd")
            .finish();
        let problem = efd.query(&form).assert_problem(403, "policy_denied");
        assert!(
            problem["hint"].as_str().unwrap().contains(kind),
            "{statement}: {problem}"
        );
        assert!(
            problem["detail"].as_str().unwrap().contains("`statements`"),
            "{problem}"
        );
    }
    assert!(efd.influxdb.requests().is_empty());
    assert!(
        efd.metrics()
            .contains(r#"nbgate_denied_total{rule="statements",service="efd-token",tenant="default"} 5"#)
    );
}

#[test]
fn a_database_that_the_key_does_not_open_is_refused_wherever_it_is_named() {
    let efd = Harness::start();
    for form in [
        "q=SHOW+MEASUREMENTS&db=_internal",
        "q=SHOW+MEASUREMENTS+ON+secret&db=efd",
        "q=SELECT+a+FROM+secret..x&db=efd",
        "q=SELECT+a+FROM+(SELECT+a+FROM+%22secret%22.%22r%22.x)&db=efd",
        "q=SELECT+a+FROM+x,secret.r.y&db=efd",
        "q=SHOW+MEASUREMENTS&db=EFD",
        "q=SHOW+DATABASES&db=secret",
        "q=SHOW+MEASUREMENTS&db=",
    ] {
        let problem = efd.query(form).assert_problem(403, "policy_denied");
        assert!(problem["hint"].as_str().unwrap().contains("efd"), "{form}");
    }
    assert!(efd.influxdb.requests().is_empty());
}

#[test]
fn databases_are_listed_from_what_the_key_opens() {
    let efd = Harness::with(Setup {
        tables: "[[tenant.key]]\nname = \"usdf_efd\"\ndatabases = [\"efd\", \"lsst.obs\"]\n",
        ..Setup::default()
    });
    let expected = json!({ "results": [{ "statement_id": 0, "series": [{ "name": "databases", "columns": ["name"], "values": [["efd"], ["lsst.obs"]] }] }] });
    assert_eq!(efd.query("q=SHOW+DATABASES").json(), expected);
    efd.query("q=SHOW+DATABASES;SHOW+MEASUREMENTS&db=efd")
        .assert_problem(403, "policy_denied");
    assert!(efd.influxdb.requests().is_empty());
    assert_eq!(efd.query("q=SHOW+MEASUREMENTS+ON+%22lsst.obs%22").status, 200);
}

#[test]
fn only_a_form_is_a_body() {
    let efd = Harness::start();
    let token = efd.token("ada");
    let target = "/segwarides/efd/usdf_efd/query";
    for media in [
        "multipart/form-data; boundary=x",
        "application/json",
        "text/plain",
        "application/vnd.influxql",
        "",
    ] {
        let headers = [("Authorization", token.as_str()), ("Content-Type", media)];
        let answer = RawClient::request(efd.address, "POST", target, &headers, SELECT.as_bytes());
        answer.assert_problem(415, "unsupported_media_type");
    }
    let headers = [("Authorization", token.as_str()), FORM];
    for method in ["PUT", "DELETE", "HEAD", "PATCH"] {
        let answer = RawClient::request(efd.address, method, target, &headers, b"");
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("GET, POST")),
            "{method}"
        );
    }
    let long = format!("q={}", "x".repeat(1 << 20));
    RawClient::request(efd.address, "POST", target, &headers, long.as_bytes()).assert_problem(413, "content_too_large");
    assert!(efd.influxdb.requests().is_empty());
}

#[test]
fn an_answer_is_streamed_as_it_is_whatever_its_type() {
    let efd = Harness::start();
    let pack = [0x81_u8, 0xa7, 0, 255, 10, 13];
    efd.influxdb.answer(
        "/query",
        Script::answer(
            200,
            &[
                ("Content-Type", "application/x-msgpack"),
                ("X-Influxdb-Version", "1.6.7"),
                ("Set-Cookie", "a=b"),
            ],
            pack,
        ),
    );
    let answer = efd.query("q=SHOW+MEASUREMENTS&db=efd");
    assert_eq!(answer.body, pack);
    assert_eq!(answer.header("content-type"), Some("application/x-msgpack"));
    assert_eq!(answer.header("x-influxdb-version"), None);
    assert_eq!(answer.header("set-cookie"), None);
    assert_eq!(answer.header("cache-control"), Some("private"));
}

#[test]
fn a_password_that_was_rotated_is_read_at_once_and_the_query_succeeds() {
    let efd = Harness::start();
    assert_eq!(efd.query("q=SHOW+MEASUREMENTS&db=efd").status, 200);
    efd.influxdb
        .answer_next("/query", Script::json(401, &json!({ "error": "authorization failed" })));
    fs::write(efd.creds().join("usdf_efd"), efd.document("rotated")).unwrap();
    assert_eq!(efd.query("q=SHOW+MEASUREMENTS&db=efd").status, 200);
    let seen = efd.influxdb.requests();
    assert_eq!(
        seen.last().unwrap().header("authorization"),
        Some(basic("efdreader", "rotated").as_str())
    );
}

#[test]
fn a_password_that_stays_rejected_is_not_the_callers_and_is_not_tried_for_ever() {
    let efd = Harness::start();
    efd.influxdb
        .answer("/query", Script::json(401, &json!({ "error": "authorization failed" })));
    for _ in 0..6 {
        efd.query("q=SHOW+MEASUREMENTS&db=efd")
            .assert_problem(502, "upstream_credential_rejected");
    }
    assert_eq!(efd.influxdb.requests().len(), 3);
}

#[test]
fn ping_and_health_need_no_credential_and_are_the_same_for_every_name() {
    let efd = Harness::start();
    for key in ["usdf_efd", "missing", "broken", "api"] {
        let ping = efd.anonymous(&format!("/segwarides/efd/{key}/ping"));
        assert_eq!(
            (ping.status, ping.header("x-influxdb-version"), ping.body.len()),
            (204, Some("1.x"), 0)
        );
        let health = efd.anonymous(&format!("/segwarides/efd/{key}/health"));
        assert_eq!((health.status, health.json()["status"].as_str()), (200, Some("pass")));
    }
    assert!(efd.influxdb.requests().is_empty());
}

#[test]
fn a_query_is_audited_by_its_kinds_and_never_by_its_literals() {
    let efd = Harness::start();
    efd.query("q=SELECT+a+FROM+x+WHERE+b+%3D+'lit3ral';SHOW+SERIES;SELECT+c+FROM+x&db=efd");
    let event = efd.event(1);
    assert_eq!(
        (&event["route"], &event["key"], &event["rule"]),
        (&json!("query"), &json!("usdf_efd"), &json!("query"))
    );
    assert_eq!(event["statements"], "SELECT, SHOW SERIES");
    assert_eq!(
        (&event["status"], &event["upstream_status"]),
        (&json!(200), &json!(200))
    );
    efd.query("q=DROP+DATABASE+%22lit3ral%22");
    let event = efd.event(2);
    assert_eq!(
        (&event["decision"], &event["rule"], &event["statements"]),
        (&json!("denied"), &json!("statements"), &json!("DROP DATABASE"))
    );
    let said = efd.audit_text() + &crate::harness::log().lines().join("\n");
    assert!(!said.contains("lit3ral") && !said.contains(&efd.password));
    let telling = Harness::with(Setup {
        tables: "[tenant.audit]\nstatements = true\n",
        ..Setup::default()
    });
    telling.query("q=SELECT+a+FROM+x+WHERE+b+%3D+'other'&db=efd");
    assert_eq!(telling.event(1)["statement_texts"], "SELECT a FROM x WHERE b = 'other'");
}

#[test]
fn the_shared_password_is_nowhere_a_client_a_log_or_a_metric_can_see_it() {
    let efd = Harness::start();
    efd.query("q=SHOW+MEASUREMENTS&db=efd");
    efd.influxdb
        .answer("/query", Script::json(401, &json!({ "error": "authorization failed" })));
    let mut seen = String::new();
    for target in [
        "/",
        "/segwarides/",
        "/segwarides/list",
        "/segwarides/creds/usdf_efd",
        "/segwarides/-/me",
        "/segwarides/-/openapi.json",
        "/discovery",
        "/discovery/influxdb/usdf_efd",
        "/segwarides/efd/usdf_efd/query?q=SHOW+MEASUREMENTS&db=efd",
        "/segwarides/-/why?path=creds/usdf_efd",
    ] {
        let answer = efd.get(target);
        seen += &format!("{:?} {}", answer.headers, answer.text());
    }
    fs::write(
        efd.creds().join("usdf_efd"),
        format!("{{\"password\": \"{}\"", efd.password),
    )
    .unwrap();
    eventually(PATIENCE, || efd.get("/segwarides/list").json() == json!([]));
    seen += &RawClient::get(efd.admin, "/config", &[]).text();
    seen += &efd.metrics();
    seen += &efd.audit_text();
    seen += &crate::harness::log().lines().join("\n");
    assert!(!seen.contains(&efd.password) && !seen.contains(&basic("efdreader", &efd.password)));
}

#[test]
fn a_body_is_read_only_once_its_user_has_a_place() {
    let efd = Harness::with(Setup {
        tables: "[tenant.limits]\nmax_in_flight = 1\nmax_in_flight_per_user = 1\nqueue = 0\n",
        ..Setup::default()
    });
    let token = efd.token("ada");
    let mut slow = RawClient::connect(efd.address);
    slow.send(format!(
        "POST /segwarides/efd/usdf_efd/query HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Type: {}\r\nContent-Length: 31\r\n\r\nq=",
        FORM.1
    ));
    // No sooner: a query that comes first takes the place.
    eventually(PATIENCE, || {
        efd.metrics()
            .contains("nbgate_in_flight{service=\"efd-token\",tenant=\"default\"} 1")
    });
    assert_eq!(efd.query("q=SHOW+MEASUREMENTS&db=efd").status, 429);
    slow.send("SHOW+MEASUREMENTS&db=efd&rp=a");
    assert_eq!(slow.read_response().status, 200);
}

#[test]
fn a_new_password_never_goes_where_the_old_document_said() {
    let efd = Harness::start();
    let moved = FakeUpstream::start();
    moved.otherwise(Script::json(200, &json!({ "results": [] })));
    assert_eq!(efd.query("q=SHOW+MEASUREMENTS&db=efd").status, 200);
    efd.influxdb
        .answer("/query", Script::json(401, &json!({ "error": "authorization failed" })));
    let document = efd.document("rotated").replace(&efd.influxdb.url(), &moved.url());
    fs::write(efd.creds().join("usdf_efd"), document).unwrap();
    efd.query("q=SHOW+MEASUREMENTS&db=efd")
        .assert_problem(502, "upstream_credential_rejected");
    eventually(PATIENCE, || efd.query("q=SHOW+MEASUREMENTS&db=efd").status == 200);
    let rotated = basic("efdreader", "rotated");
    assert!(
        moved
            .requests()
            .iter()
            .all(|seen| seen.header("authorization") == Some(&rotated))
    );
    assert!(
        efd.influxdb
            .requests()
            .iter()
            .all(|seen| seen.header("authorization") != Some(&rotated))
    );
}

#[test]
fn a_client_that_doubles_the_slash_is_understood() {
    let efd = Harness::start();
    assert_eq!(
        efd.get("/segwarides/efd/usdf_efd//query?q=SHOW+MEASUREMENTS&db=efd")
            .status,
        200
    );
    assert_eq!(efd.anonymous("/segwarides/efd/usdf_efd//ping").status, 204);
    assert_eq!(
        efd.get("/segwarides/efd/usdf_efd///query?q=SHOW+MEASUREMENTS&db=efd")
            .status,
        404
    );
}
