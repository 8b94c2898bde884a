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
    for (accepted, packed) in [("gzip, br", true), ("identity", false), ("gzip;q=0", false)] {
        let page = proxy.anonymous("-/docs/", &[("Accept-Encoding", accepted)]);
        let is_gzip = page.header("content-encoding") == Some("gzip") && page.body.starts_with(&[0x1f, 0x8b]);
        let is_plain = page.header("content-encoding").is_none() && page.text().contains("swagger-ui");
        assert_eq!((is_gzip, is_plain), (packed, !packed), "{accepted}");
    }
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

#[test]
fn pages_answer_get_and_head_and_nothing_else() {
    let proxy = Harness::start();
    let token = proxy.token("ada");
    let pages = [
        "-/me",
        "-/why?path=x",
        "-/openapi.json",
        "-/docs/",
        "-/problems",
        "-/problems/not_found",
    ];
    for page in pages
        .map(|page| format!("{PREFIX}/{page}"))
        .into_iter()
        .chain(["/".to_owned()])
    {
        let ask = |method: &str| RawClient::request(proxy.address, method, &page, &[("Authorization", &token)], b"");
        let (get, head) = (ask("GET"), ask("HEAD"));
        assert_eq!((get.status, head.status), (200, 200), "{page}");
        assert_eq!(head.header("content-length"), get.header("content-length"), "{page}");
        assert!(head.body.is_empty());
        for method in ["POST", "DELETE", "OPTIONS", "TRACE"] {
            let refused = ask(method);
            refused.assert_problem(405, "method_not_allowed");
            assert_eq!(refused.header("allow"), Some("GET, HEAD"), "{method} {page}");
        }
    }
    assert_eq!(proxy.jira.connections(), 0);
}

#[test]
fn nothing_below_the_pages_is_ever_forwarded() {
    let proxy = Harness::with(Setup {
        policy: "preset = \"every-get\"",
        ..Setup::default()
    });
    for path in [
        "-",
        "-/",
        "-/foo",
        "-/me/x",
        "-/me/",
        "-/..",
        "%2D/foo",
        "-/rest/api/2/field",
    ] {
        for method in ["GET", "HEAD"] {
            assert_eq!(proxy.send(method, path, &[], b"").status, 404, "{method} {path}");
        }
    }
    proxy.anonymous("-/foo", &[]).assert_problem(404, "not_found");
    assert_eq!(proxy.jira.connections(), 0);
    assert_eq!(
        proxy.get("-x/foo").status,
        200,
        "another name that begins alike is Jira's"
    );
}

#[test]
fn the_event_of_a_page_says_allowed_only_of_who_was_let_in() {
    let proxy = Harness::with(Setup {
        tenant: "required_groups = [\"/members\"]",
        ..Setup::default()
    });
    let member = format!("Bearer {}", proxy.issuer.token("ada").group("/members").sign());
    let stranger = proxy.token("bob");
    for (path, authorization, status) in [
        ("-/me", None, 401),
        ("-/why?path=x", None, 401),
        ("-/me", Some(&stranger), 403),
        ("rest/api/2/field", Some(&stranger), 403),
        ("-/me", Some(&member), 200),
    ] {
        let headers: Vec<_> = authorization
            .iter()
            .map(|token| ("Authorization", token.as_str()))
            .collect();
        assert_eq!(proxy.anonymous(path, &headers).status, status, "{path}");
    }
    let mut seen: Vec<_> = proxy
        .events(5)
        .iter()
        .map(|event| ["route", "decision", "problem"].map(|name| event[name].as_str().unwrap_or_default().to_owned()))
        .collect();
    seen.sort();
    assert_eq!(
        seen,
        [
            ["me", "allowed", ""],
            ["me", "denied", "insufficient_scope"],
            ["me", "none", "unauthenticated"],
            ["none", "denied", "insufficient_scope"],
            ["why", "none", "unauthenticated"],
        ]
    );
}

#[test]
fn the_policy_is_shown_to_callers_who_may_use_the_service_alone() {
    let proxy = Harness::with(Setup {
        tenant: "required_groups = [\"/members\"]",
        ..Setup::default()
    });
    let member = format!("Bearer {}", proxy.issuer.token("ada").group("/members").sign());
    let stranger = proxy.token("bob");
    let ask = |headers: &[(&str, &str)]| {
        let answer = proxy.anonymous("-/openapi.json", headers);
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
        assert!(answer.json()["paths"]["/rest/api/2/search"].is_object());
        answer.text()
    };
    assert!(ask(&[("Authorization", &member)]).contains("no-login-by-query"));
    for headers in [
        vec![],
        vec![("Authorization", "Bearer nonsense")],
        vec![("Authorization", stranger.as_str())],
    ] {
        let text = ask(&headers);
        assert!(
            !text.contains("no-login-by-query") && !text.contains("personal-data"),
            "{text}"
        );
    }
}
