use super::*;

#[test]
fn statements_are_done_in_order_until_one_fails() {
    let answer = answer("SHOW DATABASES;; SELECT fwhm FROM other..x ; SHOW MEASUREMENTS;");
    let results = &answer["results"];
    assert_eq!(results[0]["series"][0]["values"], json!([["efd"]]));
    assert_eq!(
        results[1],
        json!({ "statement_id": 1, "error": "database not found: other" })
    );
    assert_eq!(results[2], json!({ "statement_id": 2, "error": "not executed" }));
}

#[test]
fn the_lists_are_those_of_one_database() {
    assert_eq!(series("show databases")["name"], "databases");
    let policies = series("SHOW RETENTION POLICIES ON efd");
    assert!(policies.get("name").is_none());
    assert_eq!(policies["values"][0], json!(["autogen", "48h0m0s", "24h0m0s", 1, true]));
    assert_empty("SHOW TAG KEYS");
    assert_empty("SHOW TAG KEYS FROM \"lsst.sal.ESS.temperature\"");
    let all = answer("SHOW FIELD KEYS ON efd");
    assert_eq!(all["results"][0]["series"].as_array().unwrap().len(), 3);
    for list in ["MEASUREMENTS", "FIELD KEYS", "TAG KEYS", "RETENTION POLICIES"] {
        assert_eq!(error(&format!("SHOW {list} ON other")), "database not found: other");
    }
    assert!(matches!(
        &outcomes("SHOW MEASUREMENTS", None, NOW).unwrap()[..],
        [Err(message)] if message == "database name required"
    ));
}

#[test]
fn whatever_else_is_not_understood() {
    for (query, message) in [
        (
            "DROP DATABASE efd",
            "found DROP, expected SELECT, SHOW at line 1, char 1",
        ),
        (
            "SELECT fwhm INTO x FROM y",
            "found INTO, expected FROM at line 1, char 13",
        ),
        ("SELECT fwhm\n FROM", "found EOF, expected identifier at line 2, char 7"),
        ("SELECT median(fwhm) FROM x", "undefined function median()"),
        (
            "SELECT mean(*) FROM x",
            "found *, expected identifier at line 1, char 13",
        ),
        (
            "SELECT fwhm FROM (SELECT fwhm FROM x)",
            "found (, expected identifier at line 1, char 18",
        ),
        ("SELECT fwhm FROM a, b", "found ,, expected ; at line 1, char 19"),
        (
            "SELECT fwhm FROM /a/",
            "found /, expected identifier at line 1, char 18",
        ),
        ("SELECT fwhm FROM a.b.c.d", "found ., expected ; at line 1, char 23"),
        (
            "SELECT fwhm FROM a WHERE b =~ /c/",
            "found =~, expected =, !=, <, <=, >, >= at line 1, char 28",
        ),
        (
            "SELECT fwhm FROM a WHERE b = 1 OR c = 2",
            "found OR, expected ; at line 1, char 32",
        ),
        (
            "SELECT fwhm FROM a WHERE b = 'c",
            "found 'c, expected number, string at line 1, char 30",
        ),
        (
            "SELECT fwhm FROM \"a",
            "found \"a, expected identifier at line 1, char 18",
        ),
        (
            "SELECT fwhm FROM \"a\\\"b\"",
            "found \"a\\, expected identifier at line 1, char 18",
        ),
        (
            "SELECT fwhm FROM a ORDER BY fwhm",
            "found fwhm, expected time, ASC, DESC at line 1, char 29",
        ),
        (
            "SELECT fwhm FROM a LIMIT -1",
            "found -, expected integer at line 1, char 26",
        ),
        ("SELECT fwhm FROM a -- b", "found -, expected ; at line 1, char 20"),
        (
            "SHOW QUERIES",
            "found QUERIES, expected DATABASES, FIELD, MEASUREMENTS, RETENTION, TAG at line 1, char 6",
        ),
        ("SHOW FIELD", "found EOF, expected KEYS at line 1, char 12"),
        (
            "SHOW MEASUREMENTS; DELETE FROM x",
            "found DELETE, expected SELECT, SHOW at line 1, char 20",
        ),
        ("SHOW DATABASES é", "found é, expected ; at line 1, char 16"),
    ] {
        assert_eq!(problem(query), message, "{query}");
    }
}
