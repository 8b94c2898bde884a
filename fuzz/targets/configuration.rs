//! A TOML file, then a line `---`, then `NAME=value` lines of the environment.

#![no_main]

use std::collections::{BTreeSet, HashMap};

use jira_proxy::{ABOUT, Config};
use libfuzzer_sys::fuzz_target;
use nbgate_fuzz::CANARY;
use proxy_core::{
    bootstrap,
    config::{Environment, Layers, Problems},
};
use toml::{Table, Value};

type Variables = HashMap<String, String>;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (toml, environment) = text.split_once("\n---\n").unwrap_or((text, ""));
    let variables: Variables = environment
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let found = problems(toml, &variables);
    assert_eq!(found, problems(toml, &variables), "the same twice");
    check_told(&found);
    check_no_secret_of_the_environment(toml, &variables);
    let Ok(table) = toml.parse::<Table>() else { return };
    check_all_at_once(&table);
    check_no_value_is_told(&table, &variables);
});

/// What is wrong, one text each; none for a good configuration.
fn problems(toml: &str, variables: &Variables) -> Vec<String> {
    match bootstrap::load_str::<Config>(&ABOUT, toml, &Environment::from(variables.clone())) {
        Ok(_) => Vec::new(),
        Err(problems) => {
            assert!(!problems.is_empty(), "what is refused has a reason");
            problems.found().to_vec()
        }
    }
}

/// Each once, each a key and a cure.
fn check_told(found: &[String]) {
    let once: BTreeSet<&String> = found.iter().collect();
    assert_eq!(once.len(), found.len(), "{found:?}");
    for problem in found {
        assert!(problem.contains(": "), "what to do: {problem}");
    }
}

fn check_no_secret_of_the_environment(toml: &str, variables: &Variables) {
    let mut variables = variables.clone();
    variables.insert("JIRA_PASSWORD".to_owned(), CANARY.to_owned());
    let environment = Environment::from(variables);
    let mut found = Problems::default();
    let layers = Layers::load_str(&ABOUT, toml, &environment, &mut found);
    let shown = layers.as_ref().map(Layers::to_toml).unwrap_or_default();
    let said = format!("{shown}{layers:?}{found:?}{environment:?}{:?}", found.warnings());
    assert!(!said.contains(CANARY), "{said}");
    let config = bootstrap::load_str::<Config>(&ABOUT, toml, &environment);
    assert!(!format!("{config:?}").contains(CANARY), "{config:?}");
}

/// What is wrong with one section is told whatever is wrong with another.
fn check_all_at_once(table: &Table) {
    let found = problems(&table.to_string(), &Variables::new());
    for (key, section) in table {
        let alone = Table::from_iter([(key.clone(), section.clone())]);
        let is_own = |problem: &&String| {
            let rest = problem.strip_prefix(key.as_str());
            rest.is_some_and(|rest| rest.starts_with([' ', '.', '[']))
        };
        for problem in problems(&alone.to_string(), &Variables::new()).iter().filter(is_own) {
            assert!(found.contains(problem), "{problem}\nis not among\n{found:#?}");
        }
    }
}

/// A secret that was written at the wrong place is not repeated. Policies hold none, and repeat names.
fn check_no_value_is_told(table: &Table, variables: &Variables) {
    let mut table = table.clone();
    table.iter_mut().for_each(|(_, value)| hide(value));
    let variables = variables
        .iter()
        .filter(|(name, _)| !name.to_uppercase().contains("POLICY"))
        .map(|(name, value)| (name.clone(), hidden_in_variable(value)))
        .collect();
    let found = problems(&table.to_string(), &variables);
    assert!(!found.iter().any(|problem| problem.contains(CANARY)), "{found:#?}");
}

fn hide(value: &mut Value) {
    match value {
        Value::String(text) => *text = hidden(text),
        Value::Array(values) => values.iter_mut().for_each(hide),
        Value::Table(table) => table
            .iter_mut()
            .filter(|(key, _)| *key != "policy")
            .for_each(|(_, value)| hide(value)),
        _ => {}
    }
}

/// Keys may be repeated, also those within a variable.
fn hidden_in_variable(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(mut value @ (Value::Table(_) | Value::Array(_))) => {
            hide(&mut value);
            serde_json::to_string(&value).expect("it was JSON")
        }
        _ if text.contains(['{', '[']) => text.to_owned(),
        _ => hidden(text),
    }
}

/// As a password of a URL, or as the end of any other text.
fn hidden(text: &str) -> String {
    match text.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://user:{CANARY}@{rest}"),
        None => format!("{text}{CANARY}"),
    }
}
