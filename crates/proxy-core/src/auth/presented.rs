//! What a request presents, for services whose clients say it in ways of their own.

use std::borrow::Cow;

use actix_http::{
    RequestHead,
    header::{AUTHORIZATION, COOKIE, HeaderValue},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    bearer::{Token, single},
    gafaelfawr::DELEGATED,
};
use crate::error::{ProxyError, Reason};

/// A token of the platform, and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented<'h> {
    token: Token<'h>,
    /// Whether a cookie holds it, which browsers send whoever makes them ask.
    pub by_cookie: bool,
}

impl<'h> Presented<'h> {
    /// The token in `Authorization: Bearer`, else in the cookie `name`. What else `Authorization` holds is somebody else's.
    ///
    /// # Errors
    /// `Malformed` for what no token can be, `Ambiguous` for two `Authorization` headers or two cookies that differ.
    pub fn bearer_or_cookie(head: &'h RequestHead, name: &str) -> Result<Option<Self>, Reason> {
        if let Some(value) = single(head, &AUTHORIZATION)?
            && let Some(token) = of_bearer(value)
        {
            let token = Token::new(token)?;
            return Ok(Some(Self {
                token,
                by_cookie: false,
            }));
        }
        let mut values = cookies(head, name.as_bytes());
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.any(|other| other != value) {
            return Err(Reason::Ambiguous);
        }
        let text = std::str::from_utf8(value).map_err(|_| Reason::Malformed("it is no text".into()))?;
        let token = Token::new(text)?;
        Ok(Some(Self { token, by_cookie: true }))
    }

    /// The token that an ingress has added, which it may have taken a cookie for.
    ///
    /// # Errors
    /// `Malformed` and `Ambiguous`, as for the others.
    pub(crate) fn delegated(head: &'h RequestHead) -> Result<Option<Self>, Reason> {
        let token = single(head, &DELEGATED)?.map(Token::new).transpose()?;
        Ok(token.map(|token| Self { token, by_cookie: true }))
    }

    /// Whether the token in the cookie `name` is what the request presents. Nobody is asked whether it is any good.
    #[must_use]
    pub fn is_in_cookie(head: &'h RequestHead, name: &str) -> bool {
        Self::bearer_or_cookie(head, name).is_ok_and(|found| found.is_some_and(|found| found.by_cookie))
    }

    /// The token itself.
    #[must_use]
    pub fn token(&self) -> &str {
        self.token.as_str()
    }
}

/// The values of the cookie `name`. What another cookie of the line holds, perhaps no text, is that cookie's own affair.
fn cookies<'h>(head: &'h RequestHead, name: &[u8]) -> impl Iterator<Item = &'h [u8]> {
    let lines = head.headers.get_all(COOKIE).map(HeaderValue::as_bytes);
    lines
        .flat_map(|line| line.split(|byte| *byte == b';'))
        .filter_map(move |pair| {
            let equals = pair.iter().position(|byte| *byte == b'=')?;
            let (found, value) = (pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii());
            (found == name).then_some(value)
        })
}

/// The token of `Bearer …`, whatever it is.
pub(crate) fn of_bearer(authorization: &str) -> Option<&str> {
    let authorization = authorization.trim();
    let (scheme, token) = authorization.split_once([' ', '\t']).unwrap_or((authorization, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The request as every scheme reads it, with this token as `Bearer` and no other `Authorization`.
#[must_use]
pub fn presented_as_bearer(head: &RequestHead, token: Option<&str>) -> RequestHead {
    let mut head = head.clone();
    head.headers.remove(AUTHORIZATION);
    if let Some(mut value) = token.and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok()) {
        value.set_sensitive(true);
        head.headers.insert(AUTHORIZATION, value);
    }
    head
}

/// The request as every scheme reads it: a user and password that were found elsewhere (in the query) become `Basic`, and so
/// does `Token user:password`; `Token …` becomes `Bearer …`.
///
/// # Errors
/// `Rejected` where both are there, or what was found can be no header.
pub fn presented_as_basic(
    head: &RequestHead,
    found: Option<(String, String)>,
) -> Result<Cow<'_, RequestHead>, ProxyError> {
    let sent = head.headers.get(AUTHORIZATION);
    let value = match (found, sent.map(token)) {
        (Some(_), Some(_)) => return Err(ProxyError::Rejected(Reason::Ambiguous)),
        (Some((user, password)), None) => basic(&user, &password),
        (None, Some(Some(value))) => value,
        (None, _) => return Ok(Cow::Borrowed(head)),
    };
    let malformed = |_| ProxyError::Rejected(Reason::Malformed("it is no text".into()));
    let mut value = HeaderValue::from_str(&value).map_err(malformed)?;
    value.set_sensitive(true);
    let mut head = head.clone();
    // A second `Authorization` stays: then it is still ambiguous.
    if head.headers.get_all(AUTHORIZATION).count() <= 1 {
        head.headers.insert(AUTHORIZATION, value);
    }
    Ok(Cow::Owned(head))
}

/// What `Token …` means: a token, or `user:password`.
fn token(sent: &HeaderValue) -> Option<String> {
    let (scheme, token) = sent.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("token") {
        return None;
    }
    Some(match token.split_once(':') {
        Some((user, password)) => basic(user, password),
        None => format!("Bearer {token}"),
    })
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

#[cfg(test)]
mod tests {
    use actix_http::header::HeaderValue;

    use super::*;

    fn head(sent: &[&'static str]) -> RequestHead {
        let mut head = RequestHead::default();
        for value in sent {
            head.headers.append(AUTHORIZATION, HeaderValue::from_static(value));
        }
        head
    }

    fn read(sent: &[&'static str], found: Option<(&str, &str)>) -> Result<Vec<String>, String> {
        let found = found.map(|(user, password)| (user.to_owned(), password.to_owned()));
        let head = head(sent);
        let read = presented_as_basic(&head, found).map_err(|error| error.to_string())?;
        let all = read.headers.get_all(AUTHORIZATION);
        Ok(all.map(|value| value.to_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn other_ways_to_present_a_token_become_those_that_every_scheme_reads() {
        let one = |text: &str| Ok(vec![text.to_owned()]);
        assert_eq!(read(&[], None), Ok(vec![]));
        assert_eq!(read(&["Bearer a"], None), one("Bearer a"));
        assert_eq!(read(&["tOkEn a.b"], None), one("Bearer a.b"));
        assert_eq!(read(&["Token u:p:q"], None), one("Basic dTpwOnE="));
        assert_eq!(read(&[], Some(("u", "p"))), one("Basic dTpw"));
    }

    #[test]
    fn a_bearer_counts_before_the_cookie_and_other_schemes_are_somebody_elses() {
        let found = |authorization: &[&'static str], cookies: &[&'static str]| {
            let mut head = head(authorization);
            for line in cookies {
                head.headers.append(COOKIE, HeaderValue::from_static(line));
            }
            let found = Presented::bearer_or_cookie(&head, "access_token").map_err(|reason| reason.to_string())?;
            Ok::<_, String>(found.map(|found| (found.token().to_owned(), found.by_cookie)))
        };
        let some = |token: &str, by_cookie| Ok(Some((token.to_owned(), by_cookie)));
        assert_eq!(found(&["bEARER   a.b "], &["access_token=c"]), some("a.b", false));
        assert_eq!(found(&["token x"], &["_xsrf=1; access_token=c; a=b"]), some("c", true));
        assert_eq!(found(&["Basic x"], &["a=b", "access_token=c"]), some("c", true));
        assert_eq!(found(&["token x"], &["Access_token=c; xaccess_token=d"]), Ok(None));
        assert_eq!(found(&[], &["access_token=c;access_token=c"]), some("c", true));
        assert!(
            found(&[], &["access_token=c", "access_token=d"])
                .unwrap_err()
                .contains("two credentials")
        );
        assert!(
            found(&["Bearer a", "token b"], &[])
                .unwrap_err()
                .contains("two credentials")
        );
        assert!(found(&["Bearer"], &["access_token=c"]).unwrap_err().contains("empty"));
        assert!(found(&["Bearer a b"], &[]).is_err() && found(&[], &["access_token="]).is_err());
    }

    #[test]
    fn what_a_cookie_beside_the_token_holds_does_not_matter() {
        let found = |lines: &[&[u8]]| {
            let mut head = RequestHead::default();
            for line in lines {
                head.headers.append(COOKIE, HeaderValue::from_bytes(line).unwrap());
            }
            let found = Presented::bearer_or_cookie(&head, "access_token").map_err(|reason| reason.to_string())?;
            Ok::<_, String>(found.map(|found| found.token().to_owned()))
        };
        let c = Ok(Some("c".to_owned()));
        assert_eq!(found(&[b"name=J\xc3\xbcrgen; access_token=c; a=\xff"]), c);
        assert_eq!(found(&[b"\xff\xfe; access_token=c"]), c);
        assert_eq!(found(&[b"a=\xff;access_token=c", b"access_token=c"]), c);
        let two = found(&[b"a=\xff; access_token=c", b"access_token=d"]);
        assert!(
            two.unwrap_err().contains("two credentials"),
            "neither of them is hidden"
        );
        for other in [&b"\xc2\xa0access_token=c"[..], b"access_token\xff=c", b"a=\xff"] {
            assert_eq!(found(&[other]), Ok(None));
        }
        for bad in [&b"access_token=c\xff"[..], "access_token=\u{a0}c".as_bytes()] {
            assert!(found(&[bad]).is_err());
        }
    }

    #[test]
    fn two_credentials_are_never_made_one() {
        assert!(
            read(&["Bearer a"], Some(("u", "p")))
                .unwrap_err()
                .contains("two credentials")
        );
        assert!(read(&["Token a"], Some(("u", "p"))).is_err());
        assert_eq!(read(&["Token a", "Token b"], None).unwrap().len(), 2);
    }
}
