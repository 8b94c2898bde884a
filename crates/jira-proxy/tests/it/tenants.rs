//! Two tenants with two Jiras in one process: nothing of one is reachable through the other.

use std::{fs, time::Duration};

use proxy_core::telemetry::Lines;
use proxy_testkit::{FakeIssuer, FakeUpstream, PATIENCE, RawClient, Script, eventually};

use crate::harness;

#[test]
fn two_tenants_share_neither_credential_nor_connection_nor_policy_nor_counter() {
    harness::log();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (one, two, issuer) = (FakeUpstream::start(), FakeUpstream::start(), FakeIssuer::start());
    let files = tempfile::TempDir::new().unwrap();
    let secret = |name: &str| {
        let file = files.path().join(name);
        fs::write(&file, format!("token-of-{name}")).unwrap();
        file.display().to_string()
    };
    let toml = format!(
        r#"
[server]
host = "127.0.0.1"
port = 0
admin_host = "127.0.0.1"
admin_port = 0
workers = 1
[[identity]]
kind = "oidc"
issuer = "{}"
audience = ["nbgate"]
[[tenant]]
name = "one"
prefix = "/one"
required_groups = ["/one"]
upstream = {{ url = "{}" }}
credential = {{ kind = "bearer", token_file = "{}" }}
[[tenant]]
name = "two"
prefix = "/two"
upstream = {{ url = "{}" }}
credential = {{ kind = "bearer", token_file = "{}" }}
policy = {{ preset = "every-get" }}
"#,
        issuer.url(),
        one.url(),
        secret("one"),
        two.url(),
        secret("two"),
    );
    let (lines, audit) = Lines::memory();
    let (address, admin, stop, thread) = harness::run(toml, lines);
    eventually(PATIENCE, || RawClient::get(admin, "/readyz", &[]).status == 200);
    let member = format!("Bearer {}", issuer.token("ada").group("/one").sign());
    let other = format!("Bearer {}", issuer.token("bob").sign());
    let get = |path: &str, token: &str| RawClient::get(address, path, &[("Authorization", token)]);

    assert_eq!(get("/one/rest/api/2/field", &member).status, 200);
    assert_eq!(get("/two/secure/x", &other).status, 200);
    get("/one/rest/api/2/field", &other).assert_problem(403, "insufficient_scope");
    let refused = get("/one/secure/x", &member);
    let problem = refused.assert_problem(404, "not_found");
    assert!(problem["type"].as_str().unwrap().starts_with("/one/-/problems/"));

    let tokens = |jira: &FakeUpstream| {
        jira.requests()
            .iter()
            .map(|seen| seen.header("authorization").unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(tokens(&one), ["Bearer token-of-one"]);
    assert_eq!(tokens(&two), ["Bearer token-of-two"]);

    // A Jira that is down, or an account that is locked, is one tenant's matter.
    one.answer("/rest/api/2/field", Script::answer(401, &[], ""));
    for _ in 0..4 {
        get("/one/rest/api/2/field", &member).assert_problem(502, "upstream_credential_rejected");
    }
    assert_eq!(get("/two/rest/api/2/field", &member).status, 200);
    assert_eq!(get("/two/-/me", &other).json()["tenant"], "two");

    let metrics = RawClient::get(admin, "/metrics", &[]).text();
    assert!(
        metrics.contains(
            r#"nbgate_requests_total{method="GET",route="read",service="jira-proxy",status="200",tenant="one"} 1"#
        ),
        "{metrics}"
    );
    assert!(
        metrics.contains(
            r#"nbgate_requests_total{method="GET",route="every-get",service="jira-proxy",status="200",tenant="two"} 2"#
        ),
        "{metrics}"
    );
    eventually(PATIENCE, || {
        audit.lines().iter().any(|line| line.contains("\"tenant\":\"two\""))
    });
    stop.send(Duration::ZERO).unwrap();
    thread.join().unwrap();
}
