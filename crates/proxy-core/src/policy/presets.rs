//! From configuration to rules: a site's own rules first, then those of the chosen preset.

use std::collections::BTreeSet;

use actix_web::http::Method;
use serde::Deserialize;

use super::{Action, Pattern, Rule};
use crate::config::{
    Problems,
    sections::{PolicyConfig, RuleConfig},
};

/// The presets that a service ships, as its TOML file has them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Presets {
    preset: Vec<Preset>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Preset {
    name: String,
    rule: Vec<RuleConfig>,
}

impl Presets {
    /// Reads a service's own file.
    ///
    /// # Panics
    /// If the file is malformed: it is part of the binary, and a test of each service reads it.
    #[must_use]
    pub fn built_in(toml: &str) -> Self {
        toml::from_str(toml).expect("a service's presets are valid TOML")
    }
}

/// The rules of one tenant. What is wrong is noted in `problems`, with keys relative to the tenant's `policy`.
pub fn rules(config: &PolicyConfig, presets: &Presets, problems: &mut Problems) -> Vec<Rule> {
    let Some(preset) = presets.preset.iter().find(|preset| preset.name == config.preset) else {
        let names: Vec<&str> = presets.preset.iter().map(|preset| preset.name.as_str()).collect();
        problems.add(
            "preset",
            format!("is `{}`: use one of `{}`", config.preset, names.join("`, `")),
        );
        return Vec::new();
    };
    let options: BTreeSet<&str> = preset.rule.iter().filter_map(|rule| rule.option.as_deref()).collect();
    for (index, option) in config
        .publish
        .iter()
        .enumerate()
        .filter(|(_, option)| !options.contains(option.as_str()))
    {
        let known = options.iter().copied().collect::<Vec<_>>().join("`, `");
        problems.add(
            format!("publish[{index}]"),
            format!("is `{option}`: use some of `{known}`"),
        );
    }
    for (index, _) in config.rule.iter().enumerate().filter(|(_, rule)| rule.option.is_some()) {
        problems.add(format!("rule[{index}].option"), "belongs to presets: leave it out");
    }
    let shipped = preset.rule.iter().filter(|rule| in_force(rule, &config.publish));
    let mut names = BTreeSet::new();
    let all: Vec<&RuleConfig> = config.rule.iter().chain(shipped).collect();
    let compiled = all.iter().enumerate().filter_map(|(index, rule)| {
        problems.within(format!("rule[{index}]"), |problems| {
            if !names.insert(rule.name.as_str()) {
                problems.add(
                    "name",
                    format!(
                        "is `{}` again: names are unique, also over the preset's rules",
                        rule.name
                    ),
                );
            }
            compile(rule, problems)
        })
    });
    compiled.collect()
}

/// An option opens its allow rules and lifts its deny rules.
fn in_force(rule: &RuleConfig, published: &[String]) -> bool {
    let opened = rule.option.as_ref().is_some_and(|option| published.contains(option));
    match (rule.action, &rule.option) {
        (_, None) => true,
        (Action::Allow, Some(_)) => opened,
        (Action::Deny, Some(_)) => !opened,
    }
}

fn compile(config: &RuleConfig, problems: &mut Problems) -> Option<Rule> {
    let before = problems.found().len();
    let is_name = |name: &str| {
        !name.is_empty()
            && name.len() <= 63
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if !is_name(&config.name) {
        problems.add("name", format!("is `{}`: use 1 to 63 of a-z, 0-9 and `-`", config.name));
    }
    let mut methods = Vec::new();
    for (index, name) in config.methods.iter().enumerate() {
        match Method::from_bytes(name.as_bytes()) {
            Ok(method)
                if name.bytes().all(|byte| byte.is_ascii_uppercase())
                    && !matches!(method, Method::CONNECT | Method::TRACE) =>
            {
                methods.push(method)
            }
            _ => problems.add(
                format!("methods[{index}]"),
                format!("is `{name}`: use a method such as GET, in capitals, other than CONNECT and TRACE"),
            ),
        }
    }
    if config.action == Action::Allow && config.methods.is_empty() {
        problems.add("methods", "is empty: an allow rule says which methods it allows");
    }
    if config.paths.is_empty() {
        problems.add("paths", "is empty: say which paths the rule is about (`**` for all)");
    }
    let mut patterns = Vec::new();
    for (index, path) in config.paths.iter().enumerate() {
        match Pattern::new(path) {
            Ok(pattern) => patterns.push(pattern),
            Err(flaw) => problems.add(format!("paths[{index}]"), flaw),
        }
    }
    let rule = Rule {
        name: config.name.as_str().into(),
        action: config.action,
        methods,
        patterns,
        query: config.query.clone(),
        group: config.group.clone(),
        scope: config.scope.clone(),
    };
    (problems.found().len() == before).then_some(rule)
}
