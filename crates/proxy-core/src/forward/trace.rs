//! W3C Trace Context: the caller's trace goes on, with this request as the parent of what follows.

use actix_web::http::header::{HeaderMap, HeaderName};
use http::HeaderValue;

const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// `traceparent` for the upstream, if the caller sent one that is well formed.
pub(super) fn continued(headers: &HeaderMap) -> Option<HeaderValue> {
    let parent = headers.get(TRACE_PARENT)?.to_str().ok()?;
    let hex = |text: &str, length| {
        text.len() == length
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let set = |text: &str| text.bytes().any(|byte| byte != b'0');
    let parts: Vec<&str> = parent.split('-').collect();
    let ["00", trace, span, flags] = parts.as_slice() else {
        return None;
    };
    if !(hex(trace, 32) && set(trace) && hex(span, 16) && set(span) && hex(flags, 2)) {
        return None;
    }
    let ours = uuid::Uuid::now_v7().simple().to_string();
    HeaderValue::from_str(&format!("00-{trace}-{}-{flags}", &ours[16..])).ok()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

    use super::continued;

    fn sent(parent: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(
            HeaderName::from_static("traceparent"),
            HeaderValue::from_str(parent).unwrap(),
        );
        continued(&headers).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_trace_goes_on_with_a_span_of_our_own() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let sent = sent(parent).unwrap();
        assert!(sent.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && sent.ends_with("-01"));
        assert_ne!(sent, parent);
        assert_eq!(sent.len(), parent.len());
    }

    #[test]
    fn a_malformed_trace_ends_here() {
        for parent in [
            "",
            "00",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        ] {
            assert_eq!(sent(parent), None, "{parent}");
        }
        assert_eq!(continued(&HeaderMap::new()), None);
    }
}
