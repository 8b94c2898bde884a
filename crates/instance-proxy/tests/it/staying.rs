//! Tunnels that are open: what is asked again about whoever has one, and what of the answers ends it.

use std::{
    io::Write as _,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use proxy_testkit::{FakeIssuer, FakeUpstream, PATIENCE, Script, eventually};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::{
    harness::{Harness, Setup},
    tunnels::{KERNEL, agrees, assert_open, closed, open, vigilant},
};

/// A service that asks anew all the time, and asks an issuer too, who answers `said` at first.
fn introspecting(said: &Value) -> (FakeUpstream, Harness) {
    let issuer = FakeUpstream::start();
    issuer.otherwise(Script::json(200, said));
    let mut secret = NamedTempFile::new().unwrap();
    secret.write_all(b"s").unwrap();
    let identity = format!(
        "[[identity]]\nkind = \"introspection\"\nendpoint = \"{}/introspect\"\nclient_id = \"nbgate\"\n\
         client_secret_file = \"{}\"\ncache_seconds = 1\nrequired_scopes = [\"notebook\"]\n",
        issuer.url(),
        secret.path().display()
    );
    let harness = Harness::with(Setup {
        identity,
        tenant: "required_groups = [\"/users\"]".to_owned(),
        refresh: Some(2),
        ..Setup::default()
    });
    harness.instance.otherwise(agrees(""));
    (issuer, harness)
}

#[test]
fn who_loses_a_scope_or_group_loses_their_tunnels_and_an_issuer_that_is_silent_ends_none() {
    let ada =
        |scope: &str, group: &str| json!({ "active": true, "username": "ada", "scope": scope, "groups": [group] });
    let good = ada("notebook", "/users");
    let (issuer, harness) = introspecting(&good);
    for poorer in [ada("other", "/users"), ada("notebook", "/others")] {
        issuer.otherwise(Script::json(200, &good));
        let (mut client, _) = open(&harness, KERNEL, &harness.token("ada"));
        issuer.otherwise(Script::json(500, &json!({})));
        let asked = issuer.requests().len();
        eventually(PATIENCE, || issuer.requests().len() >= asked + 3);
        assert_open(&mut client);
        issuer.otherwise(Script::json(200, &poorer));
        let reason = "you have not all scopes and groups any more that are required";
        assert_eq!(closed(&mut client), (1008, reason.to_owned()));
    }
}

#[test]
fn a_tunnel_that_was_opened_on_a_remembered_answer_is_asked_about_as_soon_as_that_is_old() {
    let harness = Harness::with(Setup {
        refresh: Some(8),
        ..Setup::default()
    });
    harness.instance.otherwise(agrees(""));
    harness
        .instance
        .answer("/jupyter/42/api/status", Script::json(200, &json!({})));
    let token = harness.token("ada");
    assert_eq!(harness.get_with(&token, "/jupyter/42/api/status").status, 200);
    harness.visa.place("42", "eve", "127.0.0.1", "ACTIVE");
    // The answer gets old, which nothing tells.
    thread::sleep(Duration::from_millis(4_200));
    let (mut client, _) = open(&harness, "/jupyter/42/terminals/websocket/1", &token);
    let opened = Instant::now();
    assert_eq!(closed(&mut client).0, 1008);
    assert!(opened.elapsed() < Duration::from_secs(3), "{:?}", opened.elapsed());
}

#[test]
fn an_instance_that_has_moved_ends_tunnels_to_where_it_was_and_no_others() {
    let harness = vigilant();
    let port = harness.instance.address().port();
    let new_home = FakeUpstream::start_at(SocketAddr::from(([127, 0, 0, 2], port)));
    new_home.otherwise(agrees(""));
    let (mut old, _) = open(&harness, KERNEL, &harness.token("ada"));
    harness.visa.place("42", "ada", "127.0.0.2", "ACTIVE");
    let (mut new, _) = open(&harness, KERNEL, &harness.token("ada"));
    assert_eq!(
        closed(&mut old),
        (1008, "the instance has another address now".to_owned())
    );
    let asked = harness.visa.lookups();
    eventually(PATIENCE, || harness.visa.lookups() >= asked + 3);
    assert_open(&mut new);
}

#[test]
fn an_instance_that_has_moved_out_of_the_networks_ends_its_tunnels() {
    let harness = vigilant();
    let (mut client, _) = open(&harness, KERNEL, &harness.token("ada"));
    harness.visa.place("42", "ada", "192.0.2.1", "ACTIVE");
    assert_eq!(
        closed(&mut client),
        (1008, "the instance has another address now".to_owned())
    );
}

#[test]
fn a_tunnel_ends_with_the_sign_in_unless_a_fresher_one_is_known() {
    let issuer = FakeIssuer::start();
    let identity = format!(
        "[[identity]]\nkind = \"oidc\"\nissuer = \"{}\"\naudience = [\"nbgate\"]\nalgorithms = [\"ES256\"]\nleeway_seconds = 0\n",
        issuer.url()
    );
    let harness = Harness::with(Setup {
        identity,
        refresh: Some(2),
        ..Setup::default()
    });
    harness.instance.otherwise(agrees(""));
    harness
        .instance
        .answer("/jupyter/42/api/status", Script::json(200, &json!({})));
    // VISA goes on to accept it: it is the token itself that ends.
    let token = |seconds| {
        let token = issuer.token("ada").expires_in(seconds).sign();
        harness.visa.accept(&token, "ada");
        token
    };
    let (mut client, _) = open(&harness, KERNEL, &token(3));
    assert_eq!(
        harness.get_with(&token(600), "/jupyter/42/api/status").status,
        200,
        "the page has renewed it"
    );
    let asked = harness.visa.lookups(); // once a second: the first token has ended by then
    eventually(PATIENCE, || harness.visa.lookups() >= asked + 6);
    assert_open(&mut client);
    drop(client);
    harness.visa.place("60", "ada", "127.0.0.1", "ACTIVE");
    let (mut client, _) = open(&harness, &KERNEL.replace("42", "60"), &token(3));
    assert_eq!(closed(&mut client), (1008, "your sign-in has ended".to_owned()));
}
