//! What a request presents, for services whose clients say it in ways of their own.

use std::borrow::Cow;

use actix_http::{
    RequestHead,
    header::{AUTHORIZATION, HeaderValue},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::error::{ProxyError, Reason};

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
