use super::{Regex, Routes, SHIPPED, compile, without_tail};

fn shipped() -> Routes {
    Routes::read(SHIPPED).unwrap()
}

/// The route's name, the id, and the target as the instance gets it.
fn find(routes: &Routes, target: &str) -> Option<(String, String, String)> {
    let asked = routes.find(target)?;
    let route = &routes.0[asked.route];
    Some((
        route.name.to_string(),
        asked.id.to_owned(),
        route.rewrite(&asked).target,
    ))
}

fn one(entry: &str) -> Result<Routes, String> {
    Routes::read(&format!("[{entry}]")).map_err(|problems| problems.join("\n"))
}

fn entry(matching: &str) -> String {
    format!(r#"{{"match": "{matching}", "type": "service", "name": "One", "remotePort": 80}}"#)
}

#[test]
fn the_first_route_that_matches_leads_to_an_instance() {
    for (target, expected) in [
        ("/jupyter/42", Some(("Jupyter", "42", "/jupyter/42"))),
        ("/jupyter/42/lab?a=b", Some(("Jupyter", "42", "/jupyter/42/lab?a=b"))),
        (
            "/jupyter/42?a=/jupyter/7/",
            Some(("Jupyter", "42", "/jupyter/42?a=/jupyter/7/")),
        ),
        ("/visafs/42/", Some(("Visa Files", "42", "/"))),
        (
            "/visafs/42/a%2Fb/visafs/7/?c",
            Some(("Visa Files", "42", "/a%2Fb/visafs/7/?c")),
        ),
        (
            "/ws/print/42/?EIO=4",
            Some(("Visa Printing", "42", "/socket.io/?EIO=4")),
        ),
        ("/jupyter/12abc", None),
        ("/jupyter/12abc/lab", None),
        ("/jupyter/12%2Flab", None),
        ("/jupyter/0042/lab", None),
        ("/jupyter/", None),
        ("/jupyter/abc", None),
        ("/jupyters/42", None),
        ("/x/jupyter/42", None),
        ("/x?a=/jupyter/42", None),
        ("/", None),
        ("//jupyter/42", None),
    ] {
        let expected =
            expected.map(|(name, id, sent): (&str, &str, &str)| (name.to_owned(), id.to_owned(), sent.to_owned()));
        assert_eq!(find(&shipped(), target), expected, "{target}");
    }
}

#[test]
fn a_path_that_ends_with_the_id_is_rewritten_as_if_a_slash_followed() {
    for (target, sent) in [
        ("/visafs/42", "/"),
        ("/visafs/42?a=b", "/?a=b"),
        ("/ws/print/42?EIO=4", "/socket.io/?EIO=4"),
    ] {
        assert_eq!(find(&shipped(), target).unwrap().2, sent);
    }
}

#[test]
fn a_uid_is_an_id_where_the_routes_group_takes_it() {
    let routes = one(&entry("^/lab/([a-zA-Z0-9]+)")).unwrap();
    assert_eq!(find(&routes, "/lab/aB3xYz/tree").unwrap().1, "aB3xYz");
    assert!(find(&routes, "/lab/aB3-xYz").is_none() && find(&routes, "/lab/00").is_none());
    let greedy = one(&entry("^/lab/(.*)")).unwrap();
    assert!(find(&greedy, "/lab/a/b").is_none(), "an id has no slash");
    assert!(find(&greedy, &format!("/lab/{}", "a".repeat(65))).is_none());
    let query = one(&entry("^/lab/\\\\?id=(\\\\d+)")).unwrap();
    assert!(find(&query, "/lab/?id=7").is_none(), "an id is in the path");
}

#[test]
fn prefixes_are_the_plain_paths_that_routes_begin_with() {
    assert_eq!(shipped().prefixes(), ["/ws/print", "/jupyter", "/visafs"]);
    let prefix = |matching: &str| one(&entry(matching)).map(|routes| routes.0[0].prefix.clone());
    for (matching, expected) in [
        ("^/jupyter/(\\\\d+).*", "/jupyter"),
        ("^\\\\/jupyter\\\\/(\\\\d+)", "/jupyter"),
        ("^/a/b\\\\.c/x(\\\\d+)", "/a/b.c"),
        ("^/a/b?/(\\\\d+)", "/a"),
        ("^/a/(\\\\d+)|^/b/", "/a"),
    ] {
        assert_eq!(prefix(matching).as_deref(), Ok(expected), "{matching}");
    }
    for matching in [
        "/jupyter/(\\\\d+)",
        "^/(\\\\d+)",
        "^(?:/a)?/(\\\\d+)",
        ".*(\\\\d+)",
        "^/[ab]/(\\\\d+)",
        "^/a?/(\\\\d+)",
    ] {
        assert!(
            prefix(matching).unwrap_err().contains("write one such as `^/jupyter/"),
            "{matching}"
        );
    }
    assert!(
        prefix("^/-/(\\\\d+)")
            .unwrap_err()
            .contains("below which are the service's own pages")
    );
}

#[test]
fn what_is_wrong_with_a_file_is_told_all_at_once() {
    let problems = Routes::read(
        r#"[
        {"match": "^/a/\\d+", "type": "service", "name": "A", "remotePort": 0},
        {"match": "^/b/(\\d+)(?=x)", "type": "service", "name": "A", "remotePort": 1, "pathRewrite": {"(": "/", "^/b": "$`"}},
        {"match": "^/c/(\\d+", "type": "jupyter", "name": " ", "remotePort": 1}
        ]"#,
    )
    .unwrap_err();
    for expected in [
        "entry 1 (`A`), whose `match` has no group: put the id in parentheses",
        "entry 1 (`A`), whose `remotePort` is 0",
        "entry 2 (`A`), whose `name` another has",
        "entry 2 (`A`), whose `match` is no regular expression",
        "entry 2 (`A`), whose `pathRewrite` is no regular expression",
        "entry 2 (`A`), whose `pathRewrite` holds $`",
        "entry 3 (` `), whose `name` is empty",
        "entry 3 (` `), whose `match` is no regular expression",
    ] {
        assert!(
            problems.iter().any(|problem| problem.contains(expected)),
            "{expected}\n{problems:#?}"
        );
    }
}

#[test]
fn a_file_that_is_no_json_is_refused_with_the_place_and_the_cure() {
    // As visa-jupyter-proxy's README has it: a comma is missing after `"ws": true`.
    let readme = r#"[
  {
    "match": "^/jupyter/(\\d+).*",
    "type": "jupyter",
    "name": "Jupyter",
    "remotePort": 8888,
    "ws": true
    "pathRewrite": {
      "^/jupyter/\\d+/": "/"
    }
  }
]"#;
    let problems = Routes::read(readme).unwrap_err().join("\n");
    assert!(
        problems.contains("line 8, column 5") && problems.contains("put a comma at the end of the line before"),
        "{problems}"
    );
    for (text, expected) in [
        ("[]", "has no entry"),
        ("{}", "line 1"),
        ("", "line 1"),
        (
            r#"[{"match": "^/a/(\\d+)", "type": "jupyter", "name": "A", "remotePort": 70000}]"#,
            "write a port from 1 to 65535",
        ),
        (
            r#"[{"match": "^/a/(\\d+)", "type": "jupyter", "name": "A", "remotePort": "8888"}]"#,
            "at [0].remotePort (invalid type",
        ),
        (
            r#"[{"match": "^/a/(\\d+)", "type": "other", "name": "A", "remotePort": 1}]"#,
            "unknown variant",
        ),
        (
            r#"[{"match": "^/a/(\\d+)", "type": "jupyter", "name": "A", "remotePort": 1, "port": 2}]"#,
            "unknown field `port`",
        ),
        (
            r#"[{"match": "^/a/(\\d+)", "match": "", "type": "jupyter", "name": "A", "remotePort": 1}]"#,
            "duplicate field `match`",
        ),
        (
            r#"[{"type": "jupyter", "name": "A", "remotePort": 1}]"#,
            "missing field `match`",
        ),
        (
            r#"[{"match": "^/a/(\\d+)", "type": "jupyter", "name": "A", "remotePort": 1,}]"#,
            "remove the comma",
        ),
        (
            r#"[{"match": "^/a/(\\d+)", "type": "jupyter", "name": "A", "remotePort": 1, "pathRewrite": {"a": "b", "a": "c"}}]"#,
            "a rule is there twice",
        ),
    ] {
        let problems = Routes::read(text).unwrap_err().join("\n");
        assert!(problems.contains(expected), "{expected}\n{problems}");
    }
}

#[test]
fn rules_apply_in_the_order_of_the_file_and_one_alone() {
    let rules = r#"{"match": "^/s/(\\d+)", "type": "service", "name": "S", "remotePort": 80,
        "pathRewrite": {"^/s/\\d+/z/": "/first/", "^/s/\\d+/": "/second/", "a": "never"}}"#;
    let routes = one(rules).unwrap();
    assert_eq!(find(&routes, "/s/1/z/a").unwrap().2, "/first/a");
    assert_eq!(find(&routes, "/s/1/a").unwrap().2, "/second/a");
}

#[test]
fn an_expression_that_would_take_for_ever_elsewhere_takes_no_time() {
    let routes = one(&entry("^/s/(\\\\d+)/(a+)+$")).unwrap();
    let began = std::time::Instant::now();
    assert!(find(&routes, &format!("/s/1/{}b", "a".repeat(8_000))).is_none());
    assert!(began.elapsed() < std::time::Duration::from_secs(1));
}

#[test]
fn the_tail_of_an_expression_may_be_left_out() {
    for (written, shorter) in [
        ("^/a/(\\d+).*", "^/a/(\\d+)"),
        ("^/a/(\\d+)\\.*", "^/a/(\\d+)\\.*"),
        ("^/a/(\\d+)|^/b/(c).*", "^/a/(\\d+)|^/b/(c)"),
        ("^/a/(.*).*", "^/a/(.*)"),
        ("^/a/(\\d*?).*", "^/a/(\\d*?)"),
        ("^/a/(\\d+)..*", "^/a/(\\d+)."),
        ("^/a/(\\d+).*$", "^/a/(\\d+).*$"),
    ] {
        assert_eq!(without_tail(written), shorter);
        let (whole, short) = (compile(written).unwrap(), compile(shorter).unwrap());
        for target in ["/a/42/b?c", "/a/42", "/a/", "/a/42.", "/b/c", "/a/4\n2", "/x"] {
            let group = |pattern: &Regex| Some(pattern.captures(target.as_bytes())?.get(1).map(|group| group.range()));
            assert_eq!(group(&whole), group(&short), "{written} {target}");
        }
    }
}
