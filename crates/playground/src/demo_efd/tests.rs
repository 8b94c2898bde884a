mod efd_client;
mod http;
mod selecting;
mod statements;
mod values;

use serde_json::Value as Json;

use super::*;

/// 2026-08-02T00:00:00Z, in nanoseconds.
const NOW: i64 = 1_785_628_800 * SECOND;

/// What the statements of `query` come to at `NOW`, times as RFC 3339.
fn answer(query: &str) -> Json {
    let format = Format {
        epoch: None,
        pretty: false,
        chunk: None,
    };
    let outcomes = outcomes(query, Some("efd"), NOW).unwrap_or_else(|problem| panic!("{query}: {problem}"));
    let documents = format.documents(outcomes);
    assert_eq!(documents.len(), 1);
    serde_json::from_str(&documents[0]).unwrap()
}

/// The only series of the only statement.
fn series(query: &str) -> Json {
    let answer = answer(query);
    let results = answer["results"].as_array().unwrap();
    let series = results[0]["series"]
        .as_array()
        .unwrap_or_else(|| panic!("{query}: {answer}"));
    assert_eq!((results.len(), series.len()), (1, 1), "{query}");
    series[0].clone()
}

fn rows(query: &str) -> Vec<Vec<Json>> {
    serde_json::from_value(series(query)["values"].clone()).unwrap()
}

fn problem(query: &str) -> String {
    match outcomes(query, Some("efd"), NOW) {
        Err(problem) => problem,
        Ok(_) => panic!("{query} was understood"),
    }
}

fn error(query: &str) -> String {
    let answer = answer(query);
    let error = answer["results"][0]["error"].as_str();
    error.unwrap_or_else(|| panic!("{query}: {answer}")).to_owned()
}

const EMPTY: &str = r#"{"results":[{"statement_id":0}]}"#;

#[track_caller]
fn assert_empty(query: &str) {
    assert_eq!(answer(query).to_string(), EMPTY, "{query}");
}
