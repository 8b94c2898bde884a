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
            match known.is_empty() {
                true => format!("is `{option}`: this preset has no options, leave it out"),
                false => format!("is `{option}`: use some of `{known}`"),
            },
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
    if !is_name(&config.name) {
        problems.add("name", format!("is `{}`: use 1 to 63 of a-z, 0-9 and `-`", config.name));
    }
    if config.action == Action::Allow && config.methods.is_empty() {
        problems.add("methods", "is empty: an allow rule says which methods it allows");
    }
    if config.paths.is_empty() {
        problems.add("paths", "is empty: say which paths the rule is about (`**` for all)");
    }
    let rule = Rule {
        name: config.name.as_str().into(),
        action: config.action,
        methods: each("methods", &config.methods, method, problems),
        patterns: each("paths", &config.paths, Pattern::new, problems),
        query: config.query.clone(),
        group: config.group.clone(),
        scope: config.scope.clone(),
    };
    (problems.found().len() == before).then_some(rule)
}

fn is_name(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(good)
}

fn method(name: &str) -> Result<Method, String> {
    let method = Method::from_bytes(name.as_bytes()).ok();
    method
        .filter(|method| !matches!(*method, Method::CONNECT | Method::TRACE))
        .filter(|_| name.bytes().all(|byte| byte.is_ascii_uppercase()))
        .ok_or_else(|| format!("is `{name}`: use a method such as GET, in capitals, other than CONNECT and TRACE"))
}

/// Each entry of a list, parsed; what is wrong with one is noted.
fn each<T>(key: &str, texts: &[String], parse: impl Fn(&str) -> Result<T, String>, problems: &mut Problems) -> Vec<T> {
    let parsed = texts.iter().enumerate().map(|(index, text)| (index, parse(text)));
    parsed
        .filter_map(|(index, parsed)| {
            parsed
                .map_err(|flaw| problems.add(format!("{key}[{index}]"), flaw))
                .ok()
        })
        .collect()
}
