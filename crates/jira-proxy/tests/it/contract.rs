//! The rows of the original's own suite, and those added to it. Rows about its defects assert the opposite.

use proxy_testkit::{FakeUpstream, RawClient, Script};
use serde_json::json;

use crate::harness::{Harness, PREFIX, Setup};

#[test]
fn a_get_reaches_the_same_path_once_with_the_accounts_credential() {
    let proxy = Harness::start();
    let answer = proxy.get("rest/api/2/issue/DM-1");
    assert_eq!(answer.status, 200);
    let seen = proxy.jira.request();
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str()),
        ("GET", "/rest/api/2/issue/DM-1")
    );
    assert_eq!(seen.header_values("authorization"), [proxy.basic()]);
    assert_eq!(seen.header("accept"), Some("application/json"));
}

#[test]
fn jira_receives_the_listed_headers_and_ours_and_no_other() {
    let proxy = Harness::start();
    let token = proxy.token("ada");
    let listed = [
        ("Accept", "application/json"),
        ("Accept-Language", "de"),
        ("If-None-Match", "\"1\""),
        ("If-Modified-Since", "Mon, 23 Nov 2026 00:00:00 GMT"),
        ("If-Match", "\"2\""),
        ("If-Range", "\"3\""),
        ("Range", "bytes=0-0"),
    ];
    let unlisted = [
        ("Cookie", "gafaelfawr=x; a=b"),
        ("X-CSRF-Token", "x"),
        ("X-Auth-Request-User", "root"),
        ("X_Auth_Request_User", "root"),
        ("X-Auth-Request-Token", "gt-x"),
        ("X-Original-URL", "http://x"),
        ("X-Forwarded-For", "6.6.6.6"),
        ("X-Forwarded-Host", "evil"),
        ("Forwarded", "host=evil"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Method-Override", "DELETE"),
        ("X-HTTP-Method", "DELETE"),
        ("Proxy-Authorization", "Basic x"),
        ("TE", "trailers"),
        ("Referer", "https://x"),
        ("Origin", "https://x"),
        ("X-Atlassian-Token", "no-check"),
        ("X-ExperimentalApi", "opt-in"),
        ("User-Agent", "python"),
        ("X-Requested-With", "XMLHttpRequest"),
    ];
    let headers: Vec<_> = listed
        .into_iter()
        .chain(unlisted)
        .chain([("Authorization", token.as_str())])
        .collect();
    assert_eq!(
        RawClient::get(proxy.address, &format!("{PREFIX}/rest/api/2/field"), &headers).status,
        200
    );
    let seen = proxy.jira.request();
    let mut names: Vec<_> = seen.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "accept",
            "accept-encoding",
            "accept-language",
            "authorization",
            "host",
            "if-match",
            "if-modified-since",
            "if-none-match",
            "if-range",
            "range",
            "user-agent",
            "x-request-id"
        ]
    );
    assert_eq!(
        seen.header("user-agent"),
        Some(concat!("jira-proxy/", env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(seen.header("host"), Some(proxy.jira.address().to_string().as_str()));
    let raw = String::from_utf8_lossy(&seen.raw).into_owned();
    for byte in [
        "root",
        "evil",
        "DELETE",
        "6.6.6.6",
        "gafaelfawr",
        token.trim_start_matches("Bearer "),
    ] {
        assert!(!raw.contains(byte), "{byte}");
    }
}

#[test]
fn a_base_url_with_or_without_a_slash_at_its_end_means_the_same() {
    for base_path in ["/jira", "/jira/"] {
        let proxy = Harness::with(Setup {
            base_path,
            ..Setup::default()
        });
        assert_eq!(proxy.get("rest/api/2/field").status, 200);
        assert_eq!(proxy.jira.request().target, "/jira/rest/api/2/field");
    }
}

#[test]
fn a_query_arrives_byte_for_byte_with_repeated_parameters() {
    let proxy = Harness::start();
    let query = "jql=project%20%3D%20DM+ORDER%20BY%20x%2B%26;&fields=a&fields=b&expand=&x";
    proxy.get(&format!("rest/api/2/search?{query}"));
    assert_eq!(proxy.jira.request().target, format!("/rest/api/2/search?{query}"));
}

#[test]
fn a_caller_receives_the_listed_headers_of_jira_and_no_other() {
    let proxy = Harness::start();
    let listed = [
        ("ETag", "W/\"1\""),
        ("Last-Modified", "Mon, 23 Nov 2026 00:00:00 GMT"),
        ("Retry-After", "7"),
        ("Link", "</x>; rel=next"),
        ("Content-Language", "de"),
        ("Accept-Ranges", "bytes"),
        ("Date", "Mon, 23 Nov 2026 00:00:00 GMT"),
    ];
    let unlisted = [
        ("Set-Cookie", "JSESSIONID=1"),
        ("X-AUSERNAME", "bot"),
        ("X-ASESSIONID", "1"),
        ("X-Seraph-LoginReason", "OK"),
        ("Server", "x"),
        ("Via", "x"),
        ("X-Arequestid", "1"),
        ("Access-Control-Allow-Origin", "*"),
        ("Strict-Transport-Security", "x"),
        ("Clear-Site-Data", "*"),
        ("Authorization", "Basic x"),
    ];
    let fields: Vec<_> = listed
        .into_iter()
        .chain(unlisted)
        .chain([("Content-Type", "text/plain;charset=latin-1")])
        .collect();
    proxy
        .jira
        .answer("/rest/api/2/field", Script::answer(200, &fields, b"caf\xe9"));
    let answer = proxy.get("rest/api/2/field");
    assert_eq!(answer.body, b"caf\xe9");
    assert_eq!(answer.header("content-type"), Some("text/plain;charset=latin-1"));
    for (name, value) in listed {
        assert_eq!(answer.header_values(name), [value], "{name}");
    }
    for (name, _) in unlisted {
        assert_eq!(answer.header(name), None, "{name}");
    }
}

#[test]
fn jiras_own_errors_pass_unchanged() {
    let proxy = Harness::start();
    for status in [400, 403, 404, 410, 429, 500, 503] {
        let body = json!({ "errorMessages": [format!("it is {status}")], "errors": {} });
        proxy.jira.answer("/rest/api/2/search", Script::json(status, &body));
        let answer = proxy.get("rest/api/2/search?jql=x");
        assert_eq!((answer.status, answer.json()), (status, body));
    }
}

#[test]
fn a_redirect_below_the_base_is_followed_with_the_credential_and_without_the_callers() {
    let proxy = Harness::start();
    proxy.jira.answer(
        "/rest/api/2/issue/OLD-1",
        Script::answer(302, &[("Location", "/rest/api/2/issue/NEW-1?x=1")], ""),
    );
    proxy
        .jira
        .answer("/rest/api/2/issue/NEW-1", Script::json(200, &json!({ "key": "NEW-1" })));
    let answer = proxy.get_with("rest/api/2/issue/OLD-1", &[("Cookie", "a=b"), ("Range", "bytes=0-9")]);
    assert_eq!(answer.json()["key"], "NEW-1");
    let hop = &proxy.jira.requests()[1];
    assert_eq!(hop.target, "/rest/api/2/issue/NEW-1?x=1");
    assert_eq!(hop.header_values("authorization"), [proxy.basic()]);
    assert_eq!((hop.header("cookie"), hop.header("range")), (None, Some("bytes=0-9")));
}

#[test]
fn a_redirect_elsewhere_is_refused_and_its_body_kept_back() {
    let (proxy, sink) = (Harness::start(), FakeUpstream::start());
    let there = sink.url();
    for location in [
        there.as_str(),
        "//evil.example/",
        "/login.jsp?os_destination=x",
        "/secure/Dashboard.jspa",
        "\\\\evil",
        "/rest/api/2/user?x",
        "ftp://x/",
        "/rest/%2e%2e/x",
        "",
    ] {
        proxy.jira.answer(
            "/rest/api/2/field",
            Script::answer(
                302,
                &[("Location", location), ("Content-Type", "text/html")],
                "<b>do not show</b>",
            ),
        );
        let answer = proxy.get("rest/api/2/field");
        answer.assert_problem(502, "redirect_refused");
        assert!(
            !answer.text().contains("do not show")
                && !answer.text().contains("evil")
                && !answer.text().contains("login")
        );
    }
    assert_eq!(sink.connections(), 0);
}

#[test]
fn redirects_without_end_without_location_or_of_a_post_are_refused() {
    let proxy = Harness::start();
    proxy.jira.answer(
        "/rest/api/2/field",
        Script::answer(301, &[("Location", "/rest/api/2/field")], ""),
    );
    proxy.get("rest/api/2/field").assert_problem(502, "redirect_refused");
    assert_eq!(proxy.jira.requests().len(), 6, "the first and five hops");
    for script in [
        Script::answer(302, &[], ""),
        Script::answer(302, &[("Location", "/rest/a"), ("Location", "/rest/b")], ""),
        Script::answer(300, &[("Location", "/rest/api/2/x")], ""),
    ] {
        proxy.jira.answer("/rest/api/2/field", script);
        assert_eq!(proxy.get("rest/api/2/field").status, 502);
    }
    proxy.jira.answer(
        "/rest/api/2/search",
        Script::answer(307, &[("Location", "/rest/api/2/search")], ""),
    );
    proxy
        .send(
            "POST",
            "rest/api/2/search",
            &[("Content-Type", "application/json")],
            b"{}",
        )
        .assert_problem(502, "redirect_refused");
}

#[test]
fn hostile_paths_get_the_contracts_text_and_jira_sees_nothing() {
    let proxy = Harness::with(Setup {
        base_path: "/jira/",
        policy: "preset = \"every-get\"",
        ..Setup::default()
    });
    for path in [
        "https://evil.example/x",
        "/evil.example/x",
        "//evil.example",
        "https:%2F%2Fevil.example",
        "https://jira.example.org@evil.example/",
        "http://jira.example.org/x",
        "%2E%2E/secure/x",
        "../secure/x",
        "a/../../x",
        "..%2fx",
        "%252e%252e/x",
        "a\\..\\x",
        "a;jsessionid=1/x",
        "a%0d%0ax",
        "a//b",
        "%2e",
        "rest/api/2/%75ser",
    ] {
        let problem = proxy.get(path).assert_problem(404, "not_found");
        assert_eq!(
            problem["detail"], "Path does not resolve to a URL on the Jira server",
            "{path}"
        );
    }
    for path in ["https://[/", "%zz", "%", "%ff%fe", "%c0%ae%c0%ae/", "a\"b", "a^b"] {
        let status = proxy.get(path).status;
        assert!(status == 400 || status == 404, "{path}: {status}");
    }
    assert_eq!(proxy.jira.connections(), 0);
}

#[test]
fn question_marks_and_number_signs_in_a_path_stay_encoded() {
    let proxy = Harness::with(Setup {
        policy: "publish = [\"attachments\"]",
        ..Setup::default()
    });
    proxy.get("secure/attachment/1/a%3Fb%23c%20d.png");
    assert_eq!(proxy.jira.request().target, "/secure/attachment/1/a%3Fb%23c%20d.png");
}

#[test]
fn unpublished_trees_are_not_found() {
    let proxy = Harness::start();
    for path in [
        "",
        "rest",
        "rest/auth/1/session",
        "rest/plugins/1.0/",
        "rest/webhooks/1.0/webhook",
        "secure/attachment/1/a.png",
        "secure/Dashboard.jspa",
        "login.jsp",
        "plugins/servlet/gadgets/makeRequest?url=http://evil",
        "rest/api/1/x",
        "rest/api/4/x",
        "rest/apix/2",
        "rest/agile/2.0/board",
        "secure/useravatar?x",
    ] {
        proxy.get(path).assert_problem(404, "not_found");
    }
    assert_eq!(proxy.jira.connections(), 0);
}

#[test]
fn the_published_trees_reach_jira() {
    let proxy = Harness::with(Setup {
        policy: "publish = [\"attachments\", \"avatars\", \"personal-data\"]",
        ..Setup::default()
    });
    let paths = [
        "rest/api/2/serverInfo",
        "rest/api/3/search/jql?jql=x",
        "rest/api/latest/issue/A-1",
        "rest/agile/1.0/board",
        "secure/attachment/1/a.png",
        "secure/thumbnail/1/a.png",
        "rest/api/3/attachment/content/1?redirect=false",
        "secure/useravatar?ownerId=x",
        "rest/api/2/universal_avatar/view/type/x",
        "rest/api/2/user?username=x",
        "rest/api/2/myself",
    ];
    for path in paths {
        assert_eq!(proxy.get(path).status, 200, "{path}");
    }
    let targets: Vec<_> = proxy.jira.requests().iter().map(|seen| seen.target.clone()).collect();
    assert_eq!(targets, paths.map(|path| format!("/{path}")));
}

#[test]
fn personal_data_and_files_are_denied_until_they_are_published() {
    let proxy = Harness::start();
    for (path, rule) in [
        ("rest/api/2/user?username=x", "personal-data"),
        ("rest/api/3/users/search", "personal-data"),
        ("rest/api/latest/user/picker", "personal-data"),
        ("rest/api/2/groupuserpicker", "personal-data"),
        ("rest/api/2/group/member", "personal-data"),
        ("rest/api/2/groups/picker", "personal-data"),
        ("rest/api/2/auditing/record", "personal-data"),
        ("rest/api/2/myself", "personal-data"),
        ("rest/api/2/myself.json", "personal-data"),
        (
            "rest/api/2/jql/autocompletedata/suggestions?fieldName=assignee&fieldValue=a",
            "personal-data",
        ),
        ("rest/api/2/project/DM/role/1", "personal-data"),
        ("rest/api/3/role/1/actors", "personal-data"),
        ("rest/api/2/issue/DM-1/watchers", "personal-data"),
        ("rest/api/2/issue/DM-1/votes", "personal-data"),
        ("rest/api/2/permissionscheme?expand=all", "personal-data"),
        ("rest/api/2/notificationscheme", "personal-data"),
        ("rest/api/3/issuesecurityschemes/level/member", "personal-data"),
        ("rest/api/3/filter/1/owner", "personal-data"),
        ("rest/api/3/project/1/email", "personal-data"),
        ("rest/api/3/instance/license", "administration"),
        ("rest/api/2/webhook", "administration"),
        ("rest/api/2/application-properties", "administration"),
        ("rest/api/2/cluster/nodes", "administration"),
        ("rest/api/2/reindex", "administration"),
        ("rest/api/2/issue/DM-1?updateHistory=true", "no-side-effects"),
        ("rest/api/2/attachment/1/expand/raw", "attachments-on-cloud"),
        ("rest/api/2/search?jql=x&oauth_token=y", "no-login-by-query"),
        ("rest/api/3/attachment/content/1", "attachments-on-cloud"),
        (
            "rest/api/2/universal_avatar/view/type/user/avatar/1",
            "avatars-on-cloud",
        ),
        ("rest/api/2/issue/A-1?os_username=x&os_password=y", "no-login-by-query"),
    ] {
        let answer = proxy.get(path);
        let problem = answer.assert_problem(403, "policy_denied");
        assert!(problem["detail"].as_str().unwrap().contains(rule), "{path}: {problem}");
        assert!(
            answer
                .header("www-authenticate")
                .unwrap()
                .contains("error=\"insufficient_scope\"")
        );
    }
    assert_eq!(proxy.jira.connections(), 0);
}

#[test]
fn writing_methods_are_refused_with_those_that_are_allowed() {
    let proxy = Harness::start();
    for method in [
        "POST", "PUT", "PATCH", "DELETE", "QUERY", "OPTIONS", "get", "FOO-BAR", "PROPFIND",
    ] {
        let answer = proxy.send(method, "rest/api/2/issue/A-1", &[], b"");
        answer.assert_problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{method}");
    }
    assert_eq!(
        proxy.send("DELETE", "rest/api/2/search", &[], b"").header("allow"),
        Some("GET, HEAD, POST")
    );
    assert_eq!(proxy.jira.connections(), 0);
}

#[test]
fn the_posts_that_only_read_reach_jira_with_their_body() {
    let proxy = Harness::start();
    for path in [
        "rest/api/2/search",
        "rest/api/3/search",
        "rest/api/3/search/jql",
        "rest/api/2/search/approximate-count",
    ] {
        proxy.jira.forget();
        assert_eq!(
            proxy
                .send("POST", path, &[("Content-Type", "application/json")], br#"{"jql":"x"}"#)
                .status,
            200
        );
        let seen = proxy.jira.request();
        assert_eq!(
            (seen.method.as_str(), seen.body.as_slice(), seen.header("content-type")),
            ("POST", br#"{"jql":"x"}"#.as_slice(), Some("application/json"))
        );
    }
}

#[test]
fn head_has_the_headers_of_get_and_no_body() {
    let proxy = Harness::with(Setup {
        upstream: "rewrite_links = false",
        ..Setup::default()
    });
    proxy.jira.answer(
        "/rest/api/2/field",
        Script::raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1234\r\n\r\n"),
    );
    let answer = proxy.send("HEAD", "rest/api/2/field", &[], b"");
    assert_eq!(
        (answer.status, answer.header("content-length"), answer.body.len()),
        (200, Some("1234"), 0)
    );
    assert_eq!(proxy.jira.request().method, "HEAD");
}

#[test]
fn a_conditional_get_answers_304_at_once() {
    let proxy = Harness::start();
    for extra in ["", "Content-Length: 500\r\n"] {
        proxy.jira.answer(
            "/rest/api/2/field",
            Script::raw(format!("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n{extra}\r\n")),
        );
        let answer = proxy.get_with("rest/api/2/field", &[("If-None-Match", "\"1\"")]);
        assert_eq!(
            (answer.status, answer.body.len(), answer.header("etag")),
            (304, 0, Some("W/\"1\""))
        );
    }
}

#[test]
fn ranges_and_their_answers_pass() {
    let proxy = Harness::with(Setup {
        policy: "publish = [\"attachments\"]",
        ..Setup::default()
    });
    let fields = [("Content-Type", "image/png"), ("Content-Range", "bytes 0-3/10")];
    proxy
        .jira
        .answer("/secure/attachment/1/a.png", Script::answer(206, &fields, b"\x89PNG"));
    let answer = proxy.get_with("secure/attachment/1/a.png", &[("Range", "bytes=0-3")]);
    assert_eq!(
        (answer.status, answer.header("content-range"), answer.body.as_slice()),
        (206, Some("bytes 0-3/10"), b"\x89PNG".as_slice())
    );
}

#[test]
fn every_get_opens_what_the_original_passed() {
    let proxy = Harness::with(Setup {
        policy: "preset = \"every-get\"",
        ..Setup::default()
    });
    for path in [
        "",
        "secure/Dashboard.jspa",
        "rest/auth/1/session",
        "rest/api/2/user?username=x",
        "plugins/servlet/x",
        "rest/api/3/attachment/content/1",
    ] {
        assert_eq!(proxy.get(path).status, 200, "{path}");
    }
    proxy
        .send("POST", "rest/api/2/issue", &[], b"")
        .assert_problem(405, "method_not_allowed");
    proxy.get("secure/x?os_username=a").assert_problem(403, "policy_denied");
}

#[test]
fn browse_leads_people_to_the_real_page() {
    let proxy = Harness::with(Setup {
        base_path: "/jira",
        ..Setup::default()
    });
    let answer = proxy.anonymous("browse/DM-12345", &[]);
    assert_eq!(
        (answer.status, answer.header("location")),
        (302, Some(format!("{}/jira/browse/DM-12345", proxy.jira.url()).as_str()))
    );
    for key in [
        "x",
        "DM-",
        "dm-1",
        "-1",
        "DM-1x",
        "DM-1%0d%0aX:1",
        "..%2f..",
        "DM-1;x",
        "%2e%2e",
    ] {
        let status = proxy.anonymous(&format!("browse/{key}"), &[]).status;
        assert!(status == 404 || status == 401, "{key}: {status}");
    }
    assert_eq!(proxy.jira.connections(), 0);
}

#[test]
fn the_root_answers_with_metadata_as_the_originals_probe_expects() {
    let proxy = Harness::start();
    let answer = RawClient::get(proxy.address, "/", &[]);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["name"], "jira-proxy");
    for path in ["/other", "/jira-data-proxyx/rest/api/2/field", "/metrics", "/livez"] {
        RawClient::get(proxy.address, path, &[]).assert_problem(404, "not_found");
    }
}

#[test]
fn a_post_that_is_not_json_reaches_nobody() {
    let proxy = Harness::start();
    let form: &[(&str, &str)] = &[("Content-Type", "application/x-www-form-urlencoded")];
    let two: &[(&str, &str)] = &[("Content-Type", "application/json"), ("Content-Type", "text/plain")];
    for headers in [form, two, &[]] {
        let answer = proxy.send("POST", "rest/api/2/search", headers, b"os_username=a&os_password=b");
        answer.assert_problem(415, "unsupported_media_type");
    }
    assert_eq!(proxy.jira.connections(), 0);
}

#[test]
fn a_link_header_leads_through_the_proxy_or_is_dropped() {
    let proxy = Harness::with(Setup {
        base_path: "/jira",
        ..Setup::default()
    });
    let link = |path: &str| format!("<{}{path}>; rel=\"next\"", proxy.jira.url());
    let (inside, outside) = (link("/jira/rest/api/2/x?startAt=5"), link("/other"));
    let fields = [("Link", inside.as_str()), ("Link", outside.as_str())];
    proxy
        .jira
        .answer("/jira/rest/api/2/field", Script::answer(200, &fields, "[]"));
    let answer = proxy.get("rest/api/2/field");
    let expected = format!(
        "<http://{}{PREFIX}/rest/api/2/x?startAt=5>; rel=\"next\"",
        proxy.address
    );
    assert_eq!(answer.header_values("link"), [expected.as_str()]);
}

#[test]
fn links_to_where_people_reach_jira_lead_through_the_proxy_too() {
    let proxy = Harness::with(Setup {
        upstream: "public_url = \"https://people.example.org/jira\"",
        ..Setup::default()
    });
    let body = r#"{"content":"https://people.example.org/jira/secure/attachment/1/a.png"}"#;
    proxy.jira.answer(
        "/rest/api/2/field",
        Script::answer(200, &[("Content-Type", "application/json")], body),
    );
    let expected = format!(
        r#"{{"content":"http://{}{PREFIX}/secure/attachment/1/a.png"}}"#,
        proxy.address
    );
    assert_eq!(proxy.get("rest/api/2/field").text(), expected);
    let location = proxy
        .anonymous("browse/DM-1", &[])
        .header("location")
        .unwrap()
        .to_owned();
    assert_eq!(location, "https://people.example.org/jira/browse/DM-1");
}

#[test]
fn a_revalidated_answer_keeps_its_type_and_its_weak_validator() {
    let proxy = Harness::start();
    proxy.jira.answer(
        "/rest/api/2/field",
        Script::raw("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n"),
    );
    let answer = proxy.get_with("rest/api/2/field", &[("If-None-Match", "W/\"1\"")]);
    assert_eq!(
        (answer.status, answer.header("content-type"), answer.header("etag")),
        (304, None, Some("W/\"1\""))
    );
}

#[test]
fn a_part_of_a_json_answer_is_asked_for_again_as_a_whole() {
    let proxy = Harness::start();
    let json = ("Content-Type", "application/json");
    proxy.jira.answer_next(
        "/rest/api/2/field",
        Script::answer(206, &[json, ("Content-Range", "bytes 0-1/4")], "[]"),
    );
    proxy.jira.answer(
        "/rest/api/2/field",
        Script::answer(200, &[json, ("Accept-Ranges", "bytes")], "[{}]"),
    );
    let answer = proxy.get_with("rest/api/2/field", &[("Range", "bytes=0-1")]);
    assert_eq!(
        (answer.status, answer.text().as_str(), answer.header("accept-ranges")),
        (200, "[{}]", None)
    );
    assert_eq!(proxy.jira.requests()[1].header("range"), None);
}

#[test]
fn a_file_of_cloud_is_asked_for_without_a_redirect() {
    let proxy = Harness::with(Setup {
        policy: "publish = [\"attachments\"]",
        ..Setup::default()
    });
    assert_eq!(proxy.get("rest/api/3/attachment/content/1").status, 200);
    assert_eq!(
        proxy.jira.request().target,
        "/rest/api/3/attachment/content/1?redirect=false"
    );
}
