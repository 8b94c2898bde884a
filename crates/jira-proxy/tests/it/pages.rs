//! The service's own routes below the prefix.

use proxy_core::problem;
use proxy_testkit::RawClient;

use crate::harness::{Harness, PREFIX, Setup};

#[test]
fn me_and_why_speak_to_the_caller_about_the_caller() {
    let proxy = Harness::start();
    let me = proxy.get("-/me");
    assert_eq!(
        (
            me.json()["user"].as_str(),
            me.json()["kind"].as_str(),
            me.header("cache-control")
        ),
        (Some("ada"), Some("oidc"), Some("no-store"))
    );
    for (question, allowed, rule) in [
        ("path=rest/api/2/field", true, Some("read")),
        (
            "path=/jira-data-proxy/rest/api/2/user&method=GET",
            false,
            Some("personal-data"),
        ),
        ("path=rest/api/2/issue&method=POST", false, None),
        ("path=secure/x", false, None),
        ("path=rest/../secure", false, None),
        ("path=rest/api/2/search&method=POST", true, Some("search")),
    ] {
        let why = proxy.get(&format!("-/why?{question}"));
        assert_eq!(
            (why.status, why.json()["allowed"].as_bool(), why.json()["rule"].as_str()),
            (200, Some(allowed), rule),
            "{question}"
        );
    }
    for path in ["-/me", "-/why?path=x"] {
        proxy.anonymous(path, &[]).assert_problem(401, "unauthenticated");
    }
    proxy.get("-/why").assert_problem(400, "bad_request");
    assert_eq!(proxy.jira.connections(), 0);
}

#[test]
fn every_problem_has_its_page_where_its_type_leads() {
    let proxy = Harness::start();
    for kind in problem::ALL {
        let page = proxy.anonymous(&format!("-/problems/{}", kind.name), &[]);
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, Some("text/html; charset=utf-8"))
        );
        assert!(page.text().contains(kind.title));
        assert!(
            page.header("content-security-policy")
                .unwrap()
                .starts_with("default-src 'none'")
        );
    }
    let answer = proxy.anonymous("rest/api/2/field", &[]);
    let leads_to = answer.json()["type"].as_str().unwrap().to_owned();
    assert_eq!(RawClient::get(proxy.address, &leads_to, &[]).status, 200);
    proxy
        .anonymous("-/problems/%3Cscript%3E", &[])
        .assert_problem(404, "not_found");
    assert_eq!(proxy.anonymous("-/problems", &[]).status, 200);
}

#[test]
fn the_openapi_document_lists_what_the_policy_publishes_and_no_address() {
    let proxy = Harness::start();
    let answer = proxy.anonymous("-/openapi.json", &[]);
    let document = answer.json();
    assert_eq!(document["servers"][0]["url"], PREFIX);
    let paths = document["paths"].as_object().unwrap();
    for path in [
        "/-/me",
        "/-/why",
        "/rest/api/2/search",
        "/rest/api/2/issue/{key}",
        "/rest/api/3/search/jql",
        "/rest/agile/1.0/board",
    ] {
        assert!(paths.contains_key(path), "{path}");
    }
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    assert!(!answer.text().contains(&proxy.jira.address().to_string()) && !answer.text().contains("bot"));
    // What the document shows, the policy lets through.
    for path in paths.keys().filter(|path| !path.starts_with("/-/")) {
        assert_eq!(
            proxy
                .get(path.trim_start_matches('/').replace("{key}", "DM-1").as_str())
                .status,
            200,
            "{path}"
        );
    }
}

#[test]
fn swagger_ui_comes_from_the_binary() {
    let proxy = Harness::start();
    let moved = proxy.anonymous("-/docs", &[]);
    assert_eq!(
        (moved.status, moved.header("location")),
        (308, Some("/jira-data-proxy/-/docs/"))
    );
    let page = proxy.anonymous("-/docs/", &[]);
    assert!(page.status == 200 && page.text().contains("swagger-ui"));
    assert!(!page.text().contains("https://"), "nothing from elsewhere");
    let initializer = proxy.anonymous("-/docs/swagger-initializer.js", &[]).text();
    assert!(initializer.contains("../openapi.json"), "{initializer}");
    proxy
        .anonymous("-/docs/../../../etc/passwd", &[])
        .assert_problem(404, "not_found");
    proxy
        .anonymous("-/docs/nothing.js", &[])
        .assert_problem(404, "not_found");
}

#[test]
fn pages_are_behind_the_prefix_that_is_configured() {
    let proxy = Harness::with(Setup {
        tenant: "prefix = \"/services/jira\"",
        ..Setup::default()
    });
    let problem = RawClient::get(proxy.address, "/services/jira/rest/api/2/field", &[]);
    assert!(
        problem.json()["type"]
            .as_str()
            .unwrap()
            .starts_with("/services/jira/-/problems/")
    );
    assert_eq!(
        RawClient::get(proxy.address, "/services/jira/-/docs", &[]).header("location"),
        Some("/services/jira/-/docs/")
    );
    assert_eq!(
        RawClient::get(proxy.address, "/jira-data-proxy/-/docs", &[]).status,
        404
    );
}
