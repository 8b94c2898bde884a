//! Rows of the catalogue: H01 to H04, H07, H08, H10, H11, H16, O23.

mod entry;

use actix_http::RequestHead;
use serde_json::json;

use super::super::{
    CacheState, Outcome,
    tests::support::{client, head, head_of_bytes, identity, scheme, secret_file, told},
};

async fn ask(config: serde_json::Value, head: &RequestHead) -> Outcome {
    scheme(config).authenticate(head, &client()).await
}

fn config() -> serde_json::Value {
    json!({
        "kind": "gateway", "trusted_peers": ["10.0.0.0/8", "fd00::/8"], "groups": true, "scopes": ["exec:notebook"]
    })
}

async fn check(headers: &[(&str, &str)], expected: &str) {
    assert_eq!(told(&ask(config(), &head(headers)).await), expected, "{headers:?}");
}

#[actix_web::test]
async fn the_ingress_says_who_calls() {
    let outcome = ask(
        config(),
        &head(&[
            ("X-Auth-Request-User", "ada"),
            ("X-Auth-Request-Email", "ada@example.org"),
        ]),
    )
    .await;
    assert!(matches!(outcome, Outcome::Authenticated(_, CacheState::None)));
    let identity = identity(outcome);
    assert_eq!((identity.user(), identity.kind()), ("ada", "gateway"));
    assert!(identity.by_cookie(), "the ingress may have taken a cookie");
    check(
        &[
            ("x-auth-request-user", "ada"),
            ("x-auth-request-groups", "a, /b/c ,,d e"),
        ],
        "ada groups=a,/b/c,d e scopes=exec:notebook",
    )
    .await;
    check(&[], "not present").await;
    check(
        &[
            ("x-auth-request-email", "ada@example.org"),
            ("x-auth-request-groups", "staff"),
        ],
        "not present",
    )
    .await;
}

#[actix_web::test]
async fn groups_are_read_only_where_the_ingress_is_said_to_set_them() {
    let headers = [("x-auth-request-user", "ada"), ("x-auth-request-groups", "staff")];
    for (keys, expected) in [
        (json!({}), "ada groups= scopes="),
        (json!({"groups": false}), "ada groups= scopes="),
        (json!({"groups": true}), "ada groups=staff scopes="),
        (json!({"required_groups": ["staff"]}), "ada groups=staff scopes="),
    ] {
        let mut config = json!({"kind": "gateway", "trusted_peers": ["10.0.0.0/8"]});
        config
            .as_object_mut()
            .unwrap()
            .extend(keys.as_object().unwrap().clone());
        assert_eq!(told(&ask(config, &head(&headers)).await), expected, "{keys}");
    }
}

#[actix_web::test]
async fn only_the_socket_peer_counts() {
    for (peer, trusted) in [
        ("10.0.0.0:1", true),
        ("10.255.255.255:1", true),
        ("[::ffff:10.1.2.3]:1", true),
        ("[fd00::1]:1", true),
        ("11.0.0.1:1", false),
        ("9.255.255.255:1", false),
        ("127.0.0.1:1", false),
        ("[::1]:1", false),
        ("[::ffff:11.0.0.1]:1", false),
        ("[::10.1.2.3]:1", false),
        ("[fe80::1]:1", false),
    ] {
        let mut head = head(&[("x-auth-request-user", "ada")]);
        head.peer_addr = Some(peer.parse().unwrap());
        let outcome = ask(config(), &head).await;
        assert_eq!(told(&outcome) != "not present", trusted, "{peer}");
    }
    let mut nobody = head(&[("x-auth-request-user", "ada")]);
    nobody.peer_addr = None;
    assert_eq!(told(&ask(config(), &nobody).await), "not present");
}

#[actix_web::test]
async fn a_peer_may_be_one_address_in_any_spelling() {
    let config = json!({"kind": "gateway", "trusted_peers": ["10.1.2.3", "::ffff:10.9.0.0/112"]});
    for (peer, trusted) in [
        ("10.1.2.3:1", true),
        ("10.1.2.4:1", false),
        ("10.9.1.1:1", true),
        ("10.10.1.1:1", false),
    ] {
        let mut head = head(&[("x-auth-request-user", "ada")]);
        head.peer_addr = Some(peer.parse().unwrap());
        let outcome = ask(config.clone(), &head).await;
        assert_eq!(told(&outcome) != "not present", trusted, "{peer}");
    }
}

#[actix_web::test]
async fn no_header_makes_a_peer_trusted() {
    for header in [
        ("x-forwarded-for", "10.0.0.1"),
        ("forwarded", "for=10.0.0.1;host=evil"),
        ("x-real-ip", "10.0.0.1"),
        ("x-forwarded-host", "evil"),
        ("x-original-uri", "/healthz"),
        ("x-original-method", "GET"),
        ("x-rewrite-url", "/"),
        ("x-forwarded-uri", "/livez"),
        ("user-agent", "kube-probe/1.29"),
        ("user-agent", "GoogleHC/1.0"),
        ("host", "10.0.0.1"),
    ] {
        let mut head = head(&[("x-auth-request-user", "ada"), header]);
        head.peer_addr = Some("192.0.2.1:1".parse().unwrap());
        assert_eq!(told(&ask(config(), &head).await), "not present", "{header:?}");
    }
}

#[actix_web::test]
async fn other_spellings_of_the_headers_are_not_read() {
    for name in [
        "x_auth_request_user",
        "x-auth_request-user",
        "x-auth-request_user",
        "X_Auth_Request_User",
        "x-auth-request-users",
        "x-auth-request-preferred-username",
        "x-forwarded-user",
        "remote-user",
        "x-auth-request-user-",
        "xauthrequestuser",
    ] {
        check(&[(name, "root")], "not present").await;
        check(
            &[("x-auth-request-user", "ada"), (name, "root")],
            "ada groups= scopes=exec:notebook",
        )
        .await;
    }
}

#[actix_web::test]
async fn a_header_that_is_there_twice_is_ambiguous() {
    let ambiguous = "the request carries two credentials that differ: send one";
    for name in ["x-auth-request-user", "x-auth-request-email", "x-auth-request-groups"] {
        check(&[("x-auth-request-user", "ada"), (name, "a"), (name, "a")], ambiguous).await;
    }
}

#[actix_web::test]
async fn connection_cannot_remove_an_identity() {
    let headers = [
        ("connection", "close, x-auth-request-user"),
        ("x-auth-request-user", "ada"),
    ];
    check(&headers, "ada groups= scopes=exec:notebook").await;
}

#[actix_web::test]
async fn a_name_that_is_not_text_is_refused_and_not_overlooked() {
    for (name, value) in [
        ("x-auth-request-user", b"ad\xe9".as_slice()),
        ("x-auth-request-user", "adé".as_bytes()),
        ("x-auth-request-groups", b"\xff"),
        ("x-auth-request-email", b"a@\x80"),
    ] {
        let mut headers = vec![(name, value)];
        if name != "x-auth-request-user" {
            headers.push(("x-auth-request-user", b"ada"));
        }
        let outcome = told(&ask(config(), &head_of_bytes(&headers)).await);
        assert_eq!(
            outcome,
            "the token is malformed: a header that identifies the caller is not ASCII"
        );
    }
}

#[actix_web::test]
async fn a_hostile_name_is_refused() {
    let long = "a".repeat(257);
    for user in ["", "a\tb", " ada", "ada ", long.as_str()] {
        let outcome = ask(config(), &head(&[("x-auth-request-user", user)])).await;
        assert!(matches!(outcome, Outcome::Rejected(_)), "`{user}`: {}", told(&outcome));
    }
    let groups = vec!["g"; 5_000].join(",");
    let outcome = ask(
        config(),
        &head(&[("x-auth-request-user", "ada"), ("x-auth-request-groups", &groups)]),
    )
    .await;
    assert!(matches!(outcome, Outcome::Rejected(_)));
}

#[actix_web::test]
async fn without_the_secret_the_headers_mean_nothing() {
    let secret = secret_file("c4n4ry\n");
    let config = || json!({"kind": "gateway", "trusted_peers": ["10.0.0.0/8"], "secret_header": "X-Gate", "secret_file": secret.path()});
    let user = ("x-auth-request-user", "ada");
    for (headers, expected) in [
        (vec![user, ("x-gate", "c4n4ry")], "ada groups= scopes="),
        (vec![user], "not present"),
        (vec![user, ("x-gate", "")], "not present"),
        (vec![user, ("x-gate", "c4n4r")], "not present"),
        (vec![user, ("x-gate", "c4n4ryy")], "not present"),
        (vec![user, ("x-gate", "C4N4RY")], "not present"),
        (vec![user, ("x_gate", "c4n4ry")], "not present"),
        (
            vec![user, ("x-gate", "c4n4ry"), ("x-gate", "c4n4ry")],
            "the request carries two credentials that differ: send one",
        ),
    ] {
        assert_eq!(told(&ask(config(), &head(&headers)).await), expected, "{headers:?}");
    }
    let mut elsewhere = head(&[user, ("x-gate", "c4n4ry")]);
    elsewhere.peer_addr = Some("192.0.2.1:1".parse().unwrap());
    assert_eq!(
        told(&ask(config(), &elsewhere).await),
        "not present",
        "the secret does not stand for the address"
    );
}

#[actix_web::test]
async fn the_scopes_of_the_gateway_are_demanded_like_any_other() {
    let identity = identity(
        ask(
            config(),
            &head(&[("x-auth-request-user", "ada"), ("x-auth-request-groups", "staff")]),
        )
        .await,
    );
    let mut demanding = config();
    demanding["required_scopes"] = json!(["exec:notebook"]);
    demanding["required_groups"] = json!(["staff", "staff2", "staf"]);
    let scheme = scheme(demanding);
    assert!(scheme.missing_scopes(&identity).is_empty());
    assert_eq!(scheme.required().missing_groups(&identity), ["staff2", "staf"]);
}
