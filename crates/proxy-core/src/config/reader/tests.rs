use serde_json::{Value, json};

use super::Reader;
use crate::config::Problems;

fn read(document: Value) -> (Option<bool>, bool, String) {
    let mut problems = Problems::default();
    let mut reader = Reader::open(document, &mut problems).unwrap();
    let flag = reader.table("audit", |audit| audit.flag("statements"));
    (flag, reader.finish(), problems.to_string())
}

#[test]
fn a_table_is_read_key_by_key_and_what_is_wrong_with_it_is_told_with_its_key() {
    let good = read(json!({ "audit": { "statements": true } }));
    assert_eq!(good, (Some(true), true, String::new()));
    for (document, problem) in [
        (json!({}), "audit.statements is missing"),
        (json!({ "audit": {} }), "audit.statements is missing"),
        (json!({ "audit": 1 }), "audit is 1: write a table of keys"),
    ] {
        let (flag, readable, problems) = read(document);
        assert!(flag.is_none() && !readable && problems.contains(problem), "{problems}");
    }
    let (.., problems) = read(json!({ "audit": { "statements": true, "statement": 1 } }));
    assert!(
        problems.contains("audit.statement is not a key here: did you mean `statements`?"),
        "{problems}"
    );
}
