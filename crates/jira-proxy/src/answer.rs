//! What Jira's answers say beside their status, and the one question that Cloud answers usefully only when asked in its
//! own way.

use http::{HeaderMap, StatusCode};
use proxy_core::upstream::Reception;

/// Jira says in `X-Seraph-LoginReason` whether the login was good, whatever the status: a resource may answer 401 to a
/// login that is, and an account that must solve a CAPTCHA first is answered 403.
pub(crate) fn reception(status: StatusCode, headers: &HeaderMap) -> Reception {
    let reason = headers
        .get("x-seraph-loginreason")
        .and_then(|reason| reason.to_str().ok());
    match reason {
        Some("OK") => Reception::Accepted,
        Some(failed) if failed.contains("AUTHENTICATION_DENIED") || failed.contains("AUTHENTICATED_FAILED") => {
            Reception::Rejected
        }
        _ => Reception::by_status(status),
    }
}

/// Jira Cloud answers for a file's bytes with a redirect to another host, which is not followed, unless it is told not to.
pub(crate) fn extra_query(path: &str, query: Option<&str>) -> Option<&'static str> {
    let mut segments = path.split('/');
    let file = segments.next() == Some("rest")
        && segments.next() == Some("api")
        && segments.next().is_some()
        && segments.next() == Some("attachment")
        && matches!(segments.next(), Some("content" | "thumbnail"));
    let said = query.is_some_and(|query| {
        query
            .split('&')
            .any(|parameter| parameter.split('=').next() == Some("redirect"))
    });
    (file && !said).then_some("redirect=false")
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode};
    use proxy_core::upstream::Reception;

    use super::{extra_query, reception};

    #[test]
    fn the_login_reason_counts_more_than_the_status() {
        for (status, reason, expected) in [
            (200, None, Reception::Accepted),
            (304, None, Reception::Accepted),
            (401, None, Reception::Rejected),
            (401, Some("OK"), Reception::Accepted),
            (401, Some("AUTHENTICATED_FAILED"), Reception::Rejected),
            (403, Some("AUTHENTICATION_DENIED"), Reception::Rejected),
            (403, None, Reception::Unsaid),
            (302, None, Reception::Unsaid),
            (500, None, Reception::Unsaid),
            (503, Some("OK"), Reception::Accepted),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(reason) = reason {
                headers.insert("x-seraph-loginreason", HeaderValue::from_static(reason));
            }
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(reception(status, &headers), expected, "{status} {reason:?}");
        }
    }

    #[test]
    fn a_file_of_cloud_is_asked_for_without_a_redirect() {
        for (path, query, expected) in [
            ("rest/api/3/attachment/content/1", None, Some("redirect=false")),
            (
                "rest/api/2/attachment/thumbnail/1",
                Some("width=9"),
                Some("redirect=false"),
            ),
            ("rest/api/3/attachment/content/1", Some("a=1&redirect=true"), None),
            ("rest/api/3/attachment/1", None, None),
            ("secure/attachment/1/content", None, None),
            ("rest/api/3/search", None, None),
        ] {
            assert_eq!(extra_query(path, query), expected, "{path}");
        }
    }
}
