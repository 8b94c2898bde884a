//! Which token a request presents, read strictly and without asking anybody.
//!
//! Decides what counts as a token and whose kind it is. Whether it is any good is left to the scheme of that kind.
//!
//! **Invariant**: where two readings are possible there is no token but an error: two `Authorization` headers, two
//! tokens in one, a value that is not plain text. Names of headers are matched exactly, in no other spelling.

use std::{borrow::Cow, fmt};

use actix_http::{
    RequestHead,
    header::{AUTHORIZATION, HeaderName},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::error::Reason;

/// Longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 16 * 1024;
/// What stands beside a token in `Basic` where a client insists on both fields.
const FILLER: &str = "x-oauth-basic";

/// A token as it was presented. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Token<'a>(Cow<'a, str>);

/// Whose kind a token is, by its looks alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// It begins with `gt-`.
    Gafaelfawr,
    /// Three parts with dots between them.
    Jwt,
    /// Nothing to be seen from outside.
    Opaque,
}

impl<'a> Token<'a> {
    /// RFC 6750, 2.1: letters, digits and `-._~+/`, then any number of `=`.
    pub(super) fn new(text: impl Into<Cow<'a, str>>) -> Result<Self, Reason> {
        let text = text.into();
        if text.is_empty() {
            return Err(Reason::Malformed("it is empty".into()));
        }
        if text.len() > MAX_TOKEN {
            return Err(Reason::Malformed("it is longer than 16 KiB".into()));
        }
        if !is_token68(&text) {
            return Err(Reason::Malformed(
                "it holds a character that no token has, such as a space or comma".into(),
            ));
        }
        Ok(Self(text))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn kind(&self) -> TokenKind {
        let mut parts = self.0.split('.');
        if self.0.starts_with("gt-") {
            TokenKind::Gafaelfawr
        } else if let (Some(header), Some(claims), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
            && !header.is_empty()
            && !claims.is_empty()
        {
            // An empty signature makes it a bad JWT, not something else.
            TokenKind::Jwt
        } else {
            TokenKind::Opaque
        }
    }
}

impl fmt::Debug for Token<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Token({:?}, [REDACTED])", self.kind())
    }
}

/// The token in `Authorization`, by `Bearer` or `Basic`.
pub(super) fn bearer_token(head: &RequestHead) -> Result<Option<Token<'_>>, Reason> {
    authorization_token(head, false)
}

/// The same, or by JupyterHub's own scheme `token`.
pub(super) fn hub_token(head: &RequestHead) -> Result<Option<Token<'_>>, Reason> {
    authorization_token(head, true)
}

fn authorization_token(head: &RequestHead, of_hub: bool) -> Result<Option<Token<'_>>, Reason> {
    let Some(value) = single(head, &AUTHORIZATION)? else {
        return Ok(None);
    };
    let (scheme, token) = value.split_once([' ', '\t']).unwrap_or((value, ""));
    let is = |name: &str| scheme.eq_ignore_ascii_case(name);
    if !(is("bearer") || is("basic") || of_hub && is("token")) {
        return Ok(None);
    }
    if value.as_bytes().get(scheme.len()) == Some(&b'\t') {
        return Err(Reason::Malformed("a tab follows the scheme in `Authorization`".into()));
    }
    if is("basic") {
        basic_token(token)
    } else {
        Token::new(token).map(Some)
    }
}

/// The value of a header that may be there once at most.
pub(super) fn single<'a>(head: &'a RequestHead, name: &HeaderName) -> Result<Option<&'a str>, Reason> {
    let mut values = head.headers.get_all(name);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Reason::Ambiguous);
    }
    // Bytes that are not text do not make a header absent.
    value
        .to_str()
        .map(Some)
        .map_err(|_| Reason::Malformed("a header that identifies the caller is not ASCII".into()))
}

fn is_token68(text: &str) -> bool {
    let text = text.trim_end_matches('=');
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

/// The token in a user's name or password: some clients can send nothing else.
fn basic_token(encoded: &str) -> Result<Option<Token<'static>>, Reason> {
    let malformed = || Reason::Malformed("`Authorization: Basic` does not hold one `user:password` in base64".into());
    if encoded.len() > MAX_TOKEN {
        return Err(Reason::Malformed("it is longer than 16 KiB".into()));
    }
    let decoded = STANDARD.decode(encoded).map_err(|_| malformed())?;
    let decoded = String::from_utf8(decoded).map_err(|_| malformed())?;
    let (user, password) = decoded.split_once(':').ok_or_else(malformed)?;
    if password.contains(':') {
        return Err(malformed());
    }
    let known = |field: &str| is_token68(field) && Token(field.into()).kind() != TokenKind::Opaque;
    let token = match (known(user), known(password)) {
        (true, true) if user != password => return Err(Reason::Ambiguous),
        (true, _) => user,
        (_, true) => password,
        // Nothing tells an opaque token from a name: it is in the password, unless that is only there to fill the field.
        (false, false) if password.is_empty() || password == FILLER => user,
        (false, false) => password,
    };
    Ok(is_token68(token).then(|| Token(token.to_owned().into())))
}

#[cfg(test)]
mod tests;
