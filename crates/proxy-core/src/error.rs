//! What can go wrong while serving, and its one mapping to HTTP.
//!
//! `Display` is what the caller may read: it names the upstream as configured, never an address or a cause. The other
//! fields are for the log, which records `Debug`.

use std::{borrow::Cow, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        Method, StatusCode,
        header::{self, HeaderValue},
    },
};
use serde_json::json;

use crate::problem::{self, ProblemType};

/// Why a credential was rejected, in words for its owner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The credential is not of the form that its kind has.
    #[error("the token is malformed: {0}")]
    Malformed(Cow<'static, str>),
    /// Two different credentials in one request: nobody can tell which one counts.
    #[error("the request carries two credentials that differ: send one")]
    Ambiguous,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// The platform does not know it, or no longer.
    #[error("the token is not known to the platform: it may have expired or been revoked")]
    Unknown,
    /// Good, but not meant for this service, or not to be believed.
    #[error("the token is not valid for this service: {0}")]
    Unacceptable(Cow<'static, str>),
}

/// Everything that a request may fail with.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's message says what it is")]
pub enum ProxyError {
    #[error("{0}")]
    BadRequest(Cow<'static, str>),
    #[error("no credential was sent")]
    Unauthenticated,
    #[error("{0}")]
    Rejected(Reason),
    #[error("the scope `{}` is missing", .scopes.join("`, `"))]
    InsufficientScope { scopes: Vec<String> },
    #[error("membership in the group `{}` is missing", .groups.join("`, `"))]
    InsufficientGroup { groups: Vec<String> },
    #[error("rule `{rule}` of the policy denies this request")]
    PolicyDenied { rule: String },
    /// A rule in a service's own code, about what the request says.
    #[error("rule `{rule}` of the policy denies this request: {what}")]
    ContentDenied {
        rule: &'static str,
        what: String,
        hint: String,
    },
    /// The platform itself says so.
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
    #[error("{0}")]
    NotFound(Cow<'static, str>),
    #[error("{0}")]
    NotRunning(Cow<'static, str>),
    #[error("{what}")]
    NoAddress {
        what: Cow<'static, str>,
        retry_after: Duration,
    },
    #[error("the method is not allowed here; allowed: {allow}")]
    MethodNotAllowed { allow: String },
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("the body must have exactly one Content-Type, and it must be {allowed}")]
    UnsupportedMedia { allowed: String },
    #[error("the target is longer than {limit} bytes")]
    UriTooLong { limit: usize },
    #[error("the head is larger than {limit} bytes")]
    HeadersTooLarge { limit: usize },
    #[error("the only expectation this service knows is `100-continue`")]
    ExpectationFailed,
    #[error("you have {limit} requests in progress, which is as many as one user may have")]
    TooManyRequests { limit: usize, retry_after: Duration },
    #[error("the service has as many requests in progress as it may have")]
    Busy { retry_after: Duration },
    #[error("you have {limit} tunnels (WebSockets) open, which is as many as one user may have")]
    TooManyTunnels { limit: usize, retry_after: Duration },
    #[error("{reason}")]
    NoTunnel {
        reason: &'static str,
        retry_after: Duration,
    },
    #[error("the only version of the WebSocket protocol here is 13")]
    WebSocketVersion,
    #[error("who you are cannot be checked now: the {kind} identity provider does not answer as it should")]
    CannotDecide { kind: &'static str, retry_after: Duration },
    #[error("the credential for upstream `{upstream}` cannot be read")]
    Credential { upstream: String, detail: String },
    #[error("upstream `{upstream}` cannot be reached")]
    Unreachable { upstream: String, detail: String },
    #[error("upstream `{upstream}` gave an answer that cannot be passed on: {reason}")]
    Invalid {
        upstream: String,
        reason: &'static str,
        detail: String,
    },
    #[error("upstream `{upstream}` did not answer in time")]
    Timeout { upstream: String },
    #[error("upstream `{upstream}` redirects to a place that is not allowed")]
    RedirectRefused { upstream: String, detail: String },
    #[error("upstream `{upstream}` rejected the service's own credential")]
    UpstreamCredentialRejected { upstream: String },
    #[error("the request failed for a reason that is in the service's log")]
    Internal { detail: String },
}

impl ProxyError {
    /// The kind of problem: status, title and page.
    #[must_use]
    pub fn problem(&self) -> &'static ProblemType {
        match self {
            Self::BadRequest(_) | Self::WebSocketVersion | Self::Rejected(Reason::Ambiguous) => &problem::BAD_REQUEST,
            Self::Unauthenticated => &problem::UNAUTHENTICATED,
            Self::Rejected(_) => &problem::INVALID_TOKEN,
            Self::InsufficientScope { .. } | Self::InsufficientGroup { .. } => &problem::INSUFFICIENT_SCOPE,
            Self::PolicyDenied { .. } | Self::ContentDenied { .. } => &problem::POLICY_DENIED,
            Self::Forbidden(_) => &problem::FORBIDDEN,
            Self::NotFound(_) => &problem::NOT_FOUND,
            Self::NotRunning(_) => &problem::NOT_RUNNING,
            Self::NoAddress { .. } => &problem::NO_ADDRESS,
            Self::MethodNotAllowed { .. } => &problem::METHOD_NOT_ALLOWED,
            Self::TooSlow => &problem::TOO_SLOW,
            Self::TooLarge { .. } => &problem::TOO_LARGE,
            Self::UnsupportedMedia { .. } => &problem::UNSUPPORTED_MEDIA_TYPE,
            Self::UriTooLong { .. } => &problem::URI_TOO_LONG,
            Self::HeadersTooLarge { .. } => &problem::HEADERS_TOO_LARGE,
            Self::ExpectationFailed => &problem::EXPECTATION_FAILED,
            Self::TooManyRequests { .. } | Self::TooManyTunnels { .. } => &problem::TOO_MANY_REQUESTS,
            Self::Busy { .. } | Self::NoTunnel { .. } => &problem::BUSY,
            Self::CannotDecide { .. } => &problem::IDENTITY_UNAVAILABLE,
            Self::Credential { .. } => &problem::CREDENTIAL_UNAVAILABLE,
            Self::Unreachable { .. } => &problem::UPSTREAM_UNREACHABLE,
            Self::Invalid { .. } => &problem::UPSTREAM_INVALID,
            Self::Timeout { .. } => &problem::UPSTREAM_TIMEOUT,
            Self::RedirectRefused { .. } => &problem::REDIRECT_REFUSED,
            Self::UpstreamCredentialRejected { .. } => &problem::UPSTREAM_CREDENTIAL_REJECTED,
            Self::Internal { .. } => &problem::INTERNAL,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { retry_after, .. }
            | Self::Busy { retry_after }
            | Self::NoAddress { retry_after, .. }
            | Self::TooManyTunnels { retry_after, .. }
            | Self::NoTunnel { retry_after, .. }
            | Self::CannotDecide { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }

    /// What only reads is read: GET and HEAD.
    ///
    /// # Errors
    /// `MethodNotAllowed`.
    pub fn unless_read(method: &Method) -> Result<(), Self> {
        Self::unless_one_of(method, &[Method::GET, Method::HEAD])
    }

    /// Nothing but these methods is allowed here.
    ///
    /// # Errors
    /// `MethodNotAllowed`.
    pub fn unless_one_of(method: &Method, methods: &[Method]) -> Result<(), Self> {
        if methods.contains(method) {
            return Ok(());
        }
        let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
        let allow = names.join(", ");
        Err(Self::MethodNotAllowed { allow })
    }

    /// What the reader does next.
    fn hint(&self) -> &str {
        match self {
            Self::ContentDenied { hint, .. } => hint,
            _ => self.problem().hint,
        }
    }

    /// RFC 6750, section 3; `realm` is the service's name. No `error` where no credential was sent.
    fn challenge(&self, realm: &str) -> Option<String> {
        match self {
            Self::Unauthenticated => Some(format!("Bearer realm=\"{realm}\"")),
            Self::Rejected(Reason::Ambiguous) => None,
            Self::Rejected(reason) => {
                let description = reason.to_string().replace(['"', '\\'], "'");
                Some(format!(
                    "Bearer realm=\"{realm}\", error=\"invalid_token\", error_description=\"{description}\""
                ))
            }
            Self::InsufficientScope { scopes } => {
                let scopes = scopes.join(" ");
                Some(format!(
                    "Bearer realm=\"{realm}\", error=\"insufficient_scope\", scope=\"{scopes}\""
                ))
            }
            Self::InsufficientGroup { .. }
            | Self::Forbidden(_)
            | Self::PolicyDenied { .. }
            | Self::ContentDenied { .. } => Some(format!("Bearer realm=\"{realm}\", error=\"insufficient_scope\"")),
            _ => None,
        }
    }

    /// The answer, for a caller of this service.
    #[must_use]
    pub fn to_response(&self, context: &ProblemContext<'_>) -> HttpResponse {
        let problem = self.problem();
        let mut body = json!({
            "type": format!("{}/{}", context.problems_url, problem.name),
            "title": problem.title,
            "status": problem.status,
            "detail": self.to_string(),
            "hint": self.hint(),
            "request_id": context.request_id,
        });
        if let Self::ContentDenied { what, hint, .. } = self {
            // Clients of the upstream that look no further than its own member for errors.
            body["error"] = json!(format!("{what}. {hint}"));
        }
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        if let Some(after) = self.retry_after() {
            let seconds = after.as_secs().max(1);
            body["retry_after"] = json!(seconds);
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        // A challenge holds the caller's own words at most within a description that has no quotes left.
        if let Some(challenge) = self
            .challenge(context.realm)
            .and_then(|text| HeaderValue::from_str(&text).ok())
        {
            response.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        if let Self::MethodNotAllowed { allow } = self {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        if let Self::WebSocketVersion = self {
            response.insert_header((header::SEC_WEBSOCKET_VERSION, "13")); // RFC 6455, 4.4
        }
        response.body(format!("{body}\n")) // a line of its own on a terminal
    }
}

/// What an error needs to know of the place where it is told.
#[derive(Clone, Copy, Debug)]
pub struct ProblemContext<'a> {
    /// URL, or path below the prefix, where the problem pages are; without a slash at its end.
    pub problems_url: &'a str,
    /// The service's name.
    pub realm: &'a str,
    /// The request's id.
    pub request_id: &'a str,
}

impl ResponseError for ProxyError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.problem().status).expect("the table of problems holds valid status codes")
    }

    /// Bare on purpose: `Service`'s outermost layer renders every error with [`ProxyError::to_response`].
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}
