//! Rows of the catalogue: J10, J17, J18.

use super::{object, parse};

fn check(text: &[u8], good: bool) {
    assert_eq!(object(text).is_some(), good, "{}", String::from_utf8_lossy(text));
}

#[test]
fn an_object_is_read_as_it_is() {
    let text = r#"{"a": [1, -2, 1.5, true, false, null, "é"], "b": {"c": {}}, "d": ""}"#;
    let expected: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::Value::Object(object(text.as_bytes()).unwrap()), expected);
}

#[test]
fn a_member_that_is_there_twice_is_refused_at_any_depth() {
    check(br#"{"sub": "a", "sub": "b"}"#, false);
    check(br#"{"sub": "a", "sub": "a"}"#, false);
    check(br#"{"sub": "a", "s\u0075b": "b"}"#, false);
    check(br#"{"a": {"b": 1, "b": 2}}"#, false);
    check(br#"{"a": [{"b": 1, "b": 2}]}"#, false);
    check(br#"{"a": {"b": 1}, "c": {"b": 2}}"#, true);
    check(br#"{"sub": "a", "Sub": "b"}"#, true);
}

#[test]
fn what_is_not_one_json_object_is_refused() {
    for text in [
        b"".as_slice(),
        b" ",
        b"null",
        b"[]",
        b"\"a\"",
        b"1",
        b"{",
        b"{}{}",
        b"{} x",
        b"{'a': 1}",
        b"{\"a\": 01}",
        b"{\"a\": NaN}",
        b"{\"a\": 1,}",
        b"{\"a\"}",
        b"{\"a\": \"\x01\"}",
        b"{\"a\": \"\\ud800\"}",
    ] {
        check(text, false);
    }
    check(b" {}\n", true);
}

#[test]
fn bytes_that_are_not_text_are_refused() {
    check(b"{\"a\": \"\xff\"}", false);
    check(b"{\"\xc3\x28\": 1}", false);
    check(b"\xef\xbb\xbf{}", false);
    check(b"\0{}", false);
    check(b"{}\0", false);
    check("{\"a\": \"\u{0}\"}".as_bytes(), false);
    // Escaped, it is a text that no name may be.
    check(br#"{"a": "\u0000"}"#, true);
}

#[test]
fn numbers_are_finite() {
    check(br#"{"exp": 1e400}"#, false);
    check(br#"{"exp": -1e400}"#, false);
    check(br#"{"exp": 1e308}"#, true);
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{{\"a\": {}{}}}", "[".repeat(depth), "]".repeat(depth));
    check(nested(100).as_bytes(), true);
    check(nested(200).as_bytes(), false);
    check(nested(100_000).as_bytes(), false);
}

#[test]
fn a_text_is_read_by_the_same_rules_and_its_error_repeats_nothing() {
    assert_eq!(
        parse("[1, {\"a\": null}]").unwrap(),
        serde_json::json!([1, {"a": null}])
    );
    for (text, what) in [
        (r#"{"c4n4ry": 1, "c4n4ry": 2}"#, "a key is there twice"),
        (r#"["c4n4ry", 1e400]"#, ""),
        (r#"["c4n4ry" x]"#, ""),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with(what) && !error.contains("c4n4ry"), "{error}");
    }
}
