//! May this identity send this target? Rules, first match wins, default deny.
//!
//! **Invariant**: only [`Policy::authorize`] makes a [`Permit`], and a permit owns the target that was judged. Pure: no
//! I/O, no clock.

#[cfg(fuzzing)]
pub mod fuzzing;
mod pattern;
mod presets;
mod table;

use std::sync::Arc;

use actix_web::http::Method;

use self::pattern::{Pattern, Segments};
pub use self::presets::{Presets, rules};
use crate::{auth::Identity, error::ProxyError, target::Target};

/// Those of HTTP but CONNECT and TRACE, and those of WebDAV (RFC 4918, 3253, 5323).
const METHODS: [&str; 16] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
];

/// What a rule says when it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// The request may be sent.
    Allow,
    /// It may not, whatever later rules say.
    Deny,
}

/// One line of the policy.
#[derive(Clone, Debug)]
pub struct Rule {
    name: Arc<str>,
    action: Action,
    /// Empty: every method.
    methods: Vec<Method>,
    patterns: Vec<Pattern>,
    /// Applies only if one of these parameters is in the query; empty: whatever the query.
    query: Vec<String>,
    group: Option<String>,
    scope: Option<String>,
}

/// The rules of one tenant.
#[derive(Clone, Debug)]
pub struct Policy {
    rules: Vec<Rule>,
    not_found: &'static str,
}

/// Leave to send exactly this target.
#[derive(Debug)]
pub struct Permit {
    target: Target,
    rule: Arc<str>,
}

impl Permit {
    /// What may be sent.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The rule that allowed it.
    #[must_use]
    pub fn rule(&self) -> &Arc<str> {
        &self.rule
    }
}

/// What the rules say of one request, and which of them decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This rule allows it.
    Allowed(Arc<str>),
    /// This rule denies it.
    Denied(Arc<str>),
    /// This rule would allow it to somebody who has its group and scope.
    Lacking(Arc<str>),
    /// The path is published, with these methods.
    Method(String),
    /// No rule knows the path.
    Unknown,
}

impl Policy {
    /// `not_found` is what callers read for a path that no rule knows.
    #[must_use]
    pub fn new(rules: Vec<Rule>, not_found: &'static str) -> Self {
        Self { rules, not_found }
    }

    /// One rule, which allows everybody all paths by every method that somebody serves: TRACE would show what was added on
    /// the way.
    #[must_use]
    pub fn everything(rule: Arc<str>, not_found: &'static str) -> Self {
        let methods = METHODS
            .iter()
            .filter_map(|name| Method::from_bytes(name.as_bytes()).ok());
        let rule = Rule {
            name: rule,
            action: Action::Allow,
            methods: methods.collect(),
            patterns: vec![Pattern::everything()],
            query: Vec::new(),
            group: None,
            scope: None,
        };
        Self::new(vec![rule], not_found)
    }

    /// Judges `target` and keeps it.
    ///
    /// # Errors
    /// `NotFound`, `MethodNotAllowed` or `PolicyDenied`.
    pub fn authorize(&self, identity: &Identity, method: &Method, target: Target) -> Result<Permit, ProxyError> {
        match self.judge(identity, method, &target) {
            Verdict::Allowed(rule) => Ok(Permit { target, rule }),
            Verdict::Denied(rule) | Verdict::Lacking(rule) => Err(ProxyError::PolicyDenied { rule: rule.to_string() }),
            Verdict::Method(allow) => Err(ProxyError::MethodNotAllowed { allow }),
            Verdict::Unknown => Err(ProxyError::NotFound(self.not_found.into())),
        }
    }

    /// What the rules say of a request.
    #[must_use]
    pub fn judge(&self, identity: &Identity, method: &Method, target: &Target) -> Verdict {
        let mut lacking = None;
        let path = Segments::of(target.tail());
        for rule in self
            .rules
            .iter()
            .filter(|rule| rule.covers_method(method) && rule.covers_path(&path))
        {
            match (rule.action, rule.covers_query(target), rule.covers(identity)) {
                (_, false, _) | (Action::Deny, _, false) => {}
                (Action::Allow, _, true) => return Verdict::Allowed(rule.name.clone()),
                (Action::Deny, _, true) => return Verdict::Denied(rule.name.clone()),
                (Action::Allow, _, false) => lacking = lacking.or_else(|| Some(rule.name.clone())),
            }
        }
        if let Some(rule) = lacking {
            return Verdict::Lacking(rule);
        }
        let allow = self.methods(&path);
        if allow.is_empty() {
            Verdict::Unknown
        } else {
            Verdict::Method(allow)
        }
    }

    /// The methods that some rule allows for this path, as an `Allow` header has them.
    fn methods(&self, path: &Segments<'_>) -> String {
        let mut names: Vec<&str> = Vec::new();
        for rule in self
            .rules
            .iter()
            .filter(|rule| rule.action == Action::Allow && rule.covers_path(path))
        {
            for method in &rule.methods {
                if !names.contains(&method.as_str()) {
                    names.push(method.as_str());
                }
            }
        }
        names.join(", ")
    }

    /// Whether some allow rule is about this path, whoever asks and however.
    #[must_use]
    pub fn publishes(&self, path: &str) -> bool {
        let path = Segments::of(path);
        self.rules
            .iter()
            .any(|rule| rule.action == Action::Allow && rule.covers_path(&path))
    }

    /// Every rule, in the order in which they are tried.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

impl Rule {
    /// The rule's name: what errors, metrics and audit events say.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// See [`Action`].
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// The methods it is about; empty: all.
    #[must_use]
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// The path patterns it is about, as they are written.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().map(Pattern::as_str)
    }

    fn covers_path(&self, path: &Segments<'_>) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(path))
    }

    /// Methods are compared as they are written: `get` is not `GET` (RFC 9110, 9.1).
    fn covers_method(&self, method: &Method) -> bool {
        self.methods.is_empty() || self.methods.contains(method)
    }

    /// Parameter names are compared decoded, so that `%6fs_username` is seen too.
    fn covers_query(&self, target: &Target) -> bool {
        let present = |parameter: &str| {
            let name = parameter.split('=').next().unwrap_or_default();
            let wanted = |name: &str| self.query.iter().any(|wanted| name.eq_ignore_ascii_case(wanted));
            if !name.contains(['%', '+']) {
                return wanted(name);
            }
            let name = name.replace('+', " ");
            wanted(&percent_encoding::percent_decode_str(&name).decode_utf8_lossy())
        };
        self.query.is_empty() || target.query().is_some_and(|query| query.split(['&', ';']).any(present))
    }

    fn covers(&self, identity: &Identity) -> bool {
        self.group.as_deref().is_none_or(|group| identity.in_group(group))
            && self.scope.as_deref().is_none_or(|scope| identity.has_scope(scope))
    }
}

#[cfg(test)]
mod tests;
