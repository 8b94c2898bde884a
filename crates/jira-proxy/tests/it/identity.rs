//! Who is let in, and what is said to those who are not. The schemes themselves are tested in `proxy_core::auth`.

use proxy_testkit::{FakeUpstream, PATIENCE, RawClient, Script, eventually};
use serde_json::json;

use crate::harness::{Harness, PREFIX, Setup};

const TARGET: &str = "/jira-data-proxy/rest/api/2/field";

#[test]
fn without_a_token_the_answer_is_a_challenge_and_a_hint_for_notebook_authors() {
    let proxy = Harness::start();
    let answer = proxy.anonymous("rest/api/2/field", &[]);
    let problem = answer.assert_problem(401, "unauthenticated");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"jira-proxy\""));
    assert!(
        problem["hint"]
            .as_str()
            .unwrap()
            .contains("lsst.rsp.get_access_token()")
    );
    assert_eq!(proxy.jira.connections(), 0);
}

#[test]
fn bad_tokens_are_rejected_and_jira_sees_nothing() {
    let proxy = Harness::start();
    let issuer = &proxy.issuer;
    let mut forged = issuer.token("ada").sign();
    let last = forged.pop().unwrap();
    forged.push(if last == 'A' { 'B' } else { 'A' });
    for token in [
        issuer.token("ada").expires_in(-60).sign(),
        issuer.token("ada").audience("other").sign(),
        issuer.token("ada").claim("iss", "https://evil.example").sign(),
        issuer.token("ada").without("exp").sign(),
        issuer.token("ada").header("alg", "none").sign(),
        issuer.token("ada").header("kid", "../../dev/null").sign(),
        issuer.token("").sign(),
        issuer.token("a\r\nb").sign(),
        format!("{}x", issuer.token("ada").sign()),
        forged,
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.".to_owned(),
    ] {
        let answer = proxy.anonymous("rest/api/2/field", &[("Authorization", &format!("Bearer {token}"))]);
        answer.assert_problem(401, "invalid_token");
        assert!(
            answer
                .header("www-authenticate")
                .unwrap()
                .contains("error=\"invalid_token\""),
            "{token}"
        );
        assert!(!answer.text().contains(&token));
    }
    assert_eq!(proxy.jira.connections(), 0);
}

#[test]
fn odd_authorization_headers_let_nobody_in() {
    let proxy = Harness::start();
    let token = proxy.issuer.token("ada").sign();
    let long = format!("Bearer {}", "a".repeat(20_000));
    for value in [
        "Bearer",
        "Bearer ",
        "bearer",
        "Bearer a, Bearer b",
        "Basic !!!",
        "Basic",
        "Digest x",
        "Bearer\ta",
        &format!("Bearer  {token}"),
        &long,
        &format!("Bearer {token} x"),
    ] {
        let status = proxy.anonymous("rest/api/2/field", &[("Authorization", value)]).status;
        assert!(status == 401 || status == 400, "{value}: {status}");
    }
    let bearer = format!("Bearer {token}");
    let two = RawClient::get(
        proxy.address,
        TARGET,
        &[("Authorization", bearer.as_str()), ("Authorization", bearer.as_str())],
    );
    two.assert_problem(400, "bad_request");
    assert_eq!(proxy.jira.connections(), 0);
}

#[test]
fn a_token_may_come_as_a_basic_password_for_clients_that_can_send_nothing_else() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let proxy = Harness::start();
    let token = proxy.issuer.token("ada").sign();
    for pair in [format!("x-oauth-basic:{token}"), format!("{token}:x-oauth-basic")] {
        let header = format!("Basic {}", STANDARD.encode(pair));
        assert_eq!(
            proxy
                .anonymous("rest/api/2/field", &[("Authorization", &header)])
                .status,
            200
        );
    }
    assert!(
        proxy
            .jira
            .requests()
            .iter()
            .all(|seen| seen.header_values("authorization") == [proxy.basic()])
    );
}

#[test]
fn a_gateway_is_believed_only_from_trusted_peers_with_its_secret() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "s3cret-of-the-gateway").unwrap();
    let entry = |peers: &str| {
        let file = secret.path().display();
        format!(
            "[[identity]]\nkind = \"gateway\"\ntrusted_peers = [\"{peers}\"]\nsecret_header = \"X-Gateway-Secret\"\nsecret_file = \"{file}\"\n"
        )
    };
    let user = ("X-Auth-Request-User", "ada");
    let good = ("X-Gateway-Secret", "s3cret-of-the-gateway");
    let trusted = Harness::with(Setup {
        identities: Some(entry("127.0.0.0/8")),
        ..Setup::default()
    });
    assert_eq!(RawClient::get(trusted.address, TARGET, &[user, good]).status, 200);
    let raw = String::from_utf8_lossy(&trusted.jira.request().raw).into_owned();
    assert!(!raw.contains("s3cret") && !raw.contains("ada"), "{raw}");
    trusted.jira.forget();
    for headers in [
        &[user][..],
        &[user, ("X-Gateway-Secret", "wrong")],
        &[good],
        &[("X_Auth_Request_User", "ada"), good],
        &[("X-Auth-Request-Userx", "ada"), good],
    ] {
        assert_eq!(
            RawClient::get(trusted.address, TARGET, headers).status,
            401,
            "{headers:?}"
        );
    }
    RawClient::get(trusted.address, TARGET, &[user, ("X-Auth-Request-User", "root"), good])
        .assert_problem(400, "bad_request");
    assert!(trusted.jira.requests().is_empty());

    let elsewhere = Harness::with(Setup {
        identities: Some(entry("10.0.0.0/8")),
        ..Setup::default()
    });
    RawClient::get(elsewhere.address, TARGET, &[user, good]).assert_problem(401, "unauthenticated");
    assert_eq!(elsewhere.jira.connections(), 0);
}

#[test]
fn a_gafaelfawr_token_needs_exec_notebook_unless_configured_otherwise() {
    const GOOD: &str = "gt-2T1RHkIi4b14JzswnXfCsQ.8t5XdPSYTrteD0pDB15zqQ";
    let gafaelfawr = FakeUpstream::start();
    let proxy = Harness::with(Setup {
        identities: Some(format!(
            "[[identity]]\nkind = \"gafaelfawr\"\nbase_url = \"{}\"\n",
            gafaelfawr.url()
        )),
        ..Setup::default()
    });
    let info = |scopes: &[&str]| {
        Script::json(
            200,
            &json!({ "token": "2T1RHkIi4b14JzswnXfCsQ", "username": "ada", "token_type": "notebook", "scopes": scopes }),
        )
    };
    gafaelfawr.answer("/auth/api/v1/token-info", info(&["exec:notebook", "read:tap"]));
    assert_eq!(
        proxy
            .anonymous("rest/api/2/field", &[("Authorization", &format!("Bearer {GOOD}"))])
            .status,
        200
    );
    assert_eq!(proxy.jira.request().header_values("authorization"), [proxy.basic()]);

    proxy.jira.forget();
    gafaelfawr.answer("/auth/api/v1/token-info", info(&["read:tap", "exec:notebooks"]));
    let other = GOOD.replace("8t5X", "8t5Y");
    let answer = proxy.anonymous("rest/api/2/field", &[("X-Auth-Request-Token", &other)]);
    answer.assert_problem(403, "insufficient_scope");
    assert!(
        answer
            .header("www-authenticate")
            .unwrap()
            .ends_with("error=\"insufficient_scope\", scope=\"exec:notebook\"")
    );
    assert!(proxy.jira.requests().is_empty());
}

#[test]
fn while_the_identity_provider_is_down_nobody_is_let_in_and_nobody_is_called_unknown() {
    let hub = FakeUpstream::start();
    let entry = format!(
        "[[identity]]\nkind = \"jupyterhub\"\napi_url = \"{}/hub/api\"\nservice_name = \"jira\"\n",
        hub.url()
    );
    let proxy = Harness::with(Setup {
        identities: Some(entry),
        ..Setup::default()
    });
    let ask = |token: &str| proxy.anonymous("rest/api/2/field", &[("Authorization", &format!("token {token}"))]);
    for script in [
        Script::json(500, &json!({})),
        Script::answer(200, &[], "<html>"),
        Script::answer(302, &[("Location", "/login")], ""),
        Script::new().reset(),
        Script::json(200, &json!({})),
    ] {
        hub.answer("/hub/api/user", script);
        let answer = ask("abcdef123456");
        let problem = answer.assert_problem(503, "identity_unavailable");
        assert_eq!(answer.header("retry-after"), Some("5"));
        assert_eq!(problem["retry_after"], 5);
    }
    assert_eq!(proxy.jira.connections(), 0);
    // It recovers by itself: nothing of the failures was kept.
    hub.answer("/hub/api/user", Script::json(200, &json!({ "kind": "user", "name": "ada", "admin": false, "groups": [], "scopes": ["access:services!service=jira"] })));
    assert_eq!(ask("abcdef123456").status, 200);
    hub.answer(
        "/hub/api/user",
        Script::json(403, &json!({ "status": 403, "message": "Forbidden" })),
    );
    ask("another123456").assert_problem(401, "invalid_token");
    hub.answer(
        "/hub/api/user",
        Script::json(
            200,
            &json!({ "kind": "user", "name": "eve", "groups": [], "scopes": ["access:services!service=other"] }),
        ),
    );
    ask("eve0123456789").assert_problem(403, "insufficient_scope");
}

#[test]
fn with_the_issuer_down_from_the_start_the_service_is_not_ready_and_recovers() {
    let issuer = proxy_testkit::FakeIssuer::start();
    issuer.fail(503);
    let entry = format!(
        "[[identity]]\nkind = \"oidc\"\nissuer = \"{}\"\naudience = [\"nbgate\"]\nalgorithms = [\"ES256\"]\n",
        issuer.url()
    );
    let proxy = Harness::with(Setup {
        identities: Some(entry),
        ..Setup::default()
    });
    assert_eq!(RawClient::get(proxy.admin, "/readyz", &[]).status, 503);
    assert_eq!(RawClient::get(proxy.admin, "/livez", &[]).status, 200);
    let token = format!("Bearer {}", issuer.token("ada").sign());
    proxy
        .anonymous("rest/api/2/field", &[("Authorization", &token)])
        .assert_problem(503, "identity_unavailable");
    issuer.recover();
    eventually(4 * PATIENCE, || {
        RawClient::get(proxy.admin, "/readyz", &[]).status == 200
    });
    assert_eq!(
        proxy.anonymous("rest/api/2/field", &[("Authorization", &token)]).status,
        200
    );
}

#[test]
fn required_scopes_and_groups_of_a_tenant_are_exact() {
    let proxy = Harness::with(Setup {
        tenant: "required_scopes = [\"read:jira\"]\nrequired_groups = [\"/staff\"]",
        ..Setup::default()
    });
    let ask = |scope: &str, group: &str| {
        let token = format!(
            "Bearer {}",
            proxy.issuer.token("ada").claim("scope", scope).group(group).sign()
        );
        RawClient::get(proxy.address, TARGET, &[("Authorization", token.as_str())])
    };
    assert_eq!(ask("openid read:jira", "/staff").status, 200);
    proxy.jira.forget();
    for (scope, group) in [
        ("openid", "/staff"),
        ("read:jira2", "/staff"),
        ("read:jir", "/staff"),
        ("read:jira", "/staff/sub"),
        ("read:jira", "staff"),
        ("read:jira", "/staf"),
    ] {
        ask(scope, group).assert_problem(403, "insufficient_scope");
    }
    assert!(proxy.jira.requests().is_empty());
    assert_eq!(
        RawClient::get(proxy.address, &format!("{PREFIX}/-/me"), &[]).status,
        401
    );
}

#[test]
fn forwarded_headers_and_probes_user_agents_prove_nothing() {
    let proxy = Harness::start();
    for header in [
        ("User-Agent", "kube-probe/1.29"),
        ("User-Agent", "GoogleHC/1.0"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Original-URI", "/livez"),
        ("X-Auth-Request-User", "root"),
        ("Cookie", "gafaelfawr=x"),
    ] {
        assert_eq!(proxy.anonymous("rest/api/2/field", &[header]).status, 401, "{header:?}");
    }
    assert_eq!(proxy.jira.connections(), 0);
}
