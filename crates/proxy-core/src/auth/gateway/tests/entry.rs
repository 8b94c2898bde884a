//! What may be configured.

use secrecy::SecretString;
use serde_json::{Value, json};

use super::super::{
    super::tests::support::{check_problems, problems},
    Gateway, GatewayConfig,
};

#[test]
fn the_secret_is_not_shown() {
    let gateway = Gateway {
        peers: Vec::new(),
        secret: Some(("x-gate".parse().unwrap(), SecretString::from("c4n4ry"))),
        scopes: Vec::new(),
        groups: false,
        required: Default::default(),
    };
    assert!(!format!("{gateway:?}").contains("c4n4ry"));
}

fn check(patch: Value, expected: &[&str]) {
    check_problems(
        &json!({"kind": "gateway", "trusted_peers": ["10.0.0.0/8"]}),
        patch,
        expected,
    );
}

#[test]
fn peers_are_networks_and_not_everybody() {
    let check = |peers: &[&str], expected: &[&str]| check(json!({"trusted_peers": peers}), expected);
    check(&[], &["trusted_peers is empty, so that nobody could sign in"]);
    check(&["10.0.0.1/32", "fd00::/8", "::1/128"], &[]);
    check(&["10.0.0.1", "::1", "::ffff:10.0.0.0/104"], &[]);
    for other in ["ingress", "10.0.0.0/33", "", "10.0.0.0/8,11.0.0.0/8", "*"] {
        check(&["10.0.0.0/8", other], &["trusted_peers[1] is not a network"]);
    }
    let host = "trusted_peers[0] names a host within a network: write `10.0.0.0/8`, or `10.0.0.1` for";
    check(&["10.0.0.1/8"], &[host]);
    check(&["::ffff:10.0.0.1/104"], &[host]);
}

#[test]
fn nearly_everybody_is_everybody_in_however_many_pieces() {
    for (one, other) in [
        ("0.0.0.0/0", "::/0"),
        ("0.0.0.0/1", "128.0.0.0/1"),
        ("::ffff:0.0.0.0/97", "::ffff:128.0.0.0/97"),
        ("10.0.0.0/7", "2000::/3"),
    ] {
        let found = problems(json!({"kind": "gateway", "trusted_peers": [one, "10.0.0.0/8", "fc00::/7", other]}));
        assert_eq!(found.len(), 2, "{found:#?}");
        for (index, found) in [0, 3].iter().zip(found) {
            assert!(
                found.starts_with(&format!("trusted_peers[{index}] is "))
                    && found.ends_with(
                        "nearly anybody is in: name the ingress's network, or set allow_insecure_any_peer = true"
                    ),
                "{found}"
            );
        }
    }
}

#[test]
fn everybody_is_trusted_when_that_is_meant() {
    check(
        json!({"trusted_peers": ["0.0.0.0/1", "128.0.0.0/1", "::/0"], "allow_insecure_any_peer": true}),
        &[],
    );
}

#[test]
fn a_secret_has_a_header_and_a_file() {
    check(json!({"secret_header": "X-Gate", "secret_file": "/s"}), &[]);
    check(json!({"secret_header": "X-Gate"}), &["secret_file is missing"]);
    check(json!({"secret_file": "/s"}), &["secret_header is missing"]);
    check(
        json!({"secret_header": "X Gate", "secret_file": "/s"}),
        &["secret_header is not the name of a header"],
    );
}

#[test]
fn a_scope_that_nobody_has_is_not_demanded() {
    check(
        json!({"required_scopes": ["a"]}),
        &["required_scopes demands `a`, which nobody has"],
    );
    check(json!({"required_scopes": ["a"], "scopes": ["a"]}), &[]);
}

#[test]
fn a_secret_file_that_cannot_be_read_stops_the_start() {
    let config = json!({"trusted_peers": ["10.0.0.0/8"], "secret_header": "X-Gate", "secret_file": "/nowhere/secret"});
    let config: GatewayConfig = serde_json::from_value(config).unwrap();
    assert!(config.build().is_err());
}
