//! Asking exactly what: the path and query that would be sent, or the form that stands in their place, as a pure value.
//!
//! **Invariant**: a target is always below its upstream's base path, and with [`Paths::Strict`] everything that a rule's
//! pattern may be made of has one spelling only, so that policy and upstream cannot read it differently. Built before policy judges it, sent as it was judged.

mod spelling;

use actix_http::RequestHead;
use actix_web::http::Uri;
use bytes::Bytes;
use url::Url;

use self::spelling::Flaw;
use crate::{
    error::ProxyError,
    upstream::{Paths, Upstream},
};

/// Query parameters that carry a caller's credential (RFC 6750, section 2.3; JupyterHub's `token`): never sent on.
const CREDENTIAL_PARAMETERS: &[&str] = &["access_token", "token"];
/// What parts parameters: some servers take a semicolon too.
const SEPARATORS: [char; 2] = ['&', ';'];

/// A path below the upstream's base path, and a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    path_and_query: String,
    /// Where the part that policy judges begins: after the base path.
    tail: usize,
    /// Where the path ends: at the `?` or at the end.
    path_end: usize,
    /// What is sent as the body of a POST, whatever the caller sent: parameters that a service has read, judged and written anew.
    form: Option<Bytes>,
}

impl Target {
    /// What `head` asks of `upstream`.
    ///
    /// # Errors
    /// `BadRequest` for a target that is not origin-form or cannot be parsed, `NotFound` for one that is outside the
    /// prefix or could be read as another path.
    pub fn build(head: &RequestHead, upstream: &Upstream) -> Result<Self, ProxyError> {
        let uri = origin_form(&head.uri)?;
        let (path, query) = split(uri);
        let tail = below(path, &upstream.prefix).ok_or_else(|| not_found(upstream))?;
        Self::new(upstream, tail, query)
    }

    /// The same for a target that is only asked about.
    ///
    /// # Errors
    /// The same, and `BadRequest` for what is no URI.
    pub fn of(target: &str, upstream: &Upstream) -> Result<Self, ProxyError> {
        let mut head = RequestHead::default();
        head.uri = target
            .parse()
            .map_err(|_| ProxyError::BadRequest("`path` cannot be parsed as a request target".into()))?;
        Self::build(&head, upstream)
    }

    /// `path`, below the upstream's base path, with `form` as the body of a POST (`application/x-www-form-urlencoded`). A
    /// service that makes one vouches that sending it twice does what sending it once does.
    ///
    /// # Errors
    /// As of [`Target::build`], for a path that is no plain one.
    pub fn form(upstream: &Upstream, path: &str, form: Bytes) -> Result<Self, ProxyError> {
        let target = Self::new(upstream, path, None)?;
        Ok(Self {
            form: Some(form),
            ..target
        })
    }

    /// `target`, path and query, which a service has made of a request's own. Parameters that are named in `credentials` are
    /// removed.
    ///
    /// # Errors
    /// As of [`Target::build`]; `NotFound` too where it is not below the base path.
    pub fn rewritten(upstream: &Upstream, target: &str, credentials: &[&str]) -> Result<Self, ProxyError> {
        let (path, query) = split(target);
        let tail = path
            .strip_prefix(&*upstream.base_path)
            .ok_or_else(|| not_found(upstream))?;
        Self::with(upstream, tail, query, credentials)
    }

    /// Where a redirect leads, if that is the same origin and below the base path.
    ///
    /// # Errors
    /// `RedirectRefused` otherwise.
    pub fn redirected(&self, upstream: &Upstream, location: &[u8]) -> Result<Self, ProxyError> {
        let refused = |detail: &str| ProxyError::RedirectRefused {
            upstream: upstream.name.clone(),
            detail: detail.to_owned(),
        };
        let location = std::str::from_utf8(location).map_err(|_| refused("Location is not ASCII"))?;
        if !location.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return Err(refused("Location holds a space, backslash or control character"));
        }
        let here = Url::parse(&format!("{}{}", upstream.origin, self.path_and_query));
        let next = here
            .and_then(|here| here.join(location))
            .map_err(|_| refused("Location cannot be parsed"))?;
        let origin = Url::parse(&upstream.origin).map_err(|_| refused("the upstream's origin cannot be parsed"))?;
        if next.origin() != origin.origin() || !next.username().is_empty() || next.password().is_some() {
            return Err(refused("Location leads to another origin"));
        }
        let tail = next
            .path()
            .strip_prefix(&upstream.base_path)
            .ok_or_else(|| refused("Location leads out of the base path"))?;
        Self::new(upstream, tail, next.query()).map_err(|_| refused("Location holds a hostile path"))
    }

    fn new(upstream: &Upstream, tail: &str, query: Option<&str>) -> Result<Self, ProxyError> {
        Self::with(upstream, tail, query, CREDENTIAL_PARAMETERS)
    }

    fn with(upstream: &Upstream, tail: &str, query: Option<&str>, credentials: &[&str]) -> Result<Self, ProxyError> {
        let verdict = match upstream.paths {
            Paths::Strict => spelling::strict(tail),
            Paths::Opaque => spelling::opaque(tail),
        };
        verdict.map_err(|flaw| match flaw {
            Flaw::Malformed(what) => ProxyError::BadRequest(what.into()),
            Flaw::Hostile => not_found(upstream),
        })?;
        let mut path_and_query =
            String::with_capacity(upstream.base_path.len() + tail.len() + query.map_or(0, |query| query.len() + 1));
        path_and_query.push_str(&upstream.base_path);
        path_and_query.push_str(tail);
        let path_end = path_and_query.len();
        if let Some(query) = query {
            spelling::query(query).map_err(|what| ProxyError::BadRequest(what.into()))?;
            push_query(&mut path_and_query, query, credentials);
        }
        if let Some(extra) = (upstream.extra_query)(tail, query) {
            path_and_query.push(if path_and_query.len() > path_end { '&' } else { '?' });
            path_and_query.push_str(extra);
        }
        Ok(Self {
            path_and_query,
            tail: upstream.base_path.len(),
            path_end,
            form: None,
        })
    }

    /// The path after the base path, as it would be sent: what rules are matched against.
    #[must_use]
    pub fn tail(&self) -> &str {
        &self.path_and_query[self.tail..self.path_end]
    }

    /// The query as it would be sent, without its `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.path_and_query[self.path_end..].strip_prefix('?')
    }

    /// See [`Target::form`].
    #[must_use]
    pub fn as_form(&self) -> Option<&Bytes> {
        self.form.as_ref()
    }

    /// Path and query as they would be sent.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        &self.path_and_query
    }
}

/// Path and query of an origin-form target (RFC 9112, 3.2.1). The other forms name a destination of the caller's choice.
fn origin_form(uri: &Uri) -> Result<&str, ProxyError> {
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    if uri.scheme().is_some() || uri.authority().is_some() || !target.starts_with('/') {
        return Err(ProxyError::BadRequest(
            "the request target must be a path: absolute-form, authority-form and `*` are refused".into(),
        ));
    }
    Ok(target)
}

fn split(target: &str) -> (&str, Option<&str>) {
    target
        .split_once('?')
        .map_or((target, None), |(path, query)| (path, Some(query)))
}

/// What follows `prefix` and its slash.
fn below<'p>(path: &'p str, prefix: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(prefix)?;
    if rest.is_empty() {
        Some("")
    } else {
        rest.strip_prefix('/')
    }
}

/// The query byte for byte, but for parameters that carry a credential.
fn push_query(target: &mut String, query: &str, credentials: &[&str]) {
    let carries = |parameter: &str| {
        let name = parameter.split('=').next().unwrap_or_default();
        let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
        credentials
            .iter()
            .any(|credential| name.eq_ignore_ascii_case(credential))
    };
    target.push('?');
    if !query.split(SEPARATORS).any(carries) {
        target.push_str(query);
        return;
    }
    let start = target.len();
    for parameter in query.split_inclusive(SEPARATORS) {
        if !carries(parameter.trim_end_matches(SEPARATORS)) {
            target.push_str(parameter);
        }
    }
    // What is left must not end in a separator that stood before a credential, nor in a lone `?`.
    let kept = target[start..].trim_end_matches(SEPARATORS).len();
    target.truncate(if kept == 0 { start - 1 } else { start + kept });
}

fn not_found(upstream: &Upstream) -> ProxyError {
    ProxyError::NotFound(upstream.not_found.into())
}

#[cfg(test)]
mod tests;
