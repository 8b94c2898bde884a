//! `proxy.conf.json`: which part of a path is an instance's id, and which port of the instance serves it. Read as
//! visa-jupyter-proxy reads it; what is wrong with a file is told at the start, all of it.
//!
//! **Invariant**: an id ends where the path's segment ends: `/jupyter/12abc` is about no instance.

use std::{collections::HashSet, path::Path, sync::Arc};

use proxy_core::{
    config::sections::check,
    instances::is_id,
    policy::Policy,
    rewrite::{Rewrite, Rewritten, compile},
};
use regex::bytes::Regex;
use serde::Deserialize;

use self::file::{Entry, entries};

mod file;

/// What VISA ships.
const SHIPPED: &str = include_str!("../config/proxy.conf.json");
/// What a path is said to lead to that no route knows.
pub(crate) const NOT_FOUND: &str = "no route leads to an instance from this path";

/// What an entry serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Type {
    /// Kernels' sockets are sessions that the platform is told of.
    Jupyter,
    Service,
}

/// One entry.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: Arc<str>,
    pub(crate) kind: Type,
    pub(crate) port: u16,
    pub(crate) upgrades: bool,
    /// The plain path that every request for it begins with.
    pub(crate) prefix: String,
    pub(crate) policy: Policy,
    pattern: Regex,
    rewrites: Vec<Rewrite>,
    written: String,
}

/// All entries of one tenant.
#[derive(Debug)]
pub(crate) struct Routes(pub(crate) Vec<Route>);

/// What a target is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'t> {
    /// Which of the routes.
    pub(crate) route: usize,
    pub(crate) id: &'t str,
    /// The path up to the id's end.
    pub(crate) mount: &'t str,
    pub(crate) target: &'t str,
}

impl Routes {
    /// The routes in `file`, which as a default may be absent: then those that VISA ships.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn open(file: &Path, needed: bool) -> Result<Self, Vec<String>> {
        let text = match std::fs::read(file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !needed => return Self::read(SHIPPED),
            Err(error) => {
                return Err(vec![format!(
                    "cannot be read ({error}): name a file like visa-jupyter-proxy's"
                )]);
            }
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| vec!["is not UTF-8: save it as such".to_owned()])?,
        };
        Self::read(text.trim_start_matches('\u{feff}'))
    }

    pub(crate) fn read(text: &str) -> Result<Self, Vec<String>> {
        let entries = entries(text).map_err(|problem| vec![problem])?;
        let (mut problems, mut names, mut routes) = (Vec::new(), HashSet::new(), Vec::new());
        if entries.is_empty() {
            problems.push("has no entry: nothing would be served".to_owned());
        }
        for (index, entry) in entries.into_iter().enumerate() {
            let name = entry.name.clone();
            let mut problem = |what: String| problems.push(format!("has entry {} (`{name}`), {what}", index + 1));
            if !names.insert(name.clone()) {
                problem("whose `name` another has: logs and metrics would mix them up".to_owned());
            }
            match Route::new(entry) {
                Ok(route) => routes.push(route),
                Err(what) => what.into_iter().for_each(problem),
            }
        }
        if problems.is_empty() {
            Ok(Self(routes))
        } else {
            Err(problems)
        }
    }

    /// What `target`, path and query, asks for: by the first route that matches.
    pub(crate) fn find<'t>(&self, target: &'t str) -> Option<Asked<'t>> {
        if !target.is_ascii() {
            return None;
        }
        let within = |route: &Route| {
            target
                .strip_prefix(&route.prefix)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        let matching = |route: &Route| Some(route.pattern.captures(target.as_bytes())?.get(1)?.range());
        let routes = self.0.iter().enumerate().filter(|(_, route)| within(route));
        let (route, range) = routes
            .filter_map(|(index, route)| Some((index, matching(route)?)))
            .next()?;
        let path = target.split('?').next().unwrap_or_default();
        let (id, rest) = (path.get(range.clone())?, path.get(range.end..)?);
        let whole = path[..range.start].ends_with('/') && (rest.is_empty() || rest.starts_with('/'));
        (whole && is_id(id)).then(|| Asked {
            route,
            id,
            mount: &path[..range.end],
            target,
        })
    }

    /// Paths below which something is served, those that are longest first: one may be below another.
    pub(crate) fn prefixes(&self) -> Vec<&str> {
        let mut prefixes: Vec<&str> = self.0.iter().map(|route| route.prefix.as_str()).collect();
        prefixes.sort_by_key(|prefix| (std::cmp::Reverse(prefix.len()), *prefix));
        prefixes.dedup();
        prefixes
    }

    /// The routes as a table.
    pub(crate) fn table(&self) -> String {
        let line = |route: &Route| {
            let (kind, upgrades) = (
                format!("{:?}", route.kind).to_lowercase(),
                if route.upgrades { "http, ws" } else { "http" },
            );
            format!(
                "{:24}  port {:5}  {kind:7}  {upgrades:8}  {}\n",
                route.name, route.port, route.written
            )
        };
        self.0.iter().map(line).collect()
    }
}

impl Route {
    fn new(entry: Entry) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut noted = |what: &str, problem: String| problems.push(format!("whose `{what}` {problem}"));
        let name = check::printable(&entry.name).map_err(|what| noted("name", what)).ok();
        let pattern = compile(&entry.r#match).and_then(|_| compile(without_tail(&entry.r#match)));
        let pattern = pattern.and_then(|pattern| match pattern.captures_len() {
            1 => Err("has no group: put the id in parentheses, such as `(\\d+)`".to_owned()),
            _ => Ok(pattern),
        });
        let pattern = pattern.map_err(|what| noted("match", what)).ok();
        let prefix = prefix(&entry.r#match).map_err(|what| noted("match", what)).ok();
        if entry.remote_port == 0 {
            noted("remotePort", "is 0: write a port from 1 to 65535".to_owned());
        }
        let rewrites = entry.path_rewrite.0.iter();
        let rewrites: Vec<_> = rewrites
            .filter_map(|(from, to)| Rewrite::new(from, to).map_err(|what| noted("pathRewrite", what)).ok())
            .collect();
        match (name, pattern, prefix, problems.is_empty()) {
            (Some(name), Some(pattern), Some(prefix), true) => Ok(Self {
                policy: Policy::everything(name.as_str().into(), NOT_FOUND),
                name: name.into(),
                kind: entry.r#type,
                port: entry.remote_port,
                upgrades: entry.ws,
                prefix,
                pattern,
                rewrites,
                written: entry.r#match,
            }),
            _ => Err(problems),
        }
    }

    /// The target as the instance gets it. A path that ends with the id is read as if a slash followed, where a rule wants one.
    pub(crate) fn rewrite(&self, asked: &Asked<'_>) -> Rewritten {
        let first = |target: &str| self.rewrites.iter().find_map(|rule| rule.apply(target));
        let rest = &asked.target[asked.mount.len()..];
        let slashed = || {
            (!rest.starts_with('/'))
                .then(|| first(&format!("{}/{rest}", asked.mount)))
                .flatten()
        };
        let rewritten = first(asked.target).or_else(slashed);
        rewritten.unwrap_or_else(|| Rewritten {
            target: asked.target.to_owned(),
            ..Rewritten::default()
        })
    }
}

/// An expression without the `.*` that it ends with: that matches nothing as well, so what the group is does not depend on it,
/// and without it there is one way to match, which is found several times as fast.
fn without_tail(text: &str) -> &str {
    match text.strip_suffix(".*") {
        Some(head) if !head.ends_with('\\') => head,
        _ => text,
    }
}

/// The plain path that an expression begins with, up to its last slash before anything else.
fn prefix(text: &str) -> Result<String, String> {
    let cure = "does not begin with `^/` and a plain path before the id: write one such as `^/jupyter/(\\d+)`";
    let mut rest = text.strip_prefix('^').ok_or(cure)?.chars().peekable();
    let mut plain = String::new();
    while let Some(next) = rest.next() {
        let literal = match next {
            '\\' => rest.next().filter(char::is_ascii_punctuation),
            next => Some(next).filter(|next| !"([{.*+?|^$".contains(*next)),
        };
        match (literal, rest.peek()) {
            (Some(literal), Some(next)) if !"*+?{".contains(*next) => plain.push(literal),
            _ => break,
        }
    }
    let path = plain.rsplit_once('/').map_or("", |(path, _)| path);
    if path.is_empty() {
        return Err(cure.to_owned());
    }
    check::prefix(path).map_err(|what| format!("begins with the path `{path}`, which {what}"))
}

#[cfg(test)]
mod tests;
