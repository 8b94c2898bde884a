//! The id that ties together a request's audit event, log lines, answer and upstream request.

use actix_web::{
    HttpMessage,
    http::header::{HeaderMap, HeaderName, HeaderValue},
};
use uuid::{Uuid, fmt::Hyphenated};

use super::Record;

/// Longest id that is taken over from a caller.
const MAX_LENGTH: usize = 64;
/// The header that carries it, in and out.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The caller's own id if it is harmless (`[A-Za-z0-9-]{1,64}`), else a new UUID of version 7.
#[derive(Clone, Copy)]
pub struct RequestId {
    text: [u8; MAX_LENGTH],
    length: u8,
}

impl RequestId {
    /// A new one.
    #[must_use]
    pub fn generate() -> Self {
        let mut text = [0; MAX_LENGTH];
        Uuid::now_v7().hyphenated().encode_lower(&mut text);
        Self {
            text,
            length: Hyphenated::LENGTH as u8,
        }
    }

    /// The one that these headers ask for, or a new one.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let mut asked = headers.get_all(HEADER);
        match (asked.next(), asked.next()) {
            (Some(id), None) => Self::harmless(id.as_bytes()).unwrap_or_else(Self::generate),
            _ => Self::generate(),
        }
    }

    /// The id of a request: its record's, once it has one.
    #[must_use]
    pub fn of(request: &impl HttpMessage) -> Self {
        let known = request.extensions().get().map(|record: &Record| *record.request_id());
        known.unwrap_or_else(|| Self::from_headers(request.headers()))
    }

    fn harmless(id: &[u8]) -> Option<Self> {
        if id.is_empty() || !id.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-') {
            return None;
        }
        let mut text = [0; MAX_LENGTH];
        text.get_mut(..id.len())?.copy_from_slice(id);
        Some(Self {
            text,
            length: id.len() as u8,
        })
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..usize::from(self.length)]).unwrap_or_default()
    }

    /// As the value of `X-Request-Id`.
    ///
    /// # Panics
    /// Never: an id holds letters, digits and hyphens only.
    #[must_use]
    pub fn to_header_value(&self) -> HeaderValue {
        HeaderValue::from_str(self.as_str()).expect("letters, digits and hyphens are a header value")
    }
}

impl std::fmt::Debug for RequestId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{http::Method, test::TestRequest};

    use super::*;
    use crate::telemetry::audit::tests::desk;

    #[test]
    fn a_harmless_id_of_the_caller_is_kept() {
        let longest = "a".repeat(64);
        for id in ["1", "-", "0190b7a2-7c1e-7b3a-9f00-3d1f6e1c2a4b", "AbC-9", &longest] {
            let request = TestRequest::default().insert_header((HEADER, id)).to_http_request();
            assert_eq!(RequestId::of(&request).as_str(), id);
            assert_eq!(RequestId::of(&request).to_header_value(), id);
        }
    }

    #[test]
    fn any_other_id_is_replaced() {
        let too_long = "a".repeat(65);
        for id in ["", "a b", "a_b", "a.b", "a\tb", "é", "../x", "a,b", &too_long, "%0a"] {
            let value = HeaderValue::from_bytes(id.as_bytes()).unwrap();
            let request = TestRequest::default().insert_header((HEADER, value)).to_http_request();
            assert_eq!(
                Uuid::parse_str(RequestId::of(&request).as_str())
                    .unwrap()
                    .get_version_num(),
                7,
                "{id}"
            );
        }
    }

    #[test]
    fn two_ids_are_none() {
        let request = TestRequest::default()
            .append_header((HEADER, "a"))
            .append_header((HEADER, "b"))
            .to_http_request();
        assert_eq!(RequestId::of(&request).as_str().len(), 36);
    }

    #[test]
    fn a_request_keeps_its_records_id_and_two_requests_differ() {
        let request = TestRequest::default().to_http_request();
        assert_ne!(RequestId::of(&request).as_str(), RequestId::of(&request).as_str());
        let record = desk().record(Method::GET);
        request.extensions_mut().insert(record.clone());
        assert_eq!(RequestId::of(&request).as_str(), record.request_id().as_str());
    }
}
