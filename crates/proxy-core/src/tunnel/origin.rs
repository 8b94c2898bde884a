//! Whose page opens a WebSocket: browsers send cookies along whoever asks, and let every page ask. Pure.

use actix_http::RequestHead;
use actix_web::http::header::{HOST, HeaderValue, ORIGIN};

use crate::error::ProxyError;

/// Refuses a request that a foreign page may have made. For requests whose caller a cookie has proven
/// ([`Identity::by_cookie`](crate::auth::Identity::by_cookie)): a page can neither read nor set any other credential.
///
/// `allowed` are origins as browsers write them (`https://portal.example.org`), beside the one that the request was sent to.
///
/// # Errors
/// `ContentDenied` unless there is exactly one `Origin`, and it is this host or one of `allowed`.
pub fn check_origin(head: &RequestHead, allowed: &[impl AsRef<str>]) -> Result<(), ProxyError> {
    let mut origins = head.headers.get_all(ORIGIN).map(HeaderValue::to_str);
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    match (origins.next(), origins.next()) {
        (Some(Ok(origin)), None)
            if is_host(origin, host.unwrap_or_default()) || allowed.iter().any(|allowed| allowed.as_ref() == origin) =>
        {
            Ok(())
        }
        _ => Err(ProxyError::ContentDenied {
            rule: "origin",
            what: "a cookie says who you are, and the page that asks is not one that may use it".to_owned(),
            hint: "Open the page at the address of this service, or ask its operators to allow the page's origin. A program sends its token in `Authorization`, not in a cookie.".to_owned(),
        }),
    }
}

/// Whether `origin` is a page of `host`. A port that is the scheme's own may be written in `Host`; in `Origin` it never is.
fn is_host(origin: &str, host: &str) -> bool {
    let (authority, port) = match origin.split_once("://") {
        Some(("https", authority)) => (authority, ":443"),
        Some(("http", authority)) => (authority, ":80"),
        _ => return false,
    };
    !authority.is_empty() && (authority == host || Some(authority) == host.strip_suffix(port))
}

#[cfg(test)]
mod tests {
    use actix_web::{http::header, test::TestRequest};

    use super::*;

    fn check(host: &str, origins: &[&str]) -> bool {
        let request = TestRequest::get().insert_header((header::HOST, host));
        let request = origins.iter().fold(request, |request, origin| {
            request.append_header((header::ORIGIN, *origin))
        });
        let request = request.to_srv_request();
        check_origin(request.head(), &["https://portal.example.org"]).is_ok()
    }

    #[test]
    fn a_page_of_this_host_or_of_a_listed_one_may_ask() {
        for (host, origin) in [
            ("rsp.example.org", "https://rsp.example.org"),
            ("rsp.example.org", "http://rsp.example.org"),
            ("rsp.example.org:443", "https://rsp.example.org"),
            ("rsp.example.org:8443", "https://rsp.example.org:8443"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("rsp.example.org", "https://portal.example.org"),
        ] {
            assert!(check(host, &[origin]), "{origin} at {host}");
        }
    }

    #[test]
    fn no_other_page_may_nor_one_that_does_not_say_who_it_is() {
        let host = "rsp.example.org";
        let own = "https://rsp.example.org";
        for origins in [
            &[][..],
            &[""],
            &["null"],
            &["https://"],
            &[own, own],
            &["https://rsp.example.org.evil.org"],
            &["https://evil.org/#rsp.example.org"],
            &["https://rsp.example.org/"],
            &["https://rsp.example.org@evil.org"],
            &["https://RSP.example.org"],
            &["HTTPS://rsp.example.org"],
            &["https://rsp.example.org:444"],
            &["ftp://rsp.example.org"],
            &["rsp.example.org"],
            &["https://portal.example.org:8443"],
            &["http://portal.example.org"],
            &["https://rsp.example.org, https://evil.org"],
        ] {
            assert!(!check(host, origins), "{origins:?}");
        }
        assert!(!check("rsp.example.org:80", &[own]), "80 is not the port of https");
        assert!(!check("", &["https://"]), "an empty host is nobody's");
    }
}
