use actix_http::RequestHead;
use proptest::prelude::*;

use super::Target;
use crate::{error::ProxyError, tenant::tests::upstream, upstream::Paths};

fn build(paths: Paths, target: &str) -> Result<Target, u16> {
    let mut upstream = upstream("https://jira.example.org/jira/");
    upstream.paths = paths;
    let mut head = RequestHead::default();
    head.uri = target.parse().map_err(|_| 400_u16)?;
    Target::build(&head, &upstream).map_err(|error| error.problem().status)
}

fn sent(paths: Paths, target: &str) -> Result<String, u16> {
    build(paths, target).map(|target| target.path_and_query().to_owned())
}

#[test]
fn what_is_asked_below_the_prefix_is_sent_below_the_base_path() {
    for (asked, expected) in [
        ("/jira-data-proxy/rest/api/2/search", "/jira/rest/api/2/search"),
        ("/jira-data-proxy/", "/jira/"),
        ("/jira-data-proxy", "/jira/"),
        ("/jira-data-proxy/rest/", "/jira/rest/"),
        ("/jira-data-proxy/a%20b/c%3Fd%23e", "/jira/a%20b/c%3Fd%23e"),
        ("/jira-data-proxy/a%7Eb/%C3%A9/x@y:z", "/jira/a%7Eb/%C3%A9/x@y:z"),
        ("/jira-data-proxy/100%25.png", "/jira/100%25.png"),
    ] {
        assert_eq!(sent(Paths::Strict, asked).as_deref(), Ok(expected), "{asked}");
    }
}

#[test]
fn a_query_is_sent_byte_for_byte() {
    for query in [
        "fields=a&fields=b",
        "jql=a%20b+c%2B%26%3D;x",
        "?",
        "?/../",
        "a=1&&b",
        "",
        "x=%zz",
        "q='(*)!~",
    ] {
        let asked = format!("/jira-data-proxy/rest/api/2/search?{query}");
        assert_eq!(
            sent(Paths::Strict, &asked),
            Ok(format!("/jira/rest/api/2/search?{query}"))
        );
    }
}

#[test]
fn a_token_in_the_query_is_not_sent_on() {
    for (query, expected) in [
        ("access_token=gt-1.2&jql=x", "?jql=x"),
        ("jql=x&Access_Token=gt&b", "?jql=x&b"),
        ("%61ccess_token=1", ""),
        ("access_token", ""),
        ("token=x&jql=y", "?jql=y"),
        ("jql=y;access_token=x;b", "?jql=y;b"),
        ("nextPageToken=x&mytoken=y", "?nextPageToken=x&mytoken=y"),
    ] {
        let asked = format!("/jira-data-proxy/rest/api/2/search?{query}");
        assert_eq!(
            sent(Paths::Strict, &asked),
            Ok(format!("/jira/rest/api/2/search{expected}"))
        );
    }
}

/// The original's suite (rows 10 and the additions) and the path rows of the adversarial cases.
#[test]
fn hostile_paths_are_not_found() {
    for tail in [
        "https://evil.example/x",
        "/evil.example/x",
        "//evil.example",
        "///evil",
        "https:%2F%2Fevil.example/x",
        "https:/evil/x",
        "https:evil/x",
        "https://jira.example.org@evil.example/",
        "https://jira.example.org:pw@evil/",
        "http://jira.example.org/x",
        "https://jira.example.org:444/",
        "https://JIRA.example.org/",
        "https://[/",
        "https://[::1%25lo]/",
        "file:///etc/passwd",
        "javascript:1",
        "data:,x",
        "gopher://x",
        "..",
        "../x",
        "a/../b",
        "a/./b",
        "a/..",
        "%2e%2e/x",
        "%2E./x",
        ".%2e/x",
        "a/..%2fb",
        "%2e%2e%2f",
        "a/..%5cb",
        "%5c%2e%2e",
        "%252e%252e%252f",
        "%25252e",
        "a/%2f",
        "%00",
        "a%0d%0aX:y",
        "%0a",
        "%09",
        "%7f",
        "a;x=1/..;/b",
        "a/;/x",
        "rest/api/2/user;jsessionid=1",
        "rest/api/2/myself%3Bx",
        "a%3bb",
        "rest//api",
        "rest/api/2/%75ser",
        "rest/%61pi",
        "a%2Db",
        "a%5Fb",
        "/",
    ] {
        let asked = format!("/jira-data-proxy/{tail}");
        let verdict = sent(Paths::Strict, &asked);
        // `[` and `\` are no path bytes at all.
        assert!(
            matches!(verdict, Err(404)) || (matches!(verdict, Err(400)) && tail.contains(['['])),
            "{tail}: {verdict:?}"
        );
    }
}

#[test]
fn malformed_targets_are_bad_requests() {
    for target in [
        "/jira-data-proxy/%zz",
        "/jira-data-proxy/%",
        "/jira-data-proxy/a%2",
        "/jira-data-proxy/%c0%ae%c0%ae/",
        "/jira-data-proxy/%e0%80%ae",
        "/jira-data-proxy/%ff%fe",
        "/jira-data-proxy/a\"b",
        "/jira-data-proxy/a|b",
        "/jira-data-proxy/{a}",
        "http://sink/jira-data-proxy/x",
        "https://sink/jira-data-proxy/x",
        "*",
        "sink:80",
    ] {
        assert_eq!(sent(Paths::Strict, target), Err(400), "{target}");
    }
    assert_eq!(sent(Paths::Strict, "/jira-data-proxy/a\\..\\b"), Err(404));
}

#[test]
fn another_prefix_is_not_found() {
    for target in [
        "/jira-data-proxyx/rest",
        "/",
        "/rest/api/2/search",
        "/jira%2Ddata-proxy/rest",
        "/x/../jira-data-proxy/rest",
    ] {
        assert_eq!(sent(Paths::Strict, target), Err(404), "{target}");
    }
}

#[test]
fn an_opaque_path_is_sent_byte_for_byte_unless_it_climbs() {
    for tail in [
        "api/contents/a%2Fb.ipynb",
        "a;b=1",
        "a%2520b",
        "%252e%252e%252f",
        "x//y",
        "%FF",
        "%75ser",
    ] {
        assert_eq!(
            sent(Paths::Opaque, &format!("/jira-data-proxy/{tail}")),
            Ok(format!("/jira/{tail}")),
            "{tail}"
        );
    }
    for tail in [
        "..",
        "a/../b",
        "%2e%2e/x",
        "a/..%2fb",
        "a%2f..%2fb",
        "a/..%5cb",
        "a/..;x/b",
        "%00",
        "a%0ab",
        "%7f",
    ] {
        assert_eq!(
            sent(Paths::Opaque, &format!("/jira-data-proxy/{tail}")),
            Err(404),
            "{tail}"
        );
    }
}

#[test]
fn a_redirect_stays_on_the_origin_and_below_the_base_path() {
    let upstream = upstream("https://jira.example.org/jira/");
    let here = build(Paths::Strict, "/jira-data-proxy/rest/api/2/issue/A-1?x=1").unwrap();
    for (location, expected) in [
        ("/jira/rest/api/2/issue/B-2", "/jira/rest/api/2/issue/B-2"),
        ("https://jira.example.org/jira/rest/x?y=%20z", "/jira/rest/x?y=%20z"),
        ("https://jira.example.org:443/jira/rest/x", "/jira/rest/x"),
        ("https://JIRA.example.org/jira/rest/x", "/jira/rest/x"),
        ("B-2", "/jira/rest/api/2/issue/B-2"),
        ("../project", "/jira/rest/api/2/project"),
        ("?y=2#z", "/jira/rest/api/2/issue/A-1?y=2"),
    ] {
        assert_eq!(
            here.redirected(&upstream, location.as_bytes())
                .unwrap()
                .path_and_query(),
            expected,
            "{location}"
        );
    }
    for location in [
        "https://evil.example/jira/rest",
        "http://jira.example.org/jira/rest",
        "https://jira.example.org:444/jira/rest",
        "//evil.example/jira/",
        "/login.jsp",
        "/jiraevil/x",
        "/jira/../secret",
        "\\\\evil",
        "/\\evil",
        "/jira/%2e%2e/x",
        "/jira/a%2fb",
        "/jira//evil",
        "https://a@jira.example.org/jira/x",
        "https://jira.example.org.evil/jira/",
        "https://jira.example.org./jira/",
        "/jira/x\ty",
        "/jira/x y",
        "https://[/",
        "javascript:1",
        "/jira/\u{e9}",
    ] {
        let refused = here.redirected(&upstream, location.as_bytes());
        assert!(
            matches!(refused, Err(ProxyError::RedirectRefused { .. })),
            "{location}: {refused:?}"
        );
    }
}

proptest! {
    /// Whatever is asked, what is sent begins with the base path and resolves below it.
    #[test]
    fn no_target_leaves_the_base_path(tail in "[ -~]{0,40}", nested in "(%2[eEfF5]|%5[cC]|[./\\\\;:@?%]|https?:|[a-z]){0,20}") {
        for tail in [tail, nested] {
            for paths in [Paths::Strict, Paths::Opaque] {
                let Ok(target) = sent(paths, &format!("/jira-data-proxy/{tail}")) else { continue };
                prop_assert!(target.starts_with("/jira/"));
                let url = url::Url::parse(&format!("https://jira.example.org{target}")).unwrap();
                prop_assert_eq!(url.host_str(), Some("jira.example.org"));
                prop_assert!(url.path().starts_with("/jira/"), "{}", url);
                if paths == Paths::Strict {
                    // One spelling only: parsing changes nothing.
                    prop_assert_eq!(url.path(), target.split('?').next().unwrap());
                }
            }
        }
    }
}
