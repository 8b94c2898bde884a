use serde::Deserialize;
use serde_json::json;

use super::{read_struct, whole};
use crate::config::Problems;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Outer {
    name: String,
    url: url::Url,
    #[serde(deserialize_with = "whole")]
    port: u16,
    #[serde(default)]
    inner: Vec<Inner>,
    note: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Inner {
    flag: bool,
    #[serde(default)]
    words: Vec<String>,
}

fn check(value: serde_json::Value, expected: &[&str]) {
    let mut problems = Problems::default();
    let read: Option<Outer> = read_struct(value.clone(), &mut problems);
    assert_eq!(problems.found(), expected, "{value}");
    assert!(
        expected.is_empty() == read.is_some() || expected.iter().all(|problem| problem.contains("not a key")),
        "{value}: {read:?}"
    );
}

#[test]
fn a_struct_is_read_and_numbers_are_text_where_text_is_wanted() {
    let mut problems = Problems::default();
    let value = json!({"name": 7, "url": "https://x", "port": 80.0, "note": true, "inner": [{"flag": true, "words": [1, "b"]}]});
    let read: Outer = read_struct(value, &mut problems).unwrap();
    assert_eq!(
        (read.name.as_str(), read.port, read.note.as_deref()),
        ("7", 80, Some("true"))
    );
    assert_eq!(
        read.inner,
        [Inner {
            flag: true,
            words: vec!["1".into(), "b".into()]
        }]
    );
    assert!(problems.is_empty());
}

#[test]
fn every_mistake_of_a_struct_is_found_and_no_value_is_shown() {
    check(json!([]), &["is a list: write a table of keys"]);
    check(
        json!({}),
        &[
            "name is missing: set it",
            "url is missing: set it",
            "port is missing: set it",
        ],
    );
    let good = json!({"name": "a", "url": "https://x", "port": 1});
    let with = |key: &str, value: serde_json::Value| {
        let mut changed = good.clone();
        changed[key] = value;
        changed
    };
    check(
        with("nmae", json!(1)),
        &["nmae is not a key here: did you mean `name`?"],
    );
    check(
        with("url", json!("hunter2")),
        &["url cannot be read: relative URL without a base: …"],
    );
    check(with("name", json!(["hunter2"])), &["name is a list: write a string"]);
    check(
        with("port", json!(1.5)),
        &["port cannot be read: it is not a whole number, or not in range"],
    );
    check(
        with("port", json!("hunter2")),
        &["port cannot be read: it is not a whole number, or not in range"],
    );
    check(with("inner", json!("hunter2")), &["inner is a text: write a sequence"]);
    check(
        with(
            "inner",
            json!([{"flag": "hunter2", "wrods": 1}, {"words": ["a", {}]}, 5]),
        ),
        &[
            "inner[0].flag is a text: write a boolean",
            "inner[0].wrods is not a key here: did you mean `words`?",
            "inner[1].words[1] is a table: write a string",
            "inner[1].flag is missing: set it",
            "inner[2] is 5: write struct Inner",
        ],
    );
}
