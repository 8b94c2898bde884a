//! The dialect of Repertoire.

use proxy_testkit::{PATIENCE, eventually};

use crate::harness::{Harness, Setup, basic};

#[test]
fn what_one_may_read_is_described_and_where_the_password_is_had() {
    let efd = Harness::start();
    let found = efd.get("/discovery").json();
    let database = &found["influxdb_databases"]["usdf_efd"];
    let base = format!("http://{}", efd.address);
    assert_eq!(database["url"], format!("{base}/segwarides/efd/usdf_efd/"));
    assert_eq!(
        database["credentials_url"],
        format!("{base}/discovery/influxdb/usdf_efd")
    );
    assert_eq!(
        (&database["database"], &database["schema_registry"]),
        (&"efd".into(), &"https://registry.example.org".into())
    );
    assert!(database.get("password").is_none() && database.get("username").is_none());
    assert_eq!(found["influxdb_databases"].as_object().unwrap().len(), 1);
}

#[test]
fn a_database_comes_with_a_lease_that_works() {
    let efd = Harness::start();
    let answer = efd.get("/discovery/influxdb/usdf_efd");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let event = efd.event(1);
    assert_eq!(
        (event["key"].as_str(), event["mode"].as_str(), event["route"].as_str()),
        (Some("usdf_efd"), Some("lease"), Some("discovery"))
    );
    let found = answer.json();
    for name in ["url", "database", "schema_registry", "local", "username", "password"] {
        assert!(found.get(name).is_some(), "{name}");
    }
    let lease = basic(found["username"].as_str().unwrap(), found["password"].as_str().unwrap());
    assert_eq!(efd.query_as(&lease, "q=SHOW+MEASUREMENTS&db=efd").status, 200);
    assert!(!answer.text().contains(&efd.password));
}

#[test]
fn a_shared_document_is_told_in_this_dialect_if_it_is_an_influxdbs() {
    let efd = Harness::with(Setup {
        tables: "[[tenant.key]]\nname = \"usdf_efd\"\nmode = \"shared\"\n[[tenant.key]]\nname = \"api\"\nmode = \"shared\"\n",
        ..Setup::default()
    });
    let found = efd.get("/discovery/influxdb/usdf_efd").json();
    assert_eq!(
        (found["username"].as_str(), found["password"].as_str()),
        (Some("efdreader"), Some(efd.password.as_str()))
    );
    assert_eq!(found["local"], false);
    efd.get("/discovery/influxdb/api").assert_problem(404, "not_found");
    let listed = efd.get("/discovery");
    assert!(listed.json()["influxdb_databases"].get("api").is_none() && !listed.text().contains(&efd.password));
}

#[test]
fn it_can_be_switched_off() {
    let efd = Harness::with(Setup {
        tenant: "discovery_prefix = \"\"",
        ..Setup::default()
    });
    efd.get("/discovery").assert_problem(404, "not_found");
}

#[test]
fn what_would_make_clients_refuse_the_whole_list_is_left_out_of_it() {
    let efd = Harness::start();
    let without = efd.document("x").replace("https://registry.example.org", "");
    std::fs::write(efd.creds().join("bare"), without).unwrap();
    eventually(PATIENCE, || efd.get("/segwarides/list").text().contains("bare"));
    assert_eq!(
        efd.get("/discovery").json()["influxdb_databases"]
            .as_object()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(efd.get("/discovery/influxdb/bare").status, 200);
}
