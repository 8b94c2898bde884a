//! What a tenant's callers may do: data only, `policy` gives it its meaning.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    config::{Problems, Section, Validate, read_struct},
    policy::Action,
};

/// The policy of one tenant.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyConfig {
    /// The service's own set of rules to start from.
    pub preset: String,
    /// Which options of the preset are open.
    #[serde(default)]
    pub publish: Vec<String>,
    /// The site's own rules, tried before those of the preset.
    #[serde(default)]
    pub rule: Vec<RuleConfig>,
}

/// One rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// What errors, metrics and audit events call it.
    pub name: String,
    /// What it says when it applies.
    pub action: Action,
    /// The methods that it is about.
    #[serde(default)]
    pub methods: Vec<String>,
    /// The path patterns that it is about.
    #[serde(default)]
    pub paths: Vec<String>,
    /// The query parameters of which one must be there.
    #[serde(default)]
    pub query: Vec<String>,
    /// The group that callers must be in.
    pub group: Option<String>,
    /// The scope that callers must have.
    pub scope: Option<String>,
    /// The option of the preset that opens or lifts it.
    pub option: Option<String>,
}

impl Section for PolicyConfig {
    fn read(value: Value, problems: &mut Problems) -> Option<Self> {
        read_struct(value, problems)
    }
}

impl Validate for PolicyConfig {}
