//! Who may have one of the things that a service hands out. Pure.

use crate::{
    auth::Identity,
    config::{Problems, Reader, sections::check},
};

/// The rules of one thing. Their default: everybody who may use the service.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// All of these are needed.
    pub required_scopes: Vec<String>,
    /// With `users`: one of these groups, or to be one of these users; both empty: everybody.
    pub groups: Vec<String>,
    /// See `groups`.
    pub users: Vec<String>,
    /// Whoever calls without any credential may too.
    pub anonymous: bool,
}

impl Access {
    /// Takes its keys out of a table. `anonymous` may be absent.
    pub fn take(reader: &mut Reader<'_>) -> Self {
        Self {
            required_scopes: reader.all("required_scopes", check::scope),
            groups: reader.all("groups", check::printable),
            users: reader.all("users", check::printable),
            anonymous: reader.flag_or("anonymous", false),
        }
    }

    /// Adds what is wrong with the rules as a whole.
    pub fn check(&self, problems: &mut Problems) {
        if !self.anonymous {
            return;
        }
        let what = "lets everybody in, without any credential: meant for the time of a migration";
        problems.warn("anonymous", what);
        let lists = [&self.required_scopes, &self.groups, &self.users];
        if lists.iter().any(|list| !list.is_empty()) {
            problems.add("anonymous", "is set beside rules about who may: remove one of them");
        }
    }

    /// Whether `caller` may have it; `None`: whoever calls without any credential.
    #[must_use]
    pub fn admits(&self, caller: Option<&Identity>) -> bool {
        let Some(identity) = caller else {
            return self.anonymous;
        };
        let anybody = self.groups.is_empty() && self.users.is_empty();
        let listed = || {
            self.users.iter().any(|user| user == identity.user())
                || self.groups.iter().any(|group| identity.in_group(group))
        };
        self.required_scopes.iter().all(|scope| identity.has_scope(scope)) && (anybody || listed())
    }

    /// The rules as a line of a table.
    #[must_use]
    pub fn to_text(&self) -> String {
        let one = |name: &str, values: &[String]| match values {
            [] => None,
            values => Some(format!("{name} {}", values.join(" or "))),
        };
        let scopes =
            (!self.required_scopes.is_empty()).then(|| format!("scope {}", self.required_scopes.join(" and ")));
        let who: Vec<String> = [one("group", &self.groups), one("user", &self.users)]
            .into_iter()
            .flatten()
            .collect();
        let who = (!who.is_empty()).then(|| who.join(" or "));
        let rules: Vec<String> = [scopes, who].into_iter().flatten().collect();
        let all = if self.anonymous {
            "everybody, without a credential"
        } else {
            "every caller"
        };
        match rules.is_empty() {
            true => all.to_owned(),
            false => rules.join("; "),
        }
    }
}

#[cfg(test)]
mod tests;
